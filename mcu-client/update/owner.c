// "VCOWNR01", then the key, the vendor's and the class's identifier, u32 CRC-32 (little-endian) of these.
#include "owner.h"

#include <string.h>

#include "../link/crc32.h"
#include "board-config.h"

bool owner_read(struct owner *owner) {
  static const char magic[8] = "VCOWNR01";
  const uint8_t *page = (const uint8_t *)BOARD_OWNER_PAGE, *content = page + sizeof magic;
  uint32_t check;
  memcpy(&check, content + sizeof *owner, sizeof check);
  if (memcmp(page, magic, sizeof magic) != 0 || check != crc32(content, sizeof *owner)) return false;
  memcpy(owner, content, sizeof *owner);
  return true;
}
