// Flash words of bank 2, 32 bytes each (RM0433 §4).
#ifndef NUCLEO_FLASH_WORD_H
#define NUCLEO_FLASH_WORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FLASH_WORD_BYTES = 32 };

/// Programs an erased word; whether it then reads as it should.
bool flash_program_word(uint32_t address, const uint8_t word[FLASH_WORD_BYTES]);

/// Copies bytes of bank 2. False: the error correction has found what it cannot mend.
bool flash_read_checked(uint32_t address, void *out, size_t length);

#endif
