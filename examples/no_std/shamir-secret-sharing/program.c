/* Puts a shared secret together again (Shamir, 1979), in GF(2^8): the program of program.ts, in C. */
#include "veracruz.h"

/* Product modulo x^8 + x^4 + x^3 + x + 1. The same steps whatever the factors: shares are secret. */
static uint32_t multiply(uint32_t a, uint32_t b) {
  uint32_t product = 0;
  for (int bit = 0; bit < 8; bit++) {
    product ^= a & (0u - (b & 1));
    a = ((a << 1) ^ (0x11b & (0u - (a >> 7)))) & 0xff;
    b >>= 1;
  }
  return product;
}

/* a^254. */
static uint32_t inverse(uint32_t a) {
  uint32_t power = a;
  for (int i = 0; i < 6; i++) power = multiply(multiply(power, power), a);
  return multiply(power, power);
}

int main(void) {
  static vc_bytes shares[255];
  uint32_t count;
  vc_code code = vc_input_count(&count);
  if (code != VC_SUCCESS) return code;
  if (count == 0) return VC_DATA_SOURCE_COUNT;
  /* There are 255 different x; one more share repeats one. */
  if (count > 255) return VC_BAD_INPUT;
  for (uint32_t i = 0; i < count; i++) {
    code = vc_input(i, shares + i);
    if (code != VC_SUCCESS) return code;
    if (shares[i].length < 2 || shares[i].data[0] == 0) return VC_BAD_INPUT;
    for (uint32_t j = 0; j < i; j++) {
      if (shares[j].length != shares[i].length) return VC_DATA_SOURCE_SIZE;
      if (shares[j].data[0] == shares[i].data[0]) return VC_BAD_INPUT;
    }
  }

  uint32_t length = shares[0].length - 1;
  uint8_t *secret = calloc(length, 1);
  if (!secret) return VC_GENERIC;
  for (uint32_t i = 0; i < count; i++) {
    /* Lagrange's weight of this share for the value at 0; subtraction in this field is exclusive or. */
    uint32_t x = shares[i].data[0], weight = 1;
    for (uint32_t j = 0; j < count; j++) {
      uint32_t other = shares[j].data[0];
      if (j != i) weight = multiply(weight, multiply(other, inverse(other ^ x)));
    }
    for (uint32_t at = 0; at < length; at++) secret[at] ^= multiply(weight, shares[i].data[at + 1]);
  }
  return vc_write_output(secret, length);
}
