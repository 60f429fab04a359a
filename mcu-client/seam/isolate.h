// The seam through the isolate. Outside of it are the main loop, the links and the network stack, which see
// ciphertext; inside are the trusted runtime, programs and the root of trust.
//
// Where the board has two worlds (TrustZone-M), the outside is the non-secure image and each function here is
// a gateway (seam/gateway.c), which trusts neither the order of calls nor an argument. Elsewhere both halves
// are one image and the functions are plain calls (seam/direct.c).
#ifndef SEAM_ISOLATE_H
#define SEAM_ISOLATE_H

#include <stdbool.h>
#include <stdint.h>

#ifdef UPDATES
#include "../update/delivery.h"
#endif

/// What the outside tells those who ask for the isolate's health; nothing in it is secret.
struct isolate_info {
  uint32_t lifecycle;      // PSA security lifecycle
  uint8_t measurement[32]; // SHA-256 of the image inside
  uint8_t boot[16];        // random, of this start
};

/// What `isolate_next` answers while there is more work to do.
#define ISOLATE_NOT_YET UINT32_MAX
/// What it answers when `isolate_restart` is to be called, after which nothing waits.
#define ISOLATE_RESTART (UINT32_MAX - 1)
/// Largest number of random bytes of one `isolate_random`.
enum { ISOLATE_RANDOM_MAX = 32 };

// A message of the Veracruz server goes in by `isolate_begin`, then `isolate_part` until all of it is there,
// then `isolate_handle`. The answers come out by `isolate_next`, each of them by `isolate_take`; the next
// message may begin when `isolate_next` has answered 0. What comes in another order is refused.

/// Makes room for a message of `length` bytes. False: there is none, or it is not the time for a message.
bool isolate_begin(uint32_t length);

/// Appends to that message. False: there are more bytes than were announced.
bool isolate_part(const void *bytes, uint32_t length);

/// Works on the message. False: it is not whole.
bool isolate_handle(void);

/// Length in bytes of the next message for the server; 0: there is none; ISOLATE_NOT_YET: call again; ISOLATE_RESTART.
uint32_t isolate_next(void);

/// Starts the runtime anew from what was measured: nothing of what it held stays. At any time; a computation ends by it.
/// False: not now, as a handler. Where both halves are one image, the board is reset.
bool isolate_restart(void);

/// Copies the next `length` bytes of that message to `out`. False: there are not so many.
bool isolate_take(void *out, uint32_t length);

/// To be called often: feeds the watchdog and tells the runtime that time has passed, about once a second.
/// True: it did, and there may be messages for the server.
bool isolate_tick(void);

void isolate_info(struct isolate_info *out);

/// Random bytes, ISOLATE_RANDOM_MAX at most. False: there are none.
bool isolate_random(void *out, uint32_t length);

/// Whether a program runs. May be called by a handler.
bool isolate_is_running(void);

#ifdef UPDATES
/// A step of an update, with up to UPDATE_PIECE_MAX bytes: enum update_outcome. Nobody outside is trusted with more than
/// to bring what the owner has signed.
uint32_t isolate_update(uint32_t step, uint32_t offset, const void *bytes, uint32_t length);

void isolate_update_state(struct update_state *out);
#endif

/// Ends the firmware, as `board_exit` does. May be called by a handler.
void isolate_end(uint32_t code);

#endif
