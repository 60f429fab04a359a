// The example programs in other languages than AssemblyScript, against those in AssemblyScript.

import { existsSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { projectRoot } from "../../host/common/paths.js";
import { SectionId, sectionsOf } from "../../host/common/wasm-sections.js";
import { FreestandingEngine } from "../../host/freestanding-execution-engine/engine.js";
import {
  type ExampleName,
  exampleNames,
  exampleProgram,
  exampleRounds,
} from "../support/example-data.js";
import { type HCallTask, runOnNode } from "../support/hcalls.js";
import { Random } from "../support/random.js";

/** The most that a translation may have of what the program in AssemblyScript has: bytes, and units of fuel. */
export const SIZE_BAR = 1.2;
export const FUEL_BAR = 2;
const MUTATIONS = 300;

/** The examples of whose folder one file is a program in another language. */
export function translatedExamples(file: string): ExampleName[] {
  return exampleNames.filter((name) =>
    existsSync(join(projectRoot, "examples/no_std", name, file)),
  );
}

/** Bytes of a module without its custom sections: names for people are no part of the program. */
export function programBytes(module: Uint8Array): number {
  return [...sectionsOf(module)]
    .filter(({ id }) => id !== SectionId.custom)
    .reduce((sum, { size }) => sum + size, 8);
}

/** Files with something wrong in them, or not: a byte changed, a file cut, doubled or left out. */
function mutated(files: readonly Uint8Array[], random: Random): Uint8Array[] {
  const changed: Uint8Array[] = files.map((file) => file.slice());
  const index = random.below(changed.length);
  const file = changed[index] as Uint8Array;
  switch (random.below(8)) {
    case 0:
      return changed.filter((_, other) => other !== index);
    case 1:
      return [...changed, file];
    case 2:
      changed[index] = file.subarray(0, random.below(file.length + 1));
      return changed;
    default:
      for (let times = 1 + random.below(3); times > 0 && file.length > 0; times--)
        file[random.below(Math.min(file.length, random.oneIn(2) ? 4 : file.length))] =
          random.below(256);
      return changed;
  }
}

/** What a run came to; the result counts only if the program released it. */
function outcome(program: Uint8Array, task: HCallTask): unknown {
  const { code, trap, output } = runOnNode(program, task);
  return { code, trap, result: code === 0 ? Buffer.from(output ?? []).toString("hex") : null };
}

/**
 * Holds a program to the one in AssemblyScript: the same results on the generator's data, the same codes
 * and results on mutations of it, at most 1.2 times its size and twice its fuel.
 */
export function comparePrograms(name: ExampleName, program: Uint8Array): void {
  const original = exampleProgram(name);
  const size = programBytes(program);
  assert.ok(
    size <= SIZE_BAR * programBytes(original),
    `${size} bytes, ${programBytes(original)} in AssemblyScript`,
  );
  const engine = new FreestandingEngine();
  try {
    let previousResult: Uint8Array | undefined;
    for (const { inputs, streams } of exampleRounds(name)) {
      const task = {
        inputs,
        streams,
        ...(previousResult !== undefined && { previousResult }),
        // Both draw the same.
        random: fixedRandom(),
      };
      const expected = runOnNode(original, { ...task, random: fixedRandom() });
      assert.is(expected.code, 0);
      const found = runOnNode(program, task);
      assert.is(found.trap, undefined);
      assert.is(found.code, 0);
      assert.equal(found.output, expected.output);
      const [theirs, ours] = [original, program].map((module) =>
        engine.run({ program: module, ...task }),
      );
      assert.is(ours?.reason, undefined);
      assert.ok(
        (ours?.fuel as bigint) <= BigInt(FUEL_BAR) * (theirs?.fuel as bigint),
        `fuel ${ours?.fuel}, ${theirs?.fuel} in AssemblyScript`,
      );
      previousResult = expected.output;

      if (inputs.length === 0) continue;
      const random = new Random(19);
      for (let round = 0; round < MUTATIONS; round++) {
        const bad = { ...task, inputs: mutated(inputs, random) };
        assert.equal(
          outcome(program, { ...bad, random: fixedRandom() }),
          outcome(original, { ...bad, random: fixedRandom() }),
          `mutation ${round}`,
        );
      }
    }
  } finally {
    engine.free();
  }
}

/** A source of random numbers that gives the same each time. */
export function fixedRandom(): (buffer: Uint8Array) => number {
  const random = new Random(7);
  return (buffer) => {
    for (let i = 0; i < buffer.length; i++) buffer[i] = random.below(256);
    return 0;
  };
}

/**
 * Runs a program that allocates and frees as its random input says, once for each seed: it must end well each time, and
 * its memory must be exhausted at least once.
 *
 * @param program writes how often it was refused memory, as a u32 in little-endian order
 */
export function exerciseAllocator(program: Uint8Array, seeds: number): void {
  let refusals = 0;
  for (let seed = 1; seed <= seeds; seed++) {
    const random = new Random(seed);
    const input = Uint8Array.from({ length: 2000 }, () => random.below(256));
    const { code, trap, output } = runOnNode(program, { inputs: [input], pages: 4 });
    assert.is(trap, undefined, `seed ${seed}`);
    assert.is(code, 0, `seed ${seed}`);
    refusals += Buffer.from(output ?? []).readUInt32LE();
  }
  assert.ok(refusals > 0, "the memory was never exhausted");
}
