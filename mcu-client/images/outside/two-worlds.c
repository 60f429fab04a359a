// What the outside of a board with two worlds has from the inside.
#include "../../hal/board.h"
#include "../../seam/isolate.h"
#include "outside.h"

bool entropy_read(void *out, size_t length) {
  for (uint8_t *to = out; length > 0;) {
    uint32_t part = length < ISOLATE_RANDOM_MAX ? (uint32_t)length : ISOLATE_RANDOM_MAX;
    if (!isolate_random(to, part)) return false;
    to += part;
    length -= part;
  }
  return true;
}

_Noreturn void board_exit(int code) {
  for (;;) isolate_end((uint32_t)code);
}

_Noreturn void board_reset(void) { board_exit(1); }
