// The device secret: what the attestation key is derived from. Only the first stage reads it.
#ifndef HAL_SECRET_H
#define HAL_SECRET_H

#include <stdbool.h>
#include <stdint.h>

enum { SECRET_BYTES = 32 };

enum secret_state {
  SECRET_PRESENT,
  SECRET_ABSENT, // never provisioned: `secret_store` may be called, once
  SECRET_BROKEN, // there is one, but it cannot be read as it was stored
};

/// Reads the device secret.
enum secret_state secret_read(uint8_t secret[SECRET_BYTES]);

/// Stores the secret for ever: provisioning.
bool secret_store(const uint8_t secret[SECRET_BYTES]);

/// Makes the secret and the first stage's own code unreadable and unwritable until reset, as far as the
/// board can.
void secret_lock(void);

/// The PSA security lifecycle, read from the state of the board's protections: 0x3000 (secured) only
/// where debug access and readout are locked.
uint16_t device_lifecycle(void);

#endif
