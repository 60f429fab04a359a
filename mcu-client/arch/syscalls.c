// What newlib asks of the system below it.
#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#include "../hal/board.h"
#include "console.h"

// Nothing here uses newlib's own heap (arch/heap.c replaces it) or its streams.
void *_sbrk(ptrdiff_t increment) {
  (void)increment;
  errno = ENOMEM;
  return (void *)-1;
}

_Noreturn void abort(void) {
  console_print("abort\n");
  board_exit(101);
}

_Noreturn void _exit(int code) { board_exit(code); }

_Noreturn void __assert_func(const char *file, int line, const char *function, const char *text) {
  console_print("assertion failed: %s, %s:%d (%s)\n", text, file, line, function);
  board_exit(102);
}
