// A setting for each policy: its hash, the isolate's key, its number (u32, little-endian). That a setting is written whole
// or not at all is the business of the settings' backend.
#include "zephyr-store.h"

#include <string.h>
#include <zephyr/settings/settings.h>

enum { HASH = 32, KEY = HASH, NUMBER = KEY + 32, VALUE = NUMBER + 4, NAMED = 16 };
static const char PREFIX[] = "veracruz/";
enum { NAME = sizeof PREFIX + 2 * NAMED };

struct found {
  uint8_t value[VALUE];
  bool exists, is_broken;
};

static void name_of(const uint8_t *policy_hash, char name[NAME]) {
  static const char digits[] = "0123456789abcdef";
  memcpy(name, PREFIX, sizeof PREFIX);
  char *at = name + sizeof PREFIX - 1;
  for (size_t i = 0; i < NAMED; i++) {
    *at++ = digits[policy_hash[i] >> 4];
    *at++ = digits[policy_hash[i] & 15];
  }
  *at = 0;
}

// Backends that append tell older values first: the last one counts. A value of no bytes is a setting that was deleted.
static int on_setting(const char *key, size_t length, settings_read_cb read, void *read_argument, void *argument) {
  struct found *found = argument;
  if (key && *key) return 0; // one below it, of somebody else
  found->exists = length > 0;
  found->is_broken =
      length > 0 && (length != VALUE || read(read_argument, found->value, VALUE) != (ssize_t)VALUE);
  return 0;
}

static bool load(void *context, const uint8_t *policy_hash, struct vc_record *record) {
  struct found found = {.exists = false};
  char name[NAME];
  (void)context;
  name_of(policy_hash, name);
  record->number = 0;
  if (settings_subsys_init() != 0 || settings_load_subtree_direct(name, on_setting, &found) != 0) return false;
  if (!found.exists) return true;
  if (found.is_broken || memcmp(found.value, policy_hash, HASH) != 0) return false;
  memcpy(record->key, found.value + KEY, sizeof record->key);
  for (int i = 3; i >= 0; i--) record->number = record->number << 8 | found.value[NUMBER + i];
  return record->number > 0;
}

static bool save(void *context, const uint8_t *policy_hash, const struct vc_record *record) {
  uint8_t value[VALUE];
  char name[NAME];
  (void)context;
  name_of(policy_hash, name);
  memcpy(value, policy_hash, HASH);
  memcpy(value + KEY, record->key, sizeof record->key);
  for (int i = 0; i < 4; i++) value[NUMBER + i] = (uint8_t)(record->number >> (8 * i));
  return settings_save_one(name, value, sizeof value) == 0;
}

const struct vc_store vc_zephyr_store = {load, save, NULL};
