/** ChaCha20-Poly1305, RFC 8439. */
import { Aead } from "./aead";
import { ctEqual, wipe } from "./constant-time";

/**
 * §2.3 and §2.4: XORs the key stream into `blocks` blocks of 64 bytes at `data`, from block `counter`
 * on. `key` is 32 bytes, `nonce` 12.
 */
export function chacha20(key: usize, nonce: usize, counter: u32, data: usize, blocks: usize): void {
  for (; blocks !== 0; blocks--, counter++, data += 64) {
    let x0: u32 = 0x61707865;
    let x1: u32 = 0x3320646e;
    let x2: u32 = 0x79622d32;
    let x3: u32 = 0x6b206574;
    let x4 = load<u32>(key, 0);
    let x5 = load<u32>(key, 4);
    let x6 = load<u32>(key, 8);
    let x7 = load<u32>(key, 12);
    let x8 = load<u32>(key, 16);
    let x9 = load<u32>(key, 20);
    let x10 = load<u32>(key, 24);
    let x11 = load<u32>(key, 28);
    let x12 = counter;
    let x13 = load<u32>(nonce, 0);
    let x14 = load<u32>(nonce, 4);
    let x15 = load<u32>(nonce, 8);
    for (let round = 0; round < 10; round++) {
      // Column rounds.
      x0 += x4;
      x12 = rotl<u32>(x12 ^ x0, 16);
      x8 += x12;
      x4 = rotl<u32>(x4 ^ x8, 12);
      x0 += x4;
      x12 = rotl<u32>(x12 ^ x0, 8);
      x8 += x12;
      x4 = rotl<u32>(x4 ^ x8, 7);
      x1 += x5;
      x13 = rotl<u32>(x13 ^ x1, 16);
      x9 += x13;
      x5 = rotl<u32>(x5 ^ x9, 12);
      x1 += x5;
      x13 = rotl<u32>(x13 ^ x1, 8);
      x9 += x13;
      x5 = rotl<u32>(x5 ^ x9, 7);
      x2 += x6;
      x14 = rotl<u32>(x14 ^ x2, 16);
      x10 += x14;
      x6 = rotl<u32>(x6 ^ x10, 12);
      x2 += x6;
      x14 = rotl<u32>(x14 ^ x2, 8);
      x10 += x14;
      x6 = rotl<u32>(x6 ^ x10, 7);
      x3 += x7;
      x15 = rotl<u32>(x15 ^ x3, 16);
      x11 += x15;
      x7 = rotl<u32>(x7 ^ x11, 12);
      x3 += x7;
      x15 = rotl<u32>(x15 ^ x3, 8);
      x11 += x15;
      x7 = rotl<u32>(x7 ^ x11, 7);
      // Diagonal rounds.
      x0 += x5;
      x15 = rotl<u32>(x15 ^ x0, 16);
      x10 += x15;
      x5 = rotl<u32>(x5 ^ x10, 12);
      x0 += x5;
      x15 = rotl<u32>(x15 ^ x0, 8);
      x10 += x15;
      x5 = rotl<u32>(x5 ^ x10, 7);
      x1 += x6;
      x12 = rotl<u32>(x12 ^ x1, 16);
      x11 += x12;
      x6 = rotl<u32>(x6 ^ x11, 12);
      x1 += x6;
      x12 = rotl<u32>(x12 ^ x1, 8);
      x11 += x12;
      x6 = rotl<u32>(x6 ^ x11, 7);
      x2 += x7;
      x13 = rotl<u32>(x13 ^ x2, 16);
      x8 += x13;
      x7 = rotl<u32>(x7 ^ x8, 12);
      x2 += x7;
      x13 = rotl<u32>(x13 ^ x2, 8);
      x8 += x13;
      x7 = rotl<u32>(x7 ^ x8, 7);
      x3 += x4;
      x14 = rotl<u32>(x14 ^ x3, 16);
      x9 += x14;
      x4 = rotl<u32>(x4 ^ x9, 12);
      x3 += x4;
      x14 = rotl<u32>(x14 ^ x3, 8);
      x9 += x14;
      x4 = rotl<u32>(x4 ^ x9, 7);
    }
    store<u32>(data, (x15 + load<u32>(nonce, 8)) ^ load<u32>(data, 60), 60);
    store<u32>(data, (x14 + load<u32>(nonce, 4)) ^ load<u32>(data, 56), 56);
    store<u32>(data, (x13 + load<u32>(nonce, 0)) ^ load<u32>(data, 52), 52);
    store<u32>(data, (x12 + counter) ^ load<u32>(data, 48), 48);
    store<u32>(data, (x11 + load<u32>(key, 28)) ^ load<u32>(data, 44), 44);
    store<u32>(data, (x10 + load<u32>(key, 24)) ^ load<u32>(data, 40), 40);
    store<u32>(data, (x9 + load<u32>(key, 20)) ^ load<u32>(data, 36), 36);
    store<u32>(data, (x8 + load<u32>(key, 16)) ^ load<u32>(data, 32), 32);
    store<u32>(data, (x7 + load<u32>(key, 12)) ^ load<u32>(data, 28), 28);
    store<u32>(data, (x6 + load<u32>(key, 8)) ^ load<u32>(data, 24), 24);
    store<u32>(data, (x5 + load<u32>(key, 4)) ^ load<u32>(data, 20), 20);
    store<u32>(data, (x4 + load<u32>(key, 0)) ^ load<u32>(data, 16), 16);
    store<u32>(data, (x3 + 0x6b206574) ^ load<u32>(data, 12), 12);
    store<u32>(data, (x2 + 0x79622d32) ^ load<u32>(data, 8), 8);
    store<u32>(data, (x1 + 0x3320646e) ^ load<u32>(data, 4), 4);
    store<u32>(data, (x0 + 0x61707865) ^ load<u32>(data, 0), 0);
  }
}

/**
 * Layout of a raw Poly1305 state: r as five u32 limbs of 26 bits, the accumulator h likewise, and s, the
 * 16 bytes that are added at the end.
 */
const POLY1305_STATE_SIZE: usize = 56;
const H: usize = 20;
const S: usize = 40;
const LIMB: u32 = 0x3ffffff;

/** §2.5.1: takes the one-time key, 32 bytes at `key`, clamping r. */
function poly1305Init(state: usize, key: usize): void {
  store<u32>(state, load<u32>(key) & 0x3ffffff, 0);
  store<u32>(state, (load<u32>(key, 3) >> 2) & 0x3ffff03, 4);
  store<u32>(state, (load<u32>(key, 6) >> 4) & 0x3ffc0ff, 8);
  store<u32>(state, (load<u32>(key, 9) >> 6) & 0x3f03fff, 12);
  store<u32>(state, (load<u32>(key, 12) >> 8) & 0x00fffff, 16);
  memory.fill(state + H, 0, 20);
  memory.copy(state + S, key + 16, 16);
}

/**
 * h = (h + block) r mod 2^130 - 5 for `blocks` blocks of 16 bytes, each with its 2^128 bit set.
 *
 * Limbs: r below 2^26; h, after the partial carry, below 2^26 except h1, below 2^26 + 2^7. So h plus a
 * block is below 2^27 + 2^7 in each limb, 5 r below 2^28.4, and a sum of five products below 2^58.
 */
function poly1305Blocks(state: usize, data: usize, blocks: usize): void {
  const r0 = <u64>load<u32>(state, 0);
  const r1 = <u64>load<u32>(state, 4);
  const r2 = <u64>load<u32>(state, 8);
  const r3 = <u64>load<u32>(state, 12);
  const r4 = <u64>load<u32>(state, 16);
  const s1 = <u64>(<u32>r1 * 5);
  const s2 = <u64>(<u32>r2 * 5);
  const s3 = <u64>(<u32>r3 * 5);
  const s4 = <u64>(<u32>r4 * 5);
  let h0 = load<u32>(state, H);
  let h1 = load<u32>(state, H + 4);
  let h2 = load<u32>(state, H + 8);
  let h3 = load<u32>(state, H + 12);
  let h4 = load<u32>(state, H + 16);
  for (; blocks !== 0; blocks--, data += 16) {
    const a0 = <u64>(h0 + (load<u32>(data) & LIMB));
    const a1 = <u64>(h1 + ((load<u32>(data, 3) >> 2) & LIMB));
    const a2 = <u64>(h2 + ((load<u32>(data, 6) >> 4) & LIMB));
    const a3 = <u64>(h3 + (load<u32>(data, 9) >> 6));
    const a4 = <u64>(h4 + ((load<u32>(data, 12) >> 8) | 0x1000000));
    let d = a4 * s1 + a3 * s2 + a2 * s3 + a1 * s4 + a0 * r0;
    h0 = <u32>d & LIMB;
    d = (d >> 26) + a0 * r1 + a1 * r0 + a2 * s4 + a3 * s3 + a4 * s2;
    h1 = <u32>d & LIMB;
    d = (d >> 26) + a0 * r2 + a1 * r1 + a2 * r0 + a3 * s4 + a4 * s3;
    h2 = <u32>d & LIMB;
    d = (d >> 26) + a0 * r3 + a1 * r2 + a2 * r1 + a3 * r0 + a4 * s4;
    h3 = <u32>d & LIMB;
    d = (d >> 26) + a0 * r4 + a1 * r3 + a2 * r2 + a3 * r1 + a4 * r0;
    h4 = <u32>d & LIMB;
    d = (d >> 26) * 5 + <u64>h0;
    h0 = <u32>d & LIMB;
    h1 += <u32>(d >> 26);
  }
  store<u32>(state, h0, H);
  store<u32>(state, h1, H + 4);
  store<u32>(state, h2, H + 8);
  store<u32>(state, h3, H + 12);
  store<u32>(state, h4, H + 16);
}

/** Takes `length` bytes at `data`, padded with zeros to whole blocks (`pad16` of §2.8). */
function poly1305Padded(state: usize, data: usize, length: usize, block: usize): void {
  poly1305Blocks(state, data, length >> 4);
  const rest = length & 15;
  if (rest === 0) return;
  memory.fill(block, 0, 16);
  memory.copy(block, data + length - rest, rest);
  poly1305Blocks(state, block, 1);
}

/** The tag, (h mod 2^130 - 5) + s mod 2^128: 16 bytes at `tag`. */
function poly1305Finish(state: usize, tag: usize): void {
  let h0 = load<u32>(state, H);
  let h1 = load<u32>(state, H + 4);
  let h2 = load<u32>(state, H + 8);
  let h3 = load<u32>(state, H + 12);
  let h4 = load<u32>(state, H + 16);
  // A full carry leaves h below 2^130.
  h2 += h1 >> 26;
  h1 &= LIMB;
  h3 += h2 >> 26;
  h2 &= LIMB;
  h4 += h3 >> 26;
  h3 &= LIMB;
  h0 += (h4 >> 26) * 5;
  h4 &= LIMB;
  h1 += h0 >> 26;
  h0 &= LIMB;
  // g = h + 5 - 2^130; its sign says whether h is below the prime.
  let g0 = h0 + 5;
  let g1 = h1 + (g0 >> 26);
  let g2 = h2 + (g1 >> 26);
  let g3 = h3 + (g2 >> 26);
  const g4 = h4 + (g3 >> 26) - 0x4000000;
  const below = <u32>(<i32>g4 >> 31);
  g0 &= LIMB;
  g1 &= LIMB;
  g2 &= LIMB;
  g3 &= LIMB;
  h0 = g0 ^ (below & (g0 ^ h0));
  h1 = g1 ^ (below & (g1 ^ h1));
  h2 = g2 ^ (below & (g2 ^ h2));
  h3 = g3 ^ (below & (g3 ^ h3));
  h4 = (g4 ^ (below & (g4 ^ h4))) & LIMB;
  let sum = <u64>(h0 | (h1 << 26)) + <u64>load<u32>(state, S);
  store<u32>(tag, <u32>sum, 0);
  sum = (sum >> 32) + <u64>((h1 >> 6) | (h2 << 20)) + <u64>load<u32>(state, S + 4);
  store<u32>(tag, <u32>sum, 4);
  sum = (sum >> 32) + <u64>((h2 >> 12) | (h3 << 14)) + <u64>load<u32>(state, S + 8);
  store<u32>(tag, <u32>sum, 8);
  sum = (sum >> 32) + <u64>((h3 >> 18) | (h4 << 8)) + <u64>load<u32>(state, S + 12);
  store<u32>(tag, <u32>sum, 12);
}

/** Scratch of one seal or open: a block of key stream, a Poly1305 state, 16 bytes of tag. */
const MAC: usize = 64;
const TAG: usize = MAC + POLY1305_STATE_SIZE;
const SCRATCH_SIZE: usize = TAG + 16;

/** AEAD_CHACHA20_POLY1305 (RFC 8439 §2.8): 32 bytes of key, 12 of nonce, 16 of tag. */
export class ChaCha20Poly1305 extends Aead {
  private readonly key: StaticArray<u64> = new StaticArray<u64>(4);

  get keyLength(): i32 {
    return 32;
  }

  setKey(key: usize): void {
    memory.copy(changetype<usize>(this.key), key, 32);
  }

  seal(nonce: usize, aad: usize, aadLength: usize, data: usize, length: usize, tag: usize): void {
    const scratch = heap.alloc(SCRATCH_SIZE);
    this.crypt(nonce, data, length, scratch);
    this.authenticate(nonce, aad, aadLength, data, length, scratch);
    memory.copy(tag, scratch + TAG, 16);
    wipe(scratch, SCRATCH_SIZE);
    heap.free(scratch);
  }

  open(nonce: usize, aad: usize, aadLength: usize, data: usize, length: usize, tag: usize): bool {
    const scratch = heap.alloc(SCRATCH_SIZE);
    this.authenticate(nonce, aad, aadLength, data, length, scratch);
    const authentic = ctEqual(tag, scratch + TAG, 16);
    if (authentic) this.crypt(nonce, data, length, scratch);
    wipe(scratch, SCRATCH_SIZE);
    heap.free(scratch);
    return authentic;
  }

  wipe(): void {
    wipe(changetype<usize>(this.key), 32);
  }

  /** XORs the key stream from block 1 on into `data`. */
  private crypt(nonce: usize, data: usize, length: usize, scratch: usize): void {
    const key = changetype<usize>(this.key);
    const blocks = length >> 6;
    chacha20(key, nonce, 1, data, blocks);
    const rest = length & 63;
    if (rest === 0) return;
    data += blocks << 6;
    memory.copy(scratch, data, rest);
    chacha20(key, nonce, <u32>blocks + 1, scratch, 1);
    memory.copy(data, scratch, rest);
  }

  /** §2.8: the tag over the padded `aad`, the padded ciphertext and both lengths, into the scratch. */
  private authenticate(
    nonce: usize,
    aad: usize,
    aadLength: usize,
    data: usize,
    length: usize,
    scratch: usize,
  ): void {
    const mac = scratch + MAC;
    // The one-time key is the first half of block 0 of the key stream (§2.6).
    memory.fill(scratch, 0, 64);
    chacha20(changetype<usize>(this.key), nonce, 0, scratch, 1);
    poly1305Init(mac, scratch);
    poly1305Padded(mac, aad, aadLength, scratch);
    poly1305Padded(mac, data, length, scratch);
    store<u64>(scratch, <u64>aadLength, 0);
    store<u64>(scratch, <u64>length, 8);
    poly1305Blocks(mac, scratch, 1);
    poly1305Finish(mac, scratch + TAG);
  }
}
