// How many people are in each bin, with noise that hides whether any one person took part (differential privacy).
//
// Inputs (two or more): (u32, u32, u32), the number of bins and the privacy budget epsilon as a fraction, both numbers
// from 1 to 1000, which all parties agree on with the program's owner; Vec<u32>, each provider's people, a bin each.
// Result: (Vec<i64>, (u32, u32)): noisy counts, and the budget that they used up. A count may be below 0.
// BadInput: malformed, no bins or more than 65536, an epsilon outside of its bounds, or a bin that is not there;
// ServiceUnavailable, Generic: no random numbers; Generic: not enough memory; DataSourceCount: fewer than two inputs.
//
// One person more or less changes one count by 1. Discrete Laplace noise of scale 1/epsilon makes any result at most
// e^epsilon times as probable. It is sampled exactly, in whole numbers, as floating-point noise would tell on the
// counts: C. Canonne, G. Kamath, T. Steinke, "The Discrete Gaussian for Differential Privacy" (2020), algorithm 2.
import {
  Codec,
  decodeInput,
  encodeOutput,
  fail,
  getrandomU32,
  inputCount,
  ReturnCode,
  tryBytes,
} from "../../../assembly/sdk";

const MOST_BINS: u32 = 65536;
const MOST: u32 = 1000;

class Parameters {
  bins: u32 = 0;
  numerator: u32 = 0;
  denominator: u32 = 0;

  fields(codec: Codec): void {
    this.bins = codec.of(this.bins);
    this.numerator = codec.of(this.numerator);
    this.denominator = codec.of(this.denominator);
    if (this.bins === 0 || this.bins > MOST_BINS) codec.reject();
    if (this.numerator === 0 || this.numerator > MOST) codec.reject();
    if (this.denominator === 0 || this.denominator > MOST) codec.reject();
  }
}

class Histogram {
  constructor(
    readonly counts: Int64Array,
    readonly parameters: Parameters,
  ) {}

  fields(codec: Codec): void {
    codec.of(this.counts);
    codec.of(this.parameters.numerator);
    codec.of(this.parameters.denominator);
  }
}

/** Draws from the platform's source. The first failure stays in `code`, and every draw after it gives 0. */
class Sampler {
  code: ReturnCode = ReturnCode.Success;

  /** A whole number from 0 to `bound` - 1, uniform (D. Lemire, 2019). */
  below(bound: u32): u32 {
    const excess: u32 = ((0 as u32) - bound) % bound;
    let product: u64 = 0;
    do {
      const bits = getrandomU32();
      if (bits.failed) {
        this.code = bits.code;
        return 0;
      }
      product = (bits.value as u64) * (bound as u64);
    } while ((product as u32) < excess);
    return (product >> 32) as u32;
  }

  get failed(): bool {
    return this.code !== ReturnCode.Success;
  }

  /** True with probability exp(-part/whole), for part <= whole. */
  exponential(part: u32, whole: u32): bool {
    let k: u32 = 1;
    while (!this.failed && this.below(whole * k) < part) k++;
    return (k & 1) === 1;
  }

  /** Discrete Laplace noise: z with a probability in proportion to exp(-|z| numerator/denominator). */
  laplace(numerator: u32, denominator: u32): i64 {
    while (!this.failed) {
      const offset = this.below(denominator);
      if (!this.exponential(offset, denominator)) continue;
      let turns: u64 = 0;
      while (!this.failed && this.exponential(1, 1)) turns++;
      const magnitude = ((offset as u64) + turns * (denominator as u64)) / (numerator as u64);
      const negative = this.below(2) === 1;
      if (negative && magnitude === 0) continue;
      return negative ? -(magnitude as i64) : (magnitude as i64);
    }
    return 0;
  }
}

export function main(): i32 {
  const count = inputCount();
  if (count.failed) return fail(count.code);
  if (count.value < 2) return fail(ReturnCode.DataSourceCount);
  const read = decodeInput<Parameters>(0);
  if (read.failed) return fail(read.code);
  const parameters = read.value;
  const room = tryBytes((parameters.bins as usize) << 3);
  if (room === null) return fail(ReturnCode.Generic);
  const counts = Int64Array.wrap(room.buffer);
  for (let index: u32 = 1; index < count.value; index++) {
    const people = decodeInput<Uint32Array>(index);
    if (people.failed) return fail(people.code);
    for (let i = 0; i < people.value.length; i++) {
      const bin = people.value[i];
      if (bin >= parameters.bins) return fail(ReturnCode.BadInput);
      counts[bin]++;
    }
  }
  const sampler = new Sampler();
  for (let bin = 0; bin < counts.length; bin++) {
    counts[bin] += sampler.laplace(parameters.numerator, parameters.denominator);
  }
  if (sampler.failed) return fail(sampler.code);
  return encodeOutput<Histogram>(new Histogram(counts, parameters));
}
