// The device secret is one flash word (32 bytes) in the last sector of bank 2.
#include "../../hal/secret.h"

#include <string.h>

#include "stm32h7.h"

#define SECRET_ADDRESS 0x081E0000u
enum { SR_BUSY = 1 | 2 | 4, CR_LOCK = 1, CR_PROGRAM = 2, CR_PARALLEL_64 = 3 << 4 };

enum secret_state secret_read(uint8_t secret[SECRET_BYTES]) {
  memcpy(secret, (const void *)SECRET_ADDRESS, SECRET_BYTES);
  for (int i = 0; i < SECRET_BYTES; i++)
    if (secret[i] != 0xFF) return SECRET_PRESENT;
  return SECRET_ABSENT; // erased flash
}

bool secret_store(const uint8_t secret[SECRET_BYTES]) {
  FLASH_KEYR2 = 0x45670123;
  FLASH_KEYR2 = 0xCDEF89AB;
  if (FLASH_CR2 & CR_LOCK) return false;
  FLASH_CR2 = CR_PARALLEL_64 | CR_PROGRAM;
  volatile uint32_t *to = (volatile uint32_t *)SECRET_ADDRESS;
  for (int i = 0; i < SECRET_BYTES / 4; i++) {
    uint32_t word;
    memcpy(&word, secret + 4 * i, 4);
    to[i] = word;
  }
  barrier();
  while (FLASH_SR2 & SR_BUSY) {
  }
  FLASH_CR2 = CR_LOCK;
  return memcmp((const void *)SECRET_ADDRESS, secret, SECRET_BYTES) == 0;
}

// Hiding the sector takes the secure user area, which this board's support does not set up yet.
void secret_lock(void) {}

// "Secured" would be a lie as long as the image can read the secret, whatever the readout protection.
uint16_t device_lifecycle(void) { return 0x4000; }
