/* Noisy counts of people in bins (differential privacy): the program of program.ts, in C. */
#include "veracruz.h"

enum { MOST_BINS = 65536, MOST = 1000 };

/* The first failure of the random source; every draw after it gives 0. */
static vc_code failure = VC_SUCCESS;

static uint32_t below(uint32_t bound) {
  uint32_t drawn;
  vc_code code = vc_random_below(bound, &drawn);
  if (code == VC_SUCCESS) return drawn;
  failure = code;
  return 0;
}

/* True with probability exp(-part/whole), for part <= whole. */
static bool exponential(uint32_t part, uint32_t whole) {
  uint32_t k = 1;
  while (failure == VC_SUCCESS && below(whole * k) < part) k++;
  return k & 1;
}

/* Discrete Laplace noise: z with a probability in proportion to exp(-|z| numerator/denominator). */
static int64_t laplace(uint32_t numerator, uint32_t denominator) {
  while (failure == VC_SUCCESS) {
    uint32_t offset = below(denominator);
    if (!exponential(offset, denominator)) continue;
    uint64_t turns = 0;
    while (failure == VC_SUCCESS && exponential(1, 1)) turns++;
    uint64_t magnitude = (offset + turns * denominator) / numerator;
    bool negative = below(2) == 1;
    if (negative && magnitude == 0) continue;
    return negative ? -(int64_t)magnitude : (int64_t)magnitude;
  }
  return 0;
}

int main(void) {
  uint32_t inputs;
  vc_bytes input;
  vc_code code = vc_input_count(&inputs);
  if (code != VC_SUCCESS) return code;
  if (inputs < 2) return VC_DATA_SOURCE_COUNT;
  code = vc_input(0, &input);
  if (code != VC_SUCCESS) return code;
  vc_reader reader = vc_read(input);
  uint32_t bins = vc_read_u32(&reader);
  uint32_t numerator = vc_read_u32(&reader), denominator = vc_read_u32(&reader);
  if (reader.failed || bins == 0 || bins > MOST_BINS) return VC_BAD_INPUT;
  if (numerator == 0 || numerator > MOST || denominator == 0 || denominator > MOST)
    return VC_BAD_INPUT;

  int64_t *counts = calloc(bins, sizeof(int64_t));
  if (!counts) return VC_GENERIC;
  for (uint32_t index = 1; index < inputs; index++) {
    code = vc_input(index, &input);
    if (code != VC_SUCCESS) return code;
    reader = vc_read(input);
    uint32_t people = vc_read_count(&reader, sizeof(uint32_t));
    for (uint32_t i = 0; i < people; i++) {
      uint32_t bin = vc_read_u32(&reader);
      if (bin >= bins) return VC_BAD_INPUT;
      counts[bin]++;
    }
    if (reader.failed) return VC_BAD_INPUT;
  }
  vc_writer result = vc_write();
  vc_write_varint(&result, bins);
  for (uint32_t bin = 0; bin < bins; bin++)
    vc_write_i64(&result, counts[bin] + laplace(numerator, denominator));
  if (failure != VC_SUCCESS) return failure;
  vc_write_u32(&result, numerator);
  vc_write_u32(&result, denominator);
  return vc_output(&result);
}
