// A trusted module that was compiled through wasm2c.
//
// A trap leaves the module's frames by longjmp to the innermost call of an export. Frames of the
// interpreter are never jumped over: where the module was called on behalf of a program, that call
// returns false, the program ends with a trap, and `module_check` then leaves the outer frames.
#ifndef ISOLATE_COMPILED_MODULE_H
#define ISOLATE_COMPILED_MODULE_H

#include <setjmp.h>
#include <stdbool.h>

#include "module.h"
#include "wasm-rt.h"

struct module_entry {
  struct module_entry *outer;
  jmp_buf target;
};
extern struct module_entry *module_entry;

/// Makes one call into the module, as `body(argument)`, and returns whether it did not trap. One setjmp for all
/// exports: a setjmp in each would cost 40 bytes of flash apiece.
bool module_call(void (*body)(void *), void *argument);

/// Before returning into the module from an import: leaves it if it has failed meanwhile.
void module_check(void);

/// [address, address + length) of a memory, or NULL.
uint8_t *compiled_memory(const wasm_rt_memory_t *memory, uint32_t address, uint32_t length);

#endif
