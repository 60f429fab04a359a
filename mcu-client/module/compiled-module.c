#include "compiled-module.h"

struct module_entry *module_entry;

bool module_call(void (*body)(void *), void *argument) {
  if (module_failure()) return false;
  struct module_entry here = {.outer = module_entry};
  module_entry = &here;
  if (setjmp(here.target) == 0) body(argument);
  module_entry = here.outer;
  return module_failure() == NULL;
}

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
