// A page of flash that the operator provisions (host/mcu/control-page.ts): "VCCTRL01", then u32 mode (1: a key, 2: the
// network is trusted), the key or zeros, u32 CRC-32 of mode and key. Numbers are little-endian.
#include "../hal/control.h"

#include <string.h>

#include "board-config.h"
#include "crc32.h"

static const char MAGIC[8] = "VCCTRL01";
enum { MODE = 8, KEY = 12, CRC = 44 };

enum control control_read(uint8_t key[CONTROL_KEY_BYTES]) {
  const uint8_t *page = (const uint8_t *)BOARD_CONTROL_PAGE;
  uint32_t mode, check;
  memcpy(&mode, page + MODE, sizeof mode);
  memcpy(&check, page + CRC, sizeof check);
  if (memcmp(page, MAGIC, sizeof MAGIC) != 0 || check != crc32(page + MODE, CRC - MODE)) return CONTROL_NONE;
  memcpy(key, page + KEY, CONTROL_KEY_BYTES);
  return mode == CONTROL_KEY || mode == CONTROL_TRUST_NETWORK ? (enum control)mode : CONTROL_NONE;
}
