// Valid modules made to hurt whoever runs them, and what becomes of each: the code of the refusal, or how
// the run ends. The same list serves the computer (under sanitizers) and the emulated device.
import {
  ABI_DATA_OUTSIDE,
  ABI_ELEMENT_OUTSIDE,
  ABI_START,
  INVALID_OPERAND,
  LIMIT_BRANCH_TABLE,
  LIMIT_COMPILE_STEPS,
  LIMIT_FRAME,
  LIMIT_FUNCTIONS,
  LIMIT_LOCALS,
  LIMIT_MEMORY_INITIAL,
  LIMIT_NESTING,
  LIMIT_PARAMETERS,
  LIMIT_TABLE,
  LIMIT_TYPES,
  MALFORMED_END,
} from "../../assembly/wasm-checker/refusals.js";
import {
  type Bytes,
  body,
  custom,
  DROP,
  END,
  exportItem,
  F64,
  functionType,
  I32,
  I64,
  i32const,
  i64const,
  leb,
  locals,
  MAIN_TYPE,
  mainWith,
  name,
  type Program,
  program,
  section,
  VOID,
} from "./bytes.js";

export interface HostileModule {
  readonly name: string;
  readonly module: () => Uint8Array;
  /** Code of the refusal by profile; 0 where the module is accepted. */
  readonly host: number;
  readonly mcu: number;
  /** How a run ends where it is accepted: `returned`, or wasm3's trap or failure. */
  readonly ends?: RegExp;
}

const repeat = (count: number, ...bytes: number[]): number[] => {
  const all = new Array<number>(count * bytes.length);
  for (let at = 0; at < all.length; at++) all[at] = bytes[at % bytes.length] as number;
  return all;
};
const EXPORTS = [exportItem("memory", 2, 0), exportItem("main", 0, 0)];
const result0 = i32const(0);
const call = (index: number): number[] => [0x10, ...leb(index)];

/** A module whose body is too large for spreading it into arrays of arguments. */
const long = (code: Bytes, parts: Program = {}, groups: Bytes[] = []): Uint8Array =>
  mainWith(code, parts, groups);

/** A recursion without end that passes `count` values of `type` down. */
const recursion = (count: number, type: number): Uint8Array => {
  const values = (source: (index: number) => number[]): number[] =>
    Array.from({ length: count }, (_, index) => source(index)).flat();
  return program({
    types: [MAIN_TYPE, functionType(repeat(count, type), [I32])],
    functions: [0, 1],
    bodies: [
      body([...values(() => (type === I32 ? i32const(1) : i64const(1))), ...call(1)]),
      body([...values((index) => [0x20, ...leb(index)]), ...call(1)]),
    ],
  });
};

/** `functions` functions of `count` locals each. */
const manyLocals = (functions: number, count: number): Uint8Array =>
  program({
    types: [MAIN_TYPE],
    functions: repeat(functions, 0),
    bodies: new Array(functions).fill(body(result0, [locals(count, I64)])),
  });

const TABLE = (size: number): Program => ({ table: [0x70, 0, ...leb(size)] });
/** An endless loop around `code`. */
const endless = (code: Bytes): number[] => [0x03, VOID, ...code, 0x0c, 0, END, ...result0];

export const hostileModules: readonly HostileModule[] = [
  // The compiler's native stack
  {
    name: "100 blocks within blocks",
    module: () => mainWith([...repeat(100, 0x02, VOID), ...repeat(100, END), ...result0]),
    ...{ host: 0, mcu: 0, ends: /^returned$/ },
  },
  {
    name: "101 blocks within blocks",
    module: () => mainWith([...repeat(101, 0x02, VOID), ...repeat(101, END), ...result0]),
    ...{ host: LIMIT_NESTING, mcu: LIMIT_NESTING },
  },
  {
    name: "twenty thousand blocks within blocks",
    module: () => long([...repeat(20_000, 0x02, VOID), ...repeat(20_000, END), ...result0]),
    ...{ host: LIMIT_NESTING, mcu: LIMIT_NESTING },
  },
  {
    name: "a hundred ifs within elses, each with a result",
    module: () =>
      mainWith([
        ...repeat(100, 0x41, 0, 0x04, I32, 0x41, 1, 0x05),
        ...result0,
        ...repeat(100, END),
      ]),
    ...{ host: 0, mcu: 0, ends: /^returned$/ },
  },
  {
    name: "loops within loops, a hundred deep, without end",
    module: () => mainWith([...repeat(100, 0x03, VOID), 0x0c, 99, ...repeat(100, END), ...result0]),
    ...{ host: 0, mcu: 0, ends: /out of fuel/ },
  },
  // Recursion
  {
    name: "recursion without end",
    module: () => mainWith(call(0)),
    ...{ host: 0, mcu: 0, ends: /stack overflow/ },
  },
  {
    name: "recursion with many parameters",
    module: () => recursion(32, I64),
    ...{ host: 0, mcu: 0, ends: /stack overflow/ },
  },
  {
    name: "recursion with very many parameters",
    module: () => recursion(100, I32),
    ...{ host: 0, mcu: LIMIT_PARAMETERS, ends: /stack overflow/ },
  },
  {
    name: "recursion through the table",
    module: () =>
      mainWith([...result0, 0x11, 0, 0], {
        ...TABLE(1),
        elements: [[0, ...result0, END, 1, 0]],
      }),
    ...{ host: 0, mcu: 0, ends: /stack overflow/ },
  },
  {
    name: "recursion of a function with the most locals",
    module: () => mainWith(call(0), {}, [locals(400, I64)]),
    ...{ host: 0, mcu: 0, ends: /stack overflow/ },
  },
  // Locals and operands
  {
    name: "four thousand million locals",
    module: () => mainWith(result0, {}, [locals(2 ** 32 - 1, I64)]),
    ...{ host: LIMIT_LOCALS, mcu: LIMIT_LOCALS },
  },
  {
    name: "groups of locals whose sum wraps around",
    module: () =>
      mainWith(result0, {}, [locals(1, I32), locals(2 ** 31, I64), locals(2 ** 31, I64)]),
    ...{ host: LIMIT_LOCALS, mcu: LIMIT_LOCALS },
  },
  {
    name: "as many functions as there may be, with as many locals",
    module: () => manyLocals(10_000, 1400),
    ...{ host: LIMIT_COMPILE_STEPS, mcu: LIMIT_FUNCTIONS },
  },
  {
    name: "the same within a device's numbers",
    module: () => manyLocals(2000, 400),
    ...{ host: 0, mcu: LIMIT_COMPILE_STEPS, ends: /^returned$/ },
  },
  {
    name: "ten thousand empty groups of locals",
    module: () =>
      mainWith(
        result0,
        {},
        Array.from({ length: 10_000 }, () => locals(0, F64)),
      ),
    ...{ host: 0, mcu: 0, ends: /^returned$/ },
  },
  {
    name: "as many operands as a frame holds",
    module: () => mainWith([...repeat(440, 0x41, 7), ...repeat(439, DROP)]),
    ...{ host: 0, mcu: 0, ends: /^returned$/ },
  },
  {
    name: "one operand more than a frame holds",
    module: () => mainWith([...repeat(1550, 0x41, 7), ...repeat(1549, DROP)]),
    ...{ host: LIMIT_FRAME, mcu: LIMIT_FRAME },
  },
  {
    name: "a local on the stack three hundred times, then set",
    module: () =>
      mainWith(
        [...repeat(300, 0x20, 0), ...i64const(1), 0x21, 0, ...repeat(300, DROP), ...result0],
        {},
        [locals(1, I64)],
      ),
    // wasm3 counts uses in a byte, and says so: refused when it is loaded.
    ...{ host: 0, mcu: 0, ends: /^compile: slot usage count overflow$/ },
  },
  {
    name: "two hundred different constants",
    module: () =>
      mainWith([
        ...Array.from({ length: 200 }, (_, index) => i64const(1_000_003 * index)).flat(),
        ...repeat(199, 0x7c),
        0xa7,
      ]),
    ...{ host: 0, mcu: 0, ends: /^returned$/ },
  },
  // The compiler's time
  {
    name: "locals times operands at every one of thousands of blocks",
    module: () =>
      long(
        [...repeat(700, 0x41, 7), ...repeat(20_000, 0x02, VOID, END), ...repeat(699, DROP)],
        {},
        [locals(800, I32)],
      ),
    ...{ host: LIMIT_COMPILE_STEPS, mcu: LIMIT_LOCALS },
  },
  {
    name: "the same within a device's locals",
    module: () =>
      long(
        [...repeat(200, 0x41, 7), ...repeat(15_000, 0x02, VOID, END), ...repeat(199, DROP)],
        {},
        [locals(200, I32)],
      ),
    ...{ host: 0, mcu: LIMIT_COMPILE_STEPS, ends: /^returned$/ },
  },
  {
    name: "a long body that is never reached",
    module: () => long([0x00, ...repeat(60_000, 0x6a)]),
    ...{ host: 0, mcu: 0, ends: /unreachable executed/ },
  },
  // Branch tables
  {
    name: "a br_table that claims four thousand million labels",
    module: () => mainWith([...result0, 0x0e, ...leb(2 ** 32 - 1), 0, 0]),
    ...{ host: LIMIT_BRANCH_TABLE, mcu: LIMIT_BRANCH_TABLE },
  },
  {
    name: "a br_table with a thousand labels, out of a value-laden block",
    module: () =>
      mainWith([
        0x02,
        F64,
        0x44,
        ...repeat(8, 0),
        0x41,
        3,
        0x0e,
        ...leb(1000),
        ...repeat(1001, 0),
        END,
        0xaa,
      ]),
    ...{ host: 0, mcu: 0, ends: /^returned$/ },
  },
  {
    name: "a br_table with ten thousand labels",
    module: () => long([...result0, ...result0, 0x0e, ...leb(10_000), ...repeat(10_001, 0)]),
    ...{ host: 0, mcu: LIMIT_BRANCH_TABLE, ends: /^returned$/ },
  },
  {
    name: "a br_table with one label too many",
    module: () => long([...result0, ...result0, 0x0e, ...leb(10_001), ...repeat(10_002, 0)]),
    ...{ host: LIMIT_BRANCH_TABLE, mcu: LIMIT_BRANCH_TABLE },
  },
  // Memory
  {
    name: "4 GiB of initial memory",
    module: () => program({ memory: [0, ...leb(65536)] }),
    ...{ host: LIMIT_MEMORY_INITIAL, mcu: LIMIT_MEMORY_INITIAL },
  },
  {
    name: "growing without end",
    module: () => mainWith(endless([...i32const(1), 0x40, 0, DROP])),
    ...{ host: 0, mcu: 0, ends: /out of fuel/ },
  },
  {
    name: "growing by 2^32 - 1 pages, which must not shrink",
    module: () =>
      mainWith([
        ...i32const(-1),
        0x40,
        0,
        ...i32const(-1),
        0x47,
        0x04,
        VOID,
        0,
        END,
        0x3f,
        0,
        ...i32const(1),
        0x6b,
      ]),
    ...{ host: 0, mcu: 0, ends: /^returned$/ },
  },
  {
    name: "no memory at all, and a read",
    module: () => mainWith([...result0, 0x28, 2, 0], { memory: [1, 0, 0] }),
    ...{ host: 0, mcu: 0, ends: /out of bounds memory access/ },
  },
  {
    name: "an address and an offset that wrap around",
    module: () => mainWith([...i32const(-1), 0x28, 0, ...leb(2 ** 32 - 1)]),
    ...{ host: 0, mcu: 0, ends: /out of bounds memory access/ },
  },
  {
    name: "a fill of the whole memory, again and again",
    module: () => mainWith(endless([...result0, ...i32const(1), ...i32const(65536), 0xfc, 11, 0])),
    ...{ host: 0, mcu: 0, ends: /out of fuel/ },
  },
  {
    name: "a copy that reaches one byte beyond",
    module: () =>
      mainWith([...i32const(1), ...result0, ...i32const(65536), 0xfc, 10, 0, 0, ...result0]),
    ...{ host: 0, mcu: 0, ends: /out of bounds memory access/ },
  },
  {
    name: "a fill of no bytes one byte beyond",
    module: () => mainWith([...i32const(65537), ...result0, ...result0, 0xfc, 11, 0, ...result0]),
    ...{ host: 0, mcu: 0, ends: /out of bounds memory access/ },
  },
  {
    name: "data up to the last byte",
    module: () => program({ data: [[0, ...i32const(65535), END, 1, 7]] }),
    ...{ host: 0, mcu: 0, ends: /^returned$/ },
  },
  {
    name: "data one byte beyond",
    module: () => program({ data: [[0, ...i32const(65535), END, 2, 7, 7]] }),
    ...{ host: ABI_DATA_OUTSIDE, mcu: ABI_DATA_OUTSIDE },
  },
  {
    name: "data at an offset that would be negative",
    module: () => program({ data: [[0, ...i32const(-8), END, 8, ...repeat(8, 7)]] }),
    ...{ host: ABI_DATA_OUTSIDE, mcu: ABI_DATA_OUTSIDE },
  },
  {
    name: "data that claims 4 GiB",
    module: () => program({ data: [[0, ...result0, END, ...leb(2 ** 32 - 1), 7]] }),
    ...{ host: MALFORMED_END, mcu: MALFORMED_END },
  },
  // Tables
  {
    name: "a call through an empty element",
    module: () => mainWith([...i32const(5), 0x11, 0, 0], TABLE(10)),
    ...{ host: 0, mcu: 0, ends: /null table element/ },
  },
  {
    name: "a call beyond the table",
    module: () => mainWith([...i32const(-1), 0x11, 0, 0], TABLE(10)),
    ...{ host: 0, mcu: 0, ends: /undefined element/ },
  },
  {
    name: "a call through an element of another type",
    module: () =>
      mainWith([...i64const(1), ...result0, 0x11, 1, 0], {
        ...TABLE(1),
        types: [MAIN_TYPE, functionType([I64], [I32])],
        elements: [[0, ...result0, END, 1, 0]],
      }),
    ...{ host: 0, mcu: 0, ends: /indirect call type mismatch/ },
  },
  {
    name: "a table of four thousand million elements",
    module: () => program(TABLE(2 ** 32 - 1)),
    ...{ host: LIMIT_TABLE, mcu: LIMIT_TABLE },
  },
  {
    name: "elements beyond the table",
    module: () => program({ ...TABLE(1), elements: [[0, ...i32const(1_000_000), END, 1, 0]] }),
    ...{ host: ABI_ELEMENT_OUTSIDE, mcu: ABI_ELEMENT_OUTSIDE },
  },
  // Sections and names
  {
    name: "sections that claim 4 GiB",
    module: () => Uint8Array.from([...program(), 0, ...leb(2 ** 32 - 1), 1, 0x61]),
    ...{ host: MALFORMED_END, mcu: MALFORMED_END },
  },
  {
    name: "a million types in a section of five bytes",
    module: () => program({ sections: { 1: [1, 5, ...leb(1_000_000), 0x60, 0] } }),
    ...{ host: LIMIT_TYPES, mcu: LIMIT_TYPES },
  },
  {
    name: "a name section that points before its beginning",
    module: () =>
      Uint8Array.from([...program(), ...custom("name", [1, ...leb(2 ** 32 - 4), 1, 0, 1, 0x61])]),
    ...{ host: 0, mcu: 0, ends: /^returned$/ },
  },
  {
    name: "main exported under four other names before",
    module: () =>
      program({
        exports: [
          exportItem("memory", 2, 0),
          ...["a", "b", "c", "d"].map((title) => exportItem(title, 0, 0)),
          exportItem("main", 0, 0),
        ],
      }),
    ...{ host: 0, mcu: 0, ends: /^returned$/ },
  },
  {
    name: "another function that the name section calls main",
    module: () =>
      Uint8Array.from([
        ...program({
          types: [functionType([I64, I64], [F64]), MAIN_TYPE],
          functions: [0, 1],
          exports: [exportItem("memory", 2, 0), exportItem("main", 0, 1), exportItem("z", 0, 1)],
          bodies: [body([0x00]), body(result0)],
        }),
        ...custom("name", [1, 7, 1, 0, ...name("main")]),
      ]),
    ...{ host: 0, mcu: 0, ends: /^returned$/ },
  },
  {
    name: "a start function",
    module: () =>
      program({
        types: [MAIN_TYPE, functionType([], [])],
        functions: [0, 1],
        bodies: [body(result0), body(endless([]).slice(0, -2))],
        sections: { 8: section(8, [1]) },
      }),
    ...{ host: ABI_START, mcu: ABI_START },
  },
  {
    name: "as many functions as there may be",
    module: () =>
      program({
        functions: repeat(2000, 0),
        bodies: Array.from({ length: 2000 }, (_, index) => body(call((index + 1) % 2000))),
        exports: EXPORTS,
      }),
    ...{ host: 0, mcu: 0, ends: /stack overflow|out of fuel/ },
  },
];

/**
 * Invalid modules that make wasm3 write or read where it must not, when nothing checks them before: why
 * there is a checker. Each with the code of its refusal.
 */
export const wildModules: readonly { name: string; module: Uint8Array; code: number }[] = [
  {
    name: "a block that is to leave a float and leaves an integer",
    module: mainWith([0x02, F64, ...i32const(7), END, DROP, ...result0]),
    code: INVALID_OPERAND,
  },
  {
    name: "a branch with an integer to a block that gives a float",
    module: mainWith([
      0x02,
      F64,
      0x02,
      VOID,
      ...i32const(7),
      0x0c,
      1,
      END,
      0,
      END,
      DROP,
      ...result0,
    ]),
    code: INVALID_OPERAND,
  },
  {
    name: "a 64-bit addition of two 32-bit values",
    module: mainWith([0x20, 0, 0x20, 1, 0x7c, 0xa7], {}, [locals(3, I32)]),
    code: INVALID_OPERAND,
  },
];
