/**
 * ML-KEM-768, FIPS 203, with the parameters of §8: k = 3, eta1 = eta2 = 2, du = 10, dv = 4.
 *
 * The public matrix is never whole in memory: each of its polynomials is made, used and overwritten.
 * A private key is kept as its seed, which FIPS 203 §3.3 allows, beside the encapsulation key and its hash:
 * 1,280 bytes where the expanded form has 2,400, for about a tenth of a decapsulation's time.
 */
import { ctCopy32, ctEqual, wipe } from "./constant-time";
import {
  addTo,
  compress,
  decode,
  decompress,
  encode,
  inverseNtt,
  multiplyAdd,
  ntt,
  POLYNOMIAL_SIZE,
  reduceSum,
  SUM_SIZE,
  sampleNoise,
  sampleUniform,
} from "./ml-kem-polynomial";
import {
  SHA3_256_RATE,
  SHA3_512_RATE,
  SHA3_SUFFIX,
  SHAKE_SUFFIX,
  SHAKE128_RATE,
  SHAKE256_RATE,
  SPONGE_SIZE,
  spongeAbsorb,
  spongePad,
  spongeReset,
} from "./sha3";

const K: usize = 3;
const DU: i32 = 10;
const DV: i32 = 4;
const POLYNOMIAL_BYTES: usize = 384;
const U_BYTES: usize = 320;

/** Bytes of an encapsulation key, of a ciphertext, and of the secret that both sides get (§8, Table 3). */
export const ML_KEM_768_KEY_LENGTH: usize = 1184;
export const ML_KEM_768_CIPHERTEXT_LENGTH: usize = 1088;
export const ML_KEM_768_SECRET_LENGTH: usize = 32;
/** Random bytes of a key pair (d and z), and of an encapsulation (m). */
export const ML_KEM_768_SEED_LENGTH: usize = 64;
export const ML_KEM_768_MESSAGE_LENGTH: usize = 32;

/** A key pair: the seed, d and z; the hash of the encapsulation key; the encapsulation key. */
export const ML_KEM_768_KEY_PAIR_SIZE: usize = 64 + 32 + ML_KEM_768_KEY_LENGTH;
const Z: usize = 32;
const HASH: usize = 64;
/** Where in a key pair the encapsulation key is. */
export const ML_KEM_768_KEY: usize = 96;
/** Where in an encapsulation key the seed of the matrix, rho, is. */
const RHO: usize = K * POLYNOMIAL_BYTES;

/** Scratch: a vector of polynomials, one more, a sum, a sponge, the output of G, and a message. */
const VECTOR: usize = 0;
const POLYNOMIAL: usize = K * POLYNOMIAL_SIZE;
const SUM: usize = POLYNOMIAL + POLYNOMIAL_SIZE;
const SPONGE: usize = SUM + SUM_SIZE;
const G: usize = SPONGE + SPONGE_SIZE;
const MESSAGE: usize = G + 64;
/** Bytes of memory that an operation takes for its duration. */
const SCRATCH_SIZE: usize = MESSAGE + 32;

/** The first block of SHAKE of the 32 bytes at `seed` and of `suffixLength` bytes of `suffix`. */
function expandSeed(s: usize, rate: usize, seed: usize, suffix: u32, suffixLength: u32): void {
  const sponge = s + SPONGE;
  spongeReset(sponge);
  memory.copy(sponge, seed, 32);
  store<u32>(sponge, suffix | (SHAKE_SUFFIX << (suffixLength << 3)), 32);
  spongePad(sponge, rate, 0);
}

/** PRF_2(seed, n) (§4.1) and SamplePolyCBD of it, into a polynomial. */
function noise(s: usize, f: usize, seed: usize, n: u32): void {
  expandSeed(s, SHAKE256_RATE, seed, n, 1);
  sampleNoise(f, s + SPONGE);
}

/** The vector of three polynomials of noise from n = 0 on, transformed: s or y. */
function noiseVector(s: usize, seed: usize): void {
  for (let j: usize = 0; j < K; j++) {
    const f = s + VECTOR + j * POLYNOMIAL_SIZE;
    noise(s, f, seed, <u32>j);
    ntt(f);
  }
}

/** sum = row i of the matrix, or of its transpose, times the vector. `first` and `second` are j's factors. */
function multiplyMatrix(s: usize, rho: usize, i: usize, transposed: bool): void {
  memory.fill(s + SUM, 0, SUM_SIZE);
  for (let j: usize = 0; j < K; j++) {
    expandSeed(s, SHAKE128_RATE, rho, <u32>(transposed ? i | (j << 8) : j | (i << 8)), 2);
    sampleUniform(s + POLYNOMIAL, s + SPONGE);
    multiplyAdd(s + SUM, s + POLYNOMIAL, s + VECTOR + j * POLYNOMIAL_SIZE);
  }
}

/** H (§4.1) of an encapsulation key: 32 bytes at `hash`. */
function hashKey(s: usize, key: usize, hash: usize): void {
  const sponge = s + SPONGE;
  spongeReset(sponge);
  spongeAbsorb(sponge, SHA3_256_RATE, key, ML_KEM_768_KEY_LENGTH);
  spongePad(sponge, SHA3_256_RATE, SHA3_SUFFIX);
  memory.copy(hash, sponge, 32);
}

/** G (§4.1) of 32 bytes and of `restLength` more: 64 bytes at s + G. */
function hashToTwo(s: usize, first: usize, rest: usize, restLength: usize): void {
  const sponge = s + SPONGE;
  spongeReset(sponge);
  spongeAbsorb(sponge, SHA3_512_RATE, first, 32);
  spongeAbsorb(sponge, SHA3_512_RATE, rest, restLength);
  spongePad(sponge, SHA3_512_RATE, SHA3_SUFFIX);
  memory.copy(s + G, sponge, 64);
}

/** rho and sigma, from d: 64 bytes at s + G (Algorithm 13, line 1). */
function expandKeySeed(s: usize, d: usize): void {
  store<u8>(s + MESSAGE, <u8>K);
  hashToTwo(s, d, s + MESSAGE, 1);
}

/**
 * K-PKE.Encrypt (Algorithm 14) of the message at s + MESSAGE with the coins at s + G + 32. The ciphertext
 * is put at `ciphertext`, or, to check one, compared with what is there.
 *
 * @returns 1 if it was put, or is the same; else 0
 */
function encrypt(s: usize, key: usize, ciphertext: usize, check: bool): u32 {
  const coins = s + G + 32;
  const f = s + POLYNOMIAL;
  const sum = s + SUM;
  noiseVector(s, coins);
  let same: u32 = 1;
  for (let i: usize = 0; i < K; i++) {
    multiplyMatrix(s, key + RHO, i, true);
    inverseNtt(sum);
    noise(s, f, coins, <u32>(K + i));
    addTo(sum, f, 1);
    same &= putCompressed(s, ciphertext, DU, check);
    ciphertext += U_BYTES;
  }
  memory.fill(sum, 0, SUM_SIZE);
  for (let j: usize = 0; j < K; j++) {
    decode(f, key + j * POLYNOMIAL_BYTES, 12);
    multiplyAdd(sum, f, s + VECTOR + j * POLYNOMIAL_SIZE);
  }
  inverseNtt(sum);
  noise(s, f, coins, <u32>(K + K));
  addTo(sum, f, 1);
  decode(f, s + MESSAGE, 1);
  decompress(f, 1);
  addTo(sum, f, 1);
  return same & putCompressed(s, ciphertext, DV, check);
}

/** Compresses the sum and puts it at `bytes`, or compares it with what is there; see `encrypt`. */
function putCompressed(s: usize, bytes: usize, d: i32, check: bool): u32 {
  compress(s + SUM, d);
  // The polynomial has served, and is longer.
  const own = check ? s + POLYNOMIAL : bytes;
  encode(own, s + SUM, d);
  return check ? <u32>ctEqual(own, bytes, 32 * <usize>d) : 1;
}

/** K-PKE.Decrypt (Algorithm 15) with the key of the seed sigma, at s + G + 32: the message at s + MESSAGE. */
function decrypt(s: usize, ciphertext: usize): void {
  const f = s + POLYNOMIAL;
  const sum = s + SUM;
  noiseVector(s, s + G + 32);
  memory.fill(sum, 0, SUM_SIZE);
  for (let j: usize = 0; j < K; j++) {
    decode(f, ciphertext + j * U_BYTES, DU);
    decompress(f, DU);
    ntt(f);
    multiplyAdd(sum, f, s + VECTOR + j * POLYNOMIAL_SIZE);
  }
  inverseNtt(sum);
  decode(f, ciphertext + K * U_BYTES, DV);
  decompress(f, DV);
  // That is -w of the algorithm, which rounds to the same bit.
  addTo(sum, f, -1);
  compress(sum, 1);
  encode(s + MESSAGE, sum, 1);
}

/**
 * ML-KEM.KeyGen_internal (Algorithm 16): makes a key pair of `ML_KEM_768_KEY_PAIR_SIZE` bytes at `pair` of
 * its seed, the first 64 bytes of it, which the caller has filled with random bytes.
 */
export function mlKem768Generate(pair: usize): void {
  const s = heap.alloc(SCRATCH_SIZE);
  const key = pair + ML_KEM_768_KEY;
  expandKeySeed(s, pair);
  memory.copy(key + RHO, s + G, 32);
  noiseVector(s, s + G + 32);
  for (let i: usize = 0; i < K; i++) {
    multiplyMatrix(s, key + RHO, i, false);
    noise(s, s + POLYNOMIAL, s + G + 32, <u32>(K + i));
    ntt(s + POLYNOMIAL);
    addTo(s + SUM, s + POLYNOMIAL, 1);
    reduceSum(s + SUM);
    encode(key + i * POLYNOMIAL_BYTES, s + SUM, 12);
  }
  hashKey(s, key, pair + HASH);
  wipe(s, SCRATCH_SIZE);
  heap.free(s);
}

/**
 * ML-KEM.Encaps (Algorithms 17 and 20) with the 32 random bytes at `message`: 32 bytes at `secret`, and
 * 1,088 at `ciphertext`, for the peer's encapsulation key of 1,184 bytes at `key`.
 *
 * @returns false, and nothing is put anywhere, when the key does not pass the modulus check of §7.2
 */
export function mlKem768Encapsulate(
  secret: usize,
  ciphertext: usize,
  key: usize,
  message: usize,
): bool {
  const s = heap.alloc(SCRATCH_SIZE);
  let valid: bool = true;
  for (let j: usize = 0; j < K; j++)
    valid = decode(s + POLYNOMIAL, key + j * POLYNOMIAL_BYTES, 12) && valid;
  if (valid) {
    hashKey(s, key, s + MESSAGE);
    hashToTwo(s, message, s + MESSAGE, 32);
    memory.copy(s + MESSAGE, message, 32);
    encrypt(s, key, ciphertext, false);
    memory.copy(secret, s + G, 32);
  }
  wipe(s, SCRATCH_SIZE);
  heap.free(s);
  return valid;
}

/**
 * ML-KEM.Decaps_internal (Algorithm 18): the secret, 32 bytes at `secret`, of the ciphertext of 1,088 bytes
 * at `ciphertext`, with a key pair that `mlKem768Generate` made. A ciphertext that was not made for it
 * gives a secret of its own, which nobody else has (implicit rejection), in the same time.
 */
export function mlKem768Decapsulate(secret: usize, pair: usize, ciphertext: usize): void {
  const s = heap.alloc(SCRATCH_SIZE);
  expandKeySeed(s, pair);
  decrypt(s, ciphertext);
  // J (§4.1): SHAKE256 of z and the ciphertext.
  const sponge = s + SPONGE;
  spongeReset(sponge);
  spongeAbsorb(sponge, SHAKE256_RATE, pair + Z, 32);
  spongeAbsorb(sponge, SHAKE256_RATE, ciphertext, ML_KEM_768_CIPHERTEXT_LENGTH);
  spongePad(sponge, SHAKE256_RATE, SHAKE_SUFFIX);
  memory.copy(secret, sponge, 32);
  hashToTwo(s, s + MESSAGE, pair + HASH, 32);
  const same = encrypt(s, pair + ML_KEM_768_KEY, ciphertext, true);
  ctCopy32(-same, secret, s + G, 8);
  wipe(s, SCRATCH_SIZE);
  heap.free(s);
}
