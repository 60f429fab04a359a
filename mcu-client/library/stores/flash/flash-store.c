// A slot for each record that was saved, in the order of time. Its units are programmed in the order key, policy, head,
// seal; a slot without a whole head holds nothing.
//
// A head that was programmed while the power went may read whole today and torn tomorrow. So a record counts as kept once
// its seal is programmed, after all else was read again; one without a seal is written once more before it is told.
#include "flash-store.h"

#include <string.h>

#include "crc32.h"

enum { KEY = 0, POLICY = VC_FLASH_UNIT, HEAD = 2 * VC_FLASH_UNIT, SEAL = 3 * VC_FLASH_UNIT };
// In the head: magic, number, CRC-32 of number, policy and key.
enum { NUMBER = 8, CHECK = 12 };
static const char MAGIC[NUMBER] = "VCREC01";

// Number and hashes as they stand in a slot, without the padding between them.
static uint32_t check_of(const uint8_t slot[VC_FLASH_SLOT]) {
  uint8_t bytes[4 + 2 * VC_FLASH_UNIT];
  memcpy(bytes, slot + HEAD + NUMBER, 4);
  memcpy(bytes + 4, slot + POLICY, VC_FLASH_UNIT);
  memcpy(bytes + 4 + VC_FLASH_UNIT, slot + KEY, VC_FLASH_UNIT);
  return crc32(bytes, sizeof bytes);
}

static bool all_are(const uint8_t *bytes, size_t length, uint8_t value) {
  while (length > 0 && bytes[length - 1] == value) length--;
  return length == 0;
}

static bool is_record(const uint8_t slot[VC_FLASH_SLOT], const uint8_t *policy_hash) {
  uint32_t check;
  memcpy(&check, slot + HEAD + CHECK, sizeof check);
  return memcmp(slot + HEAD, MAGIC, sizeof MAGIC) == 0 && check == check_of(slot) &&
         memcmp(slot + POLICY, policy_hash, VC_FLASH_UNIT) == 0;
}

// Where the slots that were begun end. All behind it is erased.
static uint32_t end_of(const struct vc_flash *flash) {
  uint8_t slot[VC_FLASH_SLOT];
  uint32_t end = flash->size / VC_FLASH_SLOT * VC_FLASH_SLOT;
  for (; end > 0; end -= VC_FLASH_SLOT)
    if (!flash->read(flash->context, end - VC_FLASH_SLOT, slot, sizeof slot) ||
        !all_are(slot, sizeof slot, 0xFF))
      break;
  return end;
}

static bool append(const struct vc_flash *flash, const uint8_t slot[VC_FLASH_SLOT]) {
  uint8_t again[VC_FLASH_SLOT];
  uint32_t at = end_of(flash);
  if (at + VC_FLASH_SLOT > flash->size) return false; // full
  for (uint32_t unit = 0; unit < VC_FLASH_SLOT; unit += VC_FLASH_UNIT) {
    if (unit == SEAL && (!flash->read(flash->context, at, again, SEAL) || memcmp(again, slot, SEAL) != 0))
      return false;
    if (!flash->program(flash->context, at + unit, slot + unit)) return false;
  }
  return flash->read(flash->context, at, again, sizeof again) && memcmp(again, slot, sizeof again) == 0;
}

bool vc_flash_load(void *context, const uint8_t *policy_hash, struct vc_record *record) {
  const struct vc_flash *flash = context;
  uint8_t slot[VC_FLASH_SLOT], newest[VC_FLASH_SLOT];
  bool found = false;
  for (uint32_t at = 0; at + VC_FLASH_SLOT <= flash->size; at += VC_FLASH_SLOT) {
    if (!flash->read(flash->context, at, slot, sizeof slot) || !is_record(slot, policy_hash)) continue;
    memcpy(newest, slot, sizeof newest);
    found = true;
  }
  record->number = 0;
  if (!found) return true;
  memcpy(&record->number, newest + HEAD + NUMBER, sizeof record->number);
  memcpy(record->key, newest + KEY, sizeof record->key);
  if (all_are(newest + SEAL, VC_FLASH_UNIT, 0)) return true;
  memset(newest + SEAL, 0, VC_FLASH_UNIT);
  return append(flash, newest);
}

bool vc_flash_save(void *context, const uint8_t *policy_hash, const struct vc_record *record) {
  uint8_t slot[VC_FLASH_SLOT] = {0};
  memcpy(slot + KEY, record->key, sizeof record->key);
  memcpy(slot + POLICY, policy_hash, VC_FLASH_UNIT);
  memcpy(slot + HEAD, MAGIC, sizeof MAGIC);
  memcpy(slot + HEAD + NUMBER, &record->number, sizeof record->number);
  uint32_t check = check_of(slot);
  memcpy(slot + HEAD + CHECK, &check, sizeof check);
  return append(context, slot);
}
