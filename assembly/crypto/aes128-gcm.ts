/** AES-128-GCM, SP 800-38D, with 12-byte nonces and 16-byte tags. */
import { Aead } from "./aead";
import {
  AES128_EXPANDED_SIZE,
  AES128_KEYS_SIZE,
  AES128_SCRATCH_SIZE,
  aes128Counter,
  aes128Expand,
  aes128SetKey,
} from "./aes128";
import { ctEqual, wipe } from "./constant-time";
import { GHASH_KEY_SIZE, ghashBlocks, ghashPadded, ghashSetKey } from "./ghash";

/** Scratch of one seal or open, from its start: round keys, bitsliced state, key stream, Y, tag. */
const WORDS: usize = AES128_EXPANDED_SIZE;
const STREAM: usize = WORDS + AES128_SCRATCH_SIZE;
const Y: usize = STREAM + 64;
const MASK: usize = Y + 16;
const SCRATCH_SIZE: usize = MASK + 16;

/** A nonce of zeros. */
const ZEROS: usize = memory.data(12);

/** AEAD_AES_128_GCM (RFC 5116 §5.1): 16 bytes of key, 12 of nonce, 16 of tag. */
export class Aes128Gcm extends Aead {
  /** Round keys, then the GHASH key. */
  private readonly keys: StaticArray<u64> = new StaticArray<u64>(
    <i32>((AES128_KEYS_SIZE + GHASH_KEY_SIZE) / 8),
  );

  get keyLength(): i32 {
    return 16;
  }

  setKey(key: usize): void {
    const keys = changetype<usize>(this.keys);
    aes128SetKey(key, keys);
    // H is the encryption of the zero block: nonce and counter zero.
    const scratch = this.begin(ZEROS);
    aes128Counter(scratch, 0, scratch + WORDS, scratch + STREAM);
    ghashSetKey(scratch + STREAM, keys + AES128_KEYS_SIZE);
    this.end(scratch);
  }

  seal(nonce: usize, aad: usize, aadLength: usize, data: usize, length: usize, tag: usize): void {
    const scratch = this.begin(nonce);
    this.crypt(data, length, scratch);
    this.authenticate(aad, aadLength, data, length, scratch);
    memory.copy(tag, scratch + Y, 16);
    this.end(scratch);
  }

  open(nonce: usize, aad: usize, aadLength: usize, data: usize, length: usize, tag: usize): bool {
    const scratch = this.begin(nonce);
    // Only the mask of the tag is needed before the tag is known to be right.
    this.crypt(data, 0, scratch);
    this.authenticate(aad, aadLength, data, length, scratch);
    const authentic = ctEqual(tag, scratch + Y, 16);
    if (authentic) this.crypt(data, length, scratch);
    this.end(scratch);
    return authentic;
  }

  wipe(): void {
    wipe(changetype<usize>(this.keys), AES128_KEYS_SIZE + GHASH_KEY_SIZE);
  }

  private begin(nonce: usize): usize {
    const scratch = heap.alloc(SCRATCH_SIZE);
    aes128Expand(changetype<usize>(this.keys), nonce, scratch, scratch + WORDS);
    memory.fill(scratch + Y, 0, 16);
    return scratch;
  }

  private end(scratch: usize): void {
    wipe(scratch, SCRATCH_SIZE);
    heap.free(scratch);
  }

  /**
   * GCTR (§6.5) over `data` from inc32(J0) on, counter 2. The block of J0 itself (§7.1, counter 1) masks the
   * tag and goes to the scratch; that of counter 0 is not used.
   */
  private crypt(data: usize, length: usize, scratch: usize): void {
    const stream = scratch + STREAM;
    aes128Counter(scratch, 0, scratch + WORDS, stream);
    memory.copy(scratch + MASK, stream + 16, 16);
    let from: usize = 32;
    for (let counter: u32 = 4; ; counter += 4) {
      for (; from < 64 && length >= 16; from += 16, data += 16, length -= 16) {
        store<u64>(data, load<u64>(data, 8) ^ load<u64>(stream + from, 8), 8);
        store<u64>(data, load<u64>(data, 0) ^ load<u64>(stream + from, 0), 0);
      }
      for (; from < 64 && length !== 0; from++, data++, length--) {
        store<u8>(data, load<u8>(data) ^ load<u8>(stream + from));
      }
      if (length === 0) return;
      aes128Counter(scratch, counter, scratch + WORDS, stream);
      from = 0;
    }
  }

  /** The tag over `aad`, the ciphertext and both lengths, at Y of the scratch; MASK is in place. */
  private authenticate(
    aad: usize,
    aadLength: usize,
    data: usize,
    length: usize,
    scratch: usize,
  ): void {
    const key = changetype<usize>(this.keys) + AES128_KEYS_SIZE;
    const y = scratch + Y;
    const block = scratch + STREAM;
    ghashPadded(key, y, aad, aadLength, block);
    ghashPadded(key, y, data, length, block);
    store<u64>(block, bswap<u64>((<u64>aadLength) << 3), 0);
    store<u64>(block, bswap<u64>((<u64>length) << 3), 8);
    ghashBlocks(key, y, block, 1);
    store<u64>(y, load<u64>(y, 0) ^ load<u64>(scratch, MASK), 0);
    store<u64>(y, load<u64>(y, 8) ^ load<u64>(scratch, MASK + 8), 8);
  }
}
