/**
 * Makes a copy of a program that tells what it does: which functions it enters and leaves, which turns of
 * loops and branches it takes, how much it copies. For development only; the program does what it did.
 */

import { leb128, readU32 } from "../common/leb128.js";
import {
  BULK,
  expressionEnd,
  FUNCTION_TYPE,
  I32,
  instructionEnd,
  NO_RESULT,
  nameBytes,
  OP,
  signedLeb,
  WasmBuilder,
} from "../common/wasm-code.js";
import { SectionId, sectionsOf } from "../common/wasm-sections.js";

/** The module of the functions that the copy calls. */
export const DEBUG_MODULE = "veracruz-debugger";

/** Functions that the copy imports, behind those of the program: their names, and whether they take an i32. */
const added = [
  ["enter", true],
  ["leave", false],
  ["at", true],
  ["copied", true],
  ["grew", false],
] as const;

/** A place that a run can pass. */
export interface Point {
  /** Index of its function, imports counted, in the program. */
  readonly functionIndex: number;
  readonly kind: "loop" | "then" | "else" | "after a branch";
  /** Offset in the program's file. */
  readonly offset: number;
}

/** The copy, and how to find one's way back from it to the program. */
export interface Instrumented {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly points: readonly Point[];
  /** How many functions the program imports. */
  readonly imports: number;
  /** Indices of the functions that the program defines, and offsets of their bodies in its file. */
  readonly functions: readonly { readonly index: number; readonly offset: number }[];
  /** The program's index of a function of the copy; undefined for one that it has not. */
  original(index: number): number | undefined;
  /** The offset in the program's file of the instruction that stands at this offset of the copy. */
  originalOffset(offset: number): number | undefined;
}

class Instrumenter {
  private readonly points: Point[] = [];
  private readonly functions: { index: number; offset: number }[] = [];
  /** Pairs of offsets, of an instruction in the copy's code section and in the program's file. */
  private readonly places: [copy: number, program: number][] = [];
  private readonly results: (number | undefined)[] = [];
  private types = 0;
  private imports = 0;

  constructor(private readonly program: Uint8Array) {}

  private read(at: number): [number, number] {
    return readU32(this.program, at, this.program.length);
  }

  /** Copies bytes of the program. */
  private copy(out: WasmBuilder, from: number, to: number): void {
    out.append(this.program.subarray(from, to));
  }

  private moved(index: number): number {
    return index < this.imports ? index : index + added.length;
  }

  run(): Instrumented {
    const out = new WasmBuilder();
    this.copy(out, 0, 8);
    const functionTypes: number[] = [];
    let codeStart = 0;
    const sections = [...sectionsOf(this.program)].filter(({ id }) => id !== SectionId.custom);
    if (!sections.some(({ id }) => id === SectionId.import))
      sections.splice(1, 0, { id: SectionId.import, name: "", start: 0, end: 0, size: 0 });
    for (const { id, start, end } of sections) {
      const content = new WasmBuilder();
      switch (id) {
        case SectionId.type:
          this.typeSection(content, start, end);
          break;
        case SectionId.import:
          this.importSection(content, start, end);
          break;
        case SectionId.function: {
          let [count, at] = this.read(start);
          for (; count > 0; count--) {
            const [type, next] = this.read(at);
            functionTypes.push(type);
            at = next;
          }
          this.copy(content, start, end);
          break;
        }
        case SectionId.export:
          this.exportSection(content, start);
          break;
        case SectionId.element:
          this.elementSection(content, start);
          break;
        case SectionId.code:
          this.codeSection(content, start, functionTypes);
          break;
        default:
          this.copy(content, start, end);
      }
      const began = out.section(id, content);
      if (id === SectionId.code) codeStart = began;
    }
    const { points, functions, imports, places } = this;
    return {
      bytes: out.bytes,
      points,
      functions,
      imports,
      original: (index) =>
        index < imports ? index : index < imports + added.length ? undefined : index - added.length,
      originalOffset: (offset) => {
        const wanted = offset - codeStart;
        let found: number | undefined;
        for (const [copy, program] of places) {
          if (copy > wanted) break;
          found = program;
        }
        return found;
      },
    };
  }

  private typeSection(out: WasmBuilder, start: number, end: number): void {
    const [count, types] = this.read(start);
    let at = types;
    for (let i = 0; i < count; i++) {
      const [params, afterParams] = this.read(at + 1);
      const [results, afterResults] = this.read(afterParams + params);
      this.results.push(results === 0 ? undefined : this.program[afterResults]);
      at = afterResults + results;
    }
    this.types = count;
    out.push(...leb128(count + 2));
    this.copy(out, types, end);
    out.push(FUNCTION_TYPE, 1, I32, 0, FUNCTION_TYPE, 0, 0);
  }

  private importSection(out: WasmBuilder, start: number, end: number): void {
    // Without such a section in the program there is nothing to copy.
    const [count, entries] = start === end ? [0, end] : this.read(start);
    // All of them are functions: the checker has seen to that.
    this.imports = count;
    out.push(...leb128(count + added.length));
    this.copy(out, entries, end);
    for (const [name, takesNumber] of added)
      out.push(
        ...nameBytes(DEBUG_MODULE),
        ...nameBytes(name),
        0,
        ...leb128(takesNumber ? this.types : this.types + 1),
      );
  }

  private exportSection(out: WasmBuilder, start: number): void {
    let [count, at] = this.read(start);
    out.push(...leb128(count));
    for (; count > 0; count--) {
      const [length, name] = this.read(at);
      const kind = this.program[name + length];
      const [index, next] = this.read(name + length + 1);
      this.copy(out, at, name + length + 1);
      out.push(...leb128(kind === 0 ? this.moved(index) : index));
      at = next;
    }
  }

  private elementSection(out: WasmBuilder, start: number): void {
    let [count, at] = this.read(start);
    out.push(...leb128(count));
    for (; count > 0; count--) {
      const [flags, offset] = this.read(at);
      if (flags !== 0)
        throw new RangeError(`byte ${at}: a kind of element segment that is not known`);
      const end = expressionEnd(this.program, offset);
      let [functions, next] = this.read(end);
      this.copy(out, at, end);
      out.push(...leb128(functions));
      for (; functions > 0; functions--) {
        const [index, after] = this.read(next);
        out.push(...leb128(this.moved(index)));
        next = after;
      }
      at = next;
    }
  }

  private codeSection(out: WasmBuilder, start: number, types: readonly number[]): void {
    const [count, bodies] = this.read(start);
    out.push(...leb128(count));
    let at = bodies;
    for (let i = 0; i < count; i++) {
      const [size, body] = this.read(at);
      const index = this.imports + i;
      this.functions.push({ index, offset: body });
      const places: [number, number][] = [];
      const code = this.body(index, body, body + size, this.results[types[i] as number], places);
      out.push(...leb128(code.length));
      const began = out.length;
      out.append(code.bytes);
      for (const [copy, program] of places) this.places.push([began + copy, program]);
      at = body + size;
    }
  }

  private body(
    index: number,
    start: number,
    end: number,
    result: number | undefined,
    places: [number, number][],
  ): WasmBuilder {
    const out = new WasmBuilder();
    // One more local, for the length of a copy.
    const [groups, locals] = this.read(start);
    let at = locals;
    let localCount = 0;
    for (let i = 0; i < groups; i++) {
      const [count, type] = this.read(at);
      localCount += count;
      at = type + 1;
    }
    out.push(...leb128(groups + 1));
    this.copy(out, locals, at);
    out.push(1, I32);
    const parameters = this.parameterCount(index);
    const length = leb128(parameters + localCount);
    const tell = (name: (typeof added)[number][0], argument?: number): void => {
      if (argument !== undefined) out.push(OP.i32Const, ...signedLeb(argument));
      out.push(OP.call, ...leb128(this.imports + added.findIndex(([each]) => each === name)));
    };
    const point = (kind: Point["kind"], offset: number): void => {
      tell("at", this.points.length);
      this.points.push({ functionIndex: index, kind, offset });
    };
    tell("enter", index);
    // The whole body in one block: a return becomes a branch to its end, where the function is left.
    out.push(OP.block, result ?? NO_RESULT);
    let depth = 0;
    while (at < end) {
      places.push([out.length, at]);
      const opcode = this.program[at] as number;
      const next = instructionEnd(this.program, at);
      switch (opcode) {
        case OP.return:
          out.push(OP.br, ...leb128(depth));
          break;
        case OP.call: {
          const [callee] = this.read(at + 1);
          out.push(OP.call, ...leb128(this.moved(callee)));
          break;
        }
        case OP.prefix: {
          const [operation] = this.read(at + 1);
          if (operation === BULK.memoryCopy || operation === BULK.memoryFill) {
            // Told behind it: what lies outside of the memory traps before it costs anything.
            out.push(OP.localTee, ...length);
            this.copy(out, at, next);
            out.push(OP.localGet, ...length);
            tell("copied");
          } else this.copy(out, at, next);
          break;
        }
        case OP.memoryGrow:
          this.copy(out, at, next);
          tell("grew");
          break;
        default:
          this.copy(out, at, next);
      }
      if (opcode === OP.block) depth++;
      if (opcode === OP.loop) {
        depth++;
        point("loop", at);
      }
      if (opcode === OP.if) {
        depth++;
        point("then", at);
      }
      if (opcode === OP.else) point("else", at);
      if (opcode === OP.brIf) point("after a branch", at);
      if (opcode === OP.end && depth-- === 0) {
        tell("leave");
        out.push(OP.end);
      }
      at = next;
    }
    return out;
  }

  /** Parameters of a defined function, by its type. */
  private parameterCount(index: number): number {
    const types = [...sectionsOf(this.program)].find(({ id }) => id === SectionId.type);
    const functions = [...sectionsOf(this.program)].find(({ id }) => id === SectionId.function);
    let [, at] = this.read(functions?.start ?? 0);
    for (let i = this.imports; i < index; i++) [, at] = this.read(at);
    let [type] = this.read(at);
    [, at] = this.read(types?.start ?? 0);
    for (; type > 0; type--) {
      const [params, afterParams] = this.read(at + 1);
      const [results, afterResults] = this.read(afterParams + params);
      at = afterResults + results;
    }
    return this.read(at + 1)[0];
  }
}

/**
 * Instruments a program.
 *
 * @param program a module that the WASM checker accepts
 */
export function instrument(program: Uint8Array): Instrumented {
  return new Instrumenter(program).run();
}
