#include "console.h"

#include <string.h>

#include "../hal/board.h"
#include "background.h"

// A 64-bit division would bring 800 bytes of the C library with it: this one is by hand, 16 bits at a time.
static uint64_t divide_by_ten(uint64_t value, uint32_t *remainder) {
  uint64_t quotient = 0;
  *remainder = 0;
  for (int shift = 48; shift >= 0; shift -= 16) {
    uint32_t part = *remainder << 16 | (uint32_t)(value >> shift & 0xFFFF);
    quotient |= (uint64_t)(part / 10) << shift;
    *remainder = part % 10;
  }
  return quotient;
}

static void print_decimal(uint64_t value) {
  char digits[20];
  size_t at = sizeof digits;
  do {
    uint32_t digit;
    value = divide_by_ten(value, &digit);
    digits[--at] = (char)('0' + digit);
  } while (value > 0);
  console_write(digits + at, sizeof digits - at);
}

static void print_hex(uint64_t value, size_t length) {
  char digits[16];
  for (size_t at = length; at > 0; value >>= 4) digits[--at] = "0123456789abcdef"[value & 15];
  console_write(digits, length);
}

#ifdef INSIDE
// The other world prints, too: its interrupts wait for the end of this line.
enum { PRIORITY_OTHER_WORLD = 0x80 };
static uint32_t begin_text(void) {
  uint32_t before = basepri_get();
  if (before == 0) basepri_set(PRIORITY_OTHER_WORLD);
  return before;
}
#elif defined(BACKGROUND)
static uint32_t begin_text(void) {
  uint32_t before = basepri_get();
  background_hold();
  return before;
}
#else
static uint32_t begin_text(void) { return 0; }
#endif
static void end_text(uint32_t before) {
#if defined(INSIDE) || defined(BACKGROUND)
  basepri_set(before);
#else
  (void)before;
#endif
}

void console_print(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  console_vprint(format, arguments);
  va_end(arguments);
}

void console_vprint(const char *format, va_list arguments) {
  uint32_t before = begin_text();
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
  end_text(before);
}
