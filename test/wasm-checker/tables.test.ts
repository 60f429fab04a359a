// What stands in two languages says the same in both.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../../host/common/paths.js";
import { hcalls } from "../../host/isolate/hcalls.js";
import { Checker, limitNames, reportNames } from "../../host/wasm-checker/checker.js";
import { explain } from "../../host/wasm-checker/explain.js";
import { refusals } from "../../host/wasm-checker/refusals.js";
import { importFunction, program } from "./bytes.js";

const source = (file: string): string =>
  readFileSync(join(projectRoot, "assembly", "wasm-checker", file), "utf8");

/** Names of the fields of a class, in their order. */
const fields = (text: string): string[] =>
  [...text.matchAll(/^ {2}(\w+): u32 = /gm)].map(([, name]) => name as string);

test("codes and names of refusals", () => {
  const declared = [...source("refusals.ts").matchAll(/^export const (\w+): u32 = (\d+);/gm)]
    .map(([, name, code]) => [Number(code), name] as const)
    .filter(([code]) => code !== 0);
  const explained = Object.entries(refusals).map(([code, { name }]) => [Number(code), name]);
  assert.equal(explained, declared);
});

test("fields of limits and report", () => {
  assert.equal(fields(source("limits.ts")), [...limitNames]);
  assert.equal(fields(source("report.ts")), [...reportNames]);
});

test("the H-calls, their parameters", () => {
  const [, names = ""] = /const NAMES =([^;]*);/.exec(source("hcalls.ts")) ?? [];
  const listed = [...names.replace(/[^\w]/g, "").matchAll(/(\D+)(\d)/g)].map(
    ([, name, parameters]) => ({
      name: `__veracruz_hcall_${name}`,
      parameters: Number(parameters),
    }),
  );
  assert.equal(listed, [...hcalls]);
});

test("the opcodes that have a name in the source are those of the specification", () => {
  const named = Object.fromEntries(
    [...source("opcodes.ts").matchAll(/^export const (\w+): u32 = (0x\w+);/gm)].map(
      ([, name, value]) => [name, Number(value)],
    ),
  );
  assert.equal(named, {
    ...{ TYPE_I32: 0x7f, TYPE_I64: 0x7e, TYPE_F32: 0x7d, TYPE_F64: 0x7c },
    ...{ OP_BLOCK: 2, OP_LOOP: 3, OP_IF: 4, OP_ELSE: 5, OP_END: 11 },
    ...{ FIRST_SIGNATURE: 0x28, LAST_SIGNATURE: 0xc4 },
  });
});

test("every refusal can be put in words", () => {
  const module = program({ imports: [importFunction("env", "abort", 0)] });
  const report = new Checker("host").check(module);
  for (const code of Object.keys(refusals).map(Number)) {
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
