/* The Levenshtein distance of two strings, in Unicode scalar values: the program of program.ts, in C. */
#include "veracruz.h"

typedef struct {
  uint32_t *values;
  uint32_t count;
} scalars;

/* The scalar values of input `index`, a String. */
static vc_code read_scalars(uint32_t index, scalars *out) {
  vc_bytes input;
  vc_code code = vc_input(index, &input);
  if (code != VC_SUCCESS) return code;
  vc_reader reader = vc_read(input);
  vc_bytes text = vc_read_string(&reader);
  if (reader.failed) return VC_BAD_INPUT;
  out->values = calloc(text.length, sizeof(uint32_t));
  if (!out->values) return VC_GENERIC;
  out->count = 0;
  /* It is well-formed UTF-8: the reader has seen to that. */
  for (uint32_t i = 0; i < text.length;) {
    uint8_t lead = text.data[i++];
    uint32_t more = lead < 0x80 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    uint32_t value = more == 0 ? lead : lead & (0x3f >> more);
    for (; more > 0; more--) value = value << 6 | (text.data[i++] & 0x3f);
    out->values[out->count++] = value;
  }
  return VC_SUCCESS;
}

static uint32_t least(uint32_t one, uint32_t other) { return one < other ? one : other; }

/* One row of the table of prefixes' distances at a time (Wagner and Fischer); `row` has across.count + 1. */
static uint32_t edit_distance(scalars down, scalars across, uint32_t *row) {
  for (uint32_t j = 0; j <= across.count; j++) row[j] = j;
  for (uint32_t i = 0; i < down.count; i++) {
    uint32_t diagonal = row[0], left = i + 1;
    row[0] = left;
    for (uint32_t j = 0; j < across.count; j++) {
      uint32_t above = row[j + 1];
      uint32_t replaced = diagonal + (down.values[i] != across.values[j]);
      left = least(replaced, least(above, left) + 1);
      row[j + 1] = left;
      diagonal = above;
    }
  }
  return row[across.count];
}

int main(void) {
  scalars first, second;
  vc_code code = vc_require_inputs(2);
  if (code == VC_SUCCESS) code = read_scalars(0, &first);
  if (code == VC_SUCCESS) code = read_scalars(1, &second);
  if (code != VC_SUCCESS) return code;
  uint32_t *row = calloc((size_t)second.count + 1, sizeof(uint32_t));
  if (!row) return VC_GENERIC;
  uint8_t buffer[8];
  vc_writer result = vc_write_to(buffer, sizeof buffer);
  vc_write_u64(&result, edit_distance(first, second, row));
  return vc_output(&result);
}
