// What images for development have from the emulator's host, by semihosting: entropy, and the end.
#include "../../arch/semihosting.h"
#include "../../hal/board.h"

bool entropy_read(void *out, size_t length) {
  int source = semihosting_open("/dev/urandom");
  if (source < 0) return false;
  bool whole = semihosting_read(source, out, length);
  semihosting_close(source);
  return whole;
}

_Noreturn void board_exit(int code) { semihosting_exit(code); }
