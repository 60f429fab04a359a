// Compilers with one of their rules broken: programs on a board must show each, those written by hand first, then random
// ones. `npm run mutants:thumb2`.
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { Command, Option } from "commander";
import { runCommand } from "../../host/common/cli.js";
import { projectRoot } from "../../host/common/paths.js";
import { parseWhole } from "../../host/common/quantities.js";
import { type EmulatedBoard, emulatedBoards } from "../../host/mcu/toolchain.js";
import { CompileError, Thumb2Compiler } from "../../host/thumb2-compiler/compiler.js";
import { hasFloats, runInWasm3, runOnBoard } from "./boards.js";
import { HAND_WRITTEN } from "./hand-written.js";
import { comparePrograms, same } from "./programs.js";

interface Mutant {
  readonly rule: string;
  readonly file: string;
  /** Stands once in the file, or `which` (from 0) of several. */
  readonly text: string;
  readonly which?: number;
  readonly instead: string;
}

const mutants: readonly Mutant[] = [
  {
    rule: "an access is checked against constant memory",
    file: "memory.ts",
    text: "      this.branchBack(HI, trap);\n      return;",
    instead: "      return;",
  },
  {
    rule: "the last byte of an access is in memory",
    file: "memory.ts",
    text: "(least - extent) as u32",
    instead: "(least - extent + 1) as u32",
  },
  {
    rule: "an access is checked against memory that grows",
    file: "memory.ts",
    text: "    this.branchBack(HI, trap);\n    this.locked",
    instead: "    this.locked",
  },
  {
    rule: "what is known of a local ends where it is set",
    file: "operands.ts",
    text: "    store<u32>(this.local(word), 0, 4);\n",
    instead: "",
  },
  {
    rule: "the address of a local's place ends where it is set",
    file: "operands.ts",
    text: "    if (this.baseLocal === word) this.dropBase();\n",
    instead: "",
  },
  {
    rule: "what is known of locals ends at labels",
    file: "operands.ts",
    text: "    this.epoch++;\n",
    instead: "",
  },
  {
    rule: "operands that wait for a local take it before it is set",
    file: "operands.ts",
    text: "this.references(word) > 0 && index > 0",
    instead: "false",
  },
  {
    rule: "operands in registers are saved before a call",
    file: "operands.ts",
    text: "      if (owner < limit) this.spill(owner);\n",
    instead: "",
  },
  {
    rule: "a divisor of 0 traps",
    file: "words.ts",
    text: "      this.branchBack(EQ, this.trapStub(CODE_TRAP_DIVISION));\n",
    instead: "",
  },
  {
    rule: "a quotient that is none traps",
    file: "words.ts",
    text: "        this.branchBack(EQ, this.trapStub(CODE_TRAP_OVERFLOW));\n",
    instead: "",
  },
  {
    rule: "an indirect call looks at the table's end",
    file: "body.ts",
    text: "    this.branchBack(HS, trap);\n",
    instead: "",
  },
  {
    rule: "an indirect call looks at the type",
    file: "body.ts",
    text: "    this.branchBack(NE, trap);\n",
    instead: "",
  },
  {
    rule: "functions look at the stack's limit",
    file: "body.ts",
    text: "this.calls || frame + 28 > LEAF_FRAME",
    instead: "false",
  },
  {
    rule: "a loop's turn counts",
    file: "body.ts",
    text: "        this.countFuel();\n",
    instead: "",
  },
  {
    rule: "a function's entry counts",
    file: "body.ts",
    text: "    this.pushRegisters(this.savedMask());\n    this.countFuel();\n",
    instead: "    this.pushRegisters(this.savedMask());\n",
  },
  {
    rule: "a result takes a local's register only if no operand waits for that",
    file: "values.ts",
    text: "    if (this.references(word) !== 0) return NONE;\n",
    instead: "",
  },
  {
    rule: "a high word is a sign only where that is known",
    file: "values.ts",
    text: "  if (kindOf(high) === K_SIGN || (high & POSITIVE) !== 0) return true;\n",
    instead: "  return true;\n",
  },
  {
    rule: "a word that is zero-extended is a sign only where it is below 2^31",
    file: "values.ts",
    text: "high === HIGH_BOTH ? POSITIVE : 0",
    instead: "POSITIVE",
  },
  {
    rule: "high words that are known are stored before a loop",
    file: "body.ts",
    text: "        this.settleLocals();\n        this.flush(this.height);\n        this.label();\n",
    instead: "        this.flush(this.height);\n        this.label();\n",
  },
  {
    rule: "high words that are known are stored before a branch",
    file: "body.ts",
    text: "    if (load<u8>(frame, 10) !== KIND_FUNCTION) this.settleLocals();\n",
    instead: "",
  },
  {
    rule: "what is known of a high word ends where its local is set to something else",
    file: "variables.ts",
    text: "    this.setHigh(word, known);\n",
    instead: "    if (known !== 0) this.setHigh(word, known);\n",
  },
  {
    rule: "what is known of high words ends with the path",
    file: "values.ts",
    text: "    while (this.narrow !== NONE) this.unlist();\n",
    instead: "",
  },
  {
    rule: "a sum's low word does not take the register of which the high one needs the sign",
    file: "pairs.ts",
    text: "this.place(a, sign ? NONE : b)",
    instead: "this.place(a, b)",
  },
  {
    rule: "a low word does not take the register of a high word that is read after it",
    file: "pairs.ts",
    text: "low === NONE || low === aHigh || low === bHigh",
    instead: "low === NONE",
  },
  {
    rule: "locals that may be read before they are set are 0",
    file: "locals.ts",
    text: "word >= this.parameterWordCount && !set",
    instead: "false",
  },
  {
    rule: "comparisons the other way round have the other condition",
    file: "words.ts",
    text: "        return mirrored(condition);\n",
    instead: "        return condition;\n",
    which: 0,
  },
];

/** A compiler with one rule broken. */
function broken({ rule, file, text, instead }: Mutant): Thumb2Compiler {
  const folder = mkdtempSync(join(projectRoot, "build", "mutant-"));
  try {
    for (const room of ["thumb2-compiler", "wasm-checker", "abi", "encoding"]) {
      cpSync(join(projectRoot, "assembly", room), join(folder, room), { recursive: true });
    }
    const path = join(folder, "thumb2-compiler", file);
    const source = readFileSync(path, "utf8");
    if (source.split(text).length < 2) throw new Error(`${rule}: ${file} has no such place`);
    writeFileSync(
      path,
      source.replace(text, () => instead),
    );
    const out = join(folder, "mutant.wasm");
    const asc = join(projectRoot, "node_modules/assemblyscript/bin/asc.js");
    const target = ["--target", "runtime", "--config", "assembly/asconfig.json"];
    const entry = join(relative(projectRoot, folder), "thumb2-compiler/index.ts");
    execFileSync(
      process.execPath,
      [asc, entry, ...target, "--outFile", relative(projectRoot, out)],
      { cwd: projectRoot, stdio: ["ignore", "ignore", "pipe"] },
    );
    return new Thumb2Compiler(readFileSync(out));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Whether the programs written by hand end otherwise than in wasm3. */
async function shownByHand(compiler: Thumb2Compiler, board: EmulatedBoard): Promise<boolean> {
  const fuel = 1_000_000_000n;
  try {
    const cases = HAND_WRITTEN.map((wasm) => ({
      wasm,
      compiled: compiler.compile(wasm, { floats: hasFloats(board), pages: 1 }).bytes,
      fuel,
      pages: 1,
    }));
    const endings = await runOnBoard(board, cases, { timeoutMs: 60_000 });
    return cases.some(({ wasm }, index) => !same(endings[index], runInWasm3(wasm, fuel, 1)));
  } catch (error) {
    // The compiler itself went wrong, or no longer ends with a program.
    if (error instanceof WebAssembly.RuntimeError || error instanceof CompileError) return true;
    throw error;
  }
}

/** By which programs a mutant was found, or undefined. */
async function found(
  mutant: Mutant,
  board: EmulatedBoard,
  programs: number,
): Promise<string | undefined> {
  const compiler = broken(mutant);
  if (await shownByHand(compiler, board)) return "programs written by hand";
  const part = 200;
  for (let from = 0; from < programs; from += part) {
    try {
      const { differences, refused } = await comparePrograms(compiler, board, 5000 + from, part, {
        timeoutMs: 60_000,
      });
      if (differences.length > 0 || refused.size > 0) return `${from + part} random programs`;
    } catch (error) {
      // The compiler itself went wrong.
      if (error instanceof WebAssembly.RuntimeError) return `${from + part} random programs`;
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
    .option("--programs <n>", "random programs for each", (text) => parseWhole(text, 1, 1e6), 4000)
    .addOption(
      new Option("--board <name>", "the board").choices([...emulatedBoards]).default("mps2-an505"),
    )
    .option("--rule <text>", "only the rules whose name has this in it", "")
    .action(async ({ programs, board, rule }: Options) => {
      const chosen = mutants.filter((each) => each.rule.includes(rule));
      let missed = 0;
      for (const mutant of chosen) {
        const after = await found(mutant, board, programs);
        if (after === undefined) missed++;
        console.log(
          `${after === undefined ? "MISSED" : `found by ${after}`}: without "${mutant.rule}"`,
        );
      }
      console.log(`${chosen.length - missed} of ${chosen.length} found`);
      if (missed > 0) process.exitCode = 1;
    }),
);
