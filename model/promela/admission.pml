/*
 * Admission: signed requests for a handshake, against somebody who reads, holds back and repeats them.
 *
 * A request is a signed base: the number of the honest principal's try, and the server's nonce of the epoch
 * that it was signed in. ECDSA has a second signature for each base. One handshake is under way for each
 * principal, and a newer one replaces it; strangers have a pool of their own. Whoever can drop packets can
 * keep anybody out: what is shown is that the *server* gives nobody's place away for a repeated request.
 */
#include "checks.h"

#define TRIES 3
#define EPOCHS 5

#ifndef NO_SERVER_NONCE         /* nothing in the base tells when it was signed */
#define NO_SERVER_NONCE 0
#endif
#ifndef NO_MEMORY               /* bases that were taken are not remembered */
#define NO_MEMORY 0
#endif
#ifndef SIGNATURES_REMEMBERED   /* the signature is remembered instead of the base */
#define SIGNATURES_REMEMBERED 0
#endif
#ifndef FORGOTTEN_TOO_EARLY     /* remembered for one epoch, valid for two */
#define FORGOTTEN_TOO_EARLY 0
#endif
#ifndef ONE_POOL                /* strangers and principals share the handshake slots */
#define ONE_POOL 0
#endif

byte epoch;
bool sent[TRIES];
byte signed_in[TRIES];          /* epoch of the nonce in the base */
bool seen[2 * TRIES];           /* remembered: base × which of its two signatures */
byte seen_in[TRIES];
byte taken[TRIES];              /* handshakes that the base has begun */
byte underway = TRIES;          /* the honest principal's handshake */
byte strangers;                 /* slots that strangers hold */

#define POOL 2
#define valid(r) (NO_SERVER_NONCE || signed_in[r] + 1 >= epoch)
#define remembered(r, s) (!NO_MEMORY && (SIGNATURES_REMEMBERED -> seen[2 * r + s] : (seen[2 * r] || seen[2 * r + 1])))

active proctype clock() {
  byte r;
end:
  do
  :: atomic { epoch < EPOCHS - 1 ->
     epoch++;
     printf("step: epoch %d begins\n", epoch);
     /* What was taken two epochs ago is forgotten: its nonce is not valid any more. */
     for (r : 0 .. TRIES - 1) {
       if
       :: seen_in[r] + (FORGOTTEN_TOO_EARLY -> 1 : 2) <= epoch -> seen[2 * r] = false; seen[2 * r + 1] = false
       :: else
       fi
     }
     r = 0 }
  od
}

active proctype principal() {
  byte r = 0;
end:
  do
  :: atomic { r < TRIES && !sent[r] ->
     sent[r] = true; signed_in[r] = epoch;
     printf("step: the principal signs try %d in epoch %d\n", r, epoch);
     r = r + 1 }
  od
}

/* The network brings a base, with either signature, whenever and as often as the attacker likes. */
active [TRIES] proctype delivery() {
  byte r = _pid - 2;
  byte s = 0;
end:
  do
  :: atomic { s == 0 -> s = 1 }
  :: atomic { s == 1 -> s = 0 }
  :: atomic { sent[r] && taken[r] < 2 && valid(r) && !remembered(r, s) ->
     printf("step: the server takes try %d, signature %d\n", r, s);
     if
     :: ONE_POOL && strangers == POOL && underway == TRIES -> printf("step: no slot is left\n"); CHECK(15, false) /* unreached: principals have slots that strangers cannot have */
     :: else
     fi;
     seen[2 * r + s] = true; seen_in[r] = epoch;
     taken[r]++;
     underway = r;
     if
     :: r > 0 -> PREMISE(15)
     :: else
     fi;
     CHECK(15, taken[r] <= 1) }
  :: atomic { underway == r -> underway = TRIES }      /* it ends, well or not */
  od
}

active proctype stranger() {
end:
  do
  :: atomic { strangers < POOL && (!ONE_POOL || strangers + (underway != TRIES) < POOL) ->
     strangers++;
     printf("step: a stranger takes slot %d\n", strangers) }
  od
}
