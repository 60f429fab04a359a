// The root of trust in the running firmware: the token module, an instance apart from the runtime.
#ifndef ISOLATE_ROOT_OF_TRUST_H
#define ISOLATE_ROOT_OF_TRUST_H

#include <stdbool.h>
#include <stdint.h>

/// Takes over what the first stage has left, key included, wipes it there, and starts the token module.
/// Prints the device's identity. False: no first stage has run, or the module has failed.
bool root_of_trust_start(void);

/// SHA-256 of the image that runs, as the first stage measured it.
extern uint8_t root_of_trust_measurement[32];
extern uint16_t root_of_trust_lifecycle;

#endif
