// The programs that performance is measured with, against computations of another kind than theirs and
// their generators': rational arithmetic, and definitions in place of short cuts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readCsvColumn } from "../../examples/no_std/support/data-sets.js";
import { ClassicReader, ClassicWriter } from "../../host/program-data/classic-encoding.js";
import { exampleProgram, exampleRounds } from "../support/example-data.js";
import { runOnNode } from "../support/hcalls.js";

const macdProgram = exampleProgram("moving-average-convergence-divergence");
const logisticProgram = exampleProgram("idash2017-logistic-regression");

function close(value: number, exact: number, what: string): void {
  const error = Math.abs(value - exact) / Math.max(1, Math.abs(exact));
  assert.ok(error < 1e-9, `${what}: ${value}, exactly ${exact}`);
}

function divergence(prices: readonly number[]) {
  const input = new ClassicWriter().sequence(prices, (price, writer) => writer.f64(price)).bytes;
  const { code, output } = runOnNode(macdProgram, { inputs: [input] });
  assert.is(code, 0);
  const reader = new ClassicReader(output ?? new Uint8Array());
  const f64s = () => reader.sequence((each) => each.f64());
  const [macd, signal] = [f64s(), f64s()];
  const decisions = reader.sequence((each) => (each.u8() << 24) >> 24);
  assert.is(reader.remaining, 0);
  return { macd, signal, decisions };
}

test("MACD agrees with exact rational arithmetic on twenty years of prices", () => {
  const millionths = readCsvColumn("sp500-2000.csv", "close").map((text) => {
    const [whole = "", fraction = ""] = text.split(".");
    return BigInt(whole + fraction.padEnd(6, "0"));
  });
  const { macd, signal, decisions } = divergence(millionths.map((price) => Number(price) / 1e6));
  assert.is(macd.length, millionths.length - 25);
  const weighted = (values: readonly bigint[], last: number, width: number) => {
    let sum = 0n;
    for (let weight = 1; weight <= width; weight++) {
      sum += BigInt(weight) * (values[last - width + weight] as bigint);
    }
    return sum;
  };
  // Averages are sums over 78, 351 and 45; times all of them everything is a whole number.
  const numerators = macd.map(
    (_, i) => 351n * weighted(millionths, i + 25, 12) - 78n * weighted(millionths, i + 25, 26),
  );
  const averaged = signal.map((_, i) => weighted(numerators, i + 8, 9));
  const scale = 1e6 * 78 * 351;
  macd.forEach((value, i) => {
    close(value, Number(numerators[i]) / scale, `macd ${i}`);
  });
  signal.forEach((value, i) => {
    close(value, Number(averaged[i]) / (scale * 45), `signal ${i}`);
  });
  const above = averaged.map((sum, i) => 45n * (numerators[i + 8] as bigint) - sum);
  assert.is(decisions.length, above.length - 1);
  assert.equal(
    decisions,
    above.slice(1).map((now, i) => {
      const before = above[i] as bigint;
      return now > 0n && before <= 0n ? 1 : now < 0n && before >= 0n ? -1 : 0;
    }),
  );
  assert.ok(decisions.includes(1) && decisions.includes(-1));
});

test("MACD of prices that stand still, and of ones that turn", () => {
  const still = divergence(Array.from({ length: 40 }, () => 128));
  assert.ok(still.macd.every((value) => Math.abs(value) < 1e-9));
  // A straight line: each average lags by a third of its width less one, here 11/3 and 25/3 days.
  const rising = divergence(Array.from({ length: 60 }, (_, day) => 3 * day));
  for (const value of rising.macd) close(value, 3 * (25 / 3 - 11 / 3), "macd of a line");
  const turning = Array.from({ length: 120 }, (_, day) => (day < 60 ? day : 120 - day));
  const { decisions } = divergence(turning);
  // The fall is seen within days of the turn: decision 0 belongs to day 34.
  const sell = decisions.slice(60 - 34).indexOf(-1);
  assert.ok(sell >= 0 && sell < 5, `sold ${sell} days after the turn`);
});

/** Least squares over [-8, 8], by projection on the odd Legendre polynomials. */
function bestSigmoid(degree: number): (x: number) => number {
  const legendre = (n: number, x: number): number => {
    let [before, value] = [1, x];
    for (let k = 1; k < n; k++)
      [before, value] = [value, ((2 * k + 1) * x * value - k * before) / (k + 1)];
    return n === 0 ? 1 : value;
  };
  const steps = 20_000;
  const factors = Array.from({ length: degree + 1 }, (_, n) => {
    let integral = 0;
    for (let i = 0; i < steps; i++) {
      const t = (2 * (i + 0.5)) / steps - 1;
      integral += (-1 / (1 + Math.exp(8 * t))) * legendre(n, t);
    }
    return (((2 * n + 1) / 2) * integral * 2) / steps;
  });
  return (x) => factors.reduce((sum, factor, n) => sum + factor * legendre(n, x / 8), 0);
}

interface Task {
  training: number[][];
  test: number[][];
  iterations: number;
  degree: number;
  stepUp: number;
  stepDown: number;
}

function readTask(inputs: readonly Uint8Array[]): Task {
  const tasks = inputs.map((input) => {
    const reader = new ClassicReader(input);
    const table = () => reader.sequence((row) => row.sequence((value) => value.f64()));
    return {
      training: table(),
      test: table(),
      iterations: Number(reader.u64()),
      degree: Number(reader.u64()),
      stepUp: Number(reader.u64()),
      stepDown: Number(BigInt.asIntN(64, reader.u64())),
    };
  });
  return {
    ...(tasks[0] as Task),
    training: tasks.flatMap(({ training }) => training),
    test: tasks.flatMap((task) => task.test),
  };
}

function readModel(result: Uint8Array | undefined) {
  const reader = new ClassicReader(result ?? new Uint8Array());
  const weights = reader.sequence((each) => each.f64());
  const model = { weights, correct: reader.f64(), area: reader.f64() };
  assert.is(reader.remaining, 0);
  return model;
}

/** Nesterov's method as it is defined, factor by factor, with the polynomial found here. */
function descend({ training, iterations, degree, stepUp, stepDown }: Task): number[] {
  const width = (training[0] as number[]).length;
  const x = (row: readonly number[], j: number) => (j === 0 ? 1 : (row[j] as number));
  const scale = Array.from({ length: width }, (_, j) =>
    training.reduce((most, row) => Math.max(most, Math.abs(x(row, j))), 0),
  ).map((most) => most || 1);
  const sigmoid = bestSigmoid(degree);
  let moved = new Array<number>(width).fill(0);
  let looked = [...moved];
  let t = 0.01;
  for (let pass = 0; pass < iterations; pass++) {
    const slopes = training.map((row) => {
      const score = looked.reduce((sum, w, j) => sum + (w * x(row, j)) / (scale[j] as number), 0);
      return (row[0] as number) * sigmoid((row[0] as number) * score);
    });
    const rate = stepDown > 0 ? stepUp / stepDown : stepUp / (pass - stepDown);
    const nextT = (1 + Math.sqrt(1 + 4 * t ** 2)) / 2;
    const next = looked.map((at, j) => {
      const slope = training.reduce((sum, row, i) => sum + (slopes[i] as number) * x(row, j), 0);
      return at - (rate * slope) / (scale[j] as number) / training.length;
    });
    looked = next.map((value, j) => value + ((t - 1) / nextT) * (value - (moved[j] as number)));
    moved = next;
    t = nextT;
  }
  return moved.map((weight, j) => weight / (scale[j] as number));
}

test("logistic regression agrees with the method as it is defined", () => {
  for (const options of [
    [],
    ["--degree", "3", "--records", "300"],
    ["--degree", "7", "--iterations", "40", "--records", "200", "--factors", "5"],
    ["--data-set", "penguins", "--iterations", "100", "--step-up", "10", "--providers", "3"],
  ]) {
    const [{ inputs }] = exampleRounds("idash2017-logistic-regression", ...options);
    const { code, output } = runOnNode(logisticProgram, { inputs });
    assert.is(code, 0, options.join(" "));
    const model = readModel(output);
    const task = readTask(inputs);
    const expected = descend(task);
    assert.is(model.weights.length, expected.length);
    // The published polynomials have six digits.
    const largest = Math.max(...expected.map(Math.abs));
    model.weights.forEach((weight, j) => {
      const error = Math.abs(weight - (expected[j] as number)) / largest;
      assert.ok(error < 1e-3, `${options.join(" ")}: weight ${j}: ${weight}, ${expected[j]}`);
    });
    // How good the model is follows from its weights alone.
    const scores = task.test.map(([label = 0, ...factors]) => ({
      label,
      score: model.weights.reduce(
        (sum, w, j) => sum + w * (j === 0 ? 1 : (factors[j - 1] as number)),
        0,
      ),
    }));
    const right = scores.filter(({ label, score }) => label * score > 0).length;
    close(model.correct, (100 * right) / scores.length, "correct");
    let better = 0;
    let pairs = 0;
    for (const one of scores.filter(({ label }) => label > 0)) {
      for (const other of scores.filter(({ label }) => label < 0)) {
        pairs++;
        if (one.score > other.score) better++;
        else if (one.score === other.score) better += 0.5;
      }
    }
    // Scores that are equal here may differ there in the last bit.
    assert.ok(Math.abs(model.area - better / pairs) < 0.01, `${model.area}, ${better / pairs}`);
    assert.ok(model.correct > 60 && model.area > 0.8, `${options.join(" ")}: a model of no use`);
  }
});

test("logistic regression does not depend on who has which records", () => {
  const options = ["--records", "120", "--factors", "4", "--seed", "shares"];
  const result = (...more: string[]) => {
    const [{ inputs }] = exampleRounds("idash2017-logistic-regression", ...options, ...more);
    return runOnNode(logisticProgram, { inputs }).output;
  };
  assert.equal(result("--providers", "7"), result());
});

test("a model that guesses has half the area, and equal scores count half", () => {
  // No pass at all: every weight and every score is 0, and no row is counted as right.
  const [{ inputs }] = exampleRounds("idash2017-logistic-regression", "--iterations", "0");
  const { correct, area, weights } = readModel(runOnNode(logisticProgram, { inputs }).output);
  assert.ok(weights.every((weight) => weight === 0));
  assert.is(correct, 0);
  assert.is(area, 0.5);
});

test.run();
