// What a module declares, as far as its function bodies refer to it, and the reader over its bytes. The
// module was accepted by the checker: nothing is checked again.

import {
  OP_BLOCK,
  OP_BR,
  OP_BR_IF,
  OP_BR_TABLE,
  OP_CALL,
  OP_CALL_INDIRECT,
  OP_F32_CONST,
  OP_F64_CONST,
  OP_GLOBAL_SET,
  OP_I32_CONST,
  OP_I32_EQZ,
  OP_I32_LOAD,
  OP_I64_CONST,
  OP_I64_STORE32,
  OP_IF,
  OP_LOCAL_GET,
  OP_LOOP,
  OP_MEMORY_GROW,
  OP_MEMORY_SIZE,
  PREFIX_MISC,
} from "../wasm-checker/opcodes";
import { Encoder } from "./encoder";
import { Operands } from "./operands";

/** Value types of two bits, as in the checker's signatures. */
export const I32: u32 = 0;
export const I64: u32 = 1;
export const F32: u32 = 2;
export const F64: u32 = 3;
/** No value. */
export const NOTHING: u32 = 4;

/** Bytes of a type's record: u32 address of its parameters, u16 their words, u8 their number, u8 type of
 * the result, u32 the first type that is equal. */
export const TYPE_RECORD: u32 = 12;

/** Set in a function's entry when its code is there; else the entry is the last call that waits for it. */
export const KNOWN: u32 = 0x80000000;

/** Type byte of the binary format (0x7f i32 … 0x7c f64, or 0x40) to type. */
export function typeOf(byte: u32): u32 {
  const type: u32 = 0x7f - byte;
  return type <= F64 ? type : NOTHING;
}

/** Words of a value of `type`. */
export function wordsOf(type: u32): u32 {
  return type === NOTHING ? 0 : 1 + (type & 1);
}

/** What a module declares. */
@unmanaged
export class Tables extends Operands {
  /** Next byte of the module. */
  static read: usize = 0;

  static types: usize = 0;
  /** u16 type of each function. */
  static functionTypes: usize = 0;
  /** u32 for each function. */
  static functions: usize = 0;
  static functionCount: u32 = 0;
  static importCount: u32 = 0;
  /** u16 for each global: first word · 8 + type · 2 + mutable. */
  static globals: usize = 0;
  /** u32 initial value of each word of the globals. */
  static globalValues: usize = 0;
  static globalWords: u32 = 0;
  static tableElements: u32 = 0;
  static initialPages: u32 = 0;
  static maximumPages: u32 = 0;
  /** Whether memory can grow. */
  static grows: bool = false;
  /** Bytes that memory has at least; unless these vary, checks are against this constant. */
  static boundBytes: u64 = 0;
  static boundVaries: bool = false;
  /** For a module that the home itself is made of: no fuel, no look at the stack's limit, imports called at once. */
  static native: bool = false;

  /** Where the program begins; offsets count from here. */
  static origin: usize = 0;
  /** Offset of the first of the trap stubs, and of those below. */
  static trapStubs: u32 = 0;
  static refillStub: u32 = 0;
  static importStubs: u32 = 0;

  byte(): u32 {
    return load<u8>(Tables.read++);
  }

  u32(): u32 {
    let byte: u32 = load<u8>(Tables.read++);
    let value = byte & 0x7f;
    for (let shift: u32 = 7; byte >= 0x80; shift += 7) {
      byte = load<u8>(Tables.read++);
      value |= (byte & 0x7f) << shift;
    }
    return value;
  }

  /** A signed LEB128 of up to 64 bits. */
  signed(): i64 {
    let value: u64 = 0;
    let shift: u32 = 0;
    let byte: u32;
    do {
      byte = load<u8>(Tables.read++);
      value |= ((byte & 0x7f) as u64) << shift;
      shift += 7;
    } while (byte >= 0x80);
    if (shift >= 64) return value as i64;
    return ((value << (64 - shift)) as i64) >> (64 - shift);
  }

  skipLeb(): void {
    while (load<u8>(Tables.read++) >= 0x80) {}
  }

  /** Skips what follows `opcode` up to the next instruction. */
  skipImmediates(opcode: u32): void {
    if (opcode >= OP_LOCAL_GET && opcode <= OP_GLOBAL_SET) this.skipLeb();
    else if (opcode >= OP_I32_LOAD && opcode <= OP_I64_STORE32) {
      this.skipLeb();
      this.skipLeb();
    } else if (opcode === OP_I32_CONST || opcode === OP_I64_CONST) this.skipLeb();
    else if (opcode >= OP_I32_EQZ && opcode < PREFIX_MISC) return;
    else {
      switch (opcode) {
        case OP_BLOCK:
        case OP_LOOP:
        case OP_IF:
        case OP_MEMORY_SIZE:
        case OP_MEMORY_GROW:
          Tables.read++;
          break;
        case OP_BR:
        case OP_BR_IF:
        case OP_CALL:
          this.skipLeb();
          break;
        case OP_BR_TABLE:
          for (let count = this.u32() + 1; count > 0; count--) this.skipLeb();
          break;
        case OP_CALL_INDIRECT:
          this.skipLeb();
          this.skipLeb();
          break;
        case OP_F32_CONST:
          Tables.read += 4;
          break;
        case OP_F64_CONST:
          Tables.read += 8;
          break;
        case PREFIX_MISC: {
          const sub = this.u32();
          if (sub === 10) Tables.read += 2;
          else if (sub === 11) Tables.read++;
          break;
        }
      }
    }
  }

  type(index: u32): usize {
    return Tables.types + index * TYPE_RECORD;
  }

  typeOfFunction(index: u32): usize {
    return this.type(load<u16>(Tables.functionTypes + (index << 1)));
  }

  offsetHere(): u32 {
    return (Encoder.out - Tables.origin) as u32;
  }

  trapStub(kind: u32): usize {
    return Tables.origin + Tables.trapStubs + (kind - 1) * 6;
  }
}

/** Words of a type's parameters. */
export function parameterWords(type: usize): u32 {
  return load<u16>(type, 4);
}

/** Parameters of a type. */
export function parameterCount(type: usize): u32 {
  return load<u8>(type, 6);
}

/** Type of the result, or `NOTHING`. */
export function resultOf(type: usize): u32 {
  return load<u8>(type, 7);
}

/** Type of one of a type's parameters. */
export function parameterType(type: usize, index: u32): u32 {
  return typeOf(load<u8>((load<u32>(type) as usize) + index));
}

/** The number of the first type equal to this one. */
export function canonicalType(type: usize): u32 {
  return load<u32>(type, 8);
}
