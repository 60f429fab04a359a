#include "native.h"

#include <string.h>

// SHA-256, FIPS 180-4 section 6.2.2.
static const uint32_t K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotr(uint32_t x, unsigned n) { return x >> n | x << (32 - n); }

static void sha256_block(uint32_t H[8], const uint8_t *block) {
  uint32_t W[64];
  for (int t = 0; t < 16; t++) {
    uint32_t word;
    memcpy(&word, block + 4 * t, 4);
    W[t] = __builtin_bswap32(word);
  }
  for (int t = 16; t < 64; t++) {
    uint32_t s0 = rotr(W[t - 15], 7) ^ rotr(W[t - 15], 18) ^ W[t - 15] >> 3;
    uint32_t s1 = rotr(W[t - 2], 17) ^ rotr(W[t - 2], 19) ^ W[t - 2] >> 10;
    W[t] = s1 + W[t - 7] + s0 + W[t - 16];
  }
  uint32_t a = H[0], b = H[1], c = H[2], d = H[3], e = H[4], f = H[5], g = H[6], h = H[7];
  for (int t = 0; t < 64; t++) {
    uint32_t T1 = h + (rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25)) + ((e & f) ^ (~e & g)) + K[t] + W[t];
    uint32_t T2 = (rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    h = g, g = f, f = e, e = d + T1, d = c, c = b, b = a, a = T1 + T2;
  }
  H[0] += a, H[1] += b, H[2] += c, H[3] += d, H[4] += e, H[5] += f, H[6] += g, H[7] += h;
}

// SHA-256 of `length` bytes (a multiple of 64) of value 0x61, padding included: the digest's first
// word.
static uint64_t sha256(const uint64_t *arguments) {
  uint32_t H[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                   0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  uint8_t block[64];
  memset(block, 0x61, sizeof block);
  uint32_t length = (uint32_t)arguments[0];
  for (uint32_t done = 0; done < length; done += 64) sha256_block(H, block);
  memset(block, 0, sizeof block);
  block[0] = 0x80;
  uint64_t bits = __builtin_bswap64((uint64_t)length * 8);
  memcpy(block + 56, &bits, 8);
  sha256_block(H, block);
  return H[0];
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
