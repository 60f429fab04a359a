/* Which persons are in every one of the sets: the program of program.ts, in C. */
#include "veracruz.h"

typedef struct {
  vc_bytes name, employee_id;
  uint8_t age, grade;
} person;

typedef struct {
  person *persons;
  uint32_t count;
} set;

/* Below 0, 0 or above 0; by name, employee id, age, grade. */
static int compare(const void *one, const void *other) {
  const person *a = one, *b = other;
  int order = vc_compare(a->name, b->name);
  if (order == 0) order = vc_compare(a->employee_id, b->employee_id);
  if (order == 0) order = a->age - b->age;
  return order == 0 ? a->grade - b->grade : order;
}

static vc_code read_set(uint32_t index, set *out) {
  vc_bytes input;
  vc_code code = vc_input(index, &input);
  if (code != VC_SUCCESS) return code;
  vc_reader reader = vc_read(input);
  /* Two empty texts and two bytes. */
  out->count = vc_read_count(&reader, 4);
  out->persons = calloc(out->count, sizeof(person));
  if (!out->persons) return VC_GENERIC;
  for (uint32_t i = 0; i < out->count && !reader.failed; i++) {
    person *next = out->persons + i;
    next->name = vc_read_string(&reader);
    next->employee_id = vc_read_string(&reader);
    next->age = vc_read_u8(&reader);
    next->grade = vc_read_u8(&reader);
  }
  if (reader.failed) return VC_BAD_INPUT;
  vc_sort(out->persons, out->count, sizeof(person), compare);
  return VC_SUCCESS;
}

/* Keeps those of the ordered set `one` that are in the ordered set `other` too, each once. */
static void intersect(set *one, const set *other) {
  uint32_t kept = 0, j = 0;
  for (uint32_t i = 0; i < one->count; i++) {
    const person *candidate = one->persons + i;
    while (j < other->count && compare(other->persons + j, candidate) < 0) j++;
    if (j == other->count) break;
    bool repeated = kept > 0 && compare(one->persons + kept - 1, candidate) == 0;
    if (!repeated && compare(other->persons + j, candidate) == 0) one->persons[kept++] = *candidate;
  }
  one->count = kept;
}

int main(void) {
  uint32_t count;
  vc_code code = vc_input_count(&count);
  if (code != VC_SUCCESS) return code;
  if (count < 2) return VC_DATA_SOURCE_COUNT;
  set common = {NULL, 0};
  for (uint32_t index = 0; index < count; index++) {
    set next;
    code = read_set(index, &next);
    if (code != VC_SUCCESS) return code;
    if (index == 0) common = next;
    else intersect(&common, &next);
  }
  vc_writer result = vc_write();
  vc_write_varint(&result, common.count);
  for (uint32_t i = 0; i < common.count; i++) {
    vc_write_bytes(&result, common.persons[i].name);
    vc_write_bytes(&result, common.persons[i].employee_id);
    vc_write_u8(&result, common.persons[i].age);
    vc_write_u8(&result, common.persons[i].grade);
  }
  return vc_output(&result);
}
