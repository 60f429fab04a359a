/**
 * Arithmetic modulo p = 2^256 - 2^224 + 2^192 + 2^96 - 1, the field of P-256 (SP 800-186 §3.2.1.3).
 *
 * An element is nine signed 32-bit limbs of 29 bits, 36 bytes, least significant first, in Montgomery
 * form: x stands for x R mod p, R = 2^261. Everything is written out in 64-bit locals, each limb loaded
 * as 32 bits and extended, which compilers turn into one multiply-accumulate of 32 × 32 bits for each product. (But where
 * a module is to be small: `p256-small.ts`.)
 *
 * Bounds. An element *of size A* has limbs of magnitude up to A 2^29 and a value of magnitude below 8 p.
 * A *carried* element has limbs 0 to 7 in [0, 2^29), so its size is 1. A product of sizes A and B needs
 * A B ≤ 3.5: nine products of 2^58 A B, and less than 2^56 from the reduction and the carry, fit in
 * 63 bits. Its value is a b / R + m p / R with 0 ≤ m < R: between -p / 2 and 1.5 p for factors below 4 p in
 * magnitude (16 p^2 / R < p / 2), and between -2 p and 3 p for any. `npm run prove:field` proves it.
 */
import { ctIsZero32 } from "./constant-time";
import { limbsFromBytes, limbsLess, limbsToBytes, repack } from "./limbs";
import { inverse } from "./modular-inverse";
import { inverseInLoops, productInLoops, sumInLoops, threeHalvesInLoops } from "./p256-small";

/** Bytes of an element. */
export const FIELD_SIZE: usize = 36;

const LIMB: i64 = 0x1fffffff;
const LIMB32: i32 = 0x1fffffff;

/** p itself. */
export const P: usize = memory.data<u32>([
  0x1fffffff, 0x1fffffff, 0x1fffffff, 0x000001ff, 0x00000000, 0x00000000, 0x00040000, 0x1fe00000,
  0x00ffffff,
]);
/** R mod p: one. */
export const ONE: usize = memory.data<u32>([
  0x00000020, 0x00000000, 0x00000000, 0x1fffc000, 0x1fffffff, 0x1fffffff, 0x1f7fffff, 0x03ffffff,
  0x00000000,
]);
/** R^2 mod p, to enter Montgomery form. */
const R2: usize = memory.data<u32>([
  0x00000c00, 0x00000000, 0x1fff0000, 0x1fdfffff, 0x1fbfffff, 0x1fffffff, 0x1fffffff, 0x1ffffffe,
  0x00000013,
]);
/**
 * 2^9, 2^18, -2^21, 2^24: by what a multiple of p goes into its columns. A compiler that saw them would shift, mask, add
 * and carry, four instructions for each; a factor that comes from memory it multiplies by and adds in one.
 */
const POWERS: usize = memory.data<u32>([0x200, 0x40000, 0xffe00000, 0x1000000]);
/** The integer 1, to leave it. */
const UNIT: usize = memory.data<u32>([1, 0, 0, 0, 0, 0, 0, 0, 0]);

/**
 * out = a b / R, carried. Sizes: A B ≤ 3.5. `out` may be `a` or `b`.
 *
 * p is -1 modulo 2^96, so the multiple of p that clears column k is m = column mod 2^29, and adding
 * m p = m (2^256 - 2^224 + 2^192 + 2^96) - m takes the low limb away and adds to columns k + 3 (9 bits
 * up), k + 6 (18), k + 7 (21, negative) and k + 8 (24): s9, s18, s21, s24.
 */
export function fieldMultiply(out: usize, a: usize, b: usize): void {
  if (isDefined(P256_SMALL)) {
    productInLoops(out, a, b, P, 1);
    return;
  }
  const a0 = <i64>load<i32>(a, 0);
  const a1 = <i64>load<i32>(a, 4);
  const a2 = <i64>load<i32>(a, 8);
  const a3 = <i64>load<i32>(a, 12);
  const a4 = <i64>load<i32>(a, 16);
  const a5 = <i64>load<i32>(a, 20);
  const a6 = <i64>load<i32>(a, 24);
  const a7 = <i64>load<i32>(a, 28);
  const a8 = <i64>load<i32>(a, 32);
  const b0 = <i64>load<i32>(b, 0);
  const b1 = <i64>load<i32>(b, 4);
  const b2 = <i64>load<i32>(b, 8);
  const b3 = <i64>load<i32>(b, 12);
  const b4 = <i64>load<i32>(b, 16);
  const b5 = <i64>load<i32>(b, 20);
  const b6 = <i64>load<i32>(b, 24);
  const b7 = <i64>load<i32>(b, 28);
  const b8 = <i64>load<i32>(b, 32);
  const s9 = <i64>load<i32>(POWERS, 0);
  const s18 = <i64>load<i32>(POWERS, 4);
  const s21 = <i64>load<i32>(POWERS, 8);
  const s24 = <i64>load<i32>(POWERS, 12);
  let t = a0 * b0;
  const m0 = t & LIMB;
  t = (t >> 29) + a0 * b1 + a1 * b0;
  const m1 = t & LIMB;
  t = (t >> 29) + a0 * b2 + a1 * b1 + a2 * b0;
  const m2 = t & LIMB;
  t = (t >> 29) + a0 * b3 + a1 * b2 + a2 * b1 + a3 * b0 + m0 * s9;
  const m3 = t & LIMB;
  t = (t >> 29) + a0 * b4 + a1 * b3 + a2 * b2 + a3 * b1 + a4 * b0 + m1 * s9;
  const m4 = t & LIMB;
  t = (t >> 29) + a0 * b5 + a1 * b4 + a2 * b3 + a3 * b2 + a4 * b1 + a5 * b0 + m2 * s9;
  const m5 = t & LIMB;
  t =
    (t >> 29) +
    a0 * b6 +
    a1 * b5 +
    a2 * b4 +
    a3 * b3 +
    a4 * b2 +
    a5 * b1 +
    a6 * b0 +
    m3 * s9 +
    m0 * s18;
  const m6 = t & LIMB;
  t =
    (t >> 29) +
    a0 * b7 +
    a1 * b6 +
    a2 * b5 +
    a3 * b4 +
    a4 * b3 +
    a5 * b2 +
    a6 * b1 +
    a7 * b0 +
    m4 * s9 +
    m1 * s18 +
    m0 * s21;
  const m7 = t & LIMB;
  t =
    (t >> 29) +
    a8 * b0 +
    a0 * b8 +
    a1 * b7 +
    a2 * b6 +
    a3 * b5 +
    a4 * b4 +
    a5 * b3 +
    a6 * b2 +
    a7 * b1 +
    m5 * s9 +
    m2 * s18 +
    m0 * s24 +
    m1 * s21;
  const m8 = t & LIMB;
  t =
    (t >> 29) +
    a1 * b8 +
    a2 * b7 +
    a3 * b6 +
    a4 * b5 +
    a5 * b4 +
    a6 * b3 +
    a7 * b2 +
    a8 * b1 +
    m6 * s9 +
    m3 * s18 +
    m1 * s24 +
    m2 * s21;
  const r0 = <i32>(t & LIMB);
  t =
    (t >> 29) +
    a2 * b8 +
    a3 * b7 +
    a4 * b6 +
    a5 * b5 +
    a6 * b4 +
    a7 * b3 +
    a8 * b2 +
    m7 * s9 +
    m4 * s18 +
    m2 * s24 +
    m3 * s21;
  const r1 = <i32>(t & LIMB);
  t =
    (t >> 29) +
    a3 * b8 +
    a4 * b7 +
    a5 * b6 +
    a6 * b5 +
    a7 * b4 +
    a8 * b3 +
    m8 * s9 +
    m5 * s18 +
    m3 * s24 +
    m4 * s21;
  const r2 = <i32>(t & LIMB);
  t = (t >> 29) + a4 * b8 + a5 * b7 + a6 * b6 + a7 * b5 + a8 * b4 + m6 * s18 + m4 * s24 + m5 * s21;
  const r3 = <i32>(t & LIMB);
  t = (t >> 29) + a5 * b8 + a6 * b7 + a7 * b6 + a8 * b5 + m7 * s18 + m5 * s24 + m6 * s21;
  const r4 = <i32>(t & LIMB);
  t = (t >> 29) + a6 * b8 + a7 * b7 + a8 * b6 + m8 * s18 + m6 * s24 + m7 * s21;
  const r5 = <i32>(t & LIMB);
  t = (t >> 29) + a7 * b8 + a8 * b7 + m7 * s24 + m8 * s21;
  const r6 = <i32>(t & LIMB);
  t = (t >> 29) + a8 * b8 + m8 * s24;
  const r7 = <i32>(t & LIMB);
  store<i32>(out, <i32>(t >> 29), 32);
  store<i32>(out, r7, 28);
  store<i32>(out, r6, 24);
  store<i32>(out, r5, 20);
  store<i32>(out, r4, 16);
  store<i32>(out, r3, 12);
  store<i32>(out, r2, 8);
  store<i32>(out, r1, 4);
  store<i32>(out, r0, 0);
}

/** out = a^2 / R, carried. Size of a: ≤ 1.8, so that a doubled limb still fits 32 bits. */
export function fieldSquare(out: usize, a: usize): void {
  if (isDefined(P256_SMALL)) {
    productInLoops(out, a, a, P, 1);
    return;
  }
  const a0 = <i64>load<i32>(a, 0);
  const a1 = <i64>load<i32>(a, 4);
  const a2 = <i64>load<i32>(a, 8);
  const a3 = <i64>load<i32>(a, 12);
  const a4 = <i64>load<i32>(a, 16);
  const a5 = <i64>load<i32>(a, 20);
  const a6 = <i64>load<i32>(a, 24);
  const a7 = <i64>load<i32>(a, 28);
  const a8 = <i64>load<i32>(a, 32);
  const d0 = <i64>((<i32>a0) << 1);
  const d1 = <i64>((<i32>a1) << 1);
  const d2 = <i64>((<i32>a2) << 1);
  const d3 = <i64>((<i32>a3) << 1);
  const d4 = <i64>((<i32>a4) << 1);
  const d5 = <i64>((<i32>a5) << 1);
  const d6 = <i64>((<i32>a6) << 1);
  const d7 = <i64>((<i32>a7) << 1);
  const s9 = <i64>load<i32>(POWERS, 0);
  const s18 = <i64>load<i32>(POWERS, 4);
  const s21 = <i64>load<i32>(POWERS, 8);
  const s24 = <i64>load<i32>(POWERS, 12);
  let t = a0 * a0;
  const m0 = t & LIMB;
  t = (t >> 29) + d0 * a1;
  const m1 = t & LIMB;
  t = (t >> 29) + d0 * a2 + a1 * a1;
  const m2 = t & LIMB;
  t = (t >> 29) + d0 * a3 + d1 * a2 + m0 * s9;
  const m3 = t & LIMB;
  t = (t >> 29) + d0 * a4 + d1 * a3 + a2 * a2 + m1 * s9;
  const m4 = t & LIMB;
  t = (t >> 29) + d0 * a5 + d1 * a4 + d2 * a3 + m2 * s9;
  const m5 = t & LIMB;
  t = (t >> 29) + d0 * a6 + d1 * a5 + d2 * a4 + a3 * a3 + m3 * s9 + m0 * s18;
  const m6 = t & LIMB;
  t = (t >> 29) + d0 * a7 + d1 * a6 + d2 * a5 + d3 * a4 + m4 * s9 + m1 * s18 + m0 * s21;
  const m7 = t & LIMB;
  t =
    (t >> 29) +
    a8 * d0 +
    d1 * a7 +
    d2 * a6 +
    d3 * a5 +
    a4 * a4 +
    m5 * s9 +
    m2 * s18 +
    m0 * s24 +
    m1 * s21;
  const m8 = t & LIMB;
  t = (t >> 29) + d1 * a8 + d2 * a7 + d3 * a6 + d4 * a5 + m6 * s9 + m3 * s18 + m1 * s24 + m2 * s21;
  const r0 = <i32>(t & LIMB);
  t = (t >> 29) + d2 * a8 + d3 * a7 + d4 * a6 + a5 * a5 + m7 * s9 + m4 * s18 + m2 * s24 + m3 * s21;
  const r1 = <i32>(t & LIMB);
  t = (t >> 29) + d3 * a8 + d4 * a7 + d5 * a6 + m8 * s9 + m5 * s18 + m3 * s24 + m4 * s21;
  const r2 = <i32>(t & LIMB);
  t = (t >> 29) + d4 * a8 + d5 * a7 + a6 * a6 + m6 * s18 + m4 * s24 + m5 * s21;
  const r3 = <i32>(t & LIMB);
  t = (t >> 29) + d5 * a8 + d6 * a7 + m7 * s18 + m5 * s24 + m6 * s21;
  const r4 = <i32>(t & LIMB);
  t = (t >> 29) + d6 * a8 + a7 * a7 + m8 * s18 + m6 * s24 + m7 * s21;
  const r5 = <i32>(t & LIMB);
  t = (t >> 29) + d7 * a8 + m7 * s24 + m8 * s21;
  const r6 = <i32>(t & LIMB);
  t = (t >> 29) + a8 * a8 + m8 * s24;
  const r7 = <i32>(t & LIMB);
  store<i32>(out, <i32>(t >> 29), 32);
  store<i32>(out, r7, 28);
  store<i32>(out, r6, 24);
  store<i32>(out, r5, 20);
  store<i32>(out, r4, 16);
  store<i32>(out, r3, 12);
  store<i32>(out, r2, 8);
  store<i32>(out, r1, 4);
  store<i32>(out, r0, 0);
}

/** out = a + b, of size A + B; not carried. */
export function fieldAdd(out: usize, a: usize, b: usize): void {
  if (isDefined(P256_SMALL)) {
    sumInLoops(out, a, b, 1);
    return;
  }
  store<i32>(out, load<i32>(a, 32) + load<i32>(b, 32), 32);
  store<i32>(out, load<i32>(a, 28) + load<i32>(b, 28), 28);
  store<i32>(out, load<i32>(a, 24) + load<i32>(b, 24), 24);
  store<i32>(out, load<i32>(a, 20) + load<i32>(b, 20), 20);
  store<i32>(out, load<i32>(a, 16) + load<i32>(b, 16), 16);
  store<i32>(out, load<i32>(a, 12) + load<i32>(b, 12), 12);
  store<i32>(out, load<i32>(a, 8) + load<i32>(b, 8), 8);
  store<i32>(out, load<i32>(a, 4) + load<i32>(b, 4), 4);
  store<i32>(out, load<i32>(a, 0) + load<i32>(b, 0), 0);
}

/** out = a - b, not carried: of size 1 when both are carried, else A + B. */
export function fieldSubtract(out: usize, a: usize, b: usize): void {
  if (isDefined(P256_SMALL)) {
    sumInLoops(out, a, b, -1);
    return;
  }
  store<i32>(out, load<i32>(a, 32) - load<i32>(b, 32), 32);
  store<i32>(out, load<i32>(a, 28) - load<i32>(b, 28), 28);
  store<i32>(out, load<i32>(a, 24) - load<i32>(b, 24), 24);
  store<i32>(out, load<i32>(a, 20) - load<i32>(b, 20), 20);
  store<i32>(out, load<i32>(a, 16) - load<i32>(b, 16), 16);
  store<i32>(out, load<i32>(a, 12) - load<i32>(b, 12), 12);
  store<i32>(out, load<i32>(a, 8) - load<i32>(b, 8), 8);
  store<i32>(out, load<i32>(a, 4) - load<i32>(b, 4), 4);
  store<i32>(out, load<i32>(a, 0) - load<i32>(b, 0), 0);
}

/** out = a - b, carried. Sizes up to 1. */
export function fieldSubtractCarried(out: usize, a: usize, b: usize): void {
  if (isDefined(P256_SMALL)) {
    sumInLoops(out, a, b, -1);
    return;
  }
  const d8 = load<i32>(a, 32) - load<i32>(b, 32);
  const d7 = load<i32>(a, 28) - load<i32>(b, 28);
  const d6 = load<i32>(a, 24) - load<i32>(b, 24);
  const d5 = load<i32>(a, 20) - load<i32>(b, 20);
  const d4 = load<i32>(a, 16) - load<i32>(b, 16);
  const d3 = load<i32>(a, 12) - load<i32>(b, 12);
  const d2 = load<i32>(a, 8) - load<i32>(b, 8);
  const d1 = load<i32>(a, 4) - load<i32>(b, 4);
  const d0 = load<i32>(a, 0) - load<i32>(b, 0);
  let t = d0;
  const r0 = t & LIMB32;
  t = (t >> 29) + d1;
  const r1 = t & LIMB32;
  t = (t >> 29) + d2;
  const r2 = t & LIMB32;
  t = (t >> 29) + d3;
  const r3 = t & LIMB32;
  t = (t >> 29) + d4;
  const r4 = t & LIMB32;
  t = (t >> 29) + d5;
  const r5 = t & LIMB32;
  t = (t >> 29) + d6;
  const r6 = t & LIMB32;
  t = (t >> 29) + d7;
  const r7 = t & LIMB32;
  t = (t >> 29) + d8;
  store<i32>(out, t, 32);
  store<i32>(out, r7, 28);
  store<i32>(out, r6, 24);
  store<i32>(out, r5, 20);
  store<i32>(out, r4, 16);
  store<i32>(out, r3, 12);
  store<i32>(out, r2, 8);
  store<i32>(out, r1, 4);
  store<i32>(out, r0, 0);
}

/** out = a - b - 2 c, carried, of carried elements. */
export function fieldSubtractTwo(out: usize, a: usize, b: usize, c: usize): void {
  if (isDefined(P256_SMALL)) {
    sumInLoops(out, a, b, -1);
    sumInLoops(out, out, c, -2);
    return;
  }
  const d8 = load<i32>(a, 32) - load<i32>(b, 32) - (load<i32>(c, 32) << 1);
  const d7 = load<i32>(a, 28) - load<i32>(b, 28) - (load<i32>(c, 28) << 1);
  const d6 = load<i32>(a, 24) - load<i32>(b, 24) - (load<i32>(c, 24) << 1);
  const d5 = load<i32>(a, 20) - load<i32>(b, 20) - (load<i32>(c, 20) << 1);
  const d4 = load<i32>(a, 16) - load<i32>(b, 16) - (load<i32>(c, 16) << 1);
  const d3 = load<i32>(a, 12) - load<i32>(b, 12) - (load<i32>(c, 12) << 1);
  const d2 = load<i32>(a, 8) - load<i32>(b, 8) - (load<i32>(c, 8) << 1);
  const d1 = load<i32>(a, 4) - load<i32>(b, 4) - (load<i32>(c, 4) << 1);
  const d0 = load<i32>(a, 0) - load<i32>(b, 0) - (load<i32>(c, 0) << 1);
  let t = d0;
  const r0 = t & LIMB32;
  t = (t >> 29) + d1;
  const r1 = t & LIMB32;
  t = (t >> 29) + d2;
  const r2 = t & LIMB32;
  t = (t >> 29) + d3;
  const r3 = t & LIMB32;
  t = (t >> 29) + d4;
  const r4 = t & LIMB32;
  t = (t >> 29) + d5;
  const r5 = t & LIMB32;
  t = (t >> 29) + d6;
  const r6 = t & LIMB32;
  t = (t >> 29) + d7;
  const r7 = t & LIMB32;
  t = (t >> 29) + d8;
  store<i32>(out, t, 32);
  store<i32>(out, r7, 28);
  store<i32>(out, r6, 24);
  store<i32>(out, r5, 20);
  store<i32>(out, r4, 16);
  store<i32>(out, r3, 12);
  store<i32>(out, r2, 8);
  store<i32>(out, r1, 4);
  store<i32>(out, r0, 0);
}

/** out = 3 a / 2 mod p, carried, for a carried: an odd 3 a takes p on before it is halved. */
export function fieldThreeHalves(out: usize, a: usize): void {
  if (isDefined(P256_SMALL)) {
    threeHalvesInLoops(out, a, P);
    return;
  }
  let v8 = load<i32>(a, 32) * 3;
  let v7 = load<i32>(a, 28) * 3;
  let v6 = load<i32>(a, 24) * 3;
  const v5 = load<i32>(a, 20) * 3;
  const v4 = load<i32>(a, 16) * 3;
  let v3 = load<i32>(a, 12) * 3;
  const v2 = load<i32>(a, 8) * 3;
  const v1 = load<i32>(a, 4) * 3;
  let v0 = load<i32>(a, 0) * 3;
  const odd = -(v0 & 1);
  v0 += odd;
  v3 -= odd << 9;
  v6 -= odd << 18;
  v7 += odd << 21;
  v8 -= odd << 24;
  let t = (v0 >> 1) + ((v1 & 1) << 28);
  const r0 = t & LIMB32;
  t = (t >> 29) + (v1 >> 1) + ((v2 & 1) << 28);
  const r1 = t & LIMB32;
  t = (t >> 29) + (v2 >> 1) + ((v3 & 1) << 28);
  const r2 = t & LIMB32;
  t = (t >> 29) + (v3 >> 1) + ((v4 & 1) << 28);
  const r3 = t & LIMB32;
  t = (t >> 29) + (v4 >> 1) + ((v5 & 1) << 28);
  const r4 = t & LIMB32;
  t = (t >> 29) + (v5 >> 1) + ((v6 & 1) << 28);
  const r5 = t & LIMB32;
  t = (t >> 29) + (v6 >> 1) + ((v7 & 1) << 28);
  const r6 = t & LIMB32;
  t = (t >> 29) + (v7 >> 1) + ((v8 & 1) << 28);
  const r7 = t & LIMB32;
  store<i32>(out, (t >> 29) + (v8 >> 1), 32);
  store<i32>(out, r7, 28);
  store<i32>(out, r6, 24);
  store<i32>(out, r5, 20);
  store<i32>(out, r4, 16);
  store<i32>(out, r3, 12);
  store<i32>(out, r2, 8);
  store<i32>(out, r1, 4);
  store<i32>(out, r0, 0);
}

/**
 * Brings a carried element between -p and 2 p into [0, p), in place.
 */
function reduce(a: usize): void {
  const negative = load<i32>(a, 32) >> 31;
  let carry: i32 = 0;
  let borrow: i32 = 0;
  for (let i: usize = 0; i < 36; i += 4) {
    carry += load<i32>(a + i) + (load<i32>(P + i) & negative);
    const limb = i === 32 ? carry : carry & LIMB32;
    store<i32>(a + i, limb);
    carry >>= 29;
    borrow = (borrow + limb - load<i32>(P + i)) >> 29;
  }
  const excess = ~(borrow >> 31);
  carry = 0;
  for (let i: usize = 0; i < 36; i += 4) {
    carry += load<i32>(a + i) - (load<i32>(P + i) & excess);
    store<i32>(a + i, i === 32 ? carry : carry & LIMB32);
    carry >>= 29;
  }
}

/** All ones when a = 0 mod p, for size up to 1; `scratch` is one element. */
export function fieldIsZero(a: usize, scratch: usize): u32 {
  fieldMultiply(scratch, a, ONE);
  reduce(scratch);
  let any: u32 = 0;
  for (let i: usize = 0; i < 36; i += 4) any |= load<u32>(scratch + i);
  return ctIsZero32(any);
}

/** Whether a = 0 mod p, in variable time: for public values. */
export function fieldIsZeroPublic(a: usize, scratch: usize): bool {
  // The low limb of k p is -k, and |k| ≤ 8 here: nearly every other element is told by that limb alone.
  if (((load<i32>(a) + 8) & LIMB32) > 16) return false;
  return fieldIsZero(a, scratch) !== 0;
}

/** Takes 32 big-endian bytes into Montgomery form at `out`. All ones when they are below p, else zero. */
export function fieldFromBytes(out: usize, bytes: usize): u32 {
  limbsFromBytes(out, 29, bytes);
  const below = limbsLess(out, P, 29);
  fieldMultiply(out, out, R2);
  return below;
}

/** Writes a mod p as 32 big-endian bytes; `scratch` is one element. */
export function fieldToBytes(bytes: usize, a: usize, scratch: usize): void {
  fieldMultiply(scratch, a, UNIT);
  reduce(scratch);
  limbsToBytes(bytes, scratch, 29);
}

/** Writes a in Montgomery form, below p, as 32 little-endian bytes; `scratch` is one element. */
export function fieldPack(packed: usize, a: usize, scratch: usize): void {
  fieldMultiply(scratch, a, ONE);
  reduce(scratch);
  repack(packed, 32, scratch, 29);
}

/** p as `inverse` wants it. */
const P_MODULUS: usize = memory.data<u32>([
  0x3fffffff, 0x3fffffff, 0x3fffffff, 0x0000003f, 0x00000000, 0x00000000, 0x00001000, 0x3fffc000,
  0x0000ffff, 0x3fffffff,
]);
/** R^3 mod p: 1 / (x R) times this, in Montgomery's product, is R / x. */
const R3: usize = memory.data<u32>([
  0x00050000, 0x1ff40000, 0x1effffff, 0x0dffffff, 0x07ffffff, 0x1fffffff, 0x0000000b, 0x00000010,
  0x00000c00,
]);

/** out = 1 / a in Montgomery form; 0 for 0. `scratch` is one element and `INVERSE_SCRATCH_SIZE` bytes. */
export function fieldInvert(out: usize, a: usize, scratch: usize): void {
  const value = scratch;
  if (isDefined(P256_SMALL)) {
    inverseInLoops(value, a, P, 1);
    memory.copy(out, value, FIELD_SIZE);
    return;
  }
  fieldMultiply(value, a, ONE);
  reduce(value);
  repack(value, 30, value, 29);
  inverse(value, P_MODULUS, scratch + FIELD_SIZE);
  repack(value, 29, value, 30);
  fieldMultiply(out, value, R3);
}
