// Which images the first stage starts.
#ifndef UPDATE_BOOT_H
#define UPDATE_BOOT_H

#include "slots.h"

/// Where an image runs.
struct boot_target {
  uint8_t *start;
  uint32_t limit; // bytes
};

/// Copies the images of one slot to where they run: those of the candidate, when there is one that may be started, else
/// the confirmed ones. What was copied is checked against the manifest there. The journal knows of a candidate's start
/// before this returns. False: no slot holds images that the owner signed for this device; nothing may be started.
bool boot_load(const struct owner *owner, uint32_t components, const struct boot_target targets[]);

#endif
