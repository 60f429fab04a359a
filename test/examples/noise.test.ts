// The noise of noisy-histogram: its distribution is the discrete Laplace that the privacy budget demands.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ClassicReader, ClassicWriter } from "../../host/program-data/classic-encoding.js";
import { exampleProgram } from "../support/example-data.js";
import { runOnNode } from "../support/hcalls.js";
import { Random } from "../support/random.js";

const BINS = 60_000;

/** Noise of so many bins without people, by random numbers that are the same each time. */
function noise(numerator: number, denominator: number, people: number[] = []): number[] {
  const random = new Random(numerator * 1000 + denominator);
  const { code, output } = runOnNode(exampleProgram("noisy-histogram"), {
    inputs: [
      new ClassicWriter().u32(BINS).u32(numerator).u32(denominator).bytes,
      new ClassicWriter().sequence(people, (bin, writer) => writer.u32(bin)).bytes,
    ],
    random: (buffer) => {
      for (let i = 0; i < buffer.length; i++) buffer[i] = random.next() >>> 24;
      return 0;
    },
  });
  assert.is(code, 0);
  const reader = new ClassicReader(output as Uint8Array);
  const counts = reader.sequence((each) => Number(BigInt.asIntN(64, each.u64())));
  assert.equal(
    [reader.integer(4, false), reader.integer(4, false)],
    [BigInt(numerator), BigInt(denominator)],
  );
  assert.is(reader.remaining, 0);
  return counts;
}

for (const [numerator, denominator] of [
  [1, 1],
  [1, 2],
  [3, 2],
  [1, 10],
] as const)
  test(`with epsilon ${numerator}/${denominator}, each value is as frequent as it must be`, () => {
    const epsilon = numerator / denominator;
    const counts = noise(numerator, denominator);
    // Probability of z: (e^eps - 1) / (e^eps + 1) e^(-eps |z|).
    const probability = (z: number) =>
      ((Math.exp(epsilon) - 1) / (Math.exp(epsilon) + 1)) * Math.exp(-epsilon * Math.abs(z));
    const range = Math.ceil(5 / epsilon);
    let chi = 0;
    let cells = 0;
    for (let z = -range; z <= range; z++) {
      const expected = BINS * probability(z);
      const found = counts.filter((count) => count === z).length;
      chi += (found - expected) ** 2 / expected;
      cells++;
    }
    // A chi-square of so many cells has this mean and variance; random numbers are fixed, and this is far out.
    assert.ok(chi < cells + 4 * Math.sqrt(2 * cells), `chi-square ${chi} of ${cells} cells`);
    const mean = counts.reduce((sum, count) => sum + count, 0) / BINS;
    const variance = (2 * Math.exp(-epsilon)) / (1 - Math.exp(-epsilon)) ** 2;
    assert.ok(Math.abs(mean) < 4 * Math.sqrt(variance / BINS), `mean ${mean}`);
    const spread = counts.reduce((sum, count) => sum + count * count, 0) / BINS;
    assert.ok(Math.abs(spread / variance - 1) < 0.05, `variance ${spread}, expected ${variance}`);
  });

test("people are counted beneath the noise", () => {
  const with100 = noise(1, 1, new Array(100).fill(7));
  const without = noise(1, 1);
  assert.is((with100[7] as number) - (without[7] as number), 100);
  with100[7] = without[7] as number;
  assert.equal(with100, without);
});

test.run();
