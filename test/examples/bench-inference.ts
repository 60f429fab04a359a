// npm run bench:inference: what an image costs private-inference on each engine, and a long computation on a device.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { hasValgrind } from "../../host/benchmarks/callgrind.js";
import { CliError, runCommand } from "../../host/common/cli.js";
import { projectRoot, wasmPath } from "../../host/common/paths.js";
import { parseWhole } from "../../host/common/quantities.js";
import { FreestandingEngine } from "../../host/freestanding-execution-engine/engine.js";
import { runOnDevice } from "../../host/mcu/device-engine.js";
import { missingTools, runtimeHosts } from "../../host/mcu/toolchain.js";
import { exampleProgram } from "../support/example-data.js";
import { runOnNode } from "../support/hcalls.js";
import { emulatedDevice } from "../support/platforms.js";
import { TestAttestation } from "../support/system.js";
import { imagesMissing, testImages } from "./fashion-mnist.js";
import { inferenceModel, inferInRounds } from "./inference-rounds.js";

const BOARD = "mps2-an505";
/** Of the board's processor. */
const BOARD_HZ = 20e6;
const MILLION = 1e6;
/** Runs whose instructions are counted: the difference is that of the images between. */
const FEW = 5;
const MANY = 25;
const TIMED = 50;

const program = exampleProgram("private-inference");

/** Millions of instructions of an image on this computer, by callgrind: compilation and the thread of jit included. */
function instructions(strategy: string): number {
  const folder = mkdtempSync(join(tmpdir(), "vc-inference-"));
  const script = join(projectRoot, "build/js/test/examples/inference-runs.js");
  const count = (runs: number): number => {
    const report = join(folder, `callgrind-${runs}`);
    execFileSync(
      "valgrind",
      [
        ...["--quiet", "--tool=callgrind", `--callgrind-out-file=${report}`],
        // V8 writes code as it runs.
        ...["--smc-check=all-non-file", process.execPath, script, strategy, String(runs)],
      ],
      { stdio: ["ignore", "ignore", "inherit"] },
    );
    const [, total] = /^(?:summary|totals): (\d+)/m.exec(readFileSync(report, "utf8")) ?? [];
    if (total === undefined) throw new Error("no count in callgrind's report");
    return Number(total);
  };
  try {
    return (count(MANY) - count(FEW)) / (MANY - FEW) / MILLION;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The median of the milliseconds that load, compilation and run take. */
function milliseconds(strategy: "interp" | "jit", images: readonly Uint8Array[]): number {
  const engine = new FreestandingEngine();
  const times = Array.from({ length: TIMED }, (_, index) => {
    const streams = [images[index % images.length] as Uint8Array];
    const outcome = engine.run({ program, inputs: [inferenceModel], streams, strategy });
    if (outcome.returnCode !== 0) throw new CliError(`a run failed: ${outcome.reason}`, 1);
    return outcome.timeMs;
  }).sort((a, b) => a - b);
  engine.free();
  return times[TIMED / 2] as number;
}

async function onDevice(images: readonly Uint8Array[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "vc-inference-"));
  try {
    const path = (name: string, bytes: Uint8Array): string => {
      writeFileSync(join(folder, name), bytes);
      return join(folder, name);
    };
    const task = {
      program: wasmPath("examples/private-inference"),
      inputs: [path("network", inferenceModel)],
      streams: [path("image", images[0] as Uint8Array)],
    };
    for (const host of runtimeHosts) {
      const [outcome] = await runOnDevice({ board: BOARD, host, exact: true, tasks: [task] });
      if (outcome?.returnCode !== 0) throw new CliError("the device's run failed", 1);
      const { instructions: count, fuel, peakMemoryBytes, heapBytes } = outcome;
      console.log(
        `device, HOST=${host}: ${(count / MILLION).toFixed(1)} million instructions, ${(count / BOARD_HZ).toFixed(2)} s at 20 MHz and one instruction a cycle, ` +
          `${fuel} units of fuel; ${peakMemoryBytes} bytes of program memory, ${heapBytes} bytes of the device's heap in use after it, copies of the files included`,
      );
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function main({ images: count }: { images: number }): Promise<void> {
  if (imagesMissing) throw new CliError(imagesMissing, 1);
  const { images } = testImages();
  console.log(`Machine: ${cpus()[0]?.model}, Node.js ${process.version}`);
  console.log(`program ${program.length} bytes, network ${inferenceModel.length} bytes`);
  for (const strategy of ["interp", "jit"] as const) {
    const counted = hasValgrind()
      ? `${instructions(strategy).toFixed(1)} million instructions`
      : "instructions not counted (apt-get install valgrind)";
    console.log(`${strategy}: ${milliseconds(strategy, images).toFixed(2)} ms, ${counted}`);
  }
  const missing = missingTools();
  if (missing) throw new CliError(missing, 1);
  await onDevice(images);
  const chosen = images.slice(0, count);
  const attestation = await TestAttestation.start({ platform: emulatedDevice(BOARD, "c") });
  try {
    const started = Date.now();
    const found = await inferInRounds(attestation, chosen);
    const equal = chosen.filter((image, index) => {
      const { output } = runOnNode(program, { inputs: [inferenceModel], streams: [image] });
      return output?.[0] === found[index];
    }).length;
    console.log(
      `one attested computation on the device, ${count} rounds: ${equal} of ${count} classes as on this computer, ${((Date.now() - started) / 1000).toFixed(0)} s`,
    );
    if (equal !== count) process.exitCode = 1;
  } finally {
    await attestation.stop();
  }
}

await runCommand(
  new Command("bench:inference")
    .description(
      "What an image costs private-inference: milliseconds and instructions with interp and jit on this computer, instructions and memory on an emulated Cortex-M33; then one computation on it with a round for each image.",
    )
    .option("--images <n>", "rounds on the device", (text) => parseWhole(text, 1, 10_000), 100)
    .action(main),
);
