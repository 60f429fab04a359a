// Reads an owner, then records: u32 components, u32 length, so many bytes, each in memory of exactly that size. Prints
// what manifest_read says of each; with a manifest that is good its sequence, sizes and digest. Where `components` is 0
// the bytes are a confirmation after a manifest's digest and an instance ID.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manifest.h"

static void print(const uint8_t *bytes, size_t length) {
  putchar(' ');
  for (size_t i = 0; i < length; i++) printf("%02x", bytes[i]);
}

int main(void) {
  struct owner owner;
  if (fread(&owner, sizeof owner, 1, stdin) != 1) return 1;
  uint32_t record[2];
  while (fread(record, sizeof record, 1, stdin) == 1) {
    uint8_t *bytes = malloc(record[1]);
    if (record[1] > 0 && fread(bytes, record[1], 1, stdin) != 1) return 1;
    if (record[0] == 0) {
      enum { HEAD = SHA256_BYTES + INSTANCE_BYTES };
      uint8_t head[HEAD], *statement = malloc(record[1] - HEAD);
      memcpy(head, bytes, HEAD);
      memcpy(statement, bytes + HEAD, record[1] - HEAD);
      printf("%d", confirmation_read(statement, record[1] - HEAD, &owner, head, head + SHA256_BYTES));
      free(statement);
    } else {
      struct manifest manifest;
      enum manifest_outcome outcome = manifest_read(bytes, record[1], &owner, record[0], &manifest);
      printf("%d", outcome);
      if (outcome == MANIFEST_GOOD) {
        printf(" %" PRIu64 " %u %u", manifest.sequence, manifest.components[0].size, manifest.components[1].size);
        print(manifest.digest, sizeof manifest.digest);
      }
    }
    putchar('\n');
    free(bytes);
  }
  return 0;
}
