// A small builder of WebAssembly binaries, so that tests can write what no assembler would.

import { leb128 as leb } from "../../host/common/leb128.js";

export { leb };

export type Bytes = readonly number[];

/** Signed LEB128 of an i32 or i64. */
export function signed(value: number | bigint): number[] {
  const bytes: number[] = [];
  let rest = BigInt(value);
  for (;;) {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    const done = (rest === 0n && (low & 0x40) === 0) || (rest === -1n && (low & 0x40) !== 0);
    bytes.push(done ? low : low | 0x80);
    if (done) return bytes;
  }
}

export const ascii = (text: string): number[] => [...Buffer.from(text, "utf8")];
export const name = (text: string): number[] => [...leb(ascii(text).length), ...ascii(text)];
/** A vector: its count, then its items. */
export const vector = (...items: Bytes[]): number[] => [...leb(items.length), ...items.flat()];
export const section = (id: number, ...parts: Bytes[]): number[] => {
  const content = parts.flat();
  return [id, ...leb(content.length), ...content];
};
export const custom = (title: string, content: Bytes = []): number[] =>
  section(0, name(title), content);

export const I32 = 0x7f;
export const I64 = 0x7e;
export const F32 = 0x7d;
export const F64 = 0x7c;
export const VOID = 0x40;
export const END = 0x0b;

export const functionType = (parameters: Bytes, results: Bytes): number[] => [
  0x60,
  ...leb(parameters.length),
  ...parameters,
  ...leb(results.length),
  ...results,
];
/** A function body: its groups of locals and its instructions, without the last `end`. */
export const body = (instructions: Bytes, locals: Bytes[] = []): number[] => {
  const content = [...vector(...locals), ...instructions, END];
  return [...leb(content.length), ...content];
};
export const locals = (count: number, type: number): number[] => [...leb(count), type];
/** `drop`. */
export const DROP = 0x1a;
export const i32const = (value: number): number[] => [0x41, ...signed(value)];
export const i64const = (value: number | bigint): number[] => [0x42, ...signed(value)];
export const f32const: Bytes = [0x43, 0, 0, 0, 0];
export const f64const: Bytes = [0x44, 0, 0, 0, 0, 0, 0, 0, 0];
/** A constant of a value type. */
export const constant = (type: number): Bytes =>
  type === I32 ? i32const(1) : type === I64 ? i64const(1) : type === F32 ? f32const : f64const;

export const exportItem = (title: string, kind: number, index: number): number[] => [
  ...name(title),
  kind,
  ...leb(index),
];
export const importFunction = (module: string, field: string, type: number): number[] => [
  ...name(module),
  ...name(field),
  0,
  ...leb(type),
];

export const MAGIC: Bytes = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
export const assemble = (...parts: Bytes[]): Uint8Array =>
  Uint8Array.from([...MAGIC, ...parts.flat()]);

/** What a program is made of; what is absent is what the smallest acceptable program has. */
export interface Program {
  /** Function types. 0 is `() -> i32`, that of `main`, unless replaced. */
  types?: Bytes[];
  imports?: Bytes[];
  /** Type index of each function. */
  functions?: number[];
  table?: Bytes;
  memory?: Bytes;
  globals?: Bytes[];
  exports?: Bytes[];
  elements?: Bytes[];
  dataCount?: number;
  bodies?: Bytes[];
  data?: Bytes[];
  /** Whole sections by id, in place of those made from the above. */
  sections?: Record<number, Bytes>;
}

export const MAIN_TYPE = functionType([], [I32]);

/** A program with `memory` and `main`, changed where the argument says so. */
export function program(parts: Program = {}): Uint8Array {
  const {
    types = [MAIN_TYPE],
    imports,
    functions = [0],
    table,
    memory = [0, 1],
    globals,
    exports = [exportItem("memory", 2, 0), exportItem("main", 0, imports?.length ?? 0)],
    elements,
    dataCount,
    bodies = [body(i32const(0))],
    data,
    sections = {},
  } = parts;
  const made: [number, number[]][] = [[1, section(1, vector(...types))]];
  if (imports) made.push([2, section(2, vector(...imports))]);
  made.push([3, section(3, vector(...functions.map((type) => leb(type))))]);
  if (table) made.push([4, section(4, vector(table))]);
  made.push([5, section(5, vector(memory))]);
  if (globals) made.push([6, section(6, vector(...globals))]);
  made.push([7, section(7, vector(...exports))]);
  if (elements) made.push([9, section(9, vector(...elements))]);
  if (dataCount !== undefined) made.push([12, section(12, leb(dataCount))]);
  made.push([10, section(10, vector(...bodies))]);
  if (data) made.push([11, section(11, vector(...data))]);
  const order = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 10, 11];
  const all = new Map<number, Bytes>(made);
  for (const [id, bytes] of Object.entries(sections)) all.set(Number(id), bytes);
  return assemble(...order.map((id) => all.get(id) ?? []));
}

/** A program whose `main` runs `instructions`, which leave an i32. */
export const mainWith = (instructions: Bytes, parts: Program = {}, groups: Bytes[] = []) =>
  program({ ...parts, bodies: [body(instructions, groups), ...(parts.bodies ?? [])] });
