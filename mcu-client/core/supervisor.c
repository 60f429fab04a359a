#include "supervisor.h"

#include "../arch/cortex-m.h"
#ifdef PROGRAM_JIT
#include "crossing.h"
#endif

void svc_handler(void);
void pendsv_handler(void);
void fault_handler(void);

__attribute__((used, no_stack_protector)) static void answer(struct call *call) {
#ifdef PROGRAM_JIT
  if (crossing_answers(call)) return;
#endif
  core_answer(call);
}

// The frame lies on the thread's stack, where hardware has put it with the thread's rights. If an interrupt of the
// other world came with the call, the registers r4 to r11 were put below it first (EXC_RETURN.DCRS is 0): they are
// taken from there, and hardware finds the plain frame when it returns.
#define ENTER(served)                                                                      \
  "tst lr, #8\n" /* a handler has no need of calls */                                      \
  "beq fault_handler\n"                                                                    \
  "tst lr, #4\n"                                                                           \
  "ite eq\n"                                                                               \
  "mrseq r0, msp\n"                                                                        \
  "mrsne r0, psp\n"                                                                        \
  "tst lr, #0x20\n"                                                                        \
  "bne 1f\n"                                                                               \
  "tst lr, #0x40\n"                                                                        \
  "beq 1f\n"                                                                               \
  "add r2, r0, #8\n" /* behind a signature */                                              \
  "ldmia r2, {r4-r11}\n"                                                                   \
  "add r0, r0, #40\n"                                                                      \
  "orr lr, lr, #0x20\n"                                                                    \
  "1: mov r1, r0\n"                                                                        \
  "push {r1}\n"                                                                            \
  "push {lr}\n"                                                                            \
  "push {r4-r11}\n"                                                                        \
  "push {r0}\n" /* struct call */                                                          \
  "mov r0, sp\n"                                                                           \
  "sub sp, sp, #4\n"                                                                       \
  "bl " served "\n"                                                                        \
  "add sp, sp, #8\n"                                                                       \
  "pop {r4-r11}\n"                                                                         \
  "pop {lr}\n"                                                                             \
  "pop {r1}\n"                                                                             \
  "tst lr, #4\n"                                                                           \
  "it ne\n"                                                                                \
  "msrne psp, r1\n"                                                                        \
  "bx lr\n"

__attribute__((naked, used)) void svc_handler(void) { __asm volatile(ENTER("%c0")::"i"(answer)); }

#ifdef PROGRAM_JIT
__attribute__((naked, used)) void pendsv_handler(void) { __asm volatile(ENTER("%c0")::"i"(crossing_interrupts)); }
#endif
