// What stands in two languages says the same in both.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import * as codes from "../../assembly/wasm-checker/refusals.js";
import { projectRoot } from "../../host/common/paths.js";
import { Checker, limitNames, reportNames } from "../../host/wasm-checker/checker.js";
import { explain, refusalKind, refusalKinds } from "../../host/wasm-checker/explain.js";
import { type RefusalName, refusalCode, refusals } from "../../host/wasm-checker/refusals.js";
import { importFunction, program } from "./bytes.js";

const source = (file: string): string =>
  readFileSync(join(projectRoot, "assembly", "wasm-checker", file), "utf8");

/** Names of the fields of a class, in their order. */
const fields = (text: string): string[] =>
  [...text.matchAll(/^ {2}(\w+): u32 = /gm)].map(([, name]) => name as string);

// Tools depend on the numbers: a new refusal goes to the end of its hundred.
test("refusals are numbered by kind, without a gap", () => {
  const numbers = Object.values(codes)
    .filter((code) => code !== codes.ACCEPTED)
    .sort((a, b) => a - b);
  for (const [index, kind] of refusalKinds.entries()) {
    const first = 100 * (index + 1);
    const own = numbers.filter((code) => refusalKind(code) === kind);
    assert.equal(
      own,
      own.map((_, place) => first + place),
      kind,
    );
    assert.ok(own.length > 10, kind);
  }
});

test("fields of limits and report", () => {
  assert.equal(fields(source("limits.ts")), [...limitNames]);
  assert.equal(fields(source("report.ts")), [...reportNames]);
});

/** Instructions of the core specification's appendix A.7, in the order of their opcodes from the first one on. */
const INSTRUCTIONS: readonly (readonly [first: number, names: string])[] = [
  [0x00, "unreachable nop block loop if else"],
  [0x0b, "end br br_if br_table return call call_indirect return_call return_call_indirect"],
  [0x14, "call_ref return_call_ref"],
  [0x1a, "drop select select_typed"],
  [0x1f, "try_table local.get local.set local.tee global.get global.set table.get table.set"],
  [0x28, "i32.load i64.load f32.load f64.load i32.load8_s i32.load8_u i32.load16_s i32.load16_u"],
  [0x30, "i64.load8_s i64.load8_u i64.load16_s i64.load16_u i64.load32_s i64.load32_u"],
  [0x36, "i32.store i64.store f32.store f64.store i32.store8 i32.store16"],
  [0x3c, "i64.store8 i64.store16 i64.store32 memory.size memory.grow"],
  [0x41, "i32.const i64.const f32.const f64.const"],
  ...["i32", "i64"].map(
    (type, index) =>
      [
        0x45 + 11 * index,
        named(type, "eqz eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u"),
      ] as const,
  ),
  [0x5b, named("f32", "eq ne lt gt le ge")],
  [0x61, named("f64", "eq ne lt gt le ge")],
  ...["i32", "i64"].map(
    (type, index) =>
      [
        0x67 + 18 * index,
        named(
          type,
          "clz ctz popcnt add sub mul div_s div_u rem_s rem_u and or xor shl shr_s shr_u rotl rotr",
        ),
      ] as const,
  ),
  ...["f32", "f64"].map(
    (type, index) =>
      [
        0x8b + 14 * index,
        named(type, "abs neg ceil floor trunc nearest sqrt add sub mul div min max copysign"),
      ] as const,
  ),
  [0xa7, "i32.wrap_i64 i32.trunc_f32_s i32.trunc_f32_u i32.trunc_f64_s i32.trunc_f64_u"],
  [0xac, "i64.extend_i32_s i64.extend_i32_u"],
  [0xae, "i64.trunc_f32_s i64.trunc_f32_u i64.trunc_f64_s i64.trunc_f64_u"],
  [0xb2, named("f32", "convert_i32_s convert_i32_u convert_i64_s convert_i64_u demote_f64")],
  [0xb7, named("f64", "convert_i32_s convert_i32_u convert_i64_s convert_i64_u promote_f32")],
  [0xbc, "i32.reinterpret_f32 i64.reinterpret_f64 f32.reinterpret_i32 f64.reinterpret_i64"],
  [0xc0, "i32.extend8_s i32.extend16_s i64.extend8_s i64.extend16_s i64.extend32_s"],
  [0xd0, "ref.null ref.is_null ref.func ref.eq"],
  [0xd5, "br_on_null br_on_non_null"],
];

function named(type: string, names: string): string {
  return names.replaceAll(/\S+/g, (name) => `${type}.${name}`);
}

test("what has a name in the source has the number of the specification", () => {
  const specified: Record<string, number> = {
    ...{ TYPE_I32: 0x7f, TYPE_I64: 0x7e, TYPE_F32: 0x7d, TYPE_F64: 0x7c, BLOCK_TYPE_EMPTY: 0x40 },
    ...{ PREFIX_GC: 0xfb, PREFIX_MISC: 0xfc, PREFIX_SIMD: 0xfd, PREFIX_THREADS: 0xfe },
    // Loads, stores and arithmetic, whose types stand in a table.
    ...{ FIRST_SIGNATURE: 0x28, LAST_SIGNATURE: 0xc4 },
  };
  for (const [first, names] of INSTRUCTIONS)
    for (const [index, name] of names.split(" ").entries())
      specified[`OP_${name.toUpperCase().replace(".", "_")}`] = first + index;
  const numbers = [...source("opcodes.ts").matchAll(/^export const (\w+): u32 = (0x\w+);/gm)];
  assert.ok(numbers.length > 60, `${numbers.length} names`);
  for (const [, name, value] of numbers) assert.is(Number(value), specified[name as string], name);
});

test("every refusal can be put in words", () => {
  const module = program({ imports: [importFunction("env", "abort", 0)] });
  const report = new Checker("host").check(module);
  for (const code of Object.keys(refusals).map((name) => refusalCode(name as RefusalName))) {
    const explanation = explain(module, { ...report, code });
    assert.ok(explanation, `${code}`);
    const { problem, hint, kind } = explanation;
    assert.ok(
      problem.length > 10 && !/undefined|NaN|\[object/.test(`${problem}${hint ?? ""}`),
      problem,
    );
    const [word] = /^[A-Z]+/.exec(explanation.name) as RegExpExecArray;
    assert.is(word.toLowerCase(), kind);
  }
  assert.is(explain(module, { ...report, code: 0 }), undefined);
});

test.run();
