#include "protection.h"
#include "board-config.h"
#include "cortex-m.h"

extern uint32_t __stack_guard[], __stack_limit[];

enum { REGION_RAM = 0, REGION_GUARD = 7 };

#if __ARM_ARCH == 8
// Armv8-M: regions must not overlap, and the guard is the stack limit register's work.
void protection_init(void) {
  __asm volatile("msr msplim, %0" ::"r"(__stack_limit));
  if (MPU_TYPE == 0) return;
  MPU_MAIR0 = 0xFF; // attribute 0: normal memory, write-back
  MPU_RNR = REGION_RAM;
  MPU_RBAR = BOARD_RAM_START | 1u << 1 | 1u; // any privilege may read and write; execute never
  MPU_RLAR = (BOARD_RAM_START + BOARD_RAM_SIZE - 32) | 1u;
  MPU_CTRL = 1u << 2 | 1u; // the default map stays behind the regions
  barrier();
}
#else
static void region(uint32_t number, uint32_t base, uint32_t log2size, uint32_t access) {
  MPU_RNR = number;
  MPU_RBAR = base;
  MPU_RASR = 1u << 28 | access << 24 | 0xBu << 16 | (log2size - 1) << 1 | 1u; // XN, normal memory
}

// Armv7-M: a higher region number wins, so the guard is cut out of RAM.
void protection_init(void) {
  if (MPU_TYPE == 0) return;
  region(REGION_RAM, BOARD_RAM_START, BOARD_RAM_LOG2, 3);
  region(REGION_GUARD, (uint32_t)__stack_guard, 8, 0);
  MPU_CTRL = 1u << 2 | 1u;
  barrier();
}
#endif
