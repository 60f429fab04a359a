/**
 * The ChaCha20 block function (RFC 8439 §2.3) as a keystream of 64-byte blocks: the generator under
 * `Random`. The key is the seed; the 96-bit nonce is zero but for its first word, which carries on where
 * the 32-bit block counter ends, so that the stream repeats after 2^70 bytes only.
 */
export class ChaCha20 {
  /** Constants, key, block counter, nonce: 16 words (§2.3). */
  private readonly state: StaticArray<u32> = new StaticArray<u32>(16);
  /** The present block, as words; as bytes it is the keystream, in order. */
  readonly block: StaticArray<u32> = new StaticArray<u32>(16);

  /** @param key 32 bytes; a shorter one is taken as ending in zeros */
  constructor(key: Uint8Array) {
    const state = this.state;
    state[0] = 0x61707865;
    state[1] = 0x3320646e;
    state[2] = 0x79622d32;
    state[3] = 0x6b206574;
    memory.copy(changetype<usize>(state) + 16, key.dataStart, min(32, key.length));
  }

  /** Computes the next block. */
  next(): void {
    const state = this.state;
    const block = this.block;
    memory.copy(changetype<usize>(block), changetype<usize>(state), 64);
    for (let round = 0; round < 10; round++) {
      ChaCha20.quarterRound(block, 0, 4, 8, 12);
      ChaCha20.quarterRound(block, 1, 5, 9, 13);
      ChaCha20.quarterRound(block, 2, 6, 10, 14);
      ChaCha20.quarterRound(block, 3, 7, 11, 15);
      ChaCha20.quarterRound(block, 0, 5, 10, 15);
      ChaCha20.quarterRound(block, 1, 6, 11, 12);
      ChaCha20.quarterRound(block, 2, 7, 8, 13);
      ChaCha20.quarterRound(block, 3, 4, 9, 14);
    }
    for (let i = 0; i < 16; i++) block[i] += state[i];
    if (++state[12] === 0) state[13]++;
  }

  /** §2.1 */
  private static quarterRound(x: StaticArray<u32>, a: i32, b: i32, c: i32, d: i32): void {
    x[a] += x[b];
    x[d] = rotl<u32>(x[d] ^ x[a], 16);
    x[c] += x[d];
    x[b] = rotl<u32>(x[b] ^ x[c], 12);
    x[a] += x[b];
    x[d] = rotl<u32>(x[d] ^ x[a], 8);
    x[c] += x[d];
    x[b] = rotl<u32>(x[b] ^ x[c], 7);
  }
}
