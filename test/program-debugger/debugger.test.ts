// The debugger of vc-fee: an instrumented program does what it did, for the same fuel; what it tells is true.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot, wasmPath } from "../../host/common/paths.js";
import { seededRandom } from "../../host/freestanding-execution-engine/development.js";
import { FreestandingEngine } from "../../host/freestanding-execution-engine/engine.js";
import { coverage } from "../../host/program-debugger/coverage.js";
import { ProgramDebugger, type TracedCall } from "../../host/program-debugger/debugger.js";
import { totalFuel } from "../../host/program-debugger/profile.js";
import { readSourceMap } from "../../host/program-debugger/source-map.js";
import { mainProgram, program } from "../execution-engine/programs.js";
import { canCompileC, compileC } from "../sdk/c-compiler.js";
import { exampleNames, exampleProgram, exampleRounds } from "../support/example-data.js";
import { skip } from "../support/shared.js";
import { assemble } from "../support/wat.js";

const folder = mkdtempSync(join(tmpdir(), "vc-debugger-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));
const cli = (name: string) => join(projectRoot, `build/js/host/${name}/cli.js`);
const path = (name: string) => join(folder, name);

function fee(...args: string[]) {
  return spawnSync(process.execPath, [cli("freestanding-execution-engine"), ...args], {
    cwd: folder,
    encoding: "utf8",
  });
}

test("every example gives the same result for the same fuel under the debugger", () => {
  // The same random numbers for both, each from a source of its own.
  const plain = new FreestandingEngine({ random: seededRandom("examples") });
  const debugging = new ProgramDebugger();
  const debugged = new FreestandingEngine({
    jit: debugging.strategy,
    random: seededRandom("examples"),
  });
  for (const name of exampleNames) {
    const task = { program: exampleProgram(name), ...exampleRounds(name)[0] };
    const expected = plain.run(task);
    const found = debugged.run({ ...task, strategy: "jit" });
    assert.is(found.reason, expected.reason, name);
    assert.equal(found.result, expected.result, name);
    assert.is(found.fuel, expected.fuel, name);
    const { recording } = debugging;
    assert.ok(recording);
    assert.is(BigInt(totalFuel(recording.root)), expected.fuel, name);
  }
  plain.free();
  debugged.free();
});

/** Runs a program under the debugger. */
function run(bytes: Uint8Array, limits = {}) {
  const calls: TracedCall[] = [];
  const debugging = new ProgramDebugger({ onCall: (call) => calls.push(call) });
  const engine = new FreestandingEngine({ jit: debugging.strategy });
  const outcome = engine.run({
    program: bytes,
    inputs: [Uint8Array.of(1, 2, 3)],
    strategy: "jit",
    limits,
  });
  engine.free();
  assert.ok(debugging.recording);
  return { outcome, calls, recording: debugging.recording };
}

const shapes = assemble(
  `(module
    (type $unary (func (param i32) (result i32)))
    (memory (export "memory") 1)
    (table 2 funcref)
    (elem (i32.const 0) $double $early)
    (func $double (type $unary) (i32.mul (local.get 0) (i32.const 2)))
    (func $early (type $unary)
      (block (br_if 0 (i32.eqz (local.get 0))) (return (i32.const 7)))
      (i32.const 9))
    (func $never (result i32) (i32.const 1))
    (func $table (type $unary)
      (block $a (block $b (br_table $a $b 1 (local.get 0)) ) (return (i32.const 1)))
      (i32.const 2))
    (func (export "main") (result i32) (local $i i32) (local $sum i64) (local $f f32)
      (local.set $sum (i64.const -9000000000))
      (local.set $f (f32.const 1.5))
      (loop $more
        (if (i32.lt_u (local.get $i) (i32.const 3))
          (then (local.set $i (i32.add (local.get $i) (call_indirect (type $unary) (i32.const 1) (i32.const 1)))))
          (else (local.set $i (call_indirect (type $unary) (local.get $i) (i32.const 0)))))
        (br_if $more (i32.lt_u (local.get $i) (i32.const 20))))
      (memory.fill (i32.const 0) (i32.const 1) (i32.const 1024))
      (memory.copy (i32.const 2048) (i32.const 0) (i32.const 512))
      (i32.add (call $early (i32.const 0)) (call $table (i32.const 1)))
      (i32.sub (local.get $i))))`,
  true,
);

test("returns, branches, tables and indirect calls go where they went", () => {
  const engine = new FreestandingEngine();
  const expected = engine.run({ program: shapes });
  engine.free();
  const { outcome, recording } = run(shapes);
  assert.is(outcome.returnCode, expected.returnCode);
  assert.is(outcome.fuel, expected.fuel);
  const functions = coverage(recording, (index) => `f${index}`);
  assert.equal(
    functions.map(({ calls }) => calls),
    [2, 2, 0, 1, 1],
  );
  const missed = functions.map((each) => each.missed.map(({ kind }) => kind));
  assert.equal(missed, [[], [], [], [], []]);
});

test("fuel and deadline bound a run", () => {
  const forever = mainProgram("(loop $l (br $l)) (i32.const 0)");
  assert.is(run(forever, { fuel: 1000n }).outcome.reason, "out of fuel");
  assert.match(run(forever, { fuel: 0n, deadlineMs: 20 }).outcome.reason ?? "", /time|deadline/);
});

test("a trap names the function, its callers, and the place of the instruction", () => {
  const bytes = program(
    '(func $inner (unreachable)) (func $outer (call $inner)) (func (export "main") (result i32) (call $outer) (i32.const 0))',
  );
  const { outcome, recording } = run(bytes);
  assert.is(outcome.reason, "unreachable executed");
  assert.equal(
    outcome.callers.map(({ index }) => index),
    [11, 12, 13],
  );
  assert.is(bytes[recording.trapOffset as number], 0, "the opcode of unreachable");
});

test("each H-call is seen with its arguments, its code and what it stored", () => {
  const { calls } = run(
    mainProgram(
      "(drop (call $input_size (i32.const 0) (i32.const 64))) (drop (call $read_input (i32.const 5) (i32.const 0) (i32.const 9))) (call $write_output (i32.const -1) (i32.const 9))",
    ),
  );
  assert.equal(
    calls.map(({ arguments: given, code, stored }) => ({ given, code, stored })),
    [
      { given: [0, 64], code: 0, stored: 3 },
      { given: [5, 0, 9], code: -4, stored: undefined },
      { given: [0xffff_ffff, 9], code: undefined, stored: undefined },
    ],
  );
});

test("vc-fee writes a profile for speedscope and a flame graph, whose weights are the fuel", () => {
  writeFileSync(path("shapes.wasm"), shapes);
  const json = fee("-p", "shapes.wasm", "--profile", "out.json", "--coverage");
  const [, fuel] = /fuel used: (\d+)/.exec(json.stdout) ?? [];
  assert.match(json.stderr, /coverage: 4 of 5 functions \(80 %\), \d+ of \d+ branches/);
  assert.match(json.stderr, /^ {2}never: never called$/m);
  const profile = JSON.parse(readFileSync(path("out.json"), "utf8"));
  const [{ samples, weights, endValue, type }] = profile.profiles;
  assert.is(type, "sampled");
  assert.is(samples.length, weights.length);
  assert.is(String(endValue), fuel);
  const names = samples.map((chain: number[]) =>
    chain.map((i) => profile.shared.frames[i].name).join(">"),
  );
  assert.ok(
    names.includes("main>early") || names.some((name: string) => name.endsWith(">early")),
    names.join(),
  );
  assert.is(fee("-p", "shapes.wasm", "--profile", "out.svg").status, json.status);
  assert.match(readFileSync(path("out.svg"), "utf8"), /<title>double: 2 units/);
});

test("--seed gives the same random bytes each time, and others for another text", () => {
  const random = (...seed: string[]) =>
    fee("-p", wasmPath("examples/random-source"), ...seed).stdout;
  assert.is(random("--seed", "a"), random("--seed", "a"));
  assert.is.not(random("--seed", "a"), random("--seed", "b"));
  assert.is.not(random(), random());
});

test("--trace shows H-calls as they happen", () => {
  const { stderr } = fee("-p", wasmPath("examples/random-source"), "--trace");
  assert.match(stderr, /^ {2}getrandom\(buffer \d+, length 32\) = 0$/m);
  assert.match(stderr, /^ {2}write_output\(buffer \d+, length 32\) = 0$/m);
});

const author = `
import { print, writeOutput } from "veracruz-mcu/assembly/sdk";
function at(items: Uint8Array, index: i32): u8 {
  return items[index];
}
export function main(): i32 {
  print("grüße");
  const items = new Uint8Array(3);
  let sum = 0;
  for (let i = 0; i < 5; i++) sum += at(items, i);
  items[0] = sum as u8;
  return writeOutput(items);
}
`;

function compile(out: string, ...options: string[]): void {
  writeFileSync(path("author.ts"), author);
  const asc = join(projectRoot, "node_modules/assemblyscript/bin/asc.js");
  const config = join(projectRoot, "asconfig.json");
  // A project of its own, in which the package is linked.
  spawnSync("mkdir", ["-p", path("node_modules")]);
  spawnSync("ln", ["-sfn", projectRoot, path("node_modules/veracruz-mcu")]);
  const { status, stderr } = spawnSync(
    process.execPath,
    [
      asc,
      "author.ts",
      "--config",
      config,
      "--target",
      "wasm32-arm-veracruz",
      "--outFile",
      out,
      ...options,
    ],
    { cwd: folder, encoding: "utf8" },
  );
  assert.is(status, 0, stderr);
}

test("print is shown by vc-fee, refused by vc-wc, and nothing unless asked for; a source map gives lines", () => {
  compile("plain.wasm");
  compile("debug.wasm", "--use", "VERACRUZ_DEBUG=1", "--debug", "--sourceMap");
  const { status, stderr } = fee("-p", "debug.wasm", "--source-map", "debug.wasm.map");
  assert.is(status, 4);
  assert.match(stderr, /^grüße$/m);
  assert.match(stderr, /^ {2}at ~lib\/typedarray\.ts:\d+, used near author\.ts:(4|10)$/m);
  const checked = spawnSync(process.execPath, [cli("wasm-checker"), path("debug.wasm")], {
    encoding: "utf8",
  });
  assert.is(checked.status, 13);
  assert.match(checked.stdout, /__veracruz_debug_print/);
  assert.match(checked.stdout, /compile without it \(AssemblyScript: no --use VERACRUZ_DEBUG=1/);
  const plain = spawnSync(process.execPath, [cli("wasm-checker"), path("plain.wasm")], {
    encoding: "utf8",
  });
  assert.is(plain.status, 0, plain.stdout);
  assert.not.match(fee("-p", "plain.wasm").stderr, /grüße/);
});

test("a source map is read as ECMA-426 has it, and what is none is refused", () => {
  // Offsets 4 and 6: line 1 of a, line 3 of b.
  const place = readSourceMap('{"version":3,"sources":["a","b"],"mappings":"IAAA,ECEA"}');
  assert.is(place.placeOf(3), undefined);
  assert.equal(place.placeOf(4), { source: "a", line: 1 });
  assert.equal(place.placeOf(100), { source: "b", line: 3 });
  for (const bad of ["", "{}", '{"version":3,"sources":[],"mappings":"?"}'])
    assert.throws(() => readSourceMap(bad));
  writeFileSync(path("bad.map"), "{}");
  assert.match(
    fee("-p", "shapes.wasm", "--source-map", "bad.map").stderr,
    /source map "bad\.map": expected/,
  );
});

if (!canCompileC) skip(1, "clang or wasm-ld is missing (Debian packages clang and lld)");
else
  test("a trap of a C program names her function, and VC_PRINT prints", () => {
    writeFileSync(
      path("trap.c"),
      '#include "veracruz.h"\nstatic __attribute__((noinline)) int divide(int a, volatile int *b) { return a / *b; }\nint main(void) { volatile int zero = 0; VC_PRINT("before"); return divide(5, &zero); }\n',
    );
    const build = (out: string, ...more: string[]) =>
      writeFileSync(path(out), compileC(path(out), [], [...more, path("trap.c")]));
    // Where npm has put AssemblyScript's wasm-opt on the path, clang runs it by itself, and it drops the names.
    const { PATH = "" } = process.env;
    process.env.PATH = PATH.split(delimiter)
      .filter((each) => !each.endsWith(join("node_modules", ".bin")))
      .join(delimiter);
    try {
      build("trap.wasm");
    } finally {
      process.env.PATH = PATH;
    }
    const plain = fee("-p", "trap.wasm");
    assert.match(plain.stderr, /in function \d+ "divide"/, plain.stderr);
    assert.not.match(plain.stderr, /before/);
    build("trap-debug.wasm", "-DVC_DEBUG");
    assert.match(fee("-p", "trap-debug.wasm").stderr, /^before$/m);
  });

test.run();
