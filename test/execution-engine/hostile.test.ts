// Programs that mean harm: each ends in the right error within bounded fuel, memory and time, and the
// next program runs right on the same engine.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { FreestandingEngine, type Task } from "../../host/freestanding-execution-engine/engine.js";
import { assemble } from "../support/wat.js";
import { mainProgram, probe, program, rawMain } from "./programs.js";

const engine = new FreestandingEngine();
const healthy = mainProgram(`
  (i32.store (i32.const 0) (i32.const 0x2a))
  (call $write_output (i32.const 0) (i32.const 1))`);

function survives(strategy: "interp" | "jit"): void {
  const outcome = engine.run({ program: healthy, strategy });
  assert.is(outcome.returnCode, 0, outcome.reason);
  assert.equal([...(outcome.result as Uint8Array)], [0x2a]);
}

interface Hostile {
  name: string;
  program: Uint8Array;
  inputs?: Task["inputs"];
  limits?: Task["limits"];
  status: "trap" | "refused" | "returned";
  reason: RegExp;
  /** Strategies for which it holds; both by default. */
  only?: "interp" | "jit";
}

const deepCalls = program(`(func $f (param i32) (result i32)
    (i32.add (call $f (i32.add (local.get 0) (i32.const 1))) (i32.const 1)))
  (func (export "main") (result i32) (call $f (i32.const 0)))`);

/**
 * Recursion that makes an H-call in each frame, so that one comes when the stack is all but full: small
 * frames for wasm3, which fill the thread's stack before the program's own, large ones for jit.
 */
const deepHcalls = Object.entries({
  input_count: "(i32.const 0)",
  read_input: "(i32.const 0) (i32.const 0) (i32.const 8)",
  write_output: "(i32.const 0) (i32.const 64)",
  getrandom: "(i32.const 0) (i32.const 1000)",
}).flatMap(([name, parameters]) =>
  (["interp", "jit"] as const).map(
    (only): Hostile => ({
      name: `${name} from a full stack leaves the runtime whole`,
      program: program(`(func $main (export "main") (result i32)
        ${only === "jit" ? `(local ${"i64 ".repeat(200)})` : ""}
        (drop (call $${name} ${parameters})) (call $main))`),
      inputs: [Uint8Array.of(1, 2, 3)],
      limits: { stackBytes: 512 * 1024 },
      status: "trap",
      reason: /stack overflow/,
      only,
    }),
  ),
);

const hostile: Hostile[] = [
  ...deepHcalls,
  {
    name: "an endless loop runs out of fuel",
    program: mainProgram("(loop $l (br $l)) (i32.const 0)"),
    limits: { fuel: 1_000_000n },
    status: "trap",
    reason: /out of fuel/,
    only: "interp",
  },
  {
    name: "an endless loop is ended at the deadline",
    program: mainProgram("(loop $l (br $l)) (i32.const 0)"),
    limits: { fuel: 0n, deadlineMs: 200 },
    status: "trap",
    reason: /deadline/,
  },
  {
    name: "an endless loop of H-calls is ended at the deadline",
    program: mainProgram(
      "(loop $l (drop (call $input_count (i32.const 0))) (br $l)) (i32.const 0)",
    ),
    limits: { fuel: 0n, deadlineMs: 200 },
    status: "trap",
    reason: /deadline/,
  },
  {
    name: "an endless loop of large H-calls is ended at the deadline",
    program: mainProgram(
      `(drop (memory.grow (i32.const 500)))
      (loop $l (drop (call $getrandom (i32.const 0) (i32.const 30000000))) (br $l)) (i32.const 0)`,
    ),
    limits: { fuel: 0n, deadlineMs: 200 },
    status: "trap",
    reason: /deadline/,
  },
  ...["getrandom", "write_output"].map(
    (name): Hostile => ({
      name: `one ${name} of more bytes than its fuel allows runs out of fuel`,
      program: mainProgram(`(call $${name} (i32.const 0) (i32.const 65536))`),
      limits: { fuel: 255n },
      status: "trap",
      reason: /out of fuel/,
      only: "interp",
    }),
  ),
  {
    name: "endless recursion overflows the stack",
    program: deepCalls,
    status: "trap",
    reason: /stack overflow/,
  },
  {
    name: "endless recursion with much stack allowed overflows it, too",
    program: deepCalls,
    limits: { stackBytes: 512 * 1024 },
    status: "trap",
    reason: /stack overflow/,
  },
  {
    name: "memory grown for ever gets -1 at the limit",
    program: mainProgram(`(local $pages i32)
      (loop $l (br_if $l (i32.ge_s (memory.grow (i32.const 1)) (i32.const 0))))
      (local.set $pages (memory.size))
      (i32.sub (local.get $pages) (i32.const 16))`),
    limits: { memoryBytes: 16 * 65536 },
    status: "returned",
    reason: /^$/,
  },
  {
    name: "a huge memory.grow gets -1",
    program: mainProgram("(i32.add (i32.const 1) (memory.grow (i32.const 65535)))"),
    status: "returned",
    reason: /^$/,
  },
  {
    name: "a memory.grow by a negative number gets -1 and keeps the memory",
    program: mainProgram(`
      (drop (i32.load (i32.const 65532)))
      (if (i32.ne (memory.grow (i32.const -1)) (i32.const -1)) (then unreachable))
      (i32.sub (memory.size) (i32.const 1))`),
    status: "returned",
    reason: /^$/,
  },
  {
    name: "initial memory above the limit is refused",
    program: mainProgram("(i32.const 0)", "100"),
    limits: { memoryBytes: 16 * 65536 },
    status: "refused",
    reason: /limit|memory/,
  },
  {
    name: "an output above the limit traps",
    program: mainProgram("(call $write_output (i32.const 0) (i32.const 65536))"),
    limits: { outputBytes: 1000 },
    status: "trap",
    reason: /limit on memory or output/,
  },
  {
    name: "a load outside memory traps",
    program: mainProgram("(i32.load (i32.const 65533))"),
    status: "trap",
    reason: /memory access out of bounds/,
  },
  {
    name: "a store with a huge offset traps",
    program: mainProgram(
      "(i32.store offset=4294967295 (i32.const -1) (i32.const 1)) (i32.const 0)",
    ),
    status: "trap",
    reason: /memory access out of bounds/,
  },
  {
    name: "unreachable traps",
    program: mainProgram("unreachable"),
    status: "trap",
    reason: /unreachable/,
  },
  {
    name: "division by zero traps",
    program: mainProgram("(i32.div_u (i32.const 1) (i32.const 0))"),
    status: "trap",
    reason: /division by zero/,
  },
  {
    name: "division overflow traps",
    program: mainProgram("(i32.div_s (i32.const 0x80000000) (i32.const -1))"),
    status: "trap",
    reason: /integer overflow/,
  },
  {
    name: "conversion of a NaN traps",
    program: mainProgram("(i32.trunc_f32_s (f32.const nan))"),
    status: "trap",
    reason: /conversion|integer overflow/,
  },
  {
    name: "an indirect call of nothing traps",
    program: program(`(type $t (func (result i32))) (table 2 funcref)
      (func (export "main") (result i32) (call_indirect (type $t) (i32.const 1)))`),
    status: "trap",
    reason: /indirect call/,
  },
  {
    name: "main missing is refused",
    program: program('(func (export "other") (result i32) (i32.const 0))'),
    status: "refused",
    reason: /main/,
  },
  {
    name: "main of a wrong type is refused",
    program: program('(func (export "main") (param i64) (result i32) (i32.const 0))'),
    status: "refused",
    reason: /main/,
  },
  {
    name: "main that is a memory is refused",
    program: assemble('(module (memory (export "memory") 1) (export "main" (memory 0)))'),
    status: "refused",
    reason: /main/,
  },
  {
    name: "no memory is refused",
    program: assemble('(module (func (export "main") (result i32) (i32.const 0)))'),
    status: "refused",
    reason: /memory/,
  },
  {
    name: "an unknown import is refused, by name",
    program: assemble(`(module (import "env" "abort" (func (param i32 i32 i32 i32)))
      (memory (export "memory") 1) (func (export "main") (result i32) (i32.const 0)))`),
    status: "refused",
    reason: /env\.abort/,
  },
  {
    name: "an import of another module is refused, by name",
    program:
      assemble(`(module (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 1) (func (export "main") (result i32) (i32.const 0)))`),
    status: "refused",
    reason: /wasi_snapshot_preview1\.fd_write/,
  },
  {
    name: "an H-call imported with another type is refused",
    program:
      assemble(`(module (import "env" "__veracruz_hcall_input_count" (func (param i64) (result i32)))
      (memory (export "memory") 1) (func (export "main") (result i32) (i32.const 0)))`),
    status: "refused",
    reason: /input_count/,
  },
  {
    name: "an imported memory is refused",
    program: assemble(`(module (import "env" "memory" (memory 1)) (export "memory" (memory 0))
      (func (export "main") (result i32) (i32.const 0)))`),
    status: "refused",
    reason: /env\.memory/,
  },
  {
    name: "a start section is refused",
    program: program('(func $s) (start $s) (func (export "main") (result i32) (i32.const 0))'),
    status: "refused",
    reason: /start/,
  },
  {
    name: "1,000 nested blocks are refused",
    program: rawMain([
      ...Array.from({ length: 1000 }, () => [0x02, 0x40]).flat(),
      ...Array.from({ length: 1000 }, () => 0x0b),
      ...[0x41, 0],
    ]),
    status: "refused",
    reason: /blocks within blocks/,
  },
  {
    name: "an empty file is refused",
    program: new Uint8Array(0),
    status: "refused",
    reason: /.+/,
  },
  {
    name: "a module cut short is refused",
    program: healthy.subarray(0, healthy.length - 5),
    status: "refused",
    reason: /.+/,
  },
  {
    name: "an ill-typed body is refused",
    program: (() => {
      const module = mainProgram("(i32.const 0x11223344)");
      // Turn the only i32.const 0x11223344 into an i64.const: main then returns an i64.
      const at = Buffer.from(module).indexOf(Buffer.from([0x41, 0xc4, 0xe6, 0x88, 0x89, 0x01]));
      assert.ok(at > 0);
      module[at] = 0x42;
      return module;
    })(),
    status: "refused",
    reason: /.+/,
  },
];

for (const strategy of ["interp", "jit"] as const) {
  for (const { name, program: bytes, inputs = [], limits, status, reason, only } of hostile) {
    if (only !== undefined && only !== strategy) continue;
    test(`${strategy}: ${name}`, () => {
      const outcome = engine.run({
        program: bytes,
        inputs,
        strategy,
        limits: { fuel: strategy === "interp" ? 50_000_000n : 0n, deadlineMs: 20_000, ...limits },
      });
      assert.is(outcome.status, status, outcome.reason);
      if (status === "returned") assert.is(outcome.returnCode, 0, outcome.reason);
      assert.match(outcome.reason ?? "", reason);
      survives(strategy);
    });
  }
}

test("fuel is counted exactly and the same each time", () => {
  const task = {
    program: mainProgram(`(local $i i32)
      (loop $l
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $l (i32.lt_u (local.get $i) (i32.const 1000))))
      (i32.const 0)`),
  };
  const { fuel } = engine.run(task);
  assert.is(engine.run(task).fuel, fuel);
  assert.ok(fuel !== undefined && fuel >= 1000n && fuel <= 1003n, `${fuel}`);
  const exact = engine.run({ ...task, limits: { fuel: fuel as bigint } });
  assert.is(exact.returnCode, 0, exact.reason);
  const short = engine.run({ ...task, limits: { fuel: (fuel as bigint) - 1n } });
  assert.match(short.reason ?? "", /out of fuel/);
});

test("what H-calls copy costs one unit for each whole 256 bytes, in whatever direction", () => {
  const input = new Uint8Array(1000);
  for (const [call, bytes] of [
    ["read_input (i32.const 0) (i32.const 0) (i32.const 1000)", 1000],
    ["write_output (i32.const 1) (i32.const 2560)", 2560],
    ["getrandom (i32.const 0) (i32.const 1000)", 1000],
    ["getrandom (i32.const 0) (i32.const 255)", 255],
    ["input_count (i32.const 0)", 4],
  ] as const) {
    const { fuel, returnCode } = engine.run({
      program: mainProgram(`(call $${call})`),
      inputs: [input],
    });
    assert.is(returnCode, 0, call);
    // `main` and the H-call are one unit each.
    assert.is(fuel, 2n + BigInt(bytes >> 8), call);
  }
});

test("long straight code in a loop does not put off the deadline", () => {
  // (loop (f64.const 2) 200,000 × f64.sqrt, drop, (br 0)): one unit of fuel for each turn.
  const straight = [0x44, 0, 0, 0, 0, 0, 0, 0, 0x40, ...new Array(200_000).fill(0x9f), 0x1a];
  const endless = rawMain([0x03, 0x40, ...straight, 0x0c, 0x00, 0x0b, 0x41, 0x00]);
  const { reason, fuel } = engine.run({ program: endless, limits: { deadlineMs: 20 } });
  assert.match(reason ?? "", /deadline/);
  // The clock is looked at once in 128 units, which take far longer than 20 ms here.
  assert.ok((fuel ?? 0n) <= 256n, `${fuel}`);
});

test("limits that the home cannot give are a refusal, and leave the engine whole", () => {
  for (const limits of [
    { stackBytes: 0 },
    { stackBytes: 1023 },
    { stackBytes: 2 ** 32 - 1 },
    { memoryBytes: 65535 },
    { fuel: 2n ** 64n - 1n },
    { fuel: 2n ** 64n - 1n, strategy: "jit" as const },
  ]) {
    const { strategy = "interp", ...rest } = limits as { strategy?: "jit" };
    const outcome = engine.run({ program: healthy, limits: rest, strategy });
    assert.is(outcome.status, "refused", outcome.reason);
    assert.match(outcome.reason ?? "", /limit|at most|must be/);
    survives("interp");
  }
});

test("a module that takes too long to compile is refused as such", () => {
  const module = assemble(`(module (memory (export "memory") 1)
    (func (export "main") (result i32) (i32.const 0))
    (func (export "long") ${"(loop (br_if 0 (i32.const 0)))".repeat(60_000)}))`);
  const outcome = engine.run({ program: module, limits: { deadlineMs: 1 } });
  assert.is(outcome.status, "refused");
  assert.match(outcome.reason ?? "", /deadline/);
  assert.not.match(outcome.reason ?? "", /not valid/);
  survives("interp");
});

test("an input larger than the engine's memory is an error that names the sizes", () => {
  const small = new FreestandingEngine({ memoryLimit: 256 * 1024 });
  assert.throws(
    () => small.run({ program: healthy, inputs: [new Uint8Array(300 * 1024)] }),
    /input 0 of 307200 bytes/,
  );
  assert.is(small.run({ program: probe("(i32.const 0)") }).returnCode, 0);
  small.free();
});

test.after(() => engine.free());
test.run();
