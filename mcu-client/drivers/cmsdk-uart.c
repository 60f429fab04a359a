#include "cmsdk-uart.h"

struct cmsdk_uart {
  volatile uint32_t data, state, control, interrupt, divider;
};
enum { STATE_TX_FULL = 1, STATE_RX_FULL = 2 };
enum { CONTROL_TX_ENABLE = 1, CONTROL_RX_ENABLE = 2, CONTROL_RX_INTERRUPT = 8 };
enum { INTERRUPT_RX = 2 };

static struct cmsdk_uart *uart(uintptr_t base) { return (struct cmsdk_uart *)base; }

void cmsdk_uart_init(uintptr_t base) {
  uart(base)->divider = 16; // the fastest that the UART has
  uart(base)->control = CONTROL_TX_ENABLE | CONTROL_RX_ENABLE;
}

void cmsdk_uart_put(uintptr_t base, uint8_t byte) {
  while (uart(base)->state & STATE_TX_FULL) {
  }
  uart(base)->data = byte;
}

int cmsdk_uart_get(uintptr_t base) {
  return uart(base)->state & STATE_RX_FULL ? (int)(uart(base)->data & 0xFF) : -1;
}

void cmsdk_uart_enable_interrupt(uintptr_t base) { uart(base)->control |= CONTROL_RX_INTERRUPT; }

void cmsdk_uart_clear_interrupt(uintptr_t base) { uart(base)->interrupt = INTERRUPT_RX; }
