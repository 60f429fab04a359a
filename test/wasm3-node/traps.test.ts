// Each trap by its name, with its backtrace, and a runtime that goes on afterwards.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { TrapCode } from "../../host/wasm3-node/index.js";
import { assemble } from "../support/wat.js";
import { assertTrap, call, loadText } from "./support.js";

const module32 = `(module (memory 1) (table 4 funcref) (type $v (func)) (type $i (func (result i32)))
  (elem (i32.const 0) $one $none)
  (func $one (result i32) i32.const 1) (func $none)
  (func (export "alive") (result i32) i32.const 42)
  (func (export "unreachable") unreachable)
  (func (export "load") (param i32) (result i32) (i32.load offset=4 (local.get 0)))
  (func (export "load8") (param i32) (result i32) (i32.load8_u (local.get 0)))
  (func (export "store64") (param i32) (i64.store (local.get 0) (i64.const 1)))
  (func (export "farLoad") (param i32) (result i32) (i32.load offset=0xffffffff (local.get 0)))
  (func (export "fill") (param i32 i32) (memory.fill (local.get 0) (i32.const 1) (local.get 1)))
  (func (export "copy") (param i32 i32 i32) (memory.copy (local.get 0) (local.get 1) (local.get 2)))
  (func (export "div_s") (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1)))
  (func (export "div_u") (param i32 i32) (result i32) (i32.div_u (local.get 0) (local.get 1)))
  (func (export "rem_s") (param i32 i32) (result i32) (i32.rem_s (local.get 0) (local.get 1)))
  (func (export "rem_u") (param i32 i32) (result i32) (i32.rem_u (local.get 0) (local.get 1)))
  (func (export "div_s64") (param i64 i64) (result i64) (i64.div_s (local.get 0) (local.get 1)))
  (func (export "rem_s64") (param i64 i64) (result i64) (i64.rem_s (local.get 0) (local.get 1)))
  (func (export "trunc32") (param f64) (result i32) (i32.trunc_f64_s (local.get 0)))
  (func (export "trunc32u") (param f64) (result i32) (i32.trunc_f64_u (local.get 0)))
  (func (export "trunc32f") (param f32) (result i32) (i32.trunc_f32_s (local.get 0)))
  (func (export "trunc64") (param f64) (result i64) (i64.trunc_f64_s (local.get 0)))
  (func (export "trunc64u") (param f32) (result i64) (i64.trunc_f32_u (local.get 0)))
  (func (export "sat32") (param f64) (result i32) (i32.trunc_sat_f64_s (local.get 0)))
  (func (export "indirect") (param i32) (result i32) (call_indirect (type $i) (local.get 0)))
  (func $deep (export "deep") (result i32) (i32.add (call $deep) (i32.const 1))))`;

const cases: [TrapCode, string, ...(number | bigint)[]][] = [
  ["unreachable", "unreachable"],
  ["out-of-bounds-memory", "load", 65536 - 7],
  ["out-of-bounds-memory", "load", -1],
  ["out-of-bounds-memory", "load8", 65536],
  ["out-of-bounds-memory", "store64", 65536 - 7],
  ["out-of-bounds-memory", "farLoad", 0],
  ["out-of-bounds-memory", "farLoad", -1],
  ["out-of-bounds-memory", "fill", 65536, 1],
  ["out-of-bounds-memory", "fill", 0, -1],
  ["out-of-bounds-memory", "fill", -1, 2],
  ["out-of-bounds-memory", "copy", 0, -1, 2],
  ["out-of-bounds-memory", "copy", -1, 0, 2],
  ["out-of-bounds-memory", "copy", 1, 0, 65536],
  ["division-by-zero", "div_s", 1, 0],
  ["division-by-zero", "div_u", 1, 0],
  ["division-by-zero", "rem_s", 1, 0],
  ["division-by-zero", "rem_u", 1, 0],
  ["division-by-zero", "div_s64", 1n, 0n],
  ["division-by-zero", "rem_s64", 1n, 0n],
  ["integer-overflow", "div_s", -(2 ** 31), -1],
  ["integer-overflow", "div_s64", -(2n ** 63n), -1n],
  ["integer-overflow", "trunc32", 2 ** 31],
  ["integer-overflow", "trunc32", -(2 ** 31) - 1],
  ["integer-overflow", "trunc32u", -1],
  ["integer-overflow", "trunc32u", 2 ** 32],
  ["integer-overflow", "trunc32f", 2 ** 31],
  ["integer-overflow", "trunc64", 2 ** 63],
  ["integer-overflow", "trunc64u", 2 ** 64],
  ["integer-overflow", "trunc64", Number.NEGATIVE_INFINITY],
  ["invalid-conversion", "trunc32", Number.NaN],
  ["invalid-conversion", "trunc64u", Number.NaN],
  ["indirect-call-type-mismatch", "indirect", 1],
  ["uninitialized-element", "indirect", 2],
  ["undefined-element", "indirect", 4],
  ["undefined-element", "indirect", -1],
  ["stack-overflow", "deep"],
];

for (const [code, name, ...args] of cases)
  test(`${name}(${args.join(", ")}) traps: ${code}`, () => {
    const { module } = loadText(module32);
    assertTrap(code, () => call(module, name, ...args));
    assert.is(call(module, "alive"), 42);
  });

test("right at the bounds nothing traps", () => {
  const { module } = loadText(module32);
  assert.is(call(module, "load", 65536 - 8), 0);
  assert.is(call(module, "fill", 65536, 0), undefined);
  assert.is(call(module, "copy", 65535, 65535, 1), undefined);
  assert.is(call(module, "trunc32", -(2 ** 31) - 0.9), -(2 ** 31));
  assert.is(call(module, "trunc32", 2 ** 31 - 0.1), 2 ** 31 - 1);
  assert.is(call(module, "trunc32u", 2 ** 32 - 0.1), -1);
  assert.is(call(module, "trunc32u", -0.9), 0);
  assert.is(call(module, "trunc32f", -(2 ** 31)), -(2 ** 31));
  assert.is(call(module, "trunc64", -(2 ** 63)), -(2n ** 63n));
  assert.is(call(module, "rem_s", -(2 ** 31), -1), 0);
  assert.is(call(module, "rem_s64", -(2n ** 63n), -1n), 0n);
  assert.is(call(module, "sat32", Number.NaN), 0);
  assert.is(call(module, "sat32", 1e10), 2 ** 31 - 1);
  assert.is(call(module, "sat32", -1e10), -(2 ** 31));
  assert.is(call(module, "indirect", 0), 1);
});

test("the backtrace names functions, indices and offsets, innermost first", () => {
  const text = `(module (import "env" "f" (func $f))
    (func $inner (param i32) (i32.div_s (i32.const 1) (local.get 0)) drop)
    (func $middle (loop (call $inner (i32.const 0))))
    (func (export "outer") (call $middle)))`;
  const { module } = loadText(text);
  module.link("env", "f", "v()", () => {});
  const trap = assertTrap("division-by-zero", () => call(module, "outer"));
  assert.equal(
    trap.backtrace.map((frame) => frame.index),
    [1, 2, 3],
  );
  assert.is(trap.backtrace[2]?.function, "outer");
  const bytes = assemble(text);
  const opcodes = trap.backtrace.map((frame) => bytes[frame.offset ?? -1]);
  // the division (i32.div_s), and the two calls
  assert.equal(opcodes, [0x6d, 0x10, 0x10]);
  assert.match(trap.message, /integer divide by zero/);
});

test("a stack overflow keeps the 64 innermost frames", () => {
  const { module } = loadText(module32);
  const trap = assertTrap("stack-overflow", () => call(module, "deep"));
  assert.is(trap.backtrace.length, 64);
  assert.is(new Set(trap.backtrace.map((frame) => frame.index)).size, 1);
  const one = assertTrap("unreachable", () => call(module, "unreachable"));
  assert.is(one.backtrace.length, 1, "the next trap has its own backtrace");
});

test("no frame of an import has an offset", () => {
  const { module } = loadText(`(module (import "env" "f" (func $f)) (func (export "g") call $f))`);
  module.link("env", "f", "v()", () => {
    throw new Error("no");
  });
  const trap = assertTrap("host", () => call(module, "g"));
  assert.equal(
    trap.backtrace.map((frame) => [frame.function, frame.index, frame.offset !== undefined]),
    [
      ["f", 0, false],
      ["g", 1, true],
    ],
  );
});

test.run();
