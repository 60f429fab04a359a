// The seam where the outside is the non-secure world: the only functions that it can enter, compiled with
// -mcmse. What each of them checks: gate.h.
#include "gate.h"

#include <stddef.h>

#include "../core/core.h"
#include "../hal/board.h"
#include "inside.h"

_Static_assert(GATE_RANDOM_MAX == ISOLATE_RANDOM_MAX, "isolate_random");

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

ENTRY bool isolate_random(void *out, uint32_t length) { return give_random(out, length, inside_random); }

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
