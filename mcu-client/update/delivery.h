// Updates in the running image: a candidate's delivery, its start, its confirmation. Privileged code; what it is given
// comes from anybody who reaches the isolate's link.
#ifndef UPDATE_DELIVERY_H
#define UPDATE_DELIVERY_H

#include "slots.h"

/// What the server asks for.
enum update_step {
  UPDATE_BEGIN,   // bytes: the manifest
  UPDATE_PART,    // bytes: of the images, one behind the other, from `offset` on
  UPDATE_END,     // all of them were sent
  UPDATE_START,   // restarts the device, when there is a candidate to start
  UPDATE_CONFIRM, // bytes: the owner's statement
  UPDATE_STATE,   // nothing: only what is answered is of interest
};

/// What becomes of it.
enum update_outcome {
  UPDATE_DONE,
  UPDATE_MALFORMED, // as of enum manifest_outcome
  UPDATE_FORGED,
  UPDATE_VENDOR,
  UPDATE_CLASS,
  UPDATE_NO_OWNER, // the device was provisioned for no updates
  UPDATE_ORDER,    // not the time for this step, or not the place where the images go on
  UPDATE_OLD,      // the sequence number is not greater than that of the confirmed image, or of a later candidate
  UPDATE_SPENT,    // images of this sequence number were rejected, or delivered SLOTS_DELIVERIES times
  UPDATE_SIZE,     // an image is larger than its place
  UPDATE_DIGEST,   // the images are not those of the manifest
  UPDATE_FLASH,    // the flash does not take them
  UPDATE_UNPROVEN, // not the owner's statement that this device runs this candidate
};

enum {
  UPDATE_PIECE_MAX = 1024, // bytes of one step
  UPDATE_TRIAL_MS = 30 * 60 * 1000, // that a candidate runs without being confirmed
};

/// What the device says of itself, and how it stands in its answers (host/update/link.ts); nothing in it is secret.
struct update_state {
  uint64_t confirmed_sequence;
  uint64_t candidate_sequence;
  uint64_t running_sequence;
  uint8_t candidate; // enum candidate
  uint8_t attempts;
  uint8_t deliveries;
  uint8_t trial;                  // 1: what runs is a candidate
  uint32_t next;                  // of the images' bytes: where they go on
  uint8_t running[SHA256_BYTES]; // digest of the manifest of what runs; zeros without updates
  uint8_t instance[INSTANCE_BYTES];
  uint8_t reserved[7];
};
_Static_assert(sizeof(struct update_state) == 104, "it has no holes");

/// Learns what runs. Before anything else here, once.
void update_prepare(uint32_t components, const uint8_t instance[INSTANCE_BYTES]);

/// Does a step. UPDATE_START does not return where it succeeds.
enum update_outcome update_step(uint32_t step, uint32_t offset, const uint8_t *bytes, uint32_t length);

void update_describe(struct update_state *state);

/// Whether the image may go on running: not a candidate that nobody has confirmed in time.
/// `now`: milliseconds since the start.
bool update_may_run(uint32_t now);

#endif
