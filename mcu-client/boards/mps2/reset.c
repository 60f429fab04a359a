#include "../../arch/cortex-m.h"
#include "../../hal/board.h"

_Noreturn void board_reset(void) {
  barrier();
  SCB_AIRCR = AIRCR_SYSRESETREQ;
  barrier();
  for (;;) {
  }
}
