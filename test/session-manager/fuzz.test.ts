// Mutated handshakes, as many as fit into CI; by the hundred thousand: `npm run fuzz:tls`.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Fuzzer } from "./fuzz/fuzz-run.js";

test("mutated handshakes: no trap, one alert, no memory left", () => {
  const fuzzer = new Fuzzer();
  for (let seed = 1; seed <= 500; seed++) fuzzer.run(seed);
  const heap = fuzzer.heapUsed();
  for (let seed = 501; seed <= 3000; seed++) fuzzer.run(seed);
  assert.is(fuzzer.heapUsed(), heap);
  const { runs, opened, alerts } = fuzzer.tally;
  // The runs reach far, and fail in many ways.
  assert.ok(opened > runs / 5, `${opened} of ${runs} opened`);
  assert.ok(alerts.size >= 8, `${alerts.size} kinds of alerts`);
});

test.run();
