/**
 * Integers modulo n, the order of P-256's base point (SP 800-186 §3.2.1.3).
 *
 * A scalar is nine unsigned limbs of 29 bits, 36 bytes, least significant first, fully reduced. The few
 * products that a signature needs are done in loops: small, and still under a tenth of a signature's time.
 */
import { ctIsZero32 } from "./constant-time";
import { limbsFromBytes, limbsLess, limbsToBytes, repack } from "./limbs";
import { INVERSE_SCRATCH_SIZE, inverse } from "./modular-inverse";
import { inverseInLoops, productInLoops } from "./p256-small";

/** Bytes of a scalar. */
export const SCALAR_SIZE: usize = 36;
/** Scratch that the functions of this file need. */
export const SCALAR_SCRATCH_SIZE: usize = SCALAR_SIZE + INVERSE_SCRATCH_SIZE;

const LIMB: u32 = 0x1fffffff;

/** n itself. */
export const N: usize = memory.data<u32>([
  0x1c632551, 0x1dce5617, 0x05e7a13c, 0x0df55b4e, 0x1ffffbce, 0x1fffffff, 0x0003ffff, 0x1fe00000,
  0x00ffffff,
]);
/** R^2 mod n, R = 2^261. */
const R2: usize = memory.data<u32>([
  0x148d9ef5, 0x0f4e7f75, 0x14c6a651, 0x03f8b765, 0x165861f1, 0x1256d7d8, 0x1c185b23, 0x0d4cab0f,
  0x0084b655,
]);
/** -1 / n mod 2^29. */
const MINUS_N_INVERSE: u32 = 0x0e00bc4f;
/** n as `inverse` wants it. */
const N_MODULUS: usize = memory.data<u32>([
  0x3c632551, 0x0ee72b0b, 0x3179e84f, 0x39beab69, 0x3fffffbc, 0x3fffffff, 0x00000fff, 0x3fffc000,
  0x0000ffff, 0x11ff43b1,
]);

/**
 * Subtracts n once where a ≥ n, in place, so that a < 2 n becomes reduced. Time does not depend on a.
 */
export function scalarReduceOnce(a: usize): void {
  const excess = ~limbsLess(a, N, 29);
  let carry: i32 = 0;
  for (let i: usize = 0; i < 36; i += 4) {
    carry += <i32>(load<u32>(a + i) - (load<u32>(N + i) & excess));
    store<u32>(a + i, <u32>carry & LIMB);
    carry >>= 29;
  }
}

/** out = a b / R mod n. `out` must be neither factor. */
function montgomery(out: usize, a: usize, b: usize, m: usize): void {
  if (isDefined(P256_SMALL)) {
    productInLoops(out, a, b, N, MINUS_N_INVERSE);
    scalarReduceOnce(out);
    return;
  }
  let sum: u64 = 0;
  for (let k: usize = 0; k < 72; k += 4) {
    const first: usize = k < 36 ? 0 : k - 32;
    const last: usize = k < 36 ? k : 32;
    for (let i = first; i <= last; i += 4) {
      sum += <u64>load<u32>(a + i) * <u64>load<u32>(b + k - i);
      if (i < k) sum += <u64>load<u32>(m + i) * <u64>load<u32>(N + k - i);
    }
    if (k < 36) {
      const multiple = (<u32>sum * MINUS_N_INVERSE) & LIMB;
      store<u32>(m + k, multiple);
      sum += <u64>multiple * <u64>load<u32>(N);
    } else {
      store<u32>(out + k - 36, <u32>sum & LIMB);
    }
    sum >>= 29;
  }
  scalarReduceOnce(out);
}

/** out = a b mod n. `out` must be neither factor. */
export function scalarMultiply(out: usize, a: usize, b: usize, scratch: usize): void {
  const product = scratch + SCALAR_SIZE;
  montgomery(product, a, b, scratch);
  montgomery(out, product, R2, scratch);
}

/** out = a + b mod n. `out` may be either. */
export function scalarAdd(out: usize, a: usize, b: usize): void {
  let carry: u32 = 0;
  for (let i: usize = 0; i < 36; i += 4) {
    carry += load<u32>(a + i) + load<u32>(b + i);
    store<u32>(out + i, carry & LIMB);
    carry >>= 29;
  }
  scalarReduceOnce(out);
}

/** a = a + n, not reduced. */
export function scalarAddOrder(a: usize): void {
  let carry: u32 = 0;
  for (let i: usize = 0; i < 36; i += 4) {
    carry += load<u32>(a + i) + load<u32>(N + i);
    store<u32>(a + i, carry & LIMB);
    carry >>= 29;
  }
}

/** out = n - a where `mask` is all ones, else a; a not zero. `out` may be a. */
export function scalarNegateIf(mask: u32, out: usize, a: usize): void {
  let carry: i32 = 0;
  for (let i: usize = 0; i < 36; i += 4) {
    carry += <i32>((load<u32>(a + i) ^ mask) - mask + (load<u32>(N + i) & mask));
    store<u32>(out + i, <u32>carry & LIMB);
    carry >>= 29;
  }
}

/** out = 1 / a mod n, 0 for 0. `out` may be a. */
export function scalarInvert(out: usize, a: usize, scratch: usize): void {
  if (isDefined(P256_SMALL)) {
    // Of a, that is (a / R) in Montgomery form: R^2 / a, which the integer 1 / R^2 takes back.
    const inverted = scratch + SCALAR_SIZE;
    const one = memory.data<u32>([1, 0, 0, 0, 0, 0, 0, 0, 0]);
    inverseInLoops(inverted, a, N, MINUS_N_INVERSE);
    montgomery(scratch, inverted, one, scratch);
    montgomery(out, scratch, one, scratch);
    return;
  }
  repack(scratch, 30, a, 29);
  inverse(scratch, N_MODULUS, scratch + SCALAR_SIZE);
  repack(out, 29, scratch, 30);
}

/** Takes 32 big-endian bytes, not reduced. All ones when they are below n, else zero. */
export function scalarFromBytes(out: usize, bytes: usize): u32 {
  limbsFromBytes(out, 29, bytes);
  return limbsLess(out, N, 29);
}

/** Writes a as 32 big-endian bytes. */
export function scalarToBytes(bytes: usize, a: usize): void {
  limbsToBytes(bytes, a, 29);
}

/** All ones when a = 0. */
export function scalarIsZero(a: usize): u32 {
  let any: u32 = 0;
  for (let i: usize = 0; i < 36; i += 4) any |= load<u32>(a + i);
  return ctIsZero32(any);
}
