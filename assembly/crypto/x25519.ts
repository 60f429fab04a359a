/** X25519, RFC 7748 §5. */
import { ctIsZero, wipe } from "./constant-time";
import { INVERSE_SCRATCH_SIZE } from "./modular-inverse";
import {
  FIELD_SIZE,
  fieldAdd,
  fieldAddA24,
  fieldFromBytes,
  fieldInvert,
  fieldMultiply,
  fieldSquare,
  fieldSubtract,
  fieldToBytes,
} from "./x25519-field";

/** The base point's u-coordinate, 9 (§4.1). */
const BASE: usize = memory.data<u32>([9, 0, 0, 0, 0, 0, 0, 0]);

/** Scratch: the elements of the ladder by their names in the RFC, then room for the inversion. */
const X1: usize = 0;
const X2: usize = FIELD_SIZE;
const Z2: usize = 2 * FIELD_SIZE;
const X3: usize = 3 * FIELD_SIZE;
const Z3: usize = 4 * FIELD_SIZE;
const A: usize = 5 * FIELD_SIZE;
const B: usize = 6 * FIELD_SIZE;
const C: usize = 7 * FIELD_SIZE;
const D: usize = 8 * FIELD_SIZE;
const INVERSION: usize = 9 * FIELD_SIZE;
const SCRATCH_SIZE: usize = INVERSION + 40 + INVERSE_SCRATCH_SIZE;

/** Where `mask` is all ones, element `a` changes places with `b`. */
function swapIf(mask: u32, a: usize, b: usize): void {
  for (let i: usize = 0; i < FIELD_SIZE; i += 4) {
    const x = load<u32>(a + i);
    const y = load<u32>(b + i);
    const change = mask & (x ^ y);
    store<u32>(a + i, x ^ change);
    store<u32>(b + i, y ^ change);
  }
}

/**
 * X25519(k, u): 32 bytes each, at `output`, `scalar` and `u`; `output` may be any of them.
 *
 * @returns false when the result is all zero (u of small order): TLS demands that it be refused then
 *   (RFC 8446 §7.4.2)
 */
export function x25519(output: usize, scalar: usize, u: usize): bool {
  const s = heap.alloc(SCRATCH_SIZE);
  const x2 = s + X2;
  const z2 = s + Z2;
  const x3 = s + X3;
  const z3 = s + Z3;
  const a = s + A;
  const b = s + B;
  const c = s + C;
  const d = s + D;
  memory.fill(s, 0, X3);
  fieldFromBytes(s + X1, u);
  memory.copy(x3, s + X1, FIELD_SIZE);
  memory.fill(z3, 0, FIELD_SIZE);
  store<u32>(x2, 1);
  store<u32>(z3, 1);
  let swap: u32 = 0;
  // Clamping (§5): bit 255 is clear, bit 254 set, bits 0 to 2 clear.
  for (let t = 254; t >= 0; t--) {
    let bit = <u32>(load<u8>(scalar + (<usize>t >> 3)) >> <u8>(t & 7)) & 1;
    if (t === 254) bit = 1;
    if (t < 3) bit = 0;
    swap ^= bit;
    swapIf(-swap, x2, x3);
    swapIf(-swap, z2, z3);
    swap = bit;
    fieldAdd(a, x2, z2);
    fieldSubtract(b, x2, z2);
    fieldAdd(c, x3, z3);
    fieldSubtract(d, x3, z3);
    fieldMultiply(d, d, a); // DA
    fieldMultiply(c, c, b); // CB
    fieldSquare(a, a); // AA
    fieldSquare(b, b); // BB
    fieldAdd(x3, d, c);
    fieldSquare(x3, x3);
    fieldSubtract(z3, d, c);
    fieldSquare(z3, z3);
    fieldMultiply(z3, z3, s + X1);
    fieldMultiply(x2, a, b);
    fieldSubtract(b, a, b); // E
    fieldAddA24(a, a, b);
    fieldMultiply(z2, b, a);
  }
  // Bit 0 is clear: nothing is left to be swapped.
  fieldInvert(z2, z2, s + INVERSION);
  fieldMultiply(x2, x2, z2);
  fieldToBytes(output, x2);
  wipe(s, SCRATCH_SIZE);
  heap.free(s);
  return (ctIsZero(output, 32) & 1) === 0;
}

/** The public key of the 32 bytes at `scalar`: X25519(k, 9), 32 bytes at `output`. */
export function x25519PublicKey(output: usize, scalar: usize): void {
  x25519(output, scalar, BASE);
}
