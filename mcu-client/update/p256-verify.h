// ES256: ECDSA on P-256 (FIPS 186-5, section 6.4.2; SP 800-186, section 3.2.1.3) with SHA-256, verification only, small
// in flash. All that it sees is public, so that its time may depend on it.
#ifndef UPDATE_P256_VERIFY_H
#define UPDATE_P256_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

enum { P256_KEY_BYTES = 64, P256_SIGNATURE_BYTES = 64 };

/// `key`: the point's coordinates x and y. `digest`: SHA-256 of the message. `signature`: r and s. All big-endian.
/// False also where the key is no point of the curve.
bool p256_verify(const uint8_t key[P256_KEY_BYTES], const uint8_t digest[32],
                 const uint8_t signature[P256_SIGNATURE_BYTES]);

#endif
