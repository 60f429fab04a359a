// Holds mcu-client/library/stores/flash against power that goes at each write, and against what a write that was cut off
// may leave: nothing, some of its bits, its first bytes, all of it, bits that the error correction refuses, and bits that read right once and
// wrong later.
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flash-store.h"

enum { SIZE = 10 * VC_FLASH_SLOT };
enum left { NOTHING, BITS, FIRST_BYTES, ALL, UNREADABLE, UNSTABLE, KINDS };

static uint8_t bytes[SIZE];
static bool unreadable[SIZE / VC_FLASH_UNIT], unstable[SIZE / VC_FLASH_UNIT];
static int writes, cut_at; // the write at which the power goes, from 0; -1: none
static enum left left_behind;
static jmp_buf power;
static uint32_t seed = 1;

static void expect(bool holds, const char *what) {
  if (holds) return;
  fprintf(stderr, "not so: %s (write %d, left %d, seed %u)\n", what, cut_at, left_behind, seed);
  exit(1);
}

static uint8_t draw(void) {
  seed = seed * 1664525 + 1013904223;
  return (uint8_t)(seed >> 24);
}

static bool read_flash(void *context, uint32_t offset, void *out, size_t length) {
  (void)context;
  expect(offset <= SIZE && length <= SIZE - offset, "reads stay in the flash");
  for (uint32_t at = offset; at < offset + length; at++)
    if (unreadable[at / VC_FLASH_UNIT]) return false;
  memcpy(out, bytes + offset, length);
  return true;
}

static bool worn; // programming seems to succeed, and does not

static bool program_flash(void *context, uint32_t offset, const uint8_t unit[VC_FLASH_UNIT]) {
  (void)context;
  expect(offset % VC_FLASH_UNIT == 0 && offset < SIZE, "writes stay in the flash");
  uint8_t *to = bytes + offset;
  for (int i = 0; i < VC_FLASH_UNIT; i++) expect(to[i] == 0xFF, "a unit is programmed once");
  expect(!unreadable[offset / VC_FLASH_UNIT], "a unit that was cut off is not programmed again");
  bool cut = writes++ == cut_at;
  if (!cut || left_behind == ALL || left_behind == UNSTABLE) memcpy(to, unit, VC_FLASH_UNIT);
  if (worn) to[5] &= 0xA5;
  if (!cut) return true;
  // Programming clears bits.
  if (left_behind == BITS)
    for (int i = 0; i < VC_FLASH_UNIT; i++) to[i] = unit[i] | draw();
  if (left_behind == FIRST_BYTES) memcpy(to, unit, draw() % VC_FLASH_UNIT);
  unreadable[offset / VC_FLASH_UNIT] = left_behind == UNREADABLE;
  unstable[offset / VC_FLASH_UNIT] = left_behind == UNSTABLE;
  longjmp(power, 1);
}

static struct vc_flash flash = {SIZE, read_flash, program_flash, NULL};
static const uint8_t ours[32] = {1}, others[32] = {2};
static const struct vc_record first = {1, {0xA1}}, second = {2, {0xB2}}, third = {3, {0xC3}};

static bool same(const struct vc_record *one, const struct vc_record *other) {
  return one->number == other->number && memcmp(one->key, other->key, 32) == 0;
}

static void erase(void) {
  memset(bytes, 0xFF, sizeof bytes);
  memset(unreadable, 0, sizeof unreadable);
  memset(unstable, 0, sizeof unstable);
}

// What read right while it was fresh reads wrong now.
static void age(void) {
  for (int unit = 0; unit < SIZE / VC_FLASH_UNIT; unit++) {
    if (!unstable[unit]) continue;
    bytes[unit * VC_FLASH_UNIT + 3] ^= 0x10;
    unstable[unit] = false;
  }
}

static struct vc_record load(const uint8_t *policy) {
  struct vc_record record;
  expect(vc_flash_load(&flash, policy, &record), "the flash can be read");
  return record;
}

// Starts the board again and again, with the power going at write `again` of the first start: what it told a client stays.
static void restart(int again) {
  struct vc_record told = {0};
  writes = 0;
  cut_at = again;
  if (setjmp(power) == 0) {
    told = load(ours);
    expect(same(&told, &first) || same(&told, &second), "one record or the other");
  }
  cut_at = -1;
  age();
  for (int turn = 0; turn < 2; turn++) {
    struct vc_record now = load(ours);
    expect(told.number == 0 ? same(&now, &first) || same(&now, &second) : same(&now, &told),
           "a record that was told stays");
    told = now;
    struct vc_record other = load(others);
    expect(same(&other, &second), "another policy's record stays");
  }
}

int main(void) {
  int cuts = 0;
  for (int left = 0; left < KINDS; left++)
    for (int at = 0; at < 5; at++)
      for (int again = -1; again < 4; again++)
        for (int turn = 0; turn < 8; turn++) {
          erase();
          left_behind = left;
          cut_at = -1;
          expect(load(ours).number == 0, "erased flash has no record");
          expect(vc_flash_save(&flash, others, &second), "another policy's record is kept");
          expect(vc_flash_save(&flash, ours, &first), "the first record is kept");
          writes = 0;
          cut_at = at;
          volatile bool saved = false;
          if (setjmp(power) == 0) {
            expect(vc_flash_save(&flash, ours, &second), "the second record is kept");
            saved = true;
          } else
            cuts++;
          expect(saved == (at == 4), "four writes make a record");
          restart(again);
          if (saved) {
            struct vc_record now = load(ours);
            expect(same(&now, &second), "what was kept is told");
          }
          expect(vc_flash_save(&flash, ours, &third), "there is room for another one");
          struct vc_record last = load(ours);
          expect(same(&last, &third), "the newest record is told");
        }
  // Worn out: what does not read as it was programmed is not kept.
  erase();
  cut_at = -1;
  expect(vc_flash_save(&flash, ours, &first), "the first record is kept");
  worn = true;
  expect(!vc_flash_save(&flash, ours, &second), "a record that reads wrong is not kept");
  writes = 0;
  expect(!vc_flash_save(&flash, ours, &second) && writes == 3, "and has no seal");
  worn = false;
  struct vc_record kept = load(ours);
  expect(same(&kept, &first), "the one before stays");
  // Full: nothing is lost, and nothing more is kept.
  erase();
  struct vc_record record = first;
  for (uint32_t slot = 0; slot < SIZE / VC_FLASH_SLOT; slot++, record.number++)
    expect(vc_flash_save(&flash, ours, &record), "there is room");
  expect(!vc_flash_save(&flash, ours, &record), "there is no more room");
  expect(load(ours).number == SIZE / VC_FLASH_SLOT, "the last record stays");
  printf("held through %d cuts\n", cuts);
  return 0;
}
