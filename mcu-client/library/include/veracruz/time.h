// The seam to the board's clocks.
#ifndef VERACRUZ_TIME_H
#define VERACRUZ_TIME_H

#include <stdbool.h>
#include <stdint.h>

struct vc_time {
  /// Milliseconds from any beginning. It may wrap at 2^32; it never goes back.
  uint32_t (*milliseconds)(void *context);

  /// Seconds since 1970. False, or NULL in place of the function: the board does not know. Dates of certificates are
  /// then not checked; the isolate is asked instead to prove in each session that it is attested now.
  bool (*seconds)(void *context, uint64_t *seconds);

  void *context; ///< handed to each function
};

#endif
