// Exact instruction counts under QEMU's `-icount shift=0`, where each instruction takes one
// nanosecond of guest time.
#ifndef BENCH_COUNTER_H
#define BENCH_COUNTER_H

#include <stdint.h>

typedef void (*counted_function)(void *context);

/// The number of instructions from calling `function(context)` to its return; the counter's own are
/// taken off. Counts up to 2^32 timer ticks (some 170 G instructions).
uint64_t count_instructions(counted_function function, void *context);

#endif
