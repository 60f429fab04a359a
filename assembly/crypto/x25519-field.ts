/**
 * Arithmetic modulo 2^255 - 19, the field of Curve25519 (RFC 7748 §4.1).
 *
 * An element is ten unsigned 32-bit limbs, 40 bytes, least significant first, of 26 and 25 bits in turns
 * (2^25.5 on average, so that limb 10 would weigh 2^255, which is 19).
 *
 * Bounds. A *carried* element has limbs below 2^26 (2^25 at odd places), except limb 1: below 2^25 + 2^13.
 * A sum of two has limbs below 2^27 (2^26). A difference is taken as a + 2 p - b and has limbs below
 * 2^27.6 (2^26.6). Products take all of these: 38 times a limb at an odd place, 19 times one at an even
 * place stay below 2^32, and a column, at most 6.5 · 19 products of 2^55.2, below 2^62.2.
 */
import { repack } from "./limbs";
import { inverse } from "./modular-inverse";

/** Bytes of an element. */
export const FIELD_SIZE: usize = 40;

const LIMB26: u32 = 0x3ffffff;
const LIMB25: u32 = 0x1ffffff;
/** Twice p, limb by limb, at place 0, at odd and at even places. */
const TWO_P0: u32 = 0x7ffffda;
const TWO_P25: u32 = 0x3fffffe;
const TWO_P26: u32 = 0x7fffffe;

/** out = a b, carried. `out` may be `a` or `b`. d, n: 2 a and 19 b. */
export function fieldMultiply(out: usize, a: usize, b: usize): void {
  const a0 = <u64>load<u32>(a, 0);
  const a1 = <u64>load<u32>(a, 4);
  const a2 = <u64>load<u32>(a, 8);
  const a3 = <u64>load<u32>(a, 12);
  const a4 = <u64>load<u32>(a, 16);
  const a5 = <u64>load<u32>(a, 20);
  const a6 = <u64>load<u32>(a, 24);
  const a7 = <u64>load<u32>(a, 28);
  const a8 = <u64>load<u32>(a, 32);
  const a9 = <u64>load<u32>(a, 36);
  const b0 = <u64>load<u32>(b, 0);
  const b1 = <u64>load<u32>(b, 4);
  const b2 = <u64>load<u32>(b, 8);
  const b3 = <u64>load<u32>(b, 12);
  const b4 = <u64>load<u32>(b, 16);
  const b5 = <u64>load<u32>(b, 20);
  const b6 = <u64>load<u32>(b, 24);
  const b7 = <u64>load<u32>(b, 28);
  const b8 = <u64>load<u32>(b, 32);
  const b9 = <u64>load<u32>(b, 36);
  const d1 = <u64>((<u32>a1) << 1);
  const d3 = <u64>((<u32>a3) << 1);
  const d5 = <u64>((<u32>a5) << 1);
  const d7 = <u64>((<u32>a7) << 1);
  const d9 = <u64>((<u32>a9) << 1);
  const n1 = <u64>(<u32>b1 * 19);
  const n2 = <u64>(<u32>b2 * 19);
  const n3 = <u64>(<u32>b3 * 19);
  const n4 = <u64>(<u32>b4 * 19);
  const n5 = <u64>(<u32>b5 * 19);
  const n6 = <u64>(<u32>b6 * 19);
  const n7 = <u64>(<u32>b7 * 19);
  const n8 = <u64>(<u32>b8 * 19);
  const n9 = <u64>(<u32>b9 * 19);
  let t =
    d1 * n9 +
    d9 * n1 +
    a0 * b0 +
    a2 * n8 +
    d3 * n7 +
    a4 * n6 +
    d5 * n5 +
    a6 * n4 +
    d7 * n3 +
    a8 * n2;
  const r0 = <u32>t & LIMB26;
  t =
    (t >> 26) +
    a0 * b1 +
    a1 * b0 +
    a2 * n9 +
    a3 * n8 +
    a4 * n7 +
    a5 * n6 +
    a6 * n5 +
    a7 * n4 +
    a8 * n3 +
    a9 * n2;
  const r1 = <u32>t & LIMB25;
  t =
    (t >> 25) +
    a0 * b2 +
    d1 * b1 +
    a2 * b0 +
    d3 * n9 +
    a4 * n8 +
    d5 * n7 +
    a6 * n6 +
    d7 * n5 +
    a8 * n4 +
    d9 * n3;
  const r2 = <u32>t & LIMB26;
  t =
    (t >> 26) +
    a0 * b3 +
    a1 * b2 +
    a2 * b1 +
    a3 * b0 +
    a4 * n9 +
    a5 * n8 +
    a6 * n7 +
    a7 * n6 +
    a8 * n5 +
    a9 * n4;
  const r3 = <u32>t & LIMB25;
  t =
    (t >> 25) +
    a0 * b4 +
    d1 * b3 +
    a2 * b2 +
    d3 * b1 +
    a4 * b0 +
    d5 * n9 +
    a6 * n8 +
    d7 * n7 +
    a8 * n6 +
    d9 * n5;
  const r4 = <u32>t & LIMB26;
  t =
    (t >> 26) +
    a0 * b5 +
    a1 * b4 +
    a2 * b3 +
    a3 * b2 +
    a4 * b1 +
    a5 * b0 +
    a6 * n9 +
    a7 * n8 +
    a8 * n7 +
    a9 * n6;
  const r5 = <u32>t & LIMB25;
  t =
    (t >> 25) +
    a0 * b6 +
    d1 * b5 +
    a2 * b4 +
    d3 * b3 +
    a4 * b2 +
    d5 * b1 +
    a6 * b0 +
    d7 * n9 +
    a8 * n8 +
    d9 * n7;
  const r6 = <u32>t & LIMB26;
  t =
    (t >> 26) +
    a0 * b7 +
    a1 * b6 +
    a2 * b5 +
    a3 * b4 +
    a4 * b3 +
    a5 * b2 +
    a6 * b1 +
    a7 * b0 +
    a8 * n9 +
    a9 * n8;
  const r7 = <u32>t & LIMB25;
  t =
    (t >> 25) +
    a0 * b8 +
    d1 * b7 +
    a2 * b6 +
    d3 * b5 +
    a4 * b4 +
    d5 * b3 +
    a6 * b2 +
    d7 * b1 +
    a8 * b0 +
    d9 * n9;
  const r8 = <u32>t & LIMB26;
  t =
    (t >> 26) +
    a0 * b9 +
    a1 * b8 +
    a2 * b7 +
    a3 * b6 +
    a4 * b5 +
    a5 * b4 +
    a6 * b3 +
    a7 * b2 +
    a8 * b1 +
    a9 * b0;
  const r9 = <u32>t & LIMB25;
  t = (t >> 25) * 19 + <u64>r0;
  store<u32>(out, r9, 36);
  store<u32>(out, r8, 32);
  store<u32>(out, r7, 28);
  store<u32>(out, r6, 24);
  store<u32>(out, r5, 20);
  store<u32>(out, r4, 16);
  store<u32>(out, r3, 12);
  store<u32>(out, r2, 8);
  store<u32>(out, r1 + <u32>(t >> 26), 4);
  store<u32>(out, <u32>t & LIMB26, 0);
}

/** out = a^2, carried. d, n, w: 2 a, 19 a and 38 a. */
export function fieldSquare(out: usize, a: usize): void {
  const a0 = <u64>load<u32>(a, 0);
  const a1 = <u64>load<u32>(a, 4);
  const a2 = <u64>load<u32>(a, 8);
  const a3 = <u64>load<u32>(a, 12);
  const a4 = <u64>load<u32>(a, 16);
  const a5 = <u64>load<u32>(a, 20);
  const a6 = <u64>load<u32>(a, 24);
  const a7 = <u64>load<u32>(a, 28);
  const a8 = <u64>load<u32>(a, 32);
  const a9 = <u64>load<u32>(a, 36);
  const d0 = <u64>((<u32>a0) << 1);
  const d1 = <u64>((<u32>a1) << 1);
  const d2 = <u64>((<u32>a2) << 1);
  const d3 = <u64>((<u32>a3) << 1);
  const d4 = <u64>((<u32>a4) << 1);
  const d5 = <u64>((<u32>a5) << 1);
  const d6 = <u64>((<u32>a6) << 1);
  const d7 = <u64>((<u32>a7) << 1);
  const d8 = <u64>((<u32>a8) << 1);
  const n6 = <u64>(<u32>a6 * 19);
  const n7 = <u64>(<u32>a7 * 19);
  const n8 = <u64>(<u32>a8 * 19);
  const n9 = <u64>(<u32>a9 * 19);
  const w5 = <u64>(<u32>a5 * 38);
  const w7 = <u64>(<u32>a7 * 38);
  const w9 = <u64>(<u32>a9 * 38);
  let t = d1 * w9 + a0 * a0 + d2 * n8 + d3 * w7 + d4 * n6 + a5 * w5;
  const r0 = <u32>t & LIMB26;
  t = (t >> 26) + d0 * a1 + d2 * n9 + d3 * n8 + d4 * n7 + d5 * n6;
  const r1 = <u32>t & LIMB25;
  t = (t >> 25) + d0 * a2 + d1 * a1 + d3 * w9 + d4 * n8 + d5 * w7 + a6 * n6;
  const r2 = <u32>t & LIMB26;
  t = (t >> 26) + d0 * a3 + d1 * a2 + d4 * n9 + d5 * n8 + d6 * n7;
  const r3 = <u32>t & LIMB25;
  t = (t >> 25) + d0 * a4 + d1 * d3 + a2 * a2 + d5 * w9 + d6 * n8 + a7 * w7;
  const r4 = <u32>t & LIMB26;
  t = (t >> 26) + d0 * a5 + d1 * a4 + d2 * a3 + d6 * n9 + d7 * n8;
  const r5 = <u32>t & LIMB25;
  t = (t >> 25) + d0 * a6 + d1 * d5 + d2 * a4 + d3 * a3 + d7 * w9 + a8 * n8;
  const r6 = <u32>t & LIMB26;
  t = (t >> 26) + d0 * a7 + d1 * a6 + d2 * a5 + d3 * a4 + d8 * n9;
  const r7 = <u32>t & LIMB25;
  t = (t >> 25) + d0 * a8 + d1 * d7 + d2 * a6 + d3 * d5 + a4 * a4 + a9 * w9;
  const r8 = <u32>t & LIMB26;
  t = (t >> 26) + d0 * a9 + d1 * a8 + d2 * a7 + d3 * a6 + d4 * a5;
  const r9 = <u32>t & LIMB25;
  t = (t >> 25) * 19 + <u64>r0;
  store<u32>(out, r9, 36);
  store<u32>(out, r8, 32);
  store<u32>(out, r7, 28);
  store<u32>(out, r6, 24);
  store<u32>(out, r5, 20);
  store<u32>(out, r4, 16);
  store<u32>(out, r3, 12);
  store<u32>(out, r2, 8);
  store<u32>(out, r1 + <u32>(t >> 26), 4);
  store<u32>(out, <u32>t & LIMB26, 0);
}

/** out = a + b, not carried, of elements whose sum keeps to the bounds of a product. */
export function fieldSum(out: usize, a: usize, b: usize): void {
  store<u32>(out, load<u32>(a, 36) + load<u32>(b, 36), 36);
  store<u32>(out, load<u32>(a, 32) + load<u32>(b, 32), 32);
  store<u32>(out, load<u32>(a, 28) + load<u32>(b, 28), 28);
  store<u32>(out, load<u32>(a, 24) + load<u32>(b, 24), 24);
  store<u32>(out, load<u32>(a, 20) + load<u32>(b, 20), 20);
  store<u32>(out, load<u32>(a, 16) + load<u32>(b, 16), 16);
  store<u32>(out, load<u32>(a, 12) + load<u32>(b, 12), 12);
  store<u32>(out, load<u32>(a, 8) + load<u32>(b, 8), 8);
  store<u32>(out, load<u32>(a, 4) + load<u32>(b, 4), 4);
  store<u32>(out, load<u32>(a, 0) + load<u32>(b, 0), 0);
}

/** sum = a + b, difference = a - b, of carried elements; not carried. */
export function fieldSumAndDifference(sum: usize, difference: usize, a: usize, b: usize): void {
  let x = load<u32>(a, 36);
  let y = load<u32>(b, 36);
  store<u32>(sum, x + y, 36);
  store<u32>(difference, x + TWO_P25 - y, 36);
  x = load<u32>(a, 32);
  y = load<u32>(b, 32);
  store<u32>(sum, x + y, 32);
  store<u32>(difference, x + TWO_P26 - y, 32);
  x = load<u32>(a, 28);
  y = load<u32>(b, 28);
  store<u32>(sum, x + y, 28);
  store<u32>(difference, x + TWO_P25 - y, 28);
  x = load<u32>(a, 24);
  y = load<u32>(b, 24);
  store<u32>(sum, x + y, 24);
  store<u32>(difference, x + TWO_P26 - y, 24);
  x = load<u32>(a, 20);
  y = load<u32>(b, 20);
  store<u32>(sum, x + y, 20);
  store<u32>(difference, x + TWO_P25 - y, 20);
  x = load<u32>(a, 16);
  y = load<u32>(b, 16);
  store<u32>(sum, x + y, 16);
  store<u32>(difference, x + TWO_P26 - y, 16);
  x = load<u32>(a, 12);
  y = load<u32>(b, 12);
  store<u32>(sum, x + y, 12);
  store<u32>(difference, x + TWO_P25 - y, 12);
  x = load<u32>(a, 8);
  y = load<u32>(b, 8);
  store<u32>(sum, x + y, 8);
  store<u32>(difference, x + TWO_P26 - y, 8);
  x = load<u32>(a, 4);
  y = load<u32>(b, 4);
  store<u32>(sum, x + y, 4);
  store<u32>(difference, x + TWO_P25 - y, 4);
  x = load<u32>(a, 0);
  y = load<u32>(b, 0);
  store<u32>(sum, x + y, 0);
  store<u32>(difference, x + TWO_P0 - y, 0);
}

/** out = a - b, carried, for limbs of a and b up to 2^27.6 (2^26.6 at odd places). */
export function fieldSubtractCarried(out: usize, a: usize, b: usize): void {
  let carry: u32 = 0;
  for (let i: u32 = 0; i < 10; i++) {
    const at = (<usize>i) << 2;
    const odd = i & 1;
    // Four times p, so that no limb is negative: below 2^28.8.
    const fourP = i === 0 ? TWO_P0 << 1 : (odd === 1 ? TWO_P25 : TWO_P26) << 1;
    carry += load<u32>(a + at) + fourP - load<u32>(b + at);
    store<u32>(out + at, carry & (LIMB26 >> odd));
    carry >>= 26 - odd;
  }
  carry = load<u32>(out) + 19 * carry;
  store<u32>(out, carry & LIMB26);
  store<u32>(out, load<u32>(out, 4) + (carry >> 26), 4);
}

/** Carried a becomes 2 p - a, not carried, where `mask` is all ones. */
export function fieldNegateIf(mask: u32, a: usize): void {
  for (let i: u32 = 0; i < 10; i++) {
    const at = a + ((<usize>i) << 2);
    const limb = load<u32>(at);
    const twoP = i === 0 ? TWO_P0 : (i & 1) === 1 ? TWO_P25 : TWO_P26;
    store<u32>(at, limb ^ (mask & (limb ^ (twoP - limb))));
  }
}

/** The elements of a ladder step, by their names in RFC 7748 §5, one after another. */
export const X2: usize = 0;
export const Z2: usize = FIELD_SIZE;
export const X3: usize = 2 * FIELD_SIZE;
export const Z3: usize = 3 * FIELD_SIZE;
export const A: usize = 4 * FIELD_SIZE;
export const B: usize = 5 * FIELD_SIZE;
export const C: usize = 6 * FIELD_SIZE;
export const D: usize = 7 * FIELD_SIZE;

/**
 * Begins a step of the ladder at `s`: A = x_2 + z_2, B = x_2 - z_2, C = x_3 + z_3, D = x_3 - z_3, not
 * carried; and into the places of x_2 and z_2 go A and B, or C and D where `mask` is all ones.
 */
export function fieldLadderSums(s: usize, mask: u32): void {
  let z3 = load<u32>(s, Z3 + 36);
  let x3 = load<u32>(s, X3 + 36);
  let z2 = load<u32>(s, Z2 + 36);
  let x2 = load<u32>(s, X2 + 36);
  let a = x2 + z2;
  let b = x2 + TWO_P25 - z2;
  let c = x3 + z3;
  let d = x3 + TWO_P25 - z3;
  store<u32>(s, d, D + 36);
  store<u32>(s, c, C + 36);
  store<u32>(s, b, B + 36);
  store<u32>(s, a, A + 36);
  store<u32>(s, a ^ (mask & (a ^ c)), X2 + 36);
  store<u32>(s, b ^ (mask & (b ^ d)), Z2 + 36);
  z3 = load<u32>(s, Z3 + 32);
  x3 = load<u32>(s, X3 + 32);
  z2 = load<u32>(s, Z2 + 32);
  x2 = load<u32>(s, X2 + 32);
  a = x2 + z2;
  b = x2 + TWO_P26 - z2;
  c = x3 + z3;
  d = x3 + TWO_P26 - z3;
  store<u32>(s, d, D + 32);
  store<u32>(s, c, C + 32);
  store<u32>(s, b, B + 32);
  store<u32>(s, a, A + 32);
  store<u32>(s, a ^ (mask & (a ^ c)), X2 + 32);
  store<u32>(s, b ^ (mask & (b ^ d)), Z2 + 32);
  z3 = load<u32>(s, Z3 + 28);
  x3 = load<u32>(s, X3 + 28);
  z2 = load<u32>(s, Z2 + 28);
  x2 = load<u32>(s, X2 + 28);
  a = x2 + z2;
  b = x2 + TWO_P25 - z2;
  c = x3 + z3;
  d = x3 + TWO_P25 - z3;
  store<u32>(s, d, D + 28);
  store<u32>(s, c, C + 28);
  store<u32>(s, b, B + 28);
  store<u32>(s, a, A + 28);
  store<u32>(s, a ^ (mask & (a ^ c)), X2 + 28);
  store<u32>(s, b ^ (mask & (b ^ d)), Z2 + 28);
  z3 = load<u32>(s, Z3 + 24);
  x3 = load<u32>(s, X3 + 24);
  z2 = load<u32>(s, Z2 + 24);
  x2 = load<u32>(s, X2 + 24);
  a = x2 + z2;
  b = x2 + TWO_P26 - z2;
  c = x3 + z3;
  d = x3 + TWO_P26 - z3;
  store<u32>(s, d, D + 24);
  store<u32>(s, c, C + 24);
  store<u32>(s, b, B + 24);
  store<u32>(s, a, A + 24);
  store<u32>(s, a ^ (mask & (a ^ c)), X2 + 24);
  store<u32>(s, b ^ (mask & (b ^ d)), Z2 + 24);
  z3 = load<u32>(s, Z3 + 20);
  x3 = load<u32>(s, X3 + 20);
  z2 = load<u32>(s, Z2 + 20);
  x2 = load<u32>(s, X2 + 20);
  a = x2 + z2;
  b = x2 + TWO_P25 - z2;
  c = x3 + z3;
  d = x3 + TWO_P25 - z3;
  store<u32>(s, d, D + 20);
  store<u32>(s, c, C + 20);
  store<u32>(s, b, B + 20);
  store<u32>(s, a, A + 20);
  store<u32>(s, a ^ (mask & (a ^ c)), X2 + 20);
  store<u32>(s, b ^ (mask & (b ^ d)), Z2 + 20);
  z3 = load<u32>(s, Z3 + 16);
  x3 = load<u32>(s, X3 + 16);
  z2 = load<u32>(s, Z2 + 16);
  x2 = load<u32>(s, X2 + 16);
  a = x2 + z2;
  b = x2 + TWO_P26 - z2;
  c = x3 + z3;
  d = x3 + TWO_P26 - z3;
  store<u32>(s, d, D + 16);
  store<u32>(s, c, C + 16);
  store<u32>(s, b, B + 16);
  store<u32>(s, a, A + 16);
  store<u32>(s, a ^ (mask & (a ^ c)), X2 + 16);
  store<u32>(s, b ^ (mask & (b ^ d)), Z2 + 16);
  z3 = load<u32>(s, Z3 + 12);
  x3 = load<u32>(s, X3 + 12);
  z2 = load<u32>(s, Z2 + 12);
  x2 = load<u32>(s, X2 + 12);
  a = x2 + z2;
  b = x2 + TWO_P25 - z2;
  c = x3 + z3;
  d = x3 + TWO_P25 - z3;
  store<u32>(s, d, D + 12);
  store<u32>(s, c, C + 12);
  store<u32>(s, b, B + 12);
  store<u32>(s, a, A + 12);
  store<u32>(s, a ^ (mask & (a ^ c)), X2 + 12);
  store<u32>(s, b ^ (mask & (b ^ d)), Z2 + 12);
  z3 = load<u32>(s, Z3 + 8);
  x3 = load<u32>(s, X3 + 8);
  z2 = load<u32>(s, Z2 + 8);
  x2 = load<u32>(s, X2 + 8);
  a = x2 + z2;
  b = x2 + TWO_P26 - z2;
  c = x3 + z3;
  d = x3 + TWO_P26 - z3;
  store<u32>(s, d, D + 8);
  store<u32>(s, c, C + 8);
  store<u32>(s, b, B + 8);
  store<u32>(s, a, A + 8);
  store<u32>(s, a ^ (mask & (a ^ c)), X2 + 8);
  store<u32>(s, b ^ (mask & (b ^ d)), Z2 + 8);
  z3 = load<u32>(s, Z3 + 4);
  x3 = load<u32>(s, X3 + 4);
  z2 = load<u32>(s, Z2 + 4);
  x2 = load<u32>(s, X2 + 4);
  a = x2 + z2;
  b = x2 + TWO_P25 - z2;
  c = x3 + z3;
  d = x3 + TWO_P25 - z3;
  store<u32>(s, d, D + 4);
  store<u32>(s, c, C + 4);
  store<u32>(s, b, B + 4);
  store<u32>(s, a, A + 4);
  store<u32>(s, a ^ (mask & (a ^ c)), X2 + 4);
  store<u32>(s, b ^ (mask & (b ^ d)), Z2 + 4);
  z3 = load<u32>(s, Z3 + 0);
  x3 = load<u32>(s, X3 + 0);
  z2 = load<u32>(s, Z2 + 0);
  x2 = load<u32>(s, X2 + 0);
  a = x2 + z2;
  b = x2 + TWO_P0 - z2;
  c = x3 + z3;
  d = x3 + TWO_P0 - z3;
  store<u32>(s, d, D + 0);
  store<u32>(s, c, C + 0);
  store<u32>(s, b, B + 0);
  store<u32>(s, a, A + 0);
  store<u32>(s, a ^ (mask & (a ^ c)), X2 + 0);
  store<u32>(s, b ^ (mask & (b ^ d)), Z2 + 0);
}

/** e = aa - bb, not carried; out = aa + 121665 e, carried; 121665 is a24, (486662 - 2) / 4. */
export function fieldA24(e: usize, out: usize, aa: usize, bb: usize): void {
  const x9 = load<u32>(aa, 36);
  const y9 = x9 + TWO_P25 - load<u32>(bb, 36);
  store<u32>(e, y9, 36);
  const x8 = load<u32>(aa, 32);
  const y8 = x8 + TWO_P26 - load<u32>(bb, 32);
  store<u32>(e, y8, 32);
  const x7 = load<u32>(aa, 28);
  const y7 = x7 + TWO_P25 - load<u32>(bb, 28);
  store<u32>(e, y7, 28);
  const x6 = load<u32>(aa, 24);
  const y6 = x6 + TWO_P26 - load<u32>(bb, 24);
  store<u32>(e, y6, 24);
  const x5 = load<u32>(aa, 20);
  const y5 = x5 + TWO_P25 - load<u32>(bb, 20);
  store<u32>(e, y5, 20);
  const x4 = load<u32>(aa, 16);
  const y4 = x4 + TWO_P26 - load<u32>(bb, 16);
  store<u32>(e, y4, 16);
  const x3 = load<u32>(aa, 12);
  const y3 = x3 + TWO_P25 - load<u32>(bb, 12);
  store<u32>(e, y3, 12);
  const x2 = load<u32>(aa, 8);
  const y2 = x2 + TWO_P26 - load<u32>(bb, 8);
  store<u32>(e, y2, 8);
  const x1 = load<u32>(aa, 4);
  const y1 = x1 + TWO_P25 - load<u32>(bb, 4);
  store<u32>(e, y1, 4);
  const x0 = load<u32>(aa, 0);
  const y0 = x0 + TWO_P0 - load<u32>(bb, 0);
  store<u32>(e, y0, 0);
  let t = <u64>x0 + <u64>y0 * 121665;
  const r0 = <u32>t & LIMB26;
  t = (t >> 26) + <u64>x1 + <u64>y1 * 121665;
  const r1 = <u32>t & LIMB25;
  t = (t >> 25) + <u64>x2 + <u64>y2 * 121665;
  const r2 = <u32>t & LIMB26;
  t = (t >> 26) + <u64>x3 + <u64>y3 * 121665;
  const r3 = <u32>t & LIMB25;
  t = (t >> 25) + <u64>x4 + <u64>y4 * 121665;
  const r4 = <u32>t & LIMB26;
  t = (t >> 26) + <u64>x5 + <u64>y5 * 121665;
  const r5 = <u32>t & LIMB25;
  t = (t >> 25) + <u64>x6 + <u64>y6 * 121665;
  const r6 = <u32>t & LIMB26;
  t = (t >> 26) + <u64>x7 + <u64>y7 * 121665;
  const r7 = <u32>t & LIMB25;
  t = (t >> 25) + <u64>x8 + <u64>y8 * 121665;
  const r8 = <u32>t & LIMB26;
  t = (t >> 26) + <u64>x9 + <u64>y9 * 121665;
  const r9 = <u32>t & LIMB25;
  t = (t >> 25) * 19 + <u64>r0;
  store<u32>(out, r9, 36);
  store<u32>(out, r8, 32);
  store<u32>(out, r7, 28);
  store<u32>(out, r6, 24);
  store<u32>(out, r5, 20);
  store<u32>(out, r4, 16);
  store<u32>(out, r3, 12);
  store<u32>(out, r2, 8);
  store<u32>(out, r1 + <u32>(t >> 26), 4);
  store<u32>(out, <u32>t & LIMB26, 0);
}

/** Takes 32 little-endian bytes, of which the highest bit is ignored (§5). Values from p on are taken mod p. */
export function fieldFromBytes(out: usize, bytes: usize): void {
  for (let i: u32 = 0; i < 10; i++) {
    // Limb i begins at bit 25.5 i, rounded up.
    const bit = (i * 51 + 1) >> 1;
    // Bytes 28 to 31 hold the last limb, and an 8-byte read must not go past them.
    const byte = min<u32>(bit >> 3, 24);
    const word = load<u64>(bytes + <usize>byte) >> <u64>(bit - (byte << 3));
    store<u32>(out + ((<usize>i) << 2), <u32>word & (LIMB26 >> (i & 1)));
  }
}

/** Writes a mod p at `words`: eight 32-bit words, least significant first. */
function canonical(words: usize, a: usize): void {
  // a is below 2^255 + 2^40, so below 2 p: it is p or more if and only if a + 19 reaches 2^255.
  let carry: u32 = 19;
  for (let i: u32 = 0; i < 10; i++) {
    carry = (carry + load<u32>(a + ((<usize>i) << 2))) >> (26 - (i & 1));
  }
  // Where it is, taking p off is adding 19 and dropping bit 255.
  let held: u64 = 0;
  let have: u32 = 0;
  carry *= 19;
  for (let i: u32 = 0; i < 10; i++) {
    carry += load<u32>(a + ((<usize>i) << 2));
    held |= (<u64>(carry & (LIMB26 >> (i & 1)))) << (<u64>have);
    carry >>= 26 - (i & 1);
    have += 26 - (i & 1);
    if (have >= 32) {
      store<u32>(words, <u32>held);
      words += 4;
      held >>= 32;
      have -= 32;
    }
  }
  store<u32>(words, <u32>held);
}

/** Writes a carried element as 32 little-endian bytes, below p. */
export function fieldToBytes(bytes: usize, a: usize): void {
  canonical(bytes, a);
}

/** p as `inverse` wants it. */
const P_MODULUS: usize = memory.data<u32>([
  0x3fffffed, 0x3fffffff, 0x3fffffff, 0x3fffffff, 0x3fffffff, 0x3fffffff, 0x3fffffff, 0x3fffffff,
  0x00007fff, 0x179435e5,
]);

/** out = 1 / a, 0 for 0, of a carried element. `scratch` is 36 + `INVERSE_SCRATCH_SIZE` bytes. */
export function fieldInvert(out: usize, a: usize, scratch: usize): void {
  canonical(scratch, a);
  repack(out, 30, scratch, 32);
  inverse(out, P_MODULUS, scratch);
  repack(scratch, 32, out, 30);
  fieldFromBytes(out, scratch);
}
