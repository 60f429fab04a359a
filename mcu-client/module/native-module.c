#include "native-module.h"

#include <string.h>

#include "../compiled-code/compiled-code.h"
#include "../compiled-code/helpers.h"
#include "compiled-module.h"

enum { PAGE = 65536 };

static uint32_t *context(uint8_t *memory, uint32_t field) { return (uint32_t *)(memory - field); }

// Code is trusted here: the bytes that back its memory lie in its context, where programs have the refill.
enum { CONTEXT_BACKED = CONTEXT_REFILL };

_Noreturn static void trap(uint32_t kind) {
  static const uint8_t traps[] = {
      [CODE_TRAP_UNREACHABLE] = WASM_RT_TRAP_UNREACHABLE,
      [CODE_TRAP_MEMORY] = WASM_RT_TRAP_OOB,
      [CODE_TRAP_DIVISION] = WASM_RT_TRAP_DIV_BY_ZERO,
      [CODE_TRAP_OVERFLOW] = WASM_RT_TRAP_INT_OVERFLOW,
      [CODE_TRAP_CONVERSION] = WASM_RT_TRAP_INVALID_CONVERSION,
      [CODE_TRAP_TABLE] = WASM_RT_TRAP_CALL_INDIRECT,
  };
  wasm_rt_trap((wasm_rt_trap_t)(kind < sizeof traps ? traps[kind] : WASM_RT_TRAP_UNREACHABLE));
}

// What code calls, with the address of linear memory behind its operands.

__attribute__((used)) static uint32_t grow(uint32_t more, uint32_t b, uint32_t c, uint8_t *memory) {
  (void)b, (void)c;
  uint32_t *bytes = context(memory, CONTEXT_MEMORY_BYTES), pages = *bytes / PAGE;
  uint32_t most = (*context(memory, CONTEXT_BACKED) + PAGE - 1) / PAGE;
  if (pages > most || more > most - pages) return UINT32_MAX;
  *bytes += more * PAGE;
  return pages;
}

__attribute__((used)) static void copy(uint32_t to, uint32_t from, uint32_t length, uint8_t *memory) {
  uint32_t size = *context(memory, CONTEXT_BACKED);
  if (to > size || length > size - to || from > size || length > size - from) trap(CODE_TRAP_MEMORY);
  memmove(memory + to, memory + from, length);
}

__attribute__((used)) static void fill(uint32_t to, uint32_t value, uint32_t length, uint8_t *memory) {
  uint32_t size = *context(memory, CONTEXT_BACKED);
  if (to > size || length > size - to) trap(CODE_TRAP_MEMORY);
  memset(memory + to, (uint8_t)value, length);
}

#define WITH_MEMORY(name)                                             \
  __attribute__((naked)) static void name##_with_memory(void) {       \
    __asm volatile("mov r3, r11\n b.w %c0\n" ::"i"(name));            \
  }
WITH_MEMORY(grow)
WITH_MEMORY(copy)
WITH_MEMORY(fill)

// The registers that the C compiler expects to find again are on the stack, below the result's place; so are words
// beyond the fourth.
__attribute__((naked, noinline)) static void enter(uint8_t *memory, uint32_t target, const uint32_t *arguments,
                                                   uint32_t words, uint32_t *result) {
  __asm volatile(
      "push {r3-r11, lr}\n"
      "mov r11, r0\n"
      "mov r12, r1\n"
      "mov r4, r2\n"
      "mov r5, sp\n"
      "subs r6, r3, #4\n"
      "ble 1f\n"
      "add r7, r6, #1\n"
      "bic r7, r7, #1\n"
      "sub sp, sp, r7, lsl #2\n"
      "add r8, r4, #16\n"
      "mov r9, sp\n"
      "2: ldr r7, [r8], #4\n"
      "str r7, [r9], #4\n"
      "subs r6, r6, #1\n"
      "bne 2b\n"
      "1: ldm r4, {r0, r1, r2, r3}\n"
      "blx r12\n"
      "mov sp, r5\n"
      "ldr r2, [sp, #40]\n"
      "strd r0, r1, [r2]\n"
      "pop {r3-r11, pc}\n");
}

// Starting and calling

struct start {
  const struct native_module *module;
};

static void start(void *argument) {
  const struct native_module *module = ((struct start *)argument)->module;
  const uint8_t *program = module->program;
  uint8_t *memory = module->room + module->context_bytes;
  memset(module->room, 0, module->context_bytes + module->memory_bytes + NATIVE_SLACK);
  uint32_t globals = code_head(program, HEAD_GLOBAL_WORDS), pages = code_head(program, HEAD_INITIAL_PAGES);
  if (CONTEXT_GLOBALS + 4 * (globals + module->import_count) > module->context_bytes ||
      pages * PAGE >= module->memory_bytes + PAGE) trap(CODE_TRAP_MEMORY);
  *context(memory, CONTEXT_MEMORY_BYTES) = pages * PAGE;
  *context(memory, CONTEXT_BACKED) = module->memory_bytes;
  *context(memory, CONTEXT_TABLE) = (uint32_t)program + code_head(program, HEAD_TABLE);
  *context(memory, CONTEXT_HELPERS) = (uint32_t)code_helpers;
  *context(memory, CONTEXT_TRAP) = (uint32_t)trap;
  *context(memory, CONTEXT_GROW) = (uint32_t)grow_with_memory;
  *context(memory, CONTEXT_COPY) = (uint32_t)copy_with_memory;
  *context(memory, CONTEXT_FILL) = (uint32_t)fill_with_memory;
  for (uint32_t i = 0; i < globals; i++)
    *context(memory, CONTEXT_GLOBALS + 4 + 4 * i) = code_head(program, code_head(program, HEAD_GLOBALS) + 4 * i);
  for (uint32_t i = 0; i < module->import_count; i++)
    *context(memory, CONTEXT_GLOBALS + 4 + 4 * (globals + i)) = (uint32_t)module->imports[i];
  uint32_t at = code_head(program, HEAD_DATA);
  for (uint32_t i = code_head(program, HEAD_DATA_SEGMENTS); i > 0; i--) {
    uint32_t address = code_head(program, at), length = code_head(program, at + 4);
    if (address > module->memory_bytes || length > module->memory_bytes - address) trap(CODE_TRAP_MEMORY);
    memcpy(memory + address, program + at + 8, length);
    at += 8 + ((length + 3) & ~3u);
  }
}

bool native_start(const struct native_module *module) { return module_call(start, &(struct start){module}); }

struct native_call {
  const struct native_module *module;
  uint32_t which, words;
  const uint32_t *arguments;
  uint32_t *result;
};

static void call(void *argument) {
  const struct native_call *each = argument;
  const uint8_t *program = each->module->program;
  uint32_t offset = code_head(program, code_head(program, HEAD_EXPORTS) + 4 * each->which);
  enter(each->module->room + each->module->context_bytes, (uint32_t)program + offset + 1, each->arguments, each->words,
        each->result);
}

bool native_call(const struct native_module *module, uint32_t which, uint32_t words, const uint32_t *arguments,
                 uint32_t *result) {
  return module_call(call, &(struct native_call){module, which, words, arguments, result});
}

uint8_t *native_memory(const struct native_module *module, uint32_t address, uint32_t length) {
  if (address > module->memory_bytes || length > module->memory_bytes - address) return NULL;
  return module->room + module->context_bytes + address;
}
