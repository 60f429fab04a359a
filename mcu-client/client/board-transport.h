// The client's way to the network on a board of this tree: lwIP in the same image (board-lwip.c), or a channel to the other
// world, which has it (channel.c).
#ifndef CLIENT_BOARD_TRANSPORT_H
#define CLIENT_BOARD_TRANSPORT_H

#include <stdbool.h>
#include <veracruz/transport.h>

extern const struct vc_transport board_transport;

/// Starts it. False: there is no Ethernet controller.
bool board_transport_start(void);

#endif
