// A store (veracruz/store.h) in flash, for clients whose record must outlive a reset. It only appends: nothing is ever
// erased, so that no cut of the power can lose what was kept. Whoever wants the device to forget erases the flash.
#ifndef VERACRUZ_FLASH_STORE_H
#define VERACRUZ_FLASH_STORE_H

#include <stddef.h>
#include <veracruz/store.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
  VC_FLASH_UNIT = 32, ///< bytes that are programmed at once, each unit once between two erasures
  VC_FLASH_SLOT = 4 * VC_FLASH_UNIT, ///< bytes that a record takes
};

/// Flash that is the store's alone. Erased bytes are 0xFF.
struct vc_flash {
  uint32_t size; ///< in bytes, a multiple of VC_FLASH_SLOT
  /// False: these bytes cannot be read, as where programming was cut off and the error correction says so.
  bool (*read)(void *context, uint32_t offset, void *out, size_t length);
  /// Programs an erased unit at `offset`, a multiple of VC_FLASH_UNIT. False: it did not succeed.
  bool (*program)(void *context, uint32_t offset, const uint8_t unit[VC_FLASH_UNIT]);
  void *context;
};

/// The functions of the store; their context is a struct vc_flash. vc_flash_load may program, too.
/// Stack: 600 bytes.
bool vc_flash_load(void *flash, const uint8_t *policy_hash, struct vc_record *record);
bool vc_flash_save(void *flash, const uint8_t *policy_hash, const struct vc_record *record);

#define VC_FLASH_STORE(flash) {vc_flash_load, vc_flash_save, (void *)(flash)}

#ifdef __cplusplus
}
#endif

#endif
