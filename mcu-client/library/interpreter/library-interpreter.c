// wasm3 as the library has it. VC_STACK_LIMIT is the name of a symbol at the lowest address that the native stack may
// reach; without it, nothing but wasm3's own stack bounds how deep the module's calls go.
#include "interpreter.h"

#include <stdint.h>

IM3Environment interpreter_environment(void) {
  static IM3Environment environment;
  if (!environment) environment = m3_NewEnvironment();
  return environment;
}

void interpreter_limit_native_stack(IM3Runtime runtime, unsigned reserve) {
#ifdef VC_STACK_LIMIT
  extern uint8_t VC_STACK_LIMIT[];
  m3_SetNativeStackLimit(runtime, VC_STACK_LIMIT + reserve);
#else
  (void)runtime;
  (void)reserve;
#endif
}
