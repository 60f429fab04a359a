#include "native-code.h"

#include <stdbool.h>

#include "../../module/compiled-module.h"

enum { WORDS_MAX = 32 };

// A trap leaves by way of the bench's own entry (main.c).
bool module_call(void (*body)(void *), void *argument) {
  body(argument);
  return true;
}

uint64_t bench_call_native(const struct native_module *module, uint32_t which, const char *type,
                           const uint64_t *arguments) {
  uint32_t words[WORDS_MAX], result[2], count = 0;
  for (; *type != ':' && count < WORDS_MAX - 1; type++, arguments++) {
    words[count++] = (uint32_t)*arguments;
    if (*type == 'I' || *type == 'F') words[count++] = (uint32_t)(*arguments >> 32);
  }
  native_call(module, which, count, words, result);
  const bool wide = type[1] == 'I' || type[1] == 'F';
  return wide ? (uint64_t)result[1] << 32 | result[0] : result[0];
}

uint8_t *bench_native_slice(const struct native_module *module, uint32_t address, uint32_t length) {
  uint8_t *bytes = native_memory(module, address, length);
  if (!bytes) wasm_rt_trap(WASM_RT_TRAP_OOB);
  return bytes;
}
