// CRC-32 as in IEEE 802.3 (reflected, polynomial 0x04C11DB7).
#ifndef LINK_CRC32_H
#define LINK_CRC32_H

#include <stddef.h>
#include <stdint.h>

uint32_t crc32(const uint8_t *bytes, size_t length);

#endif
