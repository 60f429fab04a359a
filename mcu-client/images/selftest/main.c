// Does what the semihosting command line asks for, so that a test can see what comes of it.
#include <stdlib.h>
#include <string.h>

#include "../../arch/console.h"
#include "../../arch/semihosting.h"
#include "../../hal/board.h"

static volatile uint32_t depth_reached;

// Not a tail call: the sum is taken after the call. It ends only where no stack can reach.
static uint32_t recurse(uint32_t depth) {
  volatile uint32_t frame[16];
  frame[0] = depth;
  depth_reached = depth;
  return depth == UINT32_MAX ? 0 : recurse(depth + 1) + frame[0];
}

static void entropy(void) {
  uint32_t first[8], second[8];
  if (!entropy_read(first, sizeof first) || !entropy_read(second, sizeof second))
    console_print("no entropy\n");
  else
    console_print("entropy %x %x\n", first[0], second[0]);
}

static void wait_for_clock(void) {
  clock_start();
  uint32_t start = clock_ms();
  while (clock_ms() - start < 20) {
  }
  console_print("20 ms passed\n");
}

static void allocate_all(void) {
  uint32_t blocks = 0;
  while (malloc(65536)) blocks++;
  console_print("heap of %u blocks\n", blocks);
}

// Writes beyond its array, as a bug would; the compiler must not see that.
__attribute__((noinline)) static void overwrite(volatile size_t length) {
  char array[8];
  volatile char *to = array;
  for (size_t i = 0; i < length; i++) to[i] = 'x';
  console_print("%u was written\n", length);
}

int main(void) {
  char what[64];
  if (!semihosting_command_line(what, sizeof what)) return 2;
  console_print("board %s\n", board_name);
  if (strcmp(what, "entropy") == 0) entropy();
  if (strcmp(what, "clock") == 0) wait_for_clock();
  if (strcmp(what, "heap") == 0) allocate_all();
  if (strcmp(what, "stack-overflow") == 0) console_print("%u\n", recurse(0));
  if (strcmp(what, "execute-data") == 0) {
    static uint16_t code[] = {0x4770}; // bx lr
    ((void (*)(void))((uintptr_t)code | 1))();
    console_print("data was executed\n");
  }
  if (strcmp(what, "bus-fault") == 0) *(volatile uint32_t *)0x90000000 = 1;
  if (strcmp(what, "within-array") == 0) overwrite(8);
  if (strcmp(what, "beyond-array") == 0) overwrite(24);
  if (strcmp(what, "abort") == 0) abort();
  console_print("end\n");
  return 0;
}
