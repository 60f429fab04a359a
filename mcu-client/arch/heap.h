// The heap: what wasm3 allocates for modules and programs. Replaces newlib's, which cannot tell what is
// in use without printf.
#ifndef ARCH_HEAP_H
#define ARCH_HEAP_H

#include <stddef.h>

/// Bytes in use now, and the most that ever were; what the allocator keeps beside each block included.
size_t heap_used(void);
size_t heap_peak(void);

/// How often memory was asked for and given.
size_t heap_allocations(void);

#endif
