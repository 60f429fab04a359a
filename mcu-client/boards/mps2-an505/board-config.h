// MPS2+ FPGA image AN505 (Cortex-M33 with TrustZone), through its secure aliases.
#ifndef BOARD_CONFIG_H
#define BOARD_CONFIG_H

#define BOARD_NAME "mps2-an505"
#define BOARD_CLOCK_HZ 20000000u

#define BOARD_RAM_START 0x38000000u
#define BOARD_RAM_SIZE 0x00400000u

#define BOARD_UART0 0x50200000u
#define BOARD_TIMER0 0x50000000u
#define BOARD_ETHERNET 0x52000000u
#define BOARD_ETHERNET_INTERRUPT 48
#define BOARD_WATCHDOG 0x50081000u
#define BOARD_WATCHDOG_HZ 20000000u
#define BOARD_UART1 0x50201000u
#define BOARD_UART1_INTERRUPT 34
#define BOARD_INTERRUPT_COUNT 96

// Handlers in the vector table.
#define BOARD_INTERRUPTS \
  [16 + BOARD_ETHERNET_INTERRUPT] = lan9118_handler, [16 + BOARD_UART1_INTERRUPT] = serial_handler,

void lan9118_handler(void);
void serial_handler(void);

#endif
