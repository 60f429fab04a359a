// The types and operations that C made by wasm2c refers to, in place of WABT's header of that name: the memory is the
// home's (translation.h), every access is checked against its size, and the depth of calls against the thread's stack.
#ifndef WASM_RT_H_
#define WASM_RT_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "translation.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "wasm2c's C for this host is little-endian"
#endif
#define WABT_BIG_ENDIAN 0
#define WASM_RT_USE_SEGUE 0
#define WASM_RT_SANITY_CHECKS 0
#define WASM_RT_MEMCHECK_GUARD_PAGES 0
#define WASM_RT_STACK_DEPTH_COUNT 0

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define wasm_rt_memcpy memcpy

typedef enum { WASM_RT_I32, WASM_RT_I64, WASM_RT_F32, WASM_RT_F64 } wasm_rt_type_t;

typedef enum {
  WASM_RT_TRAP_OOB = TRANSLATION_TRAP_OUT_OF_BOUNDS,
  WASM_RT_TRAP_INT_OVERFLOW = TRANSLATION_TRAP_INTEGER_OVERFLOW,
  WASM_RT_TRAP_DIV_BY_ZERO = TRANSLATION_TRAP_DIVISION_BY_ZERO,
  WASM_RT_TRAP_INVALID_CONVERSION = TRANSLATION_TRAP_INVALID_CONVERSION,
  WASM_RT_TRAP_UNREACHABLE = TRANSLATION_TRAP_UNREACHABLE,
  WASM_RT_TRAP_CALL_INDIRECT = TRANSLATION_TRAP_INDIRECT_CALL,
  WASM_RT_TRAP_EXHAUSTION = TRANSLATION_TRAP_STACK_OVERFLOW,
} wasm_rt_trap_t;

typedef const char *wasm_rt_func_type_t;
typedef void (*wasm_rt_function_ptr_t)(void);
typedef struct wasm_rt_tailcallee_t {
  void (*fn)(void **instance, void *stack, struct wasm_rt_tailcallee_t *next);
} wasm_rt_tailcallee_t;
typedef void *wasm_rt_externref_t;
#define wasm_rt_externref_null_value ((wasm_rt_externref_t)NULL)

typedef struct {
  wasm_rt_func_type_t func_type;
  wasm_rt_function_ptr_t func;
  wasm_rt_tailcallee_t func_tailcallee;
  void *module_instance;
} wasm_rt_funcref_t;
static const wasm_rt_funcref_t wasm_rt_funcref_null_value;

typedef TranslationMemory wasm_rt_memory_t;

typedef struct {
  wasm_rt_funcref_t *data;
  uint32_t max_size, size;
} wasm_rt_funcref_table_t;
typedef struct {
  wasm_rt_externref_t *data;
  uint32_t max_size, size;
} wasm_rt_externref_table_t;

/// The home of the instance that runs on this thread: set at every entry, and again when an import returns.
static _Thread_local TranslationHome *running_home;

static inline _Noreturn __attribute__((cold)) void wasm_rt_trap(wasm_rt_trap_t trap) {
  running_home->trap(running_home, (TranslationTrap)trap);
}

/// In every function's prologue (translate.js): the frame is above the stack's limit.
#define CHECK_STACK                                                                      \
  if (UNLIKELY((uintptr_t)__builtin_frame_address(0) < instance->w2c_memory.stackLimit)) \
    TRAP(EXHAUSTION)

static inline bool wasm_rt_is_initialized(void) { return true; }

/// The home has allocated it, with as many pages as the module starts with.
static inline void wasm_rt_allocate_memory(wasm_rt_memory_t *memory, uint64_t initial, uint64_t maximum,
                                           bool is64, uint32_t page) {
  (void)maximum;
  if (is64 || memory->size < initial * page) wasm_rt_trap(WASM_RT_TRAP_OOB);
}

static inline uint64_t wasm_rt_grow_memory(wasm_rt_memory_t *memory, uint64_t pages) {
  return memory->home->grow(memory->home, (uint32_t)pages);
}

static inline void wasm_rt_free_memory(wasm_rt_memory_t *memory) { (void)memory; }

static inline void wasm_rt_allocate_funcref_table(wasm_rt_funcref_table_t *table, uint32_t elements,
                                                  uint32_t maximum) {
  table->data = (wasm_rt_funcref_t *)calloc(elements + 1u, sizeof *table->data);
  if (!table->data) wasm_rt_trap(WASM_RT_TRAP_OOB);
  table->size = elements;
  table->max_size = maximum;
}

static inline void wasm_rt_free_funcref_table(wasm_rt_funcref_table_t *table) { free(table->data); }

#endif
