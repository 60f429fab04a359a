#include "slots.h"

#include <stddef.h>
#include <string.h>

#include "../hal/slot-flash.h"
#include "../link/crc32.h"
#include "board-config.h"

#define RECORD_MAGIC 0x56435331u // "VCS1"

// A place of the journal is programmed once between two erasures of its sector.
struct record {
  uint32_t magic;
  uint32_t generation; // the newest record has the greatest
  struct slots_state state;
  uint32_t check;    // CRC-32 of what is before
  uint32_t reserved; // 0
};
_Static_assert(sizeof(struct slots_state) == 24 && sizeof(struct record) == 40, "a record has no holes");

// Two sectors of journal, then the slots.
enum {
  JOURNAL_SECTORS = 2,
  PLACES = BOARD_SLOT_SECTOR / sizeof(struct record),
  SLOTS_START = JOURNAL_SECTORS * BOARD_SLOT_SECTOR,
  SLOT_BYTES = BOARD_SLOT_SECTOR + BOARD_SLOT_MAIN + BOARD_SLOT_OUTSIDE,
};
_Static_assert(BOARD_SLOT_MAIN % BOARD_SLOT_SECTOR == 0 && BOARD_SLOT_OUTSIDE % BOARD_SLOT_SECTOR == 0,
               "images begin with a sector");
_Static_assert(sizeof(uint32_t) + MANIFEST_MAX <= BOARD_SLOT_SECTOR, "a manifest fits its sector");

static uint32_t place_offset(uint32_t sector, uint32_t place) {
  return sector * BOARD_SLOT_SECTOR + place * (uint32_t)sizeof(struct record);
}

static uint32_t check_of(const struct record *record) {
  return crc32((const uint8_t *)record, offsetof(struct record, check));
}

// Where the newest record is. False: nowhere.
static bool newest(struct record *found, uint32_t *in_sector, uint32_t *at_place) {
  bool any = false;
  for (uint32_t sector = 0; sector < JOURNAL_SECTORS; sector++)
    for (uint32_t place = 0; place < PLACES; place++) {
      struct record record;
      memcpy(&record, slot_flash_at(place_offset(sector, place)), sizeof record);
      if (record.magic != RECORD_MAGIC || record.check != check_of(&record)) continue;
      if (record.state.confirmed_slot > 1 || record.state.candidate > CANDIDATE_REJECTED) continue;
      if (any && record.generation <= found->generation) continue;
      *found = record;
      *in_sector = sector;
      *at_place = place;
      any = true;
    }
  return any;
}

bool slots_state_read(struct slots_state *state) {
  struct record record;
  uint32_t sector, place;
  if (!newest(&record, &sector, &place)) return false;
  *state = record.state;
  return true;
}

static bool is_erased(uint32_t offset, uint32_t length) {
  const uint8_t *bytes = slot_flash_at(offset);
  for (uint32_t i = 0; i < length; i++)
    if (bytes[i] != 0xFF) return false;
  return true;
}

static bool program(uint32_t offset, const struct record *record) {
  const uint8_t *bytes = (const uint8_t *)record;
  for (uint32_t at = 0; at < sizeof *record; at += 4) {
    uint32_t word;
    memcpy(&word, bytes + at, sizeof word);
    if (!slot_flash_program(offset + at, word)) return false;
  }
  return memcmp(slot_flash_at(offset), record, sizeof *record) == 0;
}

bool slots_state_write(const struct slots_state *state) {
  struct record last = {0}, record;
  uint32_t sector = JOURNAL_SECTORS - 1, place = PLACES - 1;
  bool any = newest(&last, &sector, &place);
  memset(&record, 0, sizeof record);
  record.magic = RECORD_MAGIC;
  record.generation = last.generation + 1;
  record.state = *state;
  record.check = check_of(&record);
  // Behind the newest one. A place where programming was cut off is passed over.
  while (any && ++place < PLACES) {
    uint32_t offset = place_offset(sector, place);
    if (is_erased(offset, sizeof record) && program(offset, &record)) return true;
  }
  // The other sector holds nothing that is still needed.
  sector = (sector + 1) % JOURNAL_SECTORS;
  if (!slot_flash_erase(sector * BOARD_SLOT_SECTOR)) return false;
  for (place = 0; place < PLACES; place++)
    if (program(place_offset(sector, place), &record)) return true;
  return false;
}

uint32_t slots_image_bytes(uint32_t component) { return component == 0 ? BOARD_SLOT_MAIN : BOARD_SLOT_OUTSIDE; }

uint32_t slots_manifest_offset(uint32_t slot) { return SLOTS_START + slot * SLOT_BYTES; }

uint32_t slots_image_offset(uint32_t slot, uint32_t component) {
  return slots_manifest_offset(slot) + BOARD_SLOT_SECTOR + (component == 0 ? 0 : BOARD_SLOT_MAIN);
}

enum manifest_outcome slots_manifest_read(uint32_t slot, const struct owner *owner, uint32_t components,
                                          struct manifest *manifest) {
  const uint8_t *at = slot_flash_at(slots_manifest_offset(slot));
  uint32_t length;
  memcpy(&length, at, sizeof length);
  if (length > MANIFEST_MAX) return MANIFEST_MALFORMED;
  return manifest_read(at + sizeof length, length, owner, components, manifest);
}

bool slots_image_matches(const uint8_t *image, const struct component *component) {
  struct sha256 hash;
  uint8_t digest[SHA256_BYTES];
  sha256_init(&hash);
  sha256_update(&hash, image, component->size);
  sha256_final(&hash, digest);
  return memcmp(digest, component->digest, sizeof digest) == 0;
}
