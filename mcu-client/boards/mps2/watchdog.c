// The CMSDK watchdog (DDI 0479): interrupts when it runs out, resets when it runs out again.
#include "../../hal/watchdog.h"

#include "../../arch/cortex-m.h"
#include "board-config.h"

enum { TIMEOUT_SECONDS = 20 };

struct cmsdk_watchdog {
  volatile uint32_t load, value, control, interrupt_clear, raw_interrupt, interrupt;
};
#define WATCHDOG ((struct cmsdk_watchdog *)BOARD_WATCHDOG)
#define WATCHDOG_LOCK REGISTER32(BOARD_WATCHDOG + 0xC00)
enum { CONTROL_INTERRUPT = 1, CONTROL_RESET = 2, UNLOCK = 0x1ACCE551 };

void watchdog_start(void) {
  WATCHDOG_LOCK = UNLOCK;
  WATCHDOG->load = BOARD_WATCHDOG_HZ * TIMEOUT_SECONDS;
  WATCHDOG->control = CONTROL_INTERRUPT | CONTROL_RESET;
  WATCHDOG_LOCK = 0;
}

void watchdog_feed(void) {
  WATCHDOG_LOCK = UNLOCK;
  WATCHDOG->load = BOARD_WATCHDOG_HZ * TIMEOUT_SECONDS;
  WATCHDOG_LOCK = 0;
}
