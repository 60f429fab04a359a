// What compiling costs on a board: as much a byte as is allowed, whatever a module is made of and however long it is. And what
// the compiler itself takes there.
import { execFileSync } from "node:child_process";
import { statSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { wasmPath } from "../../host/common/paths.js";
import { mcuBuildFolder, missingTools } from "../../host/mcu/toolchain.js";
import { Thumb2Compiler } from "../../host/thumb2-compiler/compiler.js";
import { Random } from "../support/random.js";
import { skip } from "../support/shared.js";
import {
  aByte,
  BARS,
  type Cost,
  compiles,
  measure,
  type Pattern,
  patternName,
  patternProgram,
  plainPatterns,
  randomPattern,
  realModules,
  shapes,
} from "./cost.js";

const board = "mps2-an505";
const RANDOM = 40;

const reason = missingTools();
if (reason) skip(4, reason);
else {
  const compiler = new Thumb2Compiler();
  const modules = realModules(compiler).filter(({ name }) => name.startsWith("examples/"));
  let real: Cost[] = [];

  test(`the examples cost at most ${BARS.mean} instructions a byte`, async () => {
    assert.ok(modules.length >= 10);
    real = await measure(board, modules);
    assert.ok(aByte(real) <= BARS.mean, `${aByte(real)} a byte`);
  });

  test("the compiler takes at most 24 KiB of WebAssembly and 34 KiB of flash", () => {
    const wasm = statSync(wasmPath("thumb2-device")).size;
    assert.ok(wasm <= 24 * 1024, `${wasm} bytes`);
    // That the test before has linked.
    const object = join(mcuBuildFolder, board, "compiler/thumb2-compiled.o");
    const sizes = execFileSync("arm-none-eabi-size", [object], { encoding: "utf8" });
    const flash = Number(sizes.split("\n")[1]?.trim().split(/\s+/)[0]);
    assert.ok(flash > 0 && flash <= 34 * 1024, `${flash} bytes of flash`);
  });

  test(`no pattern costs more than ${BARS.worst} times as much`, async () => {
    const random = new Random(21);
    const patterns = [
      ...plainPatterns().filter(({ depth }, index) => depth === 0 || index % 4 === 0),
      ...Array.from({ length: RANDOM }, () => randomPattern(random)),
    ];
    const made = patterns
      .map((pattern) => ({ name: patternName(pattern), wasm: patternProgram(pattern) }))
      .concat(shapes())
      .filter(({ wasm }) => compiles(compiler, wasm));
    assert.ok(made.length > patterns.length / 2, `${made.length} of ${patterns.length} compile`);
    const dear = (await measure(board, made)).filter(
      (cost) => aByte([cost]) > BARS.worst * aByte(real),
    );
    assert.equal(dear, []);
  });

  test("eight times as many functions, or as long ones, cost no more a byte", async () => {
    const pattern: Pattern = {
      snippets: ["load", "set a wide local", "if and else", "call", "tee a local"],
      below: "the local",
      depth: 20,
      more: 20,
      narrow: true,
      nesting: 5,
      loops: true,
      bytes: 1000,
    };
    const [one, many, long] = await measure(board, [
      { name: "one", wasm: patternProgram(pattern) },
      { name: "many", wasm: patternProgram(pattern, 8) },
      { name: "long", wasm: patternProgram({ ...pattern, bytes: 8000 }) },
    ]);
    for (const each of [many, long])
      assert.ok(
        each && one && aByte([each]) < 1.15 * aByte([one]),
        `${JSON.stringify([one, each])}`,
      );
  });
}

test.run();
