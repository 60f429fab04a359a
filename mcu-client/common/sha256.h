// SHA-256 (FIPS 180-4) and HMAC-SHA-256 (FIPS 198-1) in plain C, for the first stage: the image is
// hashed before anything that could interpret WebAssembly runs.
#ifndef BOOT_SHA256_H
#define BOOT_SHA256_H

#include <stddef.h>
#include <stdint.h>

enum { SHA256_BYTES = 32, SHA256_BLOCK = 64 };

struct sha256 {
  uint32_t H[8];
  uint64_t length;
  uint8_t block[SHA256_BLOCK];
};

void sha256_init(struct sha256 *hash);
void sha256_update(struct sha256 *hash, const void *bytes, size_t length);
void sha256_final(struct sha256 *hash, uint8_t digest[SHA256_BYTES]);

/// The compression function alone: one block of 64 bytes into the chaining value.
void sha256_compress(uint32_t H[8], const uint8_t *block);

/// HMAC under a key of 32 bytes.
void hmac_sha256(const uint8_t key[SHA256_BYTES], const void *bytes, size_t length,
                 uint8_t mac[SHA256_BYTES]);

/// Overwrites secrets in a way that the compiler keeps.
void wipe(void *bytes, size_t length);

#endif
