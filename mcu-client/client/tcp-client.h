// One outgoing TCP connection, polled.
#ifndef CLIENT_TCP_CLIENT_H
#define CLIENT_TCP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tcp_client_state { TCP_CONNECTION_CLOSED, TCP_CONNECTION_OPENING, TCP_CONNECTION_OPEN };

/// Starts to connect to an IPv4 address; an older connection is ended first. False: the address is malformed.
bool tcp_client_open(const char *address, uint16_t port);

enum tcp_client_state tcp_client_state(void);

/// Sends what fits now; how many bytes that was.
size_t tcp_client_send(const uint8_t *bytes, size_t length);

/// Takes what has arrived, `capacity` bytes at most. Bytes that came before the peer closed stay readable.
size_t tcp_client_receive(uint8_t *out, size_t capacity);

void tcp_client_close(void);

#endif
