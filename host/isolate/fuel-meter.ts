/**
 * Makes a copy of a program that counts its own fuel, for an engine that counts none: one unit for each call, each turn
 * of a loop, and each 256 bytes that are filled or copied, as wasm3 and compiled code on a device count. The copy keeps
 * all indices of the program; what it adds stands behind them.
 */

import { leb128, readU32 } from "../common/leb128.js";
import {
  BULK,
  FUNCTION_TYPE,
  I32,
  I64,
  instructionEnd,
  NO_RESULT,
  nameBytes,
  OP,
  signedLeb,
  WasmBuilder,
} from "../common/wasm-code.js";
import { SectionId, sectionsOf } from "../common/wasm-sections.js";

/** Bytes that a unit of fuel fills or copies, as a power of two; `d_m3FuelBytes` of the interpreter. */
export const FUEL_BYTES_SHIFT = 8;
/** What a page of memory costs that a program grows by, as a power of two. */
const PAGE_SHIFT = 16 - FUEL_BYTES_SHIFT;
/** What the global holds once the fuel did not suffice. */
export const FUEL_SPENT = -1n;

/** A program that counts its fuel. */
export interface Metered {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The exported global, a mutable i64, that holds how much fuel is left; 0 until its user sets it. */
  readonly fuel: string;
  /** How many functions the program has, imports counted: one that the copy adds is behind them. */
  readonly functions: number;
}

/** The sections that the copy adds to, also where the program lacks them, in the order of a module. */
const ORDER = [
  SectionId.type,
  SectionId.import,
  SectionId.function,
  SectionId.table,
  SectionId.memory,
  SectionId.global,
  SectionId.export,
  SectionId.start,
  SectionId.element,
  SectionId.code,
  SectionId.data,
];

class Meter {
  private types = 0;
  private imports = 0;
  private readonly functionTypes: number[] = [];
  private readonly parameters: number[] = [];
  private globals = 0;
  private name = "fuel";

  constructor(private readonly program: Uint8Array) {}

  private read(at: number): [number, number] {
    return readU32(this.program, at);
  }

  private get charge(): number {
    return this.imports + this.functionTypes.length;
  }

  run(): Metered {
    const sections = new Map(
      [...sectionsOf(this.program)]
        .filter(({ id }) => id !== SectionId.custom)
        .map(({ id, start, end }) => [id as number, { start, end }]),
    );
    const out = new WasmBuilder();
    out.append(this.program.subarray(0, 8));
    for (const id of ORDER) {
      const given = sections.get(id);
      const added = this.added(id);
      if (given === undefined && added === undefined) continue;
      const content = new WasmBuilder();
      const [count, entries] = given ? this.read(given.start) : [0, 0];
      if (given) this.learn(id, count, entries);
      const more = added?.() ?? [];
      if (added) content.push(...leb128(count + 1));
      if (id === SectionId.code) this.bodies(content, count, entries);
      else if (given)
        content.append(this.program.subarray(added ? entries : given.start, given.end));
      content.push(...more);
      out.section(id, content);
    }
    return { bytes: out.bytes, fuel: this.name, functions: this.charge };
  }

  /** What the copy adds at the end of a section; called once the section's entries are known. */
  private added(id: number): (() => number[]) | undefined {
    switch (id) {
      case SectionId.type:
        return () => [FUNCTION_TYPE, 1, I64, 0];
      case SectionId.function:
        return () => leb128(this.types);
      case SectionId.global:
        return () => [I64, 1, OP.i64Const, 0, OP.end];
      case SectionId.export:
        return () => [...nameBytes(this.name), 3, ...leb128(this.globals)];
      case SectionId.code:
        return () => {
          const body = this.chargeBody();
          return [...leb128(body.length), ...body];
        };
    }
    return undefined;
  }

  private learn(id: number, count: number, entries: number): void {
    let at = entries;
    switch (id) {
      case SectionId.type:
        this.types = count;
        for (let i = 0; i < count; i++) {
          const [parameters, afterParameters] = this.read(at + 1);
          const [results, afterResults] = this.read(afterParameters + parameters);
          this.parameters.push(parameters);
          at = afterResults + results;
        }
        break;
      case SectionId.import:
        // All of them are functions: the checker has seen to that.
        this.imports = count;
        break;
      case SectionId.function:
        for (let i = 0; i < count; i++) {
          const [type, next] = this.read(at);
          this.functionTypes.push(type);
          at = next;
        }
        break;
      case SectionId.global:
        this.globals = count;
        break;
      case SectionId.export: {
        const names = new Set<string>();
        for (let i = 0; i < count; i++) {
          const [length, name] = this.read(at);
          names.add(Buffer.from(this.program.subarray(name, name + length)).toString("latin1"));
          [, at] = this.read(name + length + 1);
        }
        while (names.has(this.name)) this.name += "'";
        break;
      }
    }
  }

  private get fuelIndex(): number[] {
    return leb128(this.globals);
  }

  /** Ends the run where the comparison that stands before says so. */
  private endIf(): number[] {
    return [
      ...[OP.if, NO_RESULT, OP.i64Const, 0x7f, OP.globalSet, ...this.fuelIndex],
      ...[OP.unreachable, OP.end],
    ];
  }

  /** Takes one unit. */
  private one(): number[] {
    return [
      ...[OP.globalGet, ...this.fuelIndex, OP.i64Eqz, ...this.endIf()],
      ...[OP.globalGet, ...this.fuelIndex, OP.i64Const, 1, OP.i64Sub],
      ...[OP.globalSet, ...this.fuelIndex],
    ];
  }

  /** The function that takes as many units as it is called with. */
  private chargeBody(): number[] {
    return [
      ...[0, OP.globalGet, ...this.fuelIndex, OP.localGet, 0, OP.i64LtU, ...this.endIf()],
      ...[OP.globalGet, ...this.fuelIndex, OP.localGet, 0, OP.i64Sub],
      ...[OP.globalSet, ...this.fuelIndex, OP.end],
    ];
  }

  private bodies(out: WasmBuilder, count: number, entries: number): void {
    const unit = Uint8Array.from(this.one());
    let at = entries;
    for (let i = 0; i < count; i++) {
      const [size, start] = this.read(at);
      const parameters = this.parameters[this.functionTypes[i] as number] as number;
      const body = this.body(start, start + size, parameters, unit);
      out.push(...leb128(body.length));
      out.append(body.bytes);
      at = start + size;
    }
  }

  private body(start: number, end: number, parameters: number, unit: Uint8Array): WasmBuilder {
    const out = new WasmBuilder();
    // Two more locals: how many bytes or pages, and what memory.grow answered.
    const [groups, locals] = this.read(start);
    let at = locals;
    let count = parameters;
    for (let i = 0; i < groups; i++) {
      const [more, type] = this.read(at);
      count += more;
      at = type + 1;
    }
    out.push(...leb128(groups + 1));
    out.append(this.program.subarray(locals, at));
    out.push(2, I32);
    const amount = leb128(count);
    const answer = leb128(count + 1);
    const charge = [OP.call, ...leb128(this.charge)];
    out.append(unit);
    while (at < end) {
      const opcode = this.program[at] as number;
      const next = instructionEnd(this.program, at);
      const instruction = this.program.subarray(at, next);
      const operation = opcode === OP.prefix ? this.read(at + 1)[0] : -1;
      if (operation === BULK.memoryCopy || operation === BULK.memoryFill) {
        // Behind it: what lies outside of the memory traps before it costs anything.
        out.push(OP.localTee, ...amount);
        out.append(instruction);
        out.push(
          ...[OP.localGet, ...amount, OP.i64ExtendI32U],
          ...[OP.i64Const, ...signedLeb(FUEL_BYTES_SHIFT), OP.i64ShrU, ...charge],
        );
      } else if (opcode === OP.memoryGrow) {
        out.push(OP.localTee, ...amount);
        out.append(instruction);
        // New pages are filled with zeros.
        out.push(
          ...[OP.localTee, ...answer, OP.localGet, ...answer, OP.i32Const, 0x7f, OP.i32Ne],
          ...[OP.if, NO_RESULT, OP.localGet, ...amount, OP.i64ExtendI32U],
          ...[OP.i64Const, ...signedLeb(PAGE_SHIFT), OP.i64Shl, ...charge, OP.end],
        );
      } else out.append(instruction);
      if (opcode === OP.loop) out.append(unit);
      at = next;
    }
    return out;
  }
}

/**
 * A program that counts its fuel.
 *
 * @param program a module that the WASM checker accepts
 */
export function metered(program: Uint8Array): Metered {
  return new Meter(program).run();
}
