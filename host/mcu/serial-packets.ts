/** Numbers of the protocol over a serial line; `mcu-client/link/serial-link.h` describes it. */

/** Packet types. */
export const serialPackets = {
  HELLO: 1,
  WELCOME: 2,
  DATA: 3,
  ACK: 4,
  BYE: 5,
  ALIVE: 6,
} as const;

/** Largest payload of a DATA packet, in bytes. */
export const SERIAL_PAYLOAD = 512;
/** Bytes of a packet before its payload (type, sequence number) and after it (CRC-32). */
export const SERIAL_HEADER = 2;
export const SERIAL_CHECK = 4;
