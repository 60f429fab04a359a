// A trusted module that the Thumb-2 compiler has made code of, when the firmware was built. Traps are as those of a
// module in C (compiled-module.h).
#ifndef ISOLATE_NATIVE_MODULE_H
#define ISOLATE_NATIVE_MODULE_H

#include <stdbool.h>
#include <stdint.h>

#include "../compiled-code/layout.h"

struct native_module {
  const uint8_t *program;     // as the compiler makes it, in flash
  uint8_t *room;              // context, globals and imports, then linear memory and NATIVE_SLACK; aligned to 8
  uint32_t context_bytes, memory_bytes;
  const void *const *imports; // in the module's order
  uint32_t import_count;
};

/// Sets memory and globals as the module declares them.
bool native_start(const struct native_module *module);

/// Calls the function that is export `which` with so many words, of which there is room for four at least. `result`
/// gets two. Whether it did not trap.
bool native_call(const struct native_module *module, uint32_t which, uint32_t words, const uint32_t *arguments,
                 uint32_t *result);

/// [address, address + length) of its memory, or NULL.
uint8_t *native_memory(const struct native_module *module, uint32_t address, uint32_t length);

#endif
