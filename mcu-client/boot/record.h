// What the first stage hands over to the image that it starts: 256 bytes at the end of RAM.
#ifndef BOOT_RECORD_H
#define BOOT_RECORD_H

#include <stdint.h>

#define BOOT_RECORD_MAGIC 0x56435231u // "VCR1"

struct boot_record {
  uint32_t magic;
  uint32_t lifecycle;          // PSA security lifecycle
  uint8_t measurement[32];     // SHA-256 of the image as it is in flash
  uint8_t implementation[32];  // SHA-256 of the first stage: what kind of root of trust this is
  uint8_t attestation_key[32]; // P-256 private key, derived from the device secret and the measurement
  uint8_t boot_seed[32];       // random, of this boot
};

_Static_assert(sizeof(struct boot_record) <= 256, "the record has 256 bytes");

extern struct boot_record __boot_record;

/// At offset 0x400 of an image that the first stage can start.
#define IMAGE_HEADER_MAGIC 0x56434931u // "VCI1"
#define IMAGE_HEADER_OFFSET 0x400u

struct image_header {
  uint32_t magic;
  uint32_t size; // of the image in bytes, from its first vector on
};

#endif
