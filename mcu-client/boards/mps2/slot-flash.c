// The emulated boards have no flash controller. What behaves as NOR flash here is RAM that no image runs from or keeps
// data in; the emulator keeps it in a file (host/mcu/emulator.ts), as far as it was written when the power went.
#include "../../hal/slot-flash.h"

#include <stddef.h>

#include "board-config.h"

static volatile uint32_t *word_at(uint32_t offset) { return (volatile uint32_t *)(BOARD_SLOT_FLASH + offset); }

const uint8_t *slot_flash_at(uint32_t offset) { return (const uint8_t *)(BOARD_SLOT_FLASH + offset); }

bool slot_flash_erase(uint32_t offset) {
  for (uint32_t at = 0; at < BOARD_SLOT_SECTOR; at += 4) *word_at(offset + at) = UINT32_MAX;
  return true;
}

bool slot_flash_program(uint32_t offset, uint32_t word) {
  *word_at(offset) &= word;
  return *word_at(offset) == word;
}
