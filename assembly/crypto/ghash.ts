/**
 * GHASH, SP 800-38D §6.4, without tables: integer products of operands with holes.
 *
 * The field's elements are bit-reversed polynomials: bit 127 of the big-endian integer is the
 * coefficient of x^0. The carry-less product of two reflected elements is the reflected product times x;
 * that factor is taken out of the key once (`ghashSetKey`), as POLYVAL does (RFC 8452, appendix A).
 */

/** Bytes of the prepared key: H / x, as two u64, low half first. */
export const GHASH_KEY_SIZE: usize = 16;

/** Prepares the 16 bytes at `h` (E(K, 0)) at `key`. */
export function ghashSetKey(h: usize, key: usize): void {
  const high = bswap<u64>(load<u64>(h, 0));
  const low = bswap<u64>(load<u64>(h, 8));
  // Division by x: 1 / x = x^127 + x^6 + x + 1.
  const carry = <u64>(<i64>high >> 63);
  store<u64>(key, (low << 1) ^ (carry & 1), 0);
  store<u64>(key, (high << 1) ^ (low >> 63) ^ (carry & 0xc200000000000000), 8);
}

/** One factor of 32 bits, taken apart into its bits at positions i mod 4. */
class Product {
  /**
   * Carry-less product, 63 bits. Of the integer x_i h_j the digits (four bits each) count how many ones
   * meet there: at most eight, in the digit at i + j + 28, and one less for each digit away from it. So
   * a product alone never carries into the next digit, and two whose middles lie a digit apart may
   * even be added: fifteen at most. The lowest bit of a digit is the bit sought.
   */
  @inline static of(x: u32, h0: u64, h1: u64, h2: u64, h3: u64): u64 {
    const x0 = <u64>(x & 0x11111111);
    const x1 = <u64>(x & 0x22222222);
    const x2 = <u64>(x & 0x44444444);
    const x3 = <u64>(x & 0x88888888);
    return (
      (((x0 * h0 + x1 * h3) ^ (x2 * h2) ^ (x3 * h1)) & 0x1111111111111111) |
      (((x0 * h1 + x2 * h3) ^ (x1 * h0 + x3 * h2)) & 0x2222222222222222) |
      (((x0 * h2 + x3 * h3) ^ (x1 * h1) ^ (x2 * h0)) & 0x4444444444444444) |
      (((x0 * h3) ^ (x1 * h2) ^ (x2 * h1) ^ (x3 * h0)) & 0x8888888888888888)
    );
  }
}

/** Y = (Y xor block) H for `blocks` blocks of 16 bytes at `data`; `y` is 16 bytes, zero at first. */
export function ghashBlocks(key: usize, y: usize, data: usize, blocks: usize): void {
  const low = load<u64>(key, 0);
  const high = load<u64>(key, 8);
  const a = <u32>low;
  const b = <u32>(low >> 32);
  const c = a ^ b;
  const d = <u32>high;
  const e = <u32>(high >> 32);
  const f = d ^ e;
  const g = a ^ d;
  const h = b ^ e;
  const i = g ^ h;
  const a0 = <u64>(a & 0x11111111);
  const a1 = <u64>(a & 0x22222222);
  const a2 = <u64>(a & 0x44444444);
  const a3 = <u64>(a & 0x88888888);
  const b0 = <u64>(b & 0x11111111);
  const b1 = <u64>(b & 0x22222222);
  const b2 = <u64>(b & 0x44444444);
  const b3 = <u64>(b & 0x88888888);
  const c0 = <u64>(c & 0x11111111);
  const c1 = <u64>(c & 0x22222222);
  const c2 = <u64>(c & 0x44444444);
  const c3 = <u64>(c & 0x88888888);
  const d0 = <u64>(d & 0x11111111);
  const d1 = <u64>(d & 0x22222222);
  const d2 = <u64>(d & 0x44444444);
  const d3 = <u64>(d & 0x88888888);
  const e0 = <u64>(e & 0x11111111);
  const e1 = <u64>(e & 0x22222222);
  const e2 = <u64>(e & 0x44444444);
  const e3 = <u64>(e & 0x88888888);
  const f0 = <u64>(f & 0x11111111);
  const f1 = <u64>(f & 0x22222222);
  const f2 = <u64>(f & 0x44444444);
  const f3 = <u64>(f & 0x88888888);
  const g0 = <u64>(g & 0x11111111);
  const g1 = <u64>(g & 0x22222222);
  const g2 = <u64>(g & 0x44444444);
  const g3 = <u64>(g & 0x88888888);
  const h0 = <u64>(h & 0x11111111);
  const h1 = <u64>(h & 0x22222222);
  const h2 = <u64>(h & 0x44444444);
  const h3 = <u64>(h & 0x88888888);
  const i0 = <u64>(i & 0x11111111);
  const i1 = <u64>(i & 0x22222222);
  const i2 = <u64>(i & 0x44444444);
  const i3 = <u64>(i & 0x88888888);
  let yLow = bswap<u64>(load<u64>(y, 8));
  let yHigh = bswap<u64>(load<u64>(y, 0));
  for (; blocks !== 0; blocks--, data += 16) {
    yLow ^= bswap<u64>(load<u64>(data, 8));
    yHigh ^= bswap<u64>(load<u64>(data, 0));
    const y0 = <u32>yLow;
    const y1 = <u32>(yLow >> 32);
    const y2 = <u32>yHigh;
    const y3 = <u32>(yHigh >> 32);
    // Karatsuba twice: products of halves, then of halves of halves.
    const ll = Product.of(y0, a0, a1, a2, a3);
    const lh = Product.of(y1, b0, b1, b2, b3);
    const lm = Product.of(y0 ^ y1, c0, c1, c2, c3) ^ ll ^ lh;
    const hl = Product.of(y2, d0, d1, d2, d3);
    const hh = Product.of(y3, e0, e1, e2, e3);
    const hm = Product.of(y2 ^ y3, f0, f1, f2, f3) ^ hl ^ hh;
    const ml = Product.of(y0 ^ y2, g0, g1, g2, g3);
    const mh = Product.of(y1 ^ y3, h0, h1, h2, h3);
    const mm = Product.of(y0 ^ y1 ^ y2 ^ y3, i0, i1, i2, i3) ^ ml ^ mh;
    const low0 = ll ^ (lm << 32);
    const low1 = lh ^ (lm >> 32);
    const high0 = hl ^ (hm << 32);
    const high1 = hh ^ (hm >> 32);
    const middle0 = ml ^ (mm << 32) ^ low0 ^ high0;
    const middle1 = mh ^ (mm >> 32) ^ low1 ^ high1;
    // v3 … v0, the lowest two of which stand for x^128 and more: x^128 = 1 + x + x^2 + x^7.
    const v0 = low0;
    const v1 = low1 ^ middle0 ^ (v0 << 63) ^ (v0 << 62) ^ (v0 << 57);
    yLow = high0 ^ middle1 ^ v0 ^ (v0 >> 1) ^ (v0 >> 2) ^ (v0 >> 7);
    yLow ^= (v1 << 63) ^ (v1 << 62) ^ (v1 << 57);
    yHigh = high1 ^ v1 ^ (v1 >> 1) ^ (v1 >> 2) ^ (v1 >> 7);
  }
  store<u64>(y, bswap<u64>(yHigh), 0);
  store<u64>(y, bswap<u64>(yLow), 8);
}

/** `ghashBlocks` of `length` bytes, padded with zeros to whole blocks; `block` is 16 bytes of scratch. */
export function ghashPadded(key: usize, y: usize, data: usize, length: usize, block: usize): void {
  ghashBlocks(key, y, data, length >> 4);
  const rest = length & 15;
  if (rest === 0) return;
  memory.fill(block, 0, 16);
  memory.copy(block, data + length - rest, rest);
  ghashBlocks(key, y, block, 1);
}
