// What the first stage hands over to the image that it starts: 1 KiB at the end of RAM.
#ifndef BOOT_RECORD_H
#define BOOT_RECORD_H

#include <stdint.h>

#define BOOT_RECORD_MAGIC 0x56435232u // "VCR2"

enum { IMAGE_VERSION_BYTES = 16, BOOT_CERTIFICATE_BYTES = 544 };

struct boot_record {
  uint32_t magic;
  uint32_t lifecycle;          // PSA security lifecycle
  uint8_t measurement[32];     // SHA-256 of the image as it is in flash
  uint8_t implementation[32];  // SHA-256 of the first stage: what kind of root of trust this is
  uint8_t attestation_key[32]; // P-256 private key of this start's alias
  uint8_t boot_seed[32];       // random, of this boot
  uint32_t worlds;             // 2 where there is a non-secure image, else 1
  uint8_t outside[32];         // SHA-256 of that image
  char version[IMAGE_VERSION_BYTES], outside_version[IMAGE_VERSION_BYTES]; // of the images, as in their headers
  uint8_t identity_key[65];    // the device identity key's public half
  uint8_t certificate[BOOT_CERTIFICATE_BYTES]; // by which that key has certified the alias
  uint32_t certificate_length;
};

_Static_assert(sizeof(struct boot_record) <= 1024, "the record has 1024 bytes");

extern struct boot_record __boot_record;

/// At offset 0x400 of an image that the first stage can start.
#define IMAGE_HEADER_MAGIC 0x56434931u // "VCI1"
#define IMAGE_HEADER_OFFSET 0x400u

struct image_header {
  uint32_t magic;
  uint32_t size; // of the image in bytes, from its first vector on
  char version[IMAGE_VERSION_BYTES]; // printable ASCII, the rest zero
};

#endif
