// The short form of `npm run bench:schedules -- --processes 20`: the same schedules, with real processes.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { runProcessSchedules } from "./process-schedules.js";

test("2 random schedules of processes that are killed keep to the policy, and honest parties come to their end", async () => {
  const { broken, isolates, kills, ended } = await runProcessSchedules([1, 5]);
  assert.equal(broken, []);
  assert.is(ended, 2);
  // The schedules do reach what they are about.
  assert.ok(isolates >= 2 && kills >= 4, `${isolates} ${kills}`);
});

test("where the two attestation servers count in two databases, a schedule goes beyond it", async () => {
  const { broken } = await runProcessSchedules([5], { forked: true });
  assert.ok(broken.length > 0);
});

test.run();
