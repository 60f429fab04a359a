// UART of the Arm Cortex-M System Design Kit (DDI 0479, APB UART).
#ifndef DRIVERS_CMSDK_UART_H
#define DRIVERS_CMSDK_UART_H

#include <stdint.h>

/// `base`: the address of the UART's registers, here and below.
void cmsdk_uart_init(uintptr_t base);

/// Sends one byte; waits while the transmit buffer is full.
void cmsdk_uart_put(uintptr_t base, uint8_t byte);

/// Takes one received byte: 0 to 255, or -1 when there is none.
int cmsdk_uart_get(uintptr_t base);

/// Lets the UART interrupt for each received byte.
void cmsdk_uart_enable_interrupt(uintptr_t base);

/// Clears that interrupt, before the bytes are taken.
void cmsdk_uart_clear_interrupt(uintptr_t base);

#endif
