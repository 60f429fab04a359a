// What the bench of wasm3-node counts instructions on (host/wasm3-node/bench.ts): real work and its extremes.

const state = memory.data(32, 8);
const schedule = memory.data(256, 8);
const numbers = memory.data(4096 * 4, 8);

/** The first 32 bits of the fractional parts of the cube roots of the first 64 primes (FIPS 180-4 §4.2.2). */
const constants = memory.data(256, 8);

function roundConstants(): void {
  let count: u32 = 0;
  for (let candidate: u32 = 2; count < 64; candidate++) {
    let isPrime = true;
    for (let divisor: u32 = 2; divisor * divisor <= candidate; divisor++) {
      if (candidate % divisor === 0) isPrime = false;
    }
    if (!isPrime) continue;
    const root = Math.cbrt(<f64>candidate);
    store<u32>(constants + count * 4, <u32>((root - Math.floor(root)) * 4294967296.0));
    count++;
  }
}

/** SHA-256's compression function over `blocks` blocks of changing bytes; the first word of the state. */
export function sha256(blocks: u32): u32 {
  roundConstants();
  for (let i: u32 = 0; i < 8; i++) store<u32>(state + i * 4, 0x6a09e667 + i * 0x1234567);
  for (let block: u32 = 0; block < blocks; block++) {
    for (let t: u32 = 0; t < 16; t++) store<u32>(schedule + t * 4, block * 16 + t);
    for (let t: u32 = 16; t < 64; t++) {
      const at = schedule + t * 4;
      const w15 = load<u32>(at - 60);
      const w2 = load<u32>(at - 8);
      const s0 = rotr<u32>(w15, 7) ^ rotr<u32>(w15, 18) ^ (w15 >> 3);
      const s1 = rotr<u32>(w2, 17) ^ rotr<u32>(w2, 19) ^ (w2 >> 10);
      store<u32>(at, load<u32>(at - 64) + s0 + load<u32>(at - 28) + s1);
    }
    let a = load<u32>(state);
    let b = load<u32>(state + 4);
    let c = load<u32>(state + 8);
    let d = load<u32>(state + 12);
    let e = load<u32>(state + 16);
    let f = load<u32>(state + 20);
    let g = load<u32>(state + 24);
    let h = load<u32>(state + 28);
    for (let t: u32 = 0; t < 64; t++) {
      const s1 = rotr<u32>(e, 6) ^ rotr<u32>(e, 11) ^ rotr<u32>(e, 25);
      const choice = (e & f) ^ (~e & g);
      const t1 = h + s1 + choice + load<u32>(constants + t * 4) + load<u32>(schedule + t * 4);
      const s0 = rotr<u32>(a, 2) ^ rotr<u32>(a, 13) ^ rotr<u32>(a, 22);
      const majority = (a & b) ^ (a & c) ^ (b & c);
      h = g;
      g = f;
      f = e;
      e = d + t1;
      d = c;
      c = b;
      b = a;
      a = t1 + s0 + majority;
    }
    store<u32>(state, load<u32>(state) + a);
    store<u32>(state + 4, load<u32>(state + 4) + b);
    store<u32>(state + 8, load<u32>(state + 8) + c);
    store<u32>(state + 12, load<u32>(state + 12) + d);
    store<u32>(state + 16, load<u32>(state + 16) + e);
    store<u32>(state + 20, load<u32>(state + 20) + f);
    store<u32>(state + 24, load<u32>(state + 24) + g);
    store<u32>(state + 28, load<u32>(state + 28) + h);
  }
  return load<u32>(state);
}

/** Recursion: nothing but calls. */
export function fib(n: u32): u32 {
  return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

/** Insertion sort of `n` (at most 4096) pseudo-random numbers: short loops, loads and stores. */
export function sort(n: u32): u32 {
  let seed: u32 = 12345;
  for (let i: u32 = 0; i < n; i++) {
    seed = seed * 1664525 + 1013904223;
    store<u32>(numbers + i * 4, seed);
  }
  for (let i: u32 = 1; i < n; i++) {
    const value = load<u32>(numbers + i * 4);
    let j = i;
    for (; j > 0 && load<u32>(numbers + (j - 1) * 4) > value; j--)
      store<u32>(numbers + j * 4, load<u32>(numbers + (j - 1) * 4));
    store<u32>(numbers + j * 4, value);
  }
  return load<u32>(numbers + (n >> 1) * 4);
}

/** Newton's square roots, summed: floats. */
export function roots(n: u32): f64 {
  let sum: f64 = 0;
  for (let i: u32 = 1; i <= n; i++) {
    const value = <f64>i;
    let guess = value;
    for (let step = 0; step < 8; step++) guess = 0.5 * (guess + value / guess);
    sum += guess;
  }
  return sum;
}

/** A loop with nothing in it. */
export function empty(turns: u32): u32 {
  let i = turns;
  do {
    i--;
  } while (i > 0);
  return i;
}
