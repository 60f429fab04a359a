// The record's flash on an emulated board is a file of the emulator's host (`record=PATH` on its command line), as long
// as the flash is large, in the beginning all 0xFF.
#include <string.h>

#include "../../arch/semihosting.h"
#include "../../hal/record-flash.h"

enum { PATH_MAX = 256 };

static bool read(void *path, uint32_t offset, void *out, size_t length) {
  int file = semihosting_open(path);
  if (file < 0) return false;
  bool whole = semihosting_seek(file, offset) && semihosting_read(file, out, length);
  semihosting_close(file);
  return whole;
}

static bool program(void *path, uint32_t offset, const uint8_t unit[VC_FLASH_UNIT]) {
  return semihosting_write_at(path, offset, unit, VC_FLASH_UNIT);
}

bool board_record_flash(struct vc_flash *flash) {
  static const char option[] = "record=";
  static char path[PATH_MAX];
  if (!semihosting_command_line(path, PATH_MAX) || strncmp(path, option, sizeof option - 1) != 0) return false;
  memmove(path, path + sizeof option - 1, PATH_MAX - (sizeof option - 1));
  int file = semihosting_open(path);
  if (file < 0) return false;
  int32_t size = semihosting_length(file);
  semihosting_close(file);
  *flash = (struct vc_flash){(uint32_t)size, read, program, path};
  return size > 0;
}
