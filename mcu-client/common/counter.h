// Exact instruction counts under QEMU's `-icount shift=0`, where each instruction takes one
// nanosecond of guest time.
#ifndef BENCH_COUNTER_H
#define BENCH_COUNTER_H

#include <stdint.h>

typedef void (*counted_function)(void *context);

/// The number of instructions from calling `function(context)` to its return; the counter's own are
/// taken off. Counts up to 2^32 timer ticks (some 170 G instructions).
uint64_t count_instructions(counted_function function, void *context);

/// Starts a clock that `instruction_clock` reads, in instructions, as exact as the timer's tick (40 or
/// 50 of them). It ends with the next `count_instructions`.
void instruction_clock_start(void);
uint64_t instruction_clock(void);

#endif
