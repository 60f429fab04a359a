/**
 * Polynomials of ML-KEM (FIPS 203 §4): 256 coefficients modulo q = 3329, the transform of them (NTT),
 * sampling, compression and encoding.
 *
 * Two forms in memory. A *polynomial* is 256 i16, 512 bytes. A *sum* is 256 i32, 1024 bytes: products are
 * added up in it unreduced, and it is transformed back in place.
 *
 * Time depends on no coefficient, but for `sampleUniform`, whose input is public. Nothing is divided:
 * division takes a time that depends on its operands on the cores at hand, and the compression of a secret
 * by division gave keys away ("KyberSlash", Bernstein et al. 2024).
 */
import { keccakPermute } from "./keccak";
import { SHAKE128_RATE } from "./sha3";

const Q: i32 = 3329;

/** Bytes of a polynomial of 256 coefficients: 16 bits each, or 32 bits in a sum. */
export const POLYNOMIAL_SIZE: usize = 512;
export const SUM_SIZE: usize = 1024;

/** q^-1 mod 2^32. */
const Q_INVERSE: i32 = 0x6ba8f301;

/**
 * Factors of `M.times`, that is (b (-2^32) mod± q) q^-1 mod 2^32 for a factor b: the powers
 * 17^BitRev7(i), the zetas of §4.3; -2^32, which undoes what `M.reduce` brings in; and -2^32 / 128, which
 * does the division that ends the transform back as well.
 */
const ZETAS: usize = memory.data<u32>([
  0x0013afb7, 0x84f5c5b6, 0xc666e465, 0xfcec8b58, 0xcb2b72d0, 0x30726d5a, 0x91e11612, 0x41360f89,
  0x51aaf2da, 0x93922fd5, 0x0ed77945, 0x3d4a0dff, 0xd63e49fa, 0xfab1a391, 0x2bc18ea6, 0x864470e4,
  0x16c32c10, 0xbc2c9a1c, 0x66f8144d, 0x71811d74, 0xea3cc040, 0x044e701f, 0xac4184ce, 0x6681f601,
  0x6da8cba2, 0xa1074e35, 0x2924384a, 0xdda02ec1, 0xb805896c, 0xdd651f9b, 0x97ccf03c, 0x3f228731,
  0x16395e0c, 0x19743224, 0xfa27d58d, 0x87094e0e, 0x5c0c9c91, 0xb12d72a8, 0xaf19ea50, 0x9e078944,
  0x31fc27ae, 0x9807ff63, 0xc13fe764, 0x3099ccc9, 0xdc518393, 0x0289a6a4, 0x658209b0, 0x934370f7,
  0xb254be68, 0x6e59f914, 0x3e0eeb29, 0x22c23fd4, 0x6e95083a, 0xdc8c92ba, 0x75f6ed01, 0xb8b6b6de,
  0xcb8de165, 0xc93f49e7, 0x71e38c09, 0x31d4c83f, 0xbe402274, 0xef28ae1a, 0x5e5b3410, 0x45fa9df4,
  0x014eab2e, 0xd4522111, 0x2cd52aae, 0xcbb540d4, 0x7de29fcc, 0x379942fb, 0xaff27732, 0x54970813,
  0x6c5a2074, 0xccb52d24, 0xfc4f0d9c, 0x11eaedee, 0x3a22e99f, 0xa5cbdca0, 0xe7da790a, 0xea8b7f1e,
  0x82f5ed15, 0x7ef63bd4, 0xd6795921, 0x8992f4b2, 0x8e08c440, 0x4935720b, 0x7059d1b5, 0xcea1560d,
  0x483585bb, 0xb17c3186, 0xbb67bcf1, 0xb7a31ad7, 0x385e2025, 0xb3b7194d, 0x149bf401, 0x314afa3c,
  0x79cf3ed4, 0xb0b7545c, 0x9ca52e5f, 0xf79e2ee9, 0x1cd665a9, 0xc4049d2f, 0xa0b88f57, 0x7e801d88,
  0x51bea291, 0x1887f58b, 0xd53e5daa, 0x3a369957, 0xa169bcca, 0x2b2410eb, 0xbda2a4b8, 0xc77a806c,
  0xd7a0a4e0, 0x53f98a58, 0x1efd9db9, 0x4ee63d0f, 0x57e58be2, 0xa555be54, 0xd565bd19, 0x442224c2,
  0x846bf7b2, 0x5d33e851, 0x901c4c98, 0x4f214c35, 0xa24249ac, 0xe1b38fba, 0x440e750b, 0xa5a47d31,
]);
const UNDO_REDUCE: i32 = 0x97f44fab;
const UNDO_REDUCE_BY_128: i32 = 0x912fe89f;

/** round(2^32 / q): its product with x, shifted right by 32 - d, is 2^d x / q for small x. */
const RECIPROCAL: i32 = 1290167;

/** Plantard's multiplication as improved for signed numbers (Huang et al. 2022); -q/2 < result < q/2. */
class M {
  /** c (-2^-32) mod q for -7 · 2^16 q <= c < 2^31. */
  @inline static reduce(c: i32): i32 {
    return ((((c * Q_INVERSE) >> 16) + 8) * Q) >> 16;
  }
  /** a b mod q for |a| < 2^18, `factor` made of b as above. */
  @inline static times(a: i32, factor: i32): i32 {
    return ((((a * factor) >> 16) + 8) * Q) >> 16;
  }
}

/**
 * NTT of a polynomial in place (Algorithm 9), for |f| < 2^12. Each of the seven layers adds less than q/2
 * to a coefficient: they stay below 2^12 + 3.5 q < 2^14 and are not reduced on the way. Layers go in pairs, but
 * for the last.
 */
export function ntt(f: usize): void {
  const end = f + POLYNOMIAL_SIZE;
  let zeta: usize = 4;
  // Bytes between the coefficients of the second layer of a pair: 64, 16, 4 coefficients.
  for (let step: usize = 128; step >= 8; step >>= 2, zeta <<= 2) {
    let z = zeta;
    for (let at = f; at !== end; at += 3 * step, z += 4) {
      const z1 = load<i32>(z, ZETAS);
      const z2 = load<i32>(z << 1, ZETAS);
      const z3 = load<i32>(z << 1, ZETAS + 4);
      for (const next = at + step; at !== next; at += 2) {
        const b = at + step;
        const c = b + step;
        const d = c + step;
        const a0 = <i32>load<i16>(at);
        const a1 = <i32>load<i16>(b);
        const t2 = M.times(load<i16>(c), z1);
        const t3 = M.times(load<i16>(d), z1);
        const u1 = M.times(a1 + t3, z2);
        const u3 = M.times(a1 - t3, z3);
        store<i16>(at, a0 + t2 + u1);
        store<i16>(b, a0 + t2 - u1);
        store<i16>(c, a0 - t2 + u3);
        store<i16>(d, a0 - t2 - u3);
      }
    }
  }
  for (let at = f; at !== end; at += 8, zeta += 4) {
    const z = load<i32>(zeta, ZETAS);
    const t1 = M.times(load<i16>(at, 6), z);
    const t0 = M.times(load<i16>(at, 4), z);
    const a1 = <i32>load<i16>(at, 2);
    const a0 = <i32>load<i16>(at, 0);
    store<i16>(at, a1 - t1, 6);
    store<i16>(at, a0 - t0, 4);
    store<i16>(at, a1 + t1, 2);
    store<i16>(at, a0 + t0, 0);
  }
}

/**
 * NTT^-1 of a sum in place (Algorithm 10), for what `multiplyAdd` makes; results between -q/2 and q/2.
 * Coefficients at most double in each of the seven layers: they stay below 64 q < 2^18.
 */
export function inverseNtt(f: usize): void {
  const end = f + SUM_SIZE;
  let zeta: usize = 127 * 4;
  for (let at = f; at !== end; at += 16, zeta -= 4) {
    const z = load<i32>(zeta, ZETAS);
    const a3 = M.reduce(load<i32>(at, 12));
    const a2 = M.reduce(load<i32>(at, 8));
    const a1 = M.reduce(load<i32>(at, 4));
    const a0 = M.reduce(load<i32>(at, 0));
    store<i32>(at, M.times(a3 - a1, z), 12);
    store<i32>(at, M.times(a2 - a0, z), 8);
    store<i32>(at, a1 + a3, 4);
    store<i32>(at, a0 + a2, 0);
  }
  for (let step: usize = 16; step <= 256; step <<= 2) {
    // `zeta` is where the factors of the pair's first layer end; the second one's are at half of that.
    for (let at = f; at !== end; at += 3 * step, zeta -= 8) {
      const z2 = load<i32>(zeta, ZETAS);
      const z3 = load<i32>(zeta - 4, ZETAS);
      const z1 = load<i32>((zeta - 4) >> 1, ZETAS);
      for (const next = at + step; at !== next; at += 4) {
        const b = at + step;
        const c = b + step;
        const d = c + step;
        const a0 = load<i32>(at);
        const a1 = load<i32>(b);
        const a2 = load<i32>(c);
        const a3 = load<i32>(d);
        const t1 = M.times(a1 - a0, z2);
        const t3 = M.times(a3 - a2, z3);
        store<i32>(at, a0 + a1 + a2 + a3);
        store<i32>(b, t1 + t3);
        store<i32>(c, M.times(a2 + a3 - a0 - a1, z1));
        store<i32>(d, M.times(t3 - t1, z1));
      }
    }
    zeta = (zeta - 4) >> 1;
  }
  for (let at = f; at !== end; at += 4) store<i32>(at, M.times(load<i32>(at), UNDO_REDUCE_BY_128));
}

/**
 * sum += the product of two transformed polynomials (Algorithms 11 and 12), times -2^32 once reduced.
 * With |a| < 2^14 and |b| <= 2 + 3.5 q (noise, transformed), three of them are within what `M.reduce` takes.
 */
export function multiplyAdd(sum: usize, a: usize, b: usize): void {
  for (let zeta: usize = 64 * 4; zeta !== 128 * 4; zeta += 4, a += 8, b += 8, sum += 16) {
    const z = load<i32>(zeta, ZETAS);
    const a3 = <i32>load<i16>(a, 6);
    const a2 = <i32>load<i16>(a, 4);
    const a1 = <i32>load<i16>(a, 2);
    const a0 = <i32>load<i16>(a, 0);
    const b3 = <i32>load<i16>(b, 6);
    const b2 = <i32>load<i16>(b, 4);
    const b1 = <i32>load<i16>(b, 2);
    const b0 = <i32>load<i16>(b, 0);
    store<i32>(sum, load<i32>(sum, 12) + a2 * b3 + a3 * b2, 12);
    store<i32>(sum, load<i32>(sum, 8) + a2 * b2 - M.times(a3, z) * b3, 8);
    store<i32>(sum, load<i32>(sum, 4) + a0 * b1 + a1 * b0, 4);
    store<i32>(sum, load<i32>(sum, 0) + a0 * b0 + M.times(a1, z) * b1, 0);
  }
}

/** sum += sign f, where the sign is 1 or -1. */
export function addTo(sum: usize, f: usize, sign: i32): void {
  for (const end = f + POLYNOMIAL_SIZE; f !== end; f += 2, sum += 4)
    store<i32>(sum, load<i32>(sum) + sign * <i32>load<i16>(f));
}

/** Reduces what `multiplyAdd` (and `addTo`) made to 0 … q - 1. */
export function reduceSum(sum: usize): void {
  for (const end = sum + SUM_SIZE; sum !== end; sum += 4) {
    const x = M.times(M.reduce(load<i32>(sum)), UNDO_REDUCE);
    store<i32>(sum, x + ((x >> 31) & Q));
  }
}

/** SampleNTT (Algorithm 7), from a sponge that gives SHAKE128's output. It and the result are public. */
export function sampleUniform(f: usize, sponge: usize): void {
  const end = f + POLYNOMIAL_SIZE;
  while (true) {
    for (let at = sponge; at !== sponge + SHAKE128_RATE; at += 3) {
      const bits = load<u32>(at);
      const d1 = <i32>(bits & 0xfff);
      if (d1 < Q) {
        store<i16>(f, d1);
        f += 2;
        if (f === end) return;
      }
      const d2 = <i32>((bits >> 12) & 0xfff);
      if (d2 < Q) {
        store<i16>(f, d2);
        f += 2;
        if (f === end) return;
      }
    }
    keccakPermute(sponge);
  }
}

/** SamplePolyCBD (Algorithm 8) for eta = 2, from 128 random bytes: coefficients from -2 to 2. */
export function sampleNoise(f: usize, bytes: usize): void {
  for (const end = bytes + 128; bytes !== end; bytes += 4) {
    const bits = load<u32>(bytes);
    // Sums of two neighbouring bits, in pairs: x in the lower two bits of four, y in the upper two.
    let pairs = (bits & 0x55555555) + ((bits >> 1) & 0x55555555);
    for (const next = f + 16; f !== next; f += 2, pairs >>= 4)
      store<i16>(f, <i32>(pairs & 3) - <i32>((pairs >> 2) & 3));
  }
}

/**
 * Compress_d (§4.2.1) of each coefficient of a sum, d at most 10: from x with -q/2 <= x <= q/2 (d = 10) or
 * -q < x < 2 q (d = 1 and 4), to 0 … 2^d - 1.
 *
 * 2^d x / q is never closer than 2^-14 to where rounding changes, and the product is nearer to it than that.
 */
export function compress(sum: usize, d: i32): void {
  const half = (<i32>1) << (31 - d);
  const mask = (1 << d) - 1;
  for (const end = sum + SUM_SIZE; sum !== end; sum += 4)
    store<i32>(sum, ((load<i32>(sum) * RECIPROCAL + half) >> (32 - d)) & mask);
}

/** Decompress_d (§4.2.1) of each coefficient. */
export function decompress(f: usize, d: i32): void {
  const half = (1 << d) >> 1;
  for (const end = f + POLYNOMIAL_SIZE; f !== end; f += 2)
    store<i16>(f, (load<i16>(f) * Q + half) >> d);
}

/** ByteEncode_d (Algorithm 5) of a sum whose coefficients are below 2^d: 32 d bytes at `bytes`. */
export function encode(bytes: usize, sum: usize, d: i32): void {
  let bits: u32 = 0;
  let have: i32 = 0;
  for (const end = sum + SUM_SIZE; sum !== end; sum += 4) {
    bits |= load<u32>(sum) << have;
    have += d;
    if (have >= 16) {
      store<u16>(bytes, bits);
      bytes += 2;
      bits >>= 16;
      have -= 16;
    }
  }
}

/**
 * ByteDecode_d (Algorithm 6) to a polynomial, d at most 12, without the reduction modulo q for d = 12.
 *
 * @returns whether each coefficient is below q: the modulus check of §7.2
 */
export function decode(f: usize, bytes: usize, d: i32): bool {
  const mask: u32 = (1 << d) - 1;
  let bits: u32 = 0;
  let have: i32 = 0;
  let isReduced: i32 = -1;
  for (const end = f + POLYNOMIAL_SIZE; f !== end; f += 2) {
    if (have < d) {
      bits |= (<u32>load<u16>(bytes)) << have;
      bytes += 2;
      have += 16;
    }
    const x = <i32>(bits & mask);
    store<i16>(f, x);
    isReduced &= x - Q;
    bits >>= d;
    have -= d;
  }
  return isReduced < 0;
}
