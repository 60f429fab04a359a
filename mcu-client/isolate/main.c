// The isolate: hands the Veracruz server's messages to the trusted runtime and its answers back.
#include <string.h>

#include "../arch/console.h"
#include "../arch/cortex-m.h"
#include "../arch/heap.h"
#include "../hal/board.h"
#include "../hal/watchdog.h"
#include "../link/connection.h"
#include "../link/serial-link.h"
#include "../net/network.h"
#include "../net/tcp-link.h"
#include "health.h"
#include "module.h"
#include "programs.h"
#include "root-of-trust.h"
#include "trace.h"
#include "trusted.h"

enum { PORT = 6000, TICK_MS = 1000 };

static bool ethernet;
static bool ready;
static bool program_is_running;

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

static void poll_links(void) {
  watchdog_feed();
  if (ethernet) tcp_link_poll();
  serial_link_poll();
}

// Sends every frame that the runtime has ready to the connection `to`.
static void drain(uint32_t to) {
  for (;;) {
    uint32_t length, address;
    TRACE_BEGIN();
    check(trusted_nextFrame(&length));
    TRACE_END("next");
    if (length == 0) return;
    check(trusted_framePointer(&address));
    const uint8_t *frame = trusted_memory(address, length);
    if (!frame) module_fail("a frame outside of the runtime's memory");
    check(frame != NULL);
    connection_send(to, frame, length);
    watchdog_feed();
  }
}

// Makes room for a message in the runtime's memory; NULL when there is none: the request is refused.
static uint8_t *room_for(const uint8_t *start, size_t length) {
  uint32_t address;
  check(trusted_frameBuffer(length, &address));
  if (address == 0) {
    health_refuse(start, "no memory for the message");
    return NULL;
  }
  uint8_t *to = trusted_memory(address, length);
  if (!to) module_fail("a buffer outside of the runtime's memory");
  check(to != NULL);
  return to;
}

static void handle(size_t length, uint32_t from) {
  TRACE_BEGIN();
  check(trusted_handleFrame(length));
  TRACE_END("handle");
  drain(from);
  TRACE_STACK();
}

// Handles the oldest message that waits, if there is one: whether there was.
static bool handle_next(void) {
  uint32_t from = connection_number();
  size_t length;
  const uint8_t *message = connection_message(&length);
  if (message) {
    uint8_t *to = room_for(message, length);
    if (to) memcpy(to, message, length);
    connection_drop();
    if (to) handle(length, from);
    return true;
  }
  if (!connection_large(&message, &length)) return false;
  uint8_t *to = room_for(message, length);
  connection_large_into(to, length);
  while (connection_number() == from && !connection_large_done()) {
    poll_links();
    if (ethernet) network_arm();
    wait_for_interrupt();
  }
  if (to && connection_number() == from) handle(length, from);
  return true;
}

static bool answer_health(const uint8_t *message, size_t length) {
  return health_answer(message, length, program_is_running);
}

void program_begins(void) { program_is_running = true; }

void program_ended(void) {
  program_is_running = false;
  console_print("program ended: heap %u, peak %u\n", heap_used(), heap_peak());
}

void program_freed(void) { console_print("program freed: heap %u\n", heap_used()); }

void program_running(void) {
  poll_links();
  connection_offer(answer_health);
}

static void tick(void) {
  static uint32_t last;
  uint32_t elapsed = clock_ms() - last;
  if (elapsed < TICK_MS) return;
  last += elapsed;
  check(trusted_tick(elapsed));
  drain(connection_number());
}

int main(void) {
  TRACE_PAINT_STACK();
  clock_start();
  watchdog_start();
  check(root_of_trust_start());
  check(trusted_start() && trusted__initialize());
  serial_link_init();
  ethernet = network_init() && tcp_link_init(PORT);
  console_print("isolate on %s: %s, heap %u\n", board_name,
                ethernet ? "TCP 6000 and serial" : "serial", heap_used());
  ready = true;
  TRACE_SINCE_RESET("ready");
  for (;;) {
    poll_links();
    tick();
    connection_offer(answer_health);
    if (handle_next()) continue;
    if (ethernet) network_arm();
    wait_for_interrupt();
  }
}
