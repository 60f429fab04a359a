#!/usr/bin/env node
// vc-fee: runs a program of the Veracruz ABI offline, on files, in the same engine as an isolate.
import { basename } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { CliError, readUserFile, runCommand, writeUserFile } from "../common/cli.js";
import { parseBytes, parseWhole } from "../common/quantities.js";
import { forTerminal } from "../common/terminal.js";
import { displayUtf8 } from "../common/text.js";
import { jsonText, readSchema, resultValue } from "../program-data/files.js";
import { Development, type DevelopmentOptions, seededRandom } from "./development.js";
import { defaultLimits, FreestandingEngine, type Outcome } from "./engine.js";
import { hasInterpreter } from "./home.js";

const EXIT_PROGRAM_FAILED = 1;
const EXIT_REFUSED = 3;
const EXIT_TRAP = 4;

interface Options extends DevelopmentOptions {
  seed?: string;
  program: string;
  data: string[];
  stream: string[];
  previousResult?: string;
  output?: string;
  outputFormat: "auto" | "hex" | "text" | "json";
  schema?: string;
  type?: string;
  executionStrategy?: "interp" | "jit";
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
  .option("--previous-result <file>", "the result of the previous round")
  .option("-o, --output <file>", "where the result goes (- is standard output)")
  .addOption(
    new Option(
      "-f, --output-format <how>",
      "how to show the result; json, by --schema, also for --output",
    )
      .choices(["auto", "hex", "text", "json"])
      .default("auto"),
  )
  .option("--schema <file>", "what the result holds, for --output-format json (see vc-data)")
  .option("--type <type>", "the result's type, if that is not the schema's value")
  .addOption(
    new Option(
      "-x, --execution-strategy <name>",
      "run the program in wasm3 (the default where it is installed) or on the engine of Node.js",
    ).choices(["interp", "jit"]),
  )
  .option("--trace", "print every H-call with its arguments and code")
  .option("--seed <text>", "random numbers that are the same for the same text")
  .option(
    "--profile <file>",
    "write where fuel goes, by function: .json for speedscope, .svg for a flame graph",
  )
  .option("--coverage", "say which functions and branches the run did not pass")
  .option(
    "--source-map <file>",
    "the program's source map (asc --sourceMap): lines of traps and branches",
  )
  .option("-t, --time", "report the wall time of load, compilation and run", false)
  .option("--json", "print one JSON object instead", false)
  .option(
    "--fuel <n>",
    `calls, loop turns and 256-byte copies allowed, 0 = unbounded (default: ${defaultLimits.fuel})`,
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

--trace, --profile, --coverage, --source-map and programs that print run on the engine of Node.js,
instrumented: with the fuel of interp, but without its limit of stack.

Exit codes: 0 the program returned 0, 1 it returned another code, 2 wrong arguments or files,
3 the module was refused, 4 the program trapped or ran into a limit.

Example: vc-fee --program build/wasm/examples/string-edit-distance.wasm --data a.dat --data b.dat`,
  )
  .action(main);

/** The result as a person can read it; `value` is that by the schema. */
function show(result: Uint8Array, format: Options["outputFormat"], value: unknown): string {
  if (value !== undefined && (format === "auto" || format === "json"))
    return forTerminal(JSON.stringify(value));
  if (format !== "hex") {
    const text = displayUtf8(result);
    const printable = !/[^\P{C}\n\t\r]|\uFFFD/u.test(text) && result.length > 0;
    if (format === "text" || printable) return text;
  }
  return Buffer.from(result).toString("hex");
}

function report(outcome: Outcome, options: Options, value: unknown, place?: string): void {
  const { result } = outcome;
  if (options.json) {
    const { status, returnCode, reason, callers, fuel, peakMemoryBytes, timeMs } = outcome;
    console.log(
      JSON.stringify({
        status,
        returnCode: returnCode ?? null,
        reason: reason ?? null,
        callers: callers.map(({ index, name }) => ({ index, name: name ?? null })),
        resultBytes: result?.length ?? null,
        result: result === undefined ? null : Buffer.from(result).toString("hex"),
        ...(options.schema !== undefined && { value: value ?? null }),
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
  if (place !== undefined) console.error(`  at ${place}`);
  for (const [depth, { index, name }] of outcome.callers.entries()) {
    const shown = name === undefined ? "" : ` "${name}"`;
    console.error(`  ${depth === 0 ? "in" : "called by"} function ${index}${shown}`);
  }
  if (outcome.callers.some(({ name }) => name === undefined)) {
    console.error(
      "  (names come from the module's name section: compile with --debug, or without stripping;" +
        " AssemblyScript: --target wasm32-arm-veracruz-debug says why, too)",
    );
  }
  if (result !== undefined) {
    say(
      options.output === undefined
        ? `result (${result.length} bytes): ${show(result, options.outputFormat, value)}`
        : `result: ${result.length} bytes`,
    );
  } else if (outcome.returnCode === 0) {
    say("result: none written");
  }
  if (outcome.status !== "refused") {
    say(`fuel used: ${outcome.fuel ?? "not counted"}`);
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
  if (options.executionStrategy === "interp" && !hasInterpreter) {
    throw new CliError(
      "--execution-strategy interp: the interpreter is not installed here; jit, the default, needs none",
    );
  }
  if (options.json && options.output === "-") {
    throw new CliError("--output -: --json is for standard output, too; name a file");
  }
  if (options.outputFormat === "json" && options.schema === undefined) {
    throw new CliError("--output-format json needs --schema, which says what the result holds");
  }
  const schema =
    options.schema === undefined ? undefined : readSchema(options.schema, options.type);
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
  const development = new Development(program, options);
  const { debugger: debugging } = development;
  const strategy = debugging === undefined ? options.executionStrategy : "jit";
  const engine = new FreestandingEngine({
    ...(options.seed !== undefined && { random: seededRandom(options.seed) }),
    ...(debugging !== undefined && { jit: debugging.strategy }),
  });
  let outcome: Outcome;
  try {
    outcome = engine.run({
      program: development.program,
      inputs,
      streams,
      ...(previousResult !== undefined && { previousResult }),
      ...(strategy !== undefined && { strategy }),
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
  const { result } = outcome;
  let value: unknown;
  if (schema !== undefined && result !== undefined) {
    const decoded = resultValue(schema, result);
    value = decoded.value;
    if (decoded.rest > 0) console.error(`vc-fee: ${decoded.rest} bytes follow the value`);
  }
  if (options.output !== undefined && result !== undefined) {
    const content = options.outputFormat === "json" ? `${jsonText(value)}\n` : result;
    writeUserFile(options.output, "result", content);
  }
  report(outcome, options, value, development.trapPlace());
  for (const line of development.finish(basename(options.program))) console.error(line);
  process.exitCode = exitCode(outcome);
}

await runCommand(command);
