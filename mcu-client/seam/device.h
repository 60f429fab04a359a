// The seam through a client on a board with two worlds (TrustZone-M). Outside, in the non-secure image, are the main loop, the
// network stack and the console, which see TLS records; inside are the client's library with its keys, the device's page
// and what the device does with both (client/board-client.h). Each function here is a gateway (device-gateway.c), which trusts
// neither the order of calls nor an argument.
#ifndef SEAM_DEVICE_H
#define SEAM_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

/// Largest number of random bytes of one `device_random`, and bytes of a server's name with its end.
enum { DEVICE_RANDOM_MAX = 32, DEVICE_HOST_BYTES = 256 };

/// What `device_step` answers.
enum device_next {
  DEVICE_REFUSED, ///< not now, as a handler, or while another call is under way
  DEVICE_AGAIN,   ///< call again as soon as other work allows
  DEVICE_WAIT,    ///< nothing to do before bytes come or go, or time passes
  DEVICE_DONE,    ///< all is done: what `device_take` still has is to be sent, then comes `device_end`
};

/// The connection that the client wants.
struct device_wish {
  uint32_t number;   ///< another one for each connection, from 1; 0: none was ever wanted
  uint32_t is_open;  ///< 1; 0: it ends once what `device_take` still has is sent
  uint32_t port;
  uint32_t outgoing; ///< bytes that `device_take` has now
  char host[DEVICE_HOST_BYTES]; ///< the server's name or address, with a 0 behind it
};

/// How the outside says that the connection stands.
enum device_link { DEVICE_LINK_CLOSED, DEVICE_LINK_OPENING, DEVICE_LINK_OPEN };

/// Does a bounded piece of the client's work, one signature or verification at most: enum device_next. Feeds the watchdog.
uint32_t device_step(void);

void device_wish(struct device_wish *out);

/// Says how the connection `number` stands (enum device_link; anything else is CLOSED), and whether there is a network.
/// What is said of another connection than the wanted one is passed over; one that was closed stays closed.
void device_link(uint32_t number, uint32_t link, uint32_t has_network);

/// Takes at most `capacity` bytes that the connection is to carry: how many came.
uint32_t device_take(uint32_t number, void *out, uint32_t capacity);

/// Brings bytes that have come by the connection: how many were taken, be it none.
uint32_t device_give(uint32_t number, const void *bytes, uint32_t length);

/// Random bytes, DEVICE_RANDOM_MAX at most. False: there are none.
bool device_random(void *out, uint32_t length);

/// Ends the firmware: with the client's own code once all is done, else with `code`. May be called by a handler.
void device_end(uint32_t code);

#endif
