// The ways into the core: calls (SVC), and the clock's wish to look at a compiled program (PendSV).
#ifndef CORE_SUPERVISOR_H
#define CORE_SUPERVISOR_H

#include <stdbool.h>
#include <stdint.h>

/// A word of CONTROL, of the exception's return (EXC_RETURN), and of the registers that hardware saves on the stack.
enum { CONTROL_UNPRIVILEGED = 1, RETURN_TO_PROCESS_STACK = 1u << 2, RETURN_WITHOUT_FLOATS = 1u << 4,
       RETURN_SECURE = 1u << 6, FRAME_WORDS = 8, FRAME_THUMB = 1 << 24 };

/// r0 to r3, r12, lr, pc, psr as the thread left them, its r4 to r11, and how to return to it. The core's calls may
/// change all of them; `stack` says where the process stack is to be then.
struct call {
  uint32_t *frame;
  uint32_t kept[8];
  uint32_t back, stack;
};

/// A call of the thread's: number in r12, arguments in r0 to r3. Of the image's core.
void core_answer(struct call *call);

#endif
