// The true random number generator (RM0433 chapter 34). Of the core, where the isolate has one.
#include <string.h>

#include "../../hal/board.h"
#include "stm32h7.h"

#define RNG_CR REGISTER32(0x48021800)
#define RNG_SR REGISTER32(0x48021804)
#define RNG_DR REGISTER32(0x48021808)

static void start(void) {
  RCC_AHB2ENR |= 1u << 6;
  (void)RCC_AHB2ENR;
  RNG_CR = 1u << 2; // enabled, clock error detection on
}

// RM0433 section 34.3: a seed or clock error, or a word equal to the previous one, is not random.
bool entropy_read(void *out, size_t length) {
  enum { SR_DRDY = 1, SR_ERRORS = 2 | 4 | 32 | 64 };
  static uint32_t previous;
  if (previous == 0) start();
  uint8_t *to = out;
  while (length > 0) {
    uint32_t status, patience = 1000000;
    while (!((status = RNG_SR) & SR_DRDY))
      if (status & SR_ERRORS || --patience == 0) return false;
    if (status & SR_ERRORS) return false;
    uint32_t word = RNG_DR;
    if (word == 0 || word == previous) return false;
    previous = word;
    size_t part = length < 4 ? length : 4;
    memcpy(to, &word, part);
    to += part;
    length -= part;
  }
  return true;
}
