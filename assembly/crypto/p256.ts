/** ECDSA and ECDH over P-256: FIPS 186-5 §6, SP 800-56A §5.7.1.2, SEC 1, RFC 6979. */
import { wipe } from "./constant-time";
import { Drbg } from "./drbg";
import { HMAC_STATE_SIZE, hmacFinish, hmacInit, hmacUpdate } from "./hmac";
import { limbsLess } from "./limbs";
import {
  FIELD_SIZE,
  fieldFromBytes,
  fieldIsZeroPublic,
  fieldMultiply,
  fieldSquare,
  fieldSubtract,
  fieldToBytes,
  P,
} from "./p256-field";
import { keyTableScratchSize, makeKeyTable, multiplyByTable } from "./p256-key-table";
import {
  AFFINE_SIZE,
  halve,
  JACOBIAN_SIZE,
  multiply,
  multiplyBase,
  multiplyPublic,
  POINT_SCRATCH_SIZE,
  pointFromBytes,
  pointToAffine,
  X,
  Y,
  Z,
} from "./p256-point";
import {
  SCALAR_SCRATCH_SIZE,
  SCALAR_SIZE,
  scalarAdd,
  scalarAddOrder,
  scalarFromBytes,
  scalarInvert,
  scalarIsZero,
  scalarMultiply,
  scalarNegateIf,
  scalarReduceOnce,
  scalarToBytes,
} from "./p256-scalar";

/** Bytes of a private key, of a shared secret, of a digest. */
export const P256_PRIVATE_KEY_LENGTH: i32 = 32;
/** Bytes of a public key: 0x04, x, y (SEC 1 §2.3.3, uncompressed). */
export const P256_PUBLIC_KEY_LENGTH: i32 = 65;
/** Bytes of a raw signature: r, s. */
export const P256_SIGNATURE_LENGTH: i32 = 64;

/** Scratch of an operation, from its start: scalars, points, and what the parts below need. */
const K: usize = 0;
const HALF: usize = SCALAR_SIZE;
const R: usize = 2 * SCALAR_SIZE;
const S: usize = 3 * SCALAR_SIZE;
const E: usize = 4 * SCALAR_SIZE;
const POINT: usize = 5 * SCALAR_SIZE;
const PEER: usize = POINT + JACOBIAN_SIZE;
const SCALARS: usize = PEER + AFFINE_SIZE;
const POINTS: usize = SCALARS + SCALAR_SCRATCH_SIZE;
const SCRATCH_SIZE: usize = POINTS + POINT_SCRATCH_SIZE;

function end(scratch: usize): void {
  wipe(scratch, SCRATCH_SIZE);
  heap.free(scratch);
}

/**
 * The odd one of k and n - k, halved, from K to HALF of the scratch. All ones when it is n - k, so that the
 * point's y has to change its sign.
 */
function makeOdd(scratch: usize): u32 {
  const negated = (load<u32>(scratch + K) & 1) - 1;
  scalarNegateIf(negated, scratch + HALF, scratch + K);
  halve(scratch + HALF);
  return negated;
}

/** Takes a private key. All ones when it is between 1 and n - 1, else zero. */
function privateFromBytes(k: usize, bytes: usize): u32 {
  return scalarFromBytes(k, bytes) & ~scalarIsZero(k);
}

/**
 * The public key, 65 bytes at `publicKey`, of the 32 bytes at `privateKey`.
 *
 * @returns false when the private key is 0 or not below n; nothing is stored then
 */
export function p256PublicKey(publicKey: usize, privateKey: usize): bool {
  const scratch = heap.alloc(SCRATCH_SIZE);
  const valid = privateFromBytes(scratch + K, privateKey) !== 0;
  if (valid) {
    const p = scratch + POINT;
    const points = scratch + POINTS;
    const negated = <i32>makeOdd(scratch);
    multiplyBase(p, scratch + HALF, points);
    pointToAffine(p, points);
    for (let i = p + Y; i < p + Z; i += 4) store<i32>(i, (load<i32>(i) ^ negated) - negated);
    store<u8>(publicKey, 0x04);
    fieldToBytes(publicKey + 1, p + X, points);
    fieldToBytes(publicKey + 33, p + Y, points);
  }
  end(scratch);
  return valid;
}

/**
 * The shared secret, the x-coordinate of k Q, 32 bytes at `shared`, of the 32 bytes at `privateKey` and the
 * 65 bytes at `peer`.
 *
 * @returns false when the private key is out of range, or the peer's key is not an uncompressed point on
 *   the curve with coordinates below p (full public-key validation of SP 800-56A §5.6.2.3.3; the cofactor
 *   is 1); nothing is stored then
 */
export function p256Ecdh(shared: usize, privateKey: usize, peer: usize): bool {
  const scratch = heap.alloc(SCRATCH_SIZE);
  const p = scratch + POINT;
  const points = scratch + POINTS;
  const valid =
    load<u8>(peer) === 0x04 &&
    pointFromBytes(scratch + PEER, peer + 1, points) !== 0 &&
    privateFromBytes(scratch + K, privateKey) !== 0;
  if (valid) {
    makeOdd(scratch);
    multiply(p, scratch + HALF, scratch + PEER, points);
    pointToAffine(p, points);
    fieldToBytes(shared, p + X, points);
  }
  end(scratch);
  return valid;
}

/** State of the generator of RFC 6979 §3.2: an HMAC, K, V, one byte, and the digest modulo n. */
const DRBG_K: usize = HMAC_STATE_SIZE;
const DRBG_V: usize = DRBG_K + 32;
const DRBG_BYTE: usize = DRBG_V + 32;
const DRBG_DIGEST: usize = DRBG_BYTE + 8;
const DRBG_SIZE: usize = DRBG_DIGEST + 32;

/** K = HMAC(K, V ‖ separator ‖ key ‖ digest ‖ fresh), V = HMAC(K, V); only V ‖ 0 when `key` is 0. */
function nonceUpdate(
  state: usize,
  separator: u8,
  key: usize,
  fresh: usize,
  freshLength: usize,
): void {
  hmacInit(state, state + DRBG_K, 32);
  hmacUpdate(state, state + DRBG_V, 32);
  store<u8>(state + DRBG_BYTE, separator);
  hmacUpdate(state, state + DRBG_BYTE, 1);
  if (key !== 0) {
    hmacUpdate(state, key, 32);
    hmacUpdate(state, state + DRBG_DIGEST, 32);
    hmacUpdate(state, fresh, freshLength);
  }
  hmacFinish(state, state + DRBG_K);
  nonceValue(state);
}

/** V = HMAC(K, V). */
function nonceValue(state: usize): void {
  hmacInit(state, state + DRBG_K, 32);
  hmacUpdate(state, state + DRBG_V, 32);
  hmacFinish(state, state + DRBG_V);
}

/** Takes V's next value as k; whether it is between 1 and n - 1, which says nothing of a k that is used. */
function nonceNext(state: usize, k: usize): bool {
  nonceValue(state);
  return privateFromBytes(k, state + DRBG_V) !== 0;
}

/**
 * ECDSA (FIPS 186-5 §6.4.1): r ‖ s, 64 bytes at `signature`, under the 32 bytes at `privateKey`, of the
 * 32-byte `digest`.
 *
 * The nonce is RFC 6979's with `freshLength` bytes of fresh randomness at `fresh` as additional data (§3.6):
 * no source so bad that it reveals the key, and no fault that repeats. With `freshLength` 0 it is
 * the deterministic signature of the RFC.
 *
 * @returns false when the private key is out of range, or r or s came out zero (which does not happen);
 *   the bytes at `signature` are then not to be used
 */
export function p256SignWith(
  signature: usize,
  privateKey: usize,
  digest: usize,
  fresh: usize,
  freshLength: usize,
): bool {
  const scratch = heap.alloc(SCRATCH_SIZE + DRBG_SIZE);
  const points = scratch + POINTS;
  const scalars = scratch + SCALARS;
  const k = scratch + K;
  const r = scratch + R;
  const s = scratch + S;
  const e = scratch + E;
  const p = scratch + POINT;
  const state = scratch + SCRATCH_SIZE;
  let valid = privateFromBytes(s, privateKey) !== 0;
  if (valid) {
    scalarFromBytes(e, digest);
    scalarReduceOnce(e);
    scalarToBytes(state + DRBG_DIGEST, e);
    memory.fill(state + DRBG_V, 0x01, 32);
    memory.fill(state + DRBG_K, 0x00, 32);
    nonceUpdate(state, 0x00, privateKey, fresh, freshLength);
    nonceUpdate(state, 0x01, privateKey, fresh, freshLength);
    while (!nonceNext(state, k)) nonceUpdate(state, 0x00, 0, 0, 0);
    // r is the x-coordinate of k G, the same for -k G.
    makeOdd(scratch);
    multiplyBase(p, scratch + HALF, points);
    pointToAffine(p, points);
    fieldToBytes(signature, p + X, points);
    scalarFromBytes(r, signature);
    scalarReduceOnce(r);
    // s = (e + r d) / k. d is at s.
    scalarMultiply(scratch + HALF, r, s, scalars);
    scalarAdd(e, e, scratch + HALF);
    scalarInvert(k, k, scalars);
    scalarMultiply(s, k, e, scalars);
    scalarToBytes(signature, r);
    scalarToBytes(signature + 32, s);
    valid = (scalarIsZero(r) | scalarIsZero(s)) === 0;
  }
  wipe(state, DRBG_SIZE);
  end(scratch);
  return valid;
}

/** `p256SignWith` the 32 bytes of fresh randomness at `fresh`. */
export function p256Sign(signature: usize, privateKey: usize, digest: usize, fresh: usize): bool {
  return p256SignWith(signature, privateKey, digest, fresh, 32);
}

/**
 * ECDSA (FIPS 186-5 §6.4.2): whether r ‖ s, 64 bytes at `signature`, is a signature of the 32-byte `digest`
 * under the 65 bytes at `publicKey`. Variable time; takes s in the upper half of its range like any other.
 * False, too, for a public key that is not an uncompressed point on the curve.
 */
export function p256Verify(signature: usize, digest: usize, publicKey: usize): bool {
  const scratch = heap.alloc(SCRATCH_SIZE);
  const verified =
    publicPoint(publicKey, scratch) &&
    takeSignature(signature, digest, scratch) &&
    // u1 = 0 is even: n - 0 = n is odd, and n G is the point at infinity, as it should be.
    multiplyPublic(
      scratch + POINT,
      scratch + HALF,
      <i32>makeOdd(scratch),
      scratch + E,
      scratch + PEER,
      scratch + POINTS,
    ) &&
    hasX(scratch);
  end(scratch);
  return verified;
}

/** Takes an uncompressed public key to PEER of the scratch. False when it is no point on the curve. */
function publicPoint(publicKey: usize, scratch: usize): bool {
  return (
    load<u8>(publicKey) === 0x04 &&
    pointFromBytes(scratch + PEER, publicKey + 1, scratch + POINTS) !== 0
  );
}

/** Takes r to R and, with e the digest, u1 = e / s to K and u2 = r / s to E. False when r or s is out of range. */
function takeSignature(signature: usize, digest: usize, scratch: usize): bool {
  const scalars = scratch + SCALARS;
  const r = scratch + R;
  const s = scratch + S;
  const e = scratch + E;
  if (privateFromBytes(r, signature) === 0) return false;
  if (privateFromBytes(s, signature + 32) === 0) return false;
  scalarFromBytes(e, digest);
  scalarReduceOnce(e);
  scalarInvert(s, s, scalars);
  scalarMultiply(scratch + K, e, s, scalars);
  scalarMultiply(e, r, s, scalars);
  return true;
}

/** Whether the x-coordinate of POINT, modulo n, is R: it is r itself, or r + n where that is below p. */
function hasX(scratch: usize): bool {
  const points = scratch + POINTS;
  const r = scratch + R;
  const bytes = scratch + SCALARS;
  scalarToBytes(bytes, r);
  if (isX(scratch + POINT, bytes, points)) return true;
  scalarAddOrder(r);
  if (limbsLess(r, P, 29) === 0) return false;
  scalarToBytes(bytes, r);
  return isX(scratch + POINT, bytes, points);
}

/** Bytes of memory that `p256MakeKeyTable` takes for its work on so many blocks, beside the table. */
export function p256KeyTableWork(blocks: i32): usize {
  return SCRATCH_SIZE + keyTableScratchSize(blocks);
}

/**
 * The table of a public key (`p256-key-table.ts`), for `p256VerifyByTable`: worth its cost for a key under which more
 * than two signatures come.
 *
 * @param table `blocks` times 1024 bytes
 * @param blocks 1, 2 or 4: with more, verification is faster
 * @returns false when the key is not an uncompressed point on the curve; the table is then not to be used
 */
export function p256MakeKeyTable(table: usize, blocks: i32, publicKey: usize): bool {
  const scratch = heap.alloc(p256KeyTableWork(blocks));
  const valid = publicPoint(publicKey, scratch);
  if (valid) makeKeyTable(table, blocks, scratch + PEER, scratch + SCRATCH_SIZE);
  heap.free(scratch);
  return valid;
}

/** `p256Verify` under the key of a table of so many blocks. */
export function p256VerifyByTable(
  signature: usize,
  digest: usize,
  table: usize,
  blocks: i32,
): bool {
  const scratch = heap.alloc(SCRATCH_SIZE);
  let verified = takeSignature(signature, digest, scratch);
  if (verified) {
    const negated1 = <i32>makeOdd(scratch);
    // The other scalar takes the place of S, which is not needed any more.
    memory.copy(scratch + S, scratch + HALF, SCALAR_SIZE);
    memory.copy(scratch + K, scratch + E, SCALAR_SIZE);
    const negated2 = <i32>makeOdd(scratch);
    verified =
      multiplyByTable(
        scratch + POINT,
        scratch + S,
        negated1,
        scratch + HALF,
        negated2,
        table,
        blocks,
        scratch + PEER,
        scratch + POINTS,
      ) && hasX(scratch);
  }
  end(scratch);
  return verified;
}

/** Whether the x-coordinate of the Jacobian point is the 32 bytes at `x`, below p. */
function isX(p: usize, x: usize, scratch: usize): bool {
  const square = scratch;
  const expected = scratch + FIELD_SIZE;
  fieldSquare(square, p + Z);
  fieldFromBytes(expected, x);
  fieldMultiply(expected, expected, square);
  fieldSubtract(expected, expected, p + X);
  return fieldIsZeroPublic(expected, square);
}

/**
 * A private key, 32 bytes at `privateKey`, by rejection (FIPS 186-5 §A.2.2).
 *
 * @returns false when the generator has nothing to give; the bytes are then not to be used
 */
export function p256GeneratePrivateKey(privateKey: usize, random: Drbg): bool {
  const k = heap.alloc(SCALAR_SIZE);
  let filled = random.fill(privateKey, 32);
  while (filled && privateFromBytes(k, privateKey) === 0) filled = random.fill(privateKey, 32);
  wipe(k, SCALAR_SIZE);
  heap.free(k);
  return filled;
}
