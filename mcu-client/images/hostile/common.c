// What hostile images share: their clock, and arguments from a seed.
#include <stddef.h>

#include "../../arch/cortex-m.h"
#include "hostile.h"

uint8_t buffer[BUFFER];

static void (*handler)(void);

void pendsv_handler(void) {
  if (handler) handler();
}

void every(uint32_t cycles, void (*with)(void)) {
  SYST_CSR = 0;
  handler = with;
  if (!with) return;
  SYST_RVR = cycles - 1;
  SYST_CVR = 0;
  SYST_CSR = 7;
}

uint32_t next_random(void) {
  static uint32_t state = 0x2545F491;
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state;
}

// Addresses at and around the ends of everything that there is.
static uint32_t wild_pointer(void) {
  static const uint32_t edges[] = {
      0x00000000, 0x00200000, 0x00400000, 0x10000000, 0x10008000, 0x10200000, 0x20000000, 0x28000000,
      0x28200000, 0x28400000, 0x30000000, 0x38000000, 0x38200000, 0x38400000, 0x40000000, 0x40200000,
      0x50000000, 0x50080000, 0x58007000, 0x80000000, 0xE0000000, 0xE000ED00, 0xE000EDD0, 0xE0020000,
  };
  uint32_t random = next_random();
  switch (random & 7) {
    case 0: return next_random();
    case 1: return (uint32_t)buffer + (random >> 8) % BUFFER;
    case 2: return UINT32_MAX - (random >> 8) % 64;
    default:
      return edges[(random >> 3) % (sizeof edges / sizeof edges[0])] + (random >> 20) % 129 - 64;
  }
}

static uint32_t wild_length(void) {
  uint32_t random = next_random();
  switch (random & 3) {
    case 0: return (random >> 8) % 64;
    case 1: return (random >> 8) % 8192;
    case 2: return UINT32_MAX - (random >> 8) % 64;
    default: return next_random();
  }
}

// What this world owns, and may be written by a call: but for the code, and this image's own variables.
static bool would_hurt(uint32_t pointer) {
  return pointer >= 0x28200000u && pointer < 0x28400000u &&
         (pointer < (uint32_t)buffer || pointer >= (uint32_t)buffer + BUFFER);
}

static bool is_buffer(uint32_t pointer) {
  return pointer >= (uint32_t)buffer && pointer - (uint32_t)buffer < BUFFER;
}

void wild_range(uint32_t *pointer, uint32_t *length) {
  *pointer = wild_pointer();
  *length = wild_length();
  // Within this world's memory a call may well write: only what this image can spare.
  if (is_buffer(*pointer) && *length > BUFFER - (*pointer - (uint32_t)buffer))
    *length %= BUFFER - (*pointer - (uint32_t)buffer) + 1;
  else if (would_hurt(*pointer))
    *length |= 0x80000000u; // straddles its end
}

bool wild_holds(uint32_t pointer, uint32_t size) {
  return !would_hurt(pointer) && (!is_buffer(pointer) || pointer - (uint32_t)buffer <= BUFFER - size);
}
