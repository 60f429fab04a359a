/**
 * AES-128 in counter mode, FIPS 197 and SP 800-38A, bitsliced: no branch and no memory index depends on
 * the key or on the data.
 *
 * Four blocks at a time are held as eight *planes* of 64 bits: plane i holds bit i of all 64 bytes, that
 * of row r, column c, block b at position 16 r + 4 c + b. S-box: the circuit of Boyar and Peralta (2012)
 * without its four inversions, which go into the round keys (MixColumns leaves 0x63 in every byte as it
 * is). ShiftRows is never carried out: after k rounds row r stands (k - 1) r columns too far to the right, the
 * round keys are displaced likewise, and MixColumns takes the rows from where they stand ("fixslicing",
 * Adomnicai and Peyrin 2020). With k - 1, and so 3 r columns at the start, three of the nine MixColumns meet rows that
 * stand in place.
 *
 * Of a counter block only the last four bytes change: the planes of the rest are made once for a nonce and
 * added to the first round key.
 */
import { wipe } from "./constant-time";

/** Bytes of round keys as they are kept: eleven times eight planes, four planes packed into one u64. */
export const AES128_KEYS_SIZE: usize = 176;
/** Bytes of round keys as `encrypt` wants them. */
export const AES128_EXPANDED_SIZE: usize = 704;
/** What SubBytes leaves out, in every byte. */
const SUB_BYTES_CONSTANT: u32 = 0x63636363;

/**
 * MixColumns needs the same column's byte one row on, and two rows on, for each displacement k. Rows move by rotation, columns
 * by what a core of 32 bits does in each half by itself.
 */
class Rotate {
  /** Row r + 1, column c + k. */
  @inline static next0(x: u64): u64 {
    return rotr<u64>(x, 16);
  }
  @inline static next1(x: u64): u64 {
    const y = rotr<u64>(x, 16);
    return ((y >> 4) & 0x0fff0fff0fff0fff) | ((y << 12) & 0xf000f000f000f000);
  }
  @inline static next2(x: u64): u64 {
    const y = rotr<u64>(x, 16);
    return ((y >> 8) & 0x00ff00ff00ff00ff) | ((y << 8) & 0xff00ff00ff00ff00);
  }
  @inline static next3(x: u64): u64 {
    const y = rotr<u64>(x, 16);
    return ((y >> 12) & 0x000f000f000f000f) | ((y << 4) & 0xfff0fff0fff0fff0);
  }
  /** Row r + 2, column c + 2 k; k even. */
  @inline static opposite0(x: u64): u64 {
    return rotr<u64>(x, 32);
  }
  /** Row r + 2, column c + 2 k; k odd. */
  @inline static opposite1(x: u64): u64 {
    return rotr<u64>(((x >> 8) & 0x00ff00ff00ff00ff) | ((x << 8) & 0xff00ff00ff00ff00), 32);
  }
}

/** Columns 0 and 2 (or 1 and 3) of a block, as little-endian words, with their bytes in turns. */
function spread(even: u32, odd: u32): u64 {
  let x = <u64>even | ((<u64>odd) << 32);
  let t = (x ^ (x >> 16)) & 0x00000000ffff0000;
  x ^= t ^ (t << 16);
  t = (x ^ (x >> 8)) & 0x0000ff000000ff00;
  return x ^ t ^ (t << 8);
}

/** Plane i of a column 3 that four blocks share; `bytes` holds its byte of row r at position 12 r + 12. */
class Column3 {
  @inline static plane(bytes: u64, i: u64): u64 {
    const one = (bytes >> i) & 0x0001001001001000;
    return (one << 4) - one;
  }
}

/**
 * Encrypts four blocks: eight u64 at `words` in the byte order of `spread`. Of each block column 3 is
 * `column`, a little-endian word, and the rest zero, to which the first round key adds.
 * `keys` holds `rounds` + 1 round keys of eight planes each. With `rounds` 1 only SubBytes is done (and
 * two keys added): that is how the key schedule gets at the S-box.
 */
function encrypt(words: usize, column: u32, keys: usize, rounds: i32): void {
  const bytes =
    <u64>((column & 0xff) << 12) |
    ((<u64>(column & 0xff00)) << 16) |
    ((<u64>(column & 0xff0000)) << 20) |
    ((<u64>(column & 0xff000000)) << 24);
  let q7 = Column3.plane(bytes, 7);
  let q6 = Column3.plane(bytes, 6);
  let q5 = Column3.plane(bytes, 5);
  let q4 = Column3.plane(bytes, 4);
  let q3 = Column3.plane(bytes, 3);
  let q2 = Column3.plane(bytes, 2);
  let q1 = Column3.plane(bytes, 1);
  let q0 = Column3.plane(bytes, 0);
  let t: u64;
  let n: u64;
  let u: u64;
  let last: u64 = 0;
  for (let round = 1; ; round++) {
    // AddRoundKey, and SubBytes: x0 of the circuit is q7. The gates stand in an order that keeps few values alive.
    q6 ^= load<u64>(keys, 48);
    q7 ^= load<u64>(keys, 56);
    q5 ^= load<u64>(keys, 40);
    q4 ^= load<u64>(keys, 32);
    q3 ^= load<u64>(keys, 24);
    q2 ^= load<u64>(keys, 16);
    q0 ^= load<u64>(keys, 0);
    const y8 = q7 ^ q2;
    q1 ^= load<u64>(keys, 8);
    const y14 = q4 ^ q2;
    const y13 = q7 ^ q1;
    const y12 = y13 ^ y14;
    const y9 = q7 ^ q4;
    const t1 = q3 ^ y12;
    const y15 = t1 ^ q2;
    const t2 = y12 & y15;
    const t0 = q6 ^ q5;
    const y20 = t1 ^ q6;
    const y11 = y20 ^ y9;
    const t12 = y9 & y11;
    const y10 = y15 ^ t0;
    const y16 = t0 ^ y11;
    const y6 = y15 ^ q0;
    const t15 = y8 & y10;
    const y1 = t0 ^ q0;
    const t7 = y13 & y16;
    const y7 = q0 ^ y11;
    const y2 = y1 ^ q7;
    const y17 = y10 ^ y11;
    const t10 = y2 & y7;
    const y5 = y1 ^ q1;
    const y4 = y1 ^ q4;
    const t11 = t10 ^ t7;
    const t13 = y14 & y17;
    const t5 = y4 & q0;
    const t14 = t13 ^ t12;
    const t8 = y5 & y1;
    const t9 = t8 ^ t7;
    const y3 = y5 ^ y8;
    const t3 = y3 & y6;
    const t19 = t9 ^ t14;
    const t16 = t15 ^ t12;
    const t6 = t5 ^ t2;
    const t4 = t3 ^ t2;
    const t20 = t11 ^ t16;
    const t18 = t6 ^ t16;
    const y19 = y10 ^ y8;
    const t17 = t4 ^ t14;
    const t21 = t17 ^ y20;
    const y18 = q7 ^ y16;
    const t22 = t18 ^ y19;
    const t24 = t20 ^ y18;
    const y21 = y13 ^ y16;
    const t23 = t19 ^ y21;
    const t25 = t21 ^ t22;
    const t26 = t21 & t23;
    const t27 = t24 ^ t26;
    const t28 = t25 & t27;
    const t29 = t28 ^ t22;
    const t31 = t22 ^ t26;
    const t30 = t23 ^ t24;
    const t32 = t31 & t30;
    const t33 = t32 ^ t24;
    const t35 = t27 ^ t33;
    const t34 = t23 ^ t33;
    const t36 = t24 & t35;
    const t38 = t27 ^ t36;
    const t37 = t36 ^ t34;
    const t39 = t29 & t38;
    const t40 = t25 ^ t39;
    const t43 = t29 ^ t40;
    const z14 = t29 & y2;
    const z2 = t33 & q0;
    const z5 = t29 & y7;
    const z13 = t40 & y5;
    const t42 = t29 ^ t33;
    const t44 = t33 ^ t37;
    const t41 = t40 ^ t37;
    const t48 = z5 ^ z13;
    const z1 = t37 & y6;
    const z6 = t42 & y11;
    const t45 = t42 ^ t41;
    const z4 = t40 & y1;
    const z16 = t45 & y14;
    const z7 = t45 & y17;
    const z10 = t37 & y3;
    const z17 = t41 & y8;
    const z8 = t41 & y10;
    const z15 = t42 & y9;
    const t46 = z15 ^ z16;
    const t58 = z4 ^ t46;
    const t52 = z7 ^ z8;
    const z9 = t44 & y12;
    const t62 = t52 ^ t58;
    const t54 = z6 ^ z7;
    const z12 = t43 & y13;
    const t49 = z9 ^ z10;
    const z3 = t43 & y16;
    const t59 = z3 ^ t54;
    const t63 = t49 ^ t58;
    const t51 = z2 ^ z5;
    const z0 = t44 & y15;
    const t66 = z1 ^ t63;
    const s0 = t59 ^ t63;
    const t55 = z16 ^ z17;
    const t53 = z0 ^ z3;
    const s3 = t53 ^ t66;
    const t56 = z12 ^ t48;
    const t50 = z2 ^ z12;
    const s4 = t51 ^ t66;
    const t57 = t50 ^ t53;
    const t60 = t46 ^ t57;
    const z11 = t33 & y4;
    const t64 = z4 ^ t59;
    const t61 = z14 ^ t57;
    const s7 = t48 ^ t60;
    const t65 = t61 ^ t62;
    const t67 = t64 ^ t65;
    const s6 = t56 ^ t62;
    const s1 = t64 ^ s3;
    const t47 = z10 ^ z11;
    const s5 = t47 ^ t65;
    const s2 = t55 ^ t67;
    if (round === rounds) {
      q7 = s0 ^ load<u64>(keys, 120);
      q6 = s1 ^ load<u64>(keys, 112);
      q5 = s2 ^ load<u64>(keys, 104);
      q4 = s3 ^ load<u64>(keys, 96);
      q3 = s4 ^ load<u64>(keys, 88);
      q2 = s5 ^ load<u64>(keys, 80);
      q1 = s6 ^ load<u64>(keys, 72);
      q0 = s7 ^ load<u64>(keys, 64);
      break;
    }
    // MixColumns, plane by plane: n is the byte one row on, u its sum with the byte itself.
    keys += 64;
    const displaced = (round - 1) & 3;
    if (displaced === 1) {
      n = Rotate.next1(s0);
      const top = s0 ^ n;
      n = Rotate.next1(s7);
      u = s7 ^ n;
      q0 = top ^ n ^ Rotate.opposite1(u);
      last = u;
      n = Rotate.next1(s6);
      u = s6 ^ n;
      q1 = last ^ top ^ n ^ Rotate.opposite1(u);
      last = u;
      n = Rotate.next1(s5);
      u = s5 ^ n;
      q2 = last ^ n ^ Rotate.opposite1(u);
      last = u;
      n = Rotate.next1(s4);
      u = s4 ^ n;
      q3 = last ^ top ^ n ^ Rotate.opposite1(u);
      last = u;
      n = Rotate.next1(s3);
      u = s3 ^ n;
      q4 = last ^ top ^ n ^ Rotate.opposite1(u);
      last = u;
      n = Rotate.next1(s2);
      u = s2 ^ n;
      q5 = last ^ n ^ Rotate.opposite1(u);
      last = u;
      n = Rotate.next1(s1);
      u = s1 ^ n;
      q6 = last ^ n ^ Rotate.opposite1(u);
      last = u;
      n = Rotate.next1(s0);
      q7 = last ^ n ^ Rotate.opposite1(top);
    } else if (displaced === 2) {
      n = Rotate.next2(s0);
      const top = s0 ^ n;
      n = Rotate.next2(s7);
      u = s7 ^ n;
      q0 = top ^ n ^ Rotate.opposite0(u);
      last = u;
      n = Rotate.next2(s6);
      u = s6 ^ n;
      q1 = last ^ top ^ n ^ Rotate.opposite0(u);
      last = u;
      n = Rotate.next2(s5);
      u = s5 ^ n;
      q2 = last ^ n ^ Rotate.opposite0(u);
      last = u;
      n = Rotate.next2(s4);
      u = s4 ^ n;
      q3 = last ^ top ^ n ^ Rotate.opposite0(u);
      last = u;
      n = Rotate.next2(s3);
      u = s3 ^ n;
      q4 = last ^ top ^ n ^ Rotate.opposite0(u);
      last = u;
      n = Rotate.next2(s2);
      u = s2 ^ n;
      q5 = last ^ n ^ Rotate.opposite0(u);
      last = u;
      n = Rotate.next2(s1);
      u = s1 ^ n;
      q6 = last ^ n ^ Rotate.opposite0(u);
      last = u;
      n = Rotate.next2(s0);
      q7 = last ^ n ^ Rotate.opposite0(top);
    } else if (displaced === 3) {
      n = Rotate.next3(s0);
      const top = s0 ^ n;
      n = Rotate.next3(s7);
      u = s7 ^ n;
      q0 = top ^ n ^ Rotate.opposite1(u);
      last = u;
      n = Rotate.next3(s6);
      u = s6 ^ n;
      q1 = last ^ top ^ n ^ Rotate.opposite1(u);
      last = u;
      n = Rotate.next3(s5);
      u = s5 ^ n;
      q2 = last ^ n ^ Rotate.opposite1(u);
      last = u;
      n = Rotate.next3(s4);
      u = s4 ^ n;
      q3 = last ^ top ^ n ^ Rotate.opposite1(u);
      last = u;
      n = Rotate.next3(s3);
      u = s3 ^ n;
      q4 = last ^ top ^ n ^ Rotate.opposite1(u);
      last = u;
      n = Rotate.next3(s2);
      u = s2 ^ n;
      q5 = last ^ n ^ Rotate.opposite1(u);
      last = u;
      n = Rotate.next3(s1);
      u = s1 ^ n;
      q6 = last ^ n ^ Rotate.opposite1(u);
      last = u;
      n = Rotate.next3(s0);
      q7 = last ^ n ^ Rotate.opposite1(top);
    } else {
      n = Rotate.next0(s0);
      const top = s0 ^ n;
      n = Rotate.next0(s7);
      u = s7 ^ n;
      q0 = top ^ n ^ Rotate.opposite0(u);
      last = u;
      n = Rotate.next0(s6);
      u = s6 ^ n;
      q1 = last ^ top ^ n ^ Rotate.opposite0(u);
      last = u;
      n = Rotate.next0(s5);
      u = s5 ^ n;
      q2 = last ^ n ^ Rotate.opposite0(u);
      last = u;
      n = Rotate.next0(s4);
      u = s4 ^ n;
      q3 = last ^ top ^ n ^ Rotate.opposite0(u);
      last = u;
      n = Rotate.next0(s3);
      u = s3 ^ n;
      q4 = last ^ top ^ n ^ Rotate.opposite0(u);
      last = u;
      n = Rotate.next0(s2);
      u = s2 ^ n;
      q5 = last ^ n ^ Rotate.opposite0(u);
      last = u;
      n = Rotate.next0(s1);
      u = s1 ^ n;
      q6 = last ^ n ^ Rotate.opposite0(u);
      last = u;
      n = Rotate.next0(s0);
      q7 = last ^ n ^ Rotate.opposite0(top);
    }
  }
  t = ((q0 >> 1) ^ q1) & 0x5555555555555555;
  q0 ^= t << 1;
  q1 ^= t;
  t = ((q2 >> 1) ^ q3) & 0x5555555555555555;
  q2 ^= t << 1;
  q3 ^= t;
  t = ((q4 >> 1) ^ q5) & 0x5555555555555555;
  q4 ^= t << 1;
  q5 ^= t;
  t = ((q6 >> 1) ^ q7) & 0x5555555555555555;
  q6 ^= t << 1;
  q7 ^= t;
  t = ((q0 >> 2) ^ q2) & 0x3333333333333333;
  q0 ^= t << 2;
  q2 ^= t;
  t = ((q1 >> 2) ^ q3) & 0x3333333333333333;
  q1 ^= t << 2;
  q3 ^= t;
  t = ((q4 >> 2) ^ q6) & 0x3333333333333333;
  q4 ^= t << 2;
  q6 ^= t;
  t = ((q5 >> 2) ^ q7) & 0x3333333333333333;
  q5 ^= t << 2;
  q7 ^= t;
  t = ((q0 >> 4) ^ q4) & 0x0f0f0f0f0f0f0f0f;
  q0 ^= t << 4;
  q4 ^= t;
  t = ((q1 >> 4) ^ q5) & 0x0f0f0f0f0f0f0f0f;
  q1 ^= t << 4;
  q5 ^= t;
  t = ((q2 >> 4) ^ q6) & 0x0f0f0f0f0f0f0f0f;
  q2 ^= t << 4;
  q6 ^= t;
  t = ((q3 >> 4) ^ q7) & 0x0f0f0f0f0f0f0f0f;
  q3 ^= t << 4;
  q7 ^= t;
  store<u64>(words, q7, 56);
  store<u64>(words, q6, 48);
  store<u64>(words, q5, 40);
  store<u64>(words, q4, 32);
  store<u64>(words, q3, 24);
  store<u64>(words, q2, 16);
  store<u64>(words, q1, 8);
  store<u64>(words, q0, 0);
}

/** Transposes: eight u64 at `words` to eight planes, as `encrypt` begins, in little code. */
function slice(words: usize): void {
  let mask: u64 = 0x5555555555555555;
  for (let step: u32 = 1; step < 8; step <<= 1) {
    for (let i: u32 = 0; i < 8; i++) {
      if ((i & step) !== 0) continue;
      const low = words + ((<usize>i) << 3);
      const high = words + ((<usize>(i + step)) << 3);
      const t = ((load<u64>(low) >> <u64>step) ^ load<u64>(high)) & mask;
      store<u64>(low, load<u64>(low) ^ (t << (<u64>step)));
      store<u64>(high, load<u64>(high) ^ t);
    }
    mask = step === 1 ? 0x3333333333333333 : 0x0f0f0f0f0f0f0f0f;
  }
}

/** Undoes `spread`: two columns as words. In the rows of `swapped` the columns stand in each other's place. */
function gather(pair: u64, swapped: u64): u64 {
  // Each byte of a pair, seen from the first.
  let t = (pair ^ (pair >> 8)) & 0x00ff00ff00ff00ff & swapped;
  let x = pair ^ t ^ (t << 8);
  t = (x ^ (x >> 8)) & 0x0000ff000000ff00;
  x ^= t ^ (t << 8);
  t = (x ^ (x >> 16)) & 0x00000000ffff0000;
  return x ^ t ^ (t << 16);
}

/** Columns of a round key with each row r moved `displaced` r columns to the right. */
function displacedColumn(words: usize, column: i32, displaced: i32): u32 {
  let result: u32 = 0;
  for (let row = 0; row < 4; row++) {
    const from = (column - displaced * row) & 3;
    result |= load<u32>(words + ((<usize>from) << 2)) & ((<u32>0xff) << (row << 3));
  }
  return result;
}

/** The key schedule (FIPS 197 §5.2): the 16 bytes at `key` become 176 bytes at `keys`. */
export function aes128SetKey(key: usize, keys: usize): void {
  // Words of the current round key, eight words to be sliced, two round keys of zeros.
  const scratch = heap.alloc(16 + 64 + 128);
  const sliced = scratch + 16;
  const zeros = sliced + 64;
  memory.copy(scratch, key, 16);
  memory.fill(zeros, 0, 128);
  let rcon: u32 = 1;
  for (let round = 0; ; round++) {
    const constant = round === 0 ? 0 : SUB_BYTES_CONSTANT;
    for (let odd = 0; odd < 2; odd++) {
      const first = displacedColumn(scratch, odd, round + 3) ^ constant;
      const second = displacedColumn(scratch, odd + 2, round + 3) ^ constant;
      const pair = spread(first, second);
      for (let block = 0; block < 4; block++) {
        store<u64>(sliced + ((<usize>(odd * 4 + block)) << 3), pair);
      }
    }
    slice(sliced);
    for (let i: usize = 0; i < 64; i += 32, keys += 8) {
      store<u64>(
        keys,
        (load<u64>(sliced + i, 0) & 0x1111111111111111) |
          (load<u64>(sliced + i, 8) & 0x2222222222222222) |
          (load<u64>(sliced + i, 16) & 0x4444444444444444) |
          (load<u64>(sliced + i, 24) & 0x8888888888888888),
      );
    }
    if (round === 10) break;
    encrypt(sliced, rotr<u32>(load<u32>(scratch, 12), 8), zeros, 1);
    // Row r of column 3 has stayed where it began, 3 r columns on.
    let word =
      (<u32>load<u8>(sliced, 33) |
        ((<u32>load<u8>(sliced, 3)) << 8) |
        ((<u32>load<u8>(sliced, 36)) << 16) |
        ((<u32>load<u8>(sliced, 6)) << 24)) ^
      SUB_BYTES_CONSTANT ^
      rcon;
    for (let i: usize = 0; i < 16; i += 4) {
      word ^= load<u32>(scratch + i);
      store<u32>(scratch + i, word);
    }
    rcon = (rcon << 1) ^ (round === 7 ? 0x11b : 0);
  }
  wipe(scratch, 16 + 64 + 128);
  heap.free(scratch);
}

/** Bytes that `aes128Expand` and `aes128Counter` want to work in. */
export const AES128_SCRATCH_SIZE: usize = 64;

/**
 * Makes the 704 bytes for `aes128Counter` at `expanded` from the 176 of round keys kept at `keys` and the
 * 12 bytes of `nonce`; `words` is scratch.
 */
export function aes128Expand(keys: usize, nonce: usize, expanded: usize, words: usize): void {
  const end = keys + AES128_KEYS_SIZE;
  for (let to = expanded; keys < end; keys += 8, to += 32) {
    const packed = load<u64>(keys);
    for (let i: usize = 0; i < 4; i++) {
      const one = (packed >> <u64>i) & 0x1111111111111111;
      store<u64>(to + (i << 3), (one << 4) - one);
    }
  }
  memory.copy(words, nonce, 12);
  store<u32>(words, 0, 12);
  const even = spread(displacedColumn(words, 0, 3), displacedColumn(words, 2, 3));
  const odd = spread(displacedColumn(words, 1, 3), displacedColumn(words, 3, 3));
  for (let block: usize = 0; block < 4; block++) {
    store<u64>(words + (block << 3), odd, 32);
    // A block's number among the four is its counter's last byte: row 3 of column 3, which stands in column 0.
    store<u64>(words + (block << 3), even | ((<u64>block) << 48));
  }
  slice(words);
  for (let i: usize = 0; i < 64; i += 8) {
    store<u64>(expanded + i, load<u64>(expanded + i) ^ load<u64>(words + i));
  }
}

/**
 * Four blocks of key stream, 64 bytes at `stream`: the encryptions of the nonce followed by `counter`,
 * a multiple of four, and the three numbers after it (big-endian; `inc32` of SP 800-38D §6.2). `expanded` as
 * `aes128Expand` made it; `words` is scratch.
 */
export function aes128Counter(expanded: usize, counter: u32, words: usize, stream: usize): void {
  encrypt(words, bswap<u32>(counter), expanded, 10);
  // Row r stands r columns too far to the right: rows 1 and 3 in columns of the other kind, and in rows 2 and 3 of
  // the even columns, 1 and 2 of the odd ones, the columns of a pair in each other's places.
  for (let block: usize = 0; block < 32; block += 8, stream += 16) {
    const odd = load<u64>(words + block, 32);
    const even = load<u64>(words + block, 0);
    const mixed = (even ^ odd) & 0xffff0000ffff0000;
    const columns02 = gather(even ^ mixed, 0xffffffff00000000);
    const columns13 = gather(odd ^ mixed, 0x0000ffffffff0000);
    store<u64>(stream, (columns02 >> 32) | (columns13 & 0xffffffff00000000), 8);
    store<u64>(stream, (columns02 & 0xffffffff) | (columns13 << 32), 0);
  }
}
