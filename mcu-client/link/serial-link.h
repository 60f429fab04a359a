// The connection over a serial line: a reliable byte stream out of packets that may be lost or
// damaged.
//
// A packet is COBS-encoded and ends with a zero byte:
//   type (u8), sequence number (u8), payload (0 to SERIAL_PAYLOAD bytes), CRC-32 of it all (u32, LE)
// One packet is under way in each direction; it is sent again until it is acknowledged.
//
//   HELLO   computer → device: a new connection; the payload is 4 random bytes
//   WELCOME the answer, with the same payload; both number their DATA from 0
//   DATA    the next bytes of the stream
//   ACK     the DATA packet of that number has been taken
//   BYE     the connection ends; also the answer to DATA where there is none
//   ALIVE   nothing; the computer sends it every few seconds, so that a lost BYE or a pulled cable is seen
#ifndef LINK_SERIAL_LINK_H
#define LINK_SERIAL_LINK_H

#include "serial-packets.h"

/// Starts the line.
void serial_link_init(void);

/// Takes what has arrived.
void serial_link_poll(void);

#endif
