/**
 * Compiles a whole module: what the checker accepted, and nothing else. The result is one block of bytes,
 * `layout.ts` says in which order, that may lie anywhere.
 */

import { hcallOf } from "../wasm-checker/hcalls";
import { OP_F32_CONST, OP_I32_CONST, OP_I64_CONST, OP_MEMORY_GROW } from "../wasm-checker/opcodes";
import {
  SECTION_CODE,
  SECTION_DATA,
  SECTION_ELEMENT,
  SECTION_EXPORT,
  SECTION_FUNCTION,
  SECTION_GLOBAL,
  SECTION_IMPORT,
  SECTION_MEMORY,
  SECTION_TABLE,
  SECTION_TYPE,
} from "../wasm-checker/section-ids";
import { Body, FRAME_RECORD } from "./body";
import { Encoder, LDR, PC, R11, R12 } from "./encoder";
import { Floats } from "./floats";
import {
  CODE_TRAPS,
  CONTEXT_GLOBALS,
  CONTEXT_IMPORT,
  CONTEXT_REFILL,
  CONTEXT_TRAP,
  GLOBAL_WORDS,
  HEAD_BYTES,
  HEAD_CODE,
  HEAD_DATA,
  HEAD_DATA_SEGMENTS,
  HEAD_EXPORT_COUNT,
  HEAD_EXPORTS,
  HEAD_FIXED_BYTES,
  HEAD_GLOBAL_WORDS,
  HEAD_GLOBALS,
  HEAD_IMPORT_COUNT,
  HEAD_IMPORTS,
  HEAD_INITIAL_PAGES,
  HEAD_MAGIC,
  HEAD_MAIN,
  HEAD_MAXIMUM_PAGES,
  HEAD_SIZE,
  HEAD_TABLE,
  HEAD_TABLE_ELEMENTS,
  NO_HCALL,
  PROGRAM_MAGIC,
} from "./layout";
import { Locals } from "./locals";
import { Memory } from "./memory";
import { LOCAL_RECORD, NONE, Operands } from "./operands";
import { KNOWN, Tables, TYPE_RECORD, typeOf, wordsOf } from "./tables";

/** What a compilation ends with. */
export const COMPILED: u32 = 0;
/** The buffer for the result is too small. */
export const TOO_SMALL: u32 = 1;
/** More globals than code can reach. */
export const TOO_MANY_GLOBALS: u32 = 3;
/** The code is longer than a conditional branch reaches. */
export const TOO_LONG: u32 = 4;

const PAGE_SHIFT: u32 = 16;

/** Bytes that a conditional branch can go back. */
const LONGEST: u32 = 1 << 20;

/** How to compile. */
@unmanaged
export class CompileOptions {
  /** 1: the processor has single precision. */
  floats: u32 = 0;
  /** The most pages that memory may have, whatever the module declares. */
  pages: u32 = 65536;
  /** Where pairs of offsets go, see `Body.places`; 0 for none. */
  places: usize = 0;
  placesEnd: usize = 0;
  /** 1: without bounds checks, for tests of the memory protection behind them. */
  unchecked: u32 = 0;
  /** Of a module that the home itself is made of, the bytes that back its memory, whatever it declares; else 0. */
  native: u32 = 0;
}

/** Of such a module, more than any function of this project's has. */
export const NATIVE_FRAME: u32 = 8192;
export const NATIVE_NESTING: u32 = 1024;

/** What the checker reported of the module, as far as room depends on it. */
@unmanaged
export class Counts {
  types: u32 = 0;
  functions: u32 = 0;
  imports: u32 = 0;
  globals: u32 = 0;
  /** Parameters, locals, operands and blocks of a function. */
  frame: u32 = 0;
  nesting: u32 = 0;
}

function aligned(bytes: u32): u32 {
  return (bytes + 7) & ~7;
}

/** Bytes that a compilation needs beside the module and the result. */
export function compilerBytes(counts: Counts): u32 {
  return (
    aligned((counts.frame + 2) * 16) + // operands: two words each
    aligned(64) +
    aligned(64) +
    aligned(128) +
    aligned(32) +
    aligned((counts.frame + 2) * 2 * LOCAL_RECORD) +
    aligned((counts.frame + 2) * 2) +
    aligned(counts.nesting + 2) +
    aligned((counts.nesting + 2) * FRAME_RECORD) +
    aligned(counts.types * TYPE_RECORD) +
    aligned((counts.functions + counts.imports) * 2) +
    aligned((counts.functions + counts.imports) * 4) +
    aligned(counts.globals * 2) +
    aligned(counts.globals * 8)
  );
}

/**
 * A module, and what its compilation knows. There is one compilation at a time: the state of all these classes is static,
 * as a global takes two bytes of WebAssembly where a field of an object takes six. What is not set where its use begins,
 * `start` sets anew.
 */
@unmanaged
export class Compiler extends Body {
  private static wasmEnd: usize = 0;
  private static next: usize = 0;
  private static elements: usize = 0;
  private static exportsAt: usize = 0;
  private static importsAt: usize = 0;
  private static codes: usize = 0;
  private static datas: usize = 0;

  private take(bytes: u32): usize {
    const place = Compiler.next;
    Compiler.next = place + aligned(bytes);
    return place;
  }

  private lay(block: usize, counts: Counts): void {
    Compiler.next = block;
    Operands.words = this.take((counts.frame + 2) * 16);
    Operands.wordsCapacity = (counts.frame + 2) * 2;
    Operands.owners = this.take(64);
    Operands.moves = this.take(64);
    Operands.copies = this.take(128);
    Locals.extents = this.take(32);
    Operands.locals = this.take((counts.frame + 2) * 2 * LOCAL_RECORD);
    Locals.localNumbers = this.take((counts.frame + 2) * 2);
    Locals.localCapacity = counts.frame + 2;
    Locals.kinds = this.take(counts.nesting + 2);
    Body.frames = this.take((counts.nesting + 2) * FRAME_RECORD);
    Tables.types = this.take(counts.types * TYPE_RECORD);
    Tables.functionTypes = this.take((counts.functions + counts.imports) * 2);
    Tables.functions = this.take((counts.functions + counts.imports) * 4);
    Tables.globals = this.take(counts.globals * 2);
    Tables.globalValues = this.take(counts.globals * 8);
    memory.fill(Tables.functions, 0, (counts.functions + counts.imports) * 4);
  }

  /** Compiles the `length` bytes at `wasm` into the `capacity` bytes at `out`, aligned to 4. */
  start(
    block: usize,
    counts: Counts,
    options: CompileOptions,
    wasm: usize,
    length: u32,
    out: usize,
    capacity: u32,
  ): u32 {
    this.lay(block, counts);
    Encoder.out = out;
    Encoder.outEnd = out + capacity;
    Tables.origin = out;
    Encoder.full = false;
    Encoder.keepFlags = false;
    Operands.failure = 0;
    Operands.epoch = 1;
    Floats.floats = options.floats !== 0;
    Memory.unchecked = options.unchecked !== 0;
    Body.module = wasm;
    Body.places = options.places;
    Body.placesEnd = options.placesEnd;
    Tables.initialPages = 0;
    Tables.maximumPages = 0;
    Operands.baseRegister = NONE;
    Compiler.wasmEnd = wasm + length;
    Tables.read = wasm + 8;
    this.declarations();
    if (Tables.globalWords > GLOBAL_WORDS) return TOO_MANY_GLOBALS;
    Tables.maximumPages = min(Tables.maximumPages, options.pages);
    if (Tables.grows && Tables.maximumPages <= Tables.initialPages) Tables.grows = false;
    Tables.native = options.native !== 0;
    Tables.boundBytes = Tables.native
      ? (options.native as u64)
      : (Tables.initialPages as u64) << PAGE_SHIFT;
    Tables.boundVaries = Tables.grows && !Tables.native;
    if (Tables.native && Tables.globalWords + Tables.importCount > GLOBAL_WORDS)
      return TOO_MANY_GLOBALS;
    if (capacity < HEAD_SIZE) return TOO_SMALL;
    memory.fill(out, 0, HEAD_SIZE);
    Encoder.out = out + HEAD_SIZE;
    this.stubs();
    this.bodies();
    if (!Encoder.full && !this.failed) {
      if (this.offsetHere() > LONGEST) return TOO_LONG;
      this.tables();
    }
    options.places = Body.places;
    if (this.failed) return Operands.failure;
    return Encoder.full ? TOO_SMALL : COMPILED;
  }

  // Declarations

  private declarations(): void {
    Tables.importCount = 0;
    Tables.functionCount = 0;
    Tables.globalWords = 0;
    Tables.tableElements = 0;
    Compiler.elements = 0;
    Compiler.exportsAt = 0;
    Compiler.importsAt = 0;
    Compiler.codes = 0;
    Compiler.datas = 0;
    while (Tables.read < Compiler.wasmEnd) {
      const id = this.byte();
      const size = this.u32();
      const next = Tables.read + size;
      switch (id) {
        case SECTION_TYPE:
          this.typeSection();
          break;
        case SECTION_IMPORT:
          Compiler.importsAt = Tables.read;
          this.importSection();
          break;
        case SECTION_FUNCTION:
          for (let count = this.u32(); count > 0; count--) this.addFunction(this.u32());
          break;
        case SECTION_TABLE:
          if (this.u32() > 0) {
            Tables.read++;
            this.byte();
            Tables.tableElements = this.u32();
          }
          break;
        case SECTION_MEMORY:
          if (this.u32() > 0) {
            const bounded = this.byte();
            Tables.initialPages = this.u32();
            Tables.maximumPages = bounded !== 0 ? this.u32() : 65536;
          }
          break;
        case SECTION_GLOBAL:
          this.globalSection();
          break;
        case SECTION_EXPORT:
          Compiler.exportsAt = Tables.read;
          break;
        case SECTION_ELEMENT:
          Compiler.elements = Tables.read;
          break;
        case SECTION_CODE:
          Compiler.codes = Tables.read;
          break;
        case SECTION_DATA:
          Compiler.datas = Tables.read;
          break;
      }
      Tables.read = next;
    }
    Tables.grows = this.usesGrow();
  }

  private typeSection(): void {
    const count = this.u32();
    for (let i: u32 = 0; i < count; i++) {
      const type = this.type(i);
      Tables.read++;
      const parameters = this.u32();
      store<u32>(type, Tables.read as u32);
      let words: u32 = 0;
      for (let p: u32 = 0; p < parameters; p++) words += wordsOf(typeOf(this.byte()));
      store<u16>(type, words as u16, 4);
      store<u8>(type, parameters as u8, 6);
      const results = this.u32();
      store<u8>(type, (results > 0 ? typeOf(this.byte()) : 4) as u8, 7);
      let first: u32 = 0;
      while (first < i && !this.sameType(this.type(first), type)) first++;
      store<u32>(type, first, 8);
    }
  }

  private sameType(first: usize, second: usize): bool {
    if (load<u32>(first, 4) !== load<u32>(second, 4)) return false;
    const parameters: u32 = load<u8>(first, 6);
    return memory.compare(load<u32>(first) as usize, load<u32>(second) as usize, parameters) === 0;
  }

  private addFunction(type: u32): void {
    store<u16>(Tables.functionTypes + (Tables.functionCount << 1), type as u16);
    Tables.functionCount++;
  }

  private skipName(): void {
    const length = this.u32();
    Tables.read += length;
  }

  private importSection(): void {
    for (let count = this.u32(); count > 0; count--) {
      this.skipName();
      this.skipName();
      Tables.read++;
      this.addFunction(this.u32());
      Tables.importCount++;
    }
  }

  private globalSection(): void {
    let word: u32 = 0;
    const count = this.u32();
    for (let i: u32 = 0; i < count; i++) {
      const type = typeOf(this.byte());
      const mutable = this.byte();
      store<u16>(Tables.globals + (i << 1), ((word << 3) | (type << 1) | mutable) as u16);
      const opcode = this.byte();
      let value: u64 = 0;
      if (opcode === OP_I32_CONST || opcode === OP_I64_CONST) value = this.signed() as u64;
      else if (opcode === OP_F32_CONST) {
        value = load<u32>(Tables.read);
        Tables.read += 4;
      } else {
        value = load<u64>(Tables.read);
        Tables.read += 8;
      }
      Tables.read++; // end
      store<u32>(Tables.globalValues + (word << 2), value as u32);
      if (wordsOf(type) === 2)
        store<u32>(Tables.globalValues + (word << 2), (value >>> 32) as u32, 4);
      word += wordsOf(type);
    }
    Tables.globalWords = word;
  }

  /** Whether `memory.grow` is anywhere. */
  private usesGrow(): bool {
    if (Compiler.codes === 0) return false;
    Tables.read = Compiler.codes;
    for (let count = this.u32(); count > 0; count--) {
      const size = this.u32();
      const end = Tables.read + size;
      for (let groups = this.u32(); groups > 0; groups--) {
        this.skipLeb();
        Tables.read++;
      }
      while (Tables.read < end) {
        const opcode = this.byte();
        if (opcode === OP_MEMORY_GROW) return true;
        this.skipImmediates(opcode);
      }
    }
    return false;
  }

  // Code

  private stubs(): void {
    Tables.trapStubs = this.offsetHere();
    for (let kind: u32 = 1; kind <= CODE_TRAPS; kind++) {
      this.half(0x2000 | kind); // movs r0, #kind
      this.access(LDR, PC, R11, -(CONTEXT_TRAP as i32));
    }
    Tables.refillStub = this.offsetHere();
    this.access(LDR, PC, R11, -(CONTEXT_REFILL as i32));
    Tables.importStubs = this.offsetHere();
    for (let i: u32 = 0; i < Tables.importCount; i++) {
      store<u32>(Tables.functions + (i << 2), this.offsetHere() | KNOWN);
      if (Tables.native) {
        this.addTwelve(R12, R11, CONTEXT_GLOBALS + ((Tables.globalWords + i + 1) << 2), true);
        this.access(LDR, PC, R12, 0);
      } else {
        this.constant(R12, i);
        this.access(LDR, PC, R11, -(CONTEXT_IMPORT as i32));
      }
    }
  }

  private bodies(): void {
    if (Compiler.codes === 0) return;
    Tables.read = Compiler.codes;
    const count = this.u32();
    for (let i: u32 = 0; i < count && !this.failed && !Encoder.full; i++) {
      const size = this.u32();
      const end = Tables.read + size;
      const index = Tables.importCount + i;
      this.compile(index, this.typeOfFunction(index), end);
      Tables.read = end;
    }
  }

  // Tables

  private align(): void {
    if ((this.offsetHere() & 2) !== 0) this.nop();
  }

  private head(field: u32, value: u32): void {
    store<u32>(Tables.origin + field, value);
  }

  private codeOf(index: u32): u32 {
    return load<u32>(Tables.functions + (index << 2)) & ~KNOWN;
  }

  private tables(): void {
    this.align();
    this.head(HEAD_MAGIC, PROGRAM_MAGIC);
    this.head(HEAD_CODE, HEAD_SIZE);
    this.head(HEAD_TABLE, this.offsetHere());
    this.head(HEAD_TABLE_ELEMENTS, Tables.tableElements);
    this.functionTable();
    this.head(HEAD_GLOBALS, this.offsetHere());
    this.head(HEAD_GLOBAL_WORDS, Tables.globalWords);
    for (let i: u32 = 0; i < Tables.globalWords; i++) {
      this.word(load<u32>(Tables.globalValues + (i << 2)));
    }
    this.exportTable();
    this.importTable();
    this.dataSegments();
    this.head(HEAD_INITIAL_PAGES, Tables.initialPages);
    this.head(HEAD_MAXIMUM_PAGES, Tables.maximumPages);
    this.head(HEAD_FIXED_BYTES, Tables.boundVaries ? 0 : (Tables.boundBytes as u32));
    this.head(HEAD_BYTES, this.offsetHere());
  }

  private functionTable(): void {
    const table = Encoder.out;
    for (let i: u32 = 0; i < Tables.tableElements; i++) {
      this.word(0xffffffff);
      this.word(0);
    }
    if (Encoder.full || Compiler.elements === 0) return;
    Tables.read = Compiler.elements;
    for (let segments = this.u32(); segments > 0; segments--) {
      this.u32();
      Tables.read++;
      const offset = this.signed() as u32;
      Tables.read++;
      const count = this.u32();
      for (let i: u32 = 0; i < count; i++) {
        const index = this.u32();
        const element = table + ((offset + i) << 3);
        store<u32>(element, load<u32>(this.typeOfFunction(index), 8));
        const code = Tables.origin + this.codeOf(index) + 1;
        store<u32>(element, (code - element) as u32, 4);
      }
    }
  }

  private exportTable(): void {
    this.head(HEAD_EXPORTS, this.offsetHere());
    let functions: u32 = 0;
    if (Compiler.exportsAt !== 0) {
      Tables.read = Compiler.exportsAt;
      for (let count = this.u32(); count > 0; count--) {
        const length = this.u32();
        const name = Tables.read;
        Tables.read += length;
        const kind = this.byte();
        const index = this.u32();
        if (kind !== 0) continue;
        this.word(this.codeOf(index));
        functions++;
        if (length === 4 && load<u32>(name) === 0x6e69616d)
          this.head(HEAD_MAIN, this.codeOf(index));
      }
    }
    this.head(HEAD_EXPORT_COUNT, functions);
  }

  private importTable(): void {
    this.head(HEAD_IMPORTS, this.offsetHere());
    this.head(HEAD_IMPORT_COUNT, Tables.importCount);
    if (Compiler.importsAt === 0) return;
    Tables.read = Compiler.importsAt;
    for (let count = this.u32(); count > 0; count--) {
      this.skipName();
      const length = this.u32();
      const hcall = hcallOf(Tables.read, length);
      Tables.read += length;
      Tables.read++;
      this.u32();
      this.word(hcall === 0 ? NO_HCALL : hcall >>> 8);
    }
  }

  private dataSegments(): void {
    this.head(HEAD_DATA, this.offsetHere());
    if (Compiler.datas === 0) return;
    Tables.read = Compiler.datas;
    const count = this.u32();
    for (let i: u32 = 0; i < count; i++) {
      this.u32();
      Tables.read++;
      const address = this.signed() as u32;
      Tables.read++;
      const length = this.u32();
      this.word(address);
      this.word(length);
      const padded = (length + 3) & ~3;
      if (Encoder.out + padded > Encoder.outEnd) {
        Encoder.full = true;
        return;
      }
      if (padded > 0) store<u32>(Encoder.out + padded - 4, 0);
      memory.copy(Encoder.out, Tables.read, length);
      Encoder.out += padded;
      Tables.read += length;
    }
    this.head(HEAD_DATA_SEGMENTS, count);
  }
}

/**
 * Compiles the accepted module at `wasm` in a block of `compilerBytes(counts)` bytes, aligned to 8. Returns
 * `COMPILED` or why not; the length of the result is in its head.
 */
export function compileModule(
  block: usize,
  counts: Counts,
  options: CompileOptions,
  wasm: usize,
  length: u32,
  out: usize,
  capacity: u32,
): u32 {
  // An object without fields: all that is known is static.
  return changetype<Compiler>(0).start(block, counts, options, wasm, length, out, capacity);
}
