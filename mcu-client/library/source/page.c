#include <veracruz/page.h>

#include <string.h>

#include "crc32.h"

enum { HASH_BYTES = 32 };

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

// A number other than 0.
static bool set_number(uint32_t *field, const uint8_t *bytes, size_t length) {
  if (*field != 0 || length != 4) return false;
  *field = u32_at(bytes);
  return *field != 0;
}

// A file's name with its end, then its bytes.
static bool add_file(struct vc_page *page, enum vc_file_kind kind, const uint8_t *bytes, size_t length) {
  const uint8_t *end = memchr(bytes, 0, length);
  if (!end || page->file_count == VC_PAGE_FILES_MAX) return false;
  page->files[page->file_count++] =
      (struct vc_page_file){kind, (const char *)bytes, end + 1, (size_t)(bytes + length - end - 1)};
  return true;
}

static bool read_item(struct vc_page *page, uint32_t type, const uint8_t *bytes, size_t length) {
  struct vc_config *config = &page->config;
  switch (type) {
    case VC_ITEM_HOST: return (config->server_host = text_of(bytes, length)) != NULL;
    case VC_ITEM_PORT:
      if (length != 4 || u32_at(bytes) > 65535) return false;
      config->server_port = (uint16_t)u32_at(bytes);
      return true;
    case VC_ITEM_AUTHORITY:
      config->authority_length = length;
      return set_once(&config->authority, bytes, length, 0);
    case VC_ITEM_CERTIFICATE:
      config->certificate_length = length;
      return set_once(&config->certificate, bytes, length, 0);
    case VC_ITEM_PRIVATE_KEY: return set_once(&config->private_key, bytes, length, 32);
    case VC_ITEM_POLICY_HASH: return set_once(&config->policy_hash, bytes, length, HASH_BYTES);
    case VC_ITEM_SCOPE_HASH: return set_once(&config->scope_hash, bytes, length, HASH_BYTES);
    case VC_ITEM_MOST_ISOLATES: return set_number(&config->most_isolates, bytes, length);
    case VC_ITEM_ACCEPT_RESTART: return set_number(&config->accept_restart, bytes, length);
    case VC_ITEM_RUNTIME_LINUX: return set_once(&config->runtime_hash_linux, bytes, length, HASH_BYTES);
    case VC_ITEM_RUNTIME_MCU: return set_once(&config->runtime_hash_mcu, bytes, length, HASH_BYTES);
    case VC_ITEM_MINIMUM_VERSIONS: return (config->minimum_versions = text_of(bytes, length)) != NULL;
    case VC_ITEM_FLAGS: {
      uint32_t flags = length == 4 ? u32_at(bytes) : ~0u;
      if ((flags & ~(uint32_t)VC_FLAGS_ALL) != 0) return false;
      config->allow_development = flags & VC_FLAG_ALLOW_DEVELOPMENT;
      config->aes = flags & VC_FLAG_AES;
      config->hybrid_required = flags & VC_FLAG_HYBRID_REQUIRED;
      page->shutdown = flags & VC_FLAG_SHUTDOWN;
      return true;
    }
    case VC_ITEM_POLICY_EXPIRY:
      if (length != 8) return false;
      memcpy(&config->policy_expiry, bytes, 8);
      return true;
    case VC_ITEM_DATA: return add_file(page, VC_FILE_DATA, bytes, length);
    case VC_ITEM_PROGRAM: return add_file(page, VC_FILE_PROGRAM, bytes, length);
    case VC_ITEM_STREAM: return add_file(page, VC_FILE_STREAM, bytes, length);
    case VC_ITEM_RESULT: return (page->result = text_of(bytes, length)) != NULL;
    default: return false;
  }
}

const char *vc_page_read(const uint8_t *start, struct vc_page *page) {
  memset(page, 0, sizeof *page);
  if (memcmp(start, VC_PAGE_MAGIC, sizeof VC_PAGE_MAGIC - 1) != 0) return "there is none: the device is not provisioned";
  size_t left = u32_at(start + 8);
  if (left > VC_PAGE_BYTES_MAX - VC_PAGE_HEADER) return "its length is too large";
  const uint8_t *at = start + VC_PAGE_HEADER;
  if (crc32(at, left) != u32_at(start + 12)) return "its CRC is wrong";
  while (left > 0) {
    if (left < 8) return "it ends inside an item";
    uint32_t type = u32_at(at);
    size_t length = u32_at(at + 4), padded = (length + 3) & ~(size_t)3;
    if (length > VC_PAGE_BYTES_MAX || padded > left - 8) return "an item is longer than it";
    if (!read_item(page, type, at + 8, length)) return "an item is malformed";
    at += 8 + padded;
    left -= 8 + padded;
  }
  const struct vc_config *config = &page->config;
  bool whole = config->server_host && config->server_port != 0 && config->authority &&
               config->certificate && config->private_key && config->policy_hash &&
               config->scope_hash && config->most_isolates != 0 &&
               config->policy_expiry != 0 && (config->runtime_hash_linux || config->runtime_hash_mcu);
  return whole ? NULL : "an item is missing";
}
