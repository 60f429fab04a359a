// A part of WebAssembly's core suite, compiled, on an emulated board; which, the commit decides. `npm run suite:thumb2` runs all.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { systemTool } from "../../host/common/system-tools.js";
import { emulatedBoards, missingTools } from "../../host/mcu/toolchain.js";
import { Thumb2Compiler } from "../../host/thumb2-compiler/compiler.js";
import { rotation } from "../mcu-client/rotation.js";
import { skip } from "../support/shared.js";
import { fetchSuite, runSuite, suiteFiles } from "./core-suite.js";

/** Into how many parts the suite is cut. */
const PARTS = 8;

/** Assertions of which one holds: a wrong value, a wrong NaN, and traps of another kind or none. */
const WRONG = `(module
  (func (export "add") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
  (func (export "nan") (result f64) (f64.const nan:0x4000000000001))
  (func (export "end") (unreachable)))
(assert_return (invoke "add" (i32.const 1)) (i32.const 2))
(assert_return (invoke "add" (i32.const 1)) (i32.const 3))
(assert_return (invoke "add" (i32.const 2)) (i32.const 3))
(assert_trap (invoke "end") "unreachable")
(assert_trap (invoke "end") "integer divide by zero")
(assert_trap (invoke "add" (i32.const 1)) "unreachable")
(assert_return_canonical_nan (invoke "nan"))
`;

function suite(): { folder: string } | { reason: string } {
  const missing =
    missingTools() ?? (systemTool("wast2json") ? undefined : "wast2json is missing (Debian: wabt)");
  if (missing) return { reason: missing };
  try {
    return { folder: fetchSuite() };
  } catch (error) {
    return { reason: String((error as { stderr?: Buffer }).stderr ?? error).trim() };
  }
}

const { turn, from } = rotation();
console.log(`NOTE: rotation ${turn}, by ${from}; VC_TEST_ROTATION takes a number, or all`);
const found = suite();
if ("reason" in found) skip(2, found.reason);
else {
  const { folder } = found;
  const compiler = new Thumb2Compiler();
  const board = emulatedBoards[turn === "all" ? 0 : turn % emulatedBoards.length] ?? "mps2-an505";

  test(`the core suite's assertions hold on ${board}`, async () => {
    const files = suiteFiles(folder).filter(
      (_, index) => turn === "all" || index % PARTS === turn % PARTS,
    );
    const { held, failures } = await runSuite(compiler, board, folder, files);
    assert.equal(failures, []);
    assert.ok(held > 0, `of ${files.length} files no assertion applies`);
  });

  test("an assertion that does not hold is told, with its file and line", async () => {
    const own = mkdtempSync(join(tmpdir(), "suite-"));
    try {
      writeFileSync(join(own, "wrong.wast"), WRONG);
      const { held, failures } = await runSuite(compiler, board, own, ["wrong.wast"]);
      assert.is(held, 1);
      assert.is(failures.length, 4);
      for (const [index, line] of [6, 9, 10, 11].entries())
        assert.match(failures[index] ?? "", new RegExp(`^wrong\\.wast:${line}: `));
    } finally {
      rmSync(own, { recursive: true });
    }
  });
}

test.run();
