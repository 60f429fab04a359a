// What the non-secure image of a board with two worlds has from the secure one: an isolate's, or (CLIENT) a client's.
#include "../../hal/board.h"
#ifdef CLIENT
#include "../../seam/device.h"
#define RANDOM_MAX DEVICE_RANDOM_MAX
#define inside_random device_random
#define inside_end device_end
#else
#include "../../seam/isolate.h"
#define RANDOM_MAX ISOLATE_RANDOM_MAX
#define inside_random isolate_random
#define inside_end isolate_end
#endif

bool entropy_read(void *out, size_t length) {
  for (uint8_t *to = out; length > 0;) {
    uint32_t part = length < RANDOM_MAX ? (uint32_t)length : RANDOM_MAX;
    if (!inside_random(to, part)) return false;
    to += part;
    length -= part;
  }
  return true;
}

_Noreturn void board_exit(int code) {
  for (;;) inside_end((uint32_t)code);
}

_Noreturn void board_reset(void) { board_exit(1); }
