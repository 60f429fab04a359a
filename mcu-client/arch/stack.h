// How much of the stack was ever used.
#ifndef ARCH_STACK_H
#define ARCH_STACK_H

#include <stddef.h>

/// Fills the part of the stack that is not in use with a pattern.
void stack_paint(void);

/// Bytes of the stack that were overwritten since: the deepest it went.
size_t stack_peak(void);

#endif
