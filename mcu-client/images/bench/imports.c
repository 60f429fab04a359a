// The part of the platform interface that benches offer.
#include <stdbool.h>

#include "../../arch/console.h"
#include "../../hal/board.h"
#include "../../wasm2c/wasm-rt.h"
#include "module.h"

// xorshift32: the same bytes in every host, so that results can be compared.
void bench_random(uint8_t *out, size_t length) {
  static uint32_t state = 0x2545F491;
  while (length-- > 0) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    *out++ = (uint8_t)state;
  }
}

void bench_debug(const uint8_t *text, uint32_t length) {
  console_print("debug: ");
  console_write(text, length);
  console_print("\n");
}

uint8_t *bench_slice(wasm_rt_memory_t *memory, uint32_t address, uint32_t length) {
  if (address > memory->size || length > memory->size - address) wasm_rt_trap(WASM_RT_TRAP_OOB);
  return memory->data + address;
}
