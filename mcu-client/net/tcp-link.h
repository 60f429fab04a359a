// The connection over TCP: one peer at a time on a port.
#ifndef NET_TCP_LINK_H
#define NET_TCP_LINK_H

#include <stdbool.h>
#include <stdint.h>

/// Listens; the network must have been started.
bool tcp_link_init(uint16_t port);

/// Hands over received bytes, as many as there is room for.
void tcp_link_poll(void);

#endif
