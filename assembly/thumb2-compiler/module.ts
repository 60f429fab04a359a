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
import { LDR, PC, R11, R12 } from "./encoder";
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
import { LOCAL_RECORD, NONE } from "./operands";
import { KNOWN, TYPE_RECORD, typeOf, wordsOf } from "./tables";

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

/** A module, and what its compilation knows. */
@unmanaged
export class Compiler extends Body {
  private wasmEnd: usize = 0;
  private next: usize = 0;
  private elements: usize = 0;
  private exportsAt: usize = 0;
  private importsAt: usize = 0;
  private codes: usize = 0;
  private datas: usize = 0;
  private globalCount: u32 = 0;
  private typeCount: u32 = 0;
  private tooManyGlobals: bool = false;

  private take(bytes: u32): usize {
    const place = this.next;
    this.next = place + aligned(bytes);
    return place;
  }

  private lay(block: usize, counts: Counts): void {
    this.next = block;
    this.words = this.take((counts.frame + 2) * 16);
    this.wordsCapacity = (counts.frame + 2) * 2;
    this.owners = this.take(64);
    this.moves = this.take(64);
    this.copies = this.take(128);
    this.extents = this.take(32);
    this.locals = this.take((counts.frame + 2) * 2 * LOCAL_RECORD);
    this.localNumbers = this.take((counts.frame + 2) * 2);
    this.localCapacity = counts.frame + 2;
    this.kinds = this.take(counts.nesting + 2);
    this.frames = this.take((counts.nesting + 2) * FRAME_RECORD);
    this.types = this.take(counts.types * TYPE_RECORD);
    this.functionTypes = this.take((counts.functions + counts.imports) * 2);
    this.functions = this.take((counts.functions + counts.imports) * 4);
    this.globals = this.take(counts.globals * 2);
    this.globalValues = this.take(counts.globals * 8);
    memory.fill(this.functions, 0, (counts.functions + counts.imports) * 4);
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
    this.out = out;
    this.outEnd = out + capacity;
    this.origin = out;
    this.full = false;
    this.epoch = 1;
    this.floats = options.floats !== 0;
    this.unchecked = options.unchecked !== 0;
    this.module = wasm;
    this.places = options.places;
    this.placesEnd = options.placesEnd;
    this.initialPages = 0;
    this.maximumPages = 0;
    this.baseRegister = NONE;
    this.wasmEnd = wasm + length;
    this.read = wasm + 8;
    this.declarations();
    if (this.tooManyGlobals) return TOO_MANY_GLOBALS;
    this.maximumPages = min(this.maximumPages, options.pages);
    if (this.grows && this.maximumPages <= this.initialPages) this.grows = false;
    this.native = options.native !== 0;
    this.boundBytes = this.native
      ? (options.native as u64)
      : (this.initialPages as u64) << PAGE_SHIFT;
    this.boundVaries = this.grows && !this.native;
    if (this.native && this.globalWords + this.importCount > GLOBAL_WORDS) return TOO_MANY_GLOBALS;
    if (capacity < HEAD_SIZE) return TOO_SMALL;
    memory.fill(out, 0, HEAD_SIZE);
    this.out = out + HEAD_SIZE;
    this.stubs();
    this.bodies();
    if (!this.full && !this.failed) {
      if (this.offsetHere() > LONGEST) return TOO_LONG;
      this.tables();
    }
    options.places = this.places;
    if (this.failed) return this.failure;
    return this.full ? TOO_SMALL : COMPILED;
  }

  // Declarations

  private declarations(): void {
    this.importCount = 0;
    this.functionCount = 0;
    this.elements = 0;
    this.exportsAt = 0;
    this.importsAt = 0;
    this.codes = 0;
    this.datas = 0;
    while (this.read < this.wasmEnd) {
      const id = this.byte();
      const size = this.u32();
      const next = this.read + size;
      switch (id) {
        case SECTION_TYPE:
          this.typeSection();
          break;
        case SECTION_IMPORT:
          this.importsAt = this.read;
          this.importSection();
          break;
        case SECTION_FUNCTION:
          for (let count = this.u32(); count > 0; count--) this.addFunction(this.u32());
          break;
        case SECTION_TABLE:
          if (this.u32() > 0) {
            this.read++;
            this.byte();
            this.tableElements = this.u32();
          }
          break;
        case SECTION_MEMORY:
          if (this.u32() > 0) {
            const bounded = this.byte();
            this.initialPages = this.u32();
            this.maximumPages = bounded !== 0 ? this.u32() : 65536;
          }
          break;
        case SECTION_GLOBAL:
          this.globalSection();
          break;
        case SECTION_EXPORT:
          this.exportsAt = this.read;
          break;
        case SECTION_ELEMENT:
          this.elements = this.read;
          break;
        case SECTION_CODE:
          this.codes = this.read;
          break;
        case SECTION_DATA:
          this.datas = this.read;
          break;
      }
      this.read = next;
    }
    this.grows = this.usesGrow();
  }

  private typeSection(): void {
    this.typeCount = this.u32();
    for (let i: u32 = 0; i < this.typeCount; i++) {
      const type = this.type(i);
      this.read++;
      const parameters = this.u32();
      store<u32>(type, this.read as u32);
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
    store<u16>(this.functionTypes + (this.functionCount << 1), type as u16);
    this.functionCount++;
  }

  private skipName(): void {
    const length = this.u32();
    this.read += length;
  }

  private importSection(): void {
    for (let count = this.u32(); count > 0; count--) {
      this.skipName();
      this.skipName();
      this.read++;
      this.addFunction(this.u32());
      this.importCount++;
    }
  }

  private globalSection(): void {
    let word: u32 = 0;
    this.globalCount = this.u32();
    for (let i: u32 = 0; i < this.globalCount; i++) {
      const type = typeOf(this.byte());
      const mutable = this.byte();
      store<u16>(this.globals + (i << 1), ((word << 3) | (type << 1) | mutable) as u16);
      const opcode = this.byte();
      let value: u64 = 0;
      if (opcode === OP_I32_CONST || opcode === OP_I64_CONST) value = this.signed() as u64;
      else if (opcode === OP_F32_CONST) {
        value = load<u32>(this.read);
        this.read += 4;
      } else {
        value = load<u64>(this.read);
        this.read += 8;
      }
      this.read++; // end
      store<u32>(this.globalValues + (word << 2), value as u32);
      if (wordsOf(type) === 2)
        store<u32>(this.globalValues + (word << 2), (value >>> 32) as u32, 4);
      word += wordsOf(type);
    }
    this.globalWords = word;
    this.tooManyGlobals = word > GLOBAL_WORDS;
  }

  /** Whether `memory.grow` is anywhere. */
  private usesGrow(): bool {
    if (this.codes === 0) return false;
    this.read = this.codes;
    for (let count = this.u32(); count > 0; count--) {
      const size = this.u32();
      const end = this.read + size;
      for (let groups = this.u32(); groups > 0; groups--) {
        this.skipLeb();
        this.read++;
      }
      while (this.read < end) {
        const opcode = this.byte();
        if (opcode === OP_MEMORY_GROW) return true;
        this.skipImmediates(opcode);
      }
    }
    return false;
  }

  // Code

  private stubs(): void {
    this.trapStubs = this.offsetHere();
    for (let kind: u32 = 1; kind <= CODE_TRAPS; kind++) {
      this.half(0x2000 | kind); // movs r0, #kind
      this.access(LDR, PC, R11, -(CONTEXT_TRAP as i32));
    }
    this.refillStub = this.offsetHere();
    this.access(LDR, PC, R11, -(CONTEXT_REFILL as i32));
    this.importStubs = this.offsetHere();
    for (let i: u32 = 0; i < this.importCount; i++) {
      store<u32>(this.functions + (i << 2), this.offsetHere() | KNOWN);
      if (this.native) {
        this.addTwelve(R12, R11, CONTEXT_GLOBALS + ((this.globalWords + i + 1) << 2), true);
        this.access(LDR, PC, R12, 0);
      } else {
        this.constant(R12, i);
        this.access(LDR, PC, R11, -(CONTEXT_IMPORT as i32));
      }
    }
  }

  private bodies(): void {
    if (this.codes === 0) return;
    this.read = this.codes;
    const count = this.u32();
    for (let i: u32 = 0; i < count && !this.failed && !this.full; i++) {
      const size = this.u32();
      const end = this.read + size;
      const index = this.importCount + i;
      this.compile(index, this.typeOfFunction(index), end);
      this.read = end;
    }
  }

  // Tables

  private align(): void {
    if ((this.offsetHere() & 2) !== 0) this.nop();
  }

  private head(field: u32, value: u32): void {
    store<u32>(this.origin + field, value);
  }

  private codeOf(index: u32): u32 {
    return load<u32>(this.functions + (index << 2)) & ~KNOWN;
  }

  private tables(): void {
    this.align();
    this.head(HEAD_MAGIC, PROGRAM_MAGIC);
    this.head(HEAD_CODE, HEAD_SIZE);
    this.head(HEAD_TABLE, this.offsetHere());
    this.head(HEAD_TABLE_ELEMENTS, this.tableElements);
    this.functionTable();
    this.head(HEAD_GLOBALS, this.offsetHere());
    this.head(HEAD_GLOBAL_WORDS, this.globalWords);
    for (let i: u32 = 0; i < this.globalWords; i++) {
      this.word(load<u32>(this.globalValues + (i << 2)));
    }
    this.exportTable();
    this.importTable();
    this.dataSegments();
    this.head(HEAD_INITIAL_PAGES, this.initialPages);
    this.head(HEAD_MAXIMUM_PAGES, this.maximumPages);
    this.head(HEAD_FIXED_BYTES, this.boundVaries ? 0 : (this.boundBytes as u32));
    this.head(HEAD_BYTES, this.offsetHere());
  }

  private functionTable(): void {
    const table = this.out;
    for (let i: u32 = 0; i < this.tableElements; i++) {
      this.word(0xffffffff);
      this.word(0);
    }
    if (this.full || this.elements === 0) return;
    this.read = this.elements;
    for (let segments = this.u32(); segments > 0; segments--) {
      this.u32();
      this.read++;
      const offset = this.signed() as u32;
      this.read++;
      const count = this.u32();
      for (let i: u32 = 0; i < count; i++) {
        const index = this.u32();
        const element = table + ((offset + i) << 3);
        store<u32>(element, load<u32>(this.typeOfFunction(index), 8));
        const code = this.origin + this.codeOf(index) + 1;
        store<u32>(element, (code - element) as u32, 4);
      }
    }
  }

  private exportTable(): void {
    this.head(HEAD_EXPORTS, this.offsetHere());
    let functions: u32 = 0;
    if (this.exportsAt !== 0) {
      this.read = this.exportsAt;
      for (let count = this.u32(); count > 0; count--) {
        const length = this.u32();
        const name = this.read;
        this.read += length;
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
    this.head(HEAD_IMPORT_COUNT, this.importCount);
    if (this.importsAt === 0) return;
    this.read = this.importsAt;
    for (let count = this.u32(); count > 0; count--) {
      this.skipName();
      const length = this.u32();
      const hcall = hcallOf(this.read, length);
      this.read += length;
      this.read++;
      this.u32();
      this.word(hcall === 0 ? NO_HCALL : hcall >>> 8);
    }
  }

  private dataSegments(): void {
    this.head(HEAD_DATA, this.offsetHere());
    if (this.datas === 0) return;
    this.read = this.datas;
    const count = this.u32();
    for (let i: u32 = 0; i < count; i++) {
      this.u32();
      this.read++;
      const address = this.signed() as u32;
      this.read++;
      const length = this.u32();
      this.word(address);
      this.word(length);
      const padded = (length + 3) & ~3;
      if (this.out + padded > this.outEnd) {
        this.full = true;
        return;
      }
      if (padded > 0) store<u32>(this.out + padded - 4, 0);
      memory.copy(this.out, this.read, length);
      this.out += padded;
      this.read += length;
    }
    this.head(HEAD_DATA_SEGMENTS, count);
  }
}

/** Where the compilation under way lies, one at a time: at a known place, so that no method takes it as an argument. */
const COMPILER: usize = memory.data(offsetof<Compiler>(), 8);

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
  memory.fill(COMPILER, 0, offsetof<Compiler>());
  const compiler = changetype<Compiler>(COMPILER);
  return compiler.start(block, counts, options, wasm, length, out, capacity);
}
