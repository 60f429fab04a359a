// Float results bit by bit: V8 and both strategies of this home. Devices: test/mcu-client/floats.test.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { FreestandingEngine } from "../../host/freestanding-execution-engine/engine.js";
import { bitsAt, firstDifference, floatProgram, operands } from "../support/float-program.js";

const engine = new FreestandingEngine();
const { wasm, places, length } = floatProgram();
const limits = { memoryBytes: 4 << 20, outputBytes: 4 << 20 };
const run = (strategy: "interp" | "jit"): Uint8Array => {
  const outcome = engine.run({ program: wasm, strategy, limits });
  assert.is(outcome.returnCode, 0, outcome.reason);
  assert.is(outcome.result?.length, length);
  return outcome.result as Uint8Array;
};

test("interp and jit agree on every float instruction; NaNs of arithmetic are quiet in both", () => {
  const jit = run("jit");
  assert.is(firstDifference(places, jit, run("interp")), undefined);
  // V8's own are quiet, too, by the same measure.
  assert.is(firstDifference(places, jit, jit), undefined);
});

test("the comparison tells: one bit of any result, and a NaN that is not quiet", () => {
  const right = run("interp");
  for (let i = 0; i < places.length; i += 97) {
    const place = places[i] as (typeof places)[number];
    const bits = bitsAt(right, place);
    const wrong = Uint8Array.from(right);
    const at = place.offset + (place.type === "f32" ? 3 : 7);
    wrong[at] = (wrong[at] as number) ^ 0x40;
    assert.is.not(
      firstDifference([place], right, wrong),
      undefined,
      `${place.name} 0x${bits.toString(16)}`,
    );
  }
  const floor = places.find(
    ({ name, operands: [a] }) => name === "f64.floor" && a === operands.f64[0],
  );
  assert.ok(floor);
  const signalling = Uint8Array.from(right);
  new DataView(signalling.buffer).setBigUint64(floor.offset, 0x7ff0000000000001n, true);
  assert.is.not(firstDifference([floor], signalling, signalling.slice()), undefined);
});

test.after(() => engine.free());
test.run();
