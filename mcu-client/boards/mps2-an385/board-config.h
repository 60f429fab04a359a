// MPS2 FPGA image AN385 (Cortex-M3); the AN386 differs in its core and its name only.
#ifndef BOARD_CONFIG_H
#define BOARD_CONFIG_H

#ifndef BOARD_NAME
#define BOARD_NAME "mps2-an385"
#endif
#define BOARD_CLOCK_HZ 25000000u

#define BOARD_RAM_START 0x20000000u
#define BOARD_RAM_SIZE 0x00400000u
#define BOARD_RAM_LOG2 22

#define BOARD_UART0 0x40004000u
#define BOARD_TIMER0 0x40000000u
#define BOARD_ETHERNET 0x40200000u
#define BOARD_ETHERNET_INTERRUPT 13
#define BOARD_WATCHDOG 0x40008000u
#define BOARD_WATCHDOG_HZ 25000000u
#define BOARD_UART1 0x40005000u
#define BOARD_UART1_INTERRUPT 2
#define BOARD_INTERRUPT_COUNT 32

// Handlers in the vector table.
#define BOARD_INTERRUPTS \
  [16 + BOARD_ETHERNET_INTERRUPT] = lan9118_handler, [16 + BOARD_UART1_INTERRUPT] = serial_handler,

void lan9118_handler(void);
void serial_handler(void);

#endif
