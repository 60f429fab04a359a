// What compiled code reaches through its context: arithmetic that is no instruction, and the ways out (gates.h).
#ifndef COMPILED_HELPERS_H
#define COMPILED_HELPERS_H

#include <stdint.h>

#include "layout.h"

/// By the numbers of layout.h; NULL where code has an instruction.
extern const void *const code_helpers[HELPERS];

#endif
