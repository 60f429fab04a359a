/* A logistic model of all providers' records, by gradient descent: the program of program.ts, in C. */
#include "veracruz.h"

enum { STEPS = 50 };

typedef struct {
  bool label;
  const uint8_t *factors;
} sample;

typedef struct {
  sample *samples;
  uint32_t count;
} provider;

/* A polynomial in place of 1 / (1 + e^-x). */
static double sigmoid(double x) { return 0.5 + 0.197 * x - 0.004 * x * x * x; }

/* A number in an input, where nothing is aligned. */
static double factor(const sample *of, uint32_t index) {
  double value;
  __builtin_memcpy(&value, of->factors + 8 * index, sizeof value);
  return value;
}

static vc_code read_provider(uint32_t index, provider *out, uint32_t *width) {
  vc_bytes input;
  vc_code code = vc_input(index, &input);
  if (code != VC_SUCCESS) return code;
  vc_reader reader = vc_read(input);
  out->count = vc_read_count(&reader, 2);
  out->samples = calloc(out->count, sizeof(sample));
  if (!out->samples) return VC_GENERIC;
  bool even = true;
  for (uint32_t i = 0; i < out->count; i++) {
    out->samples[i].label = vc_read_bool(&reader);
    uint32_t length = vc_read_count(&reader, sizeof(double));
    out->samples[i].factors = vc_read_raw(&reader, length * sizeof(double));
    if (*width == 0) *width = length;
    even = even && length != 0 && length == *width;
  }
  return reader.failed || !even ? VC_BAD_INPUT : VC_SUCCESS;
}

int main(void) {
  uint32_t count, width = 0;
  double samples = 0;
  vc_code code = vc_input_count(&count);
  if (code != VC_SUCCESS) return code;
  if (count == 0) return VC_DATA_SOURCE_COUNT;
  provider *providers = calloc(count, sizeof(provider));
  if (!providers) return VC_GENERIC;
  for (uint32_t index = 0; index < count; index++) {
    code = read_provider(index, providers + index, &width);
    if (code != VC_SUCCESS) return code;
    samples += providers[index].count;
  }
  if (samples == 0) return VC_BAD_INPUT;

  double *model = calloc(width + 1, sizeof(double)), *slope = calloc(width + 1, sizeof(double));
  if (!model || !slope) return VC_GENERIC;
  for (int step = 0; step < STEPS; step++) {
    memset(slope, 0, (width + 1) * sizeof(double));
    for (uint32_t index = 0; index < count; index++) {
      for (uint32_t i = 0; i < providers[index].count; i++) {
        const sample *each = providers[index].samples + i;
        double sum = model[0];
        for (uint32_t j = 0; j < width; j++) sum += model[j + 1] * factor(each, j);
        double miss = (each->label ? 1.0 : 0.0) - sigmoid(sum);
        slope[0] += miss;
        for (uint32_t j = 0; j < width; j++) slope[j + 1] += miss * factor(each, j);
      }
    }
    for (uint32_t j = 0; j <= width; j++) model[j] += 0.5 * slope[j] / samples;
  }
  vc_writer result = vc_write();
  vc_write_varint(&result, width + 1);
  for (uint32_t j = 0; j <= width; j++) {
    /* Infinities and NaN less themselves are no zero. */
    if (model[j] - model[j] != 0) return VC_BAD_INPUT;
    vc_write_f64(&result, model[j]);
  }
  return vc_output(&result);
}
