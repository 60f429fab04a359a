// What the board's operator has provisioned about its Veracruz server.
#ifndef HAL_CONTROL_H
#define HAL_CONTROL_H

#include <stdint.h>

enum { CONTROL_KEY_BYTES = 32 };

enum control {
  CONTROL_NONE,          // nothing: no server is taken
  CONTROL_KEY,           // a server must prove that it has the key
  CONTROL_TRUST_NETWORK, // any server that connects is taken
};

/// Reads it, with the key where there is one.
enum control control_read(uint8_t key[CONTROL_KEY_BYTES]);

#endif
