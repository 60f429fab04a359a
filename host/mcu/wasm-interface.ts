import { decodeUtf8 } from "../common/text.js";
import { SectionId } from "../common/wasm-sections.js";
/** Imported and exported functions of a WebAssembly module, with their types. */

/** A value type of WebAssembly. */
export type ValueType = "i32" | "i64" | "f32" | "f64";

/** A function type of WebAssembly. */
export interface FunctionType {
  readonly parameters: readonly ValueType[];
  readonly results: readonly ValueType[];
}

/** What a module imports and exports. */
export interface ModuleInterface {
  readonly imports: readonly { module: string; name: string; type: FunctionType }[];
  readonly exports: readonly { name: string; type: FunctionType }[];
  /** Initial pages of the module's memory; 0 when it has none. */
  readonly memoryPages: number;
  /** The name under which the module exports its memory. */
  readonly memoryExport: string | undefined;
}

const valueTypes: ReadonlyMap<number, ValueType> = new Map([
  [0x7f, "i32"],
  [0x7e, "i64"],
  [0x7d, "f32"],
  [0x7c, "f64"],
]);

/** Reads what this file needs of a module that the engine has already found valid. */
class Reader {
  #at = 0;
  constructor(readonly bytes: Uint8Array) {}

  get atEnd(): boolean {
    return this.#at >= this.bytes.length;
  }
  byte(): number {
    const value = this.bytes[this.#at++];
    if (value === undefined) throw new Error("the module ends early");
    return value;
  }
  /** Unsigned LEB128 (core specification, 5.2.2). */
  u32(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  }
  take(length: number): Uint8Array {
    const part = this.bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return part;
  }
  name(): string {
    return decodeUtf8(this.take(this.u32()));
  }
  vector<T>(item: () => T): T[] {
    return Array.from({ length: this.u32() }, item);
  }
  /** Limits of a table or memory: the minimum. */
  limits(): number {
    const bounded = (this.byte() & 1) === 1;
    const minimum = this.u32();
    if (bounded) this.u32();
    return minimum;
  }
}

/**
 * Reads a module's function imports and exports.
 *
 * @throws {WebAssembly.CompileError} when the module is not valid
 */
export function readInterface(wasm: Uint8Array<ArrayBuffer>): ModuleInterface {
  new WebAssembly.Module(wasm);
  const types: FunctionType[] = [];
  const functionTypes: number[] = [];
  const imports: { module: string; name: string; type: FunctionType }[] = [];
  const exports: { name: string; type: FunctionType }[] = [];
  let memoryPages = 0;
  let memoryExport: string | undefined;

  const typeAt = (index: number): FunctionType => {
    const type = types[index];
    if (!type) throw new Error(`type ${index} is not defined`);
    return type;
  };

  const file = new Reader(wasm);
  file.take(8);
  while (!file.atEnd) {
    const id = file.byte();
    const section = new Reader(file.take(file.u32()));
    const valueType = (): ValueType => {
      const type = valueTypes.get(section.byte());
      if (!type) throw new Error("a function has a parameter or result that is not a number");
      return type;
    };
    if (id === SectionId.type) {
      section.vector(() => {
        section.byte();
        const parameters = section.vector(valueType);
        types.push({ parameters, results: section.vector(valueType) });
      });
    } else if (id === SectionId.import) {
      section.vector(() => {
        const module = section.name();
        const name = section.name();
        const kind = section.byte();
        if (kind === 0) {
          const index = section.u32();
          functionTypes.push(index);
          imports.push({ module, name, type: typeAt(index) });
        } else if (kind === 1) {
          section.byte();
          section.limits();
        } else if (kind === 2) memoryPages = section.limits();
        else section.take(2);
      });
    } else if (id === SectionId.function) {
      functionTypes.push(...section.vector(() => section.u32()));
    } else if (id === SectionId.memory) {
      section.vector(() => {
        memoryPages = section.limits();
      });
    } else if (id === SectionId.export) {
      section.vector(() => {
        const name = section.name();
        const kind = section.byte();
        const index = section.u32();
        if (kind === 0) exports.push({ name, type: typeAt(functionTypes[index] ?? -1) });
        if (kind === 2) memoryExport = name;
      });
    }
  }
  return { imports, exports, memoryPages, memoryExport };
}
