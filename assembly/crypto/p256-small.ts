/**
 * Arithmetic of P-256 in loops, for a module that is compiled with `--use P256_SMALL=1`: that of a device's first stage,
 * where flash counts and time does not. `p256-field.ts` and `p256-scalar.ts` have it do their work there.
 *
 * Numbers are nine limbs of 29 bits as in those files, R = 2^261; time and addresses depend on no number. Results are
 * the same: `test/crypto/p256-small.test.ts` compares.
 */
const LIMB: i32 = 0x1fffffff;
const SIZE: usize = 36;

/**
 * out = a b / R mod m, carried. Sizes (`p256-field.ts`): A B ≤ 3, as nine products of 2^58 A B, nine from the reduction
 * (of which p's limbs make no more than 4.1 × 2^58) and the carry fit in 63 bits. Factors below m have no signs: 9 + 9.
 * `out` may be `a` or `b`: a limb is written when no later column needs it.
 *
 * @param minusInverse -1 / m mod 2^29
 */
export function productInLoops(
  out: usize,
  a: usize,
  b: usize,
  modulus: usize,
  minusInverse: u32,
): void {
  // Of the modulus. In the module's memory, which its owner wipes; in here, so that no other module has the place.
  const multiples = memory.data(36, 8);
  let sum: i64 = 0;
  for (let k: usize = 0; k < 2 * SIZE; k += 4) {
    const first: usize = k < SIZE ? 0 : k - 32;
    const last: usize = k < SIZE ? k : 32;
    for (let i = first; i <= last; i += 4) {
      sum += <i64>load<i32>(a + i) * <i64>load<i32>(b + k - i);
      if (i < k) sum += <i64>load<i32>(multiples + i) * <i64>load<i32>(modulus + k - i);
    }
    if (k < SIZE) {
      const multiple = (<u32>sum * minusInverse) & LIMB;
      store<u32>(multiples + k, multiple);
      sum += <i64>multiple * <i64>load<i32>(modulus);
    } else {
      // The last limb has the sign.
      store<i32>(out + k - SIZE, k < 2 * SIZE - 4 ? <i32>sum & LIMB : <i32>sum);
    }
    sum >>= 29;
  }
}

/** out = a + factor b, carried; of carried elements, the factor between -2 and 1. `out` may be `a` or `b`. */
export function sumInLoops(out: usize, a: usize, b: usize, factor: i32): void {
  let carry: i32 = 0;
  for (let i: usize = 0; i < SIZE; i += 4) {
    carry += load<i32>(a + i) + factor * load<i32>(b + i);
    store<i32>(out + i, i < SIZE - 4 ? carry & LIMB : carry);
    carry >>= 29;
  }
}

/** out = 3 a / 2 mod m, carried, for a carried: an odd 3 a takes m on before it is halved. `out` may be `a`. */
export function threeHalvesInLoops(out: usize, a: usize, modulus: usize): void {
  const odd = -(load<i32>(a) & 1);
  let carry: i32 = 0;
  let before: i32 = 0;
  for (let i: usize = 0; i < SIZE; i += 4) {
    // 3 (2^29 - 1) + (2^29 - 1) + 3 is below 2^31.
    carry += 3 * load<i32>(a + i) + (load<i32>(modulus + i) & odd);
    const limb = i < SIZE - 4 ? carry & LIMB : carry;
    if (i !== 0) store<i32>(out + i - 4, before | ((limb & 1) << 28));
    before = limb >> 1;
    carry >>= 29;
  }
  store<i32>(out + SIZE - 4, before);
}

/**
 * out = R^2 / a mod m, that is 1 / a for numbers in Montgomery form, 0 for 0: a^(m - 2), as m is a prime number. The
 * exponent is public. `out` is not `a`.
 */
export function inverseInLoops(out: usize, a: usize, modulus: usize, minusInverse: u32): void {
  memory.copy(out, a, SIZE);
  // Bit 255, bit 23 of the last limb, is set in both moduli; from the lowest limb of both, 2 can be taken off.
  let bit = 22;
  for (let i: i32 = 32; i >= 0; i -= 4) {
    const limb = load<u32>(modulus + <usize>i) - (i === 0 ? 2 : 0);
    for (; bit >= 0; bit--) {
      productInLoops(out, out, out, modulus, minusInverse);
      if ((limb >> bit) & 1) productInLoops(out, out, a, modulus, minusInverse);
    }
    bit = 28;
  }
}
