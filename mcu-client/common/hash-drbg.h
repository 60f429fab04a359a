// Hash_DRBG with SHA-256 (NIST SP 800-90A Rev. 1, §10.1.1), without additional input.
#ifndef COMMON_HASH_DRBG_H
#define COMMON_HASH_DRBG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Bytes of entropy and nonce that it is instantiated with: one and a half times its security strength of 256
/// bits (§8.6.7).
enum { HASH_DRBG_SEED_BYTES = 48 };

/// Bytes of V and C: 440 bits (§10.1, table 2).
enum { HASH_DRBG_STATE_BYTES = 55 };

struct hash_drbg {
  uint8_t v[HASH_DRBG_STATE_BYTES], c[HASH_DRBG_STATE_BYTES];
  uint32_t reseed_counter; // 0: not instantiated
};

/// `seed`: entropy and nonce, HASH_DRBG_SEED_BYTES of them.
void hash_drbg_instantiate(struct hash_drbg *drbg, const uint8_t seed[HASH_DRBG_SEED_BYTES]);

/// Fills `out`. False, and nothing was written: it is not instantiated, or has been asked 2^32 - 1 times.
bool hash_drbg_generate(struct hash_drbg *drbg, void *out, size_t length);

#endif
