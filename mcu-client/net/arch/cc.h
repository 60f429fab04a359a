// lwIP's view of the compiler and of the firmware.
#ifndef LWIP_ARCH_CC_H
#define LWIP_ARCH_CC_H

#include <stdint.h>

#include "../../arch/console.h"
#include "../../hal/board.h"

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
#define LWIP_PLATFORM_ASSERT(text)              \
  do {                                          \
    console_print("lwip: %s\n", (const char *)(text)); \
    board_exit(103);                            \
  } while (0)

/// Ports, transaction numbers: not secret, but not to be guessed either.
uint32_t network_random(void);
#define LWIP_RAND() network_random()

#endif
