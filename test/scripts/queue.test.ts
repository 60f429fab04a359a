// The runner of tests: what fails once runs again, alone, and what fails twice has failed.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { MOST_AGAIN, runQueue } from "../queue.js";

/** Runs files whose results are listed, the first run's first; tells which ran, and how many at a time at most. */
async function run(results: Record<string, number[]>, again: boolean, jobs = 2) {
  const ran: string[] = [];
  let running = 0;
  const alone: string[] = [];
  const left = structuredClone(results);
  const ended = await runQueue(Object.keys(results), jobs, again, async (file) => {
    ran.push(file);
    running++;
    await new Promise((next) => setImmediate(next));
    if (running === 1) alone.push(file);
    running--;
    return { failed: left[file]?.shift() ?? 0 };
  });
  const failed = [...ended.outcomes.values()].reduce((sum, outcome) => sum + outcome.failed, 0);
  return { ...ended, ran, alone, failed };
}

test("each file runs once where none fails", async () => {
  const { ran, unsteady, failed } = await run({ a: [], b: [], c: [] }, true);
  assert.equal(ran, ["a", "b", "c"]);
  assert.equal(unsteady, []);
  assert.is(failed, 0);
});

test("what fails runs again after all others, alone, and counts as it ends then", async () => {
  const { ran, unsteady, failed, alone, outcomes } = await run(
    { a: [2, 0], b: [1, 1], c: [], d: [] },
    true,
  );
  assert.equal(ran, ["a", "b", "c", "d", "a", "b"]);
  assert.equal(alone.slice(-2), ["a", "b"]);
  assert.equal(unsteady, ["a"]);
  assert.is(failed, 1);
  assert.is(outcomes.size, 4);
});

test("what fails has failed where no second run was asked for", async () => {
  const { ran, unsteady, failed } = await run({ a: [2, 0], b: [] }, false);
  assert.equal(ran, ["a", "b"]);
  assert.equal(unsteady, []);
  assert.is(failed, 2);
});

test("nothing runs again where too many have failed", async () => {
  const names = Array.from({ length: MOST_AGAIN + 1 }, (_, index) => `file${index}`);
  const { ran, unsteady, failed } = await run(
    Object.fromEntries(names.map((name) => [name, [1, 0]])),
    true,
  );
  assert.equal(ran, names);
  assert.equal(unsteady, []);
  assert.is(failed, MOST_AGAIN + 1);
});

test.run();
