// A board with two worlds (TrustZone-M): what belongs to which.
#ifndef HAL_WORLDS_H
#define HAL_WORLDS_H

/// Gives the other world its memory, its peripherals and their interrupts, and keeps all else. Called once, by
/// the secure image's start-up code.
void worlds_split(void);

/// Starts the non-secure image; needs no privilege. Its calls run on the thread's stack, from its top.
_Noreturn void worlds_start_outside(void);

#endif
