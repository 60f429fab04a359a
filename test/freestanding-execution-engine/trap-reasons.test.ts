// A program of the SDK that was compiled for development says why it trapped; what an isolate runs is compiled without that.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { TRAP_TEXT_EXPORT } from "../../assembly/sdk/veracruz_rt/trap-text.js";
import { projectRoot } from "../../host/common/paths.js";
import { FreestandingEngine } from "../../host/freestanding-execution-engine/engine.js";
import { ProgramDebugger } from "../../host/program-debugger/debugger.js";
import { functionName } from "../../host/wasm-checker/names.js";
import { loadCompiler } from "../support/quick-compiler.js";
import { assemble } from "../support/wat.js";

const { default: asc } = await loadCompiler();

const source = `
import { inputCount, encodeOutput } from "veracruz-mcu/assembly/sdk";
export function main(): i32 {
  const n = inputCount().value;
  switch (n) {
    case 0: { const a = new Array<i32>(3); return a[n + 7]; }
    case 1: { const b = new Uint8Array(16); b[16 * n] = 1; return b[0]; }
    case 2: { const s = new StaticArray<f64>(n); return <i32>s[0 - <i32>n]; }
    case 3: throw new Error("three of " + n.toString() + " → none");
    case 4: { const large = new Uint8Array(100_000_000 * n / 4); large[5] = 1; return large[5]; }
    case 5: return new Array<i32>().pop();
    default: return encodeOutput<f64>(n);
  }
}
`;
const folder = mkdtempSync(join(tmpdir(), "trap-reasons-"));
mkdirSync(join(folder, "node_modules"));
symlinkSync(projectRoot, join(folder, "node_modules/veracruz-mcu"));
writeFileSync(join(folder, "program.ts"), source);
test.after(() => rmSync(folder, { recursive: true }));

async function compile(target: string): Promise<Uint8Array> {
  const out = join(folder, `${target}.wasm`);
  const { error, stderr } = await asc.main([
    "program.ts",
    ...["--baseDir", folder, "--config", join(projectRoot, "asconfig.json")],
    ...["--target", target, "--outFile", out],
  ]);
  assert.is(error, null, `${stderr}`);
  assert.not.match(`${stderr}`, /WARNING/, "about the library");
  return readFileSync(out);
}

const plain = await compile("wasm32-arm-veracruz");
const debug = await compile("wasm32-arm-veracruz-debug");
const again = await compile("wasm32-arm-veracruz");
const engine = new FreestandingEngine();
test.after(() => engine.free());
const inputs = (count: number) => Array.from({ length: count }, () => new Uint8Array(1));

const reasons: RegExp[] = [
  /^Index out of range: index 7, length 3, at ~lib\/array\.ts:\d+:\d+ \(unreachable executed\)$/,
  /^Index out of range: index 16, length 16, at ~lib\/typedarray\.ts:\d+:\d+ \(/,
  /^Index out of range: index -2, length 2, at ~lib\/staticarray\.ts:\d+:\d+ \(/,
  /^three of 3 → none, at program\.ts:9:\d+ \(/,
  /^out of memory: 1000000\d\d bytes asked for, the memory has \d+ and may not grow so far, at ~lib\/rt\/stub\.ts:\d+:\d+ \(/,
  /^Array is empty, at ~lib\/array\.ts:\d+:\d+ \(/,
];

for (const strategy of ["interp", "jit"] as const) {
  for (const [count, reason] of reasons.entries()) {
    test(`${strategy}: ${count} inputs, ${reason}`, () => {
      const limits = { memoryBytes: 1 << 20 };
      const task = { inputs: inputs(count), strategy, limits };
      const told = engine.run({ ...task, program: debug });
      assert.is(told.status, "trap");
      assert.match(told.reason ?? "", reason, told.reason);
      assert.ok(told.callers.every(({ name }) => name !== undefined));
      assert.is(engine.run({ ...task, program: plain }).reason, "unreachable executed");
    });
  }

  test(`${strategy}: a program that does not trap computes the same`, () => {
    const task = { inputs: inputs(6), strategy };
    const [one, other] = [debug, plain].map((program) => engine.run({ ...task, program }).result);
    assert.ok(one?.length === 8);
    assert.equal(one, other);
  });

  test(`${strategy}: an export of that name that is something else, or lies, changes nothing`, () => {
    for (const liar of [
      "(param i32) (result i32) (local.get 0)",
      "(result i64) (i64.const 64)",
      "(result i32) (i32.const 0)",
      "(result i32) (i32.const -2)",
      "(result i32) (i32.const 65534)",
      "(result i32) (i32.const 1024)",
      "(result i32) unreachable",
      "(result i32) (loop $l (br $l)) (i32.const 0)",
    ]) {
      const program = assemble(`(module (memory (export "memory") 1)
        (data (i32.const 1024) "\\ff\\ff\\ff\\7f")
        (func (export "main") (result i32) unreachable)
        (func (export "${TRAP_TEXT_EXPORT}") ${liar}))`);
      const limits = { deadlineMs: 300, fuel: strategy === "interp" ? 10_000n : 0n };
      const outcome = engine.run({ program, strategy, limits });
      assert.is(outcome.status, "trap", liar);
      assert.is(outcome.reason, "unreachable executed", liar);
    }
  });
}

test("the debugger knows the reason, too, and does not count the question for it", () => {
  const debugging = new ProgramDebugger();
  const developing = new FreestandingEngine({ jit: debugging.strategy });
  const { reason } = developing.run({ program: debug, inputs: inputs(3), strategy: "jit" });
  developing.free();
  assert.match(reason ?? "", reasons[3] as RegExp, reason);
  const { recording } = debugging;
  const asked = recording?.instrumented.functions.find(({ index }) =>
    functionName(debug, index)?.includes(TRAP_TEXT_EXPORT),
  );
  assert.ok(asked);
  assert.not.ok(recording?.calls.has(asked.index));
});

test("what an isolate runs does not grow: the compiler for it knows nothing of this, also after the other target", () => {
  assert.ok(Buffer.from(plain).equals(again));
  assert.not.ok(Buffer.from(plain).includes(TRAP_TEXT_EXPORT));
  assert.ok(Buffer.from(debug).includes(TRAP_TEXT_EXPORT));
});

test.run();
