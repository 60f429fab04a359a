// What a device is provisioned with: made by `vc-mcu-provision` from the policy, a certificate and its
// key, and written to a place in flash of its own, so that one image serves any number of devices.
//
// "VCPAGE01", u32 length of what follows the next word, u32 CRC-32 of that; then items: u32 type, u32
// length, the bytes, padded with 0 to a multiple of 4. All numbers are little-endian.
#ifndef CLIENT_PAGE_H
#define CLIENT_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "veracruz-client.h"

enum { PAGE_FILES_MAX = 4, PAGE_BYTES_MAX = 65536 };

/// What to do with a file of the page.
enum page_action { PAGE_DATA, PAGE_PROGRAM };

struct page_file {
  enum page_action action;
  const char *name;
  const uint8_t *bytes;
  size_t length;
};

struct page {
  struct vc_config config;
  struct page_file files[PAGE_FILES_MAX];
  size_t file_count;
  const char *result; ///< a file to read when all is sent, or NULL
  bool shutdown;      ///< whether to agree to the end then
};

/// Reads the page at `start`; pointers into it are kept. Returns NULL, or what is wrong with it.
const char *page_read(const uint8_t *start, struct page *page);

#endif
