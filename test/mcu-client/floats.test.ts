// Float results of programs on emulated boards, bit by bit what V8 gives: with software arithmetic (M3), an FPU for f32 (M4F, M33)
// and one for both (M7).
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { FreestandingEngine } from "../../host/freestanding-execution-engine/engine.js";
import { runOnDevice } from "../../host/mcu/device-engine.js";
import { emulatedBoards, missingTools } from "../../host/mcu/toolchain.js";
import { firstDifference, floatProgram } from "../support/float-program.js";
import { skip } from "../support/shared.js";

const boards = emulatedBoards;
const reason = missingTools();
if (reason) skip(boards.length, reason);
else {
  const { wasm, places, length } = floatProgram();
  const folder = mkdtempSync(join(tmpdir(), "mcu-floats-"));
  const program = join(folder, "floats.wasm");
  writeFileSync(program, wasm);
  const engine = new FreestandingEngine();
  const v8 = engine.run({
    program: wasm,
    strategy: "jit",
    limits: { memoryBytes: 4 << 20, outputBytes: 4 << 20 },
  }).result as Uint8Array;
  engine.free();

  for (const board of boards) {
    test(`${board}: every float instruction gives V8's bits`, async () => {
      const task = { program, memoryBytes: 1 << 20, outputBytes: length };
      const [outcome] = await runOnDevice({ board, host: "c", tasks: [task] });
      assert.is(outcome?.returnCode, 0, `${outcome?.status}, ${outcome?.detail}`);
      assert.is(firstDifference(places, v8, outcome?.result as Uint8Array), undefined);
    });
  }
  test.after(() => rmSync(folder, { recursive: true }));
  test.run();
}
