// The seam to the board's true random number generator.
#ifndef VERACRUZ_ENTROPY_H
#define VERACRUZ_ENTROPY_H

#include <stdbool.h>
#include <stddef.h>

struct vc_entropy {
  /// Fills `length` bytes (32 to 64 for each session), each with 8 bits of entropy.
  /// @return false: there are none now. The call then ends with VC_E_ENTROPY. Never answer true with bytes that an
  ///   attacker could guess: the keys of the session come from them.
  bool (*read)(void *context, void *out, size_t length);

  void *context; ///< handed to `read`
};

#endif
