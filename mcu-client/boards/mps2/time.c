// The emulator's host tells the time, unless the emulator's command line is `clock=none`, for tests of a board that
// does not know it.
#include <string.h>

#include "../../arch/semihosting.h"
#include "../../hal/board-time.h"

bool board_time(uint64_t *seconds) {
  char line[sizeof "clock=none"];
  if (semihosting_command_line(line, sizeof line) && strcmp(line, "clock=none") == 0) return false;
  *seconds = semihosting_time();
  return *seconds != 0;
}
