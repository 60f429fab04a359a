#!/usr/bin/env node
// vc-test: runs test cases of programs, in any language, on a computer's engines and emulated boards.
import { Command, InvalidArgumentError } from "commander";
import { CliError, readUserFile, runCommand } from "../common/cli.js";
import { hasInterpreter } from "../freestanding-execution-engine/home.js";
import { readTestFile } from "./cases.js";
import { type Place, places, type Verdict, verdicts } from "./verdicts.js";

const EXIT_FAILED = 1;

interface Options {
  on?: readonly Place[];
  tap: boolean;
  filter?: string;
}

function parsePlaces(text: string): Place[] {
  return text.split(",").map((name) => {
    const place = places.find((each) => each === name.trim());
    if (place === undefined) throw new InvalidArgumentError(`there are ${places.join(", ")}`);
    return place;
  });
}

const command = new Command("vc-test")
  .description("Runs test cases of Veracruz programs and says what was not as expected.")
  .argument("<files...>", "test files: YAML, JSON, or a module whose default export is the same")
  .option("--on <places>", `where to run them, with commas: ${places.join(", ")}`, parsePlaces)
  .option("--filter <text>", "only cases whose name contains it")
  .option("--tap", "print TAP 14 instead of a summary", false)
  .addHelpText(
    "after",
    `
Without --on: interp where it is installed, and jit. Boards need the cross compiler and the emulator.

A file: program (path), schema (of the values), input and output (their types), cases:
  name  inputs  streams  previousResult  seed  code  trap  output  fuel  memory
An input or output is one of {value: …, type: …}, {hex: …}, {text: …}, {file: …, format: csv}.

Exit codes: 0 everything as expected, 1 something was not, 2 wrong arguments or files.

Example: vc-test tests/*.yaml --on interp,jit,mps2-an505`,
  )
  .action(main);

class Report {
  private number = 0;
  passed = 0;
  failed = 0;

  constructor(private readonly tap: boolean) {}

  say(file: string, { name, place, problems }: Verdict): void {
    this.number++;
    if (problems.length === 0) this.passed++;
    else this.failed++;
    const title = `${name} (${place})`;
    if (this.tap) {
      const escaped = title.replace(/[\\#]/g, "\\$&");
      console.log(`${problems.length === 0 ? "ok" : "not ok"} ${this.number} - ${escaped}`);
      if (problems.length > 0)
        console.log(
          [
            "  ---",
            `  file: ${JSON.stringify(file)}`,
            "  problems:",
            ...problems.map((each) => `    - ${JSON.stringify(each)}`),
            "  ...",
          ].join("\n"),
        );
    } else if (problems.length > 0) {
      console.log(`FAIL ${file}: ${title}`);
      for (const problem of problems) console.log(`     ${problem}`);
    }
  }

  end(): void {
    console.log(this.tap ? `1..${this.number}` : `${this.passed} passed, ${this.failed} failed`);
  }
}

async function main(paths: readonly string[], options: Options): Promise<void> {
  const on: readonly Place[] = options.on ?? (hasInterpreter ? ["interp", "jit"] : ["jit"]);
  if (on.includes("interp") && !hasInterpreter)
    throw new CliError("--on interp: the interpreter is not installed here; jit needs none");
  const files = [];
  for (const path of paths) files.push({ path, ...(await readTestFile(path)) });
  if (options.tap) console.log("TAP version 14");
  const report = new Report(options.tap);
  for (const { path, program, cases } of files) {
    const bytes = readUserFile(program, "program");
    const chosen = cases.filter(({ name }) => name.includes(options.filter ?? ""));
    if (chosen.length === 0) continue;
    for (const place of on) {
      let found: Verdict[];
      // A board draws random numbers of its own.
      const here = place === "interp" || place === "jit";
      const fit = here ? chosen : chosen.filter(({ seed }) => seed === undefined);
      try {
        found = await verdicts(bytes, fit, place);
      } catch (error) {
        if (here) throw error;
        throw new CliError(`${path}, on ${place}: ${(error as Error).message}`);
      }
      for (const verdict of found) report.say(path, verdict);
    }
  }
  report.end();
  if (report.passed + report.failed === 0) throw new CliError("--filter: no case has such a name");
  if (report.failed > 0) process.exitCode = EXIT_FAILED;
}

await runCommand(command);
