// Made from host/mcu/serial-packets.ts: change that file and run npm run build.
#ifndef LINK_SERIAL_PACKETS_H
#define LINK_SERIAL_PACKETS_H

enum serial_packet {
  SERIAL_HELLO = 1,
  SERIAL_WELCOME = 2,
  SERIAL_DATA = 3,
  SERIAL_ACK = 4,
  SERIAL_BYE = 5,
  SERIAL_ALIVE = 6,
};

enum {
  SERIAL_PAYLOAD = 512,
  SERIAL_HEADER = 2,
  SERIAL_CHECK = 4,
};

#endif
