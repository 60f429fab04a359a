import { readFileSync } from "node:fs";
import * as layout from "../../assembly/thumb2-compiler/layout.js";
import { wasmPath } from "../common/paths.js";

/** What code is compiled for. */
export interface CompileOptions {
  /** Whether the processor has single precision. */
  readonly floats?: boolean;
  /** The most pages that memory may have; what the module declares if absent. */
  readonly pages?: number;
  /** Without bounds checks: for tests of what stands behind them. */
  readonly unchecked?: boolean;
  /** Of a module that firmware is made of, which is not checked, the bytes that will back its memory. */
  readonly nativeBytes?: number;
  /** Whether to note where the code of each instruction begins. */
  readonly places?: boolean;
}

/** What the compiler has made of a program. */
export interface CompiledProgram {
  /** As a device takes it: `assembly/thumb2-compiler/layout.ts`. */
  readonly bytes: Uint8Array;
  /** Bytes of instructions. */
  readonly codeBytes: number;
  /** Bytes of memory that the compilation took beside the module and the result. */
  readonly workspaceBytes: number;
  /** Where the code of each instruction begins: offsets in the module and in `bytes`, where asked for. */
  readonly places: readonly { readonly wasm: number; readonly code: number }[];
}

interface Exports {
  readonly memory: WebAssembly.Memory;
  _initialize(): void;
  allocate(length: number): number;
  free(pointer: number): void;
  options(floats: number, pages: number, unchecked: number): void;
  check(pointer: number, length: number): number;
  native(pointer: number, length: number, memoryBytes: number): void;
  compile(pointer: number, length: number, out: number, capacity: number): number;
  workspaceBytes(): number;
  note(pointer: number, length: number): void;
  noted(): number;
}

/** Bytes below the memory of a module that firmware is made of: the context, its globals and imports. */
export function contextBytes(program: Uint8Array): number {
  const head = new DataView(program.buffer, program.byteOffset);
  const words =
    head.getUint32(layout.HEAD_GLOBAL_WORDS, true) + head.getUint32(layout.HEAD_IMPORT_COUNT, true);
  return (layout.CONTEXT_GLOBALS + 4 * words + 7) & ~7;
}

/** Why a program that the checker accepts cannot be compiled, by the compiler's code. */
const refusals: Readonly<Record<number, string>> = {
  1: "the result is larger than the room for it",
  2: "a function needs more than 4 KiB of stack",
  3: "it has more than 1000 words of globals",
  4: "its code is longer than 1 MiB",
  5: "the compiler has gone wrong: please report it",
};

/** A program that cannot be compiled. */
export class CompileError extends Error {
  override readonly name = "CompileError";
}

/** The Thumb-2 compiler, as it is on a device. */
export class Thumb2Compiler {
  protected readonly exports: Exports;

  /** @param wasm the compiler; as it is built, if absent */
  constructor(wasm: Uint8Array = readFileSync(wasmPath("thumb2-compiler"))) {
    const module = new WebAssembly.Module(new Uint8Array(wasm));
    this.exports = new WebAssembly.Instance(module, {}).exports as unknown as Exports;
    this.exports._initialize();
  }

  #places(start: number): CompiledProgram["places"] {
    const count = (this.exports.noted() - start) / 8;
    const words = new Uint32Array(this.exports.memory.buffer, start, 2 * count);
    return Array.from({ length: count }, (_, index) => ({
      wasm: words[2 * index] as number,
      code: words[2 * index + 1] as number,
    }));
  }

  /**
   * Checks a program as a device does, and compiles it.
   *
   * @param capacity bytes that the result may have
   * @throws CompileError when the checker refuses it or it does not fit
   */
  compile(wasm: Uint8Array, options: CompileOptions = {}, capacity = 1 << 20): CompiledProgram {
    const exports = this.exports;
    const source = exports.allocate(wasm.length);
    new Uint8Array(exports.memory.buffer, source, wasm.length).set(wasm);
    const out = exports.allocate(capacity);
    // No instruction is shorter than a byte.
    const noteBytes = options.places ? 8 * wasm.length : 0;
    const notes = exports.allocate(noteBytes);
    try {
      const native = options.nativeBytes ?? 0;
      exports.native(source, wasm.length, native);
      const refused = native === 0 ? exports.check(source, wasm.length) : 0;
      if (refused !== 0) throw new CompileError(`the checker refuses it (${refused})`);
      exports.options(
        Number(options.floats ?? false),
        options.pages ?? 65536,
        Number(options.unchecked ?? false),
      );
      if (options.places) exports.note(notes, noteBytes);
      else exports.note(0, 0);
      const code = exports.compile(source, wasm.length, out, capacity);
      if (code !== 0) throw new CompileError(refusals[code] ?? `code ${code}`);
      const head = new DataView(exports.memory.buffer, out, layout.HEAD_SIZE);
      const length = head.getUint32(layout.HEAD_BYTES, true);
      return {
        bytes: new Uint8Array(exports.memory.buffer.slice(out, out + length)),
        codeBytes: head.getUint32(layout.HEAD_TABLE, true) - head.getUint32(layout.HEAD_CODE, true),
        workspaceBytes: exports.workspaceBytes(),
        places: options.places ? this.#places(notes) : [],
      };
    } finally {
      exports.free(notes);
      exports.free(out);
      exports.free(source);
    }
  }
}
