#include "cross.h"

#ifdef __ARM_FP
#define FLOATS(instruction) instruction " {d8-d15}\n"
#else
#define FLOATS(instruction) ""
#endif

__attribute__((naked)) void code_cross(const struct crossing_start *start, uint32_t fuel, struct crossing_end *end) {
  __asm volatile("push {r2, r4-r11, lr}\n" FLOATS("vpush") "mov r12, %[call]\n"
                 "svc 0\n" FLOATS("vpop") "ldr r3, [sp]\n"
                 "stm r3, {r0, r1, r2}\n"
                 "pop {r2, r4-r11, pc}\n" ::[call] "i"(CROSSING_CALL));
}
