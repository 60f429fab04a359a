/** HMAC-SHA-256, RFC 2104. */
import { wipe } from "./constant-time";
import { SHA256_STATE_SIZE, sha256Finish, sha256Reset, sha256Update } from "./sha256";

/**
 * Layout of a raw HMAC state: the inner hash, running, and the outer hash, which has taken the padded
 * key and waits for the inner digest.
 */
export const HMAC_STATE_SIZE: usize = SHA256_STATE_SIZE * 2;

/** Keys the raw state with `keyLength` bytes at `key` (any length) for an empty message. */
export function hmacInit(state: usize, key: usize, keyLength: usize): void {
  const outer = state + SHA256_STATE_SIZE;
  // K' of RFC 2104 §2, xor ipad or opad, goes through the block buffer of the outer hash.
  const block = heap.alloc(64);
  memory.fill(block, 0, 64);
  if (keyLength > 64) {
    sha256Reset(state);
    sha256Update(state, key, keyLength);
    sha256Finish(state, block);
  } else {
    memory.copy(block, key, keyLength);
  }
  for (let i: usize = 0; i < 64; i += 8) {
    store<u64>(block + i, load<u64>(block + i) ^ 0x3636363636363636);
  }
  sha256Reset(state);
  sha256Update(state, block, 64);
  for (let i: usize = 0; i < 64; i += 8) {
    store<u64>(block + i, load<u64>(block + i) ^ (0x3636363636363636 ^ 0x5c5c5c5c5c5c5c5c));
  }
  sha256Reset(outer);
  sha256Update(outer, block, 64);
  wipe(block, 64);
  heap.free(block);
}

/** Adds `length` bytes at `data` to the message. */
export function hmacUpdate(state: usize, data: usize, length: usize): void {
  sha256Update(state, data, length);
}

/** Writes 32 bytes at `tag`; the raw state is then spent. */
export function hmacFinish(state: usize, tag: usize): void {
  const outer = state + SHA256_STATE_SIZE;
  sha256Finish(state, tag);
  sha256Update(outer, tag, 32);
  sha256Finish(outer, tag);
}

/** HMAC-SHA-256 under `keyLength` bytes at `key` of `length` bytes at `data`: 32 bytes at `tag`. */
export function hmacSha256(
  key: usize,
  keyLength: usize,
  data: usize,
  length: usize,
  tag: usize,
): void {
  const state = heap.alloc(HMAC_STATE_SIZE);
  hmacInit(state, key, keyLength);
  hmacUpdate(state, data, length);
  hmacFinish(state, tag);
  wipe(state, HMAC_STATE_SIZE);
  heap.free(state);
}
