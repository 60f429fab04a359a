// The module under test hosted by wasm3.
#ifndef BENCH_INTERPRETER_H
#define BENCH_INTERPRETER_H

#include <stdint.h>

#include "wasm3.h"

/// Loads, links and compiles the module: NULL, or why not.
const char *interpreter_load(void);

/// An exported function of it, or NULL.
IM3Function interpreter_find(const char *name);

/// A function of a module of its own that takes nothing, returns nothing and does nothing.
IM3Function interpreter_nothing(void);

/// Calls it with raw argument bits: NULL, or the trap.
const char *interpreter_call(IM3Function function, const uint64_t *arguments, uint64_t *result);

#endif
