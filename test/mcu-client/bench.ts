// npm run bench:mcu: what the isolate takes on an emulated Cortex-M, beside the bars set for it.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command, Option } from "commander";
import { barChart, type Figure } from "../../host/common/chart.js";
import { CliError, runCommand } from "../../host/common/cli.js";
import { projectRoot, wasmPath } from "../../host/common/paths.js";
import { type BenchHost, countInstructions } from "../../host/mcu/bench-harness.js";
import { runOnDevice } from "../../host/mcu/device-engine.js";
import { buildIsolate, isolateImages } from "../../host/mcu/emulated-isolate.js";
import { readSizes, total } from "../../host/mcu/size-report.js";
import {
  type EmulatedBoard,
  emulatedBoards,
  type Host,
  hasTwoWorlds,
  missingTools,
  runtimeHosts,
} from "../../host/mcu/toolchain.js";
import { Status } from "../../host/transport-protocol/index.js";
import { programOf } from "../execution-engine/programs.js";
import { example, newPrincipal } from "../runtime-manager/deployment.js";
import { exampleData } from "../support/example-data.js";
import { carriedWhileAProgramRuns } from "./carried.js";
import { EmulatedDeployment } from "./deployment.js";

const MILLION = 1e6;
const KIB = 1024;
/** Of a mutual handshake with HOST=c, in millions: 5 % above the 5.11 of one world, with network and runtime in one image. */
const HANDSHAKE_BAR = 5.36;

interface Row {
  what: string;
  value: string;
  bar: string;
  met: boolean | undefined;
}
const rows: Row[] = [];
/** The same, for a chart. */
const figures: Figure[] = [];

function row(
  what: string,
  value: number,
  unit: string,
  digits: number,
  bar?: number,
  side: "≤" | "≥" = "≤",
): void {
  rows.push({
    what,
    value: `${value.toFixed(digits)} ${unit}`,
    bar: bar === undefined ? "" : `${side} ${bar} ${unit}`,
    met: bar === undefined ? undefined : side === "≤" ? value <= bar : value >= bar,
  });
  // A chart's bars are limits.
  if (side === "≤") figures.push({ name: what, value, unit, bar });
  const { value: text, bar: limit, met } = rows.at(-1) as Row;
  console.log(
    `${what.padEnd(66)} ${text.padStart(14)}  ${limit.padStart(14)}  ${met === undefined ? "" : met ? "met" : "MISSED"}`,
  );
}

/** Sums of the trace lines that the firmware prints, since the last call. */
class Trace {
  private lines: string[] = [];
  peakHeap = 0;
  stack = 0;
  private handled = 0;
  private wake = () => {};
  readonly take = (line: string): void => {
    this.lines.push(line);
    const heap = /^program ended: heap \d+, peak (\d+)$/.exec(line);
    if (heap) this.peakHeap = Number(heap[1]);
    const stack = /^trace stack (\d+)$/.exec(line);
    if (!stack) return;
    // The last line about a message.
    this.stack = Math.max(this.stack, Number(stack[1]));
    this.handled++;
    this.wake();
  };
  /** Waits for the lines about so many messages: the console may come later than the answers. */
  async until(messages: number): Promise<void> {
    while (this.handled < messages) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }
  sum(kinds: readonly string[]): number {
    const lines = this.lines;
    this.lines = [];
    return lines.reduce((sum, line) => {
      const [, kind, count] = /^trace (\w+) (\d+)$/.exec(line) ?? [];
      return sum + (kinds.includes(kind ?? "") ? Number(count) : 0);
    }, 0);
  }
}

/** Boot, handshake and memory of the isolate: one computation of two parties. */
async function isolateFigures(board: EmulatedBoard, host: Host): Promise<void> {
  await buildIsolate(board, host);
  const images = isolateImages(board, host);
  const parts = [images.main, images.outside, images.boot.replace(/elf$/, "bin")];
  const flash = parts.reduce((sum, path) => sum + (path ? statSync(path).size : 0), 0);
  row(
    `flash, whole isolate with first stage, HOST=${host}`,
    flash / KIB,
    "KiB",
    1,
    { c: 384, wasm3: 288, thumb2: undefined }[host],
  );

  const firstStage = statSync(images.boot.replace(/elf$/, "bin")).size;
  row("flash, first stage with DICE and manifests", firstStage / KIB, "KiB", 1, 24);

  const trace = new Trace();
  const [alice, bob] = [newPrincipal("alice"), newPrincipal("bob")];
  const { module, output } = programOf(16 * KIB);
  const strategy = host === "thumb2" ? "JIT" : "Interpretation";
  const deployment = await EmulatedDeployment.start({
    board,
    runtimeHost: host,
    exact: true,
    variant: { trace: true, small: true },
    console: trace.take,
    identities: [
      { certificate: alice, capabilities: "p.wasm:w" },
      { certificate: bob, capabilities: "input-0:w,output:r" },
    ],
    programs: [{ name: "p.wasm", module, capabilities: "input-0:r,output:w" }],
    policy: {
      // A home without an interpreter for the runtime compiles its programs, too.
      execution_strategy: strategy,
      execution_limits: { memory_bytes: 65536, stack_bytes: 8192 },
    },
  });
  try {
    const [, ready] = await deployment.isolate.board.line(/^trace ready (\d+)$/);
    const [, key] = await deployment.isolate.board.line(/^trace key (\d+)$/);
    const boot = Number(ready) - Number(key);
    row(
      `boot to first message, attestation key apart, HOST=${host}`,
      boot / MILLION,
      "M",
      1,
      host === "wasm3" ? 200 : 50,
    );
    const spent = async () => {
      await trace.until(deployment.client.requests);
      return trace.sum(["handle", "next"]);
    };
    await deployment.attest();
    await spent();
    const a = await deployment.connect(alice);
    const handshake = await spent();
    await a.request({ type: "requestState" });
    // `connect` ends with such a request, which is no part of the handshake.
    const request = await spent();
    row(
      `mutual handshake, HOST=${host}`,
      (handshake - request) / MILLION,
      "M",
      2,
      { c: HANDSHAKE_BAR, wasm3: 100, thumb2: 8 }[host],
    );
    await spent();
    await deployment.commitIn(a);
    row(`commit, HOST=${host}`, (await spent()) / MILLION, "M", 2, host === "c" ? 6 : undefined);
    const b = await deployment.connect(bob);
    const sent = [
      await a.send("program", "p.wasm", module),
      await b.send("data", "input-0", Buffer.alloc(1000)),
    ];
    for (const answer of sent)
      if (answer.type !== "outcome" || answer.status !== Status.SUCCESS)
        throw new CliError(`the isolate takes no file: ${JSON.stringify(answer)}`, 1);
    const result = await b.read("output", "", 4096);
    if (!(result instanceof Uint8Array) || !output.equals(result))
      throw new CliError(`the bench's computation failed: ${JSON.stringify(result)}`, 1);
  } finally {
    await deployment.stop();
  }
  const { main, outside } = isolateImages(board, host, { trace: true, small: true });
  const reserved = [main, outside].reduce((sum, path) => {
    if (path === undefined) return sum;
    return sum + total(readSizes(readFileSync(path.replace(/bin$/, "map"), "utf8"), 0).ram);
  }, 0);
  row(
    `RAM, two sessions, a program of ${(module.length / KIB).toFixed(1)} KiB with one page${strategy === "JIT" ? " under JIT" : ""}, HOST=${host}`,
    (reserved + trace.peakHeap) / KIB,
    "KiB",
    1,
    { c: 320, wasm3: undefined, thumb2: 300 }[host],
  );
  row(
    `RAM of that program beside its page and its stack, ${strategy}`,
    (trace.peakHeap - 64 * KIB - 8 * KIB) / KIB,
    "KiB",
    1,
    strategy === "JIT" ? 32 : undefined,
  );
  console.log(
    `    of it reserved ${(reserved / KIB).toFixed(1)}, heap ${(trace.peakHeap / KIB).toFixed(1)}; deepest stack outside of programs ${(trace.stack / KIB).toFixed(1)}`,
  );
}

/** Wall time from the emulator's start to the reconstructed secret. */
async function shamirDemo(board: EmulatedBoard, host: Host): Promise<void> {
  const parties = ["alice", "bob", "carol"].map((name) => newPrincipal(name));
  const name = "shamir-secret-sharing";
  const data = exampleData(name);
  await buildIsolate(board, host);
  const started = performance.now();
  const deployment = await EmulatedDeployment.start({
    board,
    runtimeHost: host,
    identities: parties.map((certificate, index) => ({
      certificate,
      capabilities: `input-${index}:w${index === 0 ? ",p.wasm:w" : ""}${index === 2 ? ",output:r" : ""}`,
    })),
    programs: [
      {
        name: "p.wasm",
        module: example(name),
        capabilities: "input-0:r,input-1:r,input-2:r,output:w",
      },
    ],
  });
  try {
    await deployment.begin();
    const sessions = await Promise.all(parties.map((party) => deployment.connect(party)));
    await sessions[0]?.send("program", "p.wasm", example(name));
    for (const [index, session] of sessions.entries())
      await session.send("data", `input-${index}`, data[`input-${index}`] as Uint8Array);
    const result = await sessions[2]?.read("output", "", 4096);
    if (!Buffer.from(data["expected-1"] as Uint8Array).equals(result as Uint8Array))
      throw new CliError("the secret is wrong", 1);
    const seconds = (performance.now() - started) / 1000;
    row(
      `Shamir demo, emulator start to result, wall time, HOST=${host}`,
      seconds,
      "s",
      1,
      host === "wasm3" ? undefined : 15,
    );
  } finally {
    await deployment.stop();
  }
}

/** Instructions of the examples' `main` in the engine, against bare wasm3 with H-calls in C. */
async function programSpeed(board: EmulatedBoard): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "mcu-bench-"));
  try {
    for (const name of [
      "linear-regression",
      "string-edit-distance",
      "private-set-intersection",
      "intersection-set-sum",
      "shamir-secret-sharing",
    ]) {
      const data = join(folder, name);
      const generator = join(projectRoot, "build/js/examples/no_std", name, "generate.js");
      execFileSync(process.execPath, [generator, "--output-dir", data]);
      const inputs = readdirSync(data)
        .filter((file) => file.startsWith("input-"))
        .sort()
        .map((file) => join(data, file));
      const program = wasmPath(`examples/${name}`);
      const [bare] = await countInstructions({
        wasm: program,
        host: "wasm3-bare",
        board,
        inputs,
        calls: [{ name: "main" }],
      });
      const [device] = await runOnDevice({
        board,
        host: "c",
        exact: true,
        tasks: [{ program, inputs }],
      });
      if (!bare || !device || device.status !== 0) throw new CliError(`${name} does not run`, 1);
      row(
        `program against bare wasm3: ${name}, ${(bare.instructions / MILLION).toFixed(2)} M bare`,
        device.instructions / bare.instructions,
        "×",
        3,
        1.03,
      );
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The hottest work of the runtime, native and in both hosts. */
async function kernels(board: EmulatedBoard): Promise<void> {
  const wasm = wasmPath("testing/bench-kernels");
  const calls = [
    { name: "sha256", arguments: [65536] },
    { name: "multiply256", arguments: [1000] },
    { name: "fibonacci", arguments: [20] },
  ];
  const names = ["SHA-256 of 64 KiB", "256-bit multiplication × 1000", "fib(20)"];
  const counts = new Map<BenchHost, number[]>();
  for (const host of ["native", "c", "wasm3", "wasm3-bare"] as const) {
    const result = await countInstructions({ wasm, board, host, calls });
    counts.set(
      host,
      result.map(({ instructions }) => instructions),
    );
  }
  console.log(
    "\ninstructions, thousands            native C        wasm2c            wasm3   wasm3 unpatched",
  );
  for (const [index, name] of names.entries()) {
    const native = counts.get("native")?.[index] ?? 0;
    const cell = (host: BenchHost) => {
      const count = counts.get(host)?.[index] ?? 0;
      return `${(count / 1000).toFixed(0)} (${(count / native).toFixed(2)} ×)`.padStart(17);
    };
    console.log(
      `${name.padEnd(32)} ${(native / 1000).toFixed(0).padStart(10)}${cell("c")}${cell("wasm3")}${cell("wasm3-bare")}`,
    );
  }
}

/**
 * What Ethernet carries while a program runs: in two worlds, where the outside pre-empts the program, against the same
 * sources as one image, which polls the links every 2 ms. How many instructions that is depends on the processor: a
 * nanosecond for each, as in all of this bench, and 64, which is close to the board's 20 MHz.
 */
async function ethernet(board: EmulatedBoard): Promise<void> {
  if (!hasTwoWorlds(board)) return;
  for (const [pace, shift, bar] of [
    ["1 ns", 0, 3],
    ["64 ns", 6, undefined],
  ] as const) {
    const measured = async (how: string, oneWorld: boolean) => {
      const bytes = await carriedWhileAProgramRuns(board, oneWorld, shift);
      row(`Ethernet while a program runs, ${how}, ${pace}`, bytes / KIB, "KiB/M", 2);
      return bytes;
    };
    const polled = await measured("one image that polls", true);
    const preempting = await measured("two worlds", false);
    row(`the same, two worlds against polling, ${pace}`, preempting / polled, "×", 1, bar, "≥");
  }
}

const parts = ["isolate", "programs", "demo", "ethernet", "kernels"] as const;
type Part = (typeof parts)[number];

interface Wanted {
  board: EmulatedBoard;
  only?: readonly Part[];
  host?: Host;
  chart?: string;
}

const command = new Command("bench-mcu")
  .description(
    "Sizes and instruction counts of the isolate on an emulated Cortex-M, beside their bars.",
  )
  .addOption(
    new Option("--board <name>", "which board").choices(emulatedBoards).default("mps2-an505"),
  )
  .addOption(new Option("--only <parts...>", "which figures; default: all of them").choices(parts))
  .addOption(
    new Option("--host <host>", "only with this host of the runtime").choices(runtimeHosts),
  )
  .option("--chart <file>", "draw them, too, each against its bar (SVG)")
  .action(async ({ board, only = parts, host, chart }: Wanted) => {
    const missing = missingTools();
    if (missing) throw new CliError(missing, 1);
    console.log(`${board}; M: millions of instructions under QEMU -icount shift=0\n`);
    const all = host === undefined ? runtimeHosts : [host];
    if (only.includes("isolate")) for (const each of all) await isolateFigures(board, each);
    if (only.includes("programs")) await programSpeed(board);
    if (only.includes("demo")) for (const each of all) await shamirDemo(board, each);
    if (only.includes("ethernet")) await ethernet(board);
    if (only.includes("kernels")) await kernels(board);
    if (chart !== undefined)
      writeFileSync(chart, barChart(`The isolate's firmware on ${board}`, figures));
    const missed = rows.filter(({ met }) => met === false);
    if (missed.length > 0) {
      console.log(
        `\n${missed.length} of ${rows.filter(({ bar }) => bar !== "").length} bars are missed`,
      );
      process.exitCode = 1;
    }
  });
await runCommand(command);
