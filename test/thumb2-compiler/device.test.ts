// The compiler on a board makes the bytes that it makes on a computer.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../../host/common/paths.js";
import { emulatedBoards, missingTools } from "../../host/mcu/toolchain.js";
import { Thumb2Compiler } from "../../host/thumb2-compiler/compiler.js";
import { Random } from "../support/random.js";
import { skip } from "../support/shared.js";
import { generate } from "../wasm-checker/fuzz/generate.js";
import { hasFloats } from "./boards.js";
import { generateDense } from "./dense.js";
import { compileOnBoard } from "./device.js";
import { HAND_WRITTEN } from "./hand-written.js";
import { RULE_PROGRAMS } from "./rule-programs.js";

const PAGES = 8;
const EXAMPLES = join(projectRoot, "build/wasm/examples");

/** Examples, programs written by hand, and random ones, as far as the checker takes them. */
function programs(compiler: Thumb2Compiler, seed: number, random: number): Uint8Array[] {
  const source = new Random(seed);
  const examples = readdirSync(EXAMPLES)
    .filter((name) => name.endsWith(".wasm"))
    .map((name) => readFileSync(join(EXAMPLES, name)));
  const generated = Array.from({ length: random }, (_, index) =>
    index % 2 === 0 ? generate(source, true) : generateDense(source),
  );
  const written = RULE_PROGRAMS.map(({ wasm }) => wasm);
  const all = [...examples, ...HAND_WRITTEN, ...written, ...generated];
  for (const wasm of all) compiler.compile(wasm, { pages: PAGES });
  return all;
}

const reason = missingTools();
if (reason) skip(emulatedBoards.length, reason);
else {
  const compiler = new Thumb2Compiler();
  for (const [index, board] of emulatedBoards.entries())
    test(`${board} compiles programs to the bytes that a computer does`, async () => {
      const modules = programs(compiler, 3100 + index, 60);
      const results = await compileOnBoard(board, modules, PAGES);
      for (const [place, wasm] of modules.entries()) {
        const { bytes } = compiler.compile(wasm, { floats: hasFloats(board), pages: PAGES });
        const { answer, bytes: length, sha256 } = results[place] ?? {};
        assert.equal(
          [answer, length, sha256],
          [0, bytes.length, createHash("sha256").update(bytes).digest("hex")],
          `program ${place} of ${modules.length}`,
        );
      }
    });
}

test.run();
