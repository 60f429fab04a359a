// Generates as the test beside asks for: a seed in hexadecimal, then the lengths of the requests. Prints each answer.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hash-drbg.h"

int main(int count, char **arguments) {
  static unsigned char out[200000];
  unsigned char seed[HASH_DRBG_SEED_BYTES];
  struct hash_drbg drbg = {.reseed_counter = 0};
  memset(out, 0xA5, sizeof out);
  if (hash_drbg_generate(&drbg, out, 1) || out[0] != 0xA5) return 3; // it has no seed yet
  for (size_t i = 0; i < sizeof seed; i++) {
    unsigned byte;
    if (sscanf(arguments[1] + 2 * i, "%2x", &byte) != 1) return 2;
    seed[i] = (unsigned char)byte;
  }
  hash_drbg_instantiate(&drbg, seed);
  for (int i = 2; i < count; i++) {
    size_t length = strtoul(arguments[i], NULL, 10);
    if (length > sizeof out || !hash_drbg_generate(&drbg, out, length)) return 2;
    for (size_t j = 0; j < length; j++) printf("%02x", out[j]);
    printf("\n");
  }
  drbg.reseed_counter = UINT32_MAX; // it has been asked as often as it may be
  memset(out, 0xA5, sizeof out);
  return hash_drbg_generate(&drbg, out, 1) || out[0] != 0xA5 ? 3 : 0;
}
