// Puts a shared secret together again (A. Shamir, "How to Share a Secret", 1979), byte by byte in GF(2^8).
//
// Inputs: one share each, at least as many as the threshold at which the secret was shared. A share is
// a byte x, not 0 and different in each share, and for each byte of the secret one byte: the value at x
// of a polynomial whose value at 0 is the secret's byte. Result: the secret.
// BadInput: a share without x or bytes, x = 0, or an x that occurs twice; DataSourceSize: shares of
// different lengths; DataSourceCount: no share. Too few shares, or a wrong one, give a wrong secret:
// nothing in a share tells.
import {
  fail,
  inputCount,
  ReturnCode,
  readInput,
  tryBytes,
  writeOutput,
} from "../../../assembly/sdk";
import { inverse, multiply } from "./gf256";

export function main(): i32 {
  const count = inputCount();
  if (count.failed) return fail(count.code);
  if (count.value === 0) return fail(ReturnCode.DataSourceCount);
  // There are 255 different x; one more share repeats one.
  if (count.value > 255) return fail(ReturnCode.BadInput);

  const shares: Uint8Array[] = [];
  for (let index: u32 = 0; index < count.value; index++) {
    const read = readInput(index);
    if (read.failed) return fail(read.code);
    const share = read.value;
    if (share.length < 2 || share[0] === 0) return fail(ReturnCode.BadInput);
    for (let other = 0; other < shares.length; other++) {
      if (shares[other].length !== share.length) return fail(ReturnCode.DataSourceSize);
      if (shares[other][0] === share[0]) return fail(ReturnCode.BadInput);
    }
    shares.push(share);
  }

  const secret = tryBytes(shares[0].length - 1);
  if (secret === null) return fail(ReturnCode.Generic);
  for (let i = 0; i < shares.length; i++) {
    // Lagrange's weight of this share for the value at 0; subtraction in this field is exclusive or.
    const x: u32 = shares[i][0];
    let weight: u32 = 1;
    for (let j = 0; j < shares.length; j++) {
      const other: u32 = shares[j][0];
      if (j !== i) weight = multiply(weight, multiply(other, inverse(other ^ x)));
    }
    const share = shares[i];
    for (let at = 0; at < secret.length; at++) {
      secret[at] = (secret[at] as u32) ^ multiply(weight, share[at + 1]);
    }
  }
  return writeOutput(secret);
}
