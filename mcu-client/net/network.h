// TCP/IP on the board's Ethernet: one thread, polled.
#ifndef NET_NETWORK_H
#define NET_NETWORK_H

#include <stdbool.h>

/// Starts the stack and asks for an address by DHCP. False: there is no Ethernet controller.
bool network_init(void);

/// Takes what has arrived and lets timers run.
void network_poll(void);

/// Whether the board has an address.
bool network_up(void);

/// Lets an arriving frame end a wait.
void network_arm(void);

#endif
