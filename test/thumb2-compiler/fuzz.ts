// The long comparison of compiled programs: `npm run fuzz:thumb2`.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Command, Option } from "commander";
import { runCommand } from "../../host/common/cli.js";
import { projectRoot } from "../../host/common/paths.js";
import { parseWhole } from "../../host/common/quantities.js";
import { type EmulatedBoard, emulatedBoards } from "../../host/mcu/toolchain.js";
import { Thumb2Compiler } from "../../host/thumb2-compiler/compiler.js";
import { comparePrograms, describe } from "./programs.js";
import { StarvedCompiler } from "./starved.js";

interface Options {
  programs: number;
  seed: number;
  board: EmulatedBoard;
  edges?: boolean;
  starved?: boolean;
}

const whole = (text: string): number => parseWhole(text, 0, 2 ** 31 - 1);
/** Programs in one run of the emulator, and with one seed. */
const PART = 500;

async function compare({
  programs,
  seed,
  board,
  edges = false,
  starved = false,
}: Options): Promise<boolean> {
  const compilers = [new Thumb2Compiler(), ...(starved ? [new StarvedCompiler()] : [])];
  const endings = new Map<string, number>();
  let compared = 0;
  let runs = 0;
  let differ = 0;
  for (let from = 0; from < programs; from += PART) {
    const part = Math.min(PART, programs - from);
    const result = await comparePrograms(compilers, board, seed + from, part, { edges });
    compared += result.programs;
    runs += result.compared;
    console.log(`  seed ${seed + from}: ${result.programs} programs in ${result.compared} runs`);
    for (const [kind, times] of result.endings) endings.set(kind, (endings.get(kind) ?? 0) + times);
    for (const [reason, times] of result.refused) console.log(`  refused: ${times} × ${reason}`);
    for (const difference of result.differences) {
      const file = join(projectRoot, "build", `thumb2-difference-${seed + from}-${differ++}.wasm`);
      writeFileSync(file, difference.wasm);
      console.log(`  ${file}: ${describe(difference)}`);
    }
  }
  console.log(
    `on ${board}, in wasm3 and in V8: ${compared} programs in ${runs} runs, ${differ} differ`,
  );
  for (const [kind, times] of endings) console.log(`  ${times} × ${kind}`);
  return differ === 0 && compared === programs;
}

await runCommand(
  new Command("fuzz:thumb2")
    .description("Compares compiled random programs on an emulated board with wasm3 and V8.")
    .option("--programs <n>", "random programs", whole, 100_000)
    .option("--seed <n>", "which programs", whole, 1)
    .addOption(
      new Option("--board <name>", "the board").choices([...emulatedBoards]).default("mps2-an505"),
    )
    .option("--edges", "each also without fuel, and with a unit less than it uses")
    .option(
      "--starved",
      "each also with few registers, from 1 of 6 for operands, 0 of 6 for locals",
    )
    .action(async (options: Options) => {
      if (!(await compare(options))) process.exitCode = 1;
    }),
);
