#include "flash-word.h"

#include <string.h>

#include "../../arch/cortex-m.h"
#include "stm32h7.h"

enum { SR_BUSY = 1 | 2 | 4, CR_LOCK = 1, CR_PROGRAM = 2, CR_PARALLEL_64 = 3 << 4 };
enum { DOUBLE_ERROR = 1 << 26, CCR_BFHFNMIGN = 1 << 8 };

bool flash_program_word(uint32_t address, const uint8_t bytes[FLASH_WORD_BYTES]) {
  FLASH_KEYR2 = 0x45670123;
  FLASH_KEYR2 = 0xCDEF89AB;
  if (FLASH_CR2 & CR_LOCK) return false;
  FLASH_CR2 = CR_PARALLEL_64 | CR_PROGRAM;
  volatile uint32_t *to = (volatile uint32_t *)address;
  for (int i = 0; i < FLASH_WORD_BYTES / 4; i++) {
    uint32_t word;
    memcpy(&word, bytes + 4 * i, 4);
    to[i] = word;
  }
  barrier();
  while (FLASH_SR2 & SR_BUSY) {
  }
  FLASH_CR2 = CR_LOCK;
  uint8_t again[FLASH_WORD_BYTES];
  return flash_read_checked(address, again, sizeof again) && memcmp(again, bytes, sizeof again) == 0;
}

// A word whose programming was cut off can have an error that the error correction finds and cannot mend. To read it is
// a bus fault, but for handlers of the highest priority and FAULTMASK: there it goes on
// (Armv7-M, B3.2.8), and the status register tells.
bool flash_read_checked(uint32_t address, void *out, size_t length) {
  FLASH_CCR2 = DOUBLE_ERROR;
  SCB_CCR |= CCR_BFHFNMIGN;
  __asm volatile("cpsid f" ::: "memory");
  memcpy(out, (const void *)address, length);
  barrier();
  __asm volatile("cpsie f" ::: "memory");
  SCB_CCR &= ~(uint32_t)CCR_BFHFNMIGN;
  bool good = (FLASH_SR2 & DOUBLE_ERROR) == 0;
  FLASH_CCR2 = DOUBLE_ERROR;
  return good;
}
