// The seam to a console or log.
#ifndef VERACRUZ_LOG_H
#define VERACRUZ_LOG_H

#include <stdarg.h>

struct vc_log {
  /// Prints a piece of a line; the last piece of a line ends with "\n". No secret is ever in it.
  /// @param format of printf, with no conversions but %s, %d, %u, %x (32 bits), without widths: `vprintf` will do, and
  ///   so will anything smaller
  void (*print)(void *context, const char *format, va_list arguments);

  void *context; ///< handed to `print`
};

#endif
