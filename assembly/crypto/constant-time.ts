/**
 * Comparison, selection and wiping whose time and memory accesses do not depend on the data.
 *
 * A *mask* is a u32 that is all ones (true) or zero (false). Lengths are public.
 */

/** All ones when `x` is zero, else zero. */
export function ctIsZero32(x: u32): u32 {
  return <u32>(<i32>(~x & (x - 1)) >> 31);
}

/** `a` where `mask` is all ones, `b` where it is zero. */
export function ctSelect32(mask: u32, a: u32, b: u32): u32 {
  return b ^ (mask & (a ^ b));
}

/** Whether `length` bytes at `a` and at `b` are the same. */
export function ctEqual(a: usize, b: usize, length: usize): bool {
  let difference: u32 = 0;
  for (let i: usize = 0; i < length; i++) difference |= load<u8>(a + i) ^ load<u8>(b + i);
  return (ctIsZero32(difference) & 1) !== 0;
}

/** All ones when `length` bytes at `data` are all zero, else zero. */
export function ctIsZero(data: usize, length: usize): u32 {
  let any: u32 = 0;
  for (let i: usize = 0; i < length; i++) any |= load<u8>(data + i);
  return ctIsZero32(any);
}

/** Where `mask` is all ones, copies `words` 32-bit words from `source` to `destination`. */
export function ctCopy32(mask: u32, destination: usize, source: usize, words: i32): void {
  for (let i: i32 = 0; i < words; i++) {
    const offset = (<usize>i) << 2;
    const old = load<u32>(destination + offset);
    store<u32>(destination + offset, old ^ (mask & (old ^ load<u32>(source + offset))));
  }
}

/**
 * Overwrites `length` bytes at `data` with zeros.
 *
 * No compiler on the way removes it: Binaryen keeps every store to linear memory, and in the C that
 * wasm2c makes the memory outlives the call. Copies in locals (registers, the native stack) are out of
 * reach of WebAssembly code.
 */
export function wipe(data: usize, length: usize): void {
  memory.fill(data, 0, length);
}
