// The H-calls of a program, served by plain C: what the execution engine's share is measured against.
#ifndef BENCH_HCALLS_H
#define BENCH_HCALLS_H

#include "wasm3.h"

/// Gives the program its next input.
void hcalls_add_input(const uint8_t *bytes, uint32_t length);

/// Links the H-calls that the module imports.
M3Result hcalls_link(IM3Module module);

#endif
