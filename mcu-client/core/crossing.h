// How the thread runs a compiled program: in a view of memory of the program's own, on the program's stack, without
// privilege (arch/protection.h). The program comes back by SVC, whatever its registers hold, and when the clock ticks;
// the thread decides what that means. Of the program nothing is believed, and it sees no register of the thread's.
#ifndef CORE_CROSSING_H
#define CORE_CROSSING_H

#include <stdbool.h>
#include <stdint.h>

/// r12 of the thread's call: the program begins (r0: its `crossing_start`), or goes on (r0: 0), with the fuel in r1. The
/// call returns when the program comes back: r0 where its registers r0 to r3, r12, lr, pc, psr lie, or CROSSING_REFUSED;
/// r1 its fuel; r2 whether it was the clock. The thread's registers r4 to r11 are lost.
enum { CROSSING_CALL = 32 };
#define CROSSING_REFUSED 0x80000000u

struct crossing_start {
  uint32_t code, code_end, data, data_end; // multiples of the slots (arch/protection.h)
  uint32_t frame;                          // within the data: eight words that its first registers come from
  uint32_t memory;                         // its register 11
};

struct call;
/// Whether the call was a crossing. (supervisor.c)
bool crossing_answers(struct call *call);
/// The clock looks at the program. (supervisor.c)
void crossing_interrupts(struct call *call);
/// The clock has ticked: a program that runs will come back. Of interrupt handlers.
void crossing_tick(void);
/// The thread starts anew: there is no program any more.
void crossing_forget(void);
/// Sets the priority of PendSV, by which the clock looks.
void crossing_init(void);

#endif
