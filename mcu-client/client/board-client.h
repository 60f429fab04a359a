// What a board of this tree gives the client's library: lwIP over its Ethernet, clocks, entropy, console.
#ifndef CLIENT_BOARD_CLIENT_H
#define CLIENT_BOARD_CLIENT_H

#include <stdbool.h>
#include <veracruz/client.h>

/// Puts the board's seams into a configuration, and has the library print on the console.
void board_client(struct vc_config *config);

/// The same, after starting clock and network. False: there is no Ethernet controller.
bool board_client_start(struct vc_config *config);

#endif
