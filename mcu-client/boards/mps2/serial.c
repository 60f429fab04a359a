// The serial link's line is UART 1; the console has UART 0.
#include "../../hal/serial.h"

#include "../../arch/background.h"
#include "../../arch/cortex-m.h"
#include "../../drivers/cmsdk-uart.h"
#include "board-config.h"

// Room for two packets of the serial link; more is lost, and sent again.
enum { CAPACITY = 2048 };
static uint8_t received[CAPACITY];
static volatile uint32_t head, tail; // bytes taken and bytes stored, ever

void serial_handler(void) {
  cmsdk_uart_clear_interrupt(BOARD_UART1);
  for (int byte; (byte = cmsdk_uart_get(BOARD_UART1)) >= 0;)
    if (tail - head < CAPACITY) received[tail++ % CAPACITY] = (uint8_t)byte;
  background_wake();
}

void serial_init(void) {
  cmsdk_uart_init(BOARD_UART1);
  cmsdk_uart_enable_interrupt(BOARD_UART1);
#ifdef BACKGROUND
  NVIC_IPR(BOARD_UART1_INTERRUPT) = PRIORITY_LINK_INTERRUPT;
#endif
  NVIC_ISER(BOARD_UART1_INTERRUPT / 32) = 1u << BOARD_UART1_INTERRUPT % 32;
}

int serial_read(void) { return head == tail ? -1 : received[head++ % CAPACITY]; }

void serial_write(uint8_t byte) { cmsdk_uart_put(BOARD_UART1, byte); }
