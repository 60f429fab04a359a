// The Veracruz H-call ABI: what a program may import, what it must export (design: abi.md).

import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  ABI_DATA_OUTSIDE,
  ABI_ELEMENT_OUTSIDE,
  ABI_EXPORT_KIND,
  ABI_EXPORT_NUL,
  ABI_IMPORT_KIND,
  ABI_IMPORT_MODULE,
  ABI_IMPORT_NAME,
  ABI_IMPORT_TYPE,
  ABI_MAIN_IMPORTED,
  ABI_MAIN_TYPE,
  ABI_NO_MAIN,
  ABI_NO_MEMORY,
  ABI_START,
} from "../../assembly/wasm-checker/refusals.js";
import { hcalls } from "../../host/isolate/hcalls.js";
import { explain } from "../../host/wasm-checker/explain.js";
import {
  type Bytes,
  body,
  END,
  exportItem,
  F32,
  functionType,
  I32,
  I64,
  i32const,
  importFunction,
  leb,
  MAIN_TYPE,
  name,
  type Program,
  program,
  section,
} from "./bytes.js";
import { assertRule, checker, type Rule } from "./cases.js";

const types = [MAIN_TYPE, ...[1, 2, 3].map((count) => functionType(Array(count).fill(I32), [I32]))];
/** A program with one import. */
const importing = (module: string, field: string, type: number, more: Program = {}): Uint8Array =>
  program({ types, imports: [importFunction(module, field, type)], ...more });
const MEMORY = exportItem("memory", 2, 0);
const MAIN = exportItem("main", 0, 0);
const exporting = (...exports: Bytes[]): Uint8Array => program({ exports });
/** A program whose `main` has this type. */
const mainOf = (parameters: Bytes, results: Bytes): Uint8Array =>
  program({
    types: [functionType(parameters, results)],
    bodies: [body(results.flatMap((type) => (type === I32 ? i32const(0) : [0x42, 0])))],
  });

for (const { name: hcall, parameters } of hcalls) {
  test(`import of ${hcall}`, () => {
    assert.is(checker.check(importing("env", hcall, parameters)).code, 0);
    // Of every other type it is refused, and named.
    const others: [Bytes, Bytes][] = [
      [Array<number>(parameters).fill(I32), []],
      [Array<number>(parameters).fill(I32), [I64]],
      [Array<number>(parameters).fill(I64), [I32]],
      [[...Array<number>(parameters - 1).fill(I32), F32], [I32]],
      [Array<number>(parameters + 1).fill(I32), [I32]],
      [Array<number>(parameters - 1).fill(I32), [I32]],
    ];
    for (const [takes, gives] of others) {
      const module = program({
        types: [MAIN_TYPE, functionType(takes, gives)],
        imports: [importFunction("env", hcall, 1)],
      });
      const report = checker.check(module);
      assert.is(report.code, ABI_IMPORT_TYPE);
      const { problem, hint } = explain(module, report) ?? { problem: "" };
      assert.match(problem, `"env.${hcall}"`);
      assert.match(hint ?? "", `takes ${parameters} i32`);
    }
    for (const wrong of [`${hcall}s`, hcall.slice(0, -1), `_${hcall}`, hcall.toUpperCase()]) {
      assert.is(checker.check(importing("env", wrong, parameters)).code, ABI_IMPORT_NAME, wrong);
    }
  });
}

test("an import may come twice", () => {
  const once = importFunction("env", "__veracruz_hcall_getrandom", 2);
  assert.is(checker.check(program({ types, imports: [once, once] })).code, 0);
});

const rules: Rule[] = [
  {
    rule: "imports come from env",
    good: importing("env", "__veracruz_hcall_getrandom", 2),
    bad: importing("enw", "__veracruz_hcall_getrandom", 2),
    code: ABI_IMPORT_MODULE,
  },
  {
    rule: "the module's name is compared whole",
    good: importing("env", "__veracruz_hcall_getrandom", 2),
    bad: importing("env\0", "__veracruz_hcall_getrandom", 2),
    code: ABI_IMPORT_MODULE,
  },
  {
    rule: "a function that the ABI does not know",
    good: importing("env", "__veracruz_hcall_getrandom", 2),
    bad: importing("env", "abort", 2),
    code: ABI_IMPORT_NAME,
  },
  {
    rule: "the prefix alone is no function",
    good: importing("env", "__veracruz_hcall_getrandom", 2),
    bad: importing("env", "__veracruz_hcall_", 2),
    code: ABI_IMPORT_NAME,
  },
  {
    rule: "no table is imported",
    good: program({ table: [0x70, 0, 1] }),
    bad: program({ imports: [[...name("env"), ...name("table"), 1, 0x70, 0, 1]] }),
    code: ABI_IMPORT_KIND,
  },
  {
    rule: "no memory is imported",
    good: program(),
    bad: program({ imports: [[...name("env"), ...name("memory"), 2, 0, 1]], sections: { 5: [] } }),
    code: ABI_IMPORT_KIND,
  },
  {
    rule: "no global is imported",
    good: program(),
    bad: program({ imports: [[...name("env"), ...name("__stack_pointer"), 3, I32, 1]] }),
    code: ABI_IMPORT_KIND,
  },
  {
    rule: "a memory is exported",
    good: exporting(MEMORY, MAIN),
    bad: exporting(exportItem("mem", 2, 0), MAIN),
    code: ABI_NO_MEMORY,
  },
  {
    rule: "main is exported",
    good: exporting(MEMORY, MAIN),
    bad: exporting(MEMORY, exportItem("_start", 0, 0)),
    code: ABI_NO_MAIN,
  },
  {
    rule: "memory is a memory",
    good: exporting(MEMORY, MAIN),
    bad: exporting(exportItem("memory", 0, 0), MAIN),
    code: ABI_EXPORT_KIND,
  },
  {
    rule: "main is a function",
    good: exporting(MEMORY, MAIN),
    bad: exporting(MEMORY, exportItem("main", 2, 0)),
    code: ABI_EXPORT_KIND,
  },
  {
    rule: "main is defined in the program",
    good: importing("env", "__veracruz_hcall_getrandom", 2),
    bad: importing("env", "__veracruz_hcall_getrandom", 2, {
      exports: [MEMORY, exportItem("main", 0, 0)],
    }),
    code: ABI_MAIN_IMPORTED,
  },
  {
    rule: "there is no start function",
    good: program(),
    bad: program({
      types: [MAIN_TYPE, functionType([], [])],
      functions: [0, 1],
      bodies: [body(i32const(0)), body([])],
      sections: { 8: section(8, [1]) },
    }),
    code: ABI_START,
  },
  {
    rule: "no export's name holds a NUL",
    good: exporting(MEMORY, MAIN, exportItem("main2", 0, 0)),
    bad: exporting(MEMORY, MAIN, exportItem("main\0", 0, 0)),
    code: ABI_EXPORT_NUL,
  },
  {
    rule: "elements fit the table",
    good: program({ table: [0x70, 0, 3], elements: [[0, ...i32const(2), END, 1, 0]] }),
    bad: program({ table: [0x70, 0, 3], elements: [[0, ...i32const(2), END, 2, 0, 0]] }),
    code: ABI_ELEMENT_OUTSIDE,
  },
  {
    rule: "an element segment's offset is unsigned",
    good: program({ table: [0x70, 0, 3], elements: [[0, ...i32const(3), END, 0]] }),
    bad: program({ table: [0x70, 0, 3], elements: [[0, ...i32const(-1), END, 1, 0]] }),
    code: ABI_ELEMENT_OUTSIDE,
  },
  {
    rule: "data fits the initial memory",
    good: program({ data: [[0, ...i32const(65534), END, 2, 7, 7]] }),
    bad: program({ data: [[0, ...i32const(65535), END, 2, 7, 7]] }),
    code: ABI_DATA_OUTSIDE,
  },
  {
    rule: "an empty segment fits at the end and not behind",
    good: program({ data: [[0, ...i32const(65536), END, 0]] }),
    bad: program({ data: [[0, ...i32const(65537), END, 0]] }),
    code: ABI_DATA_OUTSIDE,
  },
  {
    rule: "a data segment's offset is unsigned",
    good: program({ data: [[0, ...i32const(0), END, 1, 7]] }),
    bad: program({ data: [[0, ...i32const(-1), END, 1, 7]] }),
    code: ABI_DATA_OUTSIDE,
  },
  {
    rule: "data has only the initial memory, whatever the maximum",
    good: program({ memory: [1, 2, 2], data: [[0, ...i32const(65536), END, 1, 7]] }),
    bad: program({ memory: [1, 1, 2], data: [[0, ...i32const(65536), END, 1, 7]] }),
    code: ABI_DATA_OUTSIDE,
  },
];
for (const rule of rules) {
  test(rule.rule, () => {
    assertRule(rule);
  });
}

test("main's types", () => {
  assert.is(checker.check(mainOf([], [I32])).mainParameters, 0);
  assert.is(checker.check(mainOf([I32, I32], [I32])).mainParameters, 2);
  for (const [takes, gives] of [
    [[], []],
    [[I32], [I32]],
    [[I32, I32], []],
    [[I32, I64], [I32]],
    [[I32, I32, I32], [I32]],
    [[], [I64]],
  ] as [Bytes, Bytes][]) {
    assert.is(checker.check(mainOf(takes, gives)).code, ABI_MAIN_TYPE, `(${takes}) -> (${gives})`);
  }
});

test("a refused import is named, with its place", () => {
  const imports = [
    importFunction("env", "__veracruz_hcall_getrandom", 2),
    importFunction("wasi_snapshot_preview1", "fd_write", 1),
  ];
  const module = program({ types, imports });
  const report = checker.check(module);
  assert.is(report.item, 1);
  const text = (offset: number, length: number): string =>
    Buffer.from(module.subarray(offset, offset + length)).toString();
  assert.is(text(report.nameOffset, report.nameLength), "fd_write");
  assert.is(text(report.moduleNameOffset, report.moduleNameLength), "wasi_snapshot_preview1");
  assert.is(module[report.offset], "wasi_snapshot_preview1".length, "offset of the import");
});

test("an accepted module's figures", () => {
  const module = program({
    types,
    imports: [importFunction("env", "__veracruz_hcall_read_input", 3)],
    functions: [0, 0],
    table: [0x70, 0, 5],
    memory: [1, 2, ...leb(300)],
    globals: [[I64, 1, 0x42, 0, END]],
    exports: [MEMORY, exportItem("main", 0, 2), exportItem("f", 0, 1)],
    bodies: [body(i32const(0)), body([0x02, I32, 0x03, I32, ...i32const(1), END, END])],
    data: [
      [0, ...i32const(0), END, 3, 1, 2, 3],
      [0, ...i32const(9), END, 2, 1, 2],
    ],
  });
  const report = checker.check(module);
  const { workspaceBytes, compiledBytes, compileKilosteps, ...figures } = report;
  assert.equal(figures, {
    ...{ code: 0, offset: 0, functionIndex: 2 ** 32 - 1, item: 2 ** 32 - 1, expected: 0, found: 0 },
    ...{ nameOffset: 0, nameLength: 0, moduleNameOffset: 0, moduleNameLength: 0 },
    ...{ moduleBytes: module.length, types: 4, imports: 1, functions: 2, globals: 1, exports: 3 },
    ...{ tableElements: 5, initialPages: 2, maximumPages: 300, dataBytes: 5, codeBytes: 16 },
    ...{ instructions: 8, maximumFrame: 4, maximumNesting: 2, mainIndex: 2, mainParameters: 0 },
  });
  assert.ok(workspaceBytes > 0 && compiledBytes > 0 && compileKilosteps === 0);
});

test("the same check twice gives the same report", () => {
  const bad = program({ data: [[0, ...i32const(65535), END, 2, 7, 7]] });
  const first = checker.check(bad);
  checker.check(program());
  assert.equal(checker.check(bad), first);
});

test.run();
