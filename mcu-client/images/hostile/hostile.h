// Attacks of a non-secure image. Each prints what it saw; the last line of one that has not ended the firmware
// is `survived`.
#ifndef HOSTILE_HOSTILE_H
#define HOSTILE_HOSTILE_H

#include <stdbool.h>
#include <stdint.h>

/// Reads, or writes, one word of each page of the address space. For an isolate built with HARNESS=1, whose
/// fault handler goes on after the faulting instruction.
void sweep_read(void);
void sweep_write(void);
/// Tries to switch the protection off, then reads.
void sweep_unlocked(void);

/// Calls each gateway with arguments from a seed, a million times.
void calls_wild(void);
/// Calls from handlers, and in each order; messages that change while they are taken.
void calls_from_handler(void);
void calls_out_of_order(void);
void calls_changing(void);
/// A reset of the runtime by a message in order: whether the right answer came.
bool calls_in_order(void);

/// Jumps to where this world may not go; ends in a fault.
void jump(uint32_t which);

/// Runs once every so many cycles of the clock, as an interrupt; NULL: never.
void every(uint32_t cycles, void (*handler)(void));

/// xorshift32 from the same seed each time.
uint32_t next_random(void);

/// Has the secure world feed its watchdog.
void keep_awake(void);

/// What a call may write to.
enum { BUFFER = 4096 };
extern uint8_t buffer[BUFFER];

/// An address and a length, at and around the ends of everything that there is. A call that takes them for memory of this
/// world meets `buffer` there, or the length goes beyond that world's end.
void wild_range(uint32_t *pointer, uint32_t *length);

/// Whether a call with that pointer may write `size` bytes: to no memory of this world but `buffer`.
bool wild_holds(uint32_t pointer, uint32_t size);

#endif
