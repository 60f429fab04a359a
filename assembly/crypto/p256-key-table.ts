/**
 * Verification under a public key that comes again: a table of the key's multiples, made once, turns
 * u1 G + u2 Q into two combs. All of it is public: variable time, and no wiping.
 *
 * A table has one, two or four blocks of sixteen points, packed as in `p256-table.ts`. With D = 52 / blocks, point i
 * of block b is 2^(D b) (2^208 ± 2^156 ± 2^104 ± 2^52 ± 1) Q, the sign of 2^(52 j) being plus where bit j of i is
 * set: for G, four blocks of these are in the program. More blocks need fewer doublings: 51, 25 or 12.
 */
import { INVERSE_SCRATCH_SIZE } from "./modular-inverse";
import { FIELD_SIZE, fieldInvert, fieldMultiply, fieldPack, fieldSquare } from "./p256-field";
import {
  combDigit,
  combPointPublic,
  JACOBIAN_SIZE,
  negateIf,
  pointAdd,
  pointAddPublic,
  pointDouble,
  pointFromAffine,
  X,
  Y,
  Z,
} from "./p256-point";
import { combBlock, PACKED_POINT_SIZE } from "./p256-table";

const POINTS: i32 = 16;
/** Bytes of one block. */
export const KEY_TABLE_BLOCK_SIZE: usize = <usize>POINTS * PACKED_POINT_SIZE;

const TEETH: i32 = 5;
/** How far the teeth of a comb are apart. */
const SPACING: i32 = 52;

/** Blocks of a table, at most. */
const MAX_BLOCKS: i32 = 4;
/** Scratch of `makeKeyTable`: what the points' functions need, an inversion of many, the points of a block, … */
const WORK: usize = 0;
const PRODUCTS: usize = WORK + 4 * FIELD_SIZE;
const INVERSION: usize = PRODUCTS + <usize>(MAX_BLOCKS * TEETH) * FIELD_SIZE;
const MADE: usize = INVERSION + 2 * FIELD_SIZE + INVERSE_SCRATCH_SIZE;
/** … and the teeth of all blocks. */
const TOOTH: usize = MADE + <usize>POINTS * JACOBIAN_SIZE;

/** Bytes of scratch that `makeKeyTable` needs for so many blocks. */
export function keyTableScratchSize(blocks: i32): usize {
  return TOOTH + <usize>(blocks * TEETH) * JACOBIAN_SIZE;
}

/** Makes `count` Jacobian points, none at infinity, affine in place: one inversion for all (Montgomery's trick). */
function makeAffine(points: usize, count: i32, scratch: usize): void {
  const products = scratch + PRODUCTS;
  const inverse = scratch + INVERSION;
  const t = scratch + WORK;
  memory.copy(products, points + Z, FIELD_SIZE);
  for (let i = 1; i < count; i++) {
    const at = products + <usize>i * FIELD_SIZE;
    fieldMultiply(at, at - FIELD_SIZE, points + <usize>i * JACOBIAN_SIZE + Z);
  }
  fieldInvert(inverse, products + <usize>(count - 1) * FIELD_SIZE, inverse + FIELD_SIZE);
  for (let i = count - 1; i >= 0; i--) {
    const p = points + <usize>i * JACOBIAN_SIZE;
    // 1 / Z of this point: the inverse of the product up to it, times the product before it.
    if (i > 0) fieldMultiply(t, inverse, products + <usize>(i - 1) * FIELD_SIZE);
    else memory.copy(t, inverse, FIELD_SIZE);
    fieldMultiply(inverse, inverse, p + Z);
    fieldSquare(t + FIELD_SIZE, t);
    fieldMultiply(p + X, p + X, t + FIELD_SIZE);
    fieldMultiply(t, t, t + FIELD_SIZE);
    fieldMultiply(p + Y, p + Y, t);
  }
}

/**
 * The table of the affine point q, which is on the curve.
 *
 * @param table `blocks` times `KEY_TABLE_BLOCK_SIZE` bytes
 * @param blocks 1, 2 or 4
 * @param scratch `keyTableScratchSize` bytes
 */
export function makeKeyTable(table: usize, blocks: i32, q: usize, scratch: usize): void {
  const columns = SPACING / blocks;
  const teeth = scratch + TOOTH;
  const made = scratch + MADE;
  // The teeth of all blocks: number m is 2^(columns m) q, so tooth j of block b is number b + blocks j. No sum
  // below meets an exception: each is of different multiples of q, and all sums of them are below the order.
  pointFromAffine(teeth, q);
  for (let m = 1; m < blocks * TEETH; m++) {
    const at = teeth + <usize>m * JACOBIAN_SIZE;
    memory.copy(at, at - JACOBIAN_SIZE, JACOBIAN_SIZE);
    for (let i = 0; i < columns; i++) pointDouble(at, scratch);
  }
  makeAffine(teeth, blocks * TEETH, scratch);
  for (let block = 0; block < blocks; block++) {
    pointFromAffine(made, teeth + <usize>(block + blocks * 4) * JACOBIAN_SIZE);
    for (let tooth = 3, count = 1; tooth >= 0; tooth--, count <<= 1) {
      const at = teeth + <usize>(block + blocks * tooth) * JACOBIAN_SIZE;
      for (let i = count - 1; i >= 0; i--) {
        const plus = made + <usize>(2 * i + 1) * JACOBIAN_SIZE;
        const minus = made + <usize>(2 * i) * JACOBIAN_SIZE;
        const from = made + <usize>i * JACOBIAN_SIZE;
        if (i > 0) memory.copy(minus, from, JACOBIAN_SIZE);
        memory.copy(plus, minus, JACOBIAN_SIZE);
        pointAdd(plus, at, scratch);
        negateIf(-1, at);
        pointAdd(minus, at, scratch);
        negateIf(-1, at);
      }
    }
    makeAffine(made, POINTS, scratch);
    for (let i = 0; i < POINTS; i++, table += PACKED_POINT_SIZE) {
      const p = made + <usize>i * JACOBIAN_SIZE;
      fieldPack(table, p + X, scratch);
      fieldPack(table + 32, p + Y, scratch);
    }
  }
}

/**
 * p = u1 G + u2 Q in variable time, by G's comb and Q's table.
 *
 * u1 and u2 are each given as `half` = (u - 1) / 2 for an odd u below n (`negate`: all ones to take -u).
 *
 * @param scratch as the functions of `p256-point.ts` want it, with `chosen` an affine point beside it
 * @returns false when the sum is the point at infinity
 */
export function multiplyByTable(
  p: usize,
  half1: usize,
  negate1: i32,
  half2: usize,
  negate2: i32,
  table: usize,
  blocks: i32,
  chosen: usize,
  scratch: usize,
): bool {
  const columns = SPACING / blocks;
  let none: bool = true;
  for (let column = columns - 1; column >= 0; column--) {
    if (!none) pointDouble(p, scratch);
    for (let block = 0; block < blocks; block++) {
      const from = table + <usize>block * KEY_TABLE_BLOCK_SIZE;
      combPointPublic(chosen, combDigit(half2, block * columns + column), from, negate2);
      none = pointAddPublic(p, chosen, none, scratch);
    }
    if (column >= 13) continue;
    for (let block = 0; block < 4; block++) {
      combPointPublic(chosen, combDigit(half1, block * 13 + column), combBlock(block), negate1);
      none = pointAddPublic(p, chosen, none, scratch);
    }
  }
  return !none;
}
