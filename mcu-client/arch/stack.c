#include "stack.h"

#include <stdint.h>

extern uint32_t __stack_limit[], __stack_top[];

enum { PATTERN = 0x5AC0FFEE };

void stack_paint(void) {
  uint32_t *pointer;
  __asm volatile("mov %0, sp" : "=r"(pointer));
  for (uint32_t *word = __stack_limit; word < pointer - 8; word++) *word = PATTERN;
}

size_t stack_peak(void) {
  uint32_t *word = __stack_limit;
  while (word < __stack_top && *word == PATTERN) word++;
  return (size_t)((uint8_t *)__stack_top - (uint8_t *)word);
}
