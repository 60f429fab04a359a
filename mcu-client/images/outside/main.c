// The outside of the isolate: takes the Veracruz server's messages from the links, hands them in, and sends
// what comes out.
#include <string.h>

#include "../../arch/background.h"
#include "../../arch/console.h"
#include "../../arch/cortex-m.h"
#include "../../common/boot-record.h"
#include "../../common/sha256.h"
#include "../../hal/board.h"
#include "../../hal/control.h"
#include "../../link/connection.h"
#include "../../link/serial-link.h"
#include "../../net/network.h"
#include "../../net/tcp-link.h"
#include "../../seam/isolate.h"
#include "health.h"
#include "outside.h"
#ifdef UPDATES
#include "update.h"
#endif

enum { PORT = 6000, PIECE = 512, LAST_WORDS_MS = 200 };
#ifdef BACKGROUND
enum { IS_WHOLE_ISOLATE = 0 };
#else
enum { IS_WHOLE_ISOLATE = 1 };
#endif

static bool linked, ethernet;

static bool answer_health(const uint8_t *message, size_t length) {
  return health_answer(message, length, isolate_is_running());
}

void outside_serve(void) {
  if (ethernet) tcp_link_poll();
  if (linked) serial_link_poll();
  connection_offer(answer_health);
}

#ifdef BACKGROUND
extern const uint8_t __image_size[];
__attribute__((section(".image_header"), used)) static const struct image_header header = {
    IMAGE_HEADER_MAGIC,
    (uint32_t)__image_size,
    ISOLATE_VERSION,
};

void pendsv_handler(void) {
  outside_serve();
  if (ethernet) network_arm();
}

static void background_start(void) {
  SCB_SHPR(14) = PRIORITY_BACKGROUND;
  SCB_SHPR(15) = PRIORITY_CLOCK;
  background_hold();
}
#else
static void background_start(void) {}
#endif

// Before the board is reset: the peer gets what was sent to it, and comes again.
static void let_go(uint32_t to) {
  connection_end(to);
  for (uint32_t start = clock_ms(); clock_ms() - start < LAST_WORDS_MS;) outside_serve();
}

// Sends every message that is ready to the connection `to`.
static void drain(uint32_t to) {
  for (;;) {
    background_release();
    uint32_t length = isolate_next();
    background_hold();
    if (length == 0) return;
    if (length == ISOLATE_RESTART) {
      if (IS_WHOLE_ISOLATE) let_go(to);
      background_release();
      isolate_restart();
      background_hold();
      return;
    }
    if (length == ISOLATE_NOT_YET) {
      // There is more work: in between, the links have their turn.
      outside_serve();
      continue;
    }
    uint8_t piece[PIECE];
    bool open = connection_send_begin(to, length);
    while (length > 0) {
      uint32_t part = length < sizeof piece ? length : sizeof piece;
      if (!open || !isolate_take(piece, part)) break;
      open = connection_send_part(to, piece, part);
      length -= part;
    }
    if (open) connection_send_end(to);
  }
}

static void handle(uint32_t from) {
  background_release();
  isolate_handle();
  background_hold();
  drain(from);
}

static void take_large(const uint8_t *bytes, size_t length) { isolate_part(bytes, length); }

// Makes room for a message inside. False: there is none, and the request is refused.
static bool begin(const uint8_t *start, size_t length) {
  if (isolate_begin(length)) return true;
  health_refuse(start, "no memory for the message");
  return false;
}

// Handles the oldest message that waits, if there is one: whether there was.
static bool handle_next(void) {
  uint32_t from = connection_number();
  size_t length;
  const uint8_t *message = connection_message(&length);
  if (message) {
#ifdef UPDATES
    if (update_answer(message, length)) {
      connection_drop(from);
      return true;
    }
#endif
    bool room = begin(message, length);
    if (room) isolate_part(message, length);
    connection_drop(from);
    if (room) handle(from);
    return true;
  }
  if (!connection_large(&message, &length)) return false;
  bool room = begin(message, length);
  connection_large_into(from, room ? take_large : NULL, length);
  while (connection_number() == from && !connection_large_done()) {
    outside_serve();
    // An unfinished message stops no clock. What the tick causes is sent with the next message.
    isolate_tick();
    if (ethernet) network_arm();
    wait_for_interrupt();
  }
  if (room && connection_number() == from) handle(from);
  return true;
}

// A server is taken when it proves the key that its operator has provisioned, or when the operator trusts everybody
// who reaches the links; without either there are none.
static bool control_start(void) {
  uint8_t key[CONTROL_KEY_BYTES];
  enum control control = control_read(key);
  if (control == CONTROL_KEY) connection_demand(key);
  if (control == CONTROL_NONE) console_print("no control key is provisioned: no server is taken\n");
  if (control == CONTROL_TRUST_NETWORK) console_print("any server that connects is trusted\n");
  wipe(key, sizeof key);
  return control != CONTROL_NONE;
}

void outside_prepare(void) {
  background_start();
  if (!control_start()) return;
  linked = true;
  serial_link_init();
  ethernet = network_init() && tcp_link_init(PORT);
}

_Noreturn void outside_run(void) {
  health_start();
  console_print("isolate on %s: %s\n", board_name,
                ethernet ? "TCP 6000 and serial" : linked ? "serial" : "no link");
  for (;;) {
    outside_serve();
    connection_serve();
    if (isolate_tick()) drain(connection_peer());
    if (handle_next()) continue;
    if (ethernet) network_arm();
    wait_for_interrupt();
  }
}
