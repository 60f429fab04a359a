#include "compiled-module.h"

struct module_entry *module_entry;

void wasm_rt_trap(wasm_rt_trap_t trap) {
  module_fail(wasm_rt_trap_name(trap));
  longjmp(module_entry->target, 1);
}

void module_check(void) {
  if (module_failure()) longjmp(module_entry->target, 1);
}

uint8_t *compiled_memory(const wasm_rt_memory_t *memory, uint32_t address, uint32_t length) {
  if (address > memory->size || length > memory->size - address) return NULL;
  return memory->data + address;
}
