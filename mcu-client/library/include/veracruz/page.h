// A device's page: made by `vc-mcu-client provision` from the policy, a certificate and its
// key, and written to a place in flash of its own, so that one image serves any number of devices.
//
// "VCPAGE01", u32 length of what follows the next word, u32 CRC-32 of that; then items: u32 type, u32
// length, the bytes, padded with 0 to a multiple of 4. All numbers are little-endian.
#ifndef VERACRUZ_PAGE_H
#define VERACRUZ_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client.h"

#include "page-items.h" // VC_PAGE_FILES_MAX and others: made from host/mcu-client/page-items.ts

#ifdef __cplusplus
extern "C" {
#endif

struct vc_page_file {
  enum vc_file_kind kind;
  const char *name;
  const uint8_t *bytes;
  size_t length;
};

struct vc_page {
  struct vc_config config; ///< without what the board gives: transport, time, entropy, store, log
  struct vc_page_file files[VC_PAGE_FILES_MAX];
  size_t file_count;
  const char *result; ///< a file to read when all is sent, or NULL
  bool shutdown;      ///< whether to agree to the end then
};

/// Reads the page at `start`, of which VC_PAGE_BYTES_MAX bytes may be read; pointers into it are kept.
/// @return NULL, or what is wrong with it
/// Stack: 200 bytes.
const char *vc_page_read(const uint8_t *start, struct vc_page *page);

#ifdef __cplusplus
}
#endif

#endif
