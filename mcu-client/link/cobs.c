#include "cobs.h"

enum cobs_event cobs_decode(struct cobs_decoder *decoder, uint8_t byte, uint8_t *out,
                            size_t capacity, size_t *length) {
  if (byte == 0) {
    bool bad = decoder->bad || decoder->left > 0;
    *length = decoder->length;
    *decoder = (struct cobs_decoder){0};
    return bad ? COBS_BAD : *length > 0 ? COBS_PACKET : COBS_MORE;
  }
  if (decoder->bad) return COBS_MORE;
  if (decoder->left == 0) { // the code byte of a group
    if (decoder->zero_next) {
      if (decoder->length == capacity) {
        decoder->bad = true;
        return COBS_MORE;
      }
      out[decoder->length++] = 0;
    }
    decoder->left = (uint8_t)(byte - 1);
    decoder->zero_next = byte != 0xFF;
    return COBS_MORE;
  }
  if (decoder->length == capacity) {
    decoder->bad = true;
    return COBS_MORE;
  }
  out[decoder->length++] = byte;
  decoder->left--;
  return COBS_MORE;
}

void cobs_encode(const uint8_t *bytes, size_t length, void (*put)(uint8_t byte)) {
  size_t at = 0;
  for (;;) {
    size_t run = 0;
    while (at + run < length && run < 254 && bytes[at + run] != 0) run++;
    put((uint8_t)(run + 1));
    for (size_t i = 0; i < run; i++) put(bytes[at + i]);
    at += run;
    if (at == length) break;
    if (run < 254) at++; // the zero that the group stands for
    // A packet that ends in a zero has an empty last group.
  }
  put(0);
}
