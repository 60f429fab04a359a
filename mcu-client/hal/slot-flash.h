// The flash in which the images of an isolate are kept. NOR: erasing a sector sets all of its bits, programming a word
// clears bits of it. The power may go at any of these, and leave bits of the sector or the word either way.
#ifndef HAL_SLOT_FLASH_H
#define HAL_SLOT_FLASH_H

#include <stdbool.h>
#include <stdint.h>

/// Where it is read, from `offset` on. Only privileged code reaches it.
const uint8_t *slot_flash_at(uint32_t offset);

/// Erases the sector (BOARD_SLOT_SECTOR bytes) that begins at `offset`. False: it did not succeed.
bool slot_flash_erase(uint32_t offset);

/// Programs the word at `offset`, a multiple of 4. False: it did not succeed.
bool slot_flash_program(uint32_t offset, uint32_t word);

#endif
