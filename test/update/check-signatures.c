// Reads records of a key (64 bytes), a digest (32) and a signature (64), and prints for each whether it is good.
#include <stdio.h>

#include "p256-verify.h"

int main(void) {
  uint8_t record[P256_KEY_BYTES + 32 + P256_SIGNATURE_BYTES];
  while (fread(record, sizeof record, 1, stdin) == 1)
    putchar(p256_verify(record, record + P256_KEY_BYTES, record + P256_KEY_BYTES + 32) ? '1' : '0');
  return 0;
}
