#include "crc32.h"

// Four bits at a time: sixteen words of table, built on first use, instead of 1 KiB of flash.
uint32_t crc32(const uint8_t *bytes, size_t length) {
  static uint32_t table[16];
  if (table[1] == 0)
    for (uint32_t i = 0; i < 16; i++) {
      uint32_t remainder = i;
      for (int bit = 0; bit < 4; bit++)
        remainder = remainder & 1 ? remainder >> 1 ^ 0xEDB88320 : remainder >> 1;
      table[i] = remainder;
    }
  uint32_t crc = UINT32_MAX;
  for (; length > 0; length--) {
    crc ^= *bytes++;
    crc = crc >> 4 ^ table[crc & 15];
    crc = crc >> 4 ^ table[crc & 15];
  }
  return ~crc;
}
