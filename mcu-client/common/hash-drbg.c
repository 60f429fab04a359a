#include "hash-drbg.h"

#include <string.h>

#include "sha256.h"

enum { STATE = HASH_DRBG_STATE_BYTES, REQUEST_MAX = 65536 };

// Hash_df (§10.3.1) of `prefix` || `bytes`, for as many bits as V has. Without a prefix: -1.
static void derive(int prefix, const uint8_t *bytes, size_t length, uint8_t out[STATE]) {
  static const uint8_t bits[4] = {0, 0, STATE * 8 >> 8, STATE * 8 & 0xFF};
  uint8_t digest[SHA256_BYTES];
  for (uint8_t counter = 1; counter <= 2; counter++) {
    struct sha256 hash;
    sha256_init(&hash);
    sha256_update(&hash, &counter, 1);
    sha256_update(&hash, bits, sizeof bits);
    if (prefix >= 0) sha256_update(&hash, &(uint8_t){(uint8_t)prefix}, 1);
    sha256_update(&hash, bytes, length);
    sha256_final(&hash, digest);
    if (counter == 1)
      memcpy(out, digest, SHA256_BYTES);
    else
      memcpy(out + SHA256_BYTES, digest, STATE - SHA256_BYTES);
  }
  wipe(digest, sizeof digest);
}

// V plus a number, both big-endian, modulo 2^440.
static void add(uint8_t v[STATE], const uint8_t *number, size_t length) {
  uint32_t carry = 0;
  for (size_t i = 1; i <= STATE; i++) {
    carry += v[STATE - i] + (i <= length ? number[length - i] : 0u);
    v[STATE - i] = (uint8_t)carry;
    carry >>= 8;
  }
}

void hash_drbg_instantiate(struct hash_drbg *drbg, const uint8_t seed[HASH_DRBG_SEED_BYTES]) {
  derive(-1, seed, HASH_DRBG_SEED_BYTES, drbg->v);
  derive(0, drbg->v, STATE, drbg->c);
  drbg->reseed_counter = 1;
}

// One request (§10.1.1.4), REQUEST_MAX bytes at most.
static void generate(struct hash_drbg *drbg, uint8_t *out, size_t length) {
  uint8_t data[STATE], digest[SHA256_BYTES];
  struct sha256 hash;
  memcpy(data, drbg->v, STATE);
  while (length > 0) {
    size_t part = length < SHA256_BYTES ? length : SHA256_BYTES;
    sha256_init(&hash);
    sha256_update(&hash, data, STATE);
    sha256_final(&hash, digest);
    memcpy(out, digest, part);
    add(data, (const uint8_t[]){1}, 1);
    out += part;
    length -= part;
  }
  sha256_init(&hash);
  sha256_update(&hash, (const uint8_t[]){3}, 1);
  sha256_update(&hash, drbg->v, STATE);
  sha256_final(&hash, digest);
  add(drbg->v, digest, sizeof digest);
  add(drbg->v, drbg->c, STATE);
  uint32_t counter = __builtin_bswap32(drbg->reseed_counter++);
  add(drbg->v, (const uint8_t *)&counter, sizeof counter);
  wipe(data, sizeof data);
  wipe(digest, sizeof digest);
}

bool hash_drbg_generate(struct hash_drbg *drbg, void *out, size_t length) {
  size_t requests = (length + REQUEST_MAX - 1) / REQUEST_MAX;
  if (drbg->reseed_counter == 0 || requests > UINT32_MAX - drbg->reseed_counter) return false;
  for (uint8_t *to = out; length > 0;) {
    size_t part = length < REQUEST_MAX ? length : REQUEST_MAX;
    generate(drbg, to, part);
    to += part;
    length -= part;
  }
  return true;
}
