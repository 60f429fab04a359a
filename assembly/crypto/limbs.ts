/**
 * Integers of 256 bits as limbs: u32 words of which the low `bits` (29, 30 or 32) are used, nine of them
 * (eight for 32), least significant first. Time depends on nothing but the limb sizes.
 */

/** out = a with limbs of another size. In place when both start at the same address, going down in size. */
export function repack(out: usize, outBits: u32, a: usize, bits: u32): void {
  const mask: u64 = ((<u64>1) << (<u64>outBits)) - 1;
  const outEnd = out + (outBits === 32 ? 32 : 36);
  const end = a + (bits === 32 ? 32 : 36);
  let held: u64 = 0;
  let have: u32 = 0;
  for (; out < outEnd; out += 4) {
    while (have < outBits && a < end) {
      held |= (<u64>load<u32>(a)) << (<u64>have);
      have += bits;
      a += 4;
    }
    store<u32>(out, <u32>(held & mask));
    held >>= <u64>outBits;
    have -= outBits;
  }
}

/** out = the integer of 32 big-endian bytes. */
export function limbsFromBytes(out: usize, outBits: u32, bytes: usize): void {
  const mask: u64 = ((<u64>1) << (<u64>outBits)) - 1;
  let held: u64 = 0;
  let have: u32 = 0;
  let word: usize = 32;
  for (let i: usize = 0; i < 36; i += 4) {
    while (have < outBits && word !== 0) {
      word -= 4;
      held |= (<u64>bswap<u32>(load<u32>(bytes + word))) << (<u64>have);
      have += 32;
    }
    store<u32>(out + i, <u32>(held & mask));
    held >>= <u64>outBits;
    have -= outBits;
  }
}

/** Writes a, below 2^256, as 32 big-endian bytes. */
export function limbsToBytes(bytes: usize, a: usize, bits: u32): void {
  let held: u64 = 0;
  let have: u32 = 0;
  for (let word: usize = 32; word !== 0; ) {
    word -= 4;
    while (have < 32) {
      held |= (<u64>load<u32>(a)) << (<u64>have);
      have += bits;
      a += 4;
    }
    store<u32>(bytes + word, bswap<u32>(<u32>held));
    held >>= 32;
    have -= 32;
  }
}

/** All ones when a < b, both nine unsigned limbs of at most 30 bits, else zero. */
export function limbsLess(a: usize, b: usize, bits: u32): u32 {
  let borrow: i32 = 0;
  for (let i: usize = 0; i < 36; i += 4) {
    borrow = (borrow + <i32>(load<u32>(a + i) - load<u32>(b + i))) >> bits;
  }
  return <u32>(borrow >> 31);
}
