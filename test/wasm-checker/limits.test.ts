// Limits: each at its value and one above; and how much memory the checker takes itself.

import { statSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  LIMIT_BODY,
  LIMIT_BRANCH_TABLE,
  LIMIT_COMPILE_STEPS,
  LIMIT_DATA,
  LIMIT_DATA_SEGMENTS,
  LIMIT_ELEMENT_SEGMENTS,
  LIMIT_EXPORTS,
  LIMIT_FRAME,
  LIMIT_FUNCTIONS,
  LIMIT_GLOBALS,
  LIMIT_IMPORTS,
  LIMIT_LOCALS,
  LIMIT_MEMORY_INITIAL,
  LIMIT_MEMORY_MAXIMUM,
  LIMIT_MODULE,
  LIMIT_NAME,
  LIMIT_NESTING,
  LIMIT_PARAMETERS,
  LIMIT_TABLE,
  LIMIT_TYPES,
} from "../../assembly/wasm-checker/refusals.js";
import { wasmPath } from "../../host/common/paths.js";
import {
  Checker,
  type CheckLimits,
  limitNames,
  profiles,
} from "../../host/wasm-checker/checker.js";
import {
  type Bytes,
  body,
  DROP,
  END,
  exportItem,
  functionType,
  I32,
  I64,
  i32const,
  importFunction,
  leb,
  locals,
  MAIN_TYPE,
  mainWith,
  type Program,
  program,
  VOID,
} from "./bytes.js";

const repeat = (count: number, ...bytes: number[]): number[] =>
  Array.from({ length: count }, () => bytes).flat();
const EXPORTS = [exportItem("memory", 2, 0), exportItem("main", 0, 0)];

/** A module for which the limited number is `n`. */
const modules: { [name in keyof CheckLimits]?: (n: number) => Uint8Array } = {
  types: (n) => program({ types: [MAIN_TYPE, ...Array.from({ length: n - 1 }, () => MAIN_TYPE)] }),
  parameters: (n) => program({ types: [MAIN_TYPE, functionType(repeat(n, I32), [])] }),
  imports: (n) =>
    program({
      types: [MAIN_TYPE, functionType([I32, I32], [I32])],
      imports: Array.from({ length: n }, () =>
        importFunction("env", "__veracruz_hcall_getrandom", 1),
      ),
    }),
  functions: (n) =>
    program({
      functions: repeat(n, 0),
      bodies: Array.from({ length: n }, () => body(i32const(0))),
    }),
  tableElements: (n) => program({ table: [0x70, 0, ...leb(n)] }),
  initialPages: (n) => program({ memory: [0, ...leb(n)] }),
  maximumPages: (n) => program({ memory: [1, 0, ...leb(n)] }),
  globals: (n) => program({ globals: Array.from({ length: n }, () => [I32, 0, 0x41, 0, END]) }),
  exports: (n) =>
    program({
      exports: [
        ...EXPORTS,
        ...Array.from({ length: n - 2 }, (_, index) => exportItem(`f${index}`, 0, 0)),
      ],
    }),
  elementSegments: (n) =>
    program({
      table: [0x70, 0, 1],
      elements: Array.from({ length: n }, () => [0, ...i32const(0), END, 0]),
    }),
  dataSegments: (n) =>
    program({ data: Array.from({ length: n }, () => [0, ...i32const(0), END, 0]) }),
  dataBytes: (n) =>
    program({
      data: [
        [0, ...i32const(0), END, ...leb(n - 1), ...repeat(n - 1, 7)],
        [0, ...i32const(0), END, 1, 7],
      ],
    }),
  // No locals (1 byte), an i32.const 0 (2), the end (1).
  bodyBytes: (n) => mainWith([...repeat(n - 4, 0x01), ...i32const(0)]),
  locals: (n) => mainWith(i32const(0), {}, [locals(1, I64), locals(n - 1, I32)]),
  nesting: (n) => mainWith([...repeat(n, 0x02, VOID), ...repeat(n, END), ...i32const(0)]),
  // The function's frame counts as one.
  frame: (n) => mainWith([...repeat(n - 1, 0x41, 0), ...repeat(n - 2, DROP)]),
  branchTable: (n) =>
    mainWith([...i32const(0), ...i32const(0), 0x0e, ...leb(n), ...repeat(n + 1, 0)]),
  nameBytes: (n) => program({ exports: [...EXPORTS, exportItem("n".repeat(n), 0, 0)] }),
};
const codes: { [name in keyof CheckLimits]: number } = {
  moduleBytes: LIMIT_MODULE,
  types: LIMIT_TYPES,
  parameters: LIMIT_PARAMETERS,
  imports: LIMIT_IMPORTS,
  functions: LIMIT_FUNCTIONS,
  tableElements: LIMIT_TABLE,
  initialPages: LIMIT_MEMORY_INITIAL,
  maximumPages: LIMIT_MEMORY_MAXIMUM,
  globals: LIMIT_GLOBALS,
  exports: LIMIT_EXPORTS,
  elementSegments: LIMIT_ELEMENT_SEGMENTS,
  dataSegments: LIMIT_DATA_SEGMENTS,
  dataBytes: LIMIT_DATA,
  bodyBytes: LIMIT_BODY,
  locals: LIMIT_LOCALS,
  nesting: LIMIT_NESTING,
  frame: LIMIT_FRAME,
  branchTable: LIMIT_BRANCH_TABLE,
  compileKilosteps: LIMIT_COMPILE_STEPS,
  nameBytes: LIMIT_NAME,
};

for (const name of limitNames) {
  const make = modules[name];
  if (make === undefined) continue;
  test(name, () => {
    // Small limits, and those of the profiles where a module of that size is quickly made.
    const values = [10, 11, 63, 64].map((value) => new Checker("host", { [name]: value }));
    const defaults = profiles.map((profile) => new Checker(profile));
    for (const checker of [...values, ...defaults]) {
      const limit = checker.limits[name];
      if (limit > 70_000) continue;
      const most = checker.check(make(limit));
      assert.is(most.code, 0, `${limit}`);
      if (name === "maximumPages" && limit === 65536) continue;
      const more = checker.check(make(limit + 1));
      assert.is(more.code, codes[name], `${limit + 1}`);
      assert.is(more.expected, limit);
    }
  });
}

test("moduleBytes", () => {
  const module = program();
  assert.is(new Checker("host", { moduleBytes: module.length }).check(module).code, 0);
  const report = new Checker("host", { moduleBytes: module.length - 1 }).check(module);
  assert.is(report.code, LIMIT_MODULE);
  assert.is(report.found, module.length);
});

test("compileKilosteps: the product of locals and operands at each block", () => {
  const blocks = (count: number): Uint8Array =>
    mainWith(
      [...repeat(100, 0x41, 0), ...repeat(count, 0x02, VOID, END), ...repeat(99, DROP)],
      {},
      [locals(300, I32)],
    );
  const one = new Checker("host").check(blocks(100)).compileKilosteps;
  assert.ok(one > 2900 && one < 3300, `${one}`);
  assert.is(new Checker("host", { compileKilosteps: one }).check(blocks(100)).code, 0);
  assert.is(
    new Checker("host", { compileKilosteps: one - 1 }).check(blocks(100)).code,
    LIMIT_COMPILE_STEPS,
  );
});

test("the profile of a device is nowhere above that of a computer", () => {
  const host = new Checker("host").limits;
  const mcu = new Checker("mcu").limits;
  for (const name of limitNames) assert.ok(mcu[name] <= host[name], name);
  for (const limits of [host, mcu]) assert.is(limits.nesting, 100);
});

test("the module is within its bar", () => {
  const size = statSync(wasmPath("checker")).size;
  assert.ok(size <= 14 * 1024, `${size} bytes`);
});

/** Bytes of the report and of the limits, which are part of what a check takes. */
const REPORT_BYTES = 29 * 4;
const LIMITS_BYTES = 20 * 4;

test("memory: 2 KiB and what the module's types, functions, globals and nesting ask for", () => {
  for (const profile of profiles) {
    const checker = new Checker(profile);
    const rich: Program = {
      types: Array.from({ length: 50 }, () => MAIN_TYPE),
      functions: repeat(90, 0),
      bodies: Array.from({ length: 90 }, () => body(i32const(0))),
      globals: Array.from({ length: 30 }, () => [I32, 0, 0x41, 0, END] as Bytes),
    };
    for (const [parts, own] of [
      [{}, 8 + 2],
      [rich, 50 * 8 + 90 * 2 + 30],
    ] as const) {
      const report = checker.check(program(parts));
      assert.is(report.code, 0);
      const nesting = (checker.limits.nesting + 1) * 4;
      const fixed = report.workspaceBytes - own - nesting + REPORT_BYTES + LIMITS_BYTES;
      assert.ok(fixed <= 2048, `${profile}: ${fixed} bytes`);
      assert.ok(report.workspaceBytes <= checker.workspaceBound);
    }
  }
});

test("memory: what is only claimed is not allocated", () => {
  const checker = new Checker("host");
  const smallest = checker.check(program()).workspaceBytes;
  // A million types, functions, globals in sections of a few bytes.
  for (const id of [1, 2, 3, 6]) {
    const claim = [id, 5, ...leb(1_000_000), 0x60, 0];
    const report = checker.check(program({ sections: { [id]: claim } }));
    assert.ok(report.code !== 0);
    assert.ok(report.workspaceBytes <= smallest + 64, `${report.workspaceBytes}`);
  }
});

test("memory: no check leaves any behind", () => {
  const checker = new Checker("host");
  const module = mainWith(i32const(0), {}, [locals(1500, I64)]);
  const damaged = module.slice(0, -3);
  for (let round = 0; round < 50; round++) checker.check(round % 2 === 0 ? module : damaged);
  const before = checker.memoryBytes;
  for (let round = 0; round < 5000; round++) checker.check(round % 2 === 0 ? module : damaged);
  assert.is(checker.memoryBytes, before);
});

test.run();
