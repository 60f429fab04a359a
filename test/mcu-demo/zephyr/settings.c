// The settings of the stand-in for Zephyr: lines `NAME HEXADECIMAL`, of which the last one with a name counts.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zephyr/settings/settings.h>

static const char *path;

int settings_subsys_init(void) {
  path = getenv("SETTINGS_FILE");
  return path ? 0 : -ENODEV;
}

static ssize_t read_digits(void *digits, void *data, size_t length) {
  unsigned char *out = data;
  size_t done = 0;
  for (const char *at = digits; done < length && sscanf(at, "%2hhx", &out[done]) == 1; at += 2) done++;
  return (ssize_t)done;
}

int settings_load_subtree_direct(const char *subtree, settings_load_direct_cb cb, void *param) {
  char name[80], digits[512];
  FILE *file = path ? fopen(path, "r") : NULL;
  if (!file) return path && errno == ENOENT ? 0 : -EIO;
  while (fscanf(file, "%79s %511[^\n]", name, digits) == 2) {
    size_t length = strlen(subtree);
    if (strncmp(name, subtree, length) != 0 || (name[length] && name[length] != '/')) continue;
    size_t bytes = strcmp(digits, "-") == 0 ? 0 : strlen(digits) / 2;
    int error = cb(name[length] ? name + length + 1 : NULL, bytes, read_digits, digits, param);
    if (error) {
      fclose(file);
      return error;
    }
  }
  fclose(file);
  return 0;
}

int settings_save_one(const char *name, const void *value, size_t val_len) {
  FILE *file = path ? fopen(path, "a") : NULL;
  if (!file) return -EIO;
  fprintf(file, "%s ", name);
  for (size_t i = 0; i < val_len; i++) fprintf(file, "%02x", ((const unsigned char *)value)[i]);
  fprintf(file, "\n");
  return fclose(file) == 0 ? 0 : -EIO;
}
