// The example programs on wrong, malformed and hostile files: always an error code, never a trap; and on
// hosts that have not enough memory.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { RandomNumbers } from "../../examples/no_std/support/random-numbers.js";
import { FreestandingEngine } from "../../host/freestanding-execution-engine/engine.js";
import { ClassicWriter } from "../../host/program-data/classic-encoding.js";
import {
  type ExampleName,
  exampleNames,
  exampleProgram,
  exampleRounds,
} from "../support/example-data.js";
import { type HCallTask, runOnNode } from "../support/hcalls.js";

const GENERIC = -1;
const DATA_SOURCE_COUNT = -2;
const DATA_SOURCE_SIZE = -3;
const BAD_INPUT = -4;
const INVARIANT_FAILED = -5;
const STREAM_SOURCE_COUNT = -8;
const BAD_STREAM = -10;
const PREVIOUS_RESULT_SIZE = -11;

const programs = new Map(exampleNames.map((name) => [name, exampleProgram(name)]));

/** Runs an example, which must not trap; gives its code. */
function codeOf(name: ExampleName, task: HCallTask): number {
  const { code, trap, output } = runOnNode(programs.get(name) as Uint8Array, task);
  assert.is(trap, undefined, name);
  if (code !== 0) assert.is(output, undefined, `${name} fails, so that it must write nothing`);
  return code as number;
}

/** Bytes, of digits and of bytes. */
const hex = (...parts: (string | Uint8Array)[]) =>
  new Uint8Array(
    Buffer.concat(
      parts.map((part) =>
        typeof part === "string" ? Buffer.from(part.replace(/\s/g, ""), "hex") : part,
      ),
    ),
  );
const f64 = (value: number) => new ClassicWriter().f64(value).bytes;
const points = (...list: [number, number][]) =>
  new ClassicWriter().sequence(list, ([x, y], writer) => writer.f64(x).f64(y)).bytes;
const bid = (bidder: string, amount: bigint) =>
  new ClassicWriter().string(bidder).u64(amount).bytes;
const budget = (bins: number, numerator: number, denominator: number) =>
  new ClassicWriter().u32(bins).u32(numerator).u32(denominator).bytes;
/** A tree of one leaf. */
const leaf = hex("01 00 00000000");
/** A tree of a split and a leaf. */
const split = (feature: number, threshold: number, below: number, above: number) =>
  hex(
    "02 01",
    new ClassicWriter().u32(feature).f64(threshold).u32(below).u32(above).bytes,
    "00 00000000",
  );
/** A network of one layer: a patch of 2 x 2 places, two classes. */
function network(changes: Record<string, number> = {}): Uint8Array {
  const layer = { side: 2, channels: 1, size: 2, stride: 1, outputs: 2, weights: 8, biases: 2 };
  const { side, channels, size, stride, outputs, weights, biases, bias, multiplier, ...rest } = {
    ...layer,
    ...{ bias: 0, multiplier: 1, multipliers: 2, shift: 0, shifts: 2, low: -128, high: 127 },
    ...changes,
  };
  const writer = new ClassicWriter().varint(1);
  for (const number of [side, channels]) writer.integer(BigInt(number), 2);
  writer.u8(size).u8(stride).integer(BigInt(outputs), 2);
  writer.bytesWithCount(new Uint8Array(weights));
  writer.sequence(new Array<number>(biases).fill(bias), (each, to) => to.u32(each));
  writer.sequence(new Array<number>(rest.multipliers).fill(multiplier), (each, to) => to.u32(each));
  writer.bytesWithCount(new Uint8Array(rest.shifts).fill(rest.shift));
  for (const number of [0, rest.low, rest.high]) writer.u8(number & 0xff);
  return writer.bytes;
}
const pixels = hex("00000000");
const empty = hex("");
const share = (...bytes: number[]) => Uint8Array.from(bytes);
const prices = (...list: number[]) =>
  new ClassicWriter().sequence(list, (price, writer) => writer.f64(price)).bytes;
const rising = Array.from({ length: 40 }, (_, day) => day);
type Rows = readonly (readonly number[])[];
/** An input of the logistic regression: one pass, unless something else is given. */
const records = (training: Rows, tests: Rows, iterations = 1, degree = 3, up = 1, down = -1) => {
  const table = (rows: Rows, to: ClassicWriter) =>
    to.sequence(rows, (row) => to.sequence(row, (value) => to.f64(value)));
  const writer = table(tests, table(training, new ClassicWriter()));
  for (const value of [iterations, degree, up, down]) writer.u64(BigInt.asUintN(64, BigInt(value)));
  return writer.bytes;
};
const twoRows: Rows = [
  [1, 2],
  [-1, 3],
];

const rows: [name: ExampleName, why: string, task: HCallTask, code: number][] = [
  ["random-source", "an input", { inputs: [empty] }, DATA_SOURCE_COUNT],
  ["random-source", "no random numbers", { random: () => -7 }, -7],
  ["random-source", "a broken random source", { random: () => -1 }, GENERIC],

  ["linear-regression", "no input", {}, DATA_SOURCE_COUNT],
  ["linear-regression", "an empty file", { inputs: [empty] }, BAD_INPUT],
  ["linear-regression", "no points", { inputs: [hex("00")] }, BAD_INPUT],
  ["linear-regression", "one point", { inputs: [points([1, 2])] }, BAD_INPUT],
  ["linear-regression", "one x", { inputs: [points([1, 2], [1, 3])] }, BAD_INPUT],
  ["linear-regression", "a NaN", { inputs: [points([1, Number.NaN], [2, 3])] }, BAD_INPUT],
  ["linear-regression", "an infinity", { inputs: [points([1, 1], [1 / 0, 3])] }, BAD_INPUT],
  ["linear-regression", "overflow", { inputs: [points([1e308, 1], [-1e308, 3])] }, BAD_INPUT],
  ["linear-regression", "a huge count", { inputs: [hex("ffffffff0f")] }, BAD_INPUT],
  [
    "linear-regression",
    "half a point",
    { inputs: [points([1, 2], [2, 3]).subarray(0, 32)] },
    BAD_INPUT,
  ],
  [
    "linear-regression",
    "one bad provider of two",
    { inputs: [points([1, 2], [2, 3]), hex("01")] },
    BAD_INPUT,
  ],

  ["string-edit-distance", "no input", {}, DATA_SOURCE_COUNT],
  ["string-edit-distance", "one input", { inputs: [hex("00")] }, DATA_SOURCE_COUNT],
  ["string-edit-distance", "three", { inputs: [hex("00"), hex("00"), hex("00")] }, -2],
  ["string-edit-distance", "empty files", { inputs: [empty, empty] }, BAD_INPUT],
  ["string-edit-distance", "no UTF-8", { inputs: [hex("01ff"), hex("00")] }, BAD_INPUT],
  ["string-edit-distance", "cut short", { inputs: [hex("00"), hex("0241")] }, BAD_INPUT],
  ["string-edit-distance", "huge", { inputs: [hex("00"), hex("ffffffff0f41")] }, BAD_INPUT],

  ["private-set-intersection-sum", "one input", { inputs: [hex("00")] }, DATA_SOURCE_COUNT],
  ["private-set-intersection-sum", "empty files", { inputs: [empty, empty] }, BAD_INPUT],
  ["private-set-intersection-sum", "half an id", { inputs: [hex("00"), hex("01ff")] }, BAD_INPUT],
  [
    "private-set-intersection-sum",
    "a sum beyond 64 bits",
    {
      inputs: [
        hex(`02 0100000000000000 ffffffffffffffff 0100000000000000 0100000000000000`),
        hex("01 0100000000000000"),
      ],
    },
    INVARIANT_FAILED,
  ],

  ["second-price-auction", "one bid", { inputs: [bid("a", 1n)] }, DATA_SOURCE_COUNT],
  ["second-price-auction", "empty files", { inputs: [empty, empty] }, BAD_INPUT],
  ["second-price-auction", "no name", { inputs: [bid("a", 1n), bid("", 1n)] }, BAD_INPUT],
  ["second-price-auction", "a bid of 0", { inputs: [bid("a", 0n), bid("b", 1n)] }, BAD_INPUT],
  [
    "second-price-auction",
    "two of one",
    { inputs: [bid("a", 1n), bid("a", 2n)] },
    INVARIANT_FAILED,
  ],

  ["decision-tree", "one input", { inputs: [leaf] }, DATA_SOURCE_COUNT],
  ["decision-tree", "no nodes", { inputs: [hex("00"), hex("00")] }, BAD_INPUT],
  [
    "decision-tree",
    "a kind that is none",
    { inputs: [hex("01 02 00000000"), hex("00")] },
    BAD_INPUT,
  ],
  [
    "decision-tree",
    "a node below itself",
    { inputs: [split(0, 1, 0, 1), hex("01", f64(1))] },
    BAD_INPUT,
  ],
  [
    "decision-tree",
    "a node that is not there",
    { inputs: [split(0, 1, 1, 2), hex("01", f64(1))] },
    BAD_INPUT,
  ],
  [
    "decision-tree",
    "a feature that is not there",
    { inputs: [split(1, 1, 1, 1), hex("01", f64(1))] },
    BAD_INPUT,
  ],
  [
    "decision-tree",
    "a threshold that is NaN",
    { inputs: [split(0, Number.NaN, 1, 1), hex("01", f64(1))] },
    BAD_INPUT,
  ],
  ["decision-tree", "a record with NaN", { inputs: [leaf, hex("01", f64(Number.NaN))] }, BAD_INPUT],

  ["noisy-histogram", "no provider", { inputs: [budget(1, 1, 1)] }, DATA_SOURCE_COUNT],
  ["noisy-histogram", "empty files", { inputs: [empty, empty] }, BAD_INPUT],
  ["noisy-histogram", "no bins", { inputs: [budget(0, 1, 1), hex("00")] }, BAD_INPUT],
  ["noisy-histogram", "too many bins", { inputs: [budget(65537, 1, 1), hex("00")] }, BAD_INPUT],
  ["noisy-histogram", "no budget", { inputs: [budget(1, 0, 1), hex("00")] }, BAD_INPUT],
  ["noisy-histogram", "a budget over 0", { inputs: [budget(1, 1, 0), hex("00")] }, BAD_INPUT],
  ["noisy-histogram", "a budget of 1001", { inputs: [budget(1, 1001, 1), hex("00")] }, BAD_INPUT],
  [
    "noisy-histogram",
    "a bin that is not there",
    { inputs: [budget(1, 1, 1), hex("01 01000000")] },
    BAD_INPUT,
  ],
  [
    "noisy-histogram",
    "no random numbers",
    { inputs: [budget(1, 1, 1), hex("00")], random: () => -7 },
    -7,
  ],

  ["logistic-regression", "no input", {}, DATA_SOURCE_COUNT],
  ["logistic-regression", "an empty file", { inputs: [empty] }, BAD_INPUT],
  ["logistic-regression", "no records", { inputs: [hex("00")] }, BAD_INPUT],
  ["logistic-regression", "no factors", { inputs: [hex("01 01 00")] }, BAD_INPUT],
  [
    "logistic-regression",
    "rows of two lengths",
    { inputs: [hex("02 01 01", f64(1), "01 02", f64(1), f64(1))] },
    BAD_INPUT,
  ],
  ["logistic-regression", "an infinity", { inputs: [hex("01 01 01", f64(1 / 0))] }, BAD_INPUT],
  ["logistic-regression", "a label of 2", { inputs: [hex("01 02 01", f64(1))] }, BAD_INPUT],

  ["private-inference", "no input", { streams: [empty] }, DATA_SOURCE_COUNT],
  ["private-inference", "no image", { inputs: [network()] }, STREAM_SOURCE_COUNT],
  ["private-inference", "an empty network", { inputs: [hex("00")], streams: [pixels] }, BAD_INPUT],
  ["private-inference", "an image too short", { inputs: [network()], streams: [hex("00")] }, -9],
  [
    "private-inference",
    "two channels, with the weights of one",
    { inputs: [network({ channels: 2 })], streams: [pixels] },
    BAD_INPUT,
  ],
  [
    "private-inference",
    "no stride",
    { inputs: [network({ stride: 0 })], streams: [pixels] },
    BAD_INPUT,
  ],
  [
    "private-inference",
    "a patch too large",
    { inputs: [network({ size: 3 })], streams: [pixels] },
    BAD_INPUT,
  ],
  [
    "private-inference",
    "several patches last",
    { inputs: [network({ size: 1 })], streams: [pixels] },
    BAD_INPUT,
  ],
  [
    "private-inference",
    "a weight too few",
    { inputs: [network({ weights: 7 })], streams: [pixels] },
    BAD_INPUT,
  ],
  [
    "private-inference",
    "a bias too many",
    { inputs: [network({ biases: 3 })], streams: [pixels] },
    BAD_INPUT,
  ],
  [
    "private-inference",
    "a huge bias",
    { inputs: [network({ bias: 0x7fffffff })], streams: [pixels] },
    BAD_INPUT,
  ],
  [
    "private-inference",
    "a shift of 63",
    { inputs: [network({ shift: 63 })], streams: [pixels] },
    BAD_INPUT,
  ],
  [
    "private-inference",
    "a shift too few",
    { inputs: [network({ shifts: 1 })], streams: [pixels] },
    BAD_INPUT,
  ],
  [
    "private-inference",
    "a multiplier too many",
    { inputs: [network({ multipliers: 3 })], streams: [pixels] },
    BAD_INPUT,
  ],
  [
    "private-inference",
    "a negative multiplier",
    { inputs: [network({ multiplier: 0x80000000 })], streams: [pixels] },
    BAD_INPUT,
  ],
  [
    "private-inference",
    "a least number above the largest",
    { inputs: [network({ low: 1, high: 0 })], streams: [pixels] },
    BAD_INPUT,
  ],
  [
    "private-inference",
    "layers that do not fit",
    { inputs: [hex("02", network().subarray(1), network().subarray(1))], streams: [pixels] },
    BAD_INPUT,
  ],

  ["private-set-intersection", "no input", {}, DATA_SOURCE_COUNT],
  ["private-set-intersection", "one set", { inputs: [hex("00")] }, DATA_SOURCE_COUNT],
  ["private-set-intersection", "empty files", { inputs: [empty, empty] }, BAD_INPUT],
  ["private-set-intersection", "a huge count", { inputs: [hex("00"), hex("ffffff7f")] }, -4],
  [
    "private-set-intersection",
    "a person cut short",
    { inputs: [hex("00"), hex("01 01 41 01 42 05")] },
    BAD_INPUT,
  ],
  [
    "private-set-intersection",
    "a name that is no UTF-8",
    { inputs: [hex("01 01 80 01 42 05 06"), hex("00")] },
    BAD_INPUT,
  ],

  ["intersection-set-sum", "no input", {}, DATA_SOURCE_COUNT],
  ["intersection-set-sum", "one input", { inputs: [hex("00")] }, DATA_SOURCE_COUNT],
  ["intersection-set-sum", "three", { inputs: [hex("00"), hex("00"), hex("00")] }, -2],
  ["intersection-set-sum", "empty files", { inputs: [empty, empty] }, BAD_INPUT],
  ["intersection-set-sum", "huge counts", { inputs: [hex("ffffffff0f"), hex("00")] }, BAD_INPUT],
  ["intersection-set-sum", "an amount cut short", { inputs: [hex("00"), hex("01 00 0102")] }, -4],

  ["number-stream-accumulation", "no input", { streams: [f64(1)] }, DATA_SOURCE_COUNT],
  [
    "number-stream-accumulation",
    "two inputs",
    { inputs: [f64(1), f64(1)], streams: [f64(1)] },
    DATA_SOURCE_COUNT,
  ],
  ["number-stream-accumulation", "no stream", { inputs: [f64(1)] }, STREAM_SOURCE_COUNT],
  ["number-stream-accumulation", "input short", { inputs: [hex("00")], streams: [f64(1)] }, -4],
  [
    "number-stream-accumulation",
    "a NaN as input",
    { inputs: [f64(Number.NaN)], streams: [f64(1)] },
    BAD_INPUT,
  ],
  [
    "number-stream-accumulation",
    "a stream item cut short",
    { inputs: [f64(1)], streams: [f64(1), f64(1).subarray(1)] },
    BAD_STREAM,
  ],
  [
    "number-stream-accumulation",
    "an infinite stream item",
    { inputs: [f64(1)], streams: [f64(-1 / 0)] },
    BAD_STREAM,
  ],
  [
    "number-stream-accumulation",
    "an empty previous result",
    { inputs: [f64(1)], streams: [f64(1)], previousResult: empty },
    PREVIOUS_RESULT_SIZE,
  ],
  [
    "number-stream-accumulation",
    "a previous result that is no number",
    { inputs: [f64(1)], streams: [f64(1)], previousResult: f64(Number.NaN) },
    PREVIOUS_RESULT_SIZE,
  ],

  ["shamir-secret-sharing", "no share", {}, DATA_SOURCE_COUNT],
  ["shamir-secret-sharing", "an empty share", { inputs: [empty] }, BAD_INPUT],
  ["shamir-secret-sharing", "a share without bytes", { inputs: [share(1)] }, BAD_INPUT],
  ["shamir-secret-sharing", "x = 0", { inputs: [share(1, 5), share(0, 5)] }, BAD_INPUT],
  ["shamir-secret-sharing", "an x twice", { inputs: [share(7, 5), share(7, 6)] }, BAD_INPUT],
  [
    "shamir-secret-sharing",
    "shares of different lengths",
    { inputs: [share(1, 5), share(2, 6, 7)] },
    DATA_SOURCE_SIZE,
  ],
  [
    "shamir-secret-sharing",
    "more shares than there are x",
    { inputs: Array.from({ length: 256 }, (_, x) => share(x & 0xff, 1)) },
    BAD_INPUT,
  ],

  ["moving-average-convergence-divergence", "no input", {}, DATA_SOURCE_COUNT],
  ["moving-average-convergence-divergence", "two inputs", { inputs: [empty, empty] }, -2],
  ["moving-average-convergence-divergence", "an empty file", { inputs: [empty] }, BAD_INPUT],
  [
    "moving-average-convergence-divergence",
    "34 prices",
    { inputs: [prices(...rising.slice(0, 34))] },
    BAD_INPUT,
  ],
  [
    "moving-average-convergence-divergence",
    "35 prices, the last cut short",
    { inputs: [prices(...rising.slice(0, 35)).subarray(0, -1)] },
    BAD_INPUT,
  ],
  ["moving-average-convergence-divergence", "35 prices", { inputs: [prices(...rising)] }, 0],
  [
    "moving-average-convergence-divergence",
    "a NaN",
    { inputs: [prices(...rising, Number.NaN)] },
    BAD_INPUT,
  ],
  [
    "moving-average-convergence-divergence",
    "an infinite price, the first",
    { inputs: [prices(1 / 0, ...rising)] },
    BAD_INPUT,
  ],
  ["moving-average-convergence-divergence", "huge", { inputs: [hex("ffffffff0f")] }, BAD_INPUT],

  ["idash2017-logistic-regression", "no input", {}, DATA_SOURCE_COUNT],
  ["idash2017-logistic-regression", "an empty file", { inputs: [empty] }, BAD_INPUT],
  ["idash2017-logistic-regression", "huge", { inputs: [hex("ffffffff0f")] }, BAD_INPUT],
  ["idash2017-logistic-regression", "a huge row", { inputs: [hex("01ffffffff0f")] }, BAD_INPUT],
  ["idash2017-logistic-regression", "enough", { inputs: [records(twoRows, twoRows)] }, 0],
  ["idash2017-logistic-regression", "no training", { inputs: [records([], twoRows)] }, BAD_INPUT],
  ["idash2017-logistic-regression", "no test", { inputs: [records(twoRows, [])] }, BAD_INPUT],
  [
    "idash2017-logistic-regression",
    "one label in the test",
    { inputs: [records(twoRows, [[1, 2]])] },
    BAD_INPUT,
  ],
  [
    "idash2017-logistic-regression",
    "rows of a label alone",
    { inputs: [records([[1], [-1]], [[1], [-1]])] },
    BAD_INPUT,
  ],
  [
    "idash2017-logistic-regression",
    "an empty row",
    { inputs: [records([...twoRows, []], twoRows)] },
    BAD_INPUT,
  ],
  [
    "idash2017-logistic-regression",
    "a row that is too wide",
    { inputs: [records(twoRows, [...twoRows, [1, 2, 3]])] },
    BAD_INPUT,
  ],
  [
    "idash2017-logistic-regression",
    "a label of 0",
    { inputs: [records([...twoRows, [0, 2]], twoRows)] },
    BAD_INPUT,
  ],
  [
    "idash2017-logistic-regression",
    "a NaN as a factor",
    { inputs: [records([...twoRows, [1, Number.NaN]], twoRows)] },
    BAD_INPUT,
  ],
  [
    "idash2017-logistic-regression",
    "an infinity in the test",
    { inputs: [records(twoRows, [...twoRows, [1, 1 / 0]])] },
    BAD_INPUT,
  ],
  [
    "idash2017-logistic-regression",
    "a test row beyond all numbers of the training",
    {
      inputs: [
        records(
          [
            [1, 1e-300],
            [-1, 0],
          ],
          [...twoRows, [1, 1e300]],
        ),
      ],
    },
    BAD_INPUT,
  ],
  [
    "idash2017-logistic-regression",
    "degree 4",
    { inputs: [records(twoRows, twoRows, 1, 4)] },
    BAD_INPUT,
  ],
  [
    "idash2017-logistic-regression",
    "a step divided by 0",
    { inputs: [records(twoRows, twoRows, 1, 3, 1, 0)] },
    BAD_INPUT,
  ],
  [
    "idash2017-logistic-regression",
    "steps that diverge",
    { inputs: [records(twoRows, twoRows, 200, 7, 1_000_000_000, 1)] },
    BAD_INPUT,
  ],
  [
    "idash2017-logistic-regression",
    "providers who do not agree",
    { inputs: [records(twoRows, twoRows, 1), records(twoRows, twoRows, 2)] },
    -5,
  ],
  [
    "idash2017-logistic-regression",
    "a second provider with other factors",
    { inputs: [records(twoRows, twoRows), records([[1, 2, 3]], [])] },
    BAD_INPUT,
  ],
];

test("wrong counts, empty files and malformed content each have their code", () => {
  for (const [name, why, task, code] of rows) {
    assert.is(codeOf(name, task), code, `${name}: ${why}`);
  }
});

test("255 shares are not too many", () => {
  const inputs = Array.from({ length: 255 }, (_, x) => share(x + 1, 42));
  const { code, output } = runOnNode(programs.get("shamir-secret-sharing") as Uint8Array, {
    inputs,
  });
  assert.is(code, 0);
  assert.equal(output, share(42));
});

/** Valid files of each example that takes any, small enough to be run thousands of times. */
function validTasks(): [ExampleName, HCallTask][] {
  const options: [ExampleName, string[]][] = [
    ["string-edit-distance", ["--first", "Levenshtein 1965", "--second", "Wagner 😀 1974"]],
    ["private-set-intersection", ["--size", "6", "--common", "3", "--seed", "a"]],
    ["intersection-set-sum", ["--customers", "9", "--purchases", "9", "--seed", "a"]],
    ["number-stream-accumulation", ["--rounds", "1", "--seed", "a"]],
    ["shamir-secret-sharing", ["--secret", "short", "--seed", "a"]],
    ["moving-average-convergence-divergence", ["--days", "36"]],
    [
      "idash2017-logistic-regression",
      ["--records", "10", "--factors", "2", "--iterations", "2", "--seed", "b"],
    ],
  ];
  const generated = options.map(([name, list]): [ExampleName, HCallTask] => {
    const [{ inputs, streams }] = exampleRounds(name, ...list);
    return [name, { inputs, streams }];
  });
  return [...generated, ["linear-regression", { inputs: [points([1, 2], [2, 3], [3, 5])] }]];
}

const tasks = validTasks();

test("each H-call that fails fails the program with its code", () => {
  for (const [name, task] of [...tasks, ["random-source", {}] as [ExampleName, HCallTask]]) {
    const program = programs.get(name) as Uint8Array;
    const made: string[] = [];
    const record = (call: string, code: number) => {
      made.push(call);
      return code;
    };
    assert.is(runOnNode(program, { ...task, answer: record }).code, 0, name);
    assert.ok(made.length >= 3 && made.at(-1) === "write_output", `${name}: ${made}`);
    for (let failing = 0; failing < made.length; failing++) {
      let calls = 0;
      const { code, trap } = runOnNode(program, {
        ...task,
        answer: (_call, real) => (calls++ === failing ? -5 : real),
      });
      assert.is(trap, undefined);
      assert.is(code, -5, `${name}: call ${failing}, ${made[failing]}`);
    }
  }
});

const random = new RandomNumbers("mutations of example data");

/** The file cut short, shifted, with another byte, or as it is. */
function mutate(file: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(file);
  switch (random.below(4)) {
    case 0:
      return copy.subarray(0, random.below(copy.length + 1));
    case 1:
      return Uint8Array.from([...random.bytes(random.below(6)), ...copy]);
    case 2:
      if (copy.length > 0) copy[random.below(copy.length)] = random.below(256);
      return copy;
    default:
      return copy;
  }
}

test("4,000 mutations of valid files give a code, never a trap", () => {
  // A mutated number of passes keeps the logistic regression busy for ever: see the next test.
  const bounded = tasks.filter(([name]) => name !== "idash2017-logistic-regression");
  const allowed = new Set([0, GENERIC, -2, -3, BAD_INPUT, -5, -8, BAD_STREAM, -11]);
  const seen = new Set<number>();
  for (let turn = 0; turn < 4000; turn++) {
    const [name, valid] = random.pick(bounded);
    const code = codeOf(name, {
      inputs: (valid.inputs ?? []).map(mutate),
      streams: (valid.streams ?? []).map(mutate),
      ...(random.below(4) === 0 ? { previousResult: random.bytes(random.below(10)) } : {}),
      pages: 1 + random.below(3),
    });
    assert.ok(allowed.has(code), `${name}: ${code}`);
    seen.add(code);
  }
  assert.ok(seen.has(0) && seen.has(BAD_INPUT), `${[...seen]}`);
});

test("1,000 mutations of records give a code, or use up the fuel", () => {
  const task = tasks.find(([name]) => name === "idash2017-logistic-regression")?.[1];
  const program = programs.get("idash2017-logistic-regression") as Uint8Array;
  const engine = new FreestandingEngine();
  const seen = new Set<string>();
  for (let turn = 0; turn < 1000; turn++) {
    const inputs = (task?.inputs ?? []).map(mutate);
    const outcome = engine.run({ program, inputs, limits: { fuel: 100_000n } });
    const how = outcome.status === "returned" ? `${outcome.returnCode}` : `${outcome.reason}`;
    assert.match(how, /^(0|-1|-4|-5|.*fuel.*)$/);
    seen.add(how);
  }
  engine.free();
  assert.ok(seen.has("0") && seen.has("-4") && seen.size >= 3, [...seen].join(", "));
});

test("files too large for the memory are an error, however much or little is missing", async () => {
  const large: [ExampleName, Uint8Array[]][] = [
    [
      "linear-regression",
      [points(...Array.from({ length: 4000 }, (_, i): [number, number] => [i, i]))],
    ],
    ["shamir-secret-sharing", [1, 2].map((x) => new Uint8Array(100_000).fill(x))],
    [
      "string-edit-distance",
      [new ClassicWriter().string("a".repeat(30_000)).bytes, new ClassicWriter().string("b").bytes],
    ],
  ];
  for (const [name, options] of [
    ["private-set-intersection", ["--size", "1200", "--common", "600", "--seed", "b"]],
    ["intersection-set-sum", ["--customers", "4000", "--purchases", "2000", "--seed", "b"]],
    ["moving-average-convergence-divergence", []],
    ["idash2017-logistic-regression", ["--records", "600", "--iterations", "1", "--seed", "b"]],
  ] as const) {
    const [round] = exampleRounds(name, ...options);
    large.push([name, round.inputs]);
  }
  for (const [name, inputs] of large) {
    const codes: number[] = [];
    for (let pages = 1; pages <= 64; pages++) codes.push(codeOf(name, { inputs, pages }));
    assert.is(codes[0], GENERIC, `${name} in one page`);
    assert.is(codes.at(-1), 0, `${name} in 64 pages`);
    assert.ok(
      codes.every((code) => code === 0 || code === GENERIC),
      `${name}: ${codes}`,
    );
    const first = codes.indexOf(0);
    assert.ok(
      codes.slice(first).every((code) => code === 0),
      `${name}: more memory must not hurt: ${codes}`,
    );
  }
});

test.run();
