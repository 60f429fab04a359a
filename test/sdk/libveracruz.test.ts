// libveracruz, getrandom and veracruz_rt: each call on each row of the ABI's tables, every code that a
// host can answer, and memory that runs out.
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { wasmPath } from "../../host/common/paths.js";
import { type HCallTask, runOnNode } from "../support/hcalls.js";

const program = readFileSync(wasmPath("testing/sdk-libveracruz"));

const u32 = (value: number) => {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
};
const bytes = (...values: number[]) => Uint8Array.from(values);

/** Runs an entry point that does not trap. */
function run(entry: string, task: HCallTask = {}) {
  const outcome = runOnNode(program, { entry, ...task });
  assert.is(outcome.trap, undefined, entry);
  return outcome;
}

interface Row {
  entry: string;
  task?: HCallTask;
  code?: number;
  output?: Uint8Array;
}

const untouched = Array.from({ length: 8 }, () => 0xaa);
const inputs = [u32(1), bytes(1, 2, 3)];
const atFirst = [u32(0)];
const streams = [bytes(9, 8, 7), bytes()];
const long = new Uint8Array(9);
const previousResult = bytes(5, 6);

const rows: Row[] = [
  { entry: "callInputCount", output: u32(0) },
  { entry: "callInputCount", task: { inputs }, output: u32(2) },
  { entry: "callInputSize", task: { inputs }, output: u32(3) },
  { entry: "callInputSize", task: { inputs: [u32(1)] }, code: -4 },
  { entry: "callInputSize", task: { inputs: [u32(0xffffffff)] }, code: -4 },
  { entry: "callReadInput", task: { inputs }, output: bytes(1, 2, 3) },
  { entry: "callReadInput", task: { inputs: [u32(1), bytes()] }, output: bytes() },
  { entry: "callReadInput", task: { inputs: [u32(7)] }, code: -4 },
  {
    entry: "callReadInputInto",
    task: { inputs },
    output: bytes(1, 2, 3, ...untouched.slice(3), 3),
  },
  {
    entry: "callReadInputInto",
    task: { inputs: [u32(1), long] },
    code: -3,
    output: bytes(...untouched, 255),
  },
  {
    entry: "callReadInputInto",
    task: { inputs: [u32(2)] },
    code: -4,
    output: bytes(...untouched, 255),
  },
  { entry: "callRequireTwoInputs", task: { inputs }, code: 0 },
  { entry: "callRequireTwoInputs", task: { inputs: [u32(1)] }, code: -2 },
  { entry: "callRequireTwoInputs", task: { inputs: [...inputs, u32(1)] }, code: -2 },
  { entry: "callStreamCount", output: u32(0) },
  { entry: "callStreamCount", task: { streams }, output: u32(2) },
  { entry: "callStreamSize", task: { inputs, streams }, output: u32(0) },
  { entry: "callStreamSize", task: { inputs: [u32(2)], streams }, code: -10 },
  { entry: "callReadStream", task: { inputs: atFirst, streams }, output: bytes(9, 8, 7) },
  { entry: "callReadStream", task: { inputs, streams }, output: bytes() },
  { entry: "callReadStream", task: { inputs, streams: [] }, code: -10 },
  {
    entry: "callReadStreamInto",
    task: { inputs: atFirst, streams },
    output: bytes(9, 8, 7, ...untouched.slice(3), 3),
  },
  {
    entry: "callReadStreamInto",
    task: { inputs: atFirst, streams: [long] },
    code: -9,
    output: bytes(...untouched, 255),
  },
  {
    entry: "callReadStreamInto",
    task: { inputs },
    code: -10,
    output: bytes(...untouched, 255),
  },
  { entry: "callRequireTwoStreams", task: { streams }, code: 0 },
  { entry: "callRequireTwoStreams", task: { streams: [bytes()] }, code: -8 },
  { entry: "callHasPreviousResult", output: bytes(0) },
  { entry: "callHasPreviousResult", task: { previousResult }, output: bytes(1) },
  { entry: "callHasPreviousResult", task: { previousResult: bytes() }, output: bytes(1) },
  { entry: "callPreviousResultSize", output: u32(0) },
  { entry: "callPreviousResultSize", task: { previousResult }, output: u32(2) },
  { entry: "callReadPreviousResult", output: bytes() },
  { entry: "callReadPreviousResult", task: { previousResult }, output: previousResult },
  { entry: "callWriteOutput", output: bytes(...untouched) },
  { entry: "callWriteOutputTwice", code: -6, output: bytes(...untouched) },
  { entry: "callWriteEmptyOutput", output: bytes() },
];

test("each call gives what the ABI's tables say", () => {
  for (const { entry, task, code = 0, output } of rows) {
    const outcome = run(entry, task);
    const name = `${entry} ${JSON.stringify(task)}`;
    assert.is(outcome.code, code, name);
    assert.equal(outcome.output && Array.from(outcome.output), output && Array.from(output), name);
  }
});

/** Entry points, and the H-calls that each makes after those that its argument needs. */
const callsOf: Record<string, string[]> = {
  callInputCount: ["input_count"],
  callStreamCount: ["stream_count"],
  callStreamSize: ["stream_size"],
  callReadStream: ["stream_size", "read_stream"],
  callReadStreamInto: ["read_stream"],
  callRequireTwoInputs: ["input_count"],
  callRequireTwoStreams: ["stream_count"],
  callHasPreviousResult: ["has_previous_result"],
  callPreviousResultSize: ["previous_result_size"],
  callReadPreviousResult: ["previous_result_size", "read_previous_result"],
  callWriteOutput: ["write_output"],
  callGetrandom: ["getrandom"],
  callGetrandomU32: ["getrandom"],
  callGetrandomU64: ["getrandom"],
  callRandomFromPlatform: ["getrandom"],
};

test("every code of a host keeps its meaning; one without a meaning is Generic", () => {
  const task = { inputs: atFirst, streams: [bytes(1), bytes(2)], previousResult };
  for (const [entry, calls] of Object.entries(callsOf)) {
    for (const failing of calls) {
      for (const code of [
        -1, -2, -3, -4, -5, -6, -7, -8, -9, -10, -11, -12, -1000, 1, 0x7fffffff,
      ]) {
        const outcome = run(entry, {
          ...task,
          answer: (name, real) => (name === failing ? code : real),
        });
        const meaning = code < 0 && code >= -11 ? code : -1;
        assert.is(outcome.code, meaning, `${entry}: ${failing} answers ${code}`);
      }
    }
  }
});

test("a length that an early host stores in eight bytes does no harm", () => {
  const outcome = run("callReadPreviousResult", {
    previousResult,
    stored: (_name, value) => 0xdeadbeef_00000000n | BigInt(value),
  });
  assert.is(outcome.code, 0);
  assert.equal(outcome.output, previousResult);
});

test("random bytes come from the H-call", () => {
  const random = (buffer: Uint8Array) => {
    for (let i = 0; i < buffer.length; i++) buffer[i] = i + 1;
    return 0;
  };
  const drawn = (entry: string) => Array.from(run(entry, { random }).output ?? []);
  assert.equal(drawn("callGetrandom"), [1, 2, 3, 4, 5, 6, 7, 8]);
  assert.equal(drawn("callGetrandomU32"), [1, 2, 3, 4]);
  assert.equal(drawn("callGetrandomU64"), [1, 2, 3, 4, 5, 6, 7, 8]);
  const seeds: number[] = [];
  run("callRandomFromPlatform", {
    random: (buffer) => {
      seeds.push(buffer.length);
      return 0;
    },
  });
  assert.equal(seeds, [32]);
});

test("a generator without a seed from the platform is none", () => {
  for (const code of [-7, -1]) {
    const outcome = run("callRandomFromPlatform", { random: () => code });
    assert.is(outcome.code, code);
    assert.is(outcome.output, undefined);
  }
});

test("module variables are initialised before main runs", () => {
  assert.equal(Array.from(run("main").output ?? []), untouched);
});

test("fail never succeeds", () => {
  assert.is(run("failWithSuccess").code, -1);
});

test("the value of a failure is a trap, not a stray one", () => {
  assert.is(runOnNode(program, { entry: "valueOfFailure" }).trap, "unreachable");
});

test("memory that is not to be had is an error, not a trap", () => {
  for (const pages of [1, 2, 3, 5, 8, 16, 64]) {
    const most = pages * 65536;
    let refused = 0;
    for (let length = 1; length <= 2 * most; length = Math.ceil(length * 1.07)) {
      const outcome = run("reserveAndAllocate", { inputs: [u32(length)], pages });
      assert.ok(outcome.code === 0 || outcome.code === -1);
      if (outcome.code === -1) refused++;
      // What fits with 4 KiB to spare must be granted, what exceeds memory refused.
      if (length + 4096 <= most) assert.is(outcome.code, 0, `${length} of ${most} bytes`);
      if (length >= most) assert.is(outcome.code, -1, `${length} of ${most} bytes`);
    }
    assert.ok(refused > 0);
  }
  for (const length of [2 ** 30, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1]) {
    const outcome = run("callReserve", { inputs: [u32(length)], pages: 64 });
    assert.is(outcome.code, -1);
    assert.is(outcome.pages, 1, "nothing has changed");
  }
});

test("a host that lies about a length gets an error code", () => {
  const lie = (size: number) => ({
    inputs: [u32(1), bytes(1, 2, 3)],
    pages: 4,
    stored: (name: string, value: number) => (name === "input_size" && value === 3 ? size : value),
  });
  assert.is(run("callReadInput", lie(2)).code, -3);
  for (const size of [300_000, 2 ** 30, 2 ** 31, 2 ** 32 - 1]) {
    assert.is(run("callReadInput", lie(size)).code, -1, `${size}`);
  }
});

test("marked memory is given back, whatever was allocated in it", () => {
  const outcome = run("markAndRelease", { inputs: [u32(1000)], pages: 2 });
  assert.is(outcome.code, 0);
  assert.equal(Array.from(outcome.output ?? []), untouched);
  assert.is(outcome.pages, 1);
});

test.run();
