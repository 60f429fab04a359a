// What the patches cost in instructions, and what a call across the border costs in nanoseconds.
import { existsSync, readFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { writeChart } from "../common/chart.js";
import { wasmPath } from "../common/paths.js";
import { copyMemory, Environment } from "./index.js";
import { countInstructions, hasCallgrind, type Kernel } from "./instructions.js";

const { values: options } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    chart: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
if (options.help) {
  console.log(`Usage: npm run bench:wasm3 [-- --json] [--chart FILE]

Counts the instructions of the patched wasm3 and of its sources as they come, compiled with the same flags (valgrind
needed), and times calls between JavaScript and wasm.

  --json        one JSON object
  --chart FILE  also draw the figures (SVG)`);
  process.exit(0);
}

const kernels: readonly Kernel[] = [
  { label: "SHA-256, 200 blocks", name: "sha256", small: 100, large: 300 },
  { label: "fib(18) − fib(12)", name: "fib", small: 12, large: 18 },
  { label: "insertion sort of 300", name: "sort", small: 0, large: 300 },
  { label: "square roots (f64), 5,000", name: "roots", small: 1000, large: 6000 },
  { label: "empty loop, 100,000 turns", name: "empty", small: 100_000, large: 200_000 },
];

const border = readFileSync(wasmPath("testing/wasm3-border"));

/** Nanoseconds of one turn: the best of 200 short rounds, so that a busy machine shows little. */
function nanoseconds(turns: number, round: (turns: number) => void): number {
  for (let i = 0; i < 20; i++) round(turns);
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 200; i++) {
    const start = process.hrtime.bigint();
    round(turns);
    best = Math.min(best, Number(process.hrtime.bigint() - start) / turns);
  }
  return best;
}

function timeCalls(): Record<string, number> {
  const environment = new Environment();
  const load = () => {
    const runtime = environment.newRuntime();
    return { runtime, module: runtime.load(border) };
  };
  const { runtime: hostRuntime, module: host } = load();
  host.link("host", "three", "i(iii)", (a, b, c) => a + b + c);
  const { runtime: targetRuntime, module: target } = load();
  target.link("host", "three", "i(iii)", () => 0);
  const { module: bridged } = load();
  bridged.bridge("host", "three", target.findFunction("five"), { leading: [1, 2] });

  const hostCalls = host.findFunction("callThree");
  const bridgeCalls = bridged.findFunction("callThree");
  const emptyTurns = host.findFunction("emptyTurns");
  const five = target.findFunction("five");
  const loop = nanoseconds(20_000, (turns) => emptyTurns.call(turns));
  const from = hostRuntime.memory;
  const to = targetRuntime.memory;
  const kibibyte = new Uint8Array(1024);
  const repeat = (what: () => void) => (turns: number) => {
    for (let i = 0; i < turns; i++) what();
  };
  return {
    "wasm calls JavaScript, three i32": nanoseconds(5_000, (n) => hostCalls.call(n)) - loop,
    "wasm calls wasm over a bridge, five i32":
      nanoseconds(10_000, (n) => bridgeCalls.call(n)) - loop,
    "JavaScript calls wasm, five i32": nanoseconds(
      2_000,
      repeat(() => five.call(1, 2, 3, 4, 5)),
    ),
    "copyMemory of 1 KiB": nanoseconds(
      2_000,
      repeat(() => copyMemory(from, 0, to, 0, 1024)),
    ),
    "Memory.readInto of 1 KiB": nanoseconds(
      2_000,
      repeat(() => from.readInto(0, kibibyte)),
    ),
    "Memory.read of 1 KiB": nanoseconds(
      1_000,
      repeat(() => from.read(0, 1024)),
    ),
  };
}

if (!existsSync(wasmPath("testing/wasm3-kernels"))) {
  console.error("build/wasm/testing/wasm3-kernels.wasm is missing: npm run build");
  process.exit(1);
}
const rows = (await hasCallgrind())
  ? await countInstructions(kernels)
  : "valgrind is not installed (apt-get install valgrind): no instruction counts";
const times = timeCalls();
const report = {
  machine: cpus()[0]?.model ?? "unknown",
  node: process.version,
  instructions: typeof rows === "string" ? null : rows,
  nanoseconds: times,
};
if (options.chart !== undefined)
  writeChart(options.chart, "wasm3: instructions, and nanoseconds of a call", report);
if (options.json) {
  console.log(JSON.stringify(report));
} else {
  console.log(`${cpus()[0]?.model ?? "unknown"}, Node ${process.version}\n`);
  if (typeof rows === "string") {
    console.log(rows);
  } else {
    console.log("Instructions of wasm3       as it comes      patched   ratio");
    for (const row of rows)
      console.log(
        `${row.kernel.padEnd(26)} ${row.upstream.toLocaleString("en").padStart(12)} ${row.patched
          .toLocaleString("en")
          .padStart(12)}   ${row.ratio.toFixed(3)}`,
      );
  }
  console.log("\nAcross the border                              ns");
  for (const [what, value] of Object.entries(times))
    console.log(`${what.padEnd(42)} ${value.toFixed(0).padStart(6)}`);
}
