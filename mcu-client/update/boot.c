#include "boot.h"

#include <string.h>

#include "../hal/slot-flash.h"

// Loads the images of a slot whose manifest has this sequence number, or any.
static bool load(uint32_t slot, const uint64_t *sequence, const struct owner *owner, uint32_t components,
                 const struct boot_target targets[], struct manifest *manifest) {
  if (slots_manifest_read(slot, owner, components, manifest) != MANIFEST_GOOD) return false;
  if (sequence && manifest->sequence != *sequence) return false;
  for (uint32_t i = 0; i < components; i++) {
    const struct component *component = &manifest->components[i];
    if (component->size > targets[i].limit || component->size > slots_image_bytes(i)) return false;
    memset(targets[i].start, 0xFF, targets[i].limit);
    memcpy(targets[i].start, slot_flash_at(slots_image_offset(slot, i)), component->size);
    if (!slots_image_matches(targets[i].start, component)) return false;
  }
  return true;
}

bool boot_load(const struct owner *owner, uint32_t components, const struct boot_target targets[]) {
  struct manifest manifest;
  struct slots_state state;
  if (!slots_state_read(&state)) {
    // As the device was provisioned: slot A is confirmed.
    if (!load(0, NULL, owner, components, targets, &manifest)) return false;
    state = (struct slots_state){.confirmed_sequence = manifest.sequence};
    slots_state_write(&state);
    return true;
  }
  if (state.candidate == CANDIDATE_READY) {
    // The attempt is counted before it is made, whatever comes of it.
    if (state.attempts < SLOTS_ATTEMPTS &&
        load(!state.confirmed_slot, &state.candidate_sequence, owner, components, targets, &manifest)) {
      state.attempts++;
      if (slots_state_write(&state)) return true;
    } else {
      state.candidate = CANDIDATE_REJECTED;
      slots_state_write(&state);
    }
  }
  return load(state.confirmed_slot, &state.confirmed_sequence, owner, components, targets, &manifest);
}
