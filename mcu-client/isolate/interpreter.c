#include "interpreter.h"

#include <stdint.h>

extern uint8_t __stack_limit[];

// What runs below the limit: an H-call's handler, the trusted runtime on its behalf, an interrupt.
#ifndef NATIVE_STACK_RESERVE
#define NATIVE_STACK_RESERVE 6144
#endif

IM3Environment interpreter_environment(void) {
  static IM3Environment environment;
  if (!environment) environment = m3_NewEnvironment();
  return environment;
}

void interpreter_limit_native_stack(IM3Runtime runtime) {
  m3_SetNativeStackLimit(runtime, __stack_limit + NATIVE_STACK_RESERVE);
}
