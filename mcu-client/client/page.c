#include "page.h"

#include <string.h>

#include "../link/crc32.h"

enum item {
  ITEM_HOST = 1,
  ITEM_PORT,
  ITEM_AUTHORITY,
  ITEM_CERTIFICATE,
  ITEM_PRIVATE_KEY,
  ITEM_POLICY_HASH,
  ITEM_RUNTIME_LINUX,
  ITEM_RUNTIME_MCU,
  ITEM_FLAGS,
  ITEM_POLICY_EXPIRY,
  ITEM_DATA,
  ITEM_PROGRAM,
  ITEM_RESULT,
};
enum { FLAG_ALLOW_DEVELOPMENT = 1, FLAG_AES = 2, FLAG_SHUTDOWN = 4, FLAGS_ALL = 7 };
enum { HEADER = 16, HASH_BYTES = 32 };

static uint32_t u32_at(const uint8_t *bytes) {
  uint32_t value;
  memcpy(&value, bytes, sizeof value);
  return value;
}

// A text with its end: nothing but its last byte is 0.
static const char *text_of(const uint8_t *bytes, size_t length) {
  if (length == 0 || memchr(bytes, 0, length) != bytes + length - 1) return NULL;
  return (const char *)bytes;
}

static bool set_once(const uint8_t **field, const uint8_t *bytes, size_t length, size_t wanted) {
  if (*field || length == 0 || (wanted != 0 && length != wanted)) return false;
  *field = bytes;
  return true;
}

// A file's name with its end, then its bytes.
static bool add_file(struct page *page, enum page_action action, const uint8_t *bytes, size_t length) {
  const uint8_t *end = memchr(bytes, 0, length);
  if (!end || page->file_count == PAGE_FILES_MAX) return false;
  page->files[page->file_count++] =
      (struct page_file){action, (const char *)bytes, end + 1, (size_t)(bytes + length - end - 1)};
  return true;
}

static bool read_item(struct page *page, uint32_t type, const uint8_t *bytes, size_t length) {
  struct vc_config *config = &page->config;
  switch (type) {
    case ITEM_HOST: return (config->server_host = text_of(bytes, length)) != NULL;
    case ITEM_PORT:
      if (length != 4 || u32_at(bytes) > 65535) return false;
      config->server_port = (uint16_t)u32_at(bytes);
      return true;
    case ITEM_AUTHORITY:
      config->authority_length = length;
      return set_once(&config->authority, bytes, length, 0);
    case ITEM_CERTIFICATE:
      config->certificate_length = length;
      return set_once(&config->certificate, bytes, length, 0);
    case ITEM_PRIVATE_KEY: return set_once(&config->private_key, bytes, length, 32);
    case ITEM_POLICY_HASH: return set_once(&config->policy_hash, bytes, length, HASH_BYTES);
    case ITEM_RUNTIME_LINUX: return set_once(&config->runtime_hash_linux, bytes, length, HASH_BYTES);
    case ITEM_RUNTIME_MCU: return set_once(&config->runtime_hash_mcu, bytes, length, HASH_BYTES);
    case ITEM_FLAGS: {
      uint32_t flags = length == 4 ? u32_at(bytes) : ~0u;
      if ((flags & ~(uint32_t)FLAGS_ALL) != 0) return false;
      config->allow_development = flags & FLAG_ALLOW_DEVELOPMENT;
      config->aes = flags & FLAG_AES;
      page->shutdown = flags & FLAG_SHUTDOWN;
      return true;
    }
    case ITEM_POLICY_EXPIRY:
      if (length != 8) return false;
      memcpy(&config->policy_expiry, bytes, 8);
      return true;
    case ITEM_DATA: return add_file(page, PAGE_DATA, bytes, length);
    case ITEM_PROGRAM: return add_file(page, PAGE_PROGRAM, bytes, length);
    case ITEM_RESULT: return (page->result = text_of(bytes, length)) != NULL;
    default: return false;
  }
}

const char *page_read(const uint8_t *start, struct page *page) {
  memset(page, 0, sizeof *page);
  if (memcmp(start, "VCPAGE01", 8) != 0) return "there is none: the device is not provisioned";
  size_t left = u32_at(start + 8);
  if (left > PAGE_BYTES_MAX - HEADER) return "its length is too large";
  const uint8_t *at = start + HEADER;
  if (crc32(at, left) != u32_at(start + 12)) return "its CRC is wrong";
  while (left > 0) {
    if (left < 8) return "it ends inside an item";
    uint32_t type = u32_at(at);
    size_t length = u32_at(at + 4), padded = (length + 3) & ~(size_t)3;
    if (length > PAGE_BYTES_MAX || padded > left - 8) return "an item is longer than it";
    if (!read_item(page, type, at + 8, length)) return "an item is malformed";
    at += 8 + padded;
    left -= 8 + padded;
  }
  const struct vc_config *config = &page->config;
  bool whole = config->server_host && config->server_port != 0 && config->authority &&
               config->certificate && config->private_key && config->policy_hash &&
               config->policy_expiry != 0 && (config->runtime_hash_linux || config->runtime_hash_mcu);
  return whole ? NULL : "an item is missing";
}
