// The outside of a client: carries the bytes of its connection between lwIP and the inside, and has it work. All of them are
// TLS records.
#include "../../arch/console.h"
#include "../../arch/cortex-m.h"
#include "../../hal/board.h"
#include "../../library/transports/lwip/lwip-transport.h"
#include "../../net/network.h"
#include "../../seam/device.h"

enum { PIECE = 512, LAST_WORDS_MS = 2000, EXIT_NO_NETWORK = 65 };

static struct vc_lwip lwip = {network_poll, network_up, NULL};
static const struct vc_transport net = VC_LWIP_TRANSPORT(&lwip);

// The connection that lwIP has, or had last.
static uint32_t number;
static bool is_open;
// Bytes on their way, which one side has not taken yet.
static uint8_t outgoing[PIECE], incoming[PIECE];
static uint32_t outgoing_at, outgoing_end, incoming_at, incoming_end;

static void follow(const struct device_wish *wish) {
  if (wish->number != number) {
    outgoing_at = outgoing_end = incoming_at = incoming_end = 0;
    number = wish->number;
    is_open = net.connect(net.context, wish->host, (uint16_t)wish->port);
    if (!is_open) net.close(net.context);
  }
  if (!wish->is_open && is_open && wish->outgoing == 0 && outgoing_at == outgoing_end) {
    net.close(net.context);
    is_open = false;
  }
}

// Whether anything was carried.
static bool carry_out(void) {
  if (outgoing_at == outgoing_end) {
    outgoing_at = 0;
    outgoing_end = device_take(number, outgoing, PIECE);
  }
  uint32_t sent = (uint32_t)net.send(net.context, outgoing + outgoing_at, outgoing_end - outgoing_at);
  outgoing_at += sent;
  return sent > 0;
}

static bool carry_in(void) {
  if (incoming_at == incoming_end) {
    incoming_at = 0;
    incoming_end = (uint32_t)net.receive(net.context, incoming, PIECE);
  }
  uint32_t taken = device_give(number, incoming + incoming_at, incoming_end - incoming_at);
  incoming_at += taken;
  return taken > 0;
}

// How the connection stands; what has come and was not handed in is still to come.
static uint32_t link_state(void) {
  if (!is_open) return DEVICE_LINK_CLOSED;
  switch (net.state(net.context)) {
    case VC_LINK_OPENING: return DEVICE_LINK_OPENING;
    case VC_LINK_OPEN: return DEVICE_LINK_OPEN;
    default: return incoming_at < incoming_end ? DEVICE_LINK_OPEN : DEVICE_LINK_CLOSED;
  }
}

static bool carry(void) {
  struct device_wish wish = {0};
  net.poll(net.context);
  device_wish(&wish);
  if (wish.number == 0) {
    device_link(0, DEVICE_LINK_CLOSED, network_up());
    return false;
  }
  follow(&wish);
  device_link(number, link_state(), network_up());
  bool moved = false;
  while (is_open && net.state(net.context) == VC_LINK_OPEN && carry_out()) moved = true;
  while (is_open && carry_in()) moved = true;
  return moved;
}

static _Noreturn void end(void) {
  for (uint32_t start = clock_ms(); is_open && clock_ms() - start < LAST_WORDS_MS;) carry();
  board_exit(1); // or what the inside has ended with
}

int main(void) {
  clock_start();
  if (!network_init()) {
    console_print("device: no Ethernet controller\n");
    board_exit(EXIT_NO_NETWORK);
  }
  for (;;) {
    bool moved = carry();
    uint32_t next = device_step();
    if (next == DEVICE_DONE) end();
    if (moved || next == DEVICE_AGAIN) continue;
    network_arm();
    wait_for_interrupt();
  }
}
