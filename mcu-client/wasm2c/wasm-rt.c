#include "wasm-rt.h"

#include <stdarg.h>

// Each value type is one digit; the counts come first, so that no two types share a number. Thirteen
// digits fit; a trusted module has no function type longer than that, or does not start.
uint32_t wasm_rt_register_func_type(uint32_t parameters, uint32_t results, ...) {
  uint32_t number = parameters * 2 + results + 1;
  if (results > 1 || parameters + results > 13) wasm_rt_trap(WASM_RT_TRAP_CALL_INDIRECT);
  va_list types;
  va_start(types, results);
  for (uint32_t i = 0; i < parameters + results; i++)
    number = number << 2 | (uint32_t)va_arg(types, int);
  va_end(types);
  return number;
}

const char *wasm_rt_trap_name(wasm_rt_trap_t trap) {
  static const char *const names[] = {
      "none",           "memory or table out of bounds", "integer overflow",
      "division by 0",  "invalid conversion",            "unreachable executed",
      "indirect call",
  };
  return (unsigned)trap < sizeof names / sizeof names[0] ? names[trap] : "unknown";
}
