// The primitives of assembly/crypto as exports, for tests and benches. Byte parameters are pointers.
import { Aead } from "../crypto/aead";
import { Aes128Gcm } from "../crypto/aes128-gcm";
import { ChaCha20Poly1305 } from "../crypto/chacha20-poly1305";
import { Drbg } from "../crypto/drbg";
import { HmacSha256 } from "../crypto/hmac";
import { Sha256 } from "../crypto/sha256";

export { ctEqual, ctIsZero, wipe } from "../crypto/constant-time";
export { hkdfExpand, hkdfExpandLabel, hkdfExtract } from "../crypto/hkdf";
export { hmacSha256 } from "../crypto/hmac";
export { sha256 } from "../crypto/sha256";

/** Memory for the caller's bytes. */
export function allocate(size: usize): usize {
  return heap.alloc(size);
}

export function release(pointer: usize): void {
  heap.free(pointer);
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

export function newHmac(): HmacSha256 {
  return new HmacSha256();
}
export function hmacInit(mac: HmacSha256, key: usize, keyLength: usize): void {
  mac.init(key, keyLength);
}
export function hmacUpdate(mac: HmacSha256, data: usize, length: usize): void {
  mac.update(data, length);
}
export function hmacFinish(mac: HmacSha256, tag: usize): void {
  mac.finish(tag);
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
  p256PublicKey,
  p256Sign,
  p256SignWith,
  p256Verify,
} from "../crypto/p256";
export { x25519, x25519PublicKey } from "../crypto/x25519";

/** Stores eight bytes, little-endian: how a harness that can only call functions gets data in. */
export function poke(address: usize, value: u64): void {
  store<u64>(address, value);
}
/** Loads eight bytes. */
export function peek(address: usize): u64 {
  return load<u64>(address);
}

export { ctCopy32, ctEqual32, ctLess32, ctSelect32, ctSelect64 } from "../crypto/constant-time";
export { ghashBlocks, ghashSetKey } from "../crypto/ghash";

import { COMB, COMB_END, COMB_START } from "../crypto/p256-table";

/** Addresses of the precomputed points, as `test/crypto/p256-table.test.ts` reads them. */
export function combAddress(): usize {
  return COMB;
}
export function combStartAddress(): usize {
  return COMB_START;
}
export function combEndAddress(): usize {
  return COMB_END;
}
export function drbgWipe(drbg: Drbg): void {
  drbg.wipe();
}
export function aeadWipe(aead: Aead): void {
  aead.wipe();
}
export function hmacWipe(mac: HmacSha256): void {
  mac.wipe();
}
export function sha256Wipe(hash: Sha256): void {
  hash.wipe();
}
