/*
 * The life of a computation across starts of isolates: certificates, commits, statements, refusals, and
 * what clients send to whom. One policy P with its true scope S, as ../README.md says.
 *
 * The attacker is the server, the network, and a principal who may write and read. Whatever was sent stays
 * known for ever (a row at the attestation server is a statement in the attacker's hands), so delay, loss,
 * replay, reordering and relay need no queues: a message is received at any time after it exists, any
 * number of times, or never. Each option of a loop is one step that nothing can come between.
 *
 * Sizes: KEYS starts of genuine isolates on two devices (two isolates at once, two restarts), one genuine
 * device of another measurement that the attacker owns, one attestation server with two replicas, an honest
 * provider and an honest reader besides the attacker's principal.
 */
#include "checks.h"

#ifndef RESTARTS
#define RESTARTS 1              /* max_restarts */
#endif
#define KEYS 4
#ifndef STARTS
#define STARTS KEYS             /* starts of genuine isolates, of the KEYS that there is room for */
#endif
#define LIMIT (1 + RESTARTS)    /* keys that may be committed */
#define PER_ISOLATE 2           /* max_rounds 1 and max_failed_runs 1: answers of one isolate */

/* Weakenings: each takes one check away. */
#ifndef WRITE_BEFORE_COMMIT     /* the isolate takes files without a statement */
#define WRITE_BEFORE_COMMIT 0
#endif
#ifndef NO_COMMIT               /* the code before there was a commit: neither isolates nor clients ask for one */
#define NO_COMMIT 0
#endif
#ifndef READ_THEN_INSERT        /* count and insertion are two steps, and replicas interleave */
#define READ_THEN_INSERT 0
#endif
#ifndef COUNT_BY_POLICY         /* rows are counted by policy alone, not by policy and scope */
#define COUNT_BY_POLICY 0
#endif
#ifndef SCOPE_UNCHECKED         /* the token is not held against the scope */
#define SCOPE_UNCHECKED 0
#endif
#ifndef PIN_AT_FIRST_WRITE      /* clients pin the first certified key, committed or not */
#define PIN_AT_FIRST_WRITE 0
#endif
#ifndef SEND_THEN_RECORD        /* clients record a key after they have sent to it */
#define SEND_THEN_RECORD 0
#endif
#ifndef NO_PIN                  /* clients go to every committed key */
#define NO_PIN 0
#endif
#ifndef SMALLER_RESTART         /* an accepted restart lets clients go to any n, smaller ones as well */
#define SMALLER_RESTART 0
#endif
#ifndef UNSIGNED_REFUSAL        /* an isolate ends at a refusal that nobody signed */
#define UNSIGNED_REFUSAL 0
#endif
#ifndef EACH_REQUEST_A_ROW      /* a repeated request takes another row instead of the same statement */
#define EACH_REQUEST_A_ROW 0
#endif
#ifndef ANY_KEYS_STATEMENT      /* the isolate takes a statement about another key */
#define ANY_KEYS_STATEMENT 0
#endif
#ifndef ROWS_FORGOTTEN          /* rows are purged, or an old copy of the database is restored */
#define ROWS_FORGOTTEN 0
#endif
#ifndef REVOKED_COMMITS         /* the commit does not look whether the device is still allowed */
#define REVOKED_COMMITS 0
#endif
#ifndef RESET_CLEARS_COUNTERS   /* a reset keeps key and statement, and counts from zero */
#define RESET_CLEARS_COUNTERS 0
#endif
/* An assumption, taken away in the same manner: no check of the code, but what it stands on. */
#ifndef MEMORY_CLONED           /* an isolate's memory can be copied and started a second time */
#define MEMORY_CLONED 0
#endif
#ifndef COOPERATIVE             /* no attacker: the server does its work, at most RESTARTS isolates are lost */
#define COOPERATIVE 0
#endif

#define FOREIGN KEYS            /* the key of the attacker's own device */
#define NONE (KEYS + 1)
#define TRUE_PAIR 0             /* (P, S) */
#define INVENTED 1              /* (P, a scope that the attacker's device invented) */

#define OFF 0
#define UP 1                    /* started, attested, certified for its pair */
#define LOST 2                  /* reset or killed: the key is gone */
#define REFUSED 3               /* ended by a refusal */

byte mode[KEYS];
bool foreignCertified, foreignCommitted, foreignHasTruePair;
byte row[KEYS];                 /* n of the key at the attestation server, 0: none */
byte rows[2];                   /* rows by pair */
bool refusal[KEYS];             /* a signed refusal for this key exists */
byte have[KEYS];                /* n of the statement that the isolate has verified */
bool holdsInput[KEYS];          /* the honest provider's input is in the isolate */
byte used[KEYS];                /* rounds and failed runs of the isolate */
bool revoked;                   /* the device of the first start is revoked */
byte acceptedKeys;              /* keys that ever took a file */
bool accepted[KEYS];
byte answers;                   /* answers about the honest input that the attacker's reader has */

#define PROVIDER 0
#define READER 1
byte pin[2] = NONE;             /* recorded key of a client */
byte pinN[2];
bool toSend[2];                 /* recorded, and not yet sent */
bool ownerAccepts[2];           /* --accept-restart 2 */
byte unrecorded[2] = NONE;      /* weakened: sent to, not yet recorded */
bool sent[2 * (KEYS + 1)];      /* client × key: something was sent */
bool ended;                     /* the honest reader has a result */

/* The two replicas of the attestation server between reading and inserting. */
byte pending[2] = NONE;
byte seen[2];

#define count(field, value) ((field[0] == value) + (field[1] == value) + (field[2] == value) + (field[3] == value))
#define upCount count(mode, UP)
#define startedCount (KEYS - count(mode, OFF))
#define lostCount count(mode, LOST)
#define committedCount (KEYS - count(row, 0))
#define sentCount(c) (sent[c * 5] + sent[c * 5 + 1] + sent[c * 5 + 2] + sent[c * 5 + 3] + sent[c * 5 + 4])
/* No two keys of the pair have one n. */
#define oneKeyForEach(n) (count(row, n) <= 1)

inline insertRow(n) {
  row[k] = n;
  CHECK(1, !(k == 0 && revoked));
  CHECK(2, oneKeyForEach(1) && oneKeyForEach(2) && row[k] >= 1 && row[k] <= LIMIT);
  if
  :: committedCount >= 2 -> PREMISE(2)
  :: else
  fi
}

/* What the isolate asks before it takes a file. */
#define mayWrite(k) (mode[k] == UP && (have[k] > 0 || WRITE_BEFORE_COMMIT || NO_COMMIT))

inline accept() {
  if
  :: !accepted[k] ->
    accepted[k] = true;
    acceptedKeys++;
    CHECK(1, acceptedKeys <= LIMIT);
    if
    :: acceptedKeys == LIMIT -> PREMISE(1)
    :: else
    fi
  :: else
  fi
}

inline useUp() {
  used[k]++;
  answers++;
  printf("step: isolate %d runs over the provider's input: answer %d for the attacker's reader\n", k, answers);
  CHECK(13, answers <= PER_ISOLATE * LIMIT);
  if
  :: answers == PER_ISOLATE * LIMIT -> PREMISE(13)
  :: else
  fi
}

/* One start of a genuine isolate, and what the attestation server does for its key. */
active [KEYS] proctype isolate() {
  byte k = _pid;
end:
  do
  /* The owner of the machines starts it: at most one on each of the two devices at a time, numbered in their
     order. It is certified at once, and its commit request is the attacker's at once: both can be asked for at
     any time, change nothing by themselves, and outlive the isolate. */
  :: atomic { mode[k] == OFF && startedCount == k && k < STARTS && upCount < 2 && (!COOPERATIVE || upCount == 0) ->
     mode[k] = UP;
     printf("step: the server starts isolate %d under P and has it attested: a genuine certificate\n", k) }

  :: atomic { mode[k] == UP && (!COOPERATIVE || (lostCount < RESTARTS && !ended)) ->
     mode[k] = LOST;
     have[k] = 0; holdsInput[k] = false; used[k] = 0;
     printf("step: the server resets isolate %d: its key, its files and its counters are gone\n", k) }

  /* The attestation server takes its commit request. Once there is a row, the answer is that row's statement. */
  :: atomic { !READ_THEN_INSERT && mode[k] != OFF && row[k] == 0 && !refusal[k] &&
       (!(k == 0 && revoked) || REVOKED_COMMITS) && (!COOPERATIVE || mode[k] == UP) ->
     if
     :: (rows[TRUE_PAIR] + (COUNT_BY_POLICY -> rows[INVENTED] : 0)) < LIMIT ->
       rows[TRUE_PAIR]++;
       printf("step: the attestation server commits P to isolate %d as n = %d of %d\n", k, rows[TRUE_PAIR], LIMIT);
       insertRow(rows[TRUE_PAIR])
     :: else ->
       refusal[k] = true;
       printf("step: the attestation server signs a refusal for isolate %d\n", k);
       PREMISE(3);
       CHECK(3, committedCount == LIMIT);
       CHECK(5, committedCount == LIMIT)
     fi }
#if EACH_REQUEST_A_ROW
  :: atomic { mode[k] != OFF && row[k] != 0 && !refusal[k] ->
     if
     :: rows[TRUE_PAIR] < LIMIT ->
       rows[TRUE_PAIR]++;
       row[k] = rows[TRUE_PAIR];
       printf("step: the answer is lost; isolate %d asks again and takes n = %d as well\n", k, row[k])
     :: else ->
       refusal[k] = true;
       printf("step: isolate %d asks again and is refused\n", k);
       CHECK(5, committedCount == LIMIT)
     fi }
#endif
#if READ_THEN_INSERT
  :: atomic { mode[k] != OFF && row[k] == 0 && !refusal[k] && pending[0] != k && pending[1] == NONE ->
     pending[1] = pending[0]; seen[1] = seen[0];
     pending[0] = k; seen[0] = rows[TRUE_PAIR];
     printf("step: a replica of the attestation server reads %d rows for isolate %d\n", seen[0], k) }
  :: atomic { pending[0] == k || pending[1] == k ->
     if
     :: pending[0] == k -> pending[0] = pending[1]; rows[TRUE_PAIR] = seen[0] + 1; seen[0] = seen[1]
     :: else -> rows[TRUE_PAIR] = seen[1] + 1
     fi;
     pending[1] = NONE; seen[1] = 0;
     printf("step: that replica inserts n = %d for isolate %d\n", rows[TRUE_PAIR], k);
     insertRow(rows[TRUE_PAIR]) }
#endif

  :: atomic { k == 0 && !COOPERATIVE && !revoked && mode[0] != OFF && row[0] == 0 ->
     revoked = true;
     printf("step: the operator revokes the device of isolate 0\n") }

  /* The isolate receives an answer to its commit. */
  :: atomic { mode[k] == UP && have[k] == 0 && row[k] > 0 ->
     have[k] = row[k];
     printf("step: isolate %d verifies its statement, n = %d\n", k, have[k]) }
#if ANY_KEYS_STATEMENT
  :: atomic { mode[k] == UP && have[k] == 0 && row[0] > 0 && k != 0 ->
     have[k] = row[0];
     printf("step: isolate %d takes the statement that was made for isolate 0\n", k) }
#endif
  :: atomic { mode[k] == UP && refusal[k] ->
     mode[k] = REFUSED;
     printf("step: isolate %d ends at the signed refusal\n", k);
     PREMISE(5);
     CHECK(5, row[k] == 0 && committedCount == LIMIT) }
#if UNSIGNED_REFUSAL
  :: atomic { mode[k] == UP && have[k] == 0 && !refusal[k] ->
     mode[k] = REFUSED;
     printf("step: isolate %d ends at a refusal that the server forged\n", k);
     CHECK(5, refusal[k]) }
#endif

  :: atomic { !COOPERATIVE && mayWrite(k) && !accepted[k] ->
     printf("step: isolate %d takes the attacker's own input\n", k);
     accept() }

  /* A run over the honest input: the attacker's reader gets a result, or the code of a failed run. */
  :: atomic { mode[k] == UP && holdsInput[k] && used[k] < PER_ISOLATE -> useUp() }
#if RESET_CLEARS_COUNTERS
  :: atomic { mode[k] == UP && used[k] == PER_ISOLATE -> used[k] = 0;
     printf("step: a reset of isolate %d clears its counters; key, statement and input survive\n", k) }
#endif
#if MEMORY_CLONED
  :: atomic { mode[k] == UP && used[k] == PER_ISOLATE -> used[k] = 0;
     printf("step: a copy of isolate %d's memory, made before its runs, is started\n", k) }
#endif
  od
}

/* What the client c saw inside TLS with k's key: the certificate's pair, and a statement for this very key. */
#define certifiedTrue(k) ((k < KEYS && mode[k] == UP) || (k == FOREIGN && foreignHasTruePair))
#define statementShown(k) ((k < KEYS && have[k] > 0) || (k == FOREIGN && foreignCommitted) || PIN_AT_FIRST_WRITE || NO_COMMIT)
#define shownN(k) (k < KEYS -> have[k] : 1)

/* Whether the client's record lets it go to this key. */
#define recordAllows(c, k) (pin[c] == NONE || NO_PIN || NO_COMMIT \
  || (ownerAccepts[c] && ((shownN(k) == 2 && pinN[c] < 2) || SMALLER_RESTART)))

inline send() {
  printf("step: client %d sends to isolate %d\n", c, k);
  sent[c * 5 + k] = true;
  CHECK(4, k < KEYS && row[k] > 0);
  CHECK(4, sentCount(c) <= 1 + ownerAccepts[c]);
  if
  :: sentCount(c) == LIMIT -> PREMISE(4)
  :: else
  fi;
  if
  :: c == PROVIDER && mayWrite(k) && !holdsInput[k] ->
    printf("step: isolate %d takes the provider's input\n", k);
    accept();
    holdsInput[k] = true
  :: else
  fi
}

/* One honest client c and one key k: an honest client comes again by itself whenever something went wrong. */
active [2 * (KEYS + 1)] proctype client() {
  byte c = (_pid - KEYS) / (KEYS + 1);
  byte k = (_pid - KEYS) % (KEYS + 1);
end:
  do
  :: atomic { !SEND_THEN_RECORD && !toSend[c] && pin[c] != k && certifiedTrue(k) && statementShown(k) && recordAllows(c, k) ->
     printf("step: client %d checks isolate %d and records it with n = %d\n", c, k, shownN(k));
     CHECK(4, shownN(k) >= pinN[c]);
     pin[c] = k; pinN[c] = shownN(k); toSend[c] = true }

  :: atomic { toSend[c] && pin[c] == k && certifiedTrue(k) && statementShown(k) ->
     toSend[c] = false;
     send() }

  /* The isolate was lost between record and sending: the client stays with its record. */
  :: atomic { toSend[c] && pin[c] == k && k < KEYS && mode[k] != UP -> toSend[c] = false }
#if SEND_THEN_RECORD
  :: atomic { unrecorded[c] == NONE && pin[c] != k && certifiedTrue(k) && statementShown(k) && recordAllows(c, k) ->
     unrecorded[c] = k;
     send() }
  :: atomic { unrecorded[c] == k -> unrecorded[c] = NONE;
     printf("step: client %d is killed before it has recorded\n", c) }
  :: atomic { unrecorded[c] == k -> pin[c] = k; pinN[c] = shownN(k); unrecorded[c] = NONE }
#endif

  :: atomic { c == READER && pin[READER] == k && !ended && k < KEYS && mode[k] == UP && used[k] > 0 ->
     ended = true;
     printf("step: the honest reader gets a result of isolate %d\n", k) }

  /* Its owner has seen that a second isolate was committed. */
  :: atomic { k == 0 && RESTARTS > 0 && !ownerAccepts[c] && committedCount >= 2 ->
     ownerAccepts[c] = true;
     printf("step: the owner of client %d says --accept-restart 2\n", c) }
  od
}

/* The attacker's own device: genuine, of another measurement, with a runtime that tells any scope. */
active proctype foreignDevice() {
end:
  do
  :: atomic { !COOPERATIVE && !foreignCertified ->
     foreignCertified = true;
     printf("step: the attacker's device gets a certificate for (P, a scope of its own)\n") }
#if SCOPE_UNCHECKED
  :: atomic { !foreignHasTruePair && !foreignCommitted ->
     foreignCertified = true; foreignHasTruePair = true;
     printf("step: the attacker's device gets a certificate for (P, S)\n") }
#endif
  :: atomic { foreignCertified && !foreignHasTruePair && !foreignCommitted ->
     foreignCommitted = true;
     rows[INVENTED]++;
     printf("step: the attestation server commits (P, the invented scope) to the attacker's device\n") }
#if SCOPE_UNCHECKED
  :: atomic { foreignHasTruePair && !foreignCommitted && rows[TRUE_PAIR] < LIMIT ->
     foreignCommitted = true;
     rows[TRUE_PAIR]++;
     printf("step: the attestation server commits P to the attacker's device\n");
     CHECK(3, false) }
#endif
#if ROWS_FORGOTTEN
  :: atomic { rows[TRUE_PAIR] > 0 ->
     rows[TRUE_PAIR] = 0; row[0] = 0; row[1] = 0; row[2] = 0; row[3] = 0;
     printf("step: the attestation server forgets its rows\n") }
#endif
  od
}

#if COOPERATIVE
/* Progress: where nothing more can happen, the honest reader has its result. */
active proctype end_of_all() {
  timeout ->
  PREMISE(16);
  CHECK(16, ended)
}
#endif
