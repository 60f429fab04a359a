// A module as native code behaves as wasm3 has it: values, traps, memory, imports, bridges, calls back; and it is taken
// for no other module.
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { wasmPath } from "../../host/common/paths.js";
import { TrustedModule } from "../../host/isolate/trusted-module.js";
import { chooseHost } from "../../host/translated-module/index.js";
import { Environment, type Module, type Runtime, Trap } from "../../host/wasm3-node/index.js";
import { translate } from "../support/translation.js";
import { assemble as wat } from "../support/wat.js";

const folder = mkdtempSync(join(tmpdir(), "translated-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** The module on both hosts; `link` links its imports. */
async function onBoth(
  bytes: Uint8Array,
  link: (module: Module, runtime: Runtime) => void = () => {},
  options: ConstructorParameters<typeof Runtime>[0] = {},
): Promise<[string, Module, Runtime][]> {
  const { path } = await translate(bytes, { folder });
  return (["wasm3", "c"] as const).map((host) => {
    const runtime = new Environment().newRuntime(options);
    const module = runtime.load(bytes);
    if (host === "c") module.useTranslation(path, sha256(bytes));
    link(module, runtime);
    module.compile();
    return [host, module, runtime];
  });
}

/** What a call gives, a trap as its code. */
function outcome(module: Module, name: string, ...args: (number | bigint)[]) {
  try {
    return module.findFunction(name).call(...args);
  } catch (error) {
    if (error instanceof Trap) return error.code;
    throw error;
  }
}

const everything = wat(`(module
  (import "home" "twice" (func $twice (param i64) (result i64)))
  (import "home" "mix" (func $mix (param i32 f32 f64) (result f64)))
  (import "home" "fail" (func $fail))
  (import "home" "again" (func $again (param i32) (result i32)))
  (memory (export "memory") 1 3)
  (global $count (mut i32) (i32.const 7))
  (table 3 funcref)
  (elem (i32.const 0) $one $wide)
  (type $int (func (result i32)))
  (data (i32.const 100) "data")
  (func $one (result i32) (i32.const 1))
  (func $wide (result i64) (i64.const 1))
  (func (export "twice") (param i64) (result i64) (call $twice (local.get 0)))
  (func (export "mix") (param i32 f32 f64) (result f64)
    (call $mix (local.get 0) (local.get 1) (local.get 2)))
  (func (export "fail") (call $fail))
  (func (export "again") (param i32) (result i32) (call $again (local.get 0)))
  (func (export "count") (result i32)
    (global.set $count (i32.add (global.get $count) (i32.const 1))) (global.get $count))
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
  (func (export "loadFar") (param i32) (result i64) (i64.load offset=4294967288 (local.get 0)))
  (func (export "store") (param i32 i32) (i32.store8 (local.get 0) (local.get 1)))
  (func (export "fill") (param i32 i32) (memory.fill (local.get 0) (i32.const 0) (local.get 1)))
  (func (export "copy") (param i32 i32 i32) (memory.copy (local.get 0) (local.get 1) (local.get 2)))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "size") (result i32) (memory.size))
  (func (export "divide") (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1)))
  (func (export "remainder") (param i32 i32) (result i32) (i32.rem_s (local.get 0) (local.get 1)))
  (func (export "truncate") (param f64) (result i32) (i32.trunc_f64_s (local.get 0)))
  (func (export "indirect") (param i32) (result i32) (call_indirect (type $int) (local.get 0)))
  (func (export "unreachable") unreachable)
  ;; not to be made a loop by a compiler
  (func $deep (export "deep") (param i32) (result i32)
    (if (result i32) (local.get 0)
      (then (i32.add (i32.rotl (call $deep (i32.sub (local.get 0) (i32.const 1))) (i32.const 1))
        (i32.const 1)))
      (else (i32.const 0))))
  (func (export "fused") (param f32 f32 f32) (result f32)
    (f32.add (f32.mul (local.get 0) (local.get 1)) (local.get 2)))
)`);

function link(module: Module): void {
  module.link("home", "twice", "I(I)", (value: bigint) => BigInt.asIntN(64, value * 2n));
  module.link("home", "mix", "F(ifF)", (a: number, b: number, c: number) => a + b * c);
  module.link("home", "fail", "v()", () => {
    throw new Error("not today");
  });
  module.link("home", "again", "i(i)", (depth: number) =>
    depth === 0 ? 0 : 1 + (module.findFunction("again").call(depth - 1) as number),
  );
}

test("each call and each trap is the same on both hosts", async () => {
  const calls: [string, ...(number | bigint)[]][] = [
    ["twice", -(2n ** 63n) + 5n],
    ["mix", -3, 1.5, 0.1],
    ["again", 10],
    ["count"],
    ["count"],
    ["load", 100],
    ["load", 65532],
    ["load", 65533],
    ["load", -1],
    ["loadFar", 0],
    ["loadFar", -1],
    ["store", 65535, 1],
    ["store", 65536, 1],
    ["fill", 65535, 1],
    ["fill", 65536, 0],
    ["fill", 65536, 1],
    ["fill", -1, -1],
    ["copy", 0, 65535, 1],
    ["copy", 0, 65535, 2],
    ["copy", -1, 0, 2],
    ["grow", 1],
    ["size"],
    ["load", 131068],
    ["load", 131069],
    ["grow", -1],
    ["grow", 2],
    ["grow", 1],
    ["grow", 0],
    ["divide", 7, -2],
    ["divide", 7, 0],
    ["divide", -(2 ** 31), -1],
    ["remainder", -(2 ** 31), -1],
    ["remainder", 1, 0],
    ["truncate", -2147483648.9],
    ["truncate", Number.NaN],
    ["truncate", 2147483648],
    ["indirect", 0],
    ["indirect", 1],
    ["unreachable"],
    ["deep", 100],
    // The product's last bits decide, where it is not rounded before the addition.
    ["fused", 1 + 2 ** -12, 1 + 2 ** -12, -1 - 2 ** -11],
  ];
  const hosts = await onBoth(everything, link, { memoryLimit: 3 * 65536 });
  const [expected, actual] = hosts.map(([, module]) =>
    calls.map(([name, ...args]) => [name, ...args, outcome(module, name, ...args)]),
  );
  assert.equal(actual, expected);
  for (const [host, module] of hosts) {
    // wasm3 names these two apart.
    assert.ok(
      ["uninitialized-element", "indirect-call-type-mismatch"].includes(
        String(outcome(module, "indirect", 2)),
      ),
      host,
    );
    let thrown: unknown;
    try {
      module.findFunction("fail").call();
    } catch (error) {
      thrown = error;
    }
    assert.is((thrown as Trap).code, "host", host);
    assert.match((thrown as Trap).message, /not today/, host);
    // After a trap the next call is whole.
    assert.is(outcome(module, "deep", 10), 1023, host);
  }
});

test("recursion without end is a trap, whatever called it, and the process lives", async () => {
  for (const nativeStackLimit of [64 * 1024, 768 * 1024]) {
    for (const [host, module] of await onBoth(everything, link, { nativeStackLimit })) {
      assert.is(outcome(module, "deep", 2 ** 31), "stack-overflow", host);
      assert.is(outcome(module, "deep", 20), 2 ** 20 - 1, host);
    }
  }
});

test("memory is the home's: read, written, copied from outside; views go when it grows", async () => {
  for (const [host, module, runtime] of await onBoth(everything, link)) {
    assert.is(Buffer.from(runtime.memory.read(100, 4)).toString(), "data", host);
    runtime.memory.write(200, new Uint8Array([1, 2, 3, 4]));
    assert.is(outcome(module, "load", 200), 0x04030201, host);
    const view = runtime.memory.view();
    assert.is(outcome(module, "grow", 1), 1, host);
    assert.is(view.length, 0, host);
    assert.is(runtime.memory.byteLength, 131072, host);
    runtime.free();
    assert.throws(() => module.findFunction("count").call(), /freed/);
  }
});

test("a program of another runtime reaches it through a bridge, and its trap is the cause", async () => {
  const program = wat(`(module
    (import "env" "f" (func $f (param i32) (result i32)))
    (func (export "run") (param i32) (result i32) (call $f (local.get 0))))`);
  for (const [host, module] of await onBoth(everything, link)) {
    const from = new Environment().newRuntime().load(program);
    from.bridge("env", "f", module.findFunction("divide"), { leading: [100] });
    assert.is(outcome(from, "run", 7), 14, host);
    let cause: unknown;
    try {
      from.findFunction("run").call(0);
    } catch (error) {
      cause = (error as Trap).cause;
    }
    assert.is((cause as Trap).code, "division-by-zero", host);
  }
});

test("the translation of another module, none, and a module with a global are refused", async () => {
  const { path } = await translate(everything, { folder });
  const other = wat(`(module (memory (export "memory") 1) (func (export "f")))`);
  const load = (bytes: Uint8Array) => new Environment().newRuntime().load(bytes);
  assert.throws(() => load(other).useTranslation(path, sha256(other)), /another module's/);
  assert.throws(() => load(other).useTranslation(path, sha256(everything)), /does not/);
  assert.throws(() => load(everything).useTranslation("/nowhere", sha256(everything)), /nowhere/);
  const global = wat(
    `(module (memory (export "memory") 1) (global (export "g") i32 (i32.const 1)))`,
  );
  assert.throws(() => load(global).useTranslation(path, sha256(global)), /exports a global/);
  const module = load(everything);
  link(module);
  module.compile();
  assert.throws(() => module.useTranslation(path, sha256(everything)), /between load and compile/);
  assert.throws(() => chooseHost(load(other), other, "c"), /no native code for the module/);
  const memoryless = wat(`(module (func (export "f")))`);
  const refused = await translate(memoryless, { folder }).then(
    () => "",
    (error: Error) => error.message,
  );
  assert.match(refused, /exports its memory/);
});

test("the same bytes come out in another folder, and again", async () => {
  const made: Buffer[] = [];
  for (const name of ["one", "another, with a longer name"]) {
    mkdirSync(join(folder, name));
    const { path } = await translate(everything, { folder: join(folder, name), force: true });
    made.push(readFileSync(path));
  }
  assert.ok(made[0]?.equals(made[1] as Buffer));
});

test("the trusted runtime is hosted as native code unless wasm3 is asked for", () => {
  const bytes = readFileSync(wasmPath("runtime"));
  for (const host of ["c", "wasm3"] as const) {
    const module = new TrustedModule(bytes, { host });
    assert.is(module.host, host);
    module.free();
  }
  const byDefault = new TrustedModule(bytes);
  assert.is(byDefault.host, process.env.VERACRUZ_HOST === "wasm3" ? "wasm3" : "c");
  byDefault.free();
});

test.run();
