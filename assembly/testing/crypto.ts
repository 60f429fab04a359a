// The primitives of assembly/crypto as exports, for tests and benches. Byte parameters are pointers.
import { Aead } from "../crypto/aead";
import { Aes128Gcm } from "../crypto/aes128-gcm";
import { ChaCha20Poly1305 } from "../crypto/chacha20-poly1305";
import { wipe } from "../crypto/constant-time";
import { Drbg } from "../crypto/drbg";
import { COMB as EDWARDS_COMB } from "../crypto/edwards25519-table";
import { LabelledSecret } from "../crypto/hkdf";
import { HMAC_STATE_SIZE } from "../crypto/hmac";
import { Sha256 } from "../crypto/sha256";

export { ctEqual, ctIsZero, wipe } from "../crypto/constant-time";
export { hkdfExpand, hkdfExpandLabel, hkdfExtract } from "../crypto/hkdf";
export { hmacFinish, hmacInit, hmacSha256, hmacUpdate } from "../crypto/hmac";
export { keccakPermute } from "../crypto/keccak";
export {
  mlKem768Decapsulate,
  mlKem768Encapsulate,
  mlKem768Generate,
} from "../crypto/ml-kem";
export {
  compress as mlKemCompress,
  decode as mlKemDecode,
  decompress as mlKemDecompress,
  encode as mlKemEncode,
  inverseNtt as mlKemInverseNtt,
  multiplyAdd as mlKemMultiplyAdd,
  ntt as mlKemNtt,
  reduceSum as mlKemReduceSum,
  sampleNoise as mlKemSampleNoise,
} from "../crypto/ml-kem-polynomial";
export { sha256 } from "../crypto/sha256";
export { sha3_256, sha3_512, shake128, shake256 } from "./support/sha3";

/** Memory for the caller's bytes. */
export function allocate(size: usize): usize {
  return heap.alloc(size);
}

export function release(pointer: usize): void {
  heap.free(pointer);
}

/** A label of a secret that is keyed for several, twice, to see that the first leaves it as it was: 32 bytes each. */
export function labelledSecretExpand(
  secret: usize,
  label: usize,
  labelLength: usize,
  context: usize,
  contextLength: usize,
  output: usize,
): void {
  const keyed = new LabelledSecret(secret);
  keyed.expand(label, labelLength, context, contextLength, output, 32);
  keyed.expand(label, labelLength, context, contextLength, output + 32, 32);
  keyed.wipe();
}

export function newSha256(): Sha256 {
  return new Sha256();
}
export function sha256Reset(hash: Sha256): void {
  hash.reset();
}
export function sha256Update(hash: Sha256, data: usize, length: usize): void {
  hash.update(data, length);
}
export function sha256Finish(hash: Sha256, digest: usize): void {
  hash.finish(digest);
}
export function sha256CopyFrom(hash: Sha256, other: Sha256): void {
  hash.copyFrom(other);
}

/** A raw state of HMAC, which no one frees. */
export function newHmac(): usize {
  return heap.alloc(HMAC_STATE_SIZE);
}

export function newChaCha20Poly1305(): Aead {
  return new ChaCha20Poly1305();
}
export function newAes128Gcm(): Aead {
  return new Aes128Gcm();
}
export function aeadKeyLength(aead: Aead): i32 {
  return aead.keyLength;
}
export function aeadSetKey(aead: Aead, key: usize): void {
  aead.setKey(key);
}
export function aeadSeal(
  aead: Aead,
  nonce: usize,
  aad: usize,
  aadLength: usize,
  data: usize,
  length: usize,
  tag: usize,
): void {
  aead.seal(nonce, aad, aadLength, data, length, tag);
}
export function aeadOpen(
  aead: Aead,
  nonce: usize,
  aad: usize,
  aadLength: usize,
  data: usize,
  length: usize,
  tag: usize,
): bool {
  return aead.open(nonce, aad, aadLength, data, length, tag);
}

export function newDrbg(): Drbg {
  return new Drbg();
}
export function drbgSeed(drbg: Drbg): bool {
  return drbg.seed();
}
export function drbgFill(drbg: Drbg, output: usize, length: usize): bool {
  return drbg.fill(output, length);
}
export { ecdsaSignatureFromDer, ecdsaSignatureToDer } from "../crypto/ecdsa-signature";
export {
  p256Ecdh,
  p256GeneratePrivateKey,
  p256MakeKeyTable,
  p256PublicKey,
  p256Sign,
  p256SignWith,
  p256Verify,
  p256VerifyByTable,
} from "../crypto/p256";
export { x25519 } from "../crypto/x25519";
export { x25519PublicKey } from "../crypto/x25519-base";

/** Stores eight bytes, little-endian: how a harness that can only call functions gets data in. */
export function poke(address: usize, value: u64): void {
  store<u64>(address, value);
}
/** Copies eight bytes. */
export function pokeCopy(address: usize, source: usize): void {
  store<u64>(address, load<u64>(source));
}
/** XORs eight bytes into others. */
export function pokeXor(address: usize, source: usize): void {
  store<u64>(address, load<u64>(address) ^ load<u64>(source));
}
/** Loads eight bytes. */
export function peek(address: usize): u64 {
  return load<u64>(address);
}

export { ctCopy32, ctIsZero32, ctSelect32 } from "../crypto/constant-time";
export { ghashBlocks, ghashSetKey } from "../crypto/ghash";

import { COMB_START, combBlock, combEnd, combEndOneBlock } from "../crypto/p256-table";

/** Addresses of the precomputed points, as `test/crypto/p256-table.test.ts` reads them. */
export function combAddress(block: i32): usize {
  return combBlock(block);
}
/** Of edwards25519's, as `test/crypto/edwards25519-table.test.ts` reads them. */
export function edwardsCombAddress(): usize {
  return EDWARDS_COMB;
}
export function combStartAddress(): usize {
  return COMB_START;
}
export function combEndAddress(): usize {
  return combEnd();
}

/** What takes it off where the comb has one block. */
export function combEndOneBlockAddress(): usize {
  return combEndOneBlock();
}
export function drbgWipe(drbg: Drbg): void {
  drbg.wipe();
}
export function aeadWipe(aead: Aead): void {
  aead.wipe();
}
export function hmacWipe(mac: usize): void {
  wipe(mac, HMAC_STATE_SIZE);
}
export function sha256Wipe(hash: Sha256): void {
  hash.wipe();
}
