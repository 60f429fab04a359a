#include "health.h"

#include <string.h>

#include "../hal/board.h"
#include "../link/connection.h"
#include "platform-interface.h"
#include "root-of-trust.h"

// MessagePack as the transport protocol writes it: each number as short as it can be.
struct writer {
  uint8_t bytes[96];
  size_t length;
};

static void put(struct writer *to, const void *bytes, size_t length) {
  memcpy(to->bytes + to->length, bytes, length);
  to->length += length;
}

static void put_byte(struct writer *to, uint8_t byte) { put(to, &byte, 1); }

static void put_uint(struct writer *to, uint32_t value) {
  if (value < 0x80) {
    put_byte(to, (uint8_t)value);
    return;
  }
  int width = value < 0x100 ? 1 : value < 0x10000 ? 2 : 4;
  put_byte(to, width == 1 ? 0xcc : width == 2 ? 0xcd : 0xce);
  for (int i = width - 1; i >= 0; i--) put_byte(to, (uint8_t)(value >> 8 * i));
}

static void put_bytes(struct writer *to, const uint8_t *bytes, uint8_t length) {
  put_byte(to, 0xc4);
  put_byte(to, length);
  put(to, bytes, length);
}

static void put_text(struct writer *to, const char *text) {
  size_t length = strlen(text);
  put_byte(to, (uint8_t)(0xa0 | length)); // up to 31 bytes
  put(to, text, length);
}

// Reads an unsigned integer in its shortest form: its length in bytes, or 0 when there is none.
static size_t read_uint(const uint8_t *bytes, size_t length, uint32_t *value) {
  *value = bytes[0];
  if (bytes[0] < 0x80) return 1;
  size_t width = bytes[0] == 0xcc ? 1 : bytes[0] == 0xcd ? 2 : bytes[0] == 0xce ? 4 : 0;
  if (width == 0 || length < 1 + width) return 0;
  *value = 0;
  for (size_t i = 1; i <= width; i++) *value = *value << 8 | bytes[i];
  return *value >= (width == 1 ? 0x80u : width == 2 ? 0x100u : 0x10000u) ? 1 + width : 0;
}

bool health_answer(const uint8_t *message, size_t length, bool running) {
  // An array of two: the type and the id.
  uint32_t id;
  if (length < 3 || message[0] != 0x92 || message[1] != MESSAGE_HEALTH) return false;
  if (read_uint(message + 2, length - 2, &id) != length - 2) return false; // the runtime refuses it
  static uint8_t boot[16];
  static bool drawn;
  if (!drawn) drawn = entropy_read(boot, sizeof boot);
  struct writer answer = {.length = 0};
  put_byte(&answer, 0x98); // an array of eight
  put_uint(&answer, MESSAGE_HEALTH_IS);
  put_uint(&answer, id);
  put_text(&answer, "mcu");
  put_uint(&answer, root_of_trust_lifecycle);
  put_bytes(&answer, boot, sizeof boot);
  put_bytes(&answer, root_of_trust_measurement, 32);
  put_uint(&answer, running ? 1 : 0);
  put_uint(&answer, CONNECTION_MESSAGE_MAX);
  connection_send(connection_number(), answer.bytes, answer.length);
  return true;
}

void health_refuse(const uint8_t *start, const char *text) {
  // A request is an array whose second element is its id.
  uint32_t id;
  if (read_uint(start + 2, 5, &id) == 0) return;
  struct writer answer = {.length = 0};
  put_byte(&answer, 0x94); // an array of four
  put_uint(&answer, MESSAGE_REFUSED);
  put_uint(&answer, id);
  put_uint(&answer, STATUS_FAILED_GENERIC);
  put_text(&answer, text);
  connection_send(connection_number(), answer.bytes, answer.length);
}
