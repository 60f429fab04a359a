// Whether programs written by hand show that a compiler's rule is broken.
import type { EmulatedBoard } from "../../host/mcu/toolchain.js";
import { CompileError, Thumb2Compiler } from "../../host/thumb2-compiler/compiler.js";
import { hasFloats, runInWasm3, runOnBoard } from "./boards.js";
import { HAND_WRITTEN } from "./hand-written.js";
import { same } from "./programs.js";
import { RULE_PROGRAMS, type RuleProgram } from "./rule-programs.js";

const PROGRAMS: readonly RuleProgram[] = [
  ...RULE_PROGRAMS,
  ...HAND_WRITTEN.map((wasm, index) => ({
    name: `program ${index} of hand-written.ts`,
    wasm,
    fuel: 1_000_000_000n,
    pages: 1,
  })),
];

/**
 * The name of a program that a compiler makes other code of than it should, which ends otherwise than in wasm3; undefined
 * if there is none.
 */
export async function shownByHand(
  compiler: Thumb2Compiler,
  board: EmulatedBoard,
): Promise<string | undefined> {
  const right = new Thumb2Compiler();
  const cases: (RuleProgram & { compiled: Uint8Array })[] = [];
  for (const program of PROGRAMS) {
    const options = { floats: hasFloats(board), pages: program.pages };
    try {
      const compiled = compiler.compile(program.wasm, options).bytes;
      if (!Buffer.from(compiled).equals(right.compile(program.wasm, options).bytes))
        cases.push({ ...program, compiled });
    } catch (error) {
      // The compiler itself went wrong, or no longer ends with a program.
      if (error instanceof WebAssembly.RuntimeError || error instanceof CompileError)
        return program.name;
      throw error;
    }
  }
  if (cases.length === 0) return undefined;
  const endings = await runOnBoard(board, cases, { timeoutMs: 60_000 });
  // After a program that does not end, nothing is said of the others.
  return cases.find(
    ({ wasm, fuel, pages }, index) => !same(endings[index], runInWasm3(wasm, fuel, pages)),
  )?.name;
}
