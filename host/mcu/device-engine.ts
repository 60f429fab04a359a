/** The freestanding execution engine on an emulated device (`mcu-client/images/engine/`). */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  STRATEGY_INTERPRETATION,
  STRATEGY_JIT,
} from "../../assembly/platform-services/program-profiles.js";
import { emulatorArguments } from "./emulator.js";
import { type EmulatedBoard, type Host, make, mcuBuildFolder, runCommand } from "./toolchain.js";

/** A program with its files, each by its path, and the limits of the run. */
export interface DeviceTask {
  readonly program: string;
  readonly inputs?: readonly string[];
  readonly streams?: readonly string[];
  readonly previousResult?: string;
  readonly fuel?: bigint;
  readonly deadlineMs?: number;
  readonly memoryBytes?: number;
  readonly stackBytes?: number;
  readonly outputBytes?: number;
  /** Interpreted, if absent. */
  readonly strategy?: "Interpretation" | "JIT";
}

/** How a program's run on the device ended, and what it took. */
export interface DeviceOutcome {
  /** `RUN_…` of `assembly/execution-engine/computation.ts`: 0 returned, 1 trapped, 2 refused. */
  readonly status: number;
  /** `TRAP_…` or `E_…` when the program did not return. */
  readonly detail: number;
  readonly returnCode: number;
  readonly fuel: bigint;
  readonly peakMemoryBytes: number;
  /** Of `main`, to within the timer's tick; meaningful where the emulator counts (`exact`). */
  readonly instructions: number;
  /** Bytes of heap in use after the run, while the program's files are still there. */
  readonly heapBytes: number;
  readonly result: Buffer | undefined;
}

/** The program, its files, and the board. */
export interface DeviceEngineOptions {
  readonly board?: EmulatedBoard;
  /** How the engine is hosted; programs run by the strategy of their task in each. */
  readonly host: Host;
  readonly tasks: readonly DeviceTask[];
  readonly exact?: boolean;
  readonly timeoutMs?: number;
}

/**
 * Runs programs one after the other in one engine on the emulated device.
 *
 * @throws Error when the firmware fails
 */
export async function runOnDevice(options: DeviceEngineOptions): Promise<DeviceOutcome[]> {
  const { board = "mps2-an385", host, tasks, exact = false } = options;
  await make({ BOARD: board, IMAGE: "engine", HOST: host });
  const lines = tasks.flatMap((task) => [
    `program ${task.program}`,
    ...(task.inputs ?? []).map((path) => `input ${path}`),
    ...(task.streams ?? []).map((path) => `stream ${path}`),
    ...(task.previousResult === undefined ? [] : [`previous ${task.previousResult}`]),
    `limits ${task.fuel ?? 0n} ${task.deadlineMs ?? 0} ${task.memoryBytes ?? 1 << 20} ${task.stackBytes ?? 8192} ${task.outputBytes ?? 1 << 16} ${task.strategy === "JIT" ? STRATEGY_JIT : STRATEGY_INTERPRETATION}`,
    "run",
  ]);
  const folder = mkdtempSync(join(tmpdir(), "mcu-"));
  try {
    const script = join(folder, "tasks");
    writeFileSync(script, `${lines.join("\n")}\n`);
    const image = join(mcuBuildFolder, board, `engine-${host}`, "engine.elf");
    const output = await runCommand(
      "qemu-system-arm",
      emulatorArguments({ board, image, commandLine: script, exact }),
      { timeoutMs: options.timeoutMs ?? 120_000 },
    );
    return readOutcomes(output);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function readOutcomes(output: string): DeviceOutcome[] {
  const outcomes: DeviceOutcome[] = [];
  let numbers: string[] | undefined;
  for (const line of output.split(/\r?\n/)) {
    const [kind, ...words] = line.split(" ");
    if (kind === "outcome") numbers = words;
    else if (numbers && (kind === "result" || kind === "no")) {
      const [status, detail, returnCode, fuel, peak, instructions, heap] = numbers;
      outcomes.push({
        status: Number(status),
        detail: Number(detail),
        returnCode: Number(returnCode),
        fuel: BigInt(fuel ?? 0),
        peakMemoryBytes: Number(peak),
        instructions: Number(instructions),
        heapBytes: Number(heap),
        result: kind === "result" ? Buffer.from(words[0] ?? "", "hex") : undefined,
      });
      numbers = undefined;
    }
  }
  return outcomes;
}
