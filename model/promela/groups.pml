/*
 * Design only: groups of members, of which each contributes once, and a result only from k members on.
 *
 * Three members, one of them the attacker's, who gets itself a second key by enrolling anew; k = 2. The honest
 * members come again by themselves after an error, with their key or, once, with a new one.
 */
#include "checks.h"

#ifndef COUNTED_BY_KEY          /* a contribution is counted by the key that brought it */
#define COUNTED_BY_KEY 0
#endif
#ifndef K_OF_CONTRIBUTIONS      /* k counts contributions instead of members */
#define K_OF_CONTRIBUTIONS 0
#endif
#ifndef K_UNCHECKED             /* the result is given whatever k says */
#define K_UNCHECKED 0
#endif

#define MEMBERS 3
#define K 2
bool second_key[MEMBERS];
bool brought[2 * MEMBERS];      /* member × key */
byte counted[MEMBERS];          /* arrived of the member that the sum holds */
byte arrived;                   /* contributions that came, those of a member that is counted already included */
bool computed;

#define members_in ((counted[0] > 0) + (counted[1] > 0) + (counted[2] > 0))

active [MEMBERS] proctype member() {
  byte m = _pid;
  byte key = 0;
end:
  do
  :: atomic { !second_key[m] -> second_key[m] = true; key = 1; printf("step: member %d enrols a second key\n", m) }
  :: atomic { second_key[m] -> key = 1 - key }
  :: atomic { !computed && !brought[2 * m + key] ->
     brought[2 * m + key] = true;
     printf("step: member %d contributes with key %d\n", m, key);
     if
     :: counted[m] == 0 || COUNTED_BY_KEY -> counted[m]++
     :: else -> PREMISE(14)
     fi;
     arrived++;
     CHECK(14, counted[m] <= 1) }
  od
}

active proctype isolate() {
end:
  do
  :: atomic { !computed && arrived > 0 && (members_in >= K || K_UNCHECKED || (K_OF_CONTRIBUTIONS && arrived >= K)) ->
     computed = true;
     printf("step: the isolate gives the sum of %d members\n", members_in);
     PREMISE(22);
     CHECK(22, members_in >= K) }
  od
}
