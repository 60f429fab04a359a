#!/usr/bin/env node
// vc-fee: runs a program of the Veracruz ABI offline, on files, in the same engine as an isolate.
import { Command, InvalidArgumentError, Option } from "commander";
import { CliError, readUserFile, runCommand, writeUserFile } from "../common/cli.js";
import { parseBytes, parseWhole } from "../common/quantities.js";
import { defaultLimits, FreestandingEngine, type Outcome } from "./engine.js";

const EXIT_PROGRAM_FAILED = 1;
const EXIT_REFUSED = 3;
const EXIT_TRAP = 4;

interface Options {
  program: string;
  data: string[];
  stream: string[];
  previousResult?: string;
  output?: string;
  format: "auto" | "hex" | "text";
  executionStrategy: "interp" | "jit";
  time: boolean;
  json: boolean;
  fuel?: bigint;
  deadline: number;
  memory: number;
  stack: number;
  maxOutput: number;
}

const collect = (value: string, list: string[]) => [...list, value];

function parseFuel(text: string): bigint {
  if (!/^\d{1,18}$/.test(text)) {
    throw new InvalidArgumentError("expected a whole number of at most 18 digits (0 = unbounded)");
  }
  return BigInt(text);
}

const command = new Command("vc-fee")
  .description(
    "Freestanding execution engine: runs a WebAssembly program of the Veracruz ABI offline, on files.",
  )
  .requiredOption("-p, --program <file>", "the program, a WebAssembly module")
  .option("-d, --data <file>", "an input; repeat for input 0, 1, … in order", collect, [])
  .option("-s, --stream <file>", "a stream item; repeat for item 0, 1, … in order", collect, [])
  .option("--previous-result <file>", "the result of the round before")
  .option("-o, --output <file>", "where the result goes (- is standard output)")
  .addOption(
    new Option("-f, --format <how>", "how the result is shown when --output is not given")
      .choices(["auto", "hex", "text"])
      .default("auto"),
  )
  .addOption(
    new Option("-x, --execution-strategy <name>", "wasm3, or the engine of Node.js")
      .choices(["interp", "jit"])
      .default("interp"),
  )
  .option("-t, --time", "report the wall time of load, compilation and run", false)
  .option("--json", "print one JSON object on standard output instead", false)
  .option(
    "--fuel <n>",
    `calls, loop turns and 256-byte copies allowed, 0 = unbounded; interp only (default: ${defaultLimits.fuel})`,
    parseFuel,
  )
  .option(
    "--deadline <ms>",
    "wall time allowed in milliseconds, 0 = unbounded",
    (text) => parseWhole(text, 0, 2 ** 31 - 1),
    defaultLimits.deadlineMs,
  )
  .option(
    "--memory <bytes>",
    "linear memory allowed to the program",
    (text) => parseBytes(text),
    defaultLimits.memoryBytes,
  )
  .option(
    "--stack <bytes>",
    "interpreter stack of the program",
    (text) => parseBytes(text, 512 * 1024, 1024),
    defaultLimits.stackBytes,
  )
  .option(
    "--max-output <bytes>",
    "largest result accepted",
    (text) => parseBytes(text),
    defaultLimits.outputBytes,
  )
  .addHelpText(
    "after",
    `
Sizes may carry a unit: 65536, 64KiB, 16MiB.

Exit codes: 0 the program returned 0, 1 it returned another code, 2 wrong arguments or files,
3 the module was refused, 4 the program trapped or ran into a limit.

Example: vc-fee --program build/wasm/examples/string-edit-distance.wasm --data a.dat --data b.dat`,
  )
  .action(main);

/** The result as a person can read it. */
function show(result: Uint8Array, format: Options["format"]): string {
  if (format !== "hex") {
    const text = new TextDecoder("utf-8").decode(result);
    const printable = !/[^\P{C}\n\t\r]|\uFFFD/u.test(text) && result.length > 0;
    if (format === "text" || printable) return text;
  }
  return Buffer.from(result).toString("hex");
}

function report(outcome: Outcome, options: Options): void {
  const { result } = outcome;
  if (options.json) {
    const { status, returnCode, reason, fuel, peakMemoryBytes, timeMs } = outcome;
    console.log(
      JSON.stringify({
        status,
        returnCode: returnCode ?? null,
        reason: reason ?? null,
        resultBytes: result?.length ?? null,
        result: result === undefined ? null : Buffer.from(result).toString("hex"),
        // A count above 2^53 would not survive as a JSON number.
        fuel: fuel === undefined ? null : Number(fuel),
        peakMemoryBytes,
        timeMs: Math.round(timeMs * 1000) / 1000,
      }),
    );
    return;
  }
  // With the result itself on standard output, everything else goes to standard error.
  const say = options.output === "-" ? console.error : console.log;
  if (outcome.returnCode !== undefined) say(`return code: ${outcome.returnCode}`);
  if (outcome.reason !== undefined) console.error(`vc-fee: ${outcome.reason}`);
  if (result !== undefined) {
    say(
      options.output === undefined
        ? `result (${result.length} bytes): ${show(result, options.format)}`
        : `result: ${result.length} bytes`,
    );
  } else if (outcome.returnCode === 0) {
    say("result: none written");
  }
  if (outcome.status !== "refused") {
    say(`fuel used: ${outcome.fuel ?? "not counted by jit"}`);
    say(`peak memory: ${outcome.peakMemoryBytes} bytes`);
  }
  if (options.time) say(`time: ${outcome.timeMs.toFixed(3)} ms`);
}

function exitCode({ status, returnCode }: Outcome): number {
  if (status === "refused") return EXIT_REFUSED;
  if (status === "trap") return EXIT_TRAP;
  return returnCode === 0 ? 0 : EXIT_PROGRAM_FAILED;
}

function main(options: Options): void {
  if (options.executionStrategy === "jit" && options.fuel !== undefined && options.fuel !== 0n) {
    throw new CliError("--fuel: jit counts no fuel; bound the run with --deadline instead");
  }
  if (options.json && options.output === "-") {
    throw new CliError("--output -: --json is for standard output, too; name a file");
  }
  const program = readUserFile(options.program, "program");
  const inputs = options.data.map((path, index) =>
    readUserFile(path, `data file of input ${index}`),
  );
  const streams = options.stream.map((path, index) =>
    readUserFile(path, `stream file of item ${index}`),
  );
  const previousResult =
    options.previousResult === undefined
      ? undefined
      : readUserFile(options.previousResult, "previous result");
  const engine = new FreestandingEngine();
  let outcome: Outcome;
  try {
    outcome = engine.run({
      program,
      inputs,
      streams,
      ...(previousResult !== undefined && { previousResult }),
      strategy: options.executionStrategy,
      limits: {
        ...(options.fuel !== undefined && { fuel: options.fuel }),
        deadlineMs: options.deadline,
        memoryBytes: options.memory,
        stackBytes: options.stack,
        outputBytes: options.maxOutput,
      },
    });
  } catch (error) {
    if (error instanceof RangeError) throw new CliError(error.message);
    throw error;
  } finally {
    engine.free();
  }
  if (options.output !== undefined && outcome.result !== undefined) {
    writeUserFile(options.output, "result", outcome.result);
  }
  report(outcome, options);
  process.exitCode = exitCode(outcome);
}

await runCommand(command);
