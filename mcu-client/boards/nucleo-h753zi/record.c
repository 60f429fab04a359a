// The record's flash: sector 5 of bank 2, 128 KiB, in flash words of 32 bytes.
#include "../../hal/record-flash.h"
#include "flash-word.h"

#define RECORD_ADDRESS 0x081A0000u
enum { RECORD_BYTES = 128 * 1024 };

static bool read(void *context, uint32_t offset, void *out, size_t length) {
  (void)context;
  return flash_read_checked(RECORD_ADDRESS + offset, out, length);
}

static bool program(void *context, uint32_t offset, const uint8_t unit[VC_FLASH_UNIT]) {
  (void)context;
  return flash_program_word(RECORD_ADDRESS + offset, unit);
}

bool board_record_flash(struct vc_flash *flash) {
  *flash = (struct vc_flash){RECORD_BYTES, read, program, NULL};
  return true;
}
