// The root of trust in the running firmware: the token module, an instance apart from the runtime.
#ifndef ISOLATE_ROOT_OF_TRUST_H
#define ISOLATE_ROOT_OF_TRUST_H

#include <stdbool.h>
#include <stdint.h>

/// Takes over what the first stage has left, key included, wipes it there, and starts the token module.
/// Prints the device's identity. False: no first stage has run, or the module has failed.
bool root_of_trust_start(void);

/// Why it has failed, or NULL.
const char *root_of_trust_failure(void);

/// To be called each time before the runtime is instantiated: it may then name one policy and one key.
void root_of_trust_runtime_starts(void);

/// Longest `asked` of `root_of_trust_token`.
#define ROOT_OF_TRUST_ASKED_MAX (96 + 1024)

/// A token whose nonce the root of trust puts together itself. `asked` is challenge, policy hash, scope hash (32 bytes
/// each) and the request for a certificate; or, of 64 bytes, a client's nonce and the exporter of its session; or, of 32
/// bytes, the challenge of an enrolment.
/// Returns the token's length, or E_ARGUMENT, E_CAPACITY, E_UNAVAILABLE.
int32_t root_of_trust_token(const uint8_t *asked, uint32_t asked_length, uint8_t *token,
                            uint32_t capacity);

/// SHA-256 of the image that runs, as the first stage measured it.
extern uint8_t root_of_trust_measurement[32];
extern uint16_t root_of_trust_lifecycle;
/// The instance ID (RFC 9783, section 4.2.1).
extern uint8_t root_of_trust_instance[33];

#endif
