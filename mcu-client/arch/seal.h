#ifndef ARCH_SEAL_H
#define ARCH_SEAL_H

#include "cortex-m.h"

/// Where a stack begins, below two words that no frame begins with: a forged return finds no frame there (Arm,
/// "Armv8-M Secure Stack Sealing").
static inline uint32_t sealed(uint32_t top) {
  REGISTER32(top - 4) = REGISTER32(top - 8) = 0xFEF5EDA5;
  return top - 8;
}

#endif
