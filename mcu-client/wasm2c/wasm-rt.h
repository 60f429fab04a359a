// The types that C made by wasm2c refers to, for bare metal: in place of the header of that name in
// WABT, whose runtime needs an operating system. Made for the output of WABT 1.0.32 as rewritten by
// translate.js; see prologue.h for the operations.
#ifndef WASM2C_WASM_RT_H
#define WASM2C_WASM_RT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef enum {
  WASM_RT_TRAP_NONE,
  WASM_RT_TRAP_OOB,
  WASM_RT_TRAP_INT_OVERFLOW,
  WASM_RT_TRAP_DIV_BY_ZERO,
  WASM_RT_TRAP_INVALID_CONVERSION,
  WASM_RT_TRAP_UNREACHABLE,
  WASM_RT_TRAP_CALL_INDIRECT,
} wasm_rt_trap_t;

/// Ends the call into the module that is running; defined by the shim that made the call, which
/// longjmps to its entry. A module that has trapped must not be called again.
__attribute__((noreturn, cold)) void wasm_rt_trap(wasm_rt_trap_t trap);

/// What a trap means, for a log line.
const char *wasm_rt_trap_name(wasm_rt_trap_t trap);

typedef enum { WASM_RT_I32, WASM_RT_I64, WASM_RT_F32, WASM_RT_F64 } wasm_rt_type_t;

/// A number that two function types share only when they are equal.
uint32_t wasm_rt_register_func_type(uint32_t parameters, uint32_t results, ...);

typedef void (*wasm_rt_function_ptr_t)(void);

typedef struct {
  uint32_t func_type;
  wasm_rt_function_ptr_t func;
  void *module_instance;
} wasm_rt_funcref_t;

/// A linear memory. Its bytes stand still: the module's own static array (prologue.h).
typedef struct {
  uint8_t *data;
  uint32_t pages, max_pages;
  uint32_t size; // backed bytes, which may be less than `pages` announce
} wasm_rt_memory_t;

/// The memory of a module that is built with MEMORY_LENT: whoever instantiates it sets both before, and leaves them
/// until its last call.
extern uint8_t *wasm_rt_lent_memory;
extern uint32_t wasm_rt_lent_bytes;

typedef struct {
  wasm_rt_funcref_t *data;
  uint32_t size;
} wasm_rt_funcref_table_t;

static inline bool wasm_rt_is_initialized(void) { return true; }

#endif
