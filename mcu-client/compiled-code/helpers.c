// Arithmetic of WebAssembly that is no instruction of the core: called by compiled code with the words of the operands
// in r0 to r3, and returning words. Floating point is as in the core specification, 4.3.3; NaNs that come out are quiet.
#include "helpers.h"

#include "gates.h"

#include <math.h>
#include <string.h>

static float f32(uint32_t bits) {
  float value;
  memcpy(&value, &bits, 4);
  return value;
}
static double f64(uint64_t bits) {
  double value;
  memcpy(&value, &bits, 8);
  return value;
}
static uint32_t bits32(float value) {
  uint32_t bits;
  memcpy(&bits, &value, 4);
  return bits;
}
static uint64_t bits64(double value) {
  uint64_t bits;
  memcpy(&bits, &value, 8);
  return bits;
}

// Integers. The code has trapped on a divisor of 0 and on a quotient that is none.

static uint64_t divide_signed(uint64_t a, uint64_t b) { return (uint64_t)((int64_t)a / (int64_t)b); }
static uint64_t divide_unsigned(uint64_t a, uint64_t b) { return a / b; }
static uint64_t remainder_signed(uint64_t a, uint64_t b) {
  return b == UINT64_MAX ? 0 : (uint64_t)((int64_t)a % (int64_t)b);
}
static uint64_t remainder_unsigned(uint64_t a, uint64_t b) { return a % b; }
static uint64_t rotate_left(uint64_t a, uint64_t b) { return a << (b & 63) | a >> (-b & 63); }
static uint64_t rotate_right(uint64_t a, uint64_t b) { return a >> (b & 63) | a << (-b & 63); }
static uint32_t count_32(uint32_t a) {
  a -= a >> 1 & 0x55555555;
  a = (a & 0x33333333) + (a >> 2 & 0x33333333);
  return ((a + (a >> 4)) & 0x0F0F0F0F) * 0x01010101 >> 24;
}
static uint64_t count_64(uint64_t a) { return count_32((uint32_t)a) + count_32((uint32_t)(a >> 32)); }

// Comparisons

#define COMPARE(name, operator)                                                                \
  static uint32_t name##_32(uint32_t a, uint32_t b) { return f32(a) operator f32(b); }         \
  static uint32_t name##_64(uint64_t a, uint64_t b) { return f64(a) operator f64(b); }
COMPARE(equal, ==)
COMPARE(unequal, !=)
COMPARE(less, <)
COMPARE(greater, >)
COMPARE(at_most, <=)
COMPARE(at_least, >=)

// Arithmetic. A sum of a NaN with itself is quiet.

#define QUIET(value) ((value) != (value) ? (value) + (value) : (value))
#define UNARY(name, function_32, function_64)                                                  \
  static uint32_t name##_32(uint32_t a) {                                                      \
    float value = function_32(f32(a));                                                         \
    return bits32(QUIET(value));                                                               \
  }                                                                                            \
  static uint64_t name##_64(uint64_t a) {                                                      \
    double value = function_64(f64(a));                                                        \
    return bits64(QUIET(value));                                                               \
  }
UNARY(ceiling, ceilf, ceil)
UNARY(floor_of, floorf, floor)
UNARY(truncated, truncf, trunc)
UNARY(nearest, rintf, rint)
// The C library's own, without what notes errors in memory that no program sees.
float __ieee754_sqrtf(float);
double __ieee754_sqrt(double);
UNARY(root, __ieee754_sqrtf, __ieee754_sqrt)

#define BINARY(name, operator)                                                                 \
  static uint32_t name##_32(uint32_t a, uint32_t b) { return bits32(f32(a) operator f32(b)); } \
  static uint64_t name##_64(uint64_t a, uint64_t b) { return bits64(f64(a) operator f64(b)); }
BINARY(sum, +)
BINARY(difference, -)
BINARY(product, *)
BINARY(quotient, /)

// Of zeros that compare equal, the sign decides.
#define EXTREME(name, operator, zeros)                                                         \
  static uint32_t name##_32(uint32_t a, uint32_t b) {                                          \
    float x = f32(a), y = f32(b);                                                              \
    if (x != x || y != y) return bits32(x + y);                                                \
    if (x == y) return a zeros b;                                                              \
    return x operator y ? a : b;                                                               \
  }                                                                                            \
  static uint64_t name##_64(uint64_t a, uint64_t b) {                                          \
    double x = f64(a), y = f64(b);                                                             \
    if (x != x || y != y) return bits64(x + y);                                                \
    if (x == y) return a zeros b;                                                              \
    return x operator y ? a : b;                                                               \
  }
EXTREME(smaller, <, |)
EXTREME(larger, >, &)

// Conversions

_Noreturn static void trap(uint32_t kind) {
  register uint32_t r0 __asm("r0") = kind;
  __asm volatile("b %c[trap]\n" ::"r"(r0), [trap] "i"(code_trap));
  __builtin_unreachable();
}

// `below` and `above` are the nearest values that do not fit.
#define TRUNCATE(name, from, words, result, bits, below, above, least, most)                   \
  static result name##_##from(words) {                                                         \
    __typeof__(from(0)) value = from(bits);                                                    \
    if (value != value) trap(CODE_TRAP_CONVERSION);                                            \
    if (value <= below || value >= above) trap(CODE_TRAP_OVERFLOW);                            \
    return (result)value;                                                                      \
  }                                                                                            \
  static result name##_saturated_##from(words) {                                               \
    __typeof__(from(0)) value = from(bits);                                                    \
    if (value != value) return 0;                                                              \
    if (value <= below) return least;                                                          \
    if (value >= above) return most;                                                           \
    return (result)value;                                                                      \
  }
#define WORDS_32 uint32_t a, uint32_t unused
#define WORDS_64 uint32_t low, uint32_t high
#define BITS_64 ((uint64_t)high << 32 | low)
TRUNCATE(signed_32, f32, WORDS_32, int32_t, a, -2147483904.0f, 2147483648.0f, INT32_MIN, INT32_MAX)
TRUNCATE(unsigned_32, f32, WORDS_32, uint32_t, a, -1.0f, 4294967296.0f, 0, UINT32_MAX)
TRUNCATE(signed_32, f64, WORDS_64, int32_t, BITS_64, -2147483649.0, 2147483648.0, INT32_MIN, INT32_MAX)
TRUNCATE(unsigned_32, f64, WORDS_64, uint32_t, BITS_64, -1.0, 4294967296.0, 0, UINT32_MAX)
TRUNCATE(signed_64, f32, WORDS_32, int64_t, a, -9223373136366403584.0f, 9223372036854775808.0f, INT64_MIN, INT64_MAX)
TRUNCATE(unsigned_64, f32, WORDS_32, uint64_t, a, -1.0f, 18446744073709551616.0f, 0, UINT64_MAX)
TRUNCATE(signed_64, f64, WORDS_64, int64_t, BITS_64, -9223372036854777856.0, 9223372036854775808.0, INT64_MIN, INT64_MAX)
TRUNCATE(unsigned_64, f64, WORDS_64, uint64_t, BITS_64, -1.0, 18446744073709551616.0, 0, UINT64_MAX)

static uint32_t f32_from_signed_32(uint32_t a) { return bits32((float)(int32_t)a); }
static uint32_t f32_from_unsigned_32(uint32_t a) { return bits32((float)a); }
static uint32_t f32_from_signed_64(uint64_t a) { return bits32((float)(int64_t)a); }
static uint32_t f32_from_unsigned_64(uint64_t a) { return bits32((float)a); }
static uint32_t f32_from_f64(uint64_t a) { return bits32((float)f64(a)); }
static uint64_t f64_from_signed_32(uint32_t a) { return bits64((double)(int32_t)a); }
static uint64_t f64_from_unsigned_32(uint32_t a) { return bits64((double)a); }
static uint64_t f64_from_signed_64(uint64_t a) { return bits64((double)(int64_t)a); }
static uint64_t f64_from_unsigned_64(uint64_t a) { return bits64((double)a); }
static uint64_t f64_from_f32(uint32_t a) { return bits64((double)f32(a)); }

const void *const code_helpers[HELPERS] = {
    [HELPER_DIVIDE_SIGNED] = divide_signed,
    [HELPER_DIVIDE_UNSIGNED] = divide_unsigned,
    [HELPER_REMAINDER_SIGNED] = remainder_signed,
    [HELPER_REMAINDER_UNSIGNED] = remainder_unsigned,
    [HELPER_ROTATE_LEFT] = rotate_left,
    [HELPER_ROTATE_RIGHT] = rotate_right,
    [HELPER_COUNT_32] = count_32,
    [HELPER_COUNT_64] = count_64,
    // eq ne lt gt le ge
    [HELPER_COMPARE] = equal_32, unequal_32, less_32, greater_32, at_most_32, at_least_32,
    equal_64, unequal_64, less_64, greater_64, at_most_64, at_least_64,
    // abs neg ceil floor trunc nearest sqrt add sub mul div min max copysign
    [HELPER_ARITHMETIC] = NULL, NULL, ceiling_32, floor_of_32, truncated_32, nearest_32, root_32,
    sum_32, difference_32, product_32, quotient_32, smaller_32, larger_32, NULL,
    NULL, NULL, ceiling_64, floor_of_64, truncated_64, nearest_64, root_64,
    sum_64, difference_64, product_64, quotient_64, smaller_64, larger_64, NULL,
    [HELPER_CONVERT] = signed_32_f32, unsigned_32_f32, signed_32_f64, unsigned_32_f64, NULL, NULL,
    signed_64_f32, unsigned_64_f32, signed_64_f64, unsigned_64_f64,
    f32_from_signed_32, f32_from_unsigned_32, f32_from_signed_64, f32_from_unsigned_64, f32_from_f64,
    f64_from_signed_32, f64_from_unsigned_32, f64_from_signed_64, f64_from_unsigned_64, f64_from_f32,
    [HELPER_SATURATE] = signed_32_saturated_f32, unsigned_32_saturated_f32, signed_32_saturated_f64,
    unsigned_32_saturated_f64, signed_64_saturated_f32, unsigned_64_saturated_f32, signed_64_saturated_f64,
    unsigned_64_saturated_f64,
};
