// A trusted module that was compiled through wasm2c.
//
// A trap leaves the module's frames by longjmp to the innermost call of an export. Frames of the
// interpreter are never jumped over: where the module was called on behalf of a program, that call
// returns false, the program ends with a trap, and `module_check` then leaves the outer frames.
#ifndef ISOLATE_COMPILED_MODULE_H
#define ISOLATE_COMPILED_MODULE_H

#include <setjmp.h>

#include "module.h"
#include "wasm-rt.h"

struct module_entry {
  struct module_entry *outer;
  jmp_buf target;
};
extern struct module_entry *module_entry;

/// Body of a function that makes one call into the module and returns whether it did not trap.
#define MODULE_CALL(call)                       \
  if (module_failure()) return false;           \
  struct module_entry here = {.outer = module_entry}; \
  module_entry = &here;                         \
  if (setjmp(here.target) == 0) {               \
    call;                                       \
  }                                             \
  module_entry = here.outer;                    \
  return module_failure() == NULL

/// Before returning into the module from an import: leaves it if it has failed meanwhile.
void module_check(void);

/// [address, address + length) of a memory, or NULL.
uint8_t *compiled_memory(const wasm_rt_memory_t *memory, uint32_t address, uint32_t length);

#endif
