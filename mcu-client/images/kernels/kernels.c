// Eleven kernels of what programs compute, for WebAssembly and for the core alike. Each returns a checksum.
#include "kernels.h"

#include <stddef.h>

#define KERNEL __attribute__((noinline))

static uint32_t seed;
static uint32_t next(void) {
  seed ^= seed << 13;
  seed ^= seed >> 17;
  seed ^= seed << 5;
  return seed;
}

KERNEL static uint32_t fib(uint32_t n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
uint32_t kernel_fibonacci(void) { return fib(20); }

// SHA-256 (FIPS 180-4) of 64 KiB.
static const uint32_t round_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98,
    0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
    0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8,
    0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
    0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819,
    0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
    0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
    0xc67178f2};
static uint32_t rotated(uint32_t x, int n) { return x >> n | x << (32 - n); }
static uint8_t message[65536];
KERNEL static void compress(uint32_t *state, const uint8_t *block) {
  uint32_t w[64];
  for (int i = 0; i < 16; i++)
    w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 | (uint32_t)block[4 * i + 2] << 8 |
           block[4 * i + 3];
  for (int i = 16; i < 64; i++) {
    uint32_t a = rotated(w[i - 15], 7) ^ rotated(w[i - 15], 18) ^ w[i - 15] >> 3;
    uint32_t b = rotated(w[i - 2], 17) ^ rotated(w[i - 2], 19) ^ w[i - 2] >> 10;
    w[i] = w[i - 16] + a + w[i - 7] + b;
  }
  uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4], f = state[5], g = state[6],
           h = state[7];
  for (int i = 0; i < 64; i++) {
    uint32_t first = h + (rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)) + ((e & f) ^ (~e & g)) +
                     round_constants[i] + w[i];
    uint32_t second = (rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    h = g, g = f, f = e, e = d + first, d = c, c = b, b = a, a = first + second;
  }
  state[0] += a, state[1] += b, state[2] += c, state[3] += d;
  state[4] += e, state[5] += f, state[6] += g, state[7] += h;
}
uint32_t kernel_sha256(void) {
  uint32_t state[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  for (size_t at = 0; at < sizeof message; at += 64) compress(state, message + at);
  return state[0] ^ state[7];
}

// Products of 256 bits, in limbs of 32.
KERNEL static void multiply(uint32_t *product, const uint32_t *a, const uint32_t *b) {
  for (int i = 0; i < 16; i++) product[i] = 0;
  for (int i = 0; i < 8; i++) {
    uint64_t carry = 0;
    for (int j = 0; j < 8; j++) {
      carry += (uint64_t)a[i] * b[j] + product[i + j];
      product[i + j] = (uint32_t)carry;
      carry >>= 32;
    }
    product[i + 8] = (uint32_t)carry;
  }
}
uint32_t kernel_product(void) {
  uint32_t a[8], b[8], product[16];
  for (uint32_t i = 0; i < 8; i++) a[i] = 0x9e3779b9 * (i + 1), b[i] = 0x85ebca6b * (i + 3);
  for (int round = 0; round < 200; round++) {
    multiply(product, a, b);
    for (int i = 0; i < 8; i++) a[i] = product[i];
  }
  return a[0];
}

uint32_t kernel_xorshift(void) {
  uint64_t state = 0x9E3779B97F4A7C15, sum = 0;
  for (int i = 0; i < 5000; i++) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    sum += state * 0x2545F4914F6CDD1D;
  }
  return (uint32_t)(sum ^ sum >> 32);
}

static int32_t numbers[4096];
KERNEL static void sort(int32_t *a, int low, int high) {
  while (low < high) {
    int32_t pivot = a[(low + high) / 2];
    int i = low, j = high;
    while (i <= j) {
      while (a[i] < pivot) i++;
      while (a[j] > pivot) j--;
      if (i <= j) {
        int32_t other = a[i];
        a[i++] = a[j], a[j--] = other;
      }
    }
    if (j - low < high - i) {
      sort(a, low, j);
      low = i;
    } else {
      sort(a, i, high);
      high = j;
    }
  }
}
uint32_t kernel_quicksort(void) {
  seed = 12345;
  for (int i = 0; i < 4096; i++) numbers[i] = (int32_t)next();
  sort(numbers, 0, 4095);
  uint32_t sum = 0;
  for (int i = 0; i < 4096; i++) sum = sum * 31 + (uint32_t)numbers[i];
  return sum;
}

static int8_t image[32 * 32], filtered[30 * 30], weights[9];
KERNEL static uint32_t convolve(const int8_t *in, const int8_t *w, int8_t *out) {
  uint32_t sum = 0;
  for (int y = 0; y < 30; y++)
    for (int x = 0; x < 30; x++) {
      int32_t total = 0;
      for (int v = 0; v < 3; v++)
        for (int u = 0; u < 3; u++) total += in[(y + v) * 32 + x + u] * w[v * 3 + u];
      total >>= 4;
      out[y * 30 + x] = (int8_t)(total > 127 ? 127 : total < -128 ? -128 : total);
      sum = sum * 17 + (uint8_t)out[y * 30 + x];
    }
  return sum;
}
uint32_t kernel_convolution(void) {
  seed = 99;
  for (int i = 0; i < 1024; i++) image[i] = (int8_t)next();
  for (int i = 0; i < 9; i++) weights[i] = (int8_t)next();
  uint32_t sum = 0;
  for (int i = 0; i < 8; i++) sum += convolve(image, weights, filtered);
  return sum;
}

KERNEL static int32_t dot(const int8_t *a, const int8_t *b, int n) {
  int32_t sum = 0;
  for (int i = 0; i < n; i++) sum += a[i] * b[i];
  return sum;
}
uint32_t kernel_dot(void) {
  seed = 7;
  for (int i = 0; i < 1024; i++) image[i] = (int8_t)next();
  uint32_t sum = 0;
  for (int i = 0; i < 64; i++) sum = sum * 3 + (uint32_t)dot(image, image + i, 900);
  return sum;
}

uint32_t kernel_double(void) {
  double x = 0.5, sum = 0;
  for (int i = 0; i < 3000; i++) {
    x = 3.7 * x * (1 - x);
    sum += x;
  }
  return (uint32_t)(sum * 1000);
}

uint32_t kernel_float(void) {
  float x = 0.5f, sum = 0;
  for (int i = 0; i < 10000; i++) {
    x = 3.7f * x * (1 - x);
    sum += x;
  }
  return (uint32_t)(sum * 10);
}

// A machine of eight instructions.
KERNEL static uint32_t interpret(const uint8_t *code, uint32_t turns) {
  uint32_t a = 1, b = 2, c = 0, pc = 0;
  while (turns > 0) {
    switch (code[pc++ & 63]) {
      case 0: a += b; break;
      case 1: b ^= a; break;
      case 2: c += a * 3; break;
      case 3: a = a << 1 | a >> 31; break;
      case 4: b -= c; break;
      case 5: c ^= b >> 3; break;
      case 6: turns--; break;
      default: a ^= c; break;
    }
  }
  return a ^ b ^ c;
}
uint32_t kernel_interpreter(void) {
  uint8_t code[64];
  seed = 4711;
  for (int i = 0; i < 64; i++) code[i] = next() & 7;
  code[63] = 6;
  return interpret(code, 4000);
}

KERNEL static uint32_t distance(const uint8_t *a, int m, const uint8_t *b, int n, uint32_t *row) {
  for (int j = 0; j <= n; j++) row[j] = (uint32_t)j;
  for (int i = 1; i <= m; i++) {
    uint32_t diagonal = row[0];
    row[0] = (uint32_t)i;
    for (int j = 1; j <= n; j++) {
      uint32_t above = row[j], best = diagonal + (a[i - 1] != b[j - 1]);
      if (above + 1 < best) best = above + 1;
      if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
      diagonal = above;
      row[j] = best;
    }
  }
  return row[n];
}
uint32_t kernel_distance(void) {
  static uint8_t a[150], b[150];
  static uint32_t row[151];
  seed = 31337;
  for (int i = 0; i < 150; i++) a[i] = next() & 3, b[i] = next() & 3;
  return distance(a, 150, b, 150, row);
}

#ifdef __wasm__
__attribute__((export_name("main"))) int32_t run(void) { return (int32_t)KERNEL_NAME(); }
#endif
