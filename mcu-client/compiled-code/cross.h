// The thread's side of core/crossing.h.
#ifndef COMPILED_CROSS_H
#define COMPILED_CROSS_H

#include "../core/crossing.h"

/// What a program's registers were when it came back, and where the others lie.
struct crossing_end {
  uint32_t frame, fuel, ticked;
};

/// Begins a program, or goes on with it (NULL), until it comes back.
void code_cross(const struct crossing_start *start, uint32_t fuel, struct crossing_end *end);

#endif
