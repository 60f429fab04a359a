// Features of WebAssembly that are not run here: each is refused by its name, wherever it shows.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { explain } from "../../host/wasm-checker/explain.js";
import { type RefusalName, refusalCode } from "../../host/wasm-checker/refusals.js";
import {
  type Bytes,
  body,
  END,
  exportItem,
  functionType,
  I32,
  i32const,
  i64const,
  leb,
  locals,
  MAIN_TYPE,
  mainWith,
  name,
  program,
  section,
  VOID,
} from "./bytes.js";
import { checker } from "./cases.js";

const type = (bytes: Bytes): Uint8Array => program({ types: [MAIN_TYPE, bytes] });
const local = (byte: number): Uint8Array => mainWith(i32const(0), {}, [locals(1, byte)]);
const code = (...bytes: number[]): Uint8Array => mainWith(bytes);
const elements = (...bytes: number[]): Uint8Array =>
  program({ table: [0x70, 0, 1], elements: [bytes] });
const zero = i32const(0);
const drop = 0x1a;

const features: [name: RefusalName, modules: Record<string, Uint8Array>][] = [
  [
    "UNSUPPORTED_MULTI_VALUE",
    {
      "two results of a function": type(functionType([], [I32, I32])),
      "a block with the index of a type": program({
        types: [MAIN_TYPE, functionType([], [])],
        bodies: [body([0x02, 1, END, ...zero])],
      }),
      "a loop with parameters": program({
        types: [MAIN_TYPE, functionType([I32], [I32])],
        bodies: [body([...zero, 0x03, 1, END])],
      }),
      "an if with the index of a type, padded": program({
        types: [MAIN_TYPE, functionType([], [])],
        bodies: [body([...zero, 0x04, ...leb(1, 3), END, ...zero])],
      }),
    },
  ],
  [
    "UNSUPPORTED_REFERENCE_TYPES",
    {
      "an externref parameter": type(functionType([0x6f], [])),
      "a funcref local": local(0x70),
      "a block that gives a funcref": code(0x02, 0x70, 0xd0, 0x70, END, drop, ...zero),
      "ref.null": code(0xd0, 0x70, drop, ...zero),
      "ref.is_null": code(0xd0, 0x70, 0xd1),
      "ref.func": code(0xd2, 0, drop, ...zero),
      "a typed select": code(...zero, ...zero, ...zero, 0x1c, 1, I32),
      "table.get": mainWith([...zero, 0x25, 0, drop, ...zero], { table: [0x70, 0, 1] }),
      "table.size": mainWith([0xfc, 16, 0], { table: [0x70, 0, 1] }),
      "table.grow": mainWith([0xd0, 0x70, ...zero, 0xfc, 15, 0], { table: [0x70, 0, 1] }),
      "an externref table": program({ table: [0x6f, 0, 1] }),
      "two tables": program({ sections: { 4: section(4, [2, 0x70, 0, 1, 0x70, 0, 1]) } }),
      "a global that is a reference": program({ globals: [[0x70, 0, 0xd0, 0x70, END]] }),
    },
  ],
  [
    "UNSUPPORTED_BULK_MEMORY",
    {
      "a passive data segment": program({ data: [[1, 1, 7]] }),
      "a data segment that names its memory": program({ data: [[2, 0, ...zero, END, 1, 7]] }),
      "a passive element segment": elements(1, 0, 1, 0),
      "an element segment that names its table": elements(2, 0, ...zero, END, 0, 1, 0),
      "a declarative element segment": elements(3, 0, 1, 0),
      "an element segment of expressions": elements(4, ...zero, END, 1, 0xd2, 0, END),
      "memory.init": mainWith([...zero, ...zero, ...zero, 0xfc, 8, 0, 0, ...zero], {
        dataCount: 1,
        data: [[0, ...zero, END, 1, 7]],
      }),
      "data.drop": mainWith([0xfc, 9, 0, ...zero], {
        dataCount: 1,
        data: [[0, ...zero, END, 1, 7]],
      }),
      "table.copy": mainWith([...zero, ...zero, ...zero, 0xfc, 14, 0, 0, ...zero], {
        table: [0x70, 0, 1],
      }),
    },
  ],
  [
    "UNSUPPORTED_SIMD",
    {
      "a v128 local": local(0x7b),
      "v128.const": code(0xfd, 12, ...Array<number>(16).fill(0), drop, ...zero),
      "a v128 global": program({
        globals: [[0x7b, 0, 0xfd, 12, ...Array<number>(16).fill(0), END]],
      }),
    },
  ],
  [
    "UNSUPPORTED_THREADS",
    {
      "a shared memory": program({ memory: [3, 1, 1] }),
      "memory.atomic.notify": code(...zero, ...zero, 0xfe, 0, 2, 0),
    },
  ],
  [
    "UNSUPPORTED_EXCEPTIONS",
    {
      "a tag section": program({
        types: [MAIN_TYPE, functionType([], [])],
        sections: { 5: [...section(5, [1, 0, 1]), ...section(13, [1, 0, 1])] },
      }),
      "an imported tag": program({
        types: [MAIN_TYPE, functionType([], [])],
        imports: [[...name("env"), ...name("tag"), 4, 0, 1]],
      }),
      "an exported tag": program({
        exports: [exportItem("memory", 2, 0), exportItem("main", 0, 0), exportItem("t", 4, 0)],
      }),
      try: code(0x06, VOID, END, ...zero),
      throw: code(0x08, 0),
      try_table: code(0x1f, VOID, 0, END, ...zero),
      throw_ref: code(0x0a),
    },
  ],
  [
    "UNSUPPORTED_TAIL_CALLS",
    {
      return_call: code(0x12, 0),
      return_call_indirect: mainWith([...zero, 0x13, 0, 0], { table: [0x70, 0, 1] }),
    },
  ],
  [
    "UNSUPPORTED_MULTI_MEMORY",
    { "two memories": program({ sections: { 5: section(5, [2, 0, 1, 0, 1]) } }) },
  ],
  ["UNSUPPORTED_MEMORY64", { "a 64-bit memory": program({ memory: [4, 1] }) }],
  [
    "UNSUPPORTED_GC",
    {
      "a struct type": type([0x5f, 0]),
      "an array type": type([0x5e, I32, 0]),
      "a group of types": type([0x4e, 1, 0x60, 0, 0]),
      "an anyref parameter": type(functionType([0x6e], [])),
      "a nullable reference": local(0x63),
      call_ref: code(0x14, 0),
      "ref.eq": code(0xd3),
      "struct.new": code(0xfb, 0, 0),
    },
  ],
  [
    "UNSUPPORTED_EXTENDED_CONST",
    {
      "a sum in a global": program({
        globals: [[I32, 0, ...zero, ...zero, 0x6a, END]],
      }),
      "a product in a data segment's offset": program({
        data: [[0, ...zero, ...zero, 0x6c, END, 0]],
      }),
      "a constant of 64 bits": program({
        globals: [[0x7e, 0, ...i64const(1), ...i64const(1), 0x7c, END]],
      }),
    },
  ],
];

for (const [title, modules] of features) {
  for (const [what, module] of Object.entries(modules)) {
    test(`${what}: ${title}`, () => {
      const report = checker.check(module);
      assert.is(report.code, refusalCode(title), `at ${report.offset}`);
      const explanation = explain(module, report);
      assert.is(explanation?.name, title);
      assert.is(explanation?.kind, "unsupported");
    });
  }
}

// These are in V8 as it comes: the modules above are what they are called.
const inV8 = new Set<RefusalName>([
  "UNSUPPORTED_MULTI_VALUE",
  "UNSUPPORTED_REFERENCE_TYPES",
  "UNSUPPORTED_BULK_MEMORY",
  "UNSUPPORTED_SIMD",
  "UNSUPPORTED_THREADS",
]);
test("what V8 runs of these is valid there", () => {
  for (const [title, modules] of features) {
    if (!inV8.has(title)) continue;
    for (const [what, module] of Object.entries(modules)) {
      // A function that is named by ref.func must be declared for it first, a rule of its own.
      if (what === "ref.func") continue;
      assert.ok(WebAssembly.validate(module as Uint8Array<ArrayBuffer>), what);
    }
  }
});

test.run();
