/** SHA-256, FIPS 180-4. */
import { wipe } from "./constant-time";
import { sha256Compress } from "./home";

/** Bytes of a digest. */
export const SHA256_LENGTH: u32 = 32;

/**
 * Layout of a raw SHA-256 state, which lives where its owner puts it, 8-aligned:
 * eight u32 of chaining value, u64 length so far in bytes, 64 bytes of block not yet full.
 */
export const SHA256_STATE_SIZE: usize = 104;
const LENGTH: usize = 32;
const BLOCK: usize = 40;

/** The first 32 bits of the fractional parts of the square roots of the first 8 primes (§5.3.3). */
const INITIAL: usize = memory.data<u32>([
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
]);

/**
 * The first 32 bits of the fractional parts of the cube roots of the first 64 primes (§4.2.2), in reverse:
 * the rounds count down to zero.
 */
const K: usize = memory.data<u32>([
  0xc67178f2, 0xbef9a3f7, 0xa4506ceb, 0x90befffa, 0x8cc70208, 0x84c87814, 0x78a5636f, 0x748f82ee,
  0x682e6ff3, 0x5b9cca4f, 0x4ed8aa4a, 0x391c0cb3, 0x34b0bcb5, 0x2748774c, 0x1e376c08, 0x19a4c116,
  0x106aa070, 0xf40e3585, 0xd6990624, 0xd192e819, 0xc76c51a3, 0xc24b8b70, 0xa81a664b, 0xa2bfe8a1,
  0x92722c85, 0x81c2c92e, 0x766a0abb, 0x650a7354, 0x53380d13, 0x4d2c6dfc, 0x2e1b2138, 0x27b70a85,
  0x14292967, 0x06ca6351, 0xd5a79147, 0xc6e00bf3, 0xbf597fc7, 0xb00327c8, 0xa831c66d, 0x983e5152,
  0x76f988da, 0x5cb0a9dc, 0x4a7484aa, 0x2de92c6f, 0x240ca1cc, 0x0fc19dc6, 0xefbe4786, 0xe49b69c1,
  0xc19bf174, 0x9bdc06a7, 0x80deb1fe, 0x72be5d74, 0x550c7dc3, 0x243185be, 0x12835b01, 0xd807aa98,
  0xab1c5ed5, 0x923f82a4, 0x59f111f1, 0x3956c25b, 0xe9b5dba5, 0xb5c0fbcf, 0x71374491, 0x428a2f98,
]);

/** The logical functions of §4.1.2; static methods because only those can be marked inline. */
class F {
  /** A big-endian word. The library's own byte swap is a call where size counts more than speed. */
  @inline static word(address: usize): u32 {
    const x = load<u32>(address);
    return rotl<u32>(x & 0xff00ff00, 8) | rotr<u32>(x & 0x00ff00ff, 8);
  }
  /** With rotations nested, each operation has a variable as its second operand. */
  @inline static Sigma0(x: u32): u32 {
    return rotr<u32>(rotr<u32>(rotr<u32>(x, 9) ^ x, 11) ^ x, 2);
  }
  @inline static Sigma1(x: u32): u32 {
    return rotr<u32>(rotr<u32>(rotr<u32>(x, 14) ^ x, 5) ^ x, 6);
  }
  @inline static sigma0(x: u32): u32 {
    return rotr<u32>(rotr<u32>(x, 11) ^ x, 7) ^ (x >> 3);
  }
  @inline static sigma1(x: u32): u32 {
    return rotr<u32>(rotr<u32>(x, 2) ^ x, 17) ^ (x >> 10);
  }
}

/**
 * §6.2.2 for `blocks` blocks of 64 bytes at `data`. Sixteen rounds are written out, so that the working
 * variables rotate by name and the message schedule stays in sixteen locals.
 *
 * Of several accesses at one address the farthest comes first, here and in the other files: a compiler
 * that has checked its bounds need not check the nearer ones.
 */
function compress(state: usize, data: usize, blocks: usize): void {
  if (isDefined(SHA256_OF_HOME)) {
    sha256Compress(state, data, blocks);
    return;
  }
  if (isDefined(SHA256_SMALL)) {
    compressInLoops(state, data, blocks);
    return;
  }
  let h7 = load<u32>(state, 28);
  let h6 = load<u32>(state, 24);
  let h5 = load<u32>(state, 20);
  let h4 = load<u32>(state, 16);
  let h3 = load<u32>(state, 12);
  let h2 = load<u32>(state, 8);
  let h1 = load<u32>(state, 4);
  let h0 = load<u32>(state, 0);
  for (const end = data + (blocks << 6); data !== end; data += 64) {
    let w15 = F.word(data + 60);
    let w14 = F.word(data + 56);
    let w13 = F.word(data + 52);
    let w12 = F.word(data + 48);
    let w11 = F.word(data + 44);
    let w10 = F.word(data + 40);
    let w9 = F.word(data + 36);
    let w8 = F.word(data + 32);
    let w7 = F.word(data + 28);
    let w6 = F.word(data + 24);
    let w5 = F.word(data + 20);
    let w4 = F.word(data + 16);
    let w3 = F.word(data + 12);
    let w2 = F.word(data + 8);
    let w1 = F.word(data + 4);
    let w0 = F.word(data + 0);
    let a = h0;
    let b = h1;
    let c = h2;
    let d = h3;
    let e = h4;
    let f = h5;
    let g = h6;
    let h = h7;
    // Maj(a, b, c) = ((a ^ b) & (b ^ c)) ^ b, and b ^ c was a ^ b one round before.
    let bc = b ^ c;
    let ab: u32;
    let k: usize = 192;
    while (true) {
      h += load<u32>(k, K + 60) + w0;
      h += ((f ^ g) & e) ^ g;
      h += F.Sigma1(e);
      d += h;
      ab = a ^ b;
      h += (bc & ab) ^ b;
      h += F.Sigma0(a);
      g += load<u32>(k, K + 56) + w1;
      g += ((e ^ f) & d) ^ f;
      g += F.Sigma1(d);
      c += g;
      bc = h ^ a;
      g += (ab & bc) ^ a;
      g += F.Sigma0(h);
      f += load<u32>(k, K + 52) + w2;
      f += ((d ^ e) & c) ^ e;
      f += F.Sigma1(c);
      b += f;
      ab = g ^ h;
      f += (bc & ab) ^ h;
      f += F.Sigma0(g);
      e += load<u32>(k, K + 48) + w3;
      e += ((c ^ d) & b) ^ d;
      e += F.Sigma1(b);
      a += e;
      bc = f ^ g;
      e += (ab & bc) ^ g;
      e += F.Sigma0(f);
      d += load<u32>(k, K + 44) + w4;
      d += ((b ^ c) & a) ^ c;
      d += F.Sigma1(a);
      h += d;
      ab = e ^ f;
      d += (bc & ab) ^ f;
      d += F.Sigma0(e);
      c += load<u32>(k, K + 40) + w5;
      c += ((a ^ b) & h) ^ b;
      c += F.Sigma1(h);
      g += c;
      bc = d ^ e;
      c += (ab & bc) ^ e;
      c += F.Sigma0(d);
      b += load<u32>(k, K + 36) + w6;
      b += ((h ^ a) & g) ^ a;
      b += F.Sigma1(g);
      f += b;
      ab = c ^ d;
      b += (bc & ab) ^ d;
      b += F.Sigma0(c);
      a += load<u32>(k, K + 32) + w7;
      a += ((g ^ h) & f) ^ h;
      a += F.Sigma1(f);
      e += a;
      bc = b ^ c;
      a += (ab & bc) ^ c;
      a += F.Sigma0(b);
      h += load<u32>(k, K + 28) + w8;
      h += ((f ^ g) & e) ^ g;
      h += F.Sigma1(e);
      d += h;
      ab = a ^ b;
      h += (bc & ab) ^ b;
      h += F.Sigma0(a);
      g += load<u32>(k, K + 24) + w9;
      g += ((e ^ f) & d) ^ f;
      g += F.Sigma1(d);
      c += g;
      bc = h ^ a;
      g += (ab & bc) ^ a;
      g += F.Sigma0(h);
      f += load<u32>(k, K + 20) + w10;
      f += ((d ^ e) & c) ^ e;
      f += F.Sigma1(c);
      b += f;
      ab = g ^ h;
      f += (bc & ab) ^ h;
      f += F.Sigma0(g);
      e += load<u32>(k, K + 16) + w11;
      e += ((c ^ d) & b) ^ d;
      e += F.Sigma1(b);
      a += e;
      bc = f ^ g;
      e += (ab & bc) ^ g;
      e += F.Sigma0(f);
      d += load<u32>(k, K + 12) + w12;
      d += ((b ^ c) & a) ^ c;
      d += F.Sigma1(a);
      h += d;
      ab = e ^ f;
      d += (bc & ab) ^ f;
      d += F.Sigma0(e);
      c += load<u32>(k, K + 8) + w13;
      c += ((a ^ b) & h) ^ b;
      c += F.Sigma1(h);
      g += c;
      bc = d ^ e;
      c += (ab & bc) ^ e;
      c += F.Sigma0(d);
      b += load<u32>(k, K + 4) + w14;
      b += ((h ^ a) & g) ^ a;
      b += F.Sigma1(g);
      f += b;
      ab = c ^ d;
      b += (bc & ab) ^ d;
      b += F.Sigma0(c);
      a += load<u32>(k, K + 0) + w15;
      a += ((g ^ h) & f) ^ h;
      a += F.Sigma1(f);
      e += a;
      bc = b ^ c;
      a += (ab & bc) ^ c;
      a += F.Sigma0(b);
      if (k === 0) break;
      k -= 64;
      w0 = F.sigma1(w14) + w9 + w0 + F.sigma0(w1);
      w1 = F.sigma1(w15) + w10 + w1 + F.sigma0(w2);
      w2 = F.sigma1(w0) + w11 + w2 + F.sigma0(w3);
      w3 = F.sigma1(w1) + w12 + w3 + F.sigma0(w4);
      w4 = F.sigma1(w2) + w13 + w4 + F.sigma0(w5);
      w5 = F.sigma1(w3) + w14 + w5 + F.sigma0(w6);
      w6 = F.sigma1(w4) + w15 + w6 + F.sigma0(w7);
      w7 = F.sigma1(w5) + w0 + w7 + F.sigma0(w8);
      w8 = F.sigma1(w6) + w1 + w8 + F.sigma0(w9);
      w9 = F.sigma1(w7) + w2 + w9 + F.sigma0(w10);
      w10 = F.sigma1(w8) + w3 + w10 + F.sigma0(w11);
      w11 = F.sigma1(w9) + w4 + w11 + F.sigma0(w12);
      w12 = F.sigma1(w10) + w5 + w12 + F.sigma0(w13);
      w13 = F.sigma1(w11) + w6 + w13 + F.sigma0(w14);
      w14 = F.sigma1(w12) + w7 + w14 + F.sigma0(w15);
      w15 = F.sigma1(w13) + w8 + w15 + F.sigma0(w0);
    }
    h0 += a;
    h1 += b;
    h2 += c;
    h3 += d;
    h4 += e;
    h5 += f;
    h6 += g;
    h7 += h;
  }
  store<u32>(state, h7, 28);
  store<u32>(state, h6, 24);
  store<u32>(state, h5, 20);
  store<u32>(state, h4, 16);
  store<u32>(state, h3, 12);
  store<u32>(state, h2, 8);
  store<u32>(state, h1, 4);
  store<u32>(state, h0, 0);
}

/**
 * The same in a fifth of the code, at half the speed: for a module that is compiled with `--use SHA256_SMALL=1`, where
 * flash counts.
 */
function compressInLoops(state: usize, data: usize, blocks: usize): void {
  // The last sixteen words of the message schedule. In here, so that no other module has the place.
  const schedule = memory.data(64, 4);
  for (const end = data + (blocks << 6); data !== end; data += 64) {
    let h = load<u32>(state, 28);
    let g = load<u32>(state, 24);
    let f = load<u32>(state, 20);
    let e = load<u32>(state, 16);
    let d = load<u32>(state, 12);
    let c = load<u32>(state, 8);
    let b = load<u32>(state, 4);
    let a = load<u32>(state, 0);
    for (let t: usize = 0; t < 256; t += 4) {
      let w: u32;
      if (t < 64) {
        w = F.word(data + t);
      } else {
        w = load<u32>(schedule + (t & 60));
        w += F.sigma0(load<u32>(schedule + ((t + 4) & 60)));
        w += load<u32>(schedule + ((t + 36) & 60));
        w += F.sigma1(load<u32>(schedule + ((t + 56) & 60)));
      }
      store<u32>(schedule + (t & 60), w);
      h += load<u32>(K + 252 - t) + w + (((f ^ g) & e) ^ g) + F.Sigma1(e);
      const sum = d + h;
      h += (((a ^ b) & (b ^ c)) ^ b) + F.Sigma0(a);
      d = c;
      c = b;
      b = a;
      a = h;
      h = g;
      g = f;
      f = e;
      e = sum;
    }
    store<u32>(state, load<u32>(state, 28) + h, 28);
    store<u32>(state, load<u32>(state, 24) + g, 24);
    store<u32>(state, load<u32>(state, 20) + f, 20);
    store<u32>(state, load<u32>(state, 16) + e, 16);
    store<u32>(state, load<u32>(state, 12) + d, 12);
    store<u32>(state, load<u32>(state, 8) + c, 8);
    store<u32>(state, load<u32>(state, 4) + b, 4);
    store<u32>(state, load<u32>(state, 0) + a, 0);
  }
  wipe(schedule, 64);
}

/** Sets the raw state to that of the empty message. */
export function sha256Reset(state: usize): void {
  memory.copy(state, INITIAL, 32);
  store<u64>(state, 0, LENGTH);
}

/** Adds `length` bytes at `data` to the raw state's message. */
export function sha256Update(state: usize, data: usize, length: usize): void {
  const total = load<u64>(state, LENGTH);
  store<u64>(state, total + <u64>length, LENGTH);
  const filled = <usize>total & 63;
  if (filled !== 0) {
    const room: usize = 64 - filled;
    const taken = min<usize>(length, room);
    memory.copy(state + BLOCK + filled, data, taken);
    if (taken < room) return;
    compress(state, state + BLOCK, 1);
    data += taken;
    length -= taken;
  }
  const blocks = length >> 6;
  if (blocks !== 0) compress(state, data, blocks);
  const done = blocks << 6;
  memory.copy(state + BLOCK, data + done, length - done);
}

/** Pads (§5.1.1), writes 32 bytes at `digest`; the raw state is then spent and its block zero. */
export function sha256Finish(state: usize, digest: usize): void {
  const total = load<u64>(state, LENGTH);
  const filled = <usize>total & 63;
  const block = state + BLOCK;
  store<u8>(block + filled, 0x80);
  if (filled >= 56) {
    memory.fill(block + filled + 1, 0, 63 - filled);
    compress(state, block, 1);
    memory.fill(block, 0, 56);
  } else {
    memory.fill(block + filled + 1, 0, 55 - filled);
  }
  store<u64>(block, bswap<u64>(total << 3), 56);
  compress(state, block, 1);
  for (let i: usize = 0; i < 32; i += 4) store<u32>(digest + i, bswap<u32>(load<u32>(state + i)));
  wipe(block, 64);
}

/** An incremental hash. Starts out reset. */
export class Sha256 {
  /** The raw state, for code of this folder. */
  readonly state: StaticArray<u64> = new StaticArray<u64>(<i32>(SHA256_STATE_SIZE / 8));

  constructor() {
    this.reset();
  }

  /** Back to the empty message. */
  reset(): void {
    sha256Reset(changetype<usize>(this.state));
  }

  /** Adds `length` bytes at `data` to the message. */
  update(data: usize, length: usize): void {
    sha256Update(changetype<usize>(this.state), data, length);
  }

  /** Writes the digest of the message, 32 bytes, at `digest`. Then only `reset`, `copyFrom`, `wipe`. */
  finish(digest: usize): void {
    sha256Finish(changetype<usize>(this.state), digest);
  }

  /** Takes over the other's message so far; the other goes on undisturbed. */
  copyFrom(other: Sha256): void {
    memory.copy(changetype<usize>(this.state), changetype<usize>(other.state), SHA256_STATE_SIZE);
  }

  /** Overwrites what it holds; `reset` before further use. */
  wipe(): void {
    wipe(changetype<usize>(this.state), SHA256_STATE_SIZE);
  }
}

/** SHA-256 of `length` bytes at `data`: 32 bytes at `digest`. */
export function sha256(data: usize, length: usize, digest: usize): void {
  const state = heap.alloc(SHA256_STATE_SIZE);
  sha256Reset(state);
  sha256Update(state, data, length);
  sha256Finish(state, digest);
  wipe(state, SHA256_STATE_SIZE);
  heap.free(state);
}
