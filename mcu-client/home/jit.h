// Programs that are compiled on the device (strategy JIT). One at a time, as they are exclusive.
#ifndef ISOLATE_JIT_H
#define ISOLATE_JIT_H

#include "../compiled-code/compiled-code.h"

/// Compiles the checked module and lays out its memory, for at most so many bytes of it and so many of stack. Returns 0
/// or E_…; what was taken is given back then.
int32_t jit_load(struct compiled_code *code, const uint8_t *wasm, uint32_t length, uint32_t memory_bytes,
                 uint32_t stack_bytes);

/// Wipes code, memory and stack, and gives them back.
void jit_unload(struct compiled_code *code);

#endif
