/* The sum of one party's numbers over those whom all parties know: the program of program.ts, in C. */
#include "veracruz.h"

typedef struct {
  uint64_t id, value;
} entry;

static int compare(const void *one, const void *other) {
  uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;
  return a < b ? -1 : a > b;
}

static bool holds(const uint64_t *ids, uint32_t count, uint64_t id) {
  uint32_t low = 0, high = count;
  while (low < high) {
    uint32_t middle = (low + high) / 2;
    if (ids[middle] < id) low = middle + 1;
    else high = middle;
  }
  return low < count && ids[low] == id;
}

int main(void) {
  uint32_t inputs, left;
  vc_bytes input;
  vc_code code = vc_input_count(&inputs);
  if (code != VC_SUCCESS) return code;
  if (inputs < 2) return VC_DATA_SOURCE_COUNT;
  code = vc_input(0, &input);
  if (code != VC_SUCCESS) return code;
  vc_reader reader = vc_read(input);
  left = vc_read_count(&reader, sizeof(entry));
  entry *entries = calloc(left, sizeof(entry));
  if (!entries) return VC_GENERIC;
  for (uint32_t i = 0; i < left; i++) {
    entries[i].id = vc_read_u64(&reader);
    entries[i].value = vc_read_u64(&reader);
  }
  if (reader.failed) return VC_BAD_INPUT;

  for (uint32_t index = 1; index < inputs; index++) {
    code = vc_input(index, &input);
    if (code != VC_SUCCESS) return code;
    reader = vc_read(input);
    uint32_t count = vc_read_count(&reader, sizeof(uint64_t));
    uint64_t *ids = calloc(count, sizeof(uint64_t));
    if (!ids) return VC_GENERIC;
    for (uint32_t i = 0; i < count; i++) ids[i] = vc_read_u64(&reader);
    if (reader.failed) return VC_BAD_INPUT;
    vc_sort(ids, count, sizeof(uint64_t), compare);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < left; i++)
      if (holds(ids, count, entries[i].id)) entries[kept++] = entries[i];
    left = kept;
  }
  uint64_t sum = 0;
  for (uint32_t i = 0; i < left; i++)
    if (__builtin_add_overflow(sum, entries[i].value, &sum)) return VC_INVARIANT_FAILED;
  uint8_t buffer[16];
  vc_writer result = vc_write_to(buffer, sizeof buffer);
  vc_write_u64(&result, left);
  vc_write_u64(&result, sum);
  return vc_output(&result);
}
