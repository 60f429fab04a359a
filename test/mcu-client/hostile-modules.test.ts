// The WASM checker's hostile modules on an emulated Cortex-M: each ends in a refusal, a trap or a result,
// never in a fault, and the program after it runs right.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type DeviceTask, runOnDevice } from "../../host/mcu/device-engine.js";
import { missingTools } from "../../host/mcu/toolchain.js";
import { mainProgram } from "../execution-engine/programs.js";
import { skip } from "../support/shared.js";
import { hostileModules } from "../wasm-checker/hostile-modules.js";

const RUN_REFUSED = 2;
/** The board's memory holds the whole module twice; larger ones are for the computer's tests. */
const LARGEST = 200_000;

const folder = mkdtempSync(join(tmpdir(), "mcu-hostile-"));
const file = (name: string, content: Uint8Array) => {
  const path = join(folder, name.replaceAll(/\W/g, "-"));
  writeFileSync(path, content);
  return path;
};

const reason = missingTools();
if (reason) skip(1, reason);
else {
  test("each hostile module ends in order, and the next program is right", async () => {
    const chosen = hostileModules
      .map(({ name, module, mcu }) => ({ name, bytes: module(), mcu }))
      .filter(({ bytes }) => bytes.length <= LARGEST);
    assert.ok(chosen.length >= hostileModules.length / 2, `${chosen.length} modules`);
    const healthy: DeviceTask = {
      program: file(
        "healthy",
        mainProgram(`(i32.store (i32.const 0) (i32.const 42))
          (call $write_output (i32.const 0) (i32.const 1))`),
      ),
    };
    const tasks = chosen.flatMap(({ name, bytes }) => [
      { program: file(name, bytes), fuel: 100_000n },
      healthy,
    ]);
    const outcomes = await runOnDevice({ host: "c", tasks });
    assert.is(outcomes.length, tasks.length);
    for (const [index, { name, mcu }] of chosen.entries()) {
      // What the profile refuses is refused; what it accepts may still find too little memory.
      if (mcu !== 0) assert.is(outcomes[2 * index]?.status, RUN_REFUSED, name);
      assert.equal([...(outcomes[2 * index + 1]?.result ?? [])], [42], `after: ${name}`);
    }
  });
}

test.after(() => rmSync(folder, { recursive: true, force: true }));
test.run();
