// What the device's owner signs about an image: a SUIT manifest (architecture RFC 9019, information model RFC 9124,
// serialization draft-ietf-suit-manifest) in the one shape that docs/protocols.md describes, and a statement that
// confirms it on one device. One parser serves the first stage and the running image.
#ifndef UPDATE_MANIFEST_H
#define UPDATE_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../common/sha256.h"
#include "p256-verify.h"

enum {
  MANIFEST_MAX = 512,     // bytes
  MANIFEST_COMPONENTS = 2, // most images of one manifest
  IDENTIFIER_BYTES = 16,
  INSTANCE_BYTES = 33, // an instance ID (RFC 9783, section 4.2.1)
  CONFIRMATION_MAX = 256,
};

/// Whose images the device takes, and what the device is: provisioned (owner.h).
struct owner {
  uint8_t key[P256_KEY_BYTES];
  uint8_t vendor[IDENTIFIER_BYTES]; // RFC 9124, section 3.4
  uint8_t class[IDENTIFIER_BYTES];  // RFC 9124, section 3.5
};

struct component {
  uint32_t size; // bytes
  uint8_t digest[SHA256_BYTES];
};

struct manifest {
  uint64_t sequence;
  struct component components[MANIFEST_COMPONENTS];
  uint8_t digest[SHA256_BYTES]; // of the manifest: by it the owner confirms
};

/// What is wrong with one; the order in which it is found.
enum manifest_outcome {
  MANIFEST_GOOD,
  MANIFEST_MALFORMED, // not the shape that is taken, or not its one encoding
  MANIFEST_FORGED,    // not the owner's signature
  MANIFEST_VENDOR,    // for devices of another vendor
  MANIFEST_CLASS,     // for another class of devices
};

/// Reads a manifest of exactly `length` bytes that names exactly `components` images (1 or 2): "isolate", or "secure" and
/// "outside". Nothing but the envelope is read before the signature is checked.
enum manifest_outcome manifest_read(const uint8_t *bytes, size_t length, const struct owner *owner, uint32_t components,
                                    struct manifest *manifest);

/// Whether these bytes are the owner's statement that this device has shown to run the manifest's images.
bool confirmation_read(const uint8_t *bytes, size_t length, const struct owner *owner,
                       const uint8_t digest[SHA256_BYTES], const uint8_t instance[INSTANCE_BYTES]);

#endif
