// What a board of this tree gives the client's library: a network, clocks, entropy, console.
//
// On a board with two worlds (TrustZone-M) an image that ends in `board_client_run` is the secure one: the library, its keys, the
// device's page and what it does with both. lwIP, the driver and the main loop are a non-secure image beside it
// (images/client-outside/), which calls `step` through the seam (seam/device.h). Elsewhere all of it is one image.
#ifndef CLIENT_BOARD_CLIENT_H
#define CLIENT_BOARD_CLIENT_H

#include <stdbool.h>
#include <veracruz/client.h>

/// Puts the board's seams into a configuration, and has the library print on the console.
void board_client(struct vc_config *config);

/// The same, after starting clock and network. False: there is no Ethernet controller.
bool board_client_start(struct vc_config *config);

/// What a device does, by bounded pieces: begins the library's operations, and takes them on (vc_step). In two worlds it
/// can not use the blocking calls, which would wait for the other world.
struct board_device {
  enum vc_next (*step)(struct vc_wait *wait); ///< answers as vc_step does; VC_NEXT_DONE: all is done
  int (*code)(void);                          ///< what the firmware ends with then
};

/// Steps until all is done, feeds the watchdog meanwhile, then ends the firmware. What the device refers to must not be on the
/// stack of the caller, which begins anew.
_Noreturn void board_client_run(const struct board_device *device);

#endif
