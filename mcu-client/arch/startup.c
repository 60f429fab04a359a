// Vector table and reset handler of every board.
#include "../hal/board.h"
#include "cortex-m.h"
#include "protection.h"
#include "board-config.h"

extern uint32_t __stack_top[], __data_start[], __data_end[], __data_load[], __bss_start[],
    __bss_end[];

extern int main(void);
void reset_handler(void);
void fault_handler(void);
void systick_handler(void);

// An exception that nothing here enables: reported like a fault, never ignored.
static void unexpected_handler(void) { fault_handler(); }

// Boards name their interrupt handlers in board-config.h; the others end in `unexpected_handler`.
#ifndef BOARD_INTERRUPTS
#define BOARD_INTERRUPTS
#endif

typedef void (*vector)(void);

__attribute__((section(".vectors"), used)) const vector vector_table[16 + BOARD_INTERRUPT_COUNT] = {
    [0] = (vector)__stack_top,
    [1] = reset_handler,
    [2] = fault_handler, // NMI
    [3] = fault_handler, // HardFault
    [4] = fault_handler, // MemManage
    [5] = fault_handler, // BusFault
    [6] = fault_handler, // UsageFault
    [7] = fault_handler, // SecureFault
    [11] = fault_handler, // SVCall
    [12] = fault_handler, // DebugMonitor
    [14] = fault_handler, // PendSV
    [15] = systick_handler,
    [16 ... 16 + BOARD_INTERRUPT_COUNT - 1] = unexpected_handler,
    BOARD_INTERRUPTS
};

// Runs before .data and .bss are set up, on the stack that the vector table names.
__attribute__((noreturn, used)) void reset_handler(void) {
  interrupts_disable();
  for (uint32_t *to = __data_start, *from = __data_load; to < __data_end;) *to++ = *from++;
  for (uint32_t *to = __bss_start; to < __bss_end;) *to++ = 0;
  SCB_VTOR = (uint32_t)vector_table;
#ifdef __ARM_FP
  SCB_CPACR |= 0xFu << 20; // full access to the floating-point unit
  barrier();
#endif
  protection_init();
  board_init();
  interrupts_enable();
  board_exit(main());
}
