#!/usr/bin/env node
// vc-wc: checks programs as an isolate will, and says what to mend.
import { Command, Option } from "commander";
import { CliError, EXIT_USAGE, readUserFile, runCommand } from "../common/cli.js";
import { forTerminal } from "../common/terminal.js";
import { Checker, type CheckReport, NONE, type Profile, profiles } from "./checker.js";
import { type Explanation, explain, refusedFunction } from "./explain.js";
import { functionName } from "./names.js";

/** One exit code for each kind of refusal; with several files, that of the first file refused. */
const EXIT_REFUSED = { malformed: 10, invalid: 11, unsupported: 12, abi: 13, limit: 14 } as const;

interface Options {
  profile: Profile;
  json: boolean;
  quiet: boolean;
}

interface Checked {
  readonly file: string;
  readonly report: CheckReport;
  readonly explanation: Explanation | undefined;
  /** The function in which the refusal stands. */
  readonly where: { index: number; name?: string } | undefined;
}

/** A file that could not be read. */
interface Unreadable {
  readonly file: string;
  readonly error: string;
}

function check(checker: Checker, file: string): Checked | Unreadable {
  let bytes: Uint8Array;
  try {
    bytes = readUserFile(file, "program");
  } catch (error) {
    // The other files are checked all the same.
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

/** The table of what an accepted program asks for. */
function summary(report: CheckReport): string[] {
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
  ];
  const width = Math.max(...rows.map(([label]) => label.length));
  return rows.map(([label, value]) => `  ${label.padEnd(width)}  ${value}`);
}

function print(checked: Checked | Unreadable, quiet: boolean): void {
  if ("error" in checked) {
    console.error(`vc-wc: ${checked.error}`);
    return;
  }
  const { report, explanation, where } = checked;
  const file = forTerminal(checked.file);
  if (explanation === undefined) {
    console.log(`${file}: accepted`);
    if (!quiet) for (const line of summary(report)) console.log(line);
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
  const { report, explanation, where } = checked;
  if (explanation === undefined) return { file, accepted: true, summary: figures(report) };
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

const command = new Command("vc-wc")
  .description(
    "WASM checker: whether an isolate will run these programs. Validates each module in whole, checks it against the Veracruz H-call ABI and against an isolate's limits.",
  )
  .argument("<files...>", "programs, WebAssembly modules; - is standard input")
  .addOption(
    new Option("-p, --profile <name>", "whose limits hold: a computer's isolate, or a Cortex-M's")
      .choices([...profiles])
      .default("host"),
  )
  .option("--json", "print one JSON array on standard output instead", false)
  .option("-q, --quiet", "leave out the table of what an accepted program asks for", false)
  .addHelpText(
    "after",
    `
Exit codes:
  0   every program is accepted
  2   wrong arguments, or a file that cannot be read (the others are checked all the same)
  ${EXIT_REFUSED.malformed}  the first program refused is no WebAssembly module (malformed bytes)
  ${EXIT_REFUSED.invalid}  … is not valid (WebAssembly's rules of validation)
  ${EXIT_REFUSED.unsupported}  … uses a feature of WebAssembly that is not run here
  ${EXIT_REFUSED.abi}  … does not follow the Veracruz H-call ABI
  ${EXIT_REFUSED.limit}  … exceeds a limit of the profile`,
  )
  .action((files: string[], options: Options) => {
    const checker = new Checker(options.profile);
    const checked = files.map((file) => check(checker, file));
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
  });

await runCommand(command);
