// What each example is made of: its size, its imports and exports, and the features it needs.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../../host/common/paths.js";
import { shapeOf } from "../sdk/module-shape.js";
import { type ExampleName, exampleNames, exampleProgram } from "../support/example-data.js";

const NOP_BYTES = 200;
const EXAMPLE_BYTES = 12 * 1024;

const reads = ["input_count", "input_size", "read_input", "write_output"];
const imports: Record<ExampleName, string[]> = {
  nop: [],
  "random-source": ["getrandom", "input_count", "write_output"],
  "linear-regression": reads,
  "string-edit-distance": reads,
  "private-set-intersection": reads,
  "intersection-set-sum": reads,
  "number-stream-accumulation": [
    ...reads,
    "has_previous_result",
    "previous_result_size",
    "read_previous_result",
    "read_stream",
    "stream_count",
    "stream_size",
  ],
  "shamir-secret-sharing": reads,
  "audio-event-triangulation": reads,
  "idash2017-logistic-regression": reads,
  "moving-average-convergence-divergence": reads,
  "private-set-intersection-sum": reads,
  "second-price-auction": reads,
  "decision-tree": reads,
  "noisy-histogram": [...reads, "getrandom"],
  "logistic-regression": reads,
  "private-inference": [...reads, "read_stream", "stream_count", "stream_size"],
};

test("the list of examples is that of the folder", () => {
  const folders = readdirSync(join(projectRoot, "examples/no_std"), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== "support")
    .map((entry) => entry.name);
  assert.equal([...exampleNames].sort(), folders.sort());
});

test("no example is larger than its bar", () => {
  for (const name of exampleNames) {
    const size = exampleProgram(name).length;
    const bar = name === "nop" ? NOP_BYTES : EXAMPLE_BYTES;
    assert.ok(size <= bar, `${name}: ${size} bytes, at most ${bar} allowed`);
  }
});

test("each example imports the H-calls that it needs, and nothing else", () => {
  for (const name of exampleNames) {
    const {
      imports: found,
      exports,
      hasStart,
      refusedInstructions,
    } = shapeOf(exampleProgram(name));
    assert.equal(found, imports[name].map((call) => `env.__veracruz_hcall_${call}`).sort(), name);
    assert.equal(exports, ["function main", "memory memory"], name);
    assert.not(hasStart, name);
    assert.equal(refusedInstructions, [], name);
  }
});

test.run();
