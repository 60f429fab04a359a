// The example programs on their generated data, in the execution engine (wasm3 and Node's engine) and on
// Node with the H-calls of test/support, against computations that are not the program's own.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { FreestandingEngine } from "../../host/freestanding-execution-engine/engine.js";
import { ClassicReader, ClassicWriter } from "../../host/program-data/classic-encoding.js";
import {
  type ExampleName,
  exampleNames,
  exampleProgram,
  exampleRounds,
  generatorPath,
  runScript,
} from "../support/example-data.js";
import { runOnNode } from "../support/hcalls.js";

const engine = new FreestandingEngine();
test.after(() => engine.free());

interface Files {
  inputs?: readonly Uint8Array[];
  streams?: readonly Uint8Array[];
  previousResult?: Uint8Array;
}

/** Examples whose result is another each time. */
const randomised = new Set<ExampleName>(["random-source", "noisy-histogram"]);

/** Runs an example in all three ways, which must agree; gives its code and, of a success, its result. */
function run(name: ExampleName, files: Files = {}): { code: number; result: Uint8Array } {
  const program = exampleProgram(name);
  const node = runOnNode(program, files);
  assert.is(node.trap, undefined, name);
  for (const strategy of ["interp", "jit"] as const) {
    const outcome = engine.run({ program, ...files, strategy });
    assert.is(outcome.status, "returned", `${name}, ${strategy}: ${outcome.reason}`);
    assert.is(outcome.returnCode, node.code, `${name}, ${strategy}`);
    if (node.code === 0 && !randomised.has(name)) {
      assert.equal(outcome.result, node.output, `${name}, ${strategy}`);
    }
  }
  return { code: node.code as number, result: node.output ?? new Uint8Array() };
}

/** Runs an example that must succeed; gives its result. */
function resultOf(name: ExampleName, files: Files = {}): Uint8Array {
  const { code, result } = run(name, files);
  assert.is(code, 0, name);
  return result;
}

const text = (value: string) => new ClassicWriter().string(value).bytes;
const f64 = (value: number) => new ClassicWriter().f64(value).bytes;

test("each program gives the result that its generator expects", async () => {
  for (const name of exampleNames) {
    let previousResult: Uint8Array | undefined;
    for (const { inputs, streams, expected } of exampleRounds(name)) {
      const files = { inputs, streams };
      const result = resultOf(
        name,
        previousResult === undefined ? files : { ...files, previousResult },
      );
      // A place is measured: how well is a test of its own.
      if (name === "audio-event-triangulation") assert.is(result.length, expected?.length);
      else if (expected !== undefined) assert.equal(result, expected, name);
      else assert.ok(name === "nop" || randomised.has(name));
      previousResult = result;
    }
  }
});

test("generators explain themselves, and refuse wrong options in one line", async () => {
  const [help, missing, unknown] = await Promise.all([
    runScript(generatorPath("linear-regression"), ["--help"]),
    runScript(generatorPath("shamir-secret-sharing"), []),
    runScript(generatorPath("shamir-secret-sharing"), [
      "--output-dir",
      "/nonexistent/not-to-be-made",
      "--shares",
      "2",
      "--threshold",
      "3",
    ]),
  ]);
  assert.is(help.code, 0);
  assert.match(help.stdout, /--output-dir <dir>[\s\S]*--data-set <name>/);
  assert.is(missing.code, 2);
  assert.match(missing.stderr, /required option '--output-dir <dir>'/);
  assert.is(unknown.code, 2);
  assert.is(unknown.stderr, "generate-shamir-secret-sharing: --threshold is more than --shares\n");
});

test("nop writes nothing", () => {
  assert.is(runOnNode(exampleProgram("nop")).output, undefined);
  assert.is(engine.run({ program: exampleProgram("nop") }).result, undefined);
});

test("random-source gives 32 bytes, others each time, from the platform", () => {
  const results = [1, 2, 3].map(() => Buffer.from(resultOf("random-source")).toString("hex"));
  assert.is(new Set(results).size, 3);
  assert.ok(results.every((result) => result.length === 64));
  const { output } = runOnNode(exampleProgram("random-source"), {
    random: (buffer) => {
      buffer.fill(7);
      return 0;
    },
  });
  assert.equal(output, new Uint8Array(32).fill(7));
});

/** A column of a vega data set as exact decimals: the number's digits times a power of ten. */
function exactColumns(file: string, x: string, y: string): [bigint, bigint][] {
  const path = join(
    dirname(createRequire(import.meta.url).resolve("vega-datasets")),
    "../data",
    file,
  );
  const rows: Record<string, unknown>[] = JSON.parse(readFileSync(path, "utf8"));
  const tenths = (value: unknown) => {
    const scaled = Math.round((value as number) * 10);
    assert.is(scaled / 10, value, "a number with one decimal");
    return BigInt(scaled);
  };
  return rows
    .filter((row) => row[x] !== null && row[y] !== null)
    .map((row) => [tenths(row[x]), tenths(row[y])]);
}

/** Numerator / denominator to 17 decimals or more, as a number. */
function quotient(numerator: bigint, denominator: bigint): number {
  const scale = 10n ** 30n;
  return Number((numerator * scale) / denominator) / 1e30;
}

test("linear regression agrees with exact rational arithmetic on real data", async () => {
  for (const [dataSet, file, x, y, rows] of [
    ["cars", "cars.json", "Weight_in_lbs", "Miles_per_Gallon", 398],
    ["penguins", "penguins.json", "Flipper Length (mm)", "Body Mass (g)", 342],
  ] as const) {
    const points = exactColumns(file, x, y);
    assert.is(points.length, rows);
    const n = BigInt(points.length);
    const sum = (term: (point: [bigint, bigint]) => bigint) =>
      points.reduce((total, point) => total + term(point), 0n);
    // The normal equations, in tenths: gradient (n Sxy - Sx Sy) / (n Sxx - Sx Sx).
    const [sx, sy] = [sum(([a]) => a), sum(([, b]) => b)];
    const [sxx, sxy] = [sum(([a]) => a * a), sum(([a, b]) => a * b)];
    const denominator = n * sxx - sx * sx;
    const gradient = quotient(n * sxy - sx * sy, denominator);
    const intercept = quotient(sy * sxx - sx * sxy, denominator * 10n);
    for (const providers of ["1", "3"]) {
      const [round] = exampleRounds(
        "linear-regression",
        "--data-set",
        dataSet,
        "--providers",
        providers,
      );
      assert.is(round.inputs.length, Number(providers));
      const reader = new ClassicReader(resultOf("linear-regression", { inputs: round.inputs }));
      const relative = (value: number, exact: number) => Math.abs(value / exact - 1);
      assert.ok(relative(reader.f64(), gradient) < 1e-12, `${dataSet}: gradient ${gradient}`);
      assert.ok(relative(reader.f64(), intercept) < 1e-12, `${dataSet}: intercept ${intercept}`);
      assert.is(reader.remaining, 0);
    }
  }
});

test("string edit distance, known and by the recursive definition", () => {
  const distance = (one: string, other: string) =>
    Number(
      new ClassicReader(
        resultOf("string-edit-distance", { inputs: [text(one), text(other)] }),
      ).u64(),
    );
  for (const [one, other, expected] of [
    ["kitten", "sitting", 3],
    ["saturday", "sunday", 3],
    ["", "", 0],
    ["", "abc", 3],
    ["abc", "", 3],
    ["same", "same", 0],
    ["aé😀", "ae😀", 1],
    // One character, though two UTF-16 code units, one of them shared.
    ["😀", "😁", 1],
    ["😀", "", 1],
  ] as const) {
    assert.is(distance(one, other), expected, `${one} ${other}`);
  }
  // Levenshtein's definition, on all pairs of words of up to three letters out of two.
  const words = ["", ..."ab", "aa", "ab", "ba", "bb", "aab", "aba", "abb", "bab"];
  const defined = (one: string, other: string): number => {
    if (one === "" || other === "") return one.length + other.length;
    if (one[0] === other[0]) return defined(one.slice(1), other.slice(1));
    return (
      1 +
      Math.min(
        defined(one.slice(1), other),
        defined(one, other.slice(1)),
        defined(one.slice(1), other.slice(1)),
      )
    );
  };
  const program = exampleProgram("string-edit-distance");
  for (const one of words) {
    for (const other of words) {
      const { output } = runOnNode(program, { inputs: [text(one), text(other)] });
      const found = Number(new ClassicReader(output ?? new Uint8Array()).u64());
      assert.is(found, defined(one, other), `${one} ${other}`);
    }
  }
});

type Person = [name: string, employeeId: string, age: number, grade: number];
const personSet = (persons: readonly Person[]) =>
  new ClassicWriter().sequence(persons, ([name, id, age, grade], writer) =>
    writer.string(name).string(id).u8(age).u8(grade),
  ).bytes;

test("private set intersection: any number of sets, in any order, repeated persons once", () => {
  const ada: Person = ["Ada", "1", 36, 9];
  const adaOlder: Person = ["Ada", "1", 37, 9];
  const alan: Person = ["Alan", "2", 41, 9];
  const grace: Person = ["Grace", "3", 85, 1];
  const zoe: Person = ["Zoë 😀", "", 0, 255];
  const intersect = (...sets: Person[][]) => {
    const reader = new ClassicReader(
      resultOf("private-set-intersection", { inputs: sets.map(personSet) }),
    );
    return reader.sequence((each): Person => [each.string(), each.string(), each.u8(), each.u8()]);
  };
  assert.equal(intersect([alan, ada], [ada, grace]), [ada]);
  assert.equal(intersect([ada, grace], [alan, ada]), [ada]);
  assert.equal(intersect([zoe, grace, alan], [alan, zoe, grace]), [alan, grace, zoe]);
  assert.equal(intersect([ada], [adaOlder]), []);
  assert.equal(intersect([ada, ada, alan], [ada, alan, ada, ada]), [ada, alan]);
  assert.equal(intersect([ada, alan, grace], [grace, ada], [zoe, grace, ada]), [ada, grace]);
  assert.equal(intersect([ada], []), []);
  assert.equal(intersect([], []), []);
  assert.equal(intersect([ada], [ada], [ada], []), []);
});

test("intersection set sum: repeated viewers once, every purchase", () => {
  const viewers = (...names: string[]) =>
    new ClassicWriter().sequence(names, (name, writer) => writer.string(name)).bytes;
  const purchases = (...list: [string, bigint][]) =>
    new ClassicWriter().sequence(list, ([name, cents], writer) => writer.string(name).u64(cents))
      .bytes;
  const sum = (one: Uint8Array, other: Uint8Array) => {
    const reader = new ClassicReader(resultOf("intersection-set-sum", { inputs: [one, other] }));
    return [reader.u64(), reader.u64()];
  };
  assert.equal(sum(viewers("b", "a"), purchases(["a", 5n], ["c", 7n], ["a", 1n])), [1n, 6n]);
  assert.equal(sum(viewers("a", "b", "a"), purchases(["b", 2n], ["a", 5n])), [2n, 7n]);
  assert.equal(sum(viewers(), purchases(["a", 5n])), [0n, 0n]);
  assert.equal(sum(viewers("a"), purchases()), [0n, 0n]);
  assert.equal(sum(viewers("a", "aa"), purchases(["aaa", 1n], ["", 1n])), [0n, 0n]);
  const most = 2n ** 64n - 1n;
  assert.equal(sum(viewers("a"), purchases(["a", most - 1n], ["a", 1n])), [1n, most]);
  assert.is(
    run("intersection-set-sum", { inputs: [viewers("a"), purchases(["a", most], ["a", 1n])] }).code,
    -5,
  );
});

test("number stream accumulation carries the previous result on, not the input", () => {
  const accumulate = (files: Files) =>
    new ClassicReader(resultOf("number-stream-accumulation", files)).f64();
  const inputs = [f64(10)];
  assert.is(accumulate({ inputs, streams: [f64(1), f64(2.5)] }), 13.5);
  assert.is(accumulate({ inputs, streams: [f64(-1)], previousResult: f64(13.5) }), 12.5);
  assert.is(accumulate({ inputs, streams: [f64(-0)], previousResult: f64(0) }), 0);
});

test("Shamir: any sufficient shares in any order give the secret, fewer do not", async () => {
  const [round] = exampleRounds(
    "shamir-secret-sharing",
    "--secret",
    "correct horse",
    "--shares",
    "5",
    "--threshold",
    "3",
  );
  const shares = round.inputs;
  const recover = (...which: number[]) =>
    Buffer.from(
      resultOf("shamir-secret-sharing", {
        inputs: which.map((index) => shares[index] as Uint8Array),
      }),
    ).toString("latin1");
  for (const which of [
    [0, 1, 2],
    [4, 2, 0],
    [3, 4, 1, 0],
    [4, 3, 2, 1, 0],
  ]) {
    assert.is(recover(...which), "correct horse", `${which}`);
  }
  assert.is.not(recover(0, 1), "correct horse");
  assert.is.not(recover(2), "correct horse");
});

test("Shamir: shares derived by hand", () => {
  // f(x) = 0x53 + 0x01 x: f(1) = 0x52, f(2) = 0x51. g(x) = 0x00 + 0x80 x: g(1) = 0x80, g(2) = 0x1b.
  const one = Uint8Array.of(1, 0x52, 0x80);
  const two = Uint8Array.of(2, 0x51, 0x1b);
  assert.equal(resultOf("shamir-secret-sharing", { inputs: [one, two] }), Uint8Array.of(0x53, 0));
  // FIPS 197 §4.2: 57 * 83 = c1. h(x) = 0x57 x, so h(0x83) = 0xc1 and h(0) = 0.
  assert.equal(
    resultOf("shamir-secret-sharing", {
      inputs: [Uint8Array.of(0x83, 0xc1), Uint8Array.of(1, 0x57)],
    }),
    Uint8Array.of(0),
  );
});

/** The place that the program finds in recordings made with these options, and the true one. */
async function locate(...options: string[]): Promise<{ found: number[]; clap: number[] }> {
  const [round] = exampleRounds("audio-event-triangulation", "--seed", "a", ...options);
  const place = (bytes: Uint8Array) => {
    const reader = new ClassicReader(bytes);
    return [reader.f64(), reader.f64()];
  };
  return {
    found: place(resultOf("audio-event-triangulation", { inputs: round.inputs })),
    clap: place(round.expected ?? new Uint8Array()),
  };
}

test("triangulation finds the clap, wherever it is, at any rate, in noise", async () => {
  const scenes: [metres: number, options: string[]][] = [
    [0.01, []],
    [0.002, ["--noise", "0"]],
    [0.01, ["--noise", "0", "--sample-rate", "8000"]],
    [0.01, ["--sample-rate", "48000", "--noise", "0.02"]],
    [0.1, ["--noise", "0.05"]],
    [0.05, ["--clap", "0.2,0.1"]],
    [0.05, ["--clap", "-1,2.5"]],
    [0.05, ["--clap", "1,2", "--microphones", "3,3;-1,0.5;2,-1"]],
    [0.1, ["--clap", "12,9", "--microphones", "0,0;20,0;0,20", "--milliseconds", "100"]],
  ];
  for (const [metres, options] of scenes) {
    const { found, clap } = await locate(...options);
    const [dx = Number.NaN, dy = Number.NaN] = found.map((each, i) => each - (clap[i] ?? 0));
    assert.ok(Math.hypot(dx, dy) <= metres, `${options.join(" ")}: ${found} for ${clap}`);
  }
});

test("triangulation refuses what is no three recordings", async () => {
  const [round] = exampleRounds("audio-event-triangulation", "--seed", "a");
  const [a, b, c] = round.inputs as [Uint8Array, Uint8Array, Uint8Array];
  const code = (...inputs: Uint8Array[]) => run("audio-event-triangulation", { inputs }).code;
  const changed = (file: Uint8Array, at: number, ...bytes: number[]) => {
    const copy = Uint8Array.from(file);
    copy.set(bytes, at);
    return copy;
  };
  assert.is(code(a, b), -2);
  assert.is(code(a, b, c, a), -2);
  assert.is(code(a, b, new Uint8Array()), -4);
  assert.is(code(a, b, c.subarray(0, -1)), -4);
  assert.is(code(a, b, changed(c, 22, 2)), -4); // two channels
  assert.is(code(a, b, changed(c, 24, 0x40, 0x1f)), -4); // another rate
  assert.is(code(a, b, changed(c, 50, 0xf8, 0x7f)), -4); // x is a NaN
  assert.is(code(a, b, changed(c, 36, 0x78)), -4); // no position
  assert.is(code(a, b, changed(c, 72, 0xff, 0xff, 0xff, 0xff)), -4); // longer than the file
  assert.is(code(a, b, Uint8Array.from(c).fill(0, 76)), -4); // silence
  assert.is(code(a, a, b), -4); // two microphones in one place
  // A day later than the others: no place is so far away from one and near to the other.
  assert.is(code(a, b, changed(c, 60, ...new Uint8Array(new Float64Array([86_400]).buffer))), -5);
});

test.run();
