// npm run bench:engine: what the execution engine costs beside bare wasm3, and what jit gains.

import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { Command, Option } from "commander";
import wabt from "wabt";
import { HCALL_PREFIX } from "../../../assembly/abi/hcalls.js";
import { writeChart } from "../../common/chart.js";
import { CliError, runCommand, writeUserFile } from "../../common/cli.js";
import { projectRoot, wasmPath } from "../../common/paths.js";
import { FreestandingEngine, type Task } from "../../freestanding-execution-engine/engine.js";
import { hcallDefinitions } from "../../mcu/hcall-definitions.js";
import { countNative, hasValgrind } from "../callgrind.js";

interface Example {
  name: string;
  /** What the table calls it, if it has another name. */
  label?: string;
  data: readonly string[];
  seeded?: boolean;
}

/** Arguments for generators that make data large enough to be worth measuring. */
const examples: readonly Example[] = [
  { name: "nop", data: [], seeded: false },
  { name: "random-source", data: [], seeded: false },
  { name: "linear-regression", data: [], seeded: false },
  { name: "string-edit-distance", data: [] },
  { name: "private-set-intersection", data: ["--size", "1000", "--common", "200"] },
  { name: "intersection-set-sum", data: ["--customers", "2000", "--purchases", "1000"] },
  { name: "number-stream-accumulation", data: [] },
  { name: "shamir-secret-sharing", data: [] },
];
/** The programs of the test plan's performance measures, at the sizes that they are known for. */
const performancePrograms: readonly Example[] = [
  {
    name: "idash2017-logistic-regression",
    label: "idash2017-logistic-regression, 1,579 records of 18 factors, 7 passes",
    data: [],
  },
  {
    name: "moving-average-convergence-divergence",
    label: "moving-average-convergence-divergence, 5,104 prices",
    data: [],
    seeded: false,
  },
  {
    name: "intersection-set-sum",
    label: "intersection-set-sum, 20,000 customers, 10,000 purchases",
    data: ["--customers", "20000", "--purchases", "10000"],
  },
];
const PARTS = ["examples", "performance"] as const;
/** The engine's share beside bare wasm3 that is allowed, in instructions. */
const BAR_EXAMPLES = 1.1;
const BAR_EMPTY_LOOP = 1.25;
const BAR_HCALL_NS = 1000;
const LOOP_TURNS = 1_000_000;
const HCALLS = 1_000_000;

interface Subject {
  name: string;
  wasm: string;
  task: Task;
  /** Files of inputs and stream items, as the native home takes them. */
  files: string[];
}

interface Row {
  name: string;
  bareInstructions: number;
  engineInstructions: number;
  ratio: number;
  interpMs: number;
  jitMs: number;
}

const assembler = await wabt();
function assemble(text: string): Uint8Array {
  return new Uint8Array(assembler.parseWat("bench.wat", text).toBinary({}).buffer);
}

function loopProgram(turns: number, body: string): Uint8Array {
  return assemble(`(module
    (import "env" "${HCALL_PREFIX}input_count" (func $count (param i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "main") (result i32) (local $i i32)
      (loop $again
        ${body}
        (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const ${turns}))))
      (i32.const 0)))`);
}

/** Builds the native home twice: on the published wasm3, and on the patched one. */
async function buildHomes(): Promise<{ bare: string; patched: string }> {
  const folder = join(projectRoot, "build/bench-engine");
  mkdirSync(folder, { recursive: true });
  const prepare = await import(
    new URL("../../../../../host/wasm3-node/prepare-sources.js", import.meta.url).href
  );
  const patchedSources = join(projectRoot, "build/wasm3/src");
  await prepare.prepareSources(patchedSources);
  const definitions = join(folder, "hcalls.h");
  writeFileSync(definitions, hcallDefinitions());
  const build = (out: string, sources: string, flags: string[]) => {
    const path = join(folder, out);
    execFileSync(process.env.CC ?? "cc", [
      ...prepare.compilerArguments("host"),
      "-w",
      "-DNDEBUG",
      ...flags,
      ...["-include", definitions],
      `-I${sources}`,
      join(projectRoot, "host/benchmarks/engine/home.c"),
      ...prepare.wasm3Flags.sources.map((file: string) => join(sources, file)),
      "-lm",
      "-o",
      path,
    ]);
    return path;
  };
  return {
    bare: build("home-bare", prepare.upstreamFolder, []),
    patched: build("home-patched", patchedSources, ["-DPATCHED"]),
  };
}

function exampleSubject(
  folder: string,
  { name, label = name, data, seeded = true }: Example,
): Subject {
  const into = mkdtempSync(join(folder, `${name}-`));
  execFileSync(
    process.execPath,
    [
      join(projectRoot, `build/js/examples/no_std/${name}/generate.js`),
      ...["--output-dir", into],
      ...(seeded ? ["--seed", "bench"] : []),
      ...data,
    ],
    { stdio: "ignore" },
  );
  const files = (prefix: string, from = into) =>
    existsSync(from)
      ? readdirSync(from)
          .filter((file) => file.startsWith(prefix))
          .sort((one, other) => one.localeCompare(other, "en", { numeric: true }))
          .map((file) => join(from, file))
      : [];
  const inputs = files("input-");
  const streams = files("stream-", join(into, "round-1"));
  const read = (path: string) => new Uint8Array(readFileSync(path));
  return {
    name: label,
    wasm: wasmPath(`examples/${name}`),
    files: [...inputs, "--", ...streams],
    task: {
      program: read(wasmPath(`examples/${name}`)),
      inputs: inputs.map(read),
      streams: streams.map(read),
    },
  };
}

function programSubject(folder: string, name: string, program: Uint8Array): Subject {
  const wasm = join(folder, `${name.replaceAll(" ", "-")}.wasm`);
  writeFileSync(wasm, program);
  return { name, wasm, files: [], task: { program } };
}

/** The fastest of some runs, in milliseconds of load, compilation and run. */
function fastest(engine: FreestandingEngine, task: Task): number {
  let best = Number.POSITIVE_INFINITY;
  for (let run = 0; run < 5; run++) {
    const outcome = engine.run(task);
    if (outcome.returnCode !== 0) throw new CliError(`a program failed: ${outcome.reason}`, 1);
    best = Math.min(best, outcome.timeMs);
  }
  return best;
}

function measure(
  homes: { bare: string; patched: string },
  engine: FreestandingEngine,
  subject: Subject,
): Row {
  const count = (home: string, engineFile: string) =>
    countNative(home, [subject.wasm, engineFile, ...subject.files], "run_program");
  const bare = count(homes.bare, "-");
  const under = count(homes.patched, wasmPath("engine"));
  if (bare.output !== under.output) throw new CliError(`${subject.name}: results differ`, 1);
  return {
    name: subject.name,
    bareInstructions: bare.instructions,
    engineInstructions: under.instructions,
    ratio: under.instructions / bare.instructions,
    interpMs: fastest(engine, subject.task),
    jitMs: fastest(engine, {
      ...subject.task,
      strategy: "jit",
      // As a policy has it that names no bound.
      limits: { ...subject.task.limits, fuel: 0n },
    }),
  };
}

/** Nanoseconds of processor time of one H-call, program to runtime and back, in the host isolate. */
function hcallNanoseconds(engine: FreestandingEngine): number {
  const cost = (body: string) => {
    const task = { program: loopProgram(HCALLS, body) };
    let best = Number.POSITIVE_INFINITY;
    for (let run = 0; run < 3; run++) {
      const before = process.cpuUsage();
      engine.run(task);
      const { user, system } = process.cpuUsage(before);
      best = Math.min(best, user + system);
    }
    return best;
  };
  return ((cost("(drop (call $count (i32.const 0)))") - cost("")) * 1000) / HCALLS;
}

function number(value: number, digits = 0): string {
  return value.toLocaleString("en", {
    maximumFractionDigits: digits,
    minimumFractionDigits: digits,
  });
}

function print(rows: readonly Row[], hcallNs: number | null): void {
  console.log(`Machine: ${cpus()[0]?.model}, Node.js ${process.version}\n`);
  console.log(
    "| program | bare wasm3, instructions | engine, interp, instructions | ratio | interp, ms | jit, ms |",
  );
  console.log("|---|---:|---:|---:|---:|---:|");
  for (const row of rows) {
    console.log(
      `| ${row.name} | ${number(row.bareInstructions)} | ${number(row.engineInstructions)} | ${number(row.ratio, 3)} × | ${number(row.interpMs, 2)} | ${number(row.jitMs, 2)} |`,
    );
  }
  if (hcallNs === null) return;
  console.log(
    `\nOne H-call in the host isolate: ${number(hcallNs)} ns of processor time (bar: ${BAR_HCALL_NS}).`,
  );
}

async function main(options: {
  json?: string;
  chart?: string;
  only?: (typeof PARTS)[number];
}): Promise<void> {
  if (!hasValgrind())
    throw new CliError("valgrind is needed to count instructions: apt-get install valgrind", 1);
  const folder = mkdtempSync(join(tmpdir(), "vc-bench-engine-"));
  const engine = new FreestandingEngine();
  try {
    const homes = await buildHomes();
    const { only } = options;
    const subjects = [
      ...(only === "performance" ? [] : examples),
      ...(only === "examples" ? [] : performancePrograms),
    ].map((example) => exampleSubject(folder, example));
    if (only !== "performance") {
      subjects.push(programSubject(folder, "empty loop", loopProgram(LOOP_TURNS, "")));
    }
    const rows = subjects.map((subject) => measure(homes, engine, subject));
    const hcallNs = only === "performance" ? null : hcallNanoseconds(engine);
    print(rows, hcallNs);
    if (options.json !== undefined) {
      writeUserFile(options.json, "report", `${JSON.stringify({ rows, hcallNs }, null, 2)}\n`);
    }
    if (options.chart !== undefined)
      writeChart(options.chart, "The engine beside bare wasm3", { rows, hcallNs });
    for (const { name, ratio } of rows) {
      const bar = name === "empty loop" ? BAR_EMPTY_LOOP : BAR_EXAMPLES;
      if (ratio > bar) console.log(`above the bar of ${bar} ×: ${name}`);
    }
  } finally {
    engine.free();
    rmSync(folder, { recursive: true, force: true });
  }
}

await runCommand(
  new Command("bench:engine")
    .description(
      "Compares bare wasm3 (published sources, trivial H-calls in C), the engine with interp, and the engine with jit: instructions of main by callgrind, and time.",
    )
    .addOption(
      new Option(
        "--only <part>",
        "examples, or the programs that performance is measured with (default: both)",
      ).choices(PARTS),
    )
    .option("--json <file>", "write the figures as JSON, too (- is standard output)")
    .option("--chart <file>", "draw them, too (SVG)")
    .action(main),
);
