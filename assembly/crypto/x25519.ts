/** X25519 of any point, RFC 7748 §5; of the base point: `x25519-base.ts`. */
import { ctIsZero, wipe } from "./constant-time";
import { INVERSE_SCRATCH_SIZE } from "./modular-inverse";
import {
  A,
  B,
  C,
  D,
  FIELD_SIZE,
  fieldA24,
  fieldFromBytes,
  fieldInvert,
  fieldLadderSums,
  fieldMultiply,
  fieldSquare,
  fieldSumAndDifference,
  fieldToBytes,
  X2,
  X3,
  Z2,
  Z3,
} from "./x25519-field";

/** Scratch: the eight elements of a ladder step, x_1, and room for the inversion. */
const X1: usize = 8 * FIELD_SIZE;
const INVERSION: usize = X1 + FIELD_SIZE;
const SCRATCH_SIZE: usize = INVERSION + 40 + INVERSE_SCRATCH_SIZE;

/**
 * X25519(k, u): 32 bytes each, at `output`, `scalar` and `u`; `output` may be any of them.
 *
 * Of the two points of the ladder, (x_2, z_2) is here always what the last step has doubled and
 * (x_3, z_3) the sum. The sum does not care which is which, so nothing is swapped: the one to be doubled
 * is chosen, the other one than last time where the scalar's bit has changed.
 *
 * @returns false when the result is all zero (u of small order): TLS demands that it be refused then
 *   (RFC 8446 §7.4.2)
 */
export function x25519(output: usize, scalar: usize, u: usize): bool {
  const s = heap.alloc(SCRATCH_SIZE);
  const x1 = s + X1;
  memory.fill(s, 0, X1);
  fieldFromBytes(x1, u);
  memory.copy(s + X3, x1, FIELD_SIZE);
  store<u32>(s, 1, X2);
  store<u32>(s, 1, Z3);
  let last: u32 = 0;
  // Clamping (§5): bit 255 is clear, bit 254 set, bits 0 to 2 clear.
  for (let t = 254; t >= 0; t--) {
    let bit = <u32>(load<u8>(scalar + (<usize>t >> 3)) >> <u8>(t & 7)) & 1;
    if (t === 254) bit = 1;
    if (t < 3) bit = 0;
    fieldLadderSums(s, -(last ^ bit));
    last = bit;
    fieldMultiply(s + D, s + D, s + A); // DA
    fieldMultiply(s + C, s + C, s + B); // CB
    fieldSumAndDifference(s + X3, s + Z3, s + D, s + C);
    fieldSquare(s + X3, s + X3);
    fieldSquare(s + Z3, s + Z3);
    fieldMultiply(s + Z3, s + Z3, x1);
    fieldSquare(s + A, s + X2); // AA
    fieldSquare(s + B, s + Z2); // BB
    fieldMultiply(s + X2, s + A, s + B);
    fieldA24(s + C, s + D, s + A, s + B); // E and AA + a24 E
    fieldMultiply(s + Z2, s + C, s + D);
  }
  // Bit 0 is clear: what was doubled last is the result.
  fieldInvert(s + Z2, s + Z2, s + INVERSION);
  fieldMultiply(s + X2, s + X2, s + Z2);
  fieldToBytes(output, s + X2);
  wipe(s, SCRATCH_SIZE);
  heap.free(s);
  return (ctIsZero(output, 32) & 1) === 0;
}
