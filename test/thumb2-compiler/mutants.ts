// Compilers with one of their rules broken: programs on a board must show each, those written by hand, or else random
// ones. `npm run mutants:thumb2`.
import { Command, Option } from "commander";
import { runCommand } from "../../host/common/cli.js";
import { parseWhole } from "../../host/common/quantities.js";
import { type EmulatedBoard, emulatedBoards } from "../../host/mcu/toolchain.js";
import type { Thumb2Compiler } from "../../host/thumb2-compiler/compiler.js";
import { comparePrograms } from "./programs.js";
import { compilerWithout, RULES } from "./rules.js";
import { shownByHand } from "./shown.js";

/** Random programs that are run together. */
const PART = 200;

/** After how many random programs a broken compiler is found, or undefined. */
async function shownByRandom(
  compiler: Thumb2Compiler,
  board: EmulatedBoard,
  programs: number,
): Promise<number | undefined> {
  for (let from = 0; from < programs; from += PART) {
    try {
      const { differences, refused } = await comparePrograms(compiler, board, 5000 + from, PART, {
        timeoutMs: 60_000,
      });
      if (differences.length > 0 || refused.size > 0) return from + PART;
    } catch (error) {
      // The compiler itself went wrong.
      if (error instanceof WebAssembly.RuntimeError) return from + PART;
      throw error;
    }
  }
  return undefined;
}

interface Options {
  readonly programs: number;
  readonly board: EmulatedBoard;
  readonly rule: string;
}

await runCommand(
  new Command("mutants:thumb2")
    .description("Breaks the Thumb-2 compiler's rules one by one: programs must show it.")
    .option(
      "--programs <n>",
      "random programs for each that those written by hand do not show",
      (text) => parseWhole(text, 0, 1e6),
      4000,
    )
    .addOption(
      new Option("--board <name>", "the board").choices([...emulatedBoards]).default("mps2-an505"),
    )
    .option("--rule <text>", "only the rules whose name has this in it", "")
    .action(async ({ programs, board, rule }: Options) => {
      const chosen = RULES.filter((each) => each.rule.includes(rule));
      const missed: string[] = [];
      let byHand = 0;
      for (const [index, each] of chosen.entries()) {
        const compiler = await compilerWithout(each);
        const shown = await shownByHand(compiler, board);
        if (shown !== undefined) byHand++;
        const after = shown ?? (await shownByRandom(compiler, board, programs));
        if (after === undefined) missed.push(each.rule);
        const found =
          after === undefined
            ? "MISSED"
            : typeof after === "number"
              ? `found by ${after} random programs`
              : `found by "${after}"`;
        console.log(`${index + 1}/${chosen.length} without "${each.rule}": ${found}`);
      }
      const found = chosen.length - missed.length;
      console.log(
        `${found} of ${chosen.length} broken rules found, ${byHand} by programs written by hand` +
          (missed.length > 0 ? `; missed: ${missed.join("; ")}` : ""),
      );
      if (missed.length > 0 || chosen.length === 0) process.exitCode = 1;
    }),
);
