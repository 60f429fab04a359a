// Random numbers in programs: the generator against RFC 8439 and an independent ChaCha20, each kind of
// number against an independent reading of the same keystream, and against its distribution (with fixed
// seeds, so that a statistic never fails by bad luck).
import { readFileSync } from "node:fs";
import { chacha20 } from "@noble/ciphers/chacha.js";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { wasmPath } from "../../host/common/paths.js";
import { ClassicWriter } from "../../host/program-data/classic-encoding.js";
import { runOnNode } from "../support/hcalls.js";

const program = readFileSync(wasmPath("testing/sdk-rand"));

const kinds = {
  u32: 0,
  u64: 1,
  below: 2,
  below64: 3,
  between: 4,
  f64: 5,
  f32: 6,
  bernoulli: 7,
  normal: 8,
  exponential: 9,
  shuffle: 10,
  sample: 11,
  fill: 12,
  between64: 13,
} as const;
type Kind = keyof typeof kinds;

const seedOf = (text: string) => new Uint8Array(Buffer.from(text.padEnd(32, "."), "latin1"));

/** The bytes that a program writes after drawing `count` times. */
function draw(seed: Uint8Array, kind: Kind, count: number, a = 0, b = 0): DataView<ArrayBuffer> {
  const order = new ClassicWriter().u8(kinds[kind]).u32(count).f64(a).f64(b).bytes;
  const { code, trap, output } = runOnNode(program, { inputs: [seed, order] });
  assert.is(trap, undefined, kind);
  assert.is(code, 0, kind);
  const bytes = Uint8Array.from(output as Uint8Array);
  return new DataView(bytes.buffer);
}

const typedArrays = {
  u8: (buffer: ArrayBuffer) => new Uint8Array(buffer),
  u32: (buffer: ArrayBuffer) => new Uint32Array(buffer),
  i32: (buffer: ArrayBuffer) => new Int32Array(buffer),
  f32: (buffer: ArrayBuffer) => new Float32Array(buffer),
  f64: (buffer: ArrayBuffer) => new Float64Array(buffer),
};

function numbers(view: DataView<ArrayBuffer>, type: keyof typeof typedArrays): number[] {
  return Array.from(typedArrays[type](view.buffer));
}

/** The keystream of the seed, read by an implementation of somebody else's. */
class Reference {
  private readonly words: Uint32Array;
  private next = 0;
  private spare: number | undefined;

  constructor(seed: Uint8Array, words = 1 << 16) {
    const stream = chacha20(seed, new Uint8Array(12), new Uint8Array(4 * words));
    this.words = new Uint32Array(stream.buffer, stream.byteOffset, words);
  }

  u32(): number {
    return this.words[this.next++] as number;
  }

  u64(): bigint {
    const low = BigInt(this.u32());
    return low | (BigInt(this.u32()) << 32n);
  }

  /** Lemire's method in unbounded integers. */
  below(bound: number): number {
    const size = 1n << 32n;
    for (;;) {
      const product = BigInt(this.u32()) * BigInt(bound);
      if (product % size >= size % BigInt(bound)) return Number(product / size);
    }
  }

  below64(bound: bigint): bigint {
    const bits = (bound - 1n).toString(2).length;
    for (;;) {
      const drawn = BigInt.asUintN(bits, this.u64());
      if (drawn < bound) return drawn;
    }
  }

  f64(): number {
    return Number(this.u64() >> 11n) / 2 ** 53;
  }

  f32(): number {
    return Math.floor(this.u32() / 256) / 2 ** 24;
  }

  /** Marsaglia's polar method. */
  normal(): number {
    if (this.spare !== undefined) {
      const spare = this.spare;
      this.spare = undefined;
      return spare;
    }
    for (;;) {
      const x = 2 * this.f64() - 1;
      const y = 2 * this.f64() - 1;
      const squares = x * x + y * y;
      if (squares >= 1 || squares === 0) continue;
      const factor = Math.sqrt((-2 * Math.log(squares)) / squares);
      this.spare = y * factor;
      return x * factor;
    }
  }
}

/** Pearson's statistic lies between its 0.1 % and 99.9 % quantiles (Wilson and Hilferty's approximation). */
function isUniform(counts: readonly number[], what: string): void {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const expected = total / counts.length;
  const statistic = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  const freedom = counts.length - 1;
  const quantile = (deviations: number) =>
    freedom * (1 - 2 / (9 * freedom) + deviations * Math.sqrt(2 / (9 * freedom))) ** 3;
  assert.ok(
    statistic > quantile(-3.09) && statistic < quantile(3.09),
    `${what}: chi-square ${statistic} with ${freedom} degrees of freedom`,
  );
}

/** How many of the numbers from 0 to below 1 fall into each of `bins` equal parts. */
function histogram(values: readonly number[], bins: number): number[] {
  const counts = new Array<number>(bins).fill(0);
  for (const value of values) {
    const bin = Math.floor(value * bins);
    assert.ok(bin >= 0 && bin < bins, `${value} is outside [0, 1)`);
    counts[bin] = (counts[bin] as number) + 1;
  }
  return counts;
}

test("the keystream is ChaCha20's (RFC 8439, A.1)", () => {
  // Test vectors #1 and #2: key and nonce zero, block counters 0 and 1.
  const zeros = draw(new Uint8Array(32), "u32", 32);
  assert.is(
    Buffer.from(zeros.buffer).toString("hex"),
    "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7" +
      "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586" +
      "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed" +
      "29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f",
  );
  // Test vector #3: a key that ends in 1, block counter 1.
  const key = new Uint8Array(32);
  key[31] = 1;
  assert.is(
    Buffer.from(draw(key, "u32", 32).buffer)
      .subarray(64)
      .toString("hex"),
    "3aeb5224ecf849929b9d828db1ced4dd832025e8018b8160b82284f3c949aa5a" +
      "8eca00bbb4a73bdad192b5c42f73f2fd4e273644c8b36125a64addeb006c13a0",
  );
});

test("a thousand words agree with another implementation", () => {
  const seed = seedOf("a thousand words");
  const reference = new Reference(seed);
  assert.equal(
    numbers(draw(seed, "u32", 1000), "u32"),
    Array.from({ length: 1000 }, () => reference.u32()),
  );
  const again = new Reference(seed);
  const view = draw(seed, "u64", 500);
  for (let i = 0; i < 500; i++) assert.is(view.getBigUint64(8 * i, true), again.u64());
});

test("a short seed ends in zeros, a long one counts as 32 bytes", () => {
  const hex = (seed: Uint8Array) => Buffer.from(draw(seed, "u32", 8).buffer).toString("hex");
  const whole = Uint8Array.from([1, 2, 3, ...new Uint8Array(29)]);
  assert.is(hex(Uint8Array.of(1, 2, 3)), hex(whole));
  assert.is(hex(new Uint8Array(0)), hex(new Uint8Array(32)));
  assert.is(hex(Uint8Array.from([...whole, 9])), hex(whole));
});

test("fill gives the keystream's bytes", () => {
  const seed = seedOf("fill");
  const stream = chacha20(seed, new Uint8Array(12), new Uint8Array(64));
  for (const length of [0, 1, 3, 4, 5, 8, 33]) {
    assert.equal(
      numbers(draw(seed, "fill", 1, length), "u8"),
      Array.from(stream.subarray(0, length)),
    );
  }
  // The rest of a word that was begun is dropped.
  assert.equal(numbers(draw(seed, "fill", 2, 3), "u8"), [
    ...stream.subarray(0, 3),
    ...stream.subarray(4, 7),
  ]);
});

test("whole numbers agree with the reference, at every kind of bound", () => {
  for (const bound of [1, 2, 3, 6, 10, 256, 1000, 2 ** 31, 2 ** 31 + 1, 3 * 2 ** 30, 2 ** 32 - 1]) {
    const seed = seedOf(`below ${bound}`);
    const reference = new Reference(seed);
    assert.equal(
      numbers(draw(seed, "below", 300, bound), "u32"),
      Array.from({ length: 300 }, () => reference.below(bound)),
      `below(${bound})`,
    );
  }
  for (const bound of [2, 3, 1000, 2 ** 32 + 2, 3 * 2 ** 50, 2 ** 63]) {
    const seed = seedOf(`below64 ${bound}`);
    const reference = new Reference(seed);
    const view = draw(seed, "below64", 100, bound);
    for (let i = 0; i < 100; i++) {
      assert.is(view.getBigUint64(8 * i, true), reference.below64(BigInt(bound)));
    }
  }
});

test("between includes both ends, up to the whole range of i32", () => {
  const seed = seedOf("between");
  const reference = new Reference(seed);
  assert.equal(
    numbers(draw(seed, "between", 200, -3, 3), "i32"),
    Array.from({ length: 200 }, () => reference.below(7) - 3),
  );
  assert.equal(new Set(numbers(draw(seed, "between", 200, -3, 3), "i32")).size, 7);
  const words = new Reference(seed);
  assert.equal(
    numbers(draw(seed, "between", 50, -(2 ** 31), 2 ** 31 - 1), "i32"),
    Array.from({ length: 50 }, () => (words.u32() - 2 ** 31) | 0),
  );
});

test("between64 includes both ends, up to the whole range of i64", () => {
  const seed = seedOf("between64");
  for (const [low, high] of [
    [-3, 3],
    [-(2 ** 53), 2 ** 53],
    [-(2 ** 63), 0],
  ] as const) {
    const reference = new Reference(seed);
    const view = draw(seed, "between64", 100, low, high);
    for (let i = 0; i < 100; i++) {
      const expected = BigInt(low) + reference.below64(BigInt(high) - BigInt(low) + 1n);
      assert.is(view.getBigInt64(8 * i, true), expected);
    }
  }
  const words = new Reference(seed);
  const whole = draw(seed, "between64", 50, -(2 ** 63), 2 ** 63);
  for (let i = 0; i < 50; i++) {
    assert.is(whole.getBigInt64(8 * i, true), BigInt.asIntN(64, words.u64() - 2n ** 63n));
  }
  assert.is(draw(seed, "between64", 1, 5, -5).getBigInt64(0, true), 5n);
});

test("senseless arguments give what is said, and never trap", () => {
  const seed = seedOf("senseless");
  assert.equal(numbers(draw(seed, "below", 3, 0), "u32"), [0, 0, 0]);
  assert.is(draw(seed, "below64", 1, 0).getBigUint64(0, true), 0n);
  assert.is(draw(seed, "below64", 1, 1).getBigUint64(0, true), 0n);
  assert.equal(numbers(draw(seed, "between", 2, 5, 5), "i32"), [5, 5]);
  assert.equal(numbers(draw(seed, "between", 2, 5, -5), "i32"), [5, 5]);
  for (const rate of [0, -1, Number.NaN]) {
    assert.ok(Number.isNaN(draw(seed, "exponential", 1, rate).getFloat64(0, true)));
  }
  for (const [probability, expected] of [
    [0, 0],
    [-1, 0],
    [Number.NaN, 0],
    [1, 1],
    [2, 1],
  ] as const) {
    const drawn = numbers(draw(seed, "bernoulli", 1000, probability), "u8");
    assert.ok(
      drawn.every((value) => value === expected),
      `bernoulli(${probability})`,
    );
  }
  assert.equal(numbers(draw(seed, "shuffle", 1, 0), "u32"), []);
  assert.equal(numbers(draw(seed, "shuffle", 1, 1), "u32"), [0]);
  assert.equal(numbers(draw(seed, "sample", 1, 3, 0), "u32"), []);
  assert.equal(numbers(draw(seed, "sample", 1, 3, -1), "u32"), [0, 1]);
  assert.equal(numbers(draw(seed, "sample", 1, 3, 9), "u32").sort(), [0, 1, 2]);
});

test("floats and deviates agree with the reference", () => {
  const seed = seedOf("floats");
  const doubles = new Reference(seed);
  assert.equal(
    numbers(draw(seed, "f64", 500), "f64"),
    Array.from({ length: 500 }, () => doubles.f64()),
  );
  const singles = new Reference(seed);
  assert.equal(
    numbers(draw(seed, "f32", 500), "f32"),
    Array.from({ length: 500 }, () => singles.f32()),
  );
  // Logarithms of two libraries may differ in the last bits.
  const close = (value: number, expected: number) =>
    assert.ok(Math.abs(value - expected) <= 1e-13 * Math.max(1, Math.abs(expected)), `${value}`);
  const normals = new Reference(seed);
  for (const value of numbers(draw(seed, "normal", 500, 5, 2), "f64")) {
    close(value, 5 + 2 * normals.normal());
  }
  const exponentials = new Reference(seed);
  for (const value of numbers(draw(seed, "exponential", 500, 4), "f64")) {
    close(value, -Math.log(1 - exponentials.f64()) / 4);
  }
});

test("whole numbers are uniform, where a remainder would not be", () => {
  // Taking u32 % (3 * 2^30) would make the first third twice as probable.
  const bound = 3 * 2 ** 30;
  const values = numbers(draw(seedOf("uniform"), "below", 60_000, bound), "u32");
  isUniform(
    histogram(
      values.map((value) => value / bound),
      48,
    ),
    "below(3 * 2^30)",
  );
  const six = numbers(draw(seedOf("dice"), "below", 60_000, 6), "u32");
  isUniform(
    histogram(
      six.map((value) => value / 6),
      6,
    ),
    "below(6)",
  );
});

test("floats are uniform", () => {
  isUniform(histogram(numbers(draw(seedOf("f64"), "f64", 60_000), "f64"), 100), "f64");
  isUniform(histogram(numbers(draw(seedOf("f32"), "f32", 60_000), "f32"), 100), "f32");
});

test("Bernoulli trials succeed as often as they should", () => {
  const trials = 60_000;
  for (const probability of [0.01, 0.3, 0.5, 0.999]) {
    const drawn = numbers(draw(seedOf(`b${probability}`), "bernoulli", trials, probability), "u8");
    const successes = drawn.reduce((sum, value) => sum + value, 0);
    const deviation = Math.sqrt(trials * probability * (1 - probability));
    assert.ok(Math.abs(successes - trials * probability) < 3.3 * deviation, `${successes}`);
  }
});

test("normal and exponential deviates have their distributions", () => {
  // Abramowitz and Stegun 26.2.17, to 7.5e-8: the normal distribution function.
  const phi = (x: number): number => {
    if (x < 0) return 1 - phi(-x);
    const t = 1 / (1 + 0.2316419 * x);
    const series =
      t *
      (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
    return 1 - (Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)) * series;
  };
  const normals = numbers(draw(seedOf("normal"), "normal", 60_000, -2, 3), "f64");
  isUniform(
    histogram(
      normals.map((value) => phi((value + 2) / 3)),
      60,
    ),
    "normal",
  );
  const exponentials = numbers(draw(seedOf("exponential"), "exponential", 60_000, 0.25), "f64");
  isUniform(
    histogram(
      exponentials.map((value) => 1 - Math.exp(-0.25 * value)),
      60,
    ),
    "exponential",
  );
});

test("shuffles make each order, samples each choice, equally often", () => {
  const count = (items: readonly string[], all: number) => {
    const counts = new Map<string, number>();
    for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
    assert.is(counts.size, all);
    return [...counts.values()];
  };
  const groups = (values: readonly number[], size: number) =>
    Array.from({ length: values.length / size }, (_, i) =>
      values.slice(i * size, (i + 1) * size).join(),
    );
  const orders = numbers(draw(seedOf("shuffle"), "shuffle", 24_000, 4), "u32");
  isUniform(count(groups(orders, 4), 24), "orders of four");
  const choices = numbers(draw(seedOf("sample"), "sample", 20_000, 5, 2), "u32");
  isUniform(count(groups(choices, 2), 20), "ordered pairs of five");
});

test("encode gives the bytes that encodeOutput would write", () => {
  const { code, output } = runOnNode(program, { entry: "encodeSeven" });
  assert.is(code, 0);
  assert.equal(Array.from(output ?? []), [7, 0]);
});

test.run();
