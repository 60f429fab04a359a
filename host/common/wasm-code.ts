// What it takes to make a copy of a module with more instructions in it: where an instruction ends, and a builder. For
// modules that the WASM checker accepts.

import { leb128, readU32 } from "./leb128.js";

/** Value types and the type of a block without a result; core specification 5.3.1 and 5.4.1. */
export const I32 = 0x7f;
export const I64 = 0x7e;
export const NO_RESULT = 0x40;
/** Begins a function's type; core specification 5.3.6. */
export const FUNCTION_TYPE = 0x60;

/** Opcodes that a copy needs to know; core specification 5.4. */
export const OP = {
  unreachable: 0x00,
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  end: 0x0b,
  br: 0x0c,
  brIf: 0x0d,
  brTable: 0x0e,
  return: 0x0f,
  call: 0x10,
  callIndirect: 0x11,
  localGet: 0x20,
  localSet: 0x21,
  localTee: 0x22,
  globalGet: 0x23,
  globalSet: 0x24,
  load: 0x28,
  store64: 0x3e,
  memorySize: 0x3f,
  memoryGrow: 0x40,
  i32Const: 0x41,
  i64Const: 0x42,
  f32Const: 0x43,
  f64Const: 0x44,
  i32Ne: 0x47,
  i64Eqz: 0x50,
  i64LtU: 0x54,
  i64Sub: 0x7d,
  i64Shl: 0x86,
  i64ShrU: 0x88,
  i64ExtendI32U: 0xad,
  prefix: 0xfc,
} as const;

/** Operations behind the prefix that fill or copy memory. */
export const BULK = { memoryCopy: 10, memoryFill: 11 } as const;

/** A signed LEB128 of a number from 0. */
export function signedLeb(value: number): number[] {
  const bytes = leb128(value);
  // A last byte whose bit 6 is set would be read as negative.
  return (bytes.at(-1) as number) & 0x40
    ? [...bytes.slice(0, -1), (bytes.at(-1) as number) | 0x80, 0]
    : bytes;
}

/** A name of one-byte characters, as modules hold it. */
export const nameBytes = (name: string): number[] => [
  ...leb128(name.length),
  ...Buffer.from(name, "latin1"),
];

/** Bytes that grow without a limit on arguments. */
export class WasmBuilder {
  private buffer = new Uint8Array(1024);
  length = 0;

  push(...bytes: number[]): void {
    this.append(Uint8Array.from(bytes));
  }

  append(bytes: Uint8Array): void {
    if (this.length + bytes.length > this.buffer.length) {
      const larger = new Uint8Array(2 * (this.length + bytes.length));
      larger.set(this.buffer);
      this.buffer = larger;
    }
    this.buffer.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** A section; where its content begins. */
  section(id: number, content: WasmBuilder): number {
    this.push(id, ...leb128(content.length));
    const start = this.length;
    this.append(content.bytes);
    return start;
  }

  get bytes(): Uint8Array<ArrayBuffer> {
    return this.buffer.slice(0, this.length);
  }
}

/** Where the instruction at this offset ends. */
export function instructionEnd(program: Uint8Array, at: number): number {
  const opcode = program[at] as number;
  const skip = (from: number): number => {
    let offset = from;
    while ((program[offset] as number) >= 0x80) offset++;
    return offset + 1;
  };
  switch (opcode) {
    case OP.brTable: {
      let [count, next] = readU32(program, at + 1);
      for (; count >= 0; count--) next = skip(next);
      return next;
    }
    case OP.callIndirect:
      return skip(skip(at + 1));
    case OP.f32Const:
      return at + 5;
    case OP.f64Const:
      return at + 9;
    case OP.prefix: {
      const [operation, next] = readU32(program, at + 1);
      return operation === BULK.memoryCopy
        ? next + 2
        : operation === BULK.memoryFill
          ? next + 1
          : next;
    }
  }
  if (opcode >= OP.load && opcode <= OP.store64) return skip(skip(at + 1));
  const one =
    (opcode >= OP.block && opcode <= OP.if) ||
    (opcode >= OP.br && opcode <= OP.brIf) ||
    opcode === OP.call ||
    (opcode >= OP.localGet && opcode <= OP.globalSet) ||
    (opcode >= OP.memorySize && opcode <= OP.i64Const);
  return one ? skip(at + 1) : at + 1;
}

/** Where the constant expression at this offset ends, behind its `end`. */
export function expressionEnd(program: Uint8Array, start: number): number {
  let at = start;
  while (program[at] !== OP.end) at = instructionEnd(program, at);
  return at + 1;
}
