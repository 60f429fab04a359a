#include "hcalls.h"

#include <string.h>

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
  m3ApiReturn(0);
}

// Streams and the previous result: there are none.
m3ApiRawFunction(none) {
  m3ApiReturnType(int32_t);
  m3ApiGetArgMem(uint32_t *, out);
  m3ApiCheckMem(out, 4);
  *out = 0;
  m3ApiReturn(0);
}

m3ApiRawFunction(input_size) {
  m3ApiReturnType(int32_t);
  m3ApiGetArg(uint32_t, index);
  m3ApiGetArgMem(uint32_t *, out);
  m3ApiCheckMem(out, 4);
  if (index >= input_count) m3ApiReturn(-4);
  *out = inputs[index].length;
  m3ApiReturn(0);
}

m3ApiRawFunction(read_input) {
  m3ApiReturnType(int32_t);
  m3ApiGetArg(uint32_t, index);
  m3ApiGetArgMem(uint8_t *, buffer);
  m3ApiGetArg(uint32_t, capacity);
  if (index >= input_count) m3ApiReturn(-4);
  if (capacity < inputs[index].length) m3ApiReturn(-3);
  m3ApiCheckMem(buffer, inputs[index].length);
  memcpy(buffer, inputs[index].bytes, inputs[index].length);
  m3ApiReturn(0);
}

m3ApiRawFunction(write_output) {
  m3ApiReturnType(int32_t);
  m3ApiGetArgMem(const uint8_t *, bytes);
  m3ApiGetArg(uint32_t, length);
  m3ApiCheckMem(bytes, length);
  if (length > sizeof output) m3ApiReturn(-1);
  memcpy(output, bytes, length);
  m3ApiReturn(0);
}

m3ApiRawFunction(getrandom) {
  m3ApiReturnType(int32_t);
  m3ApiGetArgMem(uint8_t *, out);
  m3ApiGetArg(uint32_t, length);
  m3ApiCheckMem(out, length);
  bench_random(out, length);
  m3ApiReturn(0);
}

M3Result hcalls_link(IM3Module module) {
  static const struct {
    const char *name, *signature;
    M3RawCall function;
  } hcalls[] = {
      {"__veracruz_hcall_input_count", "i(*)", count_inputs},
      {"__veracruz_hcall_input_size", "i(i*)", input_size},
      {"__veracruz_hcall_read_input", "i(i*i)", read_input},
      {"__veracruz_hcall_stream_count", "i(*)", none},
      {"__veracruz_hcall_has_previous_result", "i(*)", none},
      {"__veracruz_hcall_previous_result_size", "i(*)", none},
      {"__veracruz_hcall_write_output", "i(*i)", write_output},
      {"__veracruz_hcall_getrandom", "i(*i)", getrandom},
  };
  for (size_t i = 0; i < sizeof hcalls / sizeof hcalls[0]; i++) {
    M3Result result = m3_LinkRawFunction(module, "env", hcalls[i].name, hcalls[i].signature,
                                         hcalls[i].function);
    if (result && result != m3Err_functionLookupFailed) return result;
  }
  return m3Err_none;
}
