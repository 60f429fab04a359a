#include "gates.h"

#define GATE(name, before, number)                                       \
  __attribute__((naked)) void code_##name(void) {                        \
    __asm volatile(before "svc 0\n bx lr\n" ::[reason] "i"(GATE_##number)); \
  }
#define REASON "mov r12, #%c[reason]\n"
GATE(return, REASON, RETURN)
GATE(trap, REASON, TRAP)
GATE(refill, REASON, REFILL)
GATE(grow, REASON, GROW)
GATE(copy, REASON, COPY)
GATE(fill, REASON, FILL)
GATE(call_import, "lsl r12, r12, #8\n orr r12, r12, #%c[reason]\n", IMPORT)
