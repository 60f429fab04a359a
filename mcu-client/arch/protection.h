// Memory protection: the stack's guard, no execution from RAM, and what a compiled program may reach.
#ifndef ARCH_PROTECTION_H
#define ARCH_PROTECTION_H

#include <stdbool.h>
#include <stdint.h>

/// Makes the 256 bytes below the stack inaccessible and RAM non-executable. With Armv8-M the stack
/// pointer's limit register is set as well. A fault of either kind ends in `fault_handler`.
void protection_init(void);

#ifdef PROGRAM_JIT
/// Slots of memory, of `protection_slot` bytes each, in which a program's code lies, and its data, at most: what Armv7-M
/// has regions for.
enum { PROGRAM_CODE_SLOTS = 9, PROGRAM_DATA_SLOTS = 25 };

/// Bytes of a slot, a power of 2, where `bytes` take at most `slots` of them.
uint32_t protection_slot(uint32_t bytes, uint32_t slots);

/// Makes the view of a program: without privilege it may read and execute its code and the helpers (arch/sections.ld),
/// read and write its data, and nothing else. False if the four addresses are no multiples of the slots.
bool protection_set_program(uint32_t code, uint32_t code_end, uint32_t data, uint32_t data_end);

/// Has the thread see what the program may, or (false) all that is the thread's own, where nothing can be executed.
void protection_show_program(bool program);
#endif

#endif
