// What all uses of wasm3 in the firmware share.
#ifndef ISOLATE_INTERPRETER_H
#define ISOLATE_INTERPRETER_H

#include "wasm3.h"

/// The environment of all runtimes, made on first use; NULL without memory for it.
IM3Environment interpreter_environment(void);

/// The lowest addresses that the native stack may reach in the interpreter, above the stack's guard. A
/// program's recursion ends in a trap while there is still room for what runs on its behalf: H-calls,
/// the runtime that serves them, the links. The trusted runtime may use all but room for an interrupt,
/// or a program could make it trap. PROGRAM_STACK_RESERVE comes from the build (isolate.mk).
enum { RUNTIME_STACK_RESERVE = 1024 };

void interpreter_limit_native_stack(IM3Runtime runtime, unsigned reserve);

#endif
