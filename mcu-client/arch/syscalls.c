// What newlib asks of the system below it: a heap, and an end.
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "../hal/board.h"
#include "console.h"

extern char __heap_start[], __heap_end[];

static char *heap_top = __heap_start;
static char *heap_peak = __heap_start;

void *_sbrk(ptrdiff_t increment) {
  if (increment > __heap_end - heap_top || increment < __heap_start - heap_top) {
    errno = ENOMEM;
    return (void *)-1;
  }
  char *previous = heap_top;
  heap_top += increment;
  if (heap_top > heap_peak) heap_peak = heap_top;
  return previous;
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
