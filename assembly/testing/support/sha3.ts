/** FIPS 202's functions of one message, for the sponge's known answers. The product has ML-KEM alone on it. */
import { wipe } from "../../crypto/constant-time";
import { keccakPermute } from "../../crypto/keccak";
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
} from "../../crypto/sha3";

function hash(
  rate: usize,
  suffix: u32,
  data: usize,
  length: usize,
  output: usize,
  outputLength: usize,
): void {
  const sponge = heap.alloc(SPONGE_SIZE);
  spongeReset(sponge);
  spongeAbsorb(sponge, rate, data, length);
  spongePad(sponge, rate, suffix);
  while (outputLength > rate) {
    memory.copy(output, sponge, rate);
    keccakPermute(sponge);
    output += rate;
    outputLength -= rate;
  }
  memory.copy(output, sponge, outputLength);
  wipe(sponge, SPONGE_SIZE);
  heap.free(sponge);
}

/** SHA3-256 of `length` bytes at `data`: 32 bytes at `digest`, which may be anywhere. */
export function sha3_256(data: usize, length: usize, digest: usize): void {
  hash(SHA3_256_RATE, SHA3_SUFFIX, data, length, digest, 32);
}

/** SHA3-512 of `length` bytes at `data`: 64 bytes at `digest`, which may be anywhere. */
export function sha3_512(data: usize, length: usize, digest: usize): void {
  hash(SHA3_512_RATE, SHA3_SUFFIX, data, length, digest, 64);
}

/** SHAKE128 of `length` bytes at `data`: `outputLength` bytes at `output`. */
export function shake128(data: usize, length: usize, output: usize, outputLength: usize): void {
  hash(SHAKE128_RATE, SHAKE_SUFFIX, data, length, output, outputLength);
}

/** SHAKE256 of `length` bytes at `data`: `outputLength` bytes at `output`. */
export function shake256(data: usize, length: usize, output: usize, outputLength: usize): void {
  hash(SHAKE256_RATE, SHAKE_SUFFIX, data, length, output, outputLength);
}
