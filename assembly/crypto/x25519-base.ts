/**
 * X25519 public keys: k times the base point, on the birationally equivalent edwards25519 (RFC 7748 §4.1), whose
 * multiples are known beforehand. A comb over them takes half of what the ladder takes.
 *
 * A point is X, Y, Z, T with x = X / Z, y = Y / Z, x y = T / Z (extended coordinates of Hisil, Wong, Carter and
 * Dawson, 2008). The formulas hold for every pair of points, so no scalar needs another path.
 */
import { wipe } from "./constant-time";
import { COMB, PREPARED_POINT_SIZE } from "./edwards25519-table";
import { INVERSE_SCRATCH_SIZE } from "./modular-inverse";
import {
  FIELD_SIZE,
  fieldFromBytes,
  fieldInvert,
  fieldMultiply,
  fieldNegateIf,
  fieldSquare,
  fieldSubtractCarried,
  fieldSum,
  fieldSumAndDifference,
  fieldToBytes,
} from "./x25519-field";

/** Scratch, from its start: the point, what is to be added to it (y + x, y - x, 2 d x y), and elements by their names. */
const X: usize = 0;
const Y: usize = FIELD_SIZE;
const Z: usize = 2 * FIELD_SIZE;
const T: usize = 3 * FIELD_SIZE;
const PLUS: usize = 4 * FIELD_SIZE;
const MINUS: usize = 5 * FIELD_SIZE;
const PRODUCT: usize = 6 * FIELD_SIZE;
const A: usize = 7 * FIELD_SIZE;
const B: usize = 8 * FIELD_SIZE;
const C: usize = 9 * FIELD_SIZE;
const D: usize = 10 * FIELD_SIZE;
const E: usize = 11 * FIELD_SIZE;
const F: usize = 12 * FIELD_SIZE;
const G: usize = 13 * FIELD_SIZE;
const H: usize = 14 * FIELD_SIZE;
/** The scalar's digits, a chosen point as it is packed, and room for the inversion. */
const HALF: usize = 15 * FIELD_SIZE;
const CHOSEN: usize = HALF + 32;
const INVERSION: usize = CHOSEN + PREPARED_POINT_SIZE;
const SCRATCH_SIZE: usize = INVERSION + 40 + INVERSE_SCRATCH_SIZE;

/** The base point's order minus one, as four u64. */
const ORDER_MINUS_ONE: usize = memory.data<u64>([
  0x5812631a5cf5d3ec, 0x14def9dea2f79cd6, 0x0000000000000000, 0x1000000000000000,
]);

/** Columns of a block, blocks, and how far the teeth of the comb are apart. */
const COLUMNS: u32 = 32;
const BLOCKS: u32 = 2;
const SPACING: u32 = 64;
const POINTS: u32 = 8;

/** X' = E F, Y' = G H, Z' = F G, T' = E H: how both formulas end. */
function combine(s: usize): void {
  fieldMultiply(s + X, s + E, s + F);
  fieldMultiply(s + Y, s + G, s + H);
  fieldMultiply(s + Z, s + F, s + G);
  fieldMultiply(s + T, s + E, s + H);
}

/** The point becomes twice itself: 5 products, 3 squares. */
function double(s: usize): void {
  fieldSquare(s + A, s + X);
  fieldSquare(s + B, s + Y);
  fieldMultiply(s + D, s + X, s + Y);
  fieldSquare(s + C, s + Z);
  // E = 2 X Y and C = 2 Z^2, as sums. H = X^2 + Y^2, G = Y^2 - X^2, F = 2 Z^2 - G.
  fieldSum(s + E, s + D, s + D);
  fieldSum(s + D, s + C, s + C);
  fieldSumAndDifference(s + H, s + G, s + B, s + A);
  fieldSubtractCarried(s + F, s + D, s + G);
  combine(s);
}

/** The point becomes the sum of itself and the one at PLUS, MINUS, PRODUCT: 7 products. */
function add(s: usize): void {
  fieldSumAndDifference(s + B, s + A, s + Y, s + X);
  fieldMultiply(s + A, s + A, s + MINUS);
  fieldMultiply(s + B, s + B, s + PLUS);
  fieldMultiply(s + C, s + T, s + PRODUCT);
  // D = 2 Z. E = B - A, H = B + A, F = D - C, G = D + C.
  fieldSum(s + D, s + Z, s + Z);
  fieldSumAndDifference(s + H, s + E, s + B, s + A);
  fieldSubtractCarried(s + F, s + D, s + C);
  fieldSum(s + G, s + D, s + C);
  combine(s);
}

/** Bit `index`, public, of the 32 bytes at `k`. */
function bitAt(k: usize, index: u32): u32 {
  return (<u32>load<u8>(k + <usize>(index >> 3)) >> (index & 7)) & 1;
}

/** The point at `index` of a block, or its negative where `negate` is all ones; reads all of them. */
function select(s: usize, block: usize, index: u32, negate: u32): void {
  const chosen = s + CHOSEN;
  let w0: u64 = 0;
  let w1: u64 = 0;
  let w2: u64 = 0;
  let w3: u64 = 0;
  let w4: u64 = 0;
  let w5: u64 = 0;
  let w6: u64 = 0;
  let w7: u64 = 0;
  let w8: u64 = 0;
  let w9: u64 = 0;
  let w10: u64 = 0;
  let w11: u64 = 0;
  for (let i: u32 = 0; i < POINTS; i++, block += PREPARED_POINT_SIZE) {
    const mask = <u64>((<i64>(i ^ index) - 1) >> 63);
    w11 |= load<u64>(block, 88) & mask;
    w10 |= load<u64>(block, 80) & mask;
    w9 |= load<u64>(block, 72) & mask;
    w8 |= load<u64>(block, 64) & mask;
    w7 |= load<u64>(block, 56) & mask;
    w6 |= load<u64>(block, 48) & mask;
    w5 |= load<u64>(block, 40) & mask;
    w4 |= load<u64>(block, 32) & mask;
    w3 |= load<u64>(block, 24) & mask;
    w2 |= load<u64>(block, 16) & mask;
    w1 |= load<u64>(block, 8) & mask;
    w0 |= load<u64>(block, 0) & mask;
  }
  // -(x, y) = (-x, y): y + x and y - x change places, and 2 d x y its sign.
  const swap = <u64>(<i64>(<i32>negate));
  const d0 = (w0 ^ w4) & swap;
  const d1 = (w1 ^ w5) & swap;
  const d2 = (w2 ^ w6) & swap;
  const d3 = (w3 ^ w7) & swap;
  store<u64>(chosen, w0 ^ d0, 0);
  store<u64>(chosen, w1 ^ d1, 8);
  store<u64>(chosen, w2 ^ d2, 16);
  store<u64>(chosen, w3 ^ d3, 24);
  store<u64>(chosen, w4 ^ d0, 32);
  store<u64>(chosen, w5 ^ d1, 40);
  store<u64>(chosen, w6 ^ d2, 48);
  store<u64>(chosen, w7 ^ d3, 56);
  store<u64>(chosen, w8, 64);
  store<u64>(chosen, w9, 72);
  store<u64>(chosen, w10, 80);
  store<u64>(chosen, w11, 88);
  fieldFromBytes(s + PLUS, chosen);
  fieldFromBytes(s + MINUS, chosen + 32);
  fieldFromBytes(s + PRODUCT, chosen + 64);
  fieldNegateIf(negate, s + PRODUCT);
}

/**
 * half = (k + order - 1) / 2 of the clamped scalar (RFC 7748 §5). k is even, so k + order is odd: with all of
 * its 256 digits ±1, bit i of half + 2^255 says whether digit i is plus.
 */
function digitsOf(half: usize, scalar: usize): void {
  memory.copy(half, scalar, 32);
  store<u8>(half, load<u8>(half) & 0xf8);
  store<u8>(half, (load<u8>(half, 31) & 0x7f) | 0x40, 31);
  let carry: u64 = 0;
  for (let at: usize = 0; at < 32; at += 4) {
    carry += <u64>load<u32>(half + at) + <u64>load<u32>(ORDER_MINUS_ONE + at);
    store<u32>(half + at, <u32>carry);
    carry >>= 32;
  }
  for (let at: usize = 0; at < 28; at += 4)
    store<u32>(half + at, (load<u32>(half + at) >> 1) | (load<u32>(half + at, 4) << 31));
  store<u32>(half, load<u32>(half, 28) >> 1, 28);
}

/**
 * The public key of the 32 bytes at `scalar`, X25519(k, 9) of RFC 7748 §5: 32 bytes at `output`, which may be
 * `scalar`.
 */
export function x25519PublicKey(output: usize, scalar: usize): void {
  const s = heap.alloc(SCRATCH_SIZE);
  const half = s + HALF;
  digitsOf(half, scalar);
  // (0, 1), which adds nothing.
  memory.fill(s, 0, 4 * FIELD_SIZE);
  store<u32>(s, 1, Y);
  store<u32>(s, 1, Z);
  for (let column = <i32>COLUMNS - 1; column >= 0; column--) {
    if (column !== <i32>COLUMNS - 1) double(s);
    for (let block: u32 = 0; block < BLOCKS; block++) {
      const c = block * COLUMNS + <u32>column;
      // The highest tooth decides the sign, the others the place in the table.
      let index: u32 = 0;
      for (let tooth = 2; tooth >= 0; tooth--)
        index = (index << 1) | bitAt(half, c + SPACING * <u32>tooth);
      const plus = c === SPACING - 1 ? 1 : bitAt(half, c + 3 * SPACING);
      const negate = plus - 1;
      select(s, COMB + <usize>(block * POINTS) * PREPARED_POINT_SIZE, (index ^ negate) & 7, negate);
      add(s);
    }
  }
  // u = (1 + y) / (1 - y).
  fieldSubtractCarried(s + A, s + Z, s + Y);
  fieldSum(s + B, s + Z, s + Y);
  fieldInvert(s + A, s + A, s + INVERSION);
  fieldMultiply(s + A, s + A, s + B);
  fieldToBytes(output, s + A);
  wipe(s, SCRATCH_SIZE);
  heap.free(s);
}
