/**
 * Points of P-256: doubling, addition and multiples.
 *
 * A *Jacobian* point is X, Y, Z (108 bytes), standing for (X / Z^2, Y / Z^3), all three carried. An
 * *affine* point is x, y (72 bytes), of size 1. The point at infinity has no form: constant-time code
 * never meets it, variable-time code keeps a flag.
 */
import { ctCopy32, wipe } from "./constant-time";
import { INVERSE_SCRATCH_SIZE } from "./modular-inverse";
import {
  FIELD_SIZE,
  fieldAdd,
  fieldFromBytes,
  fieldInvert,
  fieldIsZero,
  fieldIsZeroPublic,
  fieldMultiply,
  fieldSquare,
  fieldSubtract,
  fieldSubtractCarried,
  fieldSubtractTwo,
  fieldThreeHalves,
  ONE,
} from "./p256-field";
import {
  COMB_BLOCKS,
  COMB_COLUMNS,
  COMB_START,
  combBlock,
  combEnd,
  combEndOneBlock,
  PACKED_POINT_SIZE,
} from "./p256-table";

/** Offsets in a point. */
export const X: usize = 0;
export const Y: usize = FIELD_SIZE;
export const Z: usize = 2 * FIELD_SIZE;
export const AFFINE_SIZE: usize = 2 * FIELD_SIZE;
export const JACOBIAN_SIZE: usize = 3 * FIELD_SIZE;

/** Offsets in the scratch of the functions below: four elements, an affine point, a Jacobian one, … */
const T0: usize = 0;
const T1: usize = FIELD_SIZE;
const T2: usize = 2 * FIELD_SIZE;
const T3: usize = 3 * FIELD_SIZE;
const CHOSEN: usize = 4 * FIELD_SIZE;
const OTHER: usize = CHOSEN + AFFINE_SIZE;
/** … eight odd multiples and how their denominators follow from one another, and an inversion. */
const TABLE: usize = OTHER + JACOBIAN_SIZE;
const STEPS: usize = TABLE + 8 * AFFINE_SIZE;
const INVERSION: usize = STEPS + 8 * FIELD_SIZE;
/** Bytes of scratch that every function of this file is content with. */
export const POINT_SCRATCH_SIZE: usize = INVERSION + FIELD_SIZE + INVERSE_SCRATCH_SIZE;

/** The curve's coefficient b, times R. */
const B: usize = memory.data<u32>([
  0x1897bbfb, 0x1cdf6229, 0x018486c4, 0x01732821, 0x1dad59e0, 0x0abf7212, 0x1a06d110, 0x17721d20,
  0x008600c3,
]);
const ZERO: usize = memory.data<u32>([0, 0, 0, 0, 0, 0, 0, 0, 0]);
const LIMB: u64 = 0x1fffffff;

/**
 * p = 2 p; p is not the point at infinity. With lambda = 3 (X - Z^2) (X + Z^2) / 2 and beta = X Y^2:
 * X' = lambda^2 - 2 beta, Y' = lambda (beta - X') - Y^4, Z' = Y Z. (The usual formulas for a = -3, with
 * Z' half as large, which takes the factors 4 and 8 out.) 4 products, 4 squares.
 */
export function pointDouble(p: usize, scratch: usize): void {
  const delta = scratch + T0;
  const gamma = scratch + T1;
  const lambda = scratch + T2;
  const beta = scratch + T3;
  fieldSquare(delta, p + Z);
  fieldSquare(gamma, p + Y);
  fieldMultiply(p + Z, p + Y, p + Z);
  fieldAdd(beta, p + X, delta);
  fieldSubtract(lambda, p + X, delta);
  fieldMultiply(lambda, lambda, beta);
  fieldThreeHalves(lambda, lambda);
  fieldMultiply(beta, p + X, gamma);
  fieldSquare(p + X, lambda);
  fieldSubtractTwo(p + X, p + X, ZERO, beta);
  fieldSubtract(beta, beta, p + X);
  fieldMultiply(beta, beta, lambda);
  fieldSquare(gamma, gamma);
  fieldSubtractCarried(p + Y, beta, gamma);
}

/**
 * p = p + q, q affine. With H = x Z^2 - X and r = y Z^3 - Y: X' = r^2 - H^3 - 2 X H^2,
 * Y' = r (X H^2 - X') - Y H^3, Z' = Z H. 8 products, 3 squares. Leaves r at T0 and H at T1 of the scratch.
 *
 * Wrong where H = 0, that is for p = q (then r = 0 as well) and for p = -q: the callers see to that.
 */
export function pointAdd(p: usize, q: usize, scratch: usize): void {
  const r = scratch + T0;
  const h = scratch + T1;
  const v = scratch + T2;
  const cube = scratch + T3;
  fieldSquare(r, p + Z);
  fieldMultiply(h, q + X, r);
  fieldMultiply(r, r, p + Z);
  fieldMultiply(r, r, q + Y);
  fieldSubtract(h, h, p + X);
  fieldSubtract(r, r, p + Y);
  fieldMultiply(p + Z, p + Z, h);
  fieldSquare(v, h);
  fieldMultiply(cube, v, h);
  fieldMultiply(v, v, p + X);
  fieldSquare(p + X, r);
  fieldSubtractTwo(p + X, p + X, cube, v);
  fieldSubtract(v, v, p + X);
  fieldMultiply(v, v, r);
  fieldMultiply(cube, cube, p + Y);
  fieldSubtractCarried(p + Y, v, cube);
}

/** p = q. */
export function pointFromAffine(p: usize, q: usize): void {
  memory.copy(p, q, AFFINE_SIZE);
  memory.copy(p + Z, ONE, FIELD_SIZE);
}

/**
 * p = p + q in variable time, for public points. `none` says that p is the point at infinity.
 *
 * @returns whether the sum is the point at infinity
 */
export function pointAddPublic(p: usize, q: usize, none: bool, scratch: usize): bool {
  if (none) {
    pointFromAffine(p, q);
    return false;
  }
  pointAdd(p, q, scratch);
  if (!fieldIsZeroPublic(scratch + T1, scratch + T2)) return false;
  if (!fieldIsZeroPublic(scratch + T0, scratch + T2)) return true;
  pointFromAffine(p, q);
  pointDouble(p, scratch);
  return false;
}

/** Four u64 become an element, or its negative where `negate` is all ones. */
function unpack(out: usize, w0: u64, w1: u64, w2: u64, w3: u64, negate: i32): void {
  store<i32>(out, (<i32>(w3 >> 40) ^ negate) - negate, 32);
  store<i32>(out, (<i32>((w3 >> 11) & LIMB) ^ negate) - negate, 28);
  store<i32>(out, (<i32>(((w2 >> 46) | (w3 << 18)) & LIMB) ^ negate) - negate, 24);
  store<i32>(out, (<i32>((w2 >> 17) & LIMB) ^ negate) - negate, 20);
  store<i32>(out, (<i32>(((w1 >> 52) | (w2 << 12)) & LIMB) ^ negate) - negate, 16);
  store<i32>(out, (<i32>((w1 >> 23) & LIMB) ^ negate) - negate, 12);
  store<i32>(out, (<i32>(((w0 >> 58) | (w1 << 6)) & LIMB) ^ negate) - negate, 8);
  store<i32>(out, (<i32>((w0 >> 29) & LIMB) ^ negate) - negate, 4);
  store<i32>(out, (<i32>(w0 & LIMB) ^ negate) - negate, 0);
}

/** A packed point becomes an affine one. */
export function unpackPoint(out: usize, packed: usize): void {
  for (let i: usize = 0; i < 2; i++, packed += 32, out += FIELD_SIZE) {
    unpack(
      out,
      load<u64>(packed, 0),
      load<u64>(packed, 8),
      load<u64>(packed, 16),
      load<u64>(packed, 24),
      0,
    );
  }
}

/** The point at `index` of 16 packed ones, or its negative; reads all of them. */
function selectPacked(out: usize, table: usize, index: i32, negate: i32): void {
  let w0: u64 = 0;
  let w1: u64 = 0;
  let w2: u64 = 0;
  let w3: u64 = 0;
  let w4: u64 = 0;
  let w5: u64 = 0;
  let w6: u64 = 0;
  let w7: u64 = 0;
  for (let i = 0; i < 16; i++, table += 64) {
    const mask = <u64>((<i64>(i ^ index) - 1) >> 63);
    w7 |= load<u64>(table, 56) & mask;
    w6 |= load<u64>(table, 48) & mask;
    w5 |= load<u64>(table, 40) & mask;
    w4 |= load<u64>(table, 32) & mask;
    w3 |= load<u64>(table, 24) & mask;
    w2 |= load<u64>(table, 16) & mask;
    w1 |= load<u64>(table, 8) & mask;
    w0 |= load<u64>(table, 0) & mask;
  }
  unpack(out + X, w0, w1, w2, w3, 0);
  unpack(out + Y, w4, w5, w6, w7, negate);
}

/** The affine point at `index` of 8; reads all of them. */
function selectAffine(out: usize, table: usize, index: i32): void {
  let w0: u64 = 0;
  let w1: u64 = 0;
  let w2: u64 = 0;
  let w3: u64 = 0;
  let w4: u64 = 0;
  let w5: u64 = 0;
  let w6: u64 = 0;
  let w7: u64 = 0;
  let w8: u64 = 0;
  for (let i = 0; i < 8; i++, table += 72) {
    const mask = <u64>((<i64>(i ^ index) - 1) >> 63);
    w8 |= load<u64>(table, 64) & mask;
    w7 |= load<u64>(table, 56) & mask;
    w6 |= load<u64>(table, 48) & mask;
    w5 |= load<u64>(table, 40) & mask;
    w4 |= load<u64>(table, 32) & mask;
    w3 |= load<u64>(table, 24) & mask;
    w2 |= load<u64>(table, 16) & mask;
    w1 |= load<u64>(table, 8) & mask;
    w0 |= load<u64>(table, 0) & mask;
  }
  store<u64>(out, w8, 64);
  store<u64>(out, w7, 56);
  store<u64>(out, w6, 48);
  store<u64>(out, w5, 40);
  store<u64>(out, w4, 32);
  store<u64>(out, w3, 24);
  store<u64>(out, w2, 16);
  store<u64>(out, w1, 8);
  store<u64>(out, w0, 0);
}

/** y = -y where `mask` is all ones. */
export function negateIf(mask: i32, q: usize): void {
  for (let i = q + Y; i < q + AFFINE_SIZE; i += 4) store<i32>(i, (load<i32>(i) ^ mask) - mask);
}

/** Bit `index`, public and below 261, of nine limbs. */
export function bitAt(k: usize, index: i32): i32 {
  const limb = index / 29;
  return (load<i32>(k + ((<usize>limb) << 2)) >> (index - limb * 29)) & 1;
}

/** k / 2, rounded down, in place. */
export function halve(k: usize): void {
  for (let i: usize = 0; i < 32; i += 4) {
    store<u32>(k + i, (load<u32>(k + i) >> 1) | ((load<u32>(k + i, 4) & 1) << 28));
  }
  store<u32>(k, load<u32>(k, 32) >> 1, 32);
}

/**
 * The digits of an odd k, 0 < k < 2^256: with all digits of its binary form ±1, bit i of
 * half = (k - 1) / 2 + 2^(D - 1) says whether digit i of D digits is plus. `half` is here given as
 * (k - 1) / 2; its bit D - 1 is put in where it is read.
 *
 * Digits for the comb: D = 260, column c has the digits c, c + 52, …, c + 208; the highest of them decides
 * the sign, the others the place among the sixteen points of a block. This is the place, and above its four bits all
 * ones where the point is to be negated.
 */
export function combDigit(half: usize, c: i32): i32 {
  let index = 0;
  for (let tooth = 3; tooth >= 0; tooth--) index = (index << 1) | bitAt(half, c + 52 * tooth);
  const plus = c + 208 === 259 ? 1 : bitAt(half, c + 208);
  const minus = plus - 1;
  return ((index ^ minus) & 15) | (minus << 4);
}

/** The point of a digit out of a block of G's comb; reads all of the block. */
function combColumn(out: usize, half: usize, block: i32, column: i32): void {
  const digit = combDigit(half, block * COMB_COLUMNS + column);
  selectPacked(out, combBlock(block), digit & 15, digit >> 4);
}

/** The point of a public digit out of the block at `block`, negated where `negate` is all ones. */
export function combPointPublic(out: usize, digit: i32, block: usize, negate: i32): void {
  unpackPoint(out, block + <usize>(digit & 15) * PACKED_POINT_SIZE);
  negateIf((digit >> 4) ^ negate, out);
}

/**
 * p = k G, for odd k below n, given as `half` = (k - 1) / 2 in limbs.
 *
 * The comb begins at S, not at infinity, and takes -2^12 S (or, of one block, -2^51 S) off at the end. A sum on the way could
 * meet an exception of `pointAdd` only if S were a known multiple of G; the last sum is k G + 2^12 S
 * - 2^12 S, exceptional only for k = 0 or likewise. So no k needs another path.
 */
export function multiplyBase(p: usize, half: usize, scratch: usize): void {
  const chosen = scratch + CHOSEN;
  unpackPoint(chosen, COMB_START);
  pointFromAffine(p, chosen);
  for (let column = COMB_COLUMNS - 1; column >= 0; column--) {
    if (column !== COMB_COLUMNS - 1) pointDouble(p, scratch);
    for (let block = 0; block < COMB_BLOCKS; block++) {
      combColumn(chosen, half, block, column);
      pointAdd(p, chosen, scratch);
    }
  }
  unpackPoint(chosen, isDefined(P256_ONE_BLOCK) ? combEndOneBlock() : combEnd());
  pointAdd(p, chosen, scratch);
}

/**
 * The affine points q, 3 q, …, 15 q, into TABLE of the scratch.
 *
 * With 2 q = (X, Y, Z), the map (x, y) → (x Z^2, y Z^3) goes to a curve where 2 q is affine, and sums
 * do not depend on the curve's coefficients: so every step is a sum with an affine point. The
 * denominator of step i is that of step i - 1 times H of the sum, so one inversion serves all.
 */
function oddMultiples(q: usize, scratch: usize): void {
  const p = scratch + OTHER;
  const twice = scratch + CHOSEN;
  const table = scratch + TABLE;
  const steps = scratch + STEPS;
  pointFromAffine(p, q);
  pointDouble(p, scratch);
  memory.copy(twice, p, AFFINE_SIZE);
  memory.copy(steps, p + Z, FIELD_SIZE);
  fieldSquare(scratch + T0, p + Z);
  fieldMultiply(p + X, q + X, scratch + T0);
  fieldMultiply(scratch + T0, scratch + T0, p + Z);
  fieldMultiply(p + Y, q + Y, scratch + T0);
  memory.copy(p + Z, ONE, FIELD_SIZE);
  for (let i: usize = 1; i < 8; i++) {
    pointAdd(p, twice, scratch);
    memory.copy(table + i * AFFINE_SIZE, p, AFFINE_SIZE);
    memory.copy(steps + i * FIELD_SIZE, scratch + T1, FIELD_SIZE);
  }
  // The last denominator, on the curve itself: Z of the last sum times Z of 2 q.
  const inverse = scratch + T3;
  fieldMultiply(inverse, p + Z, steps);
  fieldInvert(inverse, inverse, scratch + INVERSION);
  for (let i: usize = 7; i !== 0; i--) {
    const entry = table + i * AFFINE_SIZE;
    fieldSquare(scratch + T0, inverse);
    fieldMultiply(entry + X, entry + X, scratch + T0);
    fieldMultiply(scratch + T0, scratch + T0, inverse);
    fieldMultiply(entry + Y, entry + Y, scratch + T0);
    fieldMultiply(inverse, inverse, steps + i * FIELD_SIZE);
  }
  memory.copy(table, q, AFFINE_SIZE);
}

/**
 * p = k q, for odd k below n, given as `half` = (k - 1) / 2 in limbs; q affine, on the curve.
 *
 * Digits: D = 256, four at a time make an odd digit between -15 and 15; 64 of them, none zero. Before a
 * sum the partial result is 16 times an odd multiple of q, above every digit, so the only
 * exception that can happen is a doubling in the very last sum, for k > n - 16 or so: there both
 * results are computed, and one chosen.
 */
export function multiply(p: usize, half: usize, q: usize, scratch: usize): void {
  oddMultiples(q, scratch);
  const chosen = scratch + CHOSEN;
  const doubled = scratch + OTHER;
  for (let i = 63; i >= 0; i--) {
    let digit = i === 63 ? 1 : bitAt(half, 4 * i + 3);
    for (let bit = 2; bit >= 0; bit--) digit = (digit << 1) | bitAt(half, 4 * i + bit);
    // 2 digit - 15: its magnitude is 2 j + 1 with j = digit - 8 or 7 - digit.
    const negate = (digit >> 3) - 1;
    selectAffine(chosen, scratch + TABLE, (digit ^ negate) & 7);
    negateIf(negate, chosen);
    if (i === 63) {
      pointFromAffine(p, chosen);
      continue;
    }
    for (let times = 0; times < 4; times++) pointDouble(p, scratch);
    pointAdd(p, chosen, scratch);
  }
  const same = fieldIsZero(scratch + T1, scratch + T2);
  pointFromAffine(doubled, chosen);
  pointDouble(doubled, scratch);
  ctCopy32(same, p, doubled, <i32>(JACOBIAN_SIZE / 4));
}

/**
 * p = u1 G + u2 q in variable time: for verification, where all is public.
 *
 * u1 is given as `half` = (u1 - 1) / 2 for odd u1 below n (`negate1`: all ones to take -u1), u2 in limbs.
 *
 * @returns false when the sum is the point at infinity
 */
export function multiplyPublic(
  p: usize,
  half: usize,
  negate1: i32,
  u2: usize,
  q: usize,
  scratch: usize,
): bool {
  oddMultiples(q, scratch);
  const chosen = scratch + CHOSEN;
  let none: bool = true;
  // Width-5 non-adjacent form of u2 from the top, without storing it: the window that begins at bit i is
  // found by looking from the lowest bit on, so the digits are put into a list first.
  const digits = heap.alloc(257);
  nonAdjacentForm(digits, u2);
  for (let i = 256; i >= 0; i--) {
    if (!none) pointDouble(p, scratch);
    const digit = load<i8>(digits + <usize>i);
    if (digit !== 0) {
      const magnitude = digit < 0 ? -digit : digit;
      memory.copy(chosen, scratch + TABLE + <usize>(magnitude >> 1) * AFFINE_SIZE, AFFINE_SIZE);
      negateIf(digit < 0 ? -1 : 0, chosen);
      none = pointAddPublic(p, chosen, none, scratch);
    }
    if (i < COMB_COLUMNS) {
      for (let block = 0; block < COMB_BLOCKS; block++) {
        const digit = combDigit(half, block * COMB_COLUMNS + i);
        combPointPublic(chosen, digit, combBlock(block), negate1);
        none = pointAddPublic(p, chosen, none, scratch);
      }
    }
  }
  wipe(digits, 257);
  heap.free(digits);
  return !none;
}

/** 257 signed digits, odd or zero, of magnitude at most 15, with four zeros at least after each other one. */
function nonAdjacentForm(digits: usize, k: usize): void {
  memory.fill(digits, 0, 257);
  let carry = 0;
  for (let i = 0; i < 257; ) {
    if (bitOrZero(k, i) === carry) {
      i++;
      continue;
    }
    let window = carry;
    for (let bit = 0; bit < 5; bit++) window += bitOrZero(k, i + bit) << bit;
    carry = window > 15 ? 1 : 0;
    store<i8>(digits + <usize>i, <i8>(window - (carry << 5)));
    i += 5;
  }
}

function bitOrZero(k: usize, index: i32): i32 {
  return index < 256 ? bitAt(k, index) : 0;
}

/** All ones when the affine point is on the curve: y^2 = x^3 - 3 x + b; else zero. */
function pointIsOnCurve(q: usize, scratch: usize): u32 {
  const t = scratch + T0;
  const s = scratch + T1;
  fieldSquare(t, q + X);
  fieldMultiply(t, t, q + X);
  fieldSubtractTwo(t, t, q + X, q + X);
  fieldAdd(t, t, B);
  fieldSquare(s, q + Y);
  fieldSubtractCarried(t, t, s);
  return fieldIsZero(t, scratch + T2);
}

/** Takes x and y, 64 big-endian bytes. All ones when both are below p and the point is on the curve. */
export function pointFromBytes(q: usize, bytes: usize, scratch: usize): u32 {
  const below = fieldFromBytes(q + X, bytes) & fieldFromBytes(q + Y, bytes + 32);
  return below & pointIsOnCurve(q, scratch);
}

/** Makes p affine: x and y in place, Z no more than scratch. */
export function pointToAffine(p: usize, scratch: usize): void {
  const inverse = scratch + T0;
  const square = scratch + T1;
  fieldInvert(inverse, p + Z, scratch + INVERSION);
  fieldSquare(square, inverse);
  fieldMultiply(p + X, p + X, square);
  fieldMultiply(square, square, inverse);
  fieldMultiply(p + Y, p + Y, square);
}
