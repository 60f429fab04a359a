/*
 * Inside one committed isolate: files, rounds, failed runs, answers in pieces, consent to the end.
 *
 * Principals: an honest provider of the input a, an honest reader, the attacker's principal that provides the
 * input b and a stream and may read, and an outsider whom the policy lets write only. The attacker decides
 * when each request arrives (it owns the network) and whether a run succeeds (it wrote b). One copy of each
 * step is one message of the link, which the isolate handles to its end before it takes the next.
 */
#include "checks.h"

#ifndef MAX_ROUNDS
#define MAX_ROUNDS 2
#endif
#ifndef MAX_FAILED
#define MAX_FAILED 2
#endif

#ifndef ROUNDS_UNBOUNDED        /* max_rounds is not looked at */
#define ROUNDS_UNBOUNDED 0
#endif
#ifndef FAILURES_UNCOUNTED      /* failed runs are free */
#define FAILURES_UNCOUNTED 0
#endif
#ifndef INPUT_OVERWRITTEN       /* an input may be written again */
#define INPUT_OVERWRITTEN 0
#endif
#ifndef ITEM_REPLACED           /* a stream item may be replaced in its round */
#define ITEM_REPLACED 0
#endif
#ifndef READER_UNCHECKED        /* who asks for a result is not held against the policy */
#define READER_UNCHECKED 0
#endif
#ifndef ONE_CONSENT_ENDS        /* the first reader that asks for the end gets it */
#define ONE_CONSENT_ENDS 0
#endif
#ifndef PIECES_WITHOUT_ROUND    /* a piece of an answer is of whatever round is current */
#define PIECES_WITHOUT_ROUND 0
#endif
#ifndef RESULT_AGAIN            /* a second run in a round that has its result */
#define RESULT_AGAIN 0
#endif

byte round = 1;
byte successes, failures;
bool a;                         /* the honest input is there */
byte b;                         /* 0: absent, else which of the attacker's two inputs */
byte b_writes;
bool item;                      /* the stream's item of this round */
byte item_writes;
byte result;                    /* the round of the result at hand, 0: none */
byte honest_first, honest_second; /* the rounds of the two pieces that the honest reader holds */
bool consent_honest, consent_attacker;
bool ended;

inline compute() {
  if
  :: successes < 4 ->
    successes++;
    result = round;
    printf("step: round %d succeeds\n", round);
    PREMISE(17);
    CHECK(17, successes <= MAX_ROUNDS)
  :: failures < 4 && (failures < MAX_FAILED || FAILURES_UNCOUNTED) ->
    failures++;
    printf("step: the attacker's input makes the run fail, and its code tells one bit\n");
    CHECK(17, failures <= MAX_FAILED)
  fi
}

#define all_there (a && b != 0 && item)

active proctype provider() {
end:
  do
  :: atomic { !ended && !a -> a = true; printf("step: the provider writes its input\n") }
  od
}

active proctype reader() {
end:
  do
  :: atomic { !ended && all_there && result == 0 -> printf("step: the honest reader asks for a result\n"); compute() }
  /* The first request gets the current round's number; the second names it. */
  :: atomic { !ended && result != 0 && honest_first == 0 ->
     honest_first = result;
     printf("step: the honest reader gets the first piece, of round %d\n", result) }
  :: atomic { !ended && result != 0 && honest_first != 0 && honest_second == 0 ->
     if
     :: result == honest_first || PIECES_WITHOUT_ROUND ->
       honest_second = result;
       printf("step: the honest reader gets the second piece, of round %d\n", result);
       PREMISE(21);
       CHECK(21, honest_first == honest_second)
     :: else ->
       honest_first = 0          /* an error of its own: the reader begins again */
     fi }
  :: atomic { !ended && honest_second != 0 && !consent_honest ->
     consent_honest = true;
     printf("step: the honest reader agrees to the end\n") }
  od
}

active proctype attacker() {
end:
  do
  :: atomic { !ended && (b == 0 || (INPUT_OVERWRITTEN && b_writes < 3)) ->
     if
     :: b != 1 -> b = 1
     :: b != 2 -> b = 2
     fi;
     b_writes++;
     printf("step: the attacker's principal writes its input, choice %d\n", b);
     PREMISE(18);
     CHECK(18, b_writes <= 1) }
  :: atomic { !ended && a && b != 0 && result == 0 && (!item || (ITEM_REPLACED && item_writes < 3)) ->
     item = true;
     item_writes++;
     printf("step: the attacker's principal writes a stream item\n");
     CHECK(18, item_writes <= 1) }
  :: atomic { !ended && all_there && (result == 0 || (RESULT_AGAIN && successes < 4)) ->
     printf("step: the attacker's principal asks for a result\n"); compute() }
  :: atomic { !ended && result != 0 && (round < MAX_ROUNDS || (ROUNDS_UNBOUNDED && round < 4)) ->
     round++;
     result = 0; item = false; item_writes = 0;
     printf("step: the attacker's principal asks for round %d\n", round) }
  :: atomic { !ended && !consent_attacker ->
     consent_attacker = true;
     printf("step: the attacker's principal agrees to the end\n") }
  od
}

active proctype outsider() {
end:
  do
  :: atomic { !ended && result != 0 ->
     PREMISE(19);
     if
     :: READER_UNCHECKED -> printf("step: one who may only write is given the result\n"); CHECK(19, false) /* unreached: every request of one who may not read is refused */
     :: else -> break
     fi }
  od
}

active proctype isolate() {
end:
  do
  :: atomic { !ended && ((consent_honest && consent_attacker) || (ONE_CONSENT_ENDS && (consent_honest || consent_attacker))) ->
     ended = true;
     a = false; b = 0; item = false; result = 0;
     printf("step: the isolate ends and wipes all\n");
     PREMISE(20);
     CHECK(20, consent_honest && consent_attacker) }
  od
}
