/*
 * Design only: updates and device identity, that is, what a device runs, and what its certificate says of it.
 *
 * Two devices of one implementation. The owner signs images 1 and 2 and, in the end, 3, which turns out bad and
 * is never confirmed; image 0 is the attacker's own and unsigned. The attacker owns the flash of both devices
 * and may write there any image with any manifest ever signed, may open a device for debugging, and keeps
 * every certificate chain that a device ever made.
 */
#include "checks.h"

#ifndef BOOT_UNCHECKED          /* the first stage does not hold flash against the manifest at every boot */
#define BOOT_UNCHECKED 0
#endif
#ifndef COUNTER_IGNORED         /* an older sequence number boots as well */
#define COUNTER_IGNORED 0
#endif
#ifndef CONFIRMATION_UNSIGNED   /* anybody confirms an image */
#define CONFIRMATION_UNSIGNED 0
#endif
#ifndef FLOOR_PER_DEVICE        /* the floor of a device is what it has itself been certified with, not what the operator has set */
#define FLOOR_PER_DEVICE 0
#endif
#ifndef CLAIMS_OF_TOKEN         /* identity and lifecycle are taken from the token instead of from the chain */
#define CLAIMS_OF_TOKEN 0
#endif
#ifndef LIFECYCLE_NOT_DERIVED   /* the alias key does not depend on the lifecycle */
#define LIFECYCLE_NOT_DERIVED 0
#endif

#define DEVICES 2
byte published = 1;             /* images 1 .. published are signed */
byte flash[DEVICES] = 1;
byte counter[DEVICES];
byte running[DEVICES];          /* 0: none yet, else 1 + image */
bool open[DEVICES];             /* started with debugging open: the alias key of that start is the attacker's */
bool chain_secured[2 * 4];      /* device × image: a chain of a secured start is in the attacker's hands */
bool alias_secured[2 * 4];      /* ... and the alias key of that chain, too */
bool confirmed[4];              /* the owner's statement over the image */
byte required;                  /* the floor that the operator of the attestation server has set for the implementation */
byte floor[DEVICES];            /* newest image that each device was certified with */

#define floorOf(d) (FLOOR_PER_DEVICE -> floor[d] : required)

active proctype owner() {
end:
  do
  :: atomic { published < 3 -> published++; printf("step: the owner signs image %d\n", published) }
  :: atomic { published >= 1 && !confirmed[1] -> confirmed[1] = true }
  :: atomic { published >= 2 && !confirmed[2] -> confirmed[2] = true }
  :: atomic { published >= 2 && required < 2 -> required = 2; printf("step: the operator sets the floor to image 2\n") }
  od
}

active [DEVICES] proctype device() {
  byte d = _pid - 1;
end:
  do
  /* The attacker writes flash. */
  :: atomic { flash[d] != 0 -> flash[d] = 0; printf("step: the attacker writes its own image to device %d\n", d) }
  :: atomic { flash[d] != 1 -> flash[d] = 1; printf("step: the attacker writes image 1 to device %d\n", d) }
  :: atomic { published >= 2 && flash[d] != 2 -> flash[d] = 2; printf("step: image 2 is written to device %d\n", d) }
  :: atomic { published >= 3 && flash[d] != 3 -> flash[d] = 3; printf("step: image 3 is written to device %d\n", d) }

  /* The first stage boots it, with debugging open or closed. */
  :: atomic { (running[d] != flash[d] + 1 || open[d]) && ((flash[d] != 0 && (flash[d] >= counter[d] || COUNTER_IGNORED)) || BOOT_UNCHECKED) ->
     running[d] = flash[d] + 1; open[d] = false;
     chain_secured[d * 4 + flash[d]] = true;
     printf("step: device %d boots image %d\n", d, flash[d]);
     if
     :: counter[d] == 2 -> PREMISE(12)
     :: else
     fi;
     CHECK(12, flash[d] != 0);
     CHECK(12, flash[d] >= counter[d]) }
  :: atomic { running[d] != 0 && !open[d] ->
     open[d] = true;
     if
     :: LIFECYCLE_NOT_DERIVED -> alias_secured[d * 4 + running[d] - 1] = true; printf("step: the attacker opens device %d for debugging and reads the alias key, which is that of its secured starts\n", d) /* unreached: the alias key of a start with open debugging is another one */
     :: else -> printf("step: the attacker opens device %d for debugging\n", d)
     fi }

  /* A confirmation raises the counter. */
  :: atomic { running[d] > 1 && counter[d] < running[d] - 1 && (confirmed[running[d] - 1] || CONFIRMATION_UNSIGNED) ->
     counter[d] = running[d] - 1;
     printf("step: device %d takes a confirmation of image %d\n", d, counter[d]);
     CHECK(12, confirmed[counter[d]]) }

  /* It is attested as a secured device and gets a certificate. */
  :: atomic { running[d] != 0 && !open[d] && running[d] - 1 >= floorOf(d) ->
     printf("step: device %d is certified with image %d\n", d, running[d] - 1);
     CHECK(12, running[d] - 1 >= required);
     if
     :: FLOOR_PER_DEVICE -> floor[d] = running[d] - 1 /* unreached: the floor is the implementation's */
     :: else
     fi }

  /* The attacker has the alias key of the open start and the chains of all secured ones. */
  :: atomic { open[d] && running[d] != 0 ->
     PREMISE(11);
     if
     :: CLAIMS_OF_TOKEN -> printf("step: the attacker signs a token that says secured with the alias key of the open device %d\n", d); CHECK(11, false) /* unreached: lifecycle and identity are those of the chain */
     :: alias_secured[d * 4 + running[d] - 1] && chain_secured[d * 4 + running[d] - 1] -> printf("step: the attacker presents the chain of a secured start of device %d with the key of the open one\n", d); CHECK(11, false) /* unreached: no alias key of a secured start ever leaves a device */
     :: else
     fi }
  od
}
