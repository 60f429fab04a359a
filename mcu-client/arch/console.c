#include "console.h"

#include <stdarg.h>
#include <string.h>

#include "../hal/board.h"

static void print_decimal(uint64_t value) {
  char digits[20];
  size_t at = sizeof digits;
  do {
    digits[--at] = (char)('0' + value % 10);
    value /= 10;
  } while (value > 0);
  console_write(digits + at, sizeof digits - at);
}

static void print_hex(uint64_t value, size_t length) {
  char digits[16];
  for (size_t at = length; at > 0; value >>= 4) digits[--at] = "0123456789abcdef"[value & 15];
  console_write(digits, length);
}

void console_print(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  while (*format) {
    size_t plain = strcspn(format, "%");
    console_write(format, plain);
    format += plain;
    if (*format == 0) break;
    switch (format[1]) {
      case 's': {
        const char *text = va_arg(arguments, const char *);
        console_write(text, strlen(text));
        break;
      }
      case 'u': print_decimal(va_arg(arguments, uint32_t)); break;
      case 'd': {
        int32_t value = va_arg(arguments, int32_t);
        if (value < 0) console_write("-", 1);
        print_decimal(value < 0 ? -(uint64_t)(int64_t)value : (uint64_t)value);
        break;
      }
      case 'x': print_hex(va_arg(arguments, uint32_t), 8); break;
      case 'U': print_decimal(va_arg(arguments, uint64_t)); break;
      case 'X': print_hex(va_arg(arguments, uint64_t), 16); break;
      default: console_write(format + 1, 1); break;
    }
    format += 2;
  }
  va_end(arguments);
}
