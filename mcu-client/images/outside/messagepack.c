#include "messagepack.h"

#include <string.h>

static void put(struct writer *to, const void *bytes, size_t length) {
  memcpy(to->bytes + to->length, bytes, length);
  to->length += length;
}

void put_byte(struct writer *to, uint8_t byte) { put(to, &byte, 1); }

void put_uint(struct writer *to, uint32_t value) {
  if (value < 0x80) {
    put_byte(to, (uint8_t)value);
    return;
  }
  int width = value < 0x100 ? 1 : value < 0x10000 ? 2 : 4;
  put_byte(to, width == 1 ? 0xcc : width == 2 ? 0xcd : 0xce);
  for (int i = width - 1; i >= 0; i--) put_byte(to, (uint8_t)(value >> 8 * i));
}

void put_bytes(struct writer *to, const uint8_t *bytes, uint8_t length) {
  put_byte(to, 0xc4);
  put_byte(to, length);
  put(to, bytes, length);
}

void put_text(struct writer *to, const char *text) {
  size_t length = strlen(text);
  put_byte(to, (uint8_t)(0xa0 | length)); // up to 31 bytes
  put(to, text, length);
}

size_t read_uint(const uint8_t *bytes, size_t length, uint32_t *value) {
  *value = bytes[0];
  if (bytes[0] < 0x80) return 1;
  size_t width = bytes[0] == 0xcc ? 1 : bytes[0] == 0xcd ? 2 : bytes[0] == 0xce ? 4 : 0;
  if (width == 0 || length < 1 + width) return 0;
  *value = 0;
  for (size_t i = 1; i <= width; i++) *value = *value << 8 | bytes[i];
  return *value >= (width == 1 ? 0x80u : width == 2 ? 0x100u : 0x10000u) ? 1 + width : 0;
}

size_t read_bytes(const uint8_t *bytes, size_t length, const uint8_t **content, size_t *content_length) {
  size_t width = length < 3 ? 0 : bytes[0] == 0xc4 ? 1 : bytes[0] == 0xc5 ? 2 : 0;
  if (width == 0) return 0;
  size_t count = width == 1 ? bytes[1] : (size_t)bytes[1] << 8 | bytes[2], head = 1 + width;
  if (width == 2 && count < 0x100) return 0;
  if (count > length - head) return 0;
  *content = bytes + head;
  *content_length = count;
  return head + count;
}
