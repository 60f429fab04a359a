#include "interpreted-module.h"

#include <string.h>

#include "interpreter.h"
#include "m3_env.h"

_Static_assert(sizeof(M3MemoryHeader) <= INTERPRETED_HEADER, "room for wasm3's memory header");

// The wasm stack of the trusted runtime: as deep as its own calls go, which no input changes.
enum { STACK_BYTES = 12 * 1024 };

static size_t backed(const struct interpreted_module *module) {
  return module->memory_capacity - INTERPRETED_HEADER;
}

// Linear memory lies in the module's own array, up to its end, which may be within the last page.
static void *static_memory(IM3Runtime runtime, void *old, size_t new_size, size_t old_size) {
  struct interpreted_module *module = m3_GetUserData(runtime);
  size_t capacity = module->memory_capacity;
  if (new_size > sizeof(M3MemoryHeader) &&
      new_size - sizeof(M3MemoryHeader) >= backed(module) + d_m3MemPageSize) return NULL;
  if (new_size > capacity) new_size = capacity;
  if (old_size > capacity) old_size = capacity;
  if (new_size > old_size)
    memset(module->memory + old_size, 0, new_size - old_size);
  else
    memset(module->memory + new_size, 0, old_size - new_size);
  return module->memory;
}

static M3Result link(IM3Module module, const struct interpreted_import *import) {
  M3Result result =
      m3_LinkRawFunction(module, "platform", import->name, import->signature, import->function);
  return result == m3Err_functionLookupFailed ? m3Err_none : result;
}

static M3Result start(struct interpreted_module *module, const uint8_t *wasm, uint32_t length) {
  IM3Module parsed;
  // Started before: nothing of what it held stays.
  if (module->runtime) m3_FreeRuntime(module->runtime);
  memset(module->functions, 0, module->export_count * sizeof *module->functions);
  module->runtime = m3_NewRuntime(interpreter_environment(), STACK_BYTES, module);
  if (!module->runtime) return m3Err_mallocFailed;
  m3_SetMemoryAllocator(module->runtime, static_memory);
  m3_SetMemoryBacked(module->runtime, (uint32_t)backed(module));
  interpreter_limit_native_stack(module->runtime, RUNTIME_STACK_RESERVE);
  M3Result result = m3_ParseModule(interpreter_environment(), &parsed, wasm, length);
  if (result) return result;
  result = m3_LoadModule(module->runtime, parsed);
  for (const struct interpreted_import *import = module->imports; !result && import->name; import++)
    result = link(parsed, import);
  if (!result) result = m3_CompileModule(parsed);
  if (!result) result = m3_RunStart(parsed);
  return result;
}

bool interpreted_start(struct interpreted_module *module, const uint8_t *wasm, uint32_t length) {
  M3Result result = start(module, wasm, length);
  if (result) module_fail(result);
  return !result;
}

bool interpreted_call(struct interpreted_module *module, size_t which, uint32_t count,
                      const void **arguments, void *result) {
  if (module_failure()) return false;
  M3Result trap = m3Err_none;
  IM3Function *function = &module->functions[which];
  if (!*function) trap = m3_FindFunction(function, module->runtime, module->exports[which]);
  if (!trap) trap = m3_Call(*function, count, arguments);
  if (!trap && result) trap = m3_GetResults(*function, 1, (const void *[]){result});
  if (trap) module_fail(trap);
  return !trap && !module_failure();
}

uint8_t *interpreted_memory(struct interpreted_module *module, uint32_t address, uint32_t length) {
  uint32_t size;
  uint8_t *memory = m3_GetMemory(module->runtime, &size, 0);
  if (!memory || address > size || length > size - address) return NULL;
  return memory + address;
}
