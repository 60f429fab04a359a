/** The field GF(2^8) of AES (FIPS 197 §4.2): bytes as polynomials modulo x^8 + x^4 + x^3 + x + 1. */

/** Product. Takes the same steps whatever the factors: shares are secret. */
export function multiply(a: u32, b: u32): u32 {
  let product: u32 = 0;
  for (let bit = 0; bit < 8; bit++) {
    product ^= a & (0 - (b & 1));
    a = ((a << 1) ^ (0x11b & (0 - (a >> 7)))) & 0xff;
    b >>= 1;
  }
  return product;
}

/** The inverse a^254 of any element but 0 (which gives 0). */
export function inverse(a: u32): u32 {
  let power = a;
  for (let i = 0; i < 6; i++) power = multiply(multiply(power, power), a);
  return multiply(power, power);
}
