#include "update.h"

#include <string.h>

#include "../../link/connection.h"
#include "../../seam/isolate.h"
#include "messagepack.h"
#include "platform-interface.h"

// Array of five: type, id, step, offset, bytes.
static bool read_message(const uint8_t *at, size_t left, uint32_t numbers[3], const uint8_t **bytes, size_t *length) {
  at += 2;
  left -= 2;
  for (int i = 0; i < 3; i++) {
    size_t taken = left > 0 ? read_uint(at, left, &numbers[i]) : 0;
    if (taken == 0) return false;
    at += taken;
    left -= taken;
  }
  // An empty byte string has two bytes.
  if (left == 2 && at[0] == 0xc4 && at[1] == 0) {
    *length = 0;
    return true;
  }
  return read_bytes(at, left, bytes, length) == left;
}

bool update_answer(const uint8_t *message, size_t length) {
  static uint8_t piece[UPDATE_PIECE_MAX];
  if (length < 3 || message[0] != 0x95 || message[1] != MESSAGE_UPDATE) return false;
  uint32_t numbers[3];
  const uint8_t *bytes;
  size_t bytes_length;
  // What is malformed is the runtime's to refuse.
  if (!read_message(message, length, numbers, &bytes, &bytes_length) || bytes_length > sizeof piece) return false;
  uint32_t from = connection_number();
  // In this world's RAM, where a constant one would not be.
  memcpy(piece, bytes_length > 0 ? bytes : piece, bytes_length);
  uint32_t outcome = isolate_update(numbers[1], numbers[2], piece, (uint32_t)bytes_length);
  struct update_state state;
  memset(&state, 0, sizeof state);
  isolate_update_state(&state);
  struct writer answer = {.length = 0};
  put_byte(&answer, 0x94); // an array of four
  put_uint(&answer, MESSAGE_UPDATE_IS);
  put_uint(&answer, numbers[0]);
  put_uint(&answer, outcome);
  put_bytes(&answer, (const uint8_t *)&state, sizeof state);
  connection_send(from, answer.bytes, answer.length);
  return true;
}
