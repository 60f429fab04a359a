// The seam where the outside is the non-secure world: the only functions that it can enter, compiled with
// -mcmse. Whoever owns that world calls them with any arguments, in any order, from handlers, and again
// while a call is under way.
//
// - A call from a handler would run privileged whatever this world has set up: refused, but for the two
//   functions that touch one word.
// - One call at a time: a thread of the other world that was switched under a call meets `busy`.
// - A pointer is compared with the constant window of that world's RAM. (The architecture's own test, TT,
//   takes the private peripheral bus for non-secure memory.) Bytes are copied before anybody reads them:
//   the other world may change them meanwhile.
#include <stddef.h>
#include <string.h>

#include "../arch/cortex-m.h"
#include "../common/sha256.h"
#include "../core/core.h"
#include "../hal/board.h"
#include "board-config.h"
#include "inside.h"

#define ENTRY __attribute__((cmse_nonsecure_entry, used))

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

ENTRY bool isolate_begin(uint32_t length) {
  if (!enter()) return false;
  bool done = inside_begin(length);
  leave();
  return done;
}

ENTRY bool isolate_part(const void *bytes, uint32_t length) {
  if (!is_outside(bytes, length) || !enter()) return false;
  // Straight to where the runtime will read it: the one copy.
  bool done = inside_part(bytes, length);
  leave();
  return done;
}

ENTRY bool isolate_handle(void) {
  if (!enter()) return false;
  bool done = inside_handle();
  leave();
  return done;
}

ENTRY uint32_t isolate_next(void) {
  if (!enter()) return 0;
  uint32_t length = inside_next();
  leave();
  return length;
}

// The core clears this world's thread, its stack included, and the other world's registers r4 to r11 and lr are all
// that comes through (core/core.h). So nothing may be put on the stack, which a compiler would.
_Static_assert(CORE_STARTS == 6, "isolate_restart");
__asm(".syntax unified\n"
      ".pushsection .text.isolate_restart, \"ax\", %progbits\n"
      ".align 2\n"
      ".global isolate_restart\n"
      ".global __acle_se_isolate_restart\n"
      ".type isolate_restart, %function\n"
      ".type __acle_se_isolate_restart, %function\n"
      ".thumb_func\n"
      "isolate_restart:\n"
      ".thumb_func\n"
      "__acle_se_isolate_restart:\n"
      "mrs r0, ipsr\n"
      "cbnz r0, 1f\n"
      "movw r1, #:lower16:gateway_busy\n"
      "movt r1, #:upper16:gateway_busy\n"
      "ldr r0, [r1]\n"
      "cbnz r0, 1f\n"
      "mov r12, #6\n"
      "svc 0\n"
      "1: movs r0, #0\n"
      "movs r1, #0\n"
      "mov r12, r0\n"
      "msr apsr_nzcvqg, r0\n"
      "bxns lr\n"
      ".size isolate_restart, . - isolate_restart\n"
      ".size __acle_se_isolate_restart, . - __acle_se_isolate_restart\n"
      ".popsection\n");

ENTRY bool isolate_take(void *out, uint32_t length) {
  if (!is_outside(out, length) || !enter()) return false;
  bool done = inside_take(out, length);
  leave();
  return done;
}

ENTRY bool isolate_tick(void) {
  if (!enter()) return false;
  bool done = inside_tick();
  leave();
  return done;
}

ENTRY void isolate_info(struct isolate_info *out) {
  if (!is_outside(out, sizeof *out) || !enter()) return;
  struct isolate_info info;
  inside_info(&info);
  memcpy(out, &info, sizeof info);
  leave();
}

ENTRY bool isolate_random(void *out, uint32_t length) {
  if (length > ISOLATE_RANDOM_MAX || !is_outside(out, length) || !enter()) return false;
  uint8_t bytes[ISOLATE_RANDOM_MAX];
  bool drawn = inside_random(bytes, length);
  if (drawn) memcpy(out, bytes, length);
  wipe(bytes, sizeof bytes);
  leave();
  return drawn;
}

#ifdef UPDATES
ENTRY uint32_t isolate_update(uint32_t step, uint32_t offset, const void *bytes, uint32_t length) {
  static uint8_t piece[UPDATE_PIECE_MAX];
  if (length > sizeof piece || !is_outside(bytes, length) || !enter()) return UPDATE_ORDER;
  memcpy(piece, bytes, length);
  uint32_t outcome = update_step(step, offset, piece, length);
  leave();
  return outcome;
}

ENTRY void isolate_update_state(struct update_state *out) {
  if (!is_outside(out, sizeof *out) || !enter()) return;
  struct update_state state;
  update_describe(&state);
  memcpy(out, &state, sizeof state);
  leave();
}
#endif

ENTRY bool isolate_is_running(void) { return inside_is_running(); }

ENTRY void isolate_end(uint32_t code) { board_exit((int)(code & 0xFF)); }
