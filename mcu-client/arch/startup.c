// Vector table and reset handler of every board.
#include "../hal/board.h"
#include "console.h"
#include "cortex-m.h"
#include "protection.h"
#include "board-config.h"

extern uint32_t __stack_top[], __data_start[], __data_end[], __data_load[], __bss_start[],
    __bss_end[], __core_bss_start[], __core_end[], __fault_stack_top[];

extern int main(void);
void reset_handler(void);
void fault_handler(void);
void systick_handler(void);
void pendsv_handler(void);
void svc_handler(void);

// An exception that nothing here enables: reported like a fault, never ignored.
static void unexpected_handler(void) { fault_handler(); }

// Boards name their interrupt handlers in board-config.h; the others end in `unexpected_handler`.
#ifndef BOARD_INTERRUPTS
#define BOARD_INTERRUPTS
#endif

typedef void (*vector)(void);

__attribute__((section(".vectors"), used)) const vector vector_table[16 + BOARD_INTERRUPT_COUNT] = {
#ifdef CORE
    [0] = (vector)__fault_stack_top, // the thread's stack is none of the core's
#else
    [0] = (vector)__stack_top,
#endif
    [1] = reset_handler,
    [2] = fault_handler, // NMI
    [3] = fault_handler, // HardFault
    [4] = fault_handler, // MemManage
    [5] = fault_handler, // BusFault
    [6] = fault_handler, // UsageFault
    [7] = fault_handler, // SecureFault
#ifdef SUPERVISOR
    [11] = svc_handler,
#else
    [11] = fault_handler, // SVCall
#endif
    [12] = fault_handler, // DebugMonitor
#if defined(BACKGROUND) || defined(PROGRAM_JIT)
    [14] = pendsv_handler,
#else
    [14] = fault_handler, // PendSV
#endif
    [15] = systick_handler,
    [16 ... 16 + BOARD_INTERRUPT_COUNT - 1] = unexpected_handler,
    BOARD_INTERRUPTS
};

// What functions with arrays on their stack put before their return address, drawn anew at each start. GCC's own
// names.
uint32_t __stack_chk_guard;
_Noreturn void __stack_chk_fail(void);

// Somebody wrote beyond an array: where this was called from says nothing any more.
_Noreturn void __stack_chk_fail(void) {
  console_print("fault: the stack was overwritten\n");
  board_exit(100);
}

// The guard changes while no function is under way that has put it on its stack: this one must not, nor return.
__attribute__((noinline, no_stack_protector)) static _Noreturn void start_guarded(void) {
#ifdef __SSP_STRONG__
  uint32_t guard;
  if (!entropy_read(&guard, sizeof guard)) {
    console_print("no entropy\n");
    board_exit(1);
  }
  __stack_chk_guard = guard;
#endif
  board_exit(main());
}

// Runs before .data and .bss are set up, on the stack that the vector table names.
__attribute__((noreturn, used)) void reset_handler(void) {
  interrupts_disable();
  for (uint32_t *to = __data_start, *from = __data_load; to < __data_end;) *to++ = *from++;
  for (uint32_t *to = __bss_start; to < __bss_end;) *to++ = 0;
  for (uint32_t *to = __core_bss_start; to < __core_end;) *to++ = 0;
  SCB_VTOR = (uint32_t)vector_table;
#ifdef __ARM_FP
  SCB_CPACR |= 0xFu << 20; // full access to the floating-point unit
  barrier();
#endif
  protection_init();
  board_init();
  interrupts_enable();
  start_guarded();
}
