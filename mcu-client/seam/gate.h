// What every gateway of a secure image checks (gateway.c, device-gateway.c): for one file of the image, compiled with -mcmse.
// Whoever owns the other world calls gateways with any arguments, in any order, from handlers, and again while a call is
// under way.
//
// - A call from a handler would run privileged whatever this world has set up: refused, but for functions that touch one word.
// - One call at a time: a thread of the other world that was switched under a call meets `busy`.
// - A pointer is compared with the constant window of that world's RAM. (The architecture's own test, TT,
//   takes the private peripheral bus for non-secure memory.) Bytes are copied before anybody reads them:
//   the other world may change them meanwhile.
#ifndef SEAM_GATE_H
#define SEAM_GATE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "../arch/cortex-m.h"
#include "../common/sha256.h"
#include "board-config.h"

#define ENTRY __attribute__((cmse_nonsecure_entry, used))

/// Largest number of random bytes that the other world gets at once.
#define GATE_RANDOM_MAX 32

static uint32_t busy __asm("gateway_busy");

static bool enter(void) {
  if (exception_number() != 0) return false;
  return __atomic_exchange_n(&busy, 1, __ATOMIC_ACQUIRE) == 0;
}

static void leave(void) { __atomic_store_n(&busy, 0, __ATOMIC_RELEASE); }

static bool is_outside(const void *pointer, uint32_t length) {
  uint32_t offset = (uint32_t)pointer - BOARD_OUTSIDE_RAM_START;
  return offset <= BOARD_OUTSIDE_RAM_SIZE && length <= BOARD_OUTSIDE_RAM_SIZE - offset;
}

/// Random bytes for the other world, of `draw`.
static inline bool give_random(void *out, uint32_t length, bool (*draw)(void *out, uint32_t length)) {
  if (length > GATE_RANDOM_MAX || !is_outside(out, length) || !enter()) return false;
  uint8_t bytes[GATE_RANDOM_MAX];
  bool drawn = draw(bytes, length);
  if (drawn) memcpy(out, bytes, length);
  wipe(bytes, sizeof bytes);
  leave();
  return drawn;
}

#endif
