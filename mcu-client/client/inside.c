// A client in the secure world: the other one calls its steps (seam/device-gateway.c).
#include "inside.h"

#include "../arch/seal.h"
#include "../hal/watchdog.h"
#include "../hal/worlds.h"
#include "board-client.h"

extern uint32_t __stack_top[];

static const struct board_device *device;
static bool done;

uint32_t inside_step(void) {
  struct vc_wait wait;
  watchdog_feed();
  if (done) return DEVICE_DONE;
  switch (device->step(&wait)) {
    case VC_NEXT_AGAIN: return DEVICE_AGAIN;
    case VC_NEXT_WAIT: return DEVICE_WAIT;
    default: done = true; return DEVICE_DONE;
  }
}

int inside_code(int code) { return done ? device->code() : code; }

// What is on the stack is gone from here on: calls of the other world run on it, from its top.
_Noreturn void board_client_run(const struct board_device *with) {
  device = with;
  sealed((uint32_t)__stack_top);
  worlds_start_outside();
}
