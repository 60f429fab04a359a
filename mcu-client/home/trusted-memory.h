// The trusted runtime's memory, for the platform interface.
#ifndef ISOLATE_TRUSTED_MEMORY_H
#define ISOLATE_TRUSTED_MEMORY_H

#include <stdint.h>

/// [pointer, pointer + length) of the runtime's memory. NULL when it lies outside: the runtime has then
/// failed, and the caller returns at once.
uint8_t *runtime_bytes(uint32_t pointer, uint32_t length);

uint8_t *trusted_memory(uint32_t address, uint32_t length);

#endif
