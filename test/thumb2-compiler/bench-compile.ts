// What compiling costs: `npm run bench:compile`.
import { writeFileSync } from "node:fs";
import { Command, Option } from "commander";
import { runCommand } from "../../host/common/cli.js";
import { parseWhole } from "../../host/common/quantities.js";
import { type EmulatedBoard, emulatedBoards } from "../../host/mcu/toolchain.js";
import { Thumb2Compiler } from "../../host/thumb2-compiler/compiler.js";
import { Random } from "../support/random.js";
import {
  aByte,
  BARS,
  type Cost,
  compiles,
  measure,
  measureNative,
  patternName,
  patternProgram,
  plainPatterns,
  randomPattern,
  realModules,
  shapes,
} from "./cost.js";

interface Options {
  readonly board: EmulatedBoard;
  readonly patterns: number;
  readonly seed: number;
  readonly json?: string;
}

function line({ name, bytes, instructions }: Cost): string {
  return `  ${String(bytes).padStart(7)} ${String(instructions).padStart(10)} ${(instructions / bytes).toFixed(0).padStart(6)}  ${name}`;
}

await runCommand(
  new Command("bench:compile")
    .description(
      "Measures what compiling costs on an emulated board, and looks for what is dearest.",
    )
    .addOption(
      new Option("--board <name>", "the board").choices([...emulatedBoards]).default("mps2-an505"),
    )
    .option("--patterns <n>", "random patterns", (text) => parseWhole(text, 0, 1e5), 200)
    .option("--seed <n>", "which patterns", (text) => parseWhole(text, 0, 2 ** 31 - 1), 1)
    .option("--json <file>", "also writes all costs there")
    .action(async ({ board, patterns, seed, json }: Options) => {
      const compiler = new Thumb2Compiler();
      const real = await measure(board, realModules(compiler));
      console.log(`${board}: bytes of module, instructions to compile it, instructions a byte`);
      for (const cost of real) console.log(line(cost));
      const native = await measureNative(board);
      console.log("modules that firmware is made of (HOST=thumb2)");
      for (const cost of native) console.log(line(cost));
      const mean = aByte(real);
      const random = new Random(seed);
      const made = [
        ...plainPatterns(),
        ...Array.from({ length: patterns }, () => randomPattern(random)),
      ]
        .map((pattern) => ({ name: patternName(pattern), wasm: patternProgram(pattern) }))
        .concat(shapes())
        .filter(({ wasm }) => compiles(compiler, wasm));
      const costs = (await measure(board, made)).sort(
        (a, b) => b.instructions / b.bytes - a.instructions / a.bytes,
      );
      console.log(`the dearest of ${costs.length} patterns`);
      for (const cost of costs.slice(0, 12)) console.log(line(cost));
      const worst = aByte(costs.slice(0, 1)) / mean;
      console.log(
        `${mean.toFixed(0)} a byte (bar ${BARS.mean}), the dearest ${worst.toFixed(1)} times that (bar ${BARS.worst})`,
      );
      if (json)
        writeFileSync(json, JSON.stringify({ board, mean, worst, real, native, patterns: costs }));
      if (mean > BARS.mean || worst > BARS.worst) process.exitCode = 1;
    }),
);
