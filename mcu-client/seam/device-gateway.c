// The seam of a client in the secure world: the only functions that the other world can enter, compiled with -mcmse. What
// each of them checks: gate.h.
#include "gate.h"

#include "../client/inside.h"
#include "../hal/board.h"
#include "device.h"

_Static_assert(GATE_RANDOM_MAX == (int)DEVICE_RANDOM_MAX, "device_random");

ENTRY uint32_t device_step(void) {
  if (!enter()) return DEVICE_REFUSED;
  uint32_t next = inside_step();
  leave();
  return next;
}

ENTRY void device_wish(struct device_wish *out) {
  if (!is_outside(out, sizeof *out) || !enter()) return;
  struct device_wish wish;
  channel_describe(&wish);
  memcpy(out, &wish, sizeof wish);
  leave();
}

ENTRY void device_link(uint32_t number, uint32_t link, uint32_t has_network) {
  if (!enter()) return;
  channel_link(number, link, has_network != 0);
  leave();
}

ENTRY uint32_t device_take(uint32_t number, void *out, uint32_t capacity) {
  if (!is_outside(out, capacity) || !enter()) return 0;
  uint32_t taken = channel_take(number, out, capacity);
  leave();
  return taken;
}

ENTRY uint32_t device_give(uint32_t number, const void *bytes, uint32_t length) {
  if (!is_outside(bytes, length) || !enter()) return 0;
  // Straight to where the library will take it from: the one copy.
  uint32_t taken = channel_give(number, bytes, length);
  leave();
  return taken;
}

static bool draw(void *out, uint32_t length) { return entropy_read(out, length); }

ENTRY bool device_random(void *out, uint32_t length) { return give_random(out, length, draw); }

ENTRY void device_end(uint32_t code) { board_exit(inside_code((int)(code & 0xFF))); }
