/**
 * Inversion modulo an odd number below 2^256 in constant time: Bernstein and Yang, "Fast constant-time
 * gcd computation and modular inversion" (2019), in the form whose counter starts at one half, for which
 * 590 division steps are enough at 256 bits.
 *
 * One step looks at the lowest bit only, so thirty of them are done on the lowest 32 bits of f and g,
 * gathered in a 2 × 2 matrix of 32-bit numbers, and then applied to the whole numbers. Against a power
 * a^(m-2) this takes a quarter of the work compiled and a fifth interpreted, and serves every modulus.
 *
 * Numbers are nine limbs of 30 bits, the highest signed, least significant first.
 */
import { wipe } from "./constant-time";

const STEPS: i32 = 30;
/** Times STEPS is 600. */
const ROUNDS: i32 = 20;
const LIMB: i32 = 0x3fffffff;
const BITS: i64 = 30;
/** Bytes of a number; of it, the place of its highest limb. */
const SIZE: usize = 36;
const TOP: usize = 32;

/** Scratch, from its start: g, d, e, f, and the matrix u, v, q, r. */
const D: usize = SIZE;
const E: usize = D + SIZE;
const F: usize = E + SIZE;
const MATRIX: usize = F + SIZE;
/** Bytes of scratch that `inverse` needs. */
export const INVERSE_SCRATCH_SIZE: usize = MATRIX + 16;
/** In a modulus: after its nine limbs, its inverse modulo 2^30. */
const MODULUS_INVERSE: usize = SIZE;

/**
 * Thirty division steps on the lowest bits of f and g. Stores the matrix, scaled by 2^30; returns the new
 * `zeta`, which is -(delta + 1/2) of the paper.
 *
 * Step: if delta > 0 and g is odd, (f, g) = (g, (g - f) / 2), delta = 1 - delta;
 *       else g = (g + (g mod 2) f) / 2, delta = 1 + delta.
 */
function divisionSteps(zeta: i32, f: i32, g: i32, matrix: usize): i32 {
  let u: i32 = 1;
  let v: i32 = 0;
  let q: i32 = 0;
  let r: i32 = 1;
  for (let i = 0; i < STEPS; i++) {
    const odd = -(g & 1);
    // zeta < 0 means delta > 0: then g takes -f on instead of f, and f what g has become.
    const positive = zeta >> 31;
    g += ((f ^ positive) - positive) & odd;
    q += ((u ^ positive) - positive) & odd;
    r += ((v ^ positive) - positive) & odd;
    const swap = positive & odd;
    zeta = (zeta ^ swap) - 1;
    f += g & swap;
    u += q & swap;
    v += r & swap;
    g >>= 1;
    u <<= 1;
    v <<= 1;
  }
  store<i32>(matrix, u, 0);
  store<i32>(matrix, v, 4);
  store<i32>(matrix, q, 8);
  store<i32>(matrix, r, 12);
  return zeta;
}

/** (f, g) = (u f + v g, q f + r g) / 2^30, which divides without rest. */
function updateFG(f: usize, g: usize, matrix: usize): void {
  const u = <i64>load<i32>(matrix, 0);
  const v = <i64>load<i32>(matrix, 4);
  const q = <i64>load<i32>(matrix, 8);
  const r = <i64>load<i32>(matrix, 12);
  let fi = <i64>load<i32>(f);
  let gi = <i64>load<i32>(g);
  let sumF = (u * fi + v * gi) >> BITS;
  let sumG = (q * fi + r * gi) >> BITS;
  for (let i: usize = 4; i < SIZE; i += 4) {
    fi = <i64>load<i32>(f + i);
    gi = <i64>load<i32>(g + i);
    sumF += u * fi + v * gi;
    sumG += q * fi + r * gi;
    store<i32>(f + i - 4, <i32>sumF & LIMB);
    store<i32>(g + i - 4, <i32>sumG & LIMB);
    sumF >>= BITS;
    sumG >>= BITS;
  }
  store<i32>(f, <i32>sumF, TOP);
  store<i32>(g, <i32>sumG, TOP);
}

/**
 * (d, e) = (u d + v e, q d + r e) / 2^30 mod m. Before and after, both are above -2 m and below m:
 * |u| + |v| and |q| + |r| are at most 2^30; m is added for a negative factor, and then the multiple of m,
 * between 0 and 2^30 - 1 times, that makes the lowest 30 bits zero is taken off.
 */
function updateDE(d: usize, e: usize, matrix: usize, modulus: usize): void {
  const u = load<i32>(matrix, 0);
  const v = load<i32>(matrix, 4);
  const q = load<i32>(matrix, 8);
  const r = load<i32>(matrix, 12);
  const signD = load<i32>(d, TOP) >> 31;
  const signE = load<i32>(e, TOP) >> 31;
  let di = <i64>load<i32>(d);
  let ei = <i64>load<i32>(e);
  let sumD = <i64>u * di + <i64>v * ei;
  let sumE = <i64>q * di + <i64>r * ei;
  let timesD = (u & signD) + (v & signE);
  let timesE = (q & signD) + (r & signE);
  const inverse = load<i32>(modulus, MODULUS_INVERSE);
  timesD -= (inverse * <i32>sumD + timesD) & LIMB;
  timesE -= (inverse * <i32>sumE + timesE) & LIMB;
  let mi = <i64>load<i32>(modulus);
  sumD = (sumD + mi * <i64>timesD) >> BITS;
  sumE = (sumE + mi * <i64>timesE) >> BITS;
  for (let i: usize = 4; i < SIZE; i += 4) {
    di = <i64>load<i32>(d + i);
    ei = <i64>load<i32>(e + i);
    mi = <i64>load<i32>(modulus + i);
    sumD += <i64>u * di + <i64>v * ei + mi * <i64>timesD;
    sumE += <i64>q * di + <i64>r * ei + mi * <i64>timesE;
    store<i32>(d + i - 4, <i32>sumD & LIMB);
    store<i32>(e + i - 4, <i32>sumE & LIMB);
    sumD >>= BITS;
    sumE >>= BITS;
  }
  store<i32>(d, <i32>sumD, TOP);
  store<i32>(e, <i32>sumE, TOP);
}

/** a = (a ^ negate) - negate + (m & add), carried. */
function adjust(a: usize, negate: i32, modulus: usize, add: i32): void {
  let carry: i32 = 0;
  for (let i: usize = 0; i < TOP; i += 4) {
    carry += (load<i32>(a + i) ^ negate) - negate + (load<i32>(modulus + i) & add);
    store<i32>(a + i, carry & LIMB);
    carry >>= 30;
  }
  carry += (load<i32>(a, TOP) ^ negate) - negate + (load<i32>(modulus, TOP) & add);
  store<i32>(a, carry, TOP);
}

/**
 * a = 1 / a mod m, in place, in [0, m); 0 for 0.
 *
 * `a` in [0, m); `modulus` is m, odd, followed by a word that holds its inverse modulo 2^30; `scratch` is
 * `INVERSE_SCRATCH_SIZE` bytes, wiped before the return.
 */
export function inverse(a: usize, modulus: usize, scratch: usize): void {
  const g = scratch;
  const d = scratch + D;
  const e = scratch + E;
  const f = scratch + F;
  const matrix = scratch + MATRIX;
  memory.copy(g, a, SIZE);
  memory.copy(f, modulus, SIZE);
  memory.fill(d, 0, 2 * SIZE);
  store<i32>(e, 1);
  // f = d a and g = e a (mod m) hold throughout; at the end g is 0 and f is 1 or -1.
  let zeta: i32 = -1;
  for (let round = 0; round < ROUNDS; round++) {
    zeta = divisionSteps(zeta, load<i32>(f), load<i32>(g), matrix);
    updateDE(d, e, matrix, modulus);
    updateFG(f, g, matrix);
  }
  // d is above -2 m and below m: into (-m, m), then by f's sign, then into [0, m).
  adjust(d, 0, modulus, load<i32>(d, TOP) >> 31);
  adjust(d, load<i32>(f, TOP) >> 31, modulus, 0);
  adjust(d, 0, modulus, load<i32>(d, TOP) >> 31);
  memory.copy(a, d, SIZE);
  wipe(scratch, INVERSE_SCRATCH_SIZE);
}
