// npm run bench:sdk: what programs in C and Rust take beside those in AssemblyScript, what an author installs, and how many
// commands lead from an empty folder to a tested program; with the bars for each.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { CliError, runCommand } from "../../host/common/cli.js";
import { projectRoot } from "../../host/common/paths.js";
import { FreestandingEngine } from "../../host/freestanding-execution-engine/engine.js";
import { type ExampleName, exampleProgram, exampleRounds } from "../support/example-data.js";
import { bytesBelow, hasRegistry } from "../support/shared.js";
import { canCompileC, compileC } from "./c-compiler.js";
import { compileRust, rusts } from "./rust-compiler.js";
import {
  FUEL_BAR,
  fixedRandom,
  programBytes,
  SIZE_BAR,
  translatedExamples,
} from "./translations.js";

const MB = 1e6;
const INSTALLED_BAR = 110;
const OURS_BAR = 5;
const COMMANDS_BAR = 4;

let missed = 0;

function report(what: string, value: number, bar: number, unit = ""): void {
  const met = value <= bar;
  if (!met) missed++;
  const shown = Number.isInteger(value) ? String(value) : value.toFixed(2);
  console.log(`${what}: ${shown}${unit} (bar ${bar}${unit}): ${met ? "met" : "MISSED"}`);
}

/** Units of fuel of all rounds on the generator's data. */
function fuelOf(name: ExampleName, program: Uint8Array): number {
  // Each program draws the same.
  const engine = new FreestandingEngine({ random: fixedRandom() });
  let previousResult: Uint8Array | undefined;
  let fuel = 0n;
  for (const { inputs, streams } of exampleRounds(name)) {
    const outcome = engine.run({
      program,
      inputs,
      streams,
      ...(previousResult !== undefined && { previousResult }),
    });
    if (outcome.returnCode !== 0) throw new CliError(`${name}: ${outcome.reason}`, 1);
    fuel += outcome.fuel ?? 0n;
    previousResult = outcome.result;
  }
  engine.free();
  return Number(fuel);
}

function programs(folder: string): void {
  const [rust] = rusts;
  const languages: [string, string, (name: string, file: string) => Uint8Array][] = [
    ["C", "program.c", (name, file) => compileC(join(folder, `${name}.wasm`), [file])],
    [
      `Rust ${rust?.version ?? ""}`,
      "program.rs",
      (name, file) => {
        if (rust === undefined) throw new CliError("there is no cargo for WebAssembly", 1);
        return compileRust(rust, folder, name, file);
      },
    ],
  ];
  if (!canCompileC) throw new CliError("clang or wasm-ld is missing: apt-get install clang lld", 1);
  for (const [language, file, compile] of languages) {
    console.log(
      `\n| ${language} | bytes | AssemblyScript | ratio | fuel | AssemblyScript | ratio |`,
    );
    console.log("|---|---:|---:|---:|---:|---:|---:|");
    let [size, fuel] = [0, 0];
    for (const name of translatedExamples(file)) {
      const original = exampleProgram(name);
      const program = compile(name, `examples/no_std/${name}/${file}`);
      const bytes = [program, original].map(programBytes) as [number, number];
      const units = [program, original].map((each) => fuelOf(name, each)) as [number, number];
      const [sizeRatio, fuelRatio] = [bytes[0] / bytes[1], units[0] / units[1]];
      console.log(
        `| ${name} | ${bytes[0]} | ${bytes[1]} | ${sizeRatio.toFixed(2)} | ${units[0]} | ${units[1]} | ${fuelRatio.toFixed(2)} |`,
      );
      size = Math.max(size, sizeRatio);
      fuel = Math.max(fuel, fuelRatio);
    }
    console.log("");
    report(`${language}, size`, size, SIZE_BAR, " ×");
    report(`${language}, fuel`, fuel, FUEL_BAR, " ×");
  }
}

/** Runs a command; throws with what it said if it fails. */
function run(command: string, args: readonly string[], cwd: string): void {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: "utf8" });
  if (status !== 0) throw new CliError(`${command} ${args.join(" ")}: ${stdout}${stderr}`, 1);
}

function installation(folder: string): void {
  const readme = readFileSync(join(projectRoot, "packages/create-program/README.md"), "utf8");
  const block = [...readme.matchAll(/^```sh\n(.*?)^```$/gms)]
    .map(([, text = ""]) => text.trim().split("\n"))
    .find((lines) => lines[0]?.includes("create.js"));
  if (block === undefined) throw new Error("the README shows no commands");
  report("commands from an empty folder to a tested program", block.length, COMMANDS_BAR);
  if (!hasRegistry()) {
    console.log("installed size: not measured, no npm registry can be reached");
    return;
  }
  const tarballs = join(folder, "tarballs");
  mkdirSync(tarballs);
  run(
    "npm",
    [
      ...["pack", "--prefix", projectRoot, "--pack-destination", tarballs],
      ...["-w", "@veracruz/sdk", "-w", "@veracruz/tools"],
    ],
    folder,
  );
  const create = join(projectRoot, "packages/create-program/create.js");
  run(process.execPath, [create, "mine", "--packages", tarballs], folder);
  run(
    "npm",
    ["install", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"],
    join(folder, "mine"),
  );
  const modules = join(folder, "mine/node_modules");
  report("installed for AssemblyScript", bytesBelow(modules) / MB, INSTALLED_BAR, " MB");
  report("of that ours", bytesBelow(join(modules, "@veracruz")) / MB, OURS_BAR, " MB");
}

await runCommand(
  new Command("bench:sdk")
    .description(
      "Compares the examples in C and Rust with those in AssemblyScript: bytes without names, units of fuel; counts the commands to a tested program, and what is installed for it. Exit code 1 if a bar is missed.",
    )
    .action(() => {
      const folder = mkdtempSync(join(tmpdir(), "vc-bench-sdk-"));
      try {
        programs(folder);
        installation(folder);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
      if (missed > 0) process.exitCode = 1;
    }),
);
