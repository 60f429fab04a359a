// Reports a fault on the console, then ends (emulator) or resets (board).
#include "../hal/board.h"
#include "console.h"
#include "cortex-m.h"

struct exception_frame {
  uint32_t r0, r1, r2, r3, r12, lr, pc, psr;
};

static const char *cause(uint32_t cfsr) {
  if (cfsr & (CFSR_STKOF | CFSR_MSTKERR | CFSR_STKERR)) return "stack overflow";
  if (cfsr & 0xFFu) return "memory protection";
  if (cfsr & 0xFF00u) return "bus";
  if (cfsr & CFSR_DIVBYZERO) return "division by zero";
  if (cfsr & 0xFFFF0000u) return "usage";
  return "unexpected exception";
}

__attribute__((noreturn, used)) static void report(const struct exception_frame *frame,
                                                   uint32_t exception) {
  uint32_t cfsr = SCB_CFSR;
  console_print("fault: %s (exception %u, CFSR %x, HFSR %x", cause(cfsr), exception, cfsr,
                SCB_HFSR);
  if (cfsr & CFSR_MMARVALID) console_print(", address %x", SCB_MMFAR);
  if (cfsr & CFSR_BFARVALID) console_print(", address %x", SCB_BFAR);
  // After a stacking error there is no frame to read.
  if (!(cfsr & (CFSR_STKOF | CFSR_MSTKERR | CFSR_STKERR)))
    console_print(", pc %x, lr %x", frame->pc, frame->lr);
  console_print(")\n");
  board_exit(100);
}

// The stack may be what failed: the report runs on a stack of its own.
__attribute__((naked, used)) void fault_handler(void) {
  __asm volatile(
      "tst lr, #4\n"
      "ite eq\n"
      "mrseq r0, msp\n"
      "mrsne r0, psp\n"
      "mrs r1, ipsr\n"
#if __ARM_ARCH == 8
      "movs r2, #0\n"
      "msr msplim, r2\n"
#endif
      "ldr r2, =__fault_stack_top\n"
      "mov sp, r2\n"
      "b %c0\n"
      ".ltorg\n" ::"i"(report));
}
