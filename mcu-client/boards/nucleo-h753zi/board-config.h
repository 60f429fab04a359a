// ST NUCLEO-H753ZI: STM32H753ZI (Cortex-M7, TRNG, Ethernet). Register names as in RM0433.
#ifndef BOARD_CONFIG_H
#define BOARD_CONFIG_H

#define BOARD_NAME "nucleo-h753zi"
// What the operator provisions about the server: a sector of its own (bank 2, sector 6).
#define BOARD_CONTROL_PAGE 0x081C0000u
#define BOARD_CLOCK_HZ 400000000u

// Bank 1.
#define BOARD_FLASH_START 0x08000000u
#define BOARD_FLASH_LOG2 20

// AXI SRAM: the Ethernet controller's DMA reaches it.
#define BOARD_RAM_START 0x24000000u
#define BOARD_RAM_SIZE 0x00080000u
#define BOARD_RAM_LOG2 19

// DTCM, which that DMA does not reach (RM0433, bus matrix): the core's.
#define BOARD_CORE_RAM_START 0x20000000u
#define BOARD_CORE_RAM_LOG2 17

// The serial link's UART, the only peripheral of the thread's.
#define BOARD_THREAD_DEVICES {0x40004400u, 10}

#define BOARD_ETHERNET_INTERRUPT 61
#define BOARD_SERIAL_INTERRUPT 38
#define BOARD_INTERRUPT_COUNT 150

#define BOARD_INTERRUPTS \
  [16 + BOARD_ETHERNET_INTERRUPT] = ethernet_handler, [16 + BOARD_SERIAL_INTERRUPT] = serial_handler,

void ethernet_handler(void);
void serial_handler(void);

#endif
