// The end of an isolate on an emulated board. It has no call of the emulator's host (semihosting would let the
// isolate open that host's files): whoever runs the emulator reads this line and ends it (host/mcu/emulator.ts).
// If nobody does, the watchdog resets the board.
#include "../../arch/console.h"
#include "../../arch/cortex-m.h"
#include "../../hal/board.h"

_Noreturn void board_exit(int code) {
  interrupts_disable();
  console_print("\nend %d\n", code);
  for (;;) wait_for_interrupt();
}
