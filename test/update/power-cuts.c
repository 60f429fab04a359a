// Holds mcu-client/update/ against power that goes at each single write and erasure of an update, and again while the
// device starts after that: it starts with the old images or the new ones, whole, and the update can be brought to its
// end. The flash here is NOR; what a write leaves that was cut off is one of `enum left`.
//
//   power-cuts OWNER-PAGE (MANIFEST SECURE OUTSIDE) x 3       of rising sequence numbers
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../mcu-client/hal/board.h"
#include "../../mcu-client/hal/slot-flash.h"
#include "board-config.h"
#include "boot.h"
#include "delivery.h"
#include "owner.h"

enum { SLOT = BOARD_SLOT_SECTOR + BOARD_SLOT_MAIN + BOARD_SLOT_OUTSIDE };
enum { FLASH = 2 * BOARD_SLOT_SECTOR + 2 * SLOT, PAGE = 128, IMAGES = 2 };
enum left { NOTHING, ALL, BITS, MORE_BITS, KINDS };

uint8_t owner_page[PAGE];
static _Alignas(8) uint8_t flash[FLASH], provisioned[FLASH];
static int writes, cut_at, last_cut; // the write at which the power goes, from 0; -1: none
static enum left left_behind;
static jmp_buf power, reset;
static uint32_t seed = 1;

static struct version {
  uint8_t manifest[MANIFEST_MAX], *images[IMAGES];
  uint32_t manifest_length, sizes[IMAGES];
} versions[3];
enum { OLD, NEW, NEWER };
static const uint8_t instance[INSTANCE_BYTES] = {1, 2, 3};
// Where images run.
static uint8_t secure[BOARD_SLOT_MAIN], outside[BOARD_SLOT_OUTSIDE];
static const struct boot_target targets[] = {{secure, sizeof secure}, {outside, sizeof outside}};

static void expect(bool holds, const char *what) {
  if (holds) return;
  fprintf(stderr, "not so: %s (write %d of %d, left %d)\n", what, last_cut, writes, left_behind);
  exit(1);
}

static uint32_t draw(void) {
  seed = seed * 1664525 + 1013904223;
  return seed >> 8 ^ seed << 16;
}

// What is signed is the same in each run: the real check is made once for each input (linked with --wrap).
bool __real_p256_verify(const uint8_t *key, const uint8_t *digest, const uint8_t *signature);
bool __wrap_p256_verify(const uint8_t *key, const uint8_t *digest, const uint8_t *signature) {
  static struct seen {
    uint8_t input[P256_KEY_BYTES + 32 + P256_SIGNATURE_BYTES];
    bool good;
  } seen[16];
  static int known;
  struct seen now;
  memcpy(now.input, key, P256_KEY_BYTES);
  memcpy(now.input + P256_KEY_BYTES, digest, 32);
  memcpy(now.input + P256_KEY_BYTES + 32, signature, P256_SIGNATURE_BYTES);
  for (int i = 0; i < known; i++)
    if (memcmp(seen[i].input, now.input, sizeof now.input) == 0) return seen[i].good;
  now.good = __real_p256_verify(key, digest, signature);
  if (known < 16) seen[known++] = now;
  return now.good;
}

const uint8_t *slot_flash_at(uint32_t offset) {
  expect(offset < FLASH, "reads stay in the flash");
  return flash + offset;
}

bool slot_flash_erase(uint32_t offset) {
  expect(offset % BOARD_SLOT_SECTOR == 0 && offset < FLASH, "a sector is erased");
  bool cut = writes++ == cut_at;
  for (uint32_t at = 0; at < BOARD_SLOT_SECTOR; at++) {
    uint8_t *byte = flash + offset + at;
    if (!cut || left_behind == ALL)
      *byte = 0xFF;
    else if (left_behind == BITS)
      *byte |= (uint8_t)draw();
    else if (left_behind == MORE_BITS)
      *byte = (uint8_t)draw();
  }
  if (cut) longjmp(power, 1);
  return true;
}

bool slot_flash_program(uint32_t offset, uint32_t word) {
  expect(offset % 4 == 0 && offset < FLASH, "a word is programmed");
  uint32_t now;
  memcpy(&now, flash + offset, sizeof now);
  expect(now == UINT32_MAX, "a word is programmed once");
  bool cut = writes++ == cut_at;
  if (cut && left_behind == NOTHING) word = UINT32_MAX;
  if (cut && left_behind == BITS) word |= draw();
  if (cut && left_behind == MORE_BITS) word |= draw() & draw();
  memcpy(flash + offset, &word, sizeof word);
  if (cut) longjmp(power, 1);
  return true;
}

_Noreturn void board_reset(void) { longjmp(reset, 1); }

// Starts the device: which version runs.
static int start(void) {
  struct owner owner;
  expect(owner_read(&owner), "the owner is provisioned");
  memset(secure, 0, sizeof secure);
  memset(outside, 0, sizeof outside);
  expect(boot_load(&owner, IMAGES, targets), "there are images to start");
  for (int i = 0; i < 3; i++)
    if (memcmp(secure, versions[i].images[0], versions[i].sizes[0]) == 0) {
      expect(memcmp(outside, versions[i].images[1], versions[i].sizes[1]) == 0, "both images are of one version");
      update_prepare(IMAGES, instance);
      struct update_state state;
      update_describe(&state);
      expect(state.running_sequence == (uint64_t)i + 5, "the device knows what runs");
      return i;
    }
  expect(false, "what runs is a version");
  return -1;
}

static uint8_t confirmations[3][CONFIRMATION_MAX];
static uint32_t confirmation_lengths[3];

static enum update_outcome step(enum update_step kind, uint32_t offset, const uint8_t *bytes, uint32_t length) {
  // In memory of exactly its size, which a cut leaves behind.
  static uint8_t *copy;
  free(copy);
  copy = malloc(length);
  if (length > 0) memcpy(copy, bytes, length);
  return update_step(kind, offset, copy, length);
}

static enum update_outcome begin(int version) {
  return step(UPDATE_BEGIN, 0, versions[version].manifest, versions[version].manifest_length);
}

// Delivers a version: what becomes of it.
static enum update_outcome deliver(int version) {
  enum update_outcome outcome = begin(version);
  uint32_t offset = 0;
  for (int i = 0; i < IMAGES; i++) {
    uint32_t size = versions[version].sizes[i];
    for (uint32_t at = 0; at < size && outcome == UPDATE_DONE; at += 256)
      outcome = step(UPDATE_PART, offset + at, versions[version].images[i] + at, size - at < 256 ? size - at : 256);
    offset += size;
  }
  return outcome == UPDATE_DONE ? step(UPDATE_END, 0, NULL, 0) : outcome;
}

static enum update_outcome confirm(int version) {
  return step(UPDATE_CONFIRM, 0, confirmations[version], confirmation_lengths[version]);
}

static void provision(int records) {
  memcpy(flash, provisioned, sizeof flash);
  cut_at = -1;
  // So that the journal goes on in its other sector at one write or another.
  expect(start() == OLD, "the device starts as it was provisioned");
  struct slots_state state;
  expect(slots_state_read(&state), "and has a journal from then on");
  for (int i = 0; i < records; i++) expect(slots_state_write(&state), "the journal takes records");
}

static struct update_state described(void) {
  struct update_state state;
  update_describe(&state);
  return state;
}

// Brings the update to its end, with what the device says of itself.
static void finish(int runs) {
  for (int turn = 0; turn < 8; turn++) {
    struct update_state state = described();
    if (runs == NEW && !state.trial) {
      expect(state.confirmed_sequence == 6, "what runs and is no candidate is confirmed");
      expect(begin(OLD) == UPDATE_OLD && begin(NEW) == UPDATE_OLD, "what is not newer is refused");
      return;
    }
    if (runs == NEW) {
      expect(confirm(OLD) == UPDATE_UNPROVEN, "another image's confirmation is refused");
      expect(confirm(NEW) == UPDATE_DONE, "the candidate is confirmed");
    } else if (state.candidate != CANDIDATE_READY)
      expect(deliver(NEW) == UPDATE_DONE, "the update can be delivered");
    runs = start();
  }
  expect(false, "the update comes to an end");
}

// An update from the first step to the confirmation. `told`: what was answered before the power went.
struct told {
  bool ready, confirmed;
};

static void whole_update(volatile struct told *told) {
  expect(deliver(NEW) == UPDATE_DONE, "the update is delivered");
  told->ready = true;
  if (setjmp(reset) == 0) {
    step(UPDATE_START, 0, NULL, 0);
    expect(false, "the device restarts");
  }
  expect(start() == NEW, "the candidate is started");
  expect(confirm(NEW) == UPDATE_DONE, "and confirmed");
  told->confirmed = true;
  expect(start() == NEW, "and stays");
}

static int cuts;

// The power goes at each write of an update, and at each write of the start after that.
static void cut_updates(int records) {
  for (left_behind = 0; left_behind < KINDS; left_behind++)
    for (volatile int at = 0;; at++) {
      bool over = false;
      for (volatile int again = -1; again < 40; again++) {
        provision(records);
        volatile struct told told = {0};
        volatile int runs = -1;
        writes = 0;
        cut_at = last_cut = at;
        if (setjmp(power) == 0) {
          whole_update(&told);
          over = true;
          break;
        }
        cuts++;
        writes = 0;
        cut_at = again;
        volatile bool second = false;
        if (setjmp(power) == 0)
          runs = start();
        else
          second = true;
        cut_at = -1;
        if (second) {
          cuts++;
          runs = start();
        }
        expect(runs == OLD || runs == NEW, "the old version or the new one starts");
        if (!told.ready && !described().trial) expect(runs == OLD, "no candidate is started before it is whole");
        if (told.ready && !told.confirmed) expect(runs == NEW, "a whole candidate is started");
        if (told.confirmed) expect(runs == NEW && !described().trial, "what was confirmed stays");
        finish(runs);
        // The start made no such write.
        if (again >= 0 && !second) break;
      }
      if (over) break;
    }
}

// A candidate that nobody confirms: three attempts at most, whatever the power does, and then the old version for good.
static void cut_attempts(int records) {
  for (left_behind = 0; left_behind < KINDS; left_behind++)
    for (volatile int at = -1; at < 120; at++) {
      provision(records);
      expect(deliver(NEW) == UPDATE_DONE, "the update is delivered");
      writes = 0;
      cut_at = last_cut = at;
      volatile int attempts = 0, olds = 0;
      for (volatile int turn = 0; turn < 6; turn++) {
        if (setjmp(power) != 0) {
          cuts++;
          cut_at = -1;
          continue;
        }
        int runs = start();
        expect(runs == OLD || runs == NEW, "the old version or the new one starts");
        if (runs == NEW) {
          attempts++;
          expect(olds == 0, "a rejected candidate is not started again");
        } else
          olds++;
      }
      cut_at = -1;
      expect(attempts <= SLOTS_ATTEMPTS && olds >= 2, "attempts are bounded");
      expect(at >= 0 || attempts == SLOTS_ATTEMPTS, "and all are made");
      expect(described().candidate == CANDIDATE_REJECTED, "the candidate is rejected");
      expect(begin(NEW) == UPDATE_SPENT, "and not taken again");
      expect(confirm(NEW) == UPDATE_ORDER, "nor confirmed");
      expect(deliver(NEWER) == UPDATE_DONE && start() == NEWER, "a newer one is");
    }
}

static void refusals(void) {
  provision(0);
  cut_at = -1;
  expect(!described().trial && described().confirmed_sequence == 5, "the device says what runs");
  expect(step(UPDATE_PART, 0, versions[NEW].images[0], 4) == UPDATE_ORDER, "a manifest comes first");
  expect(step(UPDATE_END, 0, NULL, 0) == UPDATE_ORDER, "and images");
  expect(step(UPDATE_START, 0, NULL, 0) == UPDATE_ORDER, "before a candidate is started");
  expect(begin(OLD) == UPDATE_OLD, "what runs is not newer");
  expect(step(UPDATE_BEGIN, 0, versions[NEW].manifest, versions[NEW].manifest_length - 1) == UPDATE_MALFORMED, "cut");
  expect(step(99, 0, NULL, 0) == UPDATE_ORDER, "an unknown step is refused");
  uint8_t *large = calloc(1, UPDATE_PIECE_MAX + 1);
  expect(step(UPDATE_PART, 0, large, UPDATE_PIECE_MAX + 1) == UPDATE_MALFORMED, "a part is not larger");
  int before = writes;
  expect(begin(NEW) == UPDATE_DONE, "a newer one is");
  expect(writes - before == 11, "a record and an erasure");
  expect(step(UPDATE_PART, 4, versions[NEW].images[0], 4) == UPDATE_ORDER, "in order");
  expect(step(UPDATE_PART, 0, versions[NEW].images[0], 3) == UPDATE_ORDER, "in words");
  expect(step(UPDATE_PART, 0, versions[NEW].images[0], 0) == UPDATE_ORDER, "of something");
  expect(step(UPDATE_END, 0, NULL, 0) == UPDATE_ORDER, "and whole");
  expect(begin(NEWER) == UPDATE_DONE, "a newer one takes its place");
  expect(begin(NEW) == UPDATE_OLD, "for good");
  for (int i = 1; i < SLOTS_DELIVERIES; i++) expect(begin(NEWER) == UPDATE_DONE, "again and again");
  before = writes;
  expect(begin(NEWER) == UPDATE_SPENT && writes == before, "but not for ever, and then nothing is written");
  expect(start() == OLD && begin(NEWER) == UPDATE_SPENT, "not after a restart, either");

  // The images of another version: nothing is started.
  provision(0);
  expect(begin(NEW) == UPDATE_DONE, "a manifest");
  for (uint32_t at = 0; at < versions[NEW].sizes[0]; at += 4)
    expect(step(UPDATE_PART, at, large, versions[NEW].sizes[0] - at < 4 ? versions[NEW].sizes[0] - at : 4) ==
               UPDATE_DONE,
           "its first image");
  for (uint32_t at = 0; at < versions[NEW].sizes[1]; at += 4)
    expect(step(UPDATE_PART, versions[NEW].sizes[0] + at, large,
                versions[NEW].sizes[1] - at < 4 ? versions[NEW].sizes[1] - at : 4) == UPDATE_DONE,
           "its second image");
  expect(step(UPDATE_END, 0, NULL, 0) == UPDATE_DIGEST, "must be those that were signed");
  expect(step(UPDATE_START, 0, NULL, 0) == UPDATE_ORDER && start() == OLD, "or nothing is started");

  // A candidate that is damaged in flash is not started, and what is confirmed never when it is damaged.
  provision(0);
  expect(deliver(NEW) == UPDATE_DONE, "a candidate");
  flash[slots_image_offset(1, 1) + 5] ^= 1;
  expect(start() == OLD && described().candidate == CANDIDATE_REJECTED, "that is damaged is not started");
  struct owner owner;
  owner_read(&owner);
  flash[slots_image_offset(0, 0) + 5] ^= 1;
  expect(!boot_load(&owner, IMAGES, targets), "and nothing where all are");

  // Somebody who writes the flash: an older version, signed, in the confirmed slot.
  provision(0);
  volatile struct told told;
  whole_update(&told);
  memcpy(flash + slots_manifest_offset(1), provisioned + slots_manifest_offset(0), SLOT);
  expect(!boot_load(&owner, IMAGES, targets), "an older version is not the confirmed one");

  // Nobody confirms for half an hour.
  provision(0);
  expect(update_may_run(UINT32_MAX), "what is confirmed may run");
  expect(deliver(NEW) == UPDATE_DONE && start() == NEW, "a candidate");
  expect(update_may_run(UPDATE_TRIAL_MS - 1) && !update_may_run(UPDATE_TRIAL_MS), "may for a while");
  expect(step(UPDATE_START, 0, NULL, 0) == UPDATE_ORDER, "and is not started again while it runs");
  expect(begin(NEW) == UPDATE_ORDER, "nor delivered");
  expect(begin(NEWER) == UPDATE_DONE && confirm(NEW) == UPDATE_ORDER, "nor confirmed once another one has begun");

  // Another device's confirmation.
  provision(0);
  expect(deliver(NEW) == UPDATE_DONE && start() == NEW, "a candidate");
  update_prepare(IMAGES, (const uint8_t[INSTANCE_BYTES]){9});
  expect(confirm(NEW) == UPDATE_UNPROVEN, "is not confirmed by what is said of another device");

  // No owner.
  provision(0);
  owner_page[20] ^= 1;
  update_prepare(IMAGES, instance);
  expect(begin(NEW) == UPDATE_NO_OWNER && deliver(NEW) == UPDATE_NO_OWNER, "a device without owner takes nothing");
  owner_page[20] ^= 1;
  free(large);
}

static uint8_t *read_file(const char *path, uint32_t *length) {
  FILE *file = fopen(path, "rb");
  if (!file) exit(2);
  uint8_t *bytes = malloc(4096);
  *length = (uint32_t)fread(bytes, 1, 4096, file);
  fclose(file);
  return bytes;
}

int main(int count, char **arguments) {
  if (count != 14) return 2;
  uint32_t length;
  uint8_t *page = read_file(arguments[1], &length);
  memcpy(owner_page, page, length);
  free(page);
  for (int i = 0; i < 3; i++) {
    struct version *version = &versions[i];
    uint8_t *manifest = read_file(arguments[2 + 4 * i], &version->manifest_length);
    memcpy(version->manifest, manifest, version->manifest_length);
    free(manifest);
    for (int image = 0; image < IMAGES; image++)
      version->images[image] = read_file(arguments[3 + 4 * i + image], &version->sizes[image]);
    uint8_t *confirmation = read_file(arguments[5 + 4 * i], &confirmation_lengths[i]);
    memcpy(confirmations[i], confirmation, confirmation_lengths[i]);
    free(confirmation);
  }
  // As the board leaves its maker's hands: the old version in slot A.
  memset(provisioned, 0xFF, sizeof provisioned);
  memcpy(provisioned + slots_manifest_offset(0), &versions[OLD].manifest_length, 4);
  memcpy(provisioned + slots_manifest_offset(0) + 4, versions[OLD].manifest, versions[OLD].manifest_length);
  for (int image = 0; image < IMAGES; image++)
    memcpy(provisioned + slots_image_offset(0, (uint32_t)image), versions[OLD].images[image], versions[OLD].sizes[image]);

  refusals();
  int places = BOARD_SLOT_SECTOR / 40;
  for (int records = places - 4; records < places; records++) {
    cut_updates(records);
    cut_attempts(records);
  }
  printf("held through %d cuts\n", cuts);
  for (int i = 0; i < 3; i++)
    for (int image = 0; image < IMAGES; image++) free(versions[i].images[image]);
  return 0;
}
