/**
 * Deterministic random bit generator: ChaCha20 with fast key erasure, over the platform's random source.
 *
 * Every request is served from the key stream of a 32-byte key, whose first 32 bytes replace the key
 * before anything is handed out, so that what is in memory afterwards tells nothing of what was given
 * out. It is seeded with 32 bytes, and again after each `RESEED_INTERVAL` requests; a new seed is hashed
 * with the old key, so that a weak seed never makes things worse.
 */
import { random } from "../platform-services/platform";
import { chacha20 } from "./chacha20-poly1305";
import { wipe } from "./constant-time";
import { hmacSha256 } from "./hmac";

/** Requests served from one seed. */
const RESEED_INTERVAL: u32 = 4096;

/** One generator, with a key of its own. It gives nothing before the platform has seeded it. */
export class Drbg {
  private readonly key: StaticArray<u64> = new StaticArray<u64>(4);
  /** Requests left until the next seed; 0 before the first. */
  private left: u32 = 0;

  /** Takes 32 fresh bytes from the platform; false when it has none to give. */
  seed(): bool {
    const key = changetype<usize>(this.key);
    const scratch = heap.alloc(32);
    const served = random(scratch, 32) === 0;
    if (served) {
      hmacSha256(key, 32, scratch, 32, key);
      this.left = RESEED_INTERVAL;
    }
    wipe(scratch, 32);
    heap.free(scratch);
    return served;
  }

  /**
   * Fills `length` bytes at `output`, seeding first if that is due. False when the platform's source
   * failed: nothing is stored then, and the caller must give up.
   */
  fill(output: usize, length: usize): bool {
    if (this.left === 0 && !this.seed()) return false;
    this.left--;
    const key = changetype<usize>(this.key);
    // A key block (its first half is the next key), a nonce of zeros (each key serves one request only).
    const block = heap.alloc(64 + 16);
    const nonce = block + 64;
    memory.fill(block, 0, 64 + 16);
    chacha20(key, nonce, 0, block, 1);
    memory.fill(output, 0, length);
    const blocks = length >> 6;
    chacha20(key, nonce, 1, output, blocks);
    const rest = length & 63;
    if (rest !== 0) {
      const last = heap.alloc(64);
      memory.fill(last, 0, 64);
      chacha20(key, nonce, <u32>blocks + 1, last, 1);
      memory.copy(output + length - rest, last, rest);
      wipe(last, 64);
      heap.free(last);
    }
    memory.copy(key, block, 32);
    wipe(block, 64 + 16);
    heap.free(block);
    return true;
  }

  /** Overwrites the key; the next request seeds it again. */
  wipe(): void {
    wipe(changetype<usize>(this.key), 32);
    this.left = 0;
  }
}
