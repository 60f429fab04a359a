#include "hcalls.h"

#include <string.h>

#include "hcall-definitions.h"
#include "module.h"

enum { INPUTS_MAX = 16, OUTPUT_MAX = 65536 };

static struct {
  const uint8_t *bytes;
  uint32_t length;
} inputs[INPUTS_MAX];
static uint32_t input_count;
static uint8_t output[OUTPUT_MAX];

void hcalls_add_input(const uint8_t *bytes, uint32_t length) {
  if (input_count == INPUTS_MAX) return;
  inputs[input_count].bytes = bytes;
  inputs[input_count++].length = length;
}

m3ApiRawFunction(count_inputs) {
  m3ApiReturnType(int32_t);
  m3ApiGetArgMem(uint32_t *, out);
  m3ApiCheckMem(out, 4);
  *out = input_count;
  m3ApiReturn(CODE_SUCCESS);
}

// Streams and the previous result: there are none.
m3ApiRawFunction(none) {
  m3ApiReturnType(int32_t);
  m3ApiGetArgMem(uint32_t *, out);
  m3ApiCheckMem(out, 4);
  *out = 0;
  m3ApiReturn(CODE_SUCCESS);
}

m3ApiRawFunction(input_size) {
  m3ApiReturnType(int32_t);
  m3ApiGetArg(uint32_t, index);
  m3ApiGetArgMem(uint32_t *, out);
  m3ApiCheckMem(out, 4);
  if (index >= input_count) m3ApiReturn(CODE_BAD_INPUT);
  *out = inputs[index].length;
  m3ApiReturn(CODE_SUCCESS);
}

m3ApiRawFunction(read_input) {
  m3ApiReturnType(int32_t);
  m3ApiGetArg(uint32_t, index);
  m3ApiGetArgMem(uint8_t *, buffer);
  m3ApiGetArg(uint32_t, capacity);
  if (index >= input_count) m3ApiReturn(CODE_BAD_INPUT);
  if (capacity < inputs[index].length) m3ApiReturn(CODE_DATA_SOURCE_SIZE);
  m3ApiCheckMem(buffer, inputs[index].length);
  memcpy(buffer, inputs[index].bytes, inputs[index].length);
  m3ApiReturn(CODE_SUCCESS);
}

m3ApiRawFunction(write_output) {
  m3ApiReturnType(int32_t);
  m3ApiGetArgMem(const uint8_t *, bytes);
  m3ApiGetArg(uint32_t, length);
  m3ApiCheckMem(bytes, length);
  if (length > sizeof output) m3ApiReturn(CODE_GENERIC);
  memcpy(output, bytes, length);
  m3ApiReturn(CODE_SUCCESS);
}

m3ApiRawFunction(getrandom) {
  m3ApiReturnType(int32_t);
  m3ApiGetArgMem(uint8_t *, out);
  m3ApiGetArg(uint32_t, length);
  m3ApiCheckMem(out, length);
  bench_random(out, length);
  m3ApiReturn(CODE_SUCCESS);
}

// What serves each H-call, by its number; those that are not here trap.
static const struct {
  const char *signature;
  M3RawCall function;
} served[] = {
    [HCALL_INPUT_COUNT] = {"i(*)", count_inputs},
    [HCALL_INPUT_SIZE] = {"i(i*)", input_size},
    [HCALL_READ_INPUT] = {"i(i*i)", read_input},
    [HCALL_STREAM_COUNT] = {"i(*)", none},
    [HCALL_HAS_PREVIOUS_RESULT] = {"i(*)", none},
    [HCALL_PREVIOUS_RESULT_SIZE] = {"i(*)", none},
    [HCALL_WRITE_OUTPUT] = {"i(*i)", write_output},
    [HCALL_GETRANDOM] = {"i(*i)", getrandom},
};

M3Result hcalls_link(IM3Module module) {
#define NAME(number, name, parameters) [number] = name,
  static const char *const names[] = {HCALLS(NAME)};
  for (size_t i = 0; i < sizeof served / sizeof served[0]; i++) {
    if (!served[i].function) continue;
    M3Result result =
        m3_LinkRawFunction(module, "env", names[i], served[i].signature, served[i].function);
    if (result && result != m3Err_functionLookupFailed) return result;
  }
  return m3Err_none;
}
