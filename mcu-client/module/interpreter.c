#include "interpreter.h"

#include <stdint.h>

extern uint8_t __stack_limit[];

IM3Environment interpreter_environment(void) {
  static IM3Environment environment;
  if (!environment) environment = m3_NewEnvironment();
  return environment;
}

void interpreter_limit_native_stack(IM3Runtime runtime, unsigned reserve) {
  m3_SetNativeStackLimit(runtime, __stack_limit + reserve);
}
