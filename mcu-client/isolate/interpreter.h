// What all uses of wasm3 in the firmware share.
#ifndef ISOLATE_INTERPRETER_H
#define ISOLATE_INTERPRETER_H

#include "wasm3.h"

/// The environment of all runtimes, made on first use; NULL without memory for it.
IM3Environment interpreter_environment(void);

/// Bounds the native stack that the runtime's calls and compilations may reach, so that a program's
/// recursion is a trap long before the stack's guard.
void interpreter_limit_native_stack(IM3Runtime runtime);

#endif
