// The inside of the isolate: hands messages to the trusted runtime and its answers back.
#include "../../seam/inside.h"

#include <string.h>

#include "../../arch/console.h"
#include "../../arch/heap.h"
#include "../../common/trace.h"
#include "../../hal/board.h"
#include "../../hal/watchdog.h"
#include "../../home/programs.h"
#include "../../module/module.h"
#include "../../root-of-trust/root-of-trust.h"
#ifdef UPDATES
#include "../../update/delivery.h"
#endif
#include "trusted.h"

enum { TICK_MS = 1000 };
// What the runtime's `nextFrame` answers while there is more work to do.
static const uint32_t FRAME_NOT_YET = UINT32_MAX;

static bool ready;
static volatile bool program_runs;
static struct isolate_info info;

// The message on its way in: where its next byte goes. Only between `begin` and the next call of the runtime
// that may give its place back.
static uint8_t *incoming;
static uint32_t incoming_length, incoming_left;
// Whether the runtime may still refer to a message: until `nextFrame` has answered 0.
static bool at_work;
// What is left of the frame on its way out, until the runtime's next call.
static const uint8_t *outgoing;
static uint32_t outgoing_left;

// A trusted module that has trapped is in an unknown state. All RAM is wiped on the way up again.
// Firmware that has never come up would not come up the next time either.
_Noreturn static void restart(void) {
  console_print("fatal: %s\n", module_failure());
  if (!ready) board_exit(1);
  board_reset();
}

static void check(bool succeeded) {
  if (!succeeded) restart();
}

static void forget_incoming(void) {
  incoming = NULL;
  incoming_length = incoming_left = 0;
}

static void forget_outgoing(void) {
  outgoing = NULL;
  outgoing_left = 0;
}

void inside_prepare(void) {
  clock_start();
  watchdog_start();
  if (!root_of_trust_start()) {
    console_print("fatal: %s\n", root_of_trust_failure());
    board_exit(1);
  }
#ifdef UPDATES
#ifdef INSIDE
  update_prepare(2, root_of_trust_instance);
#else
  update_prepare(1, root_of_trust_instance);
#endif
#endif
  inside_describe();
}

void inside_describe(void) {
  info.lifecycle = root_of_trust_lifecycle;
  memcpy(info.measurement, root_of_trust_measurement, sizeof info.measurement);
}

void inside_start(void) {
  TRACE_PAINT_STACK();
  bool drawn = entropy_read(info.boot, sizeof info.boot);
  if (!drawn) module_fail("no entropy");
  check(drawn);
  // From what was measured.
  check(trusted_start() && trusted__initialize());
}

void inside_info(struct isolate_info *out) { *out = info; }

bool inside_random(void *out, uint32_t length) {
  return length <= ISOLATE_RANDOM_MAX && entropy_read(out, length);
}

bool inside_is_running(void) { return program_runs; }

bool inside_begin(uint32_t length) {
  forget_outgoing();
  forget_incoming();
  if (at_work) return false;
  uint32_t address;
  check(trusted_frameBuffer(length, &address));
  if (address == 0) return false;
  incoming = trusted_memory(address, length);
  if (!incoming) module_fail("a buffer outside of the runtime's memory");
  check(incoming != NULL);
  incoming_length = incoming_left = length;
  return true;
}

bool inside_part(const void *bytes, uint32_t length) {
  if (!incoming || length > incoming_left) return false;
  memcpy(incoming, bytes, length);
  incoming += length;
  incoming_left -= length;
  return true;
}

bool inside_handle(void) {
  if (!incoming || incoming_left > 0) return false;
  uint32_t length = incoming_length;
  forget_outgoing();
  forget_incoming();
  at_work = true;
  TRACE_BEGIN();
  check(trusted_handleFrame(length));
  TRACE_END("handle");
  return true;
}

uint32_t inside_next(void) {
  uint32_t length, address;
  forget_outgoing();
  forget_incoming();
  watchdog_feed();
  TRACE_BEGIN();
  check(trusted_nextFrame(&length));
  TRACE_END("next");
  if (length == FRAME_NOT_YET) return ISOLATE_NOT_YET;
  if (length == 0) {
    if (at_work) {
      TRACE_STACK();
    }
    at_work = false;
    // After a reset the runtime starts anew: nothing of what it held stays.
    uint32_t reset;
    check(trusted_wantsRestart(&reset));
    return reset ? ISOLATE_RESTART : 0;
  }
  check(trusted_framePointer(&address));
  outgoing = trusted_memory(address, length);
  if (!outgoing) module_fail("a frame outside of the runtime's memory");
  check(outgoing != NULL);
  outgoing_left = length;
  return length;
}

bool inside_take(void *out, uint32_t length) {
  if (!outgoing || length > outgoing_left) return false;
  memcpy(out, outgoing, length);
  outgoing += length;
  outgoing_left -= length;
  return true;
}

bool inside_tick(void) {
  static uint32_t last;
  watchdog_feed();
  if (!ready) {
    TRACE_SINCE_RESET("ready");
    ready = true;
  }
  uint32_t elapsed = clock_ms() - last;
  // What the runtime works on stays as it is until it is done.
  if (elapsed < TICK_MS || at_work) return false;
  last += elapsed;
  forget_outgoing();
  check(trusted_tick(elapsed));
  return true;
}

void program_begins(void) { program_runs = true; }

void program_ended(void) {
  program_runs = false;
  console_print("program ended: heap %u, peak %u\n", heap_used(), heap_peak());
}

void program_freed(void) { console_print("program freed: heap %u\n", heap_used()); }
