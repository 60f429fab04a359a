// Consistent Overhead Byte Stuffing (Cheshire and Baker, 1999): packets without the byte 0, which then
// marks their ends.
#ifndef LINK_COBS_H
#define LINK_COBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Decodes a stream byte by byte into a buffer. All zero is the state between two packets.
struct cobs_decoder {
  size_t length;  // decoded so far
  uint8_t left;   // bytes left of the group
  bool zero_next; // a zero stands between this group and the next
  bool bad;       // too long, or cut short: what follows is skipped up to the next delimiter
};

enum cobs_event { COBS_MORE, COBS_PACKET, COBS_BAD };

/// Takes one byte. `COBS_PACKET`: `out` holds `*length` bytes; empty packets (idle delimiters) are
/// skipped silently. `COBS_BAD`: a packet was cut short or longer than `capacity`.
enum cobs_event cobs_decode(struct cobs_decoder *decoder, uint8_t byte, uint8_t *out,
                            size_t capacity, size_t *length);

/// Encodes `length` bytes and the delimiter after them, byte by byte through `put`.
void cobs_encode(const uint8_t *bytes, size_t length, void (*put)(uint8_t byte));

#endif
