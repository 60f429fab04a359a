// The core of an isolate: the privileged code behind SVC. The thread, in which all else runs, has no privilege; the
// attestation key, the boot record and most peripherals are out of its reach (arch/protection.c).
#ifndef CORE_CORE_H
#define CORE_CORE_H

#include <stdint.h>

/// What the thread may ask for. Pointers are those of its own memory, and for text of flash, too; a call with another
/// one is refused (CORE_REFUSED) before anything happens.
enum core_call {
  CORE_TOKEN,    // what is asked, its length, where the token goes, its capacity: what `root_of_trust_token` returns
  CORE_RANDOM,   // where the bytes go, their number: whether there are any
  CORE_TEXT,     // text for the console, its length
  CORE_WATCHDOG, // feeds it
  CORE_EXIT,     // code: `board_exit`
  CORE_RESET,    // `board_reset`
  CORE_STARTS,   // with two worlds only: the thread starts anew, see below
  CORE_UPDATE,   // step, offset, bytes, their number: what `update_step` returns
  CORE_UPDATES,  // where a struct update_state goes: `update_describe`
  // The Ethernet controller, where it is the core's (PRIVILEGED_ETHERNET): hal/ethernet.h, in the order of its functions.
  // What is called in another order than they should be loses frames at worst.
  CORE_FRAME,
  CORE_FRAME_READ,
  CORE_FRAME_DONE,
  CORE_SEND,
  CORE_SEND_BYTES,
  CORE_SEND_DONE,
  CORE_AWAIT_FRAME,
  // and what runs compiled programs: crossing.h
};
#define CORE_REFUSED 0x80000000u

/// Where the thread goes on then; it comes back, and the thread returns to the other world. The image defines it.
void core_thread_again(void);

uint32_t core_call(uint32_t call, uint32_t a, uint32_t b, uint32_t c, uint32_t d);

// The root of trust takes another policy and key in each start of the runtime. The core does not take the thread's word
// for it that the runtime begins from what was measured. With one world only a reset of the board does that, since what
// serves the links is in the thread, too. With two, CORE_STARTS clears all memory of the thread and its registers, and the thread goes on in `core_thread_again`; of what
// was before, only the other world's registers and where it goes on are left, which r4 to r11 and lr of the call held.

/// Gives up privilege: goes on in `thread`, on the thread's stack.
_Noreturn void core_start_thread(void (*thread)(void));

#endif
