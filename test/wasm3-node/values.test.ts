// Values of every type in both directions, globals, and what a module tells of itself.
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  Environment,
  LinkError,
  LoadError,
  parseFunctionType,
} from "../../host/wasm3-node/index.js";
import { assemble } from "../support/wat.js";
import { assertThrows, call, loadText } from "./support.js";

const identities = `(module
  (func (export "i32") (param i32) (result i32) local.get 0)
  (func (export "i64") (param i64) (result i64) local.get 0)
  (func (export "f32") (param f32) (result f32) local.get 0)
  (func (export "f64") (param f64) (result f64) local.get 0)
  (func (export "none"))
  (func (export "mixed") (param i32 i64 f32 f64) (result f64)
    (f64.add (f64.convert_i32_s (local.get 0))
      (f64.add (f64.convert_i64_s (local.get 1))
        (f64.add (f64.promote_f32 (local.get 2)) (local.get 3))))))`;

test("i32 is a signed number; both ranges are taken", () => {
  const { module } = loadText(identities);
  for (const [given, expected] of [
    [0, 0],
    [-1, -1],
    [2 ** 31 - 1, 2 ** 31 - 1],
    [-(2 ** 31), -(2 ** 31)],
    [2 ** 31, -(2 ** 31)],
    [2 ** 32 - 1, -1],
    [-0, 0],
  ] as const)
    assert.is(call(module, "i32", given), expected);
});

test("i64 is a signed bigint", () => {
  const { module } = loadText(identities);
  for (const [given, expected] of [
    [0n, 0n],
    [-1n, -1n],
    [2n ** 63n - 1n, 2n ** 63n - 1n],
    [-(2n ** 63n), -(2n ** 63n)],
    [2n ** 63n, -(2n ** 63n)],
    [2n ** 64n - 1n, -1n],
  ] as const)
    assert.is(call(module, "i64", given), expected);
});

test("floats keep infinities, NaN, the sign of zero, and the precision of their type", () => {
  const { module } = loadText(identities);
  for (const value of [
    0,
    -0,
    1.5,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    Number.NaN,
  ]) {
    assert.ok(Object.is(call(module, "f32", value), value));
    assert.ok(Object.is(call(module, "f64", value), value));
  }
  assert.is(call(module, "f64", 0.1), 0.1);
  assert.is(call(module, "f32", 0.1), Math.fround(0.1));
  assert.is(call(module, "f64", Number.MIN_VALUE), Number.MIN_VALUE);
  assert.is(call(module, "f32", 1e300), Number.POSITIVE_INFINITY);
});

test("a function without result returns undefined; mixed types keep their places", () => {
  const { module } = loadText(identities);
  assert.is(call(module, "none"), undefined);
  assert.is(call(module, "mixed", -1, 10n, 0.5, 0.25), 9.75);
});

test("wrong arguments are TypeErrors that say what was expected", () => {
  const { module } = loadText(identities);
  const i32 = module.findFunction("i32");
  const i64 = module.findFunction("i64");
  const f64 = module.findFunction("f64");
  const bad = (value: unknown) => value as number;
  for (const value of [
    1.5,
    2 ** 32,
    -(2 ** 31) - 1,
    Number.NaN,
    1n,
    "1",
    undefined,
    null,
    {},
    true,
  ])
    assertThrows(TypeError, /expected a whole number .* for an i32/, () => i32.call(bad(value)));
  for (const value of [1, 2n ** 64n, -(2n ** 63n) - 1n, "1", undefined])
    assertThrows(TypeError, /expected a bigint .* for an i64/, () => i64.call(bad(value)));
  for (const value of [1n, "1", undefined, {}])
    assertThrows(TypeError, /expected a number for an f64, got/, () => f64.call(bad(value)));
  assertThrows(TypeError, /got a number outside that range$/, () => i32.call(2 ** 32));
  assertThrows(TypeError, /got a bigint$/, () => i32.call(1n));
  assertThrows(TypeError, /got a number$/, () => i64.call(1));
  assertThrows(TypeError, /expected 1 argument, got 0/, () => i32.call());
  assertThrows(TypeError, /expected 1 argument, got 2/, () => i32.call(1, 2));
  assertThrows(TypeError, /too many arguments/, () => i32.call(...Array(2000).fill(1)));
  assert.is(i32.call(7), 7, "the runtime is as usable as before");
});

test("a function of many parameters", () => {
  const { module } = loadText(
    `(module (func (export "sum") ${"(param i32)".repeat(40)} (result i32)
      local.get 0 ${Array.from({ length: 39 }, (_, i) => `local.get ${i + 1} i32.add`).join(" ")}))`,
  );
  assert.is(call(module, "sum", ...Array.from({ length: 40 }, (_, i) => i)), 780);
});

test("several results come as an array", () => {
  const { module } = loadText(
    `(module (func (export "two") (param i32 i64) (result i64 i32) local.get 1 local.get 0))`,
  );
  assert.equal(call(module, "two", 1, 2n), [2n, 1]);
});

test("exported globals are read and, where mutable, written", () => {
  const { module } = loadText(`(module
    (global (export "count") (mut i32) (i32.const -7))
    (global (export "big") (mut i64) (i64.const 0x7fffffffffffffff))
    (global (export "half") f32 (f32.const 0.5))
    (global (export "pi") (mut f64) (f64.const 3.25))
    (func (export "bump") (global.set 0 (i32.add (global.get 0) (i32.const 1)))))`);
  assert.is(module.getGlobal("count"), -7);
  assert.is(module.getGlobal("big"), 2n ** 63n - 1n);
  assert.is(module.getGlobal("half"), 0.5);
  call(module, "bump");
  assert.is(module.getGlobal("count"), -6);
  module.setGlobal("count", 41);
  call(module, "bump");
  assert.is(module.getGlobal("count"), 42);
  module.setGlobal("pi", -0);
  assert.ok(Object.is(module.getGlobal("pi"), -0));
  assert.throws(() => module.setGlobal("half", 1), /immutable/);
  assertThrows(TypeError, /for an i32/, () => module.setGlobal("count", 1n));
  assertThrows(LinkError, /does not export a global none/, () => module.getGlobal("none"));
});

test("imports and exports are listed with kinds and types", () => {
  const { module } = loadText(`(module
    (import "env" "f" (func (param i32 i64) (result f32)))
    (import "other" "g" (func))
    (memory (export "memory") 1) (table (export "table") 1 funcref)
    (global (export "g") i32 (i32.const 0))
    (export "again" (func 0))
    (func (export "main") (param f64) (result i64) i64.const 0))`);
  assert.equal(module.imports, [
    {
      module: "env",
      name: "f",
      kind: "function",
      type: { params: ["i32", "i64"], results: ["f32"] },
    },
    { module: "other", name: "g", kind: "function", type: { params: [], results: [] } },
  ]);
  assert.equal(
    module.exports.map(({ name, kind }) => [name, kind]),
    [
      ["memory", "memory"],
      ["table", "table"],
      ["g", "global"],
      ["again", "function"],
      ["main", "function"],
    ],
  );
  assert.equal(module.exports[4]?.type, { params: ["f64"], results: ["i64"] });
});

test("more names for one function than wasm3 keeps, and names with a zero in them, are found", () => {
  const { module } = loadText(`(module
    (func (export "a") (export "b") (export "c") (export "d") (export "a\\00b") (result i32) i32.const 1)
    (func (export "a\\00c") (result i32) i32.const 2))`);
  for (const name of ["a", "b", "c", "d", "a\0b"]) assert.is(call(module, name), 1, name);
  assert.is(call(module, "a\0c"), 2);
  assertThrows(LinkError, /test does not export a function e/, () => module.findFunction("e"));
});

test("a start function runs once, before the first call", () => {
  const { module } = loadText(`(module (global (export "g") (mut i32) (i32.const 0))
    (func $start (global.set 0 (i32.add (global.get 0) (i32.const 1)))) (start $start)
    (func (export "get") (result i32) global.get 0))`);
  assert.is(module.getGlobal("g"), 0);
  assert.is(call(module, "get"), 1);
  assert.is(call(module, "get"), 1);
});

test("after a start function that trapped, nothing can be called", () => {
  const { module } = loadText(`(module (func $start unreachable) (start $start)
    (func (export "get") (result i32) i32.const 1))`);
  assert.throws(() => call(module, "get"), /unreachable/);
  assert.throws(() => call(module, "get"), /start function has failed/);
});

test("what is no module, or not one for wasm3, is refused with the reason", () => {
  const loadBytes = (bytes: Uint8Array) => new Environment().newRuntime().load(bytes);
  const refused = (bytes: Uint8Array, reason: RegExp) =>
    assertThrows(LoadError, reason, () => loadBytes(bytes));
  const good = assemble(`(module (func (export "f") (result i32) i32.const 1))`);
  refused(new Uint8Array(0), /not a WebAssembly module/);
  refused(new Uint8Array([0, 0x61, 0x73, 0x6d, 2, 0, 0, 0]), /not a WebAssembly module/);
  for (let length = 9; length < good.length; length++) {
    // cut off between two sections, it is a shorter but whole module: sections that belong together are missing
    try {
      loadBytes(good.subarray(0, length)).compile();
    } catch (error) {
      assert.ok(error instanceof Error, String(error));
    }
  }
  refused(assemble(`(module (import "env" "m" (memory 1)))`), /imports the memory env\.m/);
  refused(assemble(`(module (import "env" "t" (table 1 funcref)))`), /imports the table env\.t/);
  refused(assemble(`(module (import "env" "g" (global i32)))`), /imports the global env\.g/);
  assertThrows(TypeError, /must be a Uint8Array/, () => loadBytes("x" as unknown as Uint8Array));
});

test("a runtime takes one module", () => {
  const { runtime, module } = loadText(`(module (func (export "f") (result i32) i32.const 5))`);
  assertThrows(LoadError, /.*has been given a module/, () => runtime.load(assemble("(module)")));
  assert.is(call(module, "f"), 5);
});

test("the notation of function types", () => {
  assert.equal(parseFunctionType("i(iIfF)"), {
    params: ["i32", "i64", "f32", "f64"],
    results: ["i32"],
  });
  assert.equal(parseFunctionType("v()"), { params: [], results: [] });
  assert.equal(parseFunctionType("v(v)"), { params: [], results: [] });
  for (const bad of ["", "i", "(i", "i)i(", "x(i)", "i(*)", "ivi()"])
    assertThrows(TypeError, /malformed function type/, () => parseFunctionType(bad));
});

test.run();
