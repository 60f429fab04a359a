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

test("the opcodes that have a name in the source are those of the specification", () => {
  const named = Object.fromEntries(
    [...source("opcodes.ts").matchAll(/^export const (\w+): u32 = (0x\w+);/gm)].map(
      ([, name, value]) => [name, Number(value)],
    ),
  );
  assert.equal(named, {
    ...{ TYPE_I32: 0x7f, TYPE_I64: 0x7e, TYPE_F32: 0x7d, TYPE_F64: 0x7c },
    ...{ OP_UNREACHABLE: 0, OP_NOP: 1, OP_BLOCK: 2, OP_LOOP: 3, OP_IF: 4, OP_ELSE: 5, OP_END: 11 },
    ...{ OP_BR: 12, OP_BR_IF: 13, OP_BR_TABLE: 14, OP_RETURN: 15, OP_CALL: 16 },
    ...{ OP_CALL_INDIRECT: 17, OP_RETURN_CALL: 18, OP_RETURN_CALL_INDIRECT: 19 },
    ...{ OP_CALL_REF: 20, OP_RETURN_CALL_REF: 21, OP_DROP: 26, OP_SELECT: 27, OP_SELECT_TYPED: 28 },
    ...{ OP_TRY_TABLE: 31, OP_LOCAL_GET: 32, OP_LOCAL_SET: 33, OP_LOCAL_TEE: 34 },
    ...{ OP_GLOBAL_GET: 35, OP_GLOBAL_SET: 36, OP_TABLE_GET: 37, OP_TABLE_SET: 38 },
    ...{ OP_I32_STORE: 0x36, OP_I64_STORE32: 0x3e, OP_MEMORY_SIZE: 0x3f, OP_MEMORY_GROW: 0x40 },
    ...{ OP_I32_CONST: 0x41, OP_I64_CONST: 0x42, OP_F32_CONST: 0x43, OP_F64_CONST: 0x44 },
    ...{ OP_I32_EQZ: 0x45, OP_REF_NULL: 0xd0, OP_REF_FUNC: 0xd2, OP_REF_EQ: 0xd3 },
    ...{ OP_BR_ON_NON_NULL: 0xd6, BLOCK_TYPE_EMPTY: 0x40 },
    ...{ PREFIX_GC: 0xfb, PREFIX_MISC: 0xfc, PREFIX_SIMD: 0xfd, PREFIX_THREADS: 0xfe },
    ...{ FIRST_SIGNATURE: 0x28, LAST_SIGNATURE: 0xc4 },
  });
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
