/* A straight line through the points of all inputs, by least squares: the program of program.ts, in C. */
#include "veracruz.h"

typedef struct {
  double x, y;
} pair;

/* The points of input `index`, as a reader that stands before the first, and their count. */
static vc_code points_of(const vc_bytes *input, vc_reader *reader, uint32_t *count) {
  *reader = vc_read(*input);
  *count = vc_read_count(reader, sizeof(pair));
  return reader->failed ? VC_BAD_INPUT : VC_SUCCESS;
}

static pair next_point(vc_reader *reader) {
  pair point;
  point.x = vc_read_f64(reader);
  point.y = vc_read_f64(reader);
  return point;
}

/* Infinities and NaN less themselves are no zero. */
static bool is_finite(double value) { return value - value == 0; }

int main(void) {
  uint32_t providers, count;
  vc_reader reader;
  vc_code code = vc_input_count(&providers);
  if (code != VC_SUCCESS) return code;
  if (providers == 0) return VC_DATA_SOURCE_COUNT;
  vc_bytes *inputs = calloc(providers, sizeof(vc_bytes));
  if (!inputs) return VC_GENERIC;

  pair mean = {0, 0};
  double points = 0;
  for (uint32_t index = 0; index < providers; index++) {
    code = vc_input(index, inputs + index);
    if (code == VC_SUCCESS) code = points_of(inputs + index, &reader, &count);
    if (code != VC_SUCCESS) return code;
    for (uint32_t i = 0; i < count; i++) {
      pair point = next_point(&reader);
      mean.x += point.x;
      mean.y += point.y;
    }
    points += count;
  }
  mean.x /= points;
  mean.y /= points;

  /* Sums of products of the distances from the means: they cancel less than sums of raw products do. */
  pair products = {0, 0};
  for (uint32_t index = 0; index < providers; index++) {
    points_of(inputs + index, &reader, &count);
    for (uint32_t i = 0; i < count; i++) {
      pair point = next_point(&reader);
      double dx = point.x - mean.x;
      products.x += dx * dx;
      products.y += dx * (point.y - mean.y);
    }
  }
  double gradient = products.y / products.x;
  double intercept = mean.y - gradient * mean.x;
  /* No points, one x only, an infinity or a NaN: none of them leaves a finite gradient and intercept. */
  if (!is_finite(gradient) || !is_finite(intercept)) return VC_BAD_INPUT;
  uint8_t buffer[16];
  vc_writer result = vc_write_to(buffer, sizeof buffer);
  vc_write_f64(&result, gradient);
  vc_write_f64(&result, intercept);
  return vc_output(&result);
}
