// The binary format: each rule of chapter 5 of the core specification, followed once and broken once.

import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  INVALID_TABLE_INDEX,
  MALFORMED_BODY_COUNT,
  MALFORMED_BODY_SIZE,
  MALFORMED_DATA_COUNT,
  MALFORMED_END,
  MALFORMED_EXTERNAL_KIND,
  MALFORMED_INTEGER_BITS,
  MALFORMED_INTEGER_LENGTH,
  MALFORMED_LIMITS,
  MALFORMED_MAGIC,
  MALFORMED_MUTABILITY,
  MALFORMED_OPCODE,
  MALFORMED_RESERVED,
  MALFORMED_SECTION_ID,
  MALFORMED_SECTION_ORDER,
  MALFORMED_SECTION_SIZE,
  MALFORMED_SEGMENT,
  MALFORMED_TYPE_FORM,
  MALFORMED_UTF8,
  MALFORMED_VALUE_TYPE,
  MALFORMED_VERSION,
} from "../../assembly/wasm-checker/refusals.js";
import {
  ascii,
  assemble,
  type Bytes,
  body,
  custom,
  END,
  exportItem,
  functionType,
  I32,
  I64,
  i32const,
  leb,
  locals,
  MAGIC,
  MAIN_TYPE,
  mainWith,
  name,
  type Program,
  program,
  section,
  vector,
} from "./bytes.js";
import { assertRule, checker, type Rule } from "./cases.js";

/** A program with one more custom section at its end. */
const withTail = (...tail: Bytes[]): Uint8Array => Uint8Array.from([...program(), ...tail.flat()]);

/** A program whose type section has these bytes as content. */
const sectionBytes = (id: number, content: Bytes, parts: Program = {}): Uint8Array =>
  program({ ...parts, sections: { ...parts.sections, [id]: section(id, content) } });

const withTypes = (...content: Bytes[]): Uint8Array => sectionBytes(1, content.flat());
const global = (type: number, mutable: number, expression: Bytes): number[] => [
  type,
  mutable,
  ...expression,
  END,
];
const constantPadded = (value: Bytes): Uint8Array => mainWith([0x41, ...value]);
const longConstant = (value: Bytes): Uint8Array => mainWith([0x42, ...value, 0x1a, ...i32const(0)]);
const extraType = (...bytes: Bytes[]): Uint8Array => withTypes([2], MAIN_TYPE, ...bytes);
const utf8 = (...bytes: number[]): Uint8Array => withTail(section(0, leb(bytes.length), bytes));
const tableOf = (...bytes: number[]): Uint8Array => program({ table: bytes });
const memoryOf = (...bytes: number[]): Uint8Array => program({ memory: bytes });
const whole = program();
const nop = 0x01;

const rules: Rule[] = [
  {
    rule: "magic number",
    good: whole,
    bad: Uint8Array.from([0, 0x61, 0x73, 0x6e, ...whole.subarray(4)]),
    code: MALFORMED_MAGIC,
    offset: 0,
  },
  {
    rule: "version 1",
    good: whole,
    bad: Uint8Array.from([...whole.subarray(0, 4), 2, 0, 0, 0, ...whole.subarray(8)]),
    code: MALFORMED_VERSION,
    offset: 4,
  },
  {
    rule: "a header has eight bytes",
    good: whole,
    bad: Uint8Array.from(MAGIC.slice(0, 7)),
    code: MALFORMED_END,
  },
  {
    rule: "a section has a size",
    good: withTail(custom("a")),
    bad: withTail([0]),
    code: MALFORMED_END,
  },
  {
    rule: "a section ends within the module",
    good: withTail(custom("a")),
    bad: withTail([0, 5, 1, 0x61]),
    code: MALFORMED_END,
  },
  {
    rule: "section ids end with 12",
    good: withTail(custom("a")),
    bad: withTail(section(14, [])),
    code: MALFORMED_SECTION_ID,
  },
  {
    rule: "a section id is a byte, not an integer",
    good: withTail(section(0, name(""))),
    bad: withTail([0x80, 0, 1, 0]),
    code: MALFORMED_SECTION_ID,
  },
  {
    rule: "sections come in their order",
    good: whole,
    bad: assemble(section(5, vector([0, 1])), section(1, vector(MAIN_TYPE))),
    code: MALFORMED_SECTION_ORDER,
  },
  {
    rule: "a section comes once",
    good: whole,
    bad: assemble(section(1, vector(MAIN_TYPE)), section(1, vector(MAIN_TYPE))),
    code: MALFORMED_SECTION_ORDER,
  },
  {
    rule: "the memory section comes before the globals",
    good: program({ globals: [global(I32, 0, i32const(1))] }),
    bad: assemble(section(6, vector(global(I32, 0, i32const(1)))), section(5, vector([0, 1]))),
    code: MALFORMED_SECTION_ORDER,
  },
  {
    rule: "the data count comes before the code",
    good: program({ dataCount: 0 }),
    bad: withTail(section(12, [0])),
    code: MALFORMED_SECTION_ORDER,
  },
  {
    rule: "a section is read to its end",
    good: withTypes([1], MAIN_TYPE),
    bad: withTypes([1], MAIN_TYPE, [0]),
    code: MALFORMED_SECTION_SIZE,
  },
  {
    rule: "a section does not end in the middle of something",
    good: withTypes([1], MAIN_TYPE),
    bad: withTypes([2], MAIN_TYPE),
    code: MALFORMED_END,
  },
  {
    rule: "custom sections may come anywhere",
    good: assemble(custom("x"), section(1, vector(MAIN_TYPE)), custom("y"), [
      ...whole.subarray(8 + section(1, vector(MAIN_TYPE)).length),
    ]),
    bad: assemble(custom("x"), [0, 0]),
    code: MALFORMED_END,
  },
  {
    rule: "a name ends within its section",
    good: withTail(section(0, [2], ascii("ab"))),
    bad: withTail(section(0, [3], ascii("ab")), custom("c")),
    code: MALFORMED_END,
  },
  // Integers
  {
    rule: "a u32 may be padded to five bytes",
    good: withTypes(leb(1, 5), MAIN_TYPE),
    bad: withTypes([...leb(1, 5).slice(0, 4), 0x80, 0], MAIN_TYPE),
    code: MALFORMED_INTEGER_LENGTH,
  },
  {
    rule: "a u32 has no bits beyond 32",
    good: withTypes([0x81, 0x80, 0x80, 0x80, 0x00], MAIN_TYPE),
    bad: withTypes([0x81, 0x80, 0x80, 0x80, 0x10], MAIN_TYPE),
    code: MALFORMED_INTEGER_BITS,
  },
  {
    rule: "a section's size is a u32",
    good: withTail([0, 0x82, 0x80, 0x80, 0x80, 0x00, 1, 0x61]),
    bad: withTail([0, 0x82, 0x80, 0x80, 0x80, 0x80, 0x00, 1, 0x61]),
    code: MALFORMED_INTEGER_LENGTH,
  },
  {
    rule: "an i32 may be padded with zeros",
    good: constantPadded([0x80, 0x80, 0x80, 0x80, 0x00]),
    bad: constantPadded([0x80, 0x80, 0x80, 0x80, 0x80, 0x00]),
    code: MALFORMED_INTEGER_LENGTH,
  },
  {
    rule: "an i32 may be padded with ones",
    good: constantPadded([0xff, 0xff, 0xff, 0xff, 0x7f]),
    bad: constantPadded([0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]),
    code: MALFORMED_INTEGER_LENGTH,
  },
  {
    rule: "an i32's unused bits repeat the sign: zeros",
    good: constantPadded([0x80, 0x80, 0x80, 0x80, 0x07]),
    bad: constantPadded([0x80, 0x80, 0x80, 0x80, 0x17]),
    code: MALFORMED_INTEGER_BITS,
  },
  {
    rule: "an i32's unused bits repeat the sign: ones",
    good: constantPadded([0x80, 0x80, 0x80, 0x80, 0x78]),
    bad: constantPadded([0x80, 0x80, 0x80, 0x80, 0x08]),
    code: MALFORMED_INTEGER_BITS,
  },
  {
    rule: "an i64 has ten bytes at most",
    good: longConstant([...Array<number>(9).fill(0x80), 0x00]),
    bad: longConstant([...Array<number>(10).fill(0x80), 0x00]),
    code: MALFORMED_INTEGER_LENGTH,
  },
  {
    rule: "an i64's unused bits are zeros",
    good: longConstant([...Array<number>(9).fill(0xff), 0x00]),
    bad: longConstant([...Array<number>(9).fill(0xff), 0x01]),
    code: MALFORMED_INTEGER_BITS,
  },
  {
    rule: "an i64's unused bits are ones",
    good: longConstant([...Array<number>(9).fill(0x80), 0x7f]),
    bad: longConstant([...Array<number>(9).fill(0x80), 0x7e]),
    code: MALFORMED_INTEGER_BITS,
  },
  {
    rule: "an integer ends within its body",
    good: mainWith(i32const(-1)),
    bad: program({ bodies: [[3, 0, 0x41, 0xff]] }),
    code: MALFORMED_END,
  },
  // Names
  { rule: "two-byte UTF-8", good: utf8(0xc2, 0x80), bad: utf8(0xc1, 0xbf), code: MALFORMED_UTF8 },
  { rule: "a lone continuation byte", good: utf8(0x7f), bad: utf8(0x80), code: MALFORMED_UTF8 },
  { rule: "UTF-8 cut short", good: utf8(0xdf, 0xbf), bad: utf8(0xdf), code: MALFORMED_UTF8 },
  {
    rule: "continuation bytes",
    good: utf8(0xc3, 0xbf),
    bad: utf8(0xc3, 0xc0),
    code: MALFORMED_UTF8,
  },
  {
    rule: "three-byte UTF-8 is not overlong",
    good: utf8(0xe0, 0xa0, 0x80),
    bad: utf8(0xe0, 0x9f, 0xbf),
    code: MALFORMED_UTF8,
  },
  {
    rule: "no surrogates",
    good: utf8(0xed, 0x9f, 0xbf, 0xee, 0x80, 0x80),
    bad: utf8(0xed, 0xa0, 0x80),
    code: MALFORMED_UTF8,
  },
  {
    rule: "three bytes and no fewer",
    good: utf8(0xe1, 0x80, 0x80),
    bad: utf8(0xe1, 0x80),
    code: MALFORMED_UTF8,
  },
  {
    rule: "third byte in range",
    good: utf8(0xef, 0xbf, 0xbf),
    bad: utf8(0xef, 0xbf, 0x41),
    code: MALFORMED_UTF8,
  },
  {
    rule: "four-byte UTF-8 is not overlong",
    good: utf8(0xf0, 0x90, 0x80, 0x80),
    bad: utf8(0xf0, 0x8f, 0xbf, 0xbf),
    code: MALFORMED_UTF8,
  },
  {
    rule: "nothing above U+10FFFF",
    good: utf8(0xf4, 0x8f, 0xbf, 0xbf),
    bad: utf8(0xf4, 0x90, 0x80, 0x80),
    code: MALFORMED_UTF8,
  },
  {
    rule: "no five-byte UTF-8",
    good: utf8(0xf3, 0x80, 0x80, 0x80),
    bad: utf8(0xf8, 0x88, 0x80, 0x80, 0x80),
    code: MALFORMED_UTF8,
  },
  {
    rule: "export names are UTF-8",
    good: program({
      exports: [exportItem("memory", 2, 0), exportItem("main", 0, 0), [2, 0xc3, 0xa9, 0, 0]],
    }),
    bad: program({
      exports: [exportItem("memory", 2, 0), exportItem("main", 0, 0), [2, 0xc3, 0x28, 0, 0]],
    }),
    code: MALFORMED_UTF8,
  },
  // Types
  {
    rule: "a function type begins with 0x60",
    good: extraType(functionType([I32], [])),
    bad: extraType([0x61, 0, 0]),
    code: MALFORMED_TYPE_FORM,
  },
  {
    rule: "value types",
    good: extraType(functionType([0x7f, 0x7e, 0x7d, 0x7c], [])),
    bad: extraType(functionType([0x7a], [])),
    code: MALFORMED_VALUE_TYPE,
  },
  {
    rule: "a result is a value type",
    good: extraType(functionType([], [I64])),
    bad: extraType(functionType([], [0x40])),
    code: MALFORMED_VALUE_TYPE,
  },
  {
    rule: "a local is of a value type",
    good: mainWith(i32const(0), {}, [locals(1, I64)]),
    bad: mainWith(i32const(0), {}, [locals(1, 0x00)]),
    code: MALFORMED_VALUE_TYPE,
  },
  {
    rule: "a block type is empty or a value type",
    good: mainWith([0x02, I32, ...i32const(1), END]),
    bad: mainWith([0x02, 0x7a, ...i32const(1), END]),
    code: MALFORMED_VALUE_TYPE,
  },
  {
    rule: "the table's type is funcref",
    good: tableOf(0x70, 0, 1),
    bad: tableOf(0x7f, 0, 1),
    code: MALFORMED_VALUE_TYPE,
  },
  // Limits, mutability, kinds, flags
  {
    rule: "table limits' flag",
    good: tableOf(0x70, 1, 1, 2),
    bad: tableOf(0x70, 8, 1, 2),
    code: MALFORMED_LIMITS,
  },
  {
    rule: "memory limits' flag",
    good: memoryOf(1, 1, 2),
    bad: memoryOf(8, 1, 2),
    code: MALFORMED_LIMITS,
  },
  {
    rule: "limits with a maximum have one",
    good: memoryOf(0, 1),
    bad: memoryOf(1, 1),
    code: MALFORMED_END,
  },
  {
    rule: "mutability is 0 or 1",
    good: program({ globals: [global(I32, 1, i32const(1))] }),
    bad: program({ globals: [global(I32, 2, i32const(1))] }),
    code: MALFORMED_MUTABILITY,
  },
  {
    rule: "kinds of exports",
    good: program({ exports: [exportItem("memory", 2, 0), exportItem("main", 0, 0)] }),
    bad: program({ exports: [exportItem("memory", 2, 0), exportItem("main", 5, 0)] }),
    code: MALFORMED_EXTERNAL_KIND,
  },
  {
    rule: "kinds of imports",
    good: program({
      types: [MAIN_TYPE, functionType([I32], [I32])],
      imports: [[...name("env"), ...name("__veracruz_hcall_input_count"), 0, 1]],
    }),
    bad: program({
      types: [MAIN_TYPE, functionType([I32], [I32])],
      imports: [[...name("env"), ...name("__veracruz_hcall_input_count"), 5, 1]],
    }),
    code: MALFORMED_EXTERNAL_KIND,
  },
  {
    rule: "kinds of element segments",
    good: program({ table: [0x70, 0, 1], elements: [[0, ...i32const(0), END, 1, 0]] }),
    bad: program({ table: [0x70, 0, 1], elements: [[8, ...i32const(0), END, 1, 0]] }),
    code: MALFORMED_SEGMENT,
  },
  {
    rule: "kinds of data segments",
    good: program({ data: [[0, ...i32const(0), END, 1, 0x61]] }),
    bad: program({ data: [[3, ...i32const(0), END, 1, 0x61]] }),
    code: MALFORMED_SEGMENT,
  },
  {
    rule: "a segment's flag may be padded",
    good: program({ data: [[...leb(0, 5), ...i32const(0), END, 1, 0x61]] }),
    bad: program({ data: [[...leb(4, 5), ...i32const(0), END, 1, 0x61]] }),
    code: MALFORMED_SEGMENT,
  },
  // Instructions
  {
    rule: "opcodes",
    good: mainWith([nop, ...i32const(0)]),
    bad: mainWith([0xff]),
    code: MALFORMED_OPCODE,
  },
  {
    rule: "opcodes end with 0xc4",
    good: mainWith([...i32const(0), 0xc1]),
    bad: mainWith([...i32const(0), 0xc5]),
    code: MALFORMED_OPCODE,
  },
  {
    rule: "0x27 is no opcode",
    good: mainWith(i32const(0)),
    bad: mainWith([0x27]),
    code: MALFORMED_OPCODE,
  },
  {
    rule: "0x16 is no opcode",
    good: mainWith(i32const(0)),
    bad: mainWith([0x16]),
    code: MALFORMED_OPCODE,
  },
  {
    rule: "opcodes with prefix 0xfc",
    good: mainWith([0x43, 0, 0, 0, 0, 0xfc, 0]),
    bad: mainWith([0xfc, 18]),
    code: MALFORMED_OPCODE,
  },
  {
    rule: "the second part of an opcode may be padded",
    good: mainWith([0x43, 0, 0, 0, 0, 0xfc, 0x80, 0]),
    bad: mainWith([0x43, 0, 0, 0, 0, 0xfc, 0x80, 0x80, 0x80, 0x80, 0x80, 0]),
    code: MALFORMED_INTEGER_LENGTH,
  },
  {
    rule: "memory.size is followed by zero",
    good: mainWith([0x3f, 0]),
    bad: mainWith([0x3f, 1]),
    code: MALFORMED_RESERVED,
  },
  {
    rule: "memory.grow is followed by zero",
    good: mainWith([...i32const(0), 0x40, 0]),
    bad: mainWith([...i32const(0), 0x40, 1]),
    code: MALFORMED_RESERVED,
  },
  {
    rule: "the zero is a byte, not an integer",
    good: mainWith([0x3f, 0]),
    bad: mainWith([0x3f, 0x80, 0]),
    code: MALFORMED_RESERVED,
  },
  {
    rule: "memory.copy is followed by two zeros",
    good: mainWith([
      ...i32const(0),
      ...i32const(0),
      ...i32const(0),
      0xfc,
      10,
      0,
      0,
      ...i32const(0),
    ]),
    bad: mainWith([...i32const(0), ...i32const(0), ...i32const(0), 0xfc, 10, 0, 1, ...i32const(0)]),
    code: MALFORMED_RESERVED,
  },
  {
    rule: "memory.fill is followed by zero",
    good: mainWith([...i32const(0), ...i32const(0), ...i32const(0), 0xfc, 11, 0, ...i32const(0)]),
    bad: mainWith([...i32const(0), ...i32const(0), ...i32const(0), 0xfc, 11, 2, ...i32const(0)]),
    code: MALFORMED_RESERVED,
  },
  {
    rule: "float constants are whole",
    good: mainWith([0x43, 1, 2, 3, 4, 0x1a, ...i32const(0)]),
    bad: program({ bodies: [[5, 0, 0x43, 1, 2, 3]] }),
    code: MALFORMED_END,
  },
  {
    rule: "the table index of call_indirect may be padded",
    good: mainWith([...i32const(0), 0x11, 0, ...leb(0, 5)], { table: [0x70, 0, 1] }),
    bad: mainWith([...i32const(0), 0x11, 0, ...leb(1, 5)], { table: [0x70, 0, 1] }),
    code: INVALID_TABLE_INDEX,
  },
  // Code and data
  {
    rule: "as many bodies as functions",
    good: program({ functions: [0, 0], bodies: [body(i32const(0)), body(i32const(0))] }),
    bad: program({ functions: [0, 0], bodies: [body(i32const(0))] }),
    code: MALFORMED_BODY_COUNT,
  },
  {
    rule: "functions need a code section",
    good: whole,
    bad: program({ sections: { 10: [] } }),
    code: MALFORMED_BODY_COUNT,
  },
  {
    rule: "no bodies without functions",
    good: whole,
    bad: assemble(section(1, vector(MAIN_TYPE)), section(10, vector(body(i32const(0))))),
    code: MALFORMED_BODY_COUNT,
  },
  {
    rule: "a body ends where its size says",
    good: program({ bodies: [[4, 0, ...i32const(0), END]] }),
    bad: program({ bodies: [[5, 0, ...i32const(0), END, nop]] }),
    code: MALFORMED_BODY_SIZE,
  },
  {
    rule: "a body has its last end",
    good: program({ bodies: [[4, 0, ...i32const(0), END]] }),
    bad: program({ bodies: [[3, 0, ...i32const(0)]] }),
    code: MALFORMED_END,
  },
  {
    rule: "a body ends within its section",
    good: whole,
    bad: program({ bodies: [[9, 0, ...i32const(0), END]] }),
    code: MALFORMED_END,
  },
  {
    rule: "a body is not empty",
    good: whole,
    bad: program({ bodies: [[0]] }),
    code: MALFORMED_END,
  },
  {
    rule: "the data count is that of the data section",
    good: program({ dataCount: 1, data: [[0, ...i32const(0), END, 0]] }),
    bad: program({ dataCount: 2, data: [[0, ...i32const(0), END, 0]] }),
    code: MALFORMED_DATA_COUNT,
  },
  {
    rule: "data counted is there",
    good: program({ dataCount: 0 }),
    bad: program({ dataCount: 1 }),
    code: MALFORMED_DATA_COUNT,
  },
  {
    rule: "data ends within its section",
    good: program({ data: [[0, ...i32const(0), END, 2, 1, 2]] }),
    bad: program({ data: [[0, ...i32const(0), END, 3, 1, 2]] }),
    code: MALFORMED_END,
  },
  {
    rule: "elements end within their section",
    good: program({ table: [0x70, 0, 9], elements: [[0, ...i32const(0), END, 1, 0]] }),
    bad: program({ table: [0x70, 0, 9], elements: [[0, ...i32const(0), END, 9, 0]] }),
    code: MALFORMED_END,
  },
];

for (const rule of rules) {
  test(rule.rule, () => {
    assertRule(rule);
  });
}

test("every prefix of a module is refused", () => {
  const module = program({
    types: [MAIN_TYPE, functionType([I32], [I32])],
    imports: [[...name("env"), ...name("__veracruz_hcall_input_count"), 0, 1]],
    table: [0x70, 1, 2, 3],
    globals: [global(I64, 1, [0x42, 0])],
    elements: [[0, ...i32const(0), END, 1, 0]],
    // Without it, the module without its data section would be one, too.
    dataCount: 1,
    data: [[0, ...i32const(0), END, 2, 1, 2]],
  });
  assert.is(checker.check(module).code, 0);
  for (let length = 0; length < module.length; length++) {
    const report = checker.check(module.subarray(0, length));
    assert.ok(report.code !== 0, `${length} bytes of ${module.length} are accepted`);
    assert.ok(report.offset <= length, `offset ${report.offset} beyond ${length} bytes`);
  }
});

test.run();
