import { getrandom } from "../getrandom";
import { Result } from "../libveracruz/result";
import { ReturnCode } from "../libveracruz/return-code";
import { reserve } from "../veracruz_rt/memory";
import { ChaCha20 } from "./chacha20";

const SEED_BYTES: i32 = 32;
const BLOCK_WORDS: i32 = 16;
const TWO_TO_MINUS_53: f64 = 1.1102230246251565e-16;
const TWO_TO_MINUS_24: f32 = 5.9604644775390625e-8;

/**
 * Random numbers, from a ChaCha20 keystream whose key is the seed. `Random.fromPlatform()` takes the seed
 * from the platform's trusted source; `Random.fromSeed(seed)` always gives the same numbers, in tests and
 * wherever parties must be able to repeat a run.
 *
 * No argument makes a method trap; each method says what a senseless one gives.
 */
export class Random {
  private readonly keystream: ChaCha20;
  /** The next word of the present block; at `BLOCK_WORDS` a new block is due. */
  private word: i32 = BLOCK_WORDS;
  /** The second of the last pair of normal deviates; NaN when it is used up. */
  private spareNormal: f64 = NaN;

  private constructor(seed: Uint8Array) {
    this.keystream = new ChaCha20(seed);
  }

  /** @param seed 32 bytes of any content; a shorter one is taken as ending in zeros */
  static fromSeed(seed: Uint8Array): Random {
    return new Random(seed);
  }

  /** A generator that nobody can foresee, or the code of the H-call that gave no seed. */
  static fromPlatform(): Result<Random> {
    if (!reserve(0)) return Result.failure<Random>(ReturnCode.Generic);
    const seed = new Uint8Array(SEED_BYTES);
    const code = getrandom(seed);
    if (code !== ReturnCode.Success) return Result.failure<Random>(code);
    const random = new Random(seed);
    seed.fill(0);
    return Result.success<Random>(random);
  }

  /** 32 random bits: the next little-endian word of the keystream. */
  nextU32(): u32 {
    if (this.word === BLOCK_WORDS) {
      this.keystream.next();
      this.word = 0;
    }
    return this.keystream.block[this.word++];
  }

  /** 64 random bits, the low half first. */
  nextU64(): u64 {
    const low: u64 = this.nextU32();
    return low | ((this.nextU32() as u64) << 32);
  }

  /** Fills `buffer`, four bytes from each word; the rest of the last word is dropped. */
  fill(buffer: Uint8Array): void {
    let at = buffer.dataStart;
    const end = at + buffer.length;
    for (; at + 4 <= end; at += 4) store<u32>(at, this.nextU32());
    if (at === end) return;
    for (let word = this.nextU32(); at < end; word >>= 8) store<u8>(at++, word as u8);
  }

  /**
   * A whole number from 0 to `bound` - 1, each as probable as the others; 0 for a bound of 0.
   * D. Lemire, "Fast Random Integer Generation in an Interval" (2019).
   */
  below(bound: u32): u32 {
    if (bound === 0) return 0;
    let product = (this.nextU32() as u64) * (bound as u64);
    if ((product as u32) < bound) {
      // 2^32 mod bound: that many of the low halves would make some numbers more probable.
      const excess: u32 = ((0 as u32) - bound) % bound;
      while ((product as u32) < excess) product = (this.nextU32() as u64) * (bound as u64);
    }
    return (product >> 32) as u32;
  }

  /** As `below`, for 64 bits: draws as many bits as `bound` - 1 has until they are below `bound`. */
  below64(bound: u64): u64 {
    if (bound < 2) return 0;
    const mask = u64.MAX_VALUE >> clz<u64>(bound - 1);
    let drawn = this.nextU64() & mask;
    while (drawn >= bound) drawn = this.nextU64() & mask;
    return drawn;
  }

  /** A whole number from `low` to `high`, both included, uniform; `low` where `high` is less. */
  between(low: i32, high: i32): i32 {
    if (high <= low) return low;
    const span = ((high - low) as u32) + 1;
    return low + ((span === 0 ? this.nextU32() : this.below(span)) as i32);
  }

  /** As `between`, for 64 bits. */
  between64(low: i64, high: i64): i64 {
    if (high <= low) return low;
    const span = ((high - low) as u64) + 1;
    return low + ((span === 0 ? this.nextU64() : this.below64(span)) as i64);
  }

  /** A multiple of 2^-53 from 0 to below 1, uniform. */
  f64(): f64 {
    return ((this.nextU64() >> 11) as f64) * TWO_TO_MINUS_53;
  }

  /** A multiple of 2^-24 from 0 to below 1, uniform. */
  f32(): f32 {
    return ((this.nextU32() >> 8) as f32) * TWO_TO_MINUS_24;
  }

  /** True with this probability: never for 0, less or NaN, always for 1 or more. */
  bernoulli(probability: f64): bool {
    return this.f64() < probability;
  }

  /** A normal deviate; by G. Marsaglia's polar method, which makes two at a time. */
  normal(mean: f64 = 0, standardDeviation: f64 = 1): f64 {
    let deviate = this.spareNormal;
    if (isNaN(deviate)) {
      let x: f64 = 0;
      let y: f64 = 0;
      let squares: f64 = 0;
      do {
        x = 2 * this.f64() - 1;
        y = 2 * this.f64() - 1;
        squares = x * x + y * y;
      } while (squares >= 1 || squares === 0);
      const factor = Math.sqrt((-2 * Math.log(squares)) / squares);
      deviate = x * factor;
      this.spareNormal = y * factor;
    } else {
      this.spareNormal = NaN;
    }
    return mean + standardDeviation * deviate;
  }

  /** An exponential deviate of this rate (its mean is 1 / rate); NaN or infinite where the rate is not > 0. */
  exponential(rate: f64 = 1): f64 {
    return rate > 0 ? -Math.log(1 - this.f64()) / rate : NaN;
  }

  /** Puts the items in random order, in place; each order is as probable (Fisher and Yates). */
  shuffle<T>(items: Array<T>): void {
    for (let i = items.length - 1; i > 0; i--) this.swap<T>(items, i, this.below(i + 1));
  }

  /**
   * Brings `count` items, drawn without putting back, to the front of the array, in random order; each
   * choice is as probable. All of them if it has fewer.
   */
  sample<T>(items: Array<T>, count: i32): void {
    const last = min(count, items.length - 1);
    for (let i = 0; i < last; i++) this.swap<T>(items, i, i + this.below(items.length - i));
  }

  private swap<T>(items: Array<T>, i: i32, j: i32): void {
    const item = items[i];
    items[i] = items[j];
    items[j] = item;
  }
}
