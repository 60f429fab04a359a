// Small kernels for the microcontroller bench: the same work as mcu-client/images/bench/native.c, and a few
// functions that show that the bench itself is right.
import { Sha256 } from "../crypto/sha256";
import { random } from "../platform-services/platform";

export function fibonacci(n: u32): u32 {
  return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

/** Eight 32-bit limbs each, little-endian: two factors, the second one after the first; then the product. */
const operands = memory.data(32 + 32 + 64);

/** `rounds` products of two 256-bit numbers, the low half fed back: the lowest limb of the last one. */
export function multiply256(rounds: u32): u32 {
  const a = operands;
  const b = operands + 32;
  const product = operands + 64;
  for (let i: u32 = 0; i < 8; i++) {
    store<u32>(a + (i << 2), 0x9e3779b9 * (i + 1));
    store<u32>(b + (i << 2), 0x85ebca6b * (i + 3));
  }
  for (; rounds > 0; rounds--) {
    memory.fill(product, 0, 64);
    for (let i: usize = 0; i < 32; i += 4) {
      const limb = <u64>load<u32>(a + i);
      let carry: u64 = 0;
      for (let j: usize = 0; j < 32; j += 4) {
        carry += limb * load<u32>(b + j) + load<u32>(product + i + j);
        store<u32>(product + i + j, <u32>carry);
        carry >>= 32;
      }
      store<u32>(product + i + 32, <u32>carry);
    }
    memory.copy(a, product, 32);
  }
  return load<u32>(a);
}

/** A loop of exactly as many turns as it is told. */
export function loop(turns: u32): u32 {
  let sum: u32 = 0;
  for (let i: u32 = 0; i < turns; i++) sum = sum * 33 + i;
  return sum;
}

/** Eight bytes of the platform's random source. */
export function draw(): u64 {
  random(operands, 8);
  return load<u64>(operands);
}

export function halve(x: f64): f64 {
  return x / 2;
}

export function wide(a: i64, b: i32): i64 {
  return a * b;
}

export function divide(a: i32, b: i32): i32 {
  return a / b;
}

/** Reads far outside the module's memory. */
export function stray(): u32 {
  return load<u32>(0xfffffff0);
}

/** One number out of all integer operations, loads and stores, fed with what a generator gives. */
export function operations(rounds: u32): u64 {
  let x: u64 = ((0x9e3779b9 as u64) << 32) | 0x7f4a7c15;
  let sum: u64 = 0;
  const at = operands + 32;
  for (; rounds > 0; rounds--) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    const y = rotl<u64>(x, 29) * (((0xbf58476d as u64) << 32) | 0x1ce4e5b9);
    const a = <u32>x;
    const b = <u32>y;
    sum = sum * 31 + rotl<u32>(a, b) + rotr<u32>(b, a) + rotl<u64>(x, y) + rotr<u64>(y, x);
    sum += <u64>(clz(a) + ctz(b) + popcnt(a)) + clz(y >> (a & 63)) + ctz(x << (b & 63)) + popcnt(y);
    sum += <u64>(<i64>(<i32>a >> <i32>b) + (<i64>x >> <i64>y) + <i64>(<i8>a) * <i16>b);
    if (b !== 0) {
      sum ^= <u64>(a / b) + ((<u64>(a % b)) << 32);
      if (<i32>b !== -1) sum += <u64>(<i32>a / <i32>b) + <u64>(<i32>a % <i32>b);
      sum ^= <u64>(<i64>x / <i64>(<i32>b)) + x / b + <u64>(<i64>y % <i64>(<i32>b)) + (y % b);
    }
    sum += <u64>(<i32>a % -1) + <u64>(<i64>x % -1);
    store<u64>(at, x, 3);
    store<u32>(at, b, 9);
    store<u16>(at, <u16>a, 17);
    store<u8>(at, <u8>b, 1);
    store<u8>(at, <u8>y, 0);
    memory.copy(at + 5, at, 20);
    memory.copy(at, at + 2, 20);
    memory.fill(at + 40, <u8>a, b & 15);
    const signed = <i64>load<i8>(at, 3) + load<i16>(at, 5) + load<i32>(at, 7) + load<i64>(at, 1);
    const unsigned = <u64>load<u8>(at, 9) + load<u16>(at, 11) + load<u32>(at, 13);
    sum += <u64>signed ^ (unsigned + load<u64>(at, 40));
    sum += <u64>choose(a)(b, y);
  }
  return sum;
}

function added(a: u32, b: u64): u64 {
  return a + b;
}

function multiplied(a: u32, b: u64): u64 {
  return a * b;
}

function choose(selector: u32): (a: u32, b: u64) => u64 {
  return (selector & 1) !== 0 ? added : multiplied;
}

/** Grows the memory: the pages before, or -1. */
export function grow(pages: u32): i32 {
  return memory.grow(pages);
}

export function size(): u32 {
  return memory.size();
}

/** SHA-256 of `length` bytes of value 0x61: the digest's first word. */
export function sha256(length: u32): u32 {
  const hash = new Sha256();
  const block = operands;
  const digest = operands + 64;
  memory.fill(block, 0x61, 64);
  for (; length > 64; length -= 64) hash.update(block, 64);
  hash.update(block, length as usize);
  hash.finish(digest);
  return bswap<u32>(load<u32>(digest));
}
