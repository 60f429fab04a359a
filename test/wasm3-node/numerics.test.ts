// Every numeric instruction of wasm3 and of wasm2c's compiled C on edge values, in each form that the interpreter has for its
// operands, compared with Node's own WebAssembly bit by bit (for NaN, bit by bit where the specification fixes the bits).
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Environment, type Module, Trap } from "../../host/wasm3-node/index.js";
import { translate } from "../support/translation.js";
import { assemble } from "../support/wat.js";

type Type = "i32" | "i64" | "f32" | "f64";

const unary: [string, Type, Type][] = [];
const binary: [string, Type, Type][] = [];
for (const type of ["i32", "i64"] as const) {
  for (const name of ["clz", "ctz", "popcnt", "extend8_s", "extend16_s"])
    unary.push([`${type}.${name}`, type, type]);
  unary.push([`${type}.eqz`, type, "i32"]);
  for (const name of [
    "add",
    "sub",
    "mul",
    "and",
    "or",
    "xor",
    "shl",
    "shr_s",
    "shr_u",
    "rotl",
    "rotr",
  ])
    binary.push([`${type}.${name}`, type, type]);
  for (const name of ["div_s", "div_u", "rem_s", "rem_u"])
    binary.push([`${type}.${name}`, type, type]);
  for (const name of ["eq", "ne", "lt_s", "lt_u", "gt_s", "gt_u", "le_s", "le_u", "ge_s", "ge_u"])
    binary.push([`${type}.${name}`, type, "i32"]);
  for (const from of ["f32", "f64"] as const)
    for (const sign of ["s", "u"]) {
      unary.push([`${type}.trunc_${from}_${sign}`, from, type]);
      unary.push([`${type}.trunc_sat_${from}_${sign}`, from, type]);
      unary.push([`${from}.convert_${type}_${sign}`, type, from]);
    }
}
unary.push(["i64.extend32_s", "i64", "i64"], ["i32.wrap_i64", "i64", "i32"]);
unary.push(["i64.extend_i32_s", "i32", "i64"], ["i64.extend_i32_u", "i32", "i64"]);
unary.push(["f32.demote_f64", "f64", "f32"], ["f64.promote_f32", "f32", "f64"]);
for (const type of ["f32", "f64"] as const) {
  for (const name of ["abs", "neg", "ceil", "floor", "trunc", "nearest", "sqrt"])
    unary.push([`${type}.${name}`, type, type]);
  for (const name of ["add", "sub", "mul", "div", "min", "max", "copysign"])
    binary.push([`${type}.${name}`, type, type]);
  for (const name of ["eq", "ne", "lt", "gt", "le", "ge"])
    binary.push([`${type}.${name}`, type, "i32"]);
}

/** The specification gives the result's bits, NaN or not. */
const exact = (name: string) =>
  !/^f|\.convert|\.demote|\.promote/.test(name) || /neg|abs|copysign/.test(name);

const edges: Record<Type, bigint[]> = {
  i32: [
    0, 1, 2, 7, 31, 32, 33, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0x12345678, 0x7fffffff, 0x80000000,
  ]
    .flatMap((n) => [n, -n])
    .map((n) => BigInt.asUintN(32, BigInt(n))),
  i64: [0n, 1n, 63n, 64n, 0x80n, 0x8000n, 0x7fffffffn, 0x80000000n, 0xffffffffn, 0x123456789abcdefn]
    .concat([2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n, 2n ** 63n])
    .flatMap((n) => [n, -n])
    .map((n) => BigInt.asUintN(64, n)),
  f32: floatEdges((value) => {
    const view = new DataView(new ArrayBuffer(4));
    view.setFloat32(0, value);
    return BigInt(view.getUint32(0));
  }).concat([0x7fc00000n, 0x7fa00000n, 0xffa12345n, 0xffffffffn, 0x00000001n, 0x807fffffn]),
  f64: floatEdges((value) => {
    const view = new DataView(new ArrayBuffer(8));
    view.setFloat64(0, value);
    return view.getBigUint64(0);
  }).concat([
    0x7ff8000000000000n,
    0x7ff4000000000001n,
    0xfff4123456789abcn,
    1n,
    0x800fffffffffffffn,
  ]),
};

function floatEdges(bits: (value: number) => bigint): bigint[] {
  const numbers = [
    0,
    0.5,
    1,
    1.5,
    2.5,
    0.1,
    255.75,
    2 ** 24 + 1,
    2 ** 31,
    2 ** 32,
    2 ** 53,
    2 ** 63,
    2 ** 64,
  ];
  const near = [
    2147483647.5,
    2147483520,
    4294967295.5,
    2 ** 63 - 2 ** 39,
    1e30,
    1e308,
    1e-40,
    5e-324,
  ];
  return [...numbers, ...near, Number.POSITIVE_INFINITY].flatMap((n) => [bits(n), bits(-n)]);
}

const bitsType = (type: Type): Type => (type === "f32" ? "i32" : type === "f64" ? "i64" : type);
const fromBits = (type: Type, code: string) =>
  type.startsWith("f") ? `(${type}.reinterpret_${bitsType(type)} ${code})` : code;
const toBits = (type: Type, code: string) =>
  type.startsWith("f") ? `(${bitsType(type)}.reinterpret_${type} ${code})` : code;

/**
 * All forms of one instruction as functions of the operands' bits: each operand fresh in the register or in a local; the
 * result as it is, or by way of a local, a global, memory, select, a block and a call.
 */
function forms(name: string, from: Type, to: Type, operands: 1 | 2): string {
  const fresh = (i: number) => fromBits(from, `(local.get ${i})`);
  const local = (i: number) => `(local.get $operand${i})`;
  const kept = Array.from({ length: operands }, (_, i) => `(local.set $operand${i} ${fresh(i)})`);
  const values =
    operands === 1
      ? [`(${name} ${fresh(0)})`, `(${name} ${local(0)})`]
      : [
          `(${name} ${fresh(0)} ${fresh(1)})`,
          `(${name} ${local(0)} ${local(1)})`,
          `(${name} ${fresh(0)} ${local(1)})`,
          `(${name} ${local(0)} ${fresh(1)})`,
        ];
  const [inRegister, ofLocals] = values as [string, string];
  // what comes before, and the value
  const ways: [string, string][] = [
    ...values.map((value): [string, string] => ["", value]),
    [`(local.set $result ${inRegister})`, "(local.get $result)"],
    [`(global.set $g_${to} ${ofLocals})`, `(global.get $g_${to})`],
    [`(${to}.store (i32.const 8) ${inRegister})`, `(${to}.load (i32.const 8))`],
    [
      `(local.set $result ${ofLocals}) (${to}.store (i32.const 8) (local.get $result))`,
      `(${to}.load (i32.const 8))`,
    ],
    ["", `(select ${inRegister} (${to}.const 1) (i32.const 1))`],
    ["", `(select (${to}.const 1) ${ofLocals} (local.get $zero))`],
    ["", `(block (result ${to}) (br_if 0 ${inRegister} (i32.const 1)))`],
    [
      "",
      `(if (result ${to}) (i32.eqz (local.get $zero)) (then ${ofLocals}) (else (${to}.const 1)))`,
    ],
    ["", `(call $same_${to} ${inRegister})`],
  ];
  const bits = bitsType(from);
  return ways
    .map(
      (
        [before, value],
        i,
      ) => `(func (export "${name} ${i}") (param ${`${bits} `.repeat(operands)}) (result ${bitsType(to)})
      ${kept.map((_, operand) => `(local $operand${operand} ${from})`).join(" ")}
      (local $result ${to}) (local $zero i32)
      ${kept.join(" ")} ${before} ${toBits(to, value)})`,
    )
    .join("\n");
}

const types: Type[] = ["i32", "i64", "f32", "f64"];
const bytes = assemble(`(module (memory (export "memory") 1)
  ${types.map((type) => `(global $g_${type} (mut ${type}) (${type}.const 0))`).join("\n")}
  ${types.map((type) => `(func $same_${type} (param ${type}) (result ${type}) (local.get 0))`).join("\n")}
  ${unary.map(([name, from, to]) => forms(name, from, to, 1)).join("\n")}
  ${binary.map(([name, from, to]) => forms(name, from, to, 2)).join("\n")})`);
const v8 = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
const folder = mkdtempSync(join(tmpdir(), "numerics-"));
const { path } = await translate(bytes, { folder });
const homes = (["wasm3", "wasm2c"] as const).map((home): [string, Module] => {
  const module = new Environment().newRuntime().load(bytes);
  if (home === "wasm2c") {
    module.useTranslation(path, createHash("sha256").update(bytes).digest("hex"));
    module.compile();
  }
  return [home, module];
});
rmSync(folder, { recursive: true });
const exported = Object.keys(v8);

const isNaNBits = (type: Type, bits: bigint) =>
  type === "f32"
    ? (bits & 0x7fffffffn) > 0x7f800000n
    : type === "f64" && (bits & (2n ** 63n - 1n)) > 0x7ff0000000000000n;

/** What a call answers: the result's bits, or `undefined` for a trap. */
function answer(type: Type, run: () => number | bigint | undefined): bigint | undefined {
  try {
    return BigInt.asUintN(type === "i32" || type === "f32" ? 32 : 64, BigInt(run() ?? 0));
  } catch (error) {
    if (error instanceof Trap || error instanceof WebAssembly.RuntimeError) return undefined;
    throw error;
  }
}

function compare(name: string, from: Type, to: Type, operands: 1 | 2): void {
  const narrow = bitsType(from) === "i32";
  const argument = (bits: bigint) =>
    narrow ? Number(BigInt.asIntN(32, bits)) : BigInt.asIntN(64, bits);
  // pairs by a stride that meets every value on both sides
  const list = edges[from];
  const inputs =
    operands === 1
      ? list.map((bits) => [bits])
      : list.flatMap((a, i) => list.flatMap((b, j) => ((i * 7 + j) % 3 === 0 ? [[a, b]] : [])));
  const ways = exported.filter((each) => each.startsWith(`${name} `));
  assert.ok(ways.length > 10, name);
  for (const way of ways) {
    const theirs = v8[way] as (...args: (number | bigint)[]) => number | bigint;
    const ours = homes.map(([home, module]) => ({ home, run: module.findFunction(way) }));
    for (const input of inputs) {
      const args = input.map(argument);
      const expected = answer(to, () => theirs(...args));
      for (const { home, run } of ours) {
        const got = answer(to, () => run.call(...args));
        const bothNaN =
          !exact(name) &&
          expected !== undefined &&
          got !== undefined &&
          isNaNBits(to, expected) &&
          isNaNBits(to, got);
        if (got !== expected && !bothNaN)
          assert.unreachable(
            `${home}: ${name}, form ${way}, of ${input.map((bits) => `0x${bits.toString(16)}`)}: 0x${got?.toString(16)}, not 0x${expected?.toString(16)}`,
          );
      }
    }
  }
}

for (const [name, from, to] of unary) test(name, () => compare(name, from, to, 1));
for (const [name, from, to] of binary) test(name, () => compare(name, from, to, 2));

test("loads, stores, moves and reinterpretations keep every bit of a float", () => {
  const bytes =
    assemble(`(module (memory 1) (global $f (mut f32) (f32.const 0)) (global $d (mut f64) (f64.const 0))
    (func $same32 (param f32) (result f32) (local.get 0)) (func $same64 (param f64) (result f64) (local.get 0))
    (func (export "f32") (param i32) (result i32) (local f32 f32)
      (i32.store (i32.const 0) (local.get 0))
      (local.set 1 (f32.load (i32.const 0)))
      (global.set $f (call $same32 (select (local.get 1) (f32.const 1) (i32.const 1))))
      (f32.store (i32.const 4) (global.get $f))
      (local.set 2 (f32.reinterpret_i32 (i32.load (i32.const 4))))
      (i32.reinterpret_f32 (block (result f32) (br 0 (local.get 2)))))
    (func (export "f64") (param i64) (result i64) (local f64 f64)
      (i64.store (i32.const 0) (local.get 0))
      (local.set 1 (f64.load (i32.const 0)))
      (global.set $d (call $same64 (select (local.get 1) (f64.const 1) (i32.const 1))))
      (f64.store (i32.const 8) (global.get $d))
      (local.set 2 (f64.reinterpret_i64 (i64.load (i32.const 8))))
      (i64.reinterpret_f64 (block (result f64) (br 0 (local.get 2))))))`);
  const runtime = new Environment().newRuntime();
  const module = runtime.load(bytes);
  for (const bits of edges.f32) {
    const i32 = Number(BigInt.asIntN(32, bits));
    assert.is(module.findFunction("f32").call(i32), i32, bits.toString(16));
  }
  for (const bits of edges.f64) {
    const i64 = BigInt.asIntN(64, bits);
    assert.is(module.findFunction("f64").call(i64), i64, bits.toString(16));
  }
});

test.run();
