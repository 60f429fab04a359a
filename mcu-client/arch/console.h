// Text on the console.
#ifndef ARCH_CONSOLE_H
#define ARCH_CONSOLE_H

#include <stdarg.h>
#include <stdint.h>

/// Prints with the conversions %s, %u, %d, %x (8 digits), %U (u64, decimal), %X (u64, 16 digits)
/// and %%; no widths. newlib's printf would cost 4 KB of flash for what nothing here needs.
void console_print(const char *format, ...);
void console_vprint(const char *format, va_list arguments);

#endif
