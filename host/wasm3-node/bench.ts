// What the patches cost in instructions, and what a call across the border costs in nanoseconds.
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs, promisify } from "node:util";
import { wasmPath } from "../common/paths.js";
import { buildDriver } from "./driver/build.js";
import { copyMemory, Environment } from "./index.js";

const run = promisify(execFile);

const { values: options } = parseArgs({
  options: { json: { type: "boolean", default: false }, help: { type: "boolean", default: false } },
});
if (options.help) {
  console.log(`Usage: npm run bench:wasm3 [-- --json]

Counts the instructions of the patched wasm3 and of its sources as they come, compiled with the same flags (valgrind
needed), and times calls between JavaScript and wasm.`);
  process.exit(0);
}

/** Kernel, its export, and two sizes: what is counted is the difference, free of loading and compiling. */
const kernels = [
  ["SHA-256, 200 blocks", "sha256", 100, 300],
  ["fib(18) − fib(12)", "fib", 12, 18],
  ["insertion sort of 300", "sort", 0, 300],
  ["square roots (f64), 5,000", "roots", 1000, 6000],
  ["empty loop, 100,000 turns", "empty", 100_000, 200_000],
] as const;

interface Row {
  kernel: string;
  upstream: number;
  patched: number;
  ratio: number;
}

async function instructions(driver: string, name: string, argument: number): Promise<number> {
  const { stdout, stderr } = await run("valgrind", [
    "--tool=callgrind",
    "--callgrind-out-file=/dev/null",
    driver,
    wasmPath("testing/wasm3-kernels"),
    name,
    "--compile",
    `${argument}`,
  ]);
  const collected = /Collected : (\d+)/.exec(stderr)?.[1];
  if (!stdout.startsWith("result: ") || !collected)
    throw new Error(`the driver did not run ${name}(${argument}): ${stdout}${stderr}`);
  return Number(collected);
}

async function countInstructions(): Promise<Row[] | string> {
  try {
    await run("valgrind", ["--version"]);
  } catch {
    return "valgrind is not installed (apt-get install valgrind): no instruction counts";
  }
  const upstream = await buildDriver({ patched: false, sanitize: false });
  const patched = await buildDriver({ patched: true, sanitize: false });
  const rows: Row[] = [];
  for (const [kernel, name, small, large] of kernels) {
    const count = async (driver: string): Promise<number> =>
      (await instructions(driver, name, large)) - (await instructions(driver, name, small));
    const before = await count(upstream);
    const after = await count(patched);
    rows.push({ kernel, upstream: before, patched: after, ratio: after / before });
  }
  return rows;
}

const border = readFileSync(wasmPath("testing/wasm3-border"));

/** Nanoseconds of one turn: the best of five rounds of `turns`. */
function nanoseconds(turns: number, round: (turns: number) => void): number {
  round(1000);
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 5; i++) {
    const start = process.hrtime.bigint();
    round(turns);
    best = Math.min(best, Number(process.hrtime.bigint() - start) / turns);
  }
  return best;
}

function timeCalls(): Record<string, number> {
  const environment = new Environment();
  const load = () => environment.newRuntime().load(border);
  const host = load();
  host.link("host", "three", "i(iii)", (a, b, c) => a + b + c);
  const target = load();
  target.link("host", "three", "i(iii)", () => 0);
  const bridged = load();
  bridged.bridge("host", "three", target.findFunction("five"), { leading: [1, 2] });

  const hostCalls = host.findFunction("callThree");
  const bridgeCalls = bridged.findFunction("callThree");
  const emptyTurns = host.findFunction("emptyTurns");
  const five = target.findFunction("five");
  const loop = nanoseconds(2_000_000, (turns) => emptyTurns.call(turns));
  const from = host.runtime.memory;
  const to = target.runtime.memory;
  const kibibyte = new Uint8Array(1024);
  const repeat = (what: () => void) => (turns: number) => {
    for (let i = 0; i < turns; i++) what();
  };
  return {
    "wasm calls JavaScript, three i32": nanoseconds(500_000, (n) => hostCalls.call(n)) - loop,
    "wasm calls wasm over a bridge, five i32":
      nanoseconds(1_000_000, (n) => bridgeCalls.call(n)) - loop,
    "JavaScript calls wasm, five i32": nanoseconds(
      200_000,
      repeat(() => five.call(1, 2, 3, 4, 5)),
    ),
    "copyMemory of 1 KiB": nanoseconds(
      200_000,
      repeat(() => copyMemory(from, 0, to, 0, 1024)),
    ),
    "Memory.readInto of 1 KiB": nanoseconds(
      200_000,
      repeat(() => from.readInto(0, kibibyte)),
    ),
    "Memory.read of 1 KiB": nanoseconds(
      100_000,
      repeat(() => from.read(0, 1024)),
    ),
  };
}

if (!existsSync(wasmPath("testing/wasm3-kernels"))) {
  console.error("build/wasm/testing/wasm3-kernels.wasm is missing: npm run build");
  process.exit(1);
}
const rows = await countInstructions();
const times = timeCalls();
if (options.json) {
  console.log(
    JSON.stringify({
      machine: cpus()[0]?.model ?? "unknown",
      node: process.version,
      instructions: typeof rows === "string" ? null : rows,
      nanoseconds: times,
    }),
  );
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
