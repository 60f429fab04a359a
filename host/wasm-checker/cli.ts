#!/usr/bin/env node
// vc-wc: checks programs as an isolate will, and says what to change.
import { writeFileSync } from "node:fs";
import { Command, Option } from "commander";
import { CliError, EXIT_USAGE, readUserFile, runCommand } from "../common/cli.js";
import { forTerminal } from "../common/terminal.js";
import { type CompiledProgram, CompileError, Thumb2Compiler } from "../thumb2-compiler/compiler.js";
import { listing } from "../thumb2-compiler/listing.js";
import { Checker, type CheckReport, NONE, type Profile, profiles } from "./checker.js";
import { type Explanation, explain, refusedFunction } from "./explain.js";
import { functionName } from "./names.js";
import { type Warning, warningsOf } from "./warnings.js";

/** One exit code for each kind of refusal; with several files, that of the first file refused. */
const EXIT_REFUSED = { malformed: 10, invalid: 11, unsupported: 12, abi: 13, limit: 14 } as const;

/** Accepted, but not to be compiled for a device. */
const EXIT_NOT_COMPILED = 15;

/** Cores that code can be compiled for: whether they have single precision. */
const cores = {
  "cortex-m3": false,
  "cortex-m4": true,
  "cortex-m7": true,
  "cortex-m33": true,
} as const;

interface Options {
  profile: Profile;
  compile?: string;
  core: keyof typeof cores;
  listing: boolean;
  json: boolean;
  quiet: boolean;
}

/** Bytes of what a device makes of a program, or why it makes nothing. */
type CompiledSize = { readonly bytes: number } | { readonly refused: string };

interface Checked {
  readonly file: string;
  readonly report: CheckReport;
  readonly explanation: Explanation | undefined;
  /** Of an accepted program. */
  readonly warnings: readonly Warning[];
  /** Of an accepted program, by the profile of a device: what it is compiled to there, or why it is not. */
  readonly compiled?: CompiledSize;
  /** The function in which the refusal stands. */
  readonly where: { index: number; name?: string } | undefined;
}

/** A file that could not be read. */
interface Unreadable {
  readonly file: string;
  readonly error: string;
}

/** The room that isolates on the emulated boards have for a compiled program (mcu-client/arch/protection.h). */
const DEVICE_CODE_BYTES = 128 * 1024;

function compiledSize(wasm: Uint8Array): CompiledSize {
  try {
    return { bytes: new Thumb2Compiler().compile(wasm, { floats: true }).bytes.length };
  } catch (error) {
    if (error instanceof CompileError) return { refused: error.message };
    throw error;
  }
}

function check(checker: Checker, file: string, profile: Profile): Checked | Unreadable {
  let bytes: Uint8Array;
  try {
    bytes = readUserFile(file, "program");
  } catch (error) {
    // The other files are checked nevertheless.
    if (error instanceof CliError) return { file, error: error.message };
    throw error;
  }
  const report = checker.check(bytes);
  const index = refusedFunction(report);
  const name = index === undefined ? undefined : functionName(bytes, index);
  return {
    file,
    report,
    explanation: explain(bytes, report),
    warnings: report.code === 0 ? warningsOf(bytes) : [],
    ...(report.code === 0 && profile === "mcu" ? { compiled: compiledSize(bytes) } : {}),
    where: index === undefined ? undefined : { index, ...(name === undefined ? {} : { name }) },
  };
}

/** A size for people. */
function size(bytes: number): string {
  if (bytes < 10 * 1024) return `${bytes} B`;
  if (bytes < 10 * 1024 ** 2) return `${(bytes / 1024).toFixed(1)} KiB`;
  return `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
}

const pages = (count: number): string => `${count} page${count === 1 ? "" : "s"}`;

/** What a device's compiler makes of a program, for people. */
function compiledRow(compiled: CompiledSize): [string, string] {
  const label = "with JIT";
  if ("refused" in compiled) return [label, `not compiled: ${compiled.refused}`];
  const fits = compiled.bytes <= DEVICE_CODE_BYTES;
  const room = `${fits ? "of" : "but a device has"} ${size(DEVICE_CODE_BYTES)}`;
  return [label, `${size(compiled.bytes)} of code and tables, ${room}`];
}

/** The table of what an accepted program asks for. */
function summary(report: CheckReport, compiled: CompiledSize | undefined): string[] {
  const maximum = report.maximumPages === NONE ? "no maximum" : `maximum ${report.maximumPages}`;
  const rows: [string, string][] = [
    [
      "size",
      `${size(report.moduleBytes)} (code ${size(report.codeBytes)}, data ${size(report.dataBytes)})`,
    ],
    ["imports", `${report.imports} H-calls`],
    ["functions", `${report.functions}, ${report.instructions} instructions`],
    [
      "entry point",
      `main, function ${report.mainIndex}${report.mainParameters > 0 ? ", with 2 parameters" : ""}`,
    ],
    ["memory", `${pages(report.initialPages)} = ${size(report.initialPages * 65536)}, ${maximum}`],
    ["largest frame", `${report.maximumFrame} values, ${report.maximumNesting} nested blocks`],
    [
      "RAM once compiled",
      `about ${size(report.compiledBytes)} on a 32-bit device, beside its memory`,
    ],
    ...(compiled === undefined ? [] : [compiledRow(compiled)]),
  ];
  const width = Math.max(...rows.map(([label]) => label.length));
  return rows.map(([label, value]) => `  ${label.padEnd(width)}  ${value}`);
}

function print(checked: Checked | Unreadable, quiet: boolean): void {
  if ("error" in checked) {
    console.error(`vc-wc: ${checked.error}`);
    return;
  }
  const { report, explanation, warnings, where } = checked;
  const file = forTerminal(checked.file);
  if (explanation === undefined) {
    console.log(`${file}: accepted`);
    for (const { problem, hint } of warnings) {
      console.log(`  warning: ${problem}`);
      console.log(`  hint: ${hint}`);
    }
    if (!quiet) for (const line of summary(report, checked.compiled)) console.log(line);
    return;
  }
  const place = [`byte ${report.offset} (0x${report.offset.toString(16)})`];
  if (where !== undefined) {
    place.push(`function ${where.index}${where.name === undefined ? "" : ` "${where.name}"`}`);
  } else if (report.item !== NONE) place.push(`item ${report.item} of its section`);
  console.log(`${file}: refused: ${explanation.problem}`);
  console.log(`  at ${place.join(", ")}  [${explanation.name} ${explanation.code}]`);
  if (explanation.hint !== undefined) console.log(`  hint: ${explanation.hint}`);
}

/** Numbers of the report that say something about an accepted module. */
function figures(report: CheckReport): Record<string, number | null> {
  const { moduleBytes, types, imports, functions, globals, exports, tableElements } = report;
  const { initialPages, dataBytes, codeBytes, instructions, maximumFrame, maximumNesting } = report;
  const { mainIndex, mainParameters, compileKilosteps, compiledBytes, workspaceBytes } = report;
  return {
    ...{ moduleBytes, types, imports, functions, globals, exports, tableElements, initialPages },
    maximumPages: report.maximumPages === NONE ? null : report.maximumPages,
    ...{ dataBytes, codeBytes, instructions, maximumFrame, maximumNesting },
    ...{ mainIndex, mainParameters, compileKilosteps, compiledBytes, workspaceBytes },
  };
}

function asJson(checked: Checked | Unreadable): object {
  const { file } = checked;
  if ("error" in checked) return { file, accepted: false, error: checked.error };
  const { report, explanation, warnings, where } = checked;
  if (explanation === undefined)
    return {
      file,
      accepted: true,
      warnings,
      summary: figures(report),
      ...(checked.compiled === undefined
        ? {}
        : { compiled: { ...checked.compiled, roomBytes: DEVICE_CODE_BYTES } }),
    };
  return {
    file,
    accepted: false,
    refusal: {
      ...explanation,
      offset: report.offset,
      ...(where === undefined ? {} : { function: where }),
      ...(report.item === NONE ? {} : { item: report.item }),
    },
  };
}

function compiled(wasm: Uint8Array, options: Options): CompiledProgram {
  try {
    return new Thumb2Compiler().compile(wasm, {
      floats: cores[options.core],
      places: options.listing,
    });
  } catch (error) {
    if (error instanceof CompileError) {
      throw new CliError(`not compiled: ${error.message}`, EXIT_NOT_COMPILED);
    }
    throw error;
  }
}

/** Compiles one program as a device does. */
function compile(file: string, options: Options): void {
  const wasm = readUserFile(file, "program");
  const program = compiled(wasm, options);
  if (options.listing) for (const line of listing(wasm, program)) console.log(line);
  const { bytes, codeBytes, workspaceBytes } = program;
  if (options.compile !== undefined) {
    writeFileSync(options.compile, bytes);
    console.log(
      `${forTerminal(options.compile)}: ${bytes.length} bytes for ${options.core}, ${codeBytes} of them code; compiled in ${workspaceBytes} bytes of memory`,
    );
  }
}

const command = new Command("vc-wc")
  .description(
    "WASM checker: says whether an isolate will run these programs. It validates each module and checks it against the Veracruz H-call ABI and an isolate's limits.",
  )
  .argument("<files...>", "programs, WebAssembly modules; - is standard input")
  .addOption(
    new Option(
      "-p, --profile <name>",
      "whose limits to apply: those of an isolate on a computer or on a Cortex-M",
    )
      .choices([...profiles])
      .default("host"),
  )
  .option("--json", "print one JSON array instead", false)
  .option("-c, --compile <file>", "compile the one program as a device does, into this file")
  .addOption(
    new Option("--core <name>", "the core to compile for")
      .choices(Object.keys(cores))
      .default("cortex-m33"),
  )
  .option("--listing", "print the program's instructions with what they are compiled to", false)
  .option("-q, --quiet", "do not print the needs of accepted programs", false)
  .addHelpText(
    "after",
    `
Exit codes:
  0   every program is accepted
  2   wrong arguments, or a file that cannot be read (the others are checked nevertheless)
  ${EXIT_REFUSED.malformed}  the first refused program is not a WebAssembly module (malformed bytes)
  ${EXIT_REFUSED.invalid}  … is not valid (WebAssembly's rules of validation)
  ${EXIT_REFUSED.unsupported}  … uses a feature of WebAssembly that isolates do not run
  ${EXIT_REFUSED.abi}  … does not follow the Veracruz H-call ABI
  ${EXIT_REFUSED.limit}  … exceeds a limit of the profile
  ${EXIT_NOT_COMPILED}  the program is accepted, but is too large to be compiled for a device`,
  )
  .action((files: string[], options: Options) => {
    const compiles = options.compile !== undefined || options.listing;
    const [only = "", ...others] = files;
    if (compiles && (others.length > 0 || options.json)) {
      throw new CliError("--compile and --listing take one program, and print no JSON", EXIT_USAGE);
    }
    if (compiles) options.profile = "mcu";
    const checker = new Checker(options.profile);
    const checked = files.map((file) => check(checker, file, options.profile));
    if (options.json) console.log(JSON.stringify(checked.map(asJson), null, 2));
    else for (const each of checked) print(each, options.quiet);
    if (checked.some((each) => "error" in each)) {
      process.exitCode = EXIT_USAGE;
      return;
    }
    const refused = checked.find(
      (each): each is Checked => "explanation" in each && each.explanation !== undefined,
    );
    if (refused?.explanation !== undefined)
      process.exitCode = EXIT_REFUSED[refused.explanation.kind];
    else if (compiles) compile(only, options);
  });

await runCommand(command);
