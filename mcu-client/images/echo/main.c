// Sends every message back to where it came from.
#include <string.h>

#include "../../arch/console.h"
#include "../../arch/cortex-m.h"
#include "../../hal/board.h"
#include "../../link/connection.h"
#include "../../link/serial-link.h"
#include "../../net/network.h"
#include "../../net/tcp-link.h"

static uint8_t message[CONNECTION_MESSAGE_MAX];

int main(void) {
  clock_start();
  serial_link_init();
  bool ethernet = network_init() && tcp_link_init(6000);
  console_print("echo on %s, %s\n", board_name, ethernet ? "Ethernet and serial" : "serial only");
  for (;;) {
    if (ethernet) tcp_link_poll();
    serial_link_poll();
    size_t length;
    const uint8_t *waiting = connection_message(&length);
    if (waiting) {
      uint32_t from = connection_number();
      memcpy(message, waiting, length);
      connection_drop(from);
      connection_send(from, message, length);
      continue;
    }
    if (ethernet) network_arm();
    wait_for_interrupt();
  }
}
