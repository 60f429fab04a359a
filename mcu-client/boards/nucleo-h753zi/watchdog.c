// The independent watchdog: 32 kHz / 256, so that its 12 bits make some 30 seconds.
#include "../../hal/watchdog.h"

#include "../../arch/cortex-m.h"

#define IWDG_KR REGISTER32(0x58004800)
#define IWDG_PR REGISTER32(0x58004804)
#define IWDG_RLR REGISTER32(0x58004808)

void watchdog_start(void) {
  IWDG_KR = 0xCCCC;
  IWDG_KR = 0x5555;
  IWDG_PR = 6;
  IWDG_RLR = 2500; // 20 s
  IWDG_KR = 0xAAAA;
}

void watchdog_feed(void) { IWDG_KR = 0xAAAA; }
