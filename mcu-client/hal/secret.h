// The device secret, from which the attestation key is derived. Only the first stage reads it.
#ifndef HAL_SECRET_H
#define HAL_SECRET_H

#include <stdbool.h>
#include <stdint.h>

enum { SECRET_BYTES = 32 };

// PSA security lifecycles (Arm, PSA Certified Attestation API, section 4.3.7).
enum { LIFECYCLE_SECURED = 0x3000, LIFECYCLE_NON_PSA_ROT_DEBUG = 0x4000 };

enum secret_state {
  SECRET_PRESENT,
  SECRET_ABSENT, // never provisioned: `secret_store` may be called, once
  SECRET_BROKEN, // there is one, but it cannot be read as it was stored
};

/// Reads the device secret.
enum secret_state secret_read(uint8_t secret[SECRET_BYTES]);

/// Stores the secret for ever: provisioning.
bool secret_store(const uint8_t secret[SECRET_BYTES]);

/// Puts the secret, once it was read, out of reach of everything that runs until the next reset. False: the board is
/// not set up for that. One that does nothing does not link (arch/flash-boot.ld).
bool secret_lock(void);

/// The PSA security lifecycle: all that this board must show to be called secured, read from its protections. Part of
/// what the attestation key is derived from.
/// `hidden`: what `secret_lock` answered. Where it is false, this is never LIFECYCLE_SECURED, whatever its lower byte.
uint16_t device_lifecycle(bool hidden);

/// The function by which the first stage leaves its own code and the secret unreadable, and starts the image with these
/// vectors. NULL: it just starts it.
typedef void (*secret_exit_function)(uint32_t vectors);
secret_exit_function secret_exit(void);

#endif
