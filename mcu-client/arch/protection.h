// Memory protection: the stack's guard, and no execution from RAM.
#ifndef ARCH_PROTECTION_H
#define ARCH_PROTECTION_H

/// Makes the 256 bytes below the stack inaccessible and RAM non-executable. With Armv8-M the stack
/// pointer's limit register is set as well. A fault of either kind ends in `fault_handler`.
void protection_init(void);

#endif
