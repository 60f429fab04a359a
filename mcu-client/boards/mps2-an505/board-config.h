// MPS2+ FPGA image AN505 (Cortex-M33 with TrustZone). An image is one of three: all of the board, through its
// secure aliases; its secure world (INSIDE); its non-secure world (OUTSIDE).
#ifndef BOARD_CONFIG_H
#define BOARD_CONFIG_H

#define BOARD_NAME "mps2-an505"
#define BOARD_CLOCK_HZ 20000000u
#define BOARD_INTERRUPT_COUNT 96
#define BOARD_ETHERNET_INTERRUPT 48
#define BOARD_UART1_INTERRUPT 34
#define BOARD_UART2 0x50202000u // brings entropy: the secure world's
#define BOARD_UART2_INTERRUPT 36

// The secure world's flash.
#define BOARD_INSIDE_FLASH_START 0x10000000u
#define BOARD_INSIDE_FLASH_SIZE 0x00200000u

// The non-secure world: its flash, and its RAM.
#define BOARD_OUTSIDE_START 0x00200000u
#define BOARD_OUTSIDE_RAM_START 0x28200000u
#define BOARD_OUTSIDE_RAM_SIZE 0x00200000u

// What the operator provisions about the server: the last page of the non-secure flash.
#define BOARD_CONTROL_PAGE 0x003FF000u

// What the operator provisions about the device's owner: the last page of the secure flash.
#define BOARD_OWNER_PAGE 0x101FF000u

// The time of day of a client in the secure world, which the emulator loads: client-inside.c.
#define BOARD_CLOCK 0x101EFF00u

// Images are kept here (hal/slot-flash.h), by privileged code of the secure world; they run from where they are copied to.
#define BOARD_SLOT_FLASH 0x80000000u
#define BOARD_SLOT_SECTOR 0x1000u
#define BOARD_SLOT_MAIN 0x001F7000u    // all of MAIN
#define BOARD_SLOT_OUTSIDE 0x001FF000u // up to the control page

#if defined(OUTSIDE)
#define BOARD_RAM_START BOARD_OUTSIDE_RAM_START
#define BOARD_RAM_SIZE BOARD_OUTSIDE_RAM_SIZE
#elif defined(INSIDE)
#define BOARD_RAM_START 0x38000000u
#define BOARD_RAM_SIZE 0x00200000u
#else
#define BOARD_RAM_START 0x38000000u
#define BOARD_RAM_SIZE 0x00400000u
#endif

// The console, the serial link and Ethernet are the non-secure world's, where there is one.
#if defined(OUTSIDE) || defined(INSIDE)
#define BOARD_UART0 0x40200000u
#define BOARD_UART1 0x40201000u
#define BOARD_ETHERNET 0x42000000u
#else
#define BOARD_UART0 0x50200000u
#define BOARD_UART1 0x50201000u
#define BOARD_ETHERNET 0x52000000u
#endif
// More RAM, for images that run nothing else.
#define BOARD_FURTHER_RAM 0x80000000u
#define BOARD_TIMER0 0x50000000u
#define BOARD_WATCHDOG 0x50081000u
#define BOARD_WATCHDOG_HZ 20000000u

// Handlers in the vector table.
#if defined(INSIDE) || defined(FIRST_STAGE)
#define BOARD_INTERRUPTS
#else
#define BOARD_INTERRUPTS \
  [16 + BOARD_ETHERNET_INTERRUPT] = lan9118_handler, [16 + BOARD_UART1_INTERRUPT] = serial_handler,
#endif

void lan9118_handler(void);
void serial_handler(void);

#endif
