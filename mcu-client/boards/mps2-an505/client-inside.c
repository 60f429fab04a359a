// What a client in the secure world has besides, without the emulator's host: the emulator loads the time of day into flash at
// each reset, and keeps the record's flash in a file (host/mcu/emulator.ts).
#include <string.h>

#include "../../hal/board-time.h"
#include "../../hal/board.h"
#include "../../hal/record-flash.h"
#include "../../hal/slot-flash.h"
#include "board-config.h"

// "VCCLOCK1", then seconds since 1970 when the emulator started: a reset sets the clock back to that.
bool board_time(uint64_t *seconds) {
  static const char magic[8] = "VCCLOCK1";
  const uint8_t *clock = (const uint8_t *)BOARD_CLOCK;
  uint64_t start;
  if (memcmp(clock, magic, sizeof magic) != 0) return false;
  memcpy(&start, clock + sizeof magic, sizeof start);
  *seconds = start + clock_ms() / 1000;
  return true;
}

enum { RECORD_BYTES = 4096, RECORD_IS_THERE = 0x52434556 }; // "VECR" behind it: the emulator has such a flash

static bool read(void *context, uint32_t offset, void *out, size_t length) {
  (void)context;
  memcpy(out, slot_flash_at(offset), length);
  return true;
}

static bool program(void *context, uint32_t offset, const uint8_t unit[VC_FLASH_UNIT]) {
  (void)context;
  for (uint32_t at = 0; at < VC_FLASH_UNIT; at += 4) {
    uint32_t word;
    memcpy(&word, unit + at, sizeof word);
    if (!slot_flash_program(offset + at, word)) return false;
  }
  return true;
}

bool board_record_flash(struct vc_flash *flash) {
  uint32_t mark;
  memcpy(&mark, slot_flash_at(RECORD_BYTES), sizeof mark);
  *flash = (struct vc_flash){RECORD_BYTES, read, program, NULL};
  return mark == RECORD_IS_THERE;
}
