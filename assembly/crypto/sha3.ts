/** The sponge of SHA3-256, SHA3-512, SHAKE128 and SHAKE256, FIPS 202: ML-KEM absorbs and squeezes in steps. */
import { keccakPermute } from "./keccak";

/** Bytes of a raw sponge, 8-aligned: 25 lanes of state, u32 bytes taken into the present block. */
export const SPONGE_SIZE: usize = 208;
const POSITION: usize = 200;

/** Bytes of a block (§6.1, §6.2): 200 less twice the security strength's. */
export const SHA3_256_RATE: usize = 136;
export const SHA3_512_RATE: usize = 72;
export const SHAKE128_RATE: usize = 168;
export const SHAKE256_RATE: usize = 136;

/** The bits that tell hashes from functions of any output length, and the first bit of the padding. */
export const SHA3_SUFFIX: u32 = 0x06;
export const SHAKE_SUFFIX: u32 = 0x1f;

/** Sets the raw sponge to that of the empty message. */
export function spongeReset(sponge: usize): void {
  memory.fill(sponge, 0, SPONGE_SIZE);
}

/** Takes `length` more bytes of the message at `data`. */
export function spongeAbsorb(sponge: usize, rate: usize, data: usize, length: usize): void {
  let position: usize = load<u32>(sponge, POSITION);
  while (length !== 0) {
    const taken = min<usize>(length, rate - position);
    const end = data + taken;
    let into = sponge + position;
    for (; data + 8 <= end; data += 8, into += 8)
      store<u64>(into, load<u64>(into) ^ load<u64>(data));
    for (; data !== end; data++, into++) store<u8>(into, load<u8>(into) ^ load<u8>(data));
    length -= taken;
    position += taken;
    if (position === rate) {
      keccakPermute(sponge);
      position = 0;
    }
  }
  store<u32>(sponge, <u32>position, POSITION);
}

/**
 * Ends the message: pads it (§5.1) and permutes. The first `rate` bytes of the sponge are now the first
 * of the output; those after them are there after `keccakPermute`.
 */
export function spongePad(sponge: usize, rate: usize, suffix: u32): void {
  const at = sponge + load<u32>(sponge, POSITION);
  store<u8>(at, load<u8>(at) ^ suffix);
  const last = sponge + rate - 1;
  store<u8>(last, load<u8>(last) ^ 0x80);
  keccakPermute(sponge);
}
