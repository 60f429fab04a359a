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
#ifdef INSIDE
  if (SAU_SFSR) return "secure";
#endif
  return "unexpected exception";
}

__attribute__((noreturn, used)) static void report(const struct exception_frame *frame,
                                                   uint32_t exception) {
  uint32_t cfsr = SCB_CFSR;
  console_print("fault: %s (exception %u, CFSR %x, HFSR %x", cause(cfsr), exception, cfsr,
                SCB_HFSR);
  if (cfsr & CFSR_MMARVALID) console_print(", address %x", SCB_MMFAR);
  if (cfsr & CFSR_BFARVALID) console_print(", address %x", SCB_BFAR);
#ifdef INSIDE
  if (SAU_SFSR) console_print(", SFSR %x", SAU_SFSR);
  if (SAU_SFSR & SFSR_SFARVALID) console_print(", address %x", SAU_SFAR);
  if (!frame) console_print(", outside with CFSR %x", SCB_CFSR_NS);
#endif
  // After a stacking error there is no frame to read.
  if (frame && !(cfsr & (CFSR_STKOF | CFSR_MSTKERR | CFSR_STKERR)))
    console_print(", pc %x, lr %x", frame->pc, frame->lr);
  console_print(")\n");
  board_exit(100);
}

#ifdef HARNESS
// For tests only: a fault of the other world, whose code uses its main stack and long instructions, is noted in
// its r12, and passed over.
__attribute__((used)) static void pass_over(void) {
  uint32_t *frame;
  __asm volatile("mrs %0, msp_ns" : "=r"(frame));
  frame[4] = 0xFA17;
  frame[6] += 4;
  SCB_CFSR = SCB_CFSR_NS = SCB_HFSR = SAU_SFSR = UINT32_MAX;
}
#endif

// The stack may be what failed: the report runs on a stack of its own.
__attribute__((naked, used)) void fault_handler(void) {
  __asm volatile(
#ifdef HARNESS
      "tst lr, #0x40\n"
      "beq %c1\n"
#endif
      "tst lr, #4\n"
      "ite eq\n"
      "mrseq r0, msp\n"
      "mrsne r0, psp\n"
      "mrs r1, ipsr\n"
#ifdef INSIDE
      // The other world's frame lies where that world says: it is not read.
      "tst lr, #0x40\n"
      "it eq\n"
      "moveq r0, #0\n"
#endif
#if __ARM_ARCH == 8
      "movs r2, #0\n"
      "msr msplim, r2\n"
#endif
      "ldr r2, =__fault_stack_top\n"
      "mov sp, r2\n"
      "b %c0\n"
      ".ltorg\n" ::"i"(report)
#ifdef HARNESS
      ,
      "i"(pass_over)
#endif
  );
}
