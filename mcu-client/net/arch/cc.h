// lwIP's view of the compiler and of the firmware.
#ifndef LWIP_ARCH_CC_H
#define LWIP_ARCH_CC_H

#include <stdint.h>

#define LWIP_NO_INTTYPES_H 1
#define X8_F "x"
#define U16_F "u"
#define S16_F "d"
#define X16_F "x"
#define U32_F "u"
#define S32_F "d"
#define X32_F "x"
#define SZT_F "u"
#define BYTE_ORDER LITTLE_ENDIAN

#define LWIP_PLATFORM_DIAG(x)
// A failed assertion of the network stack is a bug in trusted code: the firmware must not go on.
// Its texts would take some kilobytes; where it stands says the same.
#define LWIP_PLATFORM_ASSERT(text) network_failed(__FILE_NAME__, __LINE__)
_Noreturn void network_failed(const char *file, uint32_t line);

/// Ports, transaction numbers: not secret, but not to be guessed either.
uint32_t network_random(void);
#define LWIP_RAND() network_random()

#endif
