// The platform interface but for programs (programs.c) and the root of trust: random numbers, debug
// output, what this home can take.
//
// Pointers come from the trusted runtime; one that lies outside of its memory is a bug in it, and fatal.
#include "platform-interface.h"

#include "../arch/console.h"
#include "../hal/board.h"
#include "../module/module.h"
#include "trusted-memory.h"

uint8_t *runtime_bytes(uint32_t pointer, uint32_t length) {
  uint8_t *bytes = trusted_memory(pointer, length);
  if (!bytes) module_fail("a pointer outside of the runtime's memory");
  return bytes;
}

int32_t platform_random(uint32_t pointer, uint32_t length) {
  uint8_t *out = runtime_bytes(pointer, length);
  if (!out) return 0;
  return entropy_read(out, length) ? 0 : E_UNAVAILABLE;
}

void platform_debug(uint32_t pointer, uint32_t length) {
  const uint8_t *text = runtime_bytes(pointer, length);
  if (!text) return;
  console_print("debug: ");
  console_write(text, length);
  console_print("\n");
}

uint32_t platform_memoryLimit(void) { return TRUSTED_MEMORY_BYTES; }

uint32_t platform_strategies(void) {
#ifdef PROGRAM_JIT
  return 1u << STRATEGY_INTERPRETATION | 1u << STRATEGY_JIT;
#else
  return 1u << STRATEGY_INTERPRETATION;
#endif
}

uint32_t platform_programProfile(void) { return PROFILE_MCU; }
