// The device secret of an emulated board. The emulator writes it where the boot record will be, again at each reset
// (`-device loader`); once it is overwritten there, only a reset brings it back, as that of a chip whose key storage
// can be read once. Whoever runs the emulator can read its file: development grade by definition.
#include "../../hal/secret.h"

#include <string.h>

#include "../../common/boot-record.h"
#include "../../common/sha256.h"

#define LOADED_MAGIC 0x56434F31u // "VCO1"

// host/mcu/board-state.ts writes it.
struct loaded {
  uint32_t magic;
  uint32_t lifecycle;
  uint8_t secret[SECRET_BYTES];
};

static struct loaded *loaded(void) { return (struct loaded *)&__boot_record; }

// "Secured", the lower byte of which says that the board is emulated (host/psa-attestation/lifecycle.ts).
enum { LIFECYCLE_SECURED_EMULATED = LIFECYCLE_SECURED | 0xE0 };

// What the board was provisioned with.
static uint32_t provisioned = LIFECYCLE_NON_PSA_ROT_DEBUG;

enum secret_state secret_read(uint8_t secret[SECRET_BYTES]) {
  if (loaded()->magic != LOADED_MAGIC) return SECRET_BROKEN;
  provisioned = loaded()->lifecycle;
  memcpy(secret, loaded()->secret, SECRET_BYTES);
  return SECRET_PRESENT;
}

// `vc-mcu` provisions an emulated board, on the emulator's host.
bool secret_store(const uint8_t secret[SECRET_BYTES] __attribute__((unused))) { return false; }

bool secret_lock(void) {
  wipe(loaded(), sizeof *loaded());
  uint8_t any = 0;
  for (int i = 0; i < SECRET_BYTES; i++) any |= ((volatile uint8_t *)loaded()->secret)[i];
  return any == 0;
}

// There is no debug port here to be locked: "secured" is for tests, and whether anybody believes it is a matter of who
// endorses it.
uint16_t device_lifecycle(bool hidden) {
  bool secured = hidden && provisioned == LIFECYCLE_SECURED_EMULATED;
  return secured ? LIFECYCLE_SECURED_EMULATED : LIFECYCLE_NON_PSA_ROT_DEBUG;
}

secret_exit_function secret_exit(void) { return NULL; }
