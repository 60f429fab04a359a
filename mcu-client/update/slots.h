// Two slots of flash, A and B, each for the images of one manifest, and a journal of which one is to run. One slot is
// confirmed: it is not written again until the other one is. The other may hold a candidate.
#ifndef UPDATE_SLOTS_H
#define UPDATE_SLOTS_H

#include "manifest.h"

/// How far a candidate is.
enum candidate {
  CANDIDATE_NONE,
  CANDIDATE_ARRIVING, // its images are written
  CANDIDATE_READY,    // they are whole: it may be started, SLOTS_ATTEMPTS times
  CANDIDATE_REJECTED, // it was not confirmed in that many, or did not start
};

enum {
  SLOTS_ATTEMPTS = 3,    // starts of a candidate that is not confirmed
  SLOTS_DELIVERIES = 16, // of candidates of one sequence number: nobody wears out the flash
};

/// What the journal says.
struct slots_state {
  uint64_t confirmed_sequence; // of the confirmed manifest
  uint64_t candidate_sequence; // of the newest candidate there has been
  uint8_t confirmed_slot;      // 0 or 1
  uint8_t candidate;           // enum candidate; it is in the other slot
  uint8_t deliveries;          // of `candidate_sequence`
  uint8_t attempts;            // starts of the candidate
  uint32_t reserved;           // 0
};

/// The newest record. False: there is none, as on a device that was never updated.
bool slots_state_read(struct slots_state *state);

/// Appends a record, durably: once this has returned, it is what is read. If the power goes meanwhile, either the record
/// or the one before is. False: the flash takes none, and the one before is read.
bool slots_state_write(const struct slots_state *state);

/// Bytes that a slot has for an image, and where they are.
uint32_t slots_image_bytes(uint32_t component);
uint32_t slots_image_offset(uint32_t slot, uint32_t component);

/// Where a slot's manifest is: u32 length, then its bytes, in a sector of its own.
uint32_t slots_manifest_offset(uint32_t slot);

/// The manifest in a slot.
enum manifest_outcome slots_manifest_read(uint32_t slot, const struct owner *owner, uint32_t components,
                                          struct manifest *manifest);

/// Whether an image of these bytes is the component's.
bool slots_image_matches(const uint8_t *image, const struct component *component);

#endif
