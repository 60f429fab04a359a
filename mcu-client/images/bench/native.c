#include "native.h"

#include <string.h>

#include "../../common/sha256.h"

// SHA-256 of `length` bytes of value 0x61: the digest's first word.
static uint64_t sha256(const uint64_t *arguments) {
  struct sha256 hash;
  uint8_t block[SHA256_BLOCK], digest[SHA256_BYTES];
  uint32_t left = (uint32_t)arguments[0], word;
  memset(block, 0x61, sizeof block);
  sha256_init(&hash);
  for (uint32_t part; left > 0; left -= part) {
    part = left < sizeof block ? left : sizeof block;
    sha256_update(&hash, block, part);
  }
  sha256_final(&hash, digest);
  memcpy(&word, digest, 4);
  return __builtin_bswap32(word);
}

// `rounds` products of two 256-bit numbers, the low half fed back: the low word of the last one.
// Product scanning over 32-bit limbs, 512-bit result.
static void multiply256(uint32_t product[16], const uint32_t a[8], const uint32_t b[8]) {
  memset(product, 0, 16 * sizeof product[0]);
  for (int i = 0; i < 8; i++) {
    uint64_t carry = 0;
#pragma GCC unroll 8
    for (int j = 0; j < 8; j++) {
      carry += (uint64_t)a[i] * b[j] + product[i + j];
      product[i + j] = (uint32_t)carry;
      carry >>= 32;
    }
    product[i + 8] = (uint32_t)carry;
  }
}

static uint64_t multiply(const uint64_t *arguments) {
  uint32_t a[8], b[8], product[16];
  for (int i = 0; i < 8; i++) a[i] = 0x9e3779b9u * (uint32_t)(i + 1), b[i] = 0x85ebca6bu * (uint32_t)(i + 3);
  for (uint32_t rounds = (uint32_t)arguments[0]; rounds > 0; rounds--) {
    multiply256(product, a, b);
    memcpy(a, product, sizeof a);
  }
  return a[0];
}

static uint32_t fib(uint32_t n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
static uint64_t fibonacci(const uint64_t *arguments) { return fib((uint32_t)arguments[0]); }

const struct bench_export native_exports[] = {
    {"sha256", "i:i", sha256},
    {"multiply256", "i:i", multiply},
    {"fibonacci", "i:i", fibonacci},
};
const size_t native_export_count = sizeof native_exports / sizeof native_exports[0];
