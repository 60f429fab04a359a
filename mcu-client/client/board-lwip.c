// A client whose image has the network stack, too.
#include "../arch/cortex-m.h"
#include "../hal/board.h"
#include "../hal/watchdog.h"
#include "../library/transports/lwip/lwip-transport.h"
#include "../net/network.h"
#include "board-client.h"
#include "board-transport.h"

// A frame ends the wait, and so does the clock's next tick.
static void wait_for_frame(uint32_t milliseconds) {
  (void)milliseconds;
  network_arm();
  wait_for_interrupt();
}

static const struct vc_lwip lwip = {network_poll, network_up, wait_for_frame};
const struct vc_transport board_transport = VC_LWIP_TRANSPORT(&lwip);

bool board_transport_start(void) { return network_init(); }

_Noreturn void board_client_run(const struct board_device *device) {
  struct vc_wait wait;
  for (enum vc_next next; (next = device->step(&wait)) != VC_NEXT_DONE;) {
    watchdog_feed();
    if (next != VC_NEXT_WAIT) continue;
    wait_for_frame(wait.milliseconds);
    vc_lwip_poll((void *)&lwip); // the device may wait while no operation is under way
  }
  board_exit(device->code());
}
