// MPS2 FPGA image AN385 (Cortex-M3). The AN386 and the AN500 name first what is theirs, and include this.
#ifndef BOARD_CONFIG_H
#define BOARD_CONFIG_H

#ifndef BOARD_NAME
#define BOARD_NAME "mps2-an385"
#endif
#define BOARD_CLOCK_HZ 25000000u

#define BOARD_FLASH_START 0u
#define BOARD_FLASH_LOG2 22
#define BOARD_RAM_START 0x20000000u
#define BOARD_RAM_SIZE 0x00400000u
#define BOARD_RAM_LOG2 22
// More of it, for images that run nothing else.
#ifndef BOARD_FURTHER_RAM
#define BOARD_FURTHER_RAM 0x21000000u
#endif

// What the operator provisions about the server: the last page of flash.
#define BOARD_CONTROL_PAGE 0x003FF000u

// What the operator provisions about the device's owner: the page before that.
#define BOARD_OWNER_PAGE 0x003FE000u

// Images are kept here (hal/slot-flash.h), by privileged code; they run from where they are copied to.
#define BOARD_SLOT_FLASH BOARD_FURTHER_RAM
#define BOARD_SLOT_SECTOR 0x1000u
#define BOARD_SLOT_MAIN 0x003F6000u // MAIN up to the owner's page
#define BOARD_SLOT_OUTSIDE 0u       // there is one image

#define BOARD_UART0 0x40004000u
#define BOARD_TIMER0 0x40000000u
#ifndef BOARD_ETHERNET
#define BOARD_ETHERNET 0x40200000u
#endif
#define BOARD_ETHERNET_INTERRUPT 13
// Registers that are the thread's, where the isolate has a core: the links'. Address, and log2 of the size.
#define BOARD_THREAD_DEVICES {BOARD_ETHERNET, 12}, {BOARD_UART1, 12}
#define BOARD_WATCHDOG 0x40008000u
#define BOARD_WATCHDOG_HZ 25000000u
#define BOARD_UART1 0x40005000u
#define BOARD_UART1_INTERRUPT 2
#define BOARD_UART2 0x40006000u
#define BOARD_UART2_INTERRUPT 4
#define BOARD_INTERRUPT_COUNT 32

// Handlers in the vector table.
#ifdef FIRST_STAGE
#define BOARD_INTERRUPTS
#else
#define BOARD_INTERRUPTS \
  [16 + BOARD_ETHERNET_INTERRUPT] = lan9118_handler, [16 + BOARD_UART1_INTERRUPT] = serial_handler,
#endif

void lan9118_handler(void);
void serial_handler(void);

#endif
