// The timer ticks once in 40 or 50 instructions only. Two things make the count exact nevertheless:
// starting the timer sets its phase, and after the counted function has returned a run of loads that
// are one instruction each finds the instruction in which the next tick falls.
#include "counter.h"

#include <stdbool.h>

#include "../arch/console.h"
#include "../drivers/cmsdk-timer.h"
#include "../hal/board.h"
#include "board-config.h"

#define TIMER ((struct cmsdk_timer *)BOARD_TIMER0)
#define INSTRUCTIONS_PER_TICK (1000000000u / BOARD_CLOCK_HZ)

// Each block of the sampler is 12 loads and one store of what they loaded, during which nothing is
// sampled. A tick next to such a gap is known but for one instruction. 104 instructions see two
// ticks, and as 13 divides neither 40 nor 50, the gaps lie differently against the two: together
// they always tell.
enum { BLOCKS = 8, LOADS = 12, STRIDE = LOADS + 1, SAMPLES = BLOCKS * LOADS };

__attribute__((naked, noinline)) static void sample(uint32_t *samples __attribute__((unused)),
                                                    volatile uint32_t *value __attribute__((unused))) {
  __asm volatile(
      "push {r4-r11, lr}\n"
      "mov r12, r1\n"
      ".rept 8\n"
      "ldr r1, [r12]\n ldr r2, [r12]\n ldr r3, [r12]\n ldr r4, [r12]\n ldr r5, [r12]\n"
      "ldr r6, [r12]\n ldr r7, [r12]\n ldr r8, [r12]\n ldr r9, [r12]\n ldr r10, [r12]\n"
      "ldr r11, [r12]\n ldr lr, [r12]\n"
      "stmia r0!, {r1-r11, lr}\n"
      ".endr\n"
      "pop {r4-r11, pc}\n");
}

static uint32_t position(unsigned sample_index) {
  return sample_index / LOADS * STRIDE + sample_index % LOADS;
}

// Instructions from the start of the timer to the first sample.
__attribute__((noinline)) static uint64_t elapsed(counted_function function, void *context) {
  uint32_t samples[SAMPLES];
  TIMER->control = 0;
  TIMER->reload = UINT32_MAX;
  TIMER->value = UINT32_MAX;
  __asm volatile("" ::: "memory");
  TIMER->control = 1;
  function(context);
  sample(samples, &TIMER->value);

  // Counted from the first sample: the instruction that saw the first tick, at the latest; the ticks
  // that the timer had made by then.
  uint32_t latest = 0, ticks = 0;
  for (unsigned i = 1; i < SAMPLES; i++) {
    if (samples[i] == samples[i - 1]) continue;
    bool exact = position(i) == position(i - 1) + 1;
    if (ticks == 0) {
      ticks = UINT32_MAX - samples[i];
      latest = position(i);
      if (!exact) continue;
    } else {
      uint32_t again = position(i) - INSTRUCTIONS_PER_TICK;
      if (exact || again < latest) latest = again;
    }
    return (uint64_t)ticks * INSTRUCTIONS_PER_TICK - latest;
  }
  console_print("bench: the timer does not tick; is the emulator running with -icount shift=0?\n");
  board_exit(1);
}

static void nothing(void *context) { (void)context; }

uint64_t count_instructions(counted_function function, void *context) {
  static uint64_t own;
  if (own == 0) own = elapsed(nothing, 0);
  // `nothing` is one instruction, its return.
  return elapsed(function, context) - own + 1;
}

void instruction_clock_start(void) {
  TIMER->control = 0;
  TIMER->reload = UINT32_MAX;
  TIMER->value = UINT32_MAX;
  TIMER->control = 1;
}

uint64_t instruction_clock(void) {
  return (uint64_t)(UINT32_MAX - TIMER->value) * INSTRUCTIONS_PER_TICK;
}
