// Arm MPS2 and MPS2+ FPGA images (AN385, AN500, AN505) as QEMU emulates them. Development boards:
// nothing on them is secret from their owner.
#include "../../hal/board.h"

#include "../../arch/background.h"
#include "../../core/crossing.h"
#include "../../drivers/cmsdk-uart.h"
#include "../../hal/worlds.h"
#include "board-config.h"

const char board_name[] = BOARD_NAME;
const bool board_is_development = true;

static volatile uint32_t milliseconds;

void board_init(void) {
#ifdef INSIDE
  worlds_split(); // the console is the other world's from here on
#endif
  cmsdk_uart_init(BOARD_UART0);
}

void clock_start(void) {
  SYST_RVR = BOARD_CLOCK_HZ / 1000 - 1;
  SYST_CVR = 0;
  SYST_CSR = 7; // processor clock, interrupt, enabled
}

void systick_handler(void) {
  milliseconds++;
  background_wake();
#ifdef PROGRAM_JIT
  crossing_tick();
#endif
}

uint32_t clock_ms(void) { return milliseconds; }

void console_write(const void *bytes, size_t length) {
  const uint8_t *next = bytes;
  while (length-- > 0) cmsdk_uart_put(BOARD_UART0, *next++);
}

int console_read(void) { return cmsdk_uart_get(BOARD_UART0); }
