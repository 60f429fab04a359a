// The device secret is one flash word (32 bytes) in the last sector of bank 2.
#include "../../hal/secret.h"

#include <stddef.h>
#include <string.h>

#include "flash-word.h"
#include "stm32h7.h"

#define SECRET_ADDRESS 0x081E0000u

enum secret_state secret_read(uint8_t secret[SECRET_BYTES]) {
  memcpy(secret, (const void *)SECRET_ADDRESS, SECRET_BYTES);
  for (int i = 0; i < SECRET_BYTES; i++)
    if (secret[i] != 0xFF) return SECRET_PRESENT;
  return SECRET_ABSENT; // erased flash
}

bool secret_store(const uint8_t secret[SECRET_BYTES]) {
  return flash_program_word(SECRET_ADDRESS, secret);
}

// ---- the secure areas (RM0433, "Secure memory management")

// In secure access mode (option bit SECURITY) the chip's own code runs first at each reset, then what lies in the secure
// areas, of which each bank has one. They are gone until the next reset when that leaves by `exitSecureArea`.
struct secure_area {
  uint32_t size, start, remove_during_bank_erase;
};
struct root_secure_services {
  void (*exit_secure_area)(uint32_t vectors);
  void (*reset_and_initialize_secure_areas)(uint32_t count, const struct secure_area *areas);
};
#define ROOT_SECURE_SERVICES ((const struct root_secure_services *)0x1FF09514)

enum { SECTOR_BYTES = 128 * 1024, AREA_UNIT = 256, BANK_1 = 0x08000000, BANK_2 = 0x08100000 };
enum { OPTSR_SECURITY = 1 << 21, OPTSR_RDP_SHIFT = 8, RDP_LEVEL_2 = 0xCC };

// The first stage's sector, and the secret's.
static const struct secure_area areas[] = {{SECTOR_BYTES, BANK_1, 1}, {SECTOR_BYTES, SECRET_ADDRESS, 1}};

// FLASH_SCARx: first and last unit of the area.
static uint32_t area_register(const struct secure_area *area, uint32_t bank) {
  uint32_t first = (area->start - bank) / AREA_UNIT;
  return (first + area->size / AREA_UNIT - 1) << 16 | first;
}

static bool is_secure_mode(void) { return FLASH_OPTSR_CUR & OPTSR_SECURITY; }

static bool areas_are_set(void) {
  enum { AREA = 0x0FFF0FFF };
  return (FLASH_SCAR_CUR1 & AREA) == area_register(&areas[0], BANK_1) &&
         (FLASH_SCAR_CUR2 & AREA) == area_register(&areas[1], BANK_2);
}

bool secret_lock(void) {
  if (!is_secure_mode()) return false;
  // Whoever has switched this mode on (`vc-mcu provision --lock`) wants the areas. The chip resets.
  if (!areas_are_set()) ROOT_SECURE_SERVICES->reset_and_initialize_secure_areas(2, areas);
  return areas_are_set();
}

// Secured: besides, no debugger for ever (readout protection of level 2), and nobody writes to the first stage.
uint16_t device_lifecycle(bool hidden) {
  bool debug_locked = (FLASH_OPTSR_CUR >> OPTSR_RDP_SHIFT & 0xFF) == RDP_LEVEL_2;
  bool first_stage_locked = !(FLASH_WPSN_CUR1 & 1);
  return hidden && debug_locked && first_stage_locked ? LIFECYCLE_SECURED : LIFECYCLE_NON_PSA_ROT_DEBUG;
}

secret_exit_function secret_exit(void) {
  return is_secure_mode() ? ROOT_SECURE_SERVICES->exit_secure_area : NULL;
}
