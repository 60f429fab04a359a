#include "delivery.h"

#include <string.h>

#include "../hal/board.h"
#include "../hal/slot-flash.h"
#include "board-config.h"
#include "owner.h"

static bool updates; // the device has an owner
static struct owner owner;
static uint32_t components;
static uint8_t instance[INSTANCE_BYTES];
// What runs.
static struct manifest running;
static bool trial;
static uint8_t running_slot;

// The candidate under way: its manifest, and where the next of its bytes goes.
static bool arriving;
static struct manifest candidate;
static uint8_t manifest_bytes[MANIFEST_MAX];
static uint32_t manifest_length, next_byte;

_Static_assert(UPDATE_MALFORMED == (int)MANIFEST_MALFORMED && UPDATE_CLASS == (int)MANIFEST_CLASS, "outcomes");

// The first stage has decided by this journal, and counted an attempt; nothing was written since.
void update_prepare(uint32_t images, const uint8_t id[INSTANCE_BYTES]) {
  struct slots_state state;
  arriving = trial = updates = false;
  components = images;
  memcpy(instance, id, sizeof instance);
  if (!owner_read(&owner) || !slots_state_read(&state)) return;
  trial = state.candidate == CANDIDATE_READY;
  running_slot = trial ? !state.confirmed_slot : state.confirmed_slot;
  updates = slots_manifest_read(running_slot, &owner, components, &running) == MANIFEST_GOOD;
}

static uint32_t total_bytes(void) {
  uint32_t total = 0;
  for (uint32_t i = 0; i < components; i++) total += candidate.components[i].size;
  return total;
}

static enum update_outcome begin(const uint8_t *bytes, uint32_t length) {
  struct manifest manifest;
  struct slots_state state;
  if (length > MANIFEST_MAX) return UPDATE_MALFORMED;
  enum manifest_outcome outcome = manifest_read(bytes, length, &owner, components, &manifest);
  if (outcome != MANIFEST_GOOD) return (enum update_outcome)outcome;
  if (!slots_state_read(&state)) return UPDATE_FLASH;
  if (manifest.sequence <= state.confirmed_sequence || manifest.sequence < state.candidate_sequence) return UPDATE_OLD;
  bool again = manifest.sequence == state.candidate_sequence;
  if (again && (state.candidate == CANDIDATE_REJECTED || state.deliveries >= SLOTS_DELIVERIES)) return UPDATE_SPENT;
  // A whole one stays as it is; what runs on trial is to be confirmed or to be left.
  if (again && state.candidate == CANDIDATE_READY) return UPDATE_ORDER;
  for (uint32_t i = 0; i < components; i++)
    if (manifest.components[i].size > slots_image_bytes(i)) return UPDATE_SIZE;

  arriving = false;
  state.deliveries = again ? state.deliveries + 1 : 1;
  state.candidate_sequence = manifest.sequence;
  state.candidate = CANDIDATE_ARRIVING;
  state.attempts = 0;
  if (!slots_state_write(&state)) return UPDATE_FLASH;
  if (!slot_flash_erase(slots_manifest_offset(!state.confirmed_slot))) return UPDATE_FLASH;
  candidate = manifest;
  memcpy(manifest_bytes, bytes, length);
  manifest_length = length;
  next_byte = 0;
  arriving = true;
  return UPDATE_DONE;
}

// Programs bytes at `offset`, a multiple of 4; what is missing in the last word stays erased.
static bool program(uint32_t offset, const uint8_t *bytes, uint32_t length) {
  for (uint32_t at = 0; at < length; at += 4) {
    uint32_t word = UINT32_MAX;
    memcpy(&word, bytes + at, length - at < 4 ? length - at : 4);
    if ((offset + at) % BOARD_SLOT_SECTOR == 0 && !slot_flash_erase(offset + at)) return false;
    if (!slot_flash_program(offset + at, word)) return false;
  }
  return true;
}

static enum update_outcome part(uint32_t offset, const uint8_t *bytes, uint32_t length) {
  struct slots_state state;
  if (!arriving || offset != next_byte || length == 0 || length > total_bytes() - next_byte) return UPDATE_ORDER;
  if (!slots_state_read(&state)) return UPDATE_FLASH;
  uint32_t first = candidate.components[0].size;
  uint32_t component = offset < first ? 0 : 1, at = component == 0 ? offset : offset - first;
  uint32_t end = candidate.components[component].size;
  // A part belongs to one image, and all but an image's last one are whole words.
  if (length > end - at || (length % 4 != 0 && at + length != end)) return UPDATE_ORDER;
  if (!program(slots_image_offset(!state.confirmed_slot, component) + at, bytes, length)) {
    arriving = false;
    return UPDATE_FLASH;
  }
  next_byte += length;
  return UPDATE_DONE;
}

static enum update_outcome end(void) {
  struct slots_state state;
  if (!arriving || next_byte != total_bytes()) return UPDATE_ORDER;
  arriving = false;
  if (!slots_state_read(&state)) return UPDATE_FLASH;
  uint32_t slot = !state.confirmed_slot;
  for (uint32_t i = 0; i < components; i++)
    if (!slots_image_matches(slot_flash_at(slots_image_offset(slot, i)), &candidate.components[i]))
      return UPDATE_DIGEST;
  uint32_t at = slots_manifest_offset(slot);
  if (!slot_flash_erase(at) || !slot_flash_program(at, manifest_length)) return UPDATE_FLASH;
  for (uint32_t i = 0; i < manifest_length; i += 4) {
    uint32_t word = UINT32_MAX;
    memcpy(&word, manifest_bytes + i, manifest_length - i < 4 ? manifest_length - i : 4);
    if (!slot_flash_program(at + 4 + i, word)) return UPDATE_FLASH;
  }
  struct manifest kept;
  if (slots_manifest_read(slot, &owner, components, &kept) != MANIFEST_GOOD) return UPDATE_FLASH;
  state.candidate = CANDIDATE_READY;
  return slots_state_write(&state) ? UPDATE_DONE : UPDATE_FLASH;
}

// A candidate that runs is not started again: that would spend its attempts.
static bool candidate_waits(void) {
  struct slots_state state;
  return slots_state_read(&state) && state.candidate == CANDIDATE_READY &&
         !(trial && state.candidate_sequence == running.sequence);
}

static enum update_outcome confirm(const uint8_t *bytes, uint32_t length) {
  struct slots_state state;
  if (!trial) return UPDATE_ORDER;
  if (!confirmation_read(bytes, length, &owner, running.digest, instance)) return UPDATE_UNPROVEN;
  // Not after another candidate has begun to take its place.
  if (!slots_state_read(&state) || state.candidate != CANDIDATE_READY ||
      state.candidate_sequence != running.sequence || state.confirmed_slot == running_slot)
    return UPDATE_ORDER;
  state.confirmed_slot = running_slot;
  state.confirmed_sequence = running.sequence;
  state.candidate = CANDIDATE_NONE;
  state.attempts = 0;
  if (!slots_state_write(&state)) return UPDATE_FLASH;
  trial = false;
  return UPDATE_DONE;
}

enum update_outcome update_step(uint32_t step, uint32_t offset, const uint8_t *bytes, uint32_t length) {
  if (step == UPDATE_STATE) return UPDATE_DONE;
  if (!updates) return UPDATE_NO_OWNER;
  if (length > UPDATE_PIECE_MAX) return UPDATE_MALFORMED;
  switch (step) {
    case UPDATE_BEGIN: return begin(bytes, length);
    case UPDATE_PART: return part(offset, bytes, length);
    case UPDATE_END: return end();
    case UPDATE_START:
      if (!candidate_waits()) return UPDATE_ORDER;
      board_reset();
    case UPDATE_CONFIRM: return confirm(bytes, length);
    default: return UPDATE_ORDER;
  }
}

void update_describe(struct update_state *out) {
  struct slots_state state = {0};
  memset(out, 0, sizeof *out);
  memcpy(out->instance, instance, sizeof out->instance);
  if (!updates || !slots_state_read(&state)) return;
  out->confirmed_sequence = state.confirmed_sequence;
  out->candidate_sequence = state.candidate_sequence;
  out->running_sequence = running.sequence;
  out->candidate = state.candidate;
  out->attempts = state.attempts;
  out->deliveries = state.deliveries;
  out->trial = trial;
  memcpy(out->running, running.digest, sizeof out->running);
  out->next = arriving ? next_byte : 0;
}

bool update_may_run(uint32_t now) { return !trial || now < UPDATE_TRIAL_MS; }
