// The device secret of an emulated board is a file of the emulator's host, which the semihosting command
// line names (`state=PATH`). Whoever runs the emulator can read it: development grade by definition.
#include "../../hal/secret.h"

#include <string.h>

#include "../../arch/semihosting.h"

enum { PATH_MAX = 256, LIFECYCLE_NON_PSA_ROT_DEBUG = 0x4000 };

static bool state_path(char path[PATH_MAX]) {
  static const char prefix[] = "state=";
  if (!semihosting_command_line(path, PATH_MAX)) return false;
  if (strncmp(path, prefix, sizeof prefix - 1) != 0) return false;
  memmove(path, path + sizeof prefix - 1, PATH_MAX - sizeof prefix);
  path[strcspn(path, " ")] = 0;
  return true;
}

enum secret_state secret_read(uint8_t secret[SECRET_BYTES]) {
  char path[PATH_MAX];
  if (!state_path(path)) return SECRET_BROKEN;
  int file = semihosting_open(path);
  if (file < 0) return SECRET_ABSENT;
  bool whole =
      semihosting_length(file) == SECRET_BYTES && semihosting_read(file, secret, SECRET_BYTES);
  semihosting_close(file);
  return whole ? SECRET_PRESENT : SECRET_BROKEN;
}

bool secret_store(const uint8_t secret[SECRET_BYTES]) {
  char path[PATH_MAX];
  return state_path(path) && semihosting_write_file(path, secret, SECRET_BYTES);
}

void secret_lock(void) {} // nothing here could keep the secret from what runs later

uint16_t device_lifecycle(void) { return LIFECYCLE_NON_PSA_ROT_DEBUG; }
