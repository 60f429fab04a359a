// Work that goes on while the isolate computes, in the outside of a board with two worlds: PendSV serves the
// links and pre-empts the secure world. The thread holds it back while it uses what they use. In other
// images there is none, and these functions do nothing.
#ifndef ARCH_BACKGROUND_H
#define ARCH_BACKGROUND_H

#include "cortex-m.h"

#ifdef BACKGROUND
enum {
  PRIORITY_LINK_INTERRUPT = 0x20,
  PRIORITY_CLOCK = 0x40,
  PRIORITY_BACKGROUND = 0x60,
};
/// Lets the background work run as soon as nothing holds it back.
static inline void background_wake(void) { SCB_ICSR = ICSR_PENDSVSET; }
static inline void background_hold(void) { basepri_set(PRIORITY_BACKGROUND); }
static inline void background_release(void) { basepri_set(0); }
#else
static inline void background_wake(void) {}
static inline void background_hold(void) {}
static inline void background_release(void) {}
#endif

#endif
