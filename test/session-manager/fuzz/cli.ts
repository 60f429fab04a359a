// Fuzzes the TLS engine: `npm run fuzz:tls -- --runs 100000 --seed 1`.
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { describeAlert } from "../../../host/session-manager/alerts.js";
import { Finding, Fuzzer, type Recording } from "./fuzz-run.js";

const { values: options } = parseArgs({
  options: {
    runs: { type: "string", default: "100000" },
    seed: { type: "string", default: "1" },
    replay: { type: "string" },
    help: { type: "boolean", short: "h", default: false },
  },
});
if (options.help) {
  console.log(`Usage: npm run fuzz:tls -- [--runs N] [--seed S] [--replay FILE]

  --runs N       handshakes to mutate (default 100000)
  --seed S       where to begin: run i of seed S is run 0 of seed S + i (default 1)
  --replay FILE  do again what a finding recorded`);
  process.exit(0);
}

const fuzzer = new Fuzzer();
if (options.replay !== undefined) {
  fuzzer.replay(JSON.parse(readFileSync(options.replay, "utf8")) as Recording);
  process.exit(0);
}
const runs = Number(options.runs);
const seed = Number(options.seed);
if (!Number.isInteger(runs) || !Number.isInteger(seed) || runs < 1) {
  console.error("--runs and --seed take whole numbers");
  process.exit(2);
}

const started = performance.now();
let heap = 0;
for (let i = 0; i < runs; i++) {
  try {
    fuzzer.run(seed + i);
  } catch (error) {
    console.error(`run ${i}, seed ${seed + i}: ${(error as Error).stack}`);
    if (error instanceof Finding) {
      const file = `tls-finding-${seed + i}.json`;
      writeFileSync(file, JSON.stringify(error.recording));
      console.error(`recorded in ${file}`);
    }
    process.exit(1);
  }
  // After the first runs everything that stays is there.
  if (i === 999) heap = fuzzer.heapUsed();
  if (i % 10_000 === 9999) {
    const now = fuzzer.heapUsed();
    console.log(`${i + 1} runs, heap ${now} bytes`);
    if (now !== heap) {
      console.error(`the heap grew from ${heap} to ${now} bytes`);
      process.exit(1);
    }
  }
}

const { opened, closed, alerts } = fuzzer.tally;
console.log(
  `${runs} runs in ${((performance.now() - started) / 1000).toFixed(0)} s: no trap, no growth; ` +
    `${opened} opened, ${closed} closed in order. Alerts sent:`,
);
for (const [alert, count] of [...alerts].sort(([, a], [, b]) => b - a))
  console.log(`  ${String(count).padStart(8)}  ${alert < 0 ? "none" : describeAlert(alert)}`);
