// MessagePack as the transport protocol writes it: each number and length as short as it can be.
#ifndef OUTSIDE_MESSAGEPACK_H
#define OUTSIDE_MESSAGEPACK_H

#include <stddef.h>
#include <stdint.h>

struct writer {
  uint8_t bytes[128];
  size_t length;
};

void put_byte(struct writer *to, uint8_t byte);
void put_uint(struct writer *to, uint32_t value);
void put_bytes(struct writer *to, const uint8_t *bytes, uint8_t length);
/// Of up to 31 bytes.
void put_text(struct writer *to, const char *text);

/// Reads an unsigned integer in its shortest form: its length in bytes, or 0 when there is none. `length` is 1 at least.
size_t read_uint(const uint8_t *bytes, size_t length, uint32_t *value);

/// Reads a byte string of up to 65,535 bytes: its length with its head, or 0 when there is none.
size_t read_bytes(const uint8_t *bytes, size_t length, const uint8_t **content, size_t *content_length);

#endif
