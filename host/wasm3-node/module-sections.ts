import { decodeUtf8 } from "../common/text.js";
import { SectionId } from "../common/wasm-sections.js";
import { LoadError } from "./errors.js";

/** A value type of WebAssembly. */
export type ValueType = "i32" | "i64" | "f32" | "f64";

/** A function type of WebAssembly. */
export interface FunctionType {
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
}

/** What an import or export is (core specification, 5.5.5). */
export type ExternalKind = "function" | "table" | "memory" | "global";

/** An import of a module. */
export interface ModuleImport {
  readonly module: string;
  readonly name: string;
  readonly kind: ExternalKind;
  /** For functions only. */
  readonly type?: FunctionType;
}

/** An export of a module. */
export interface ModuleExport {
  readonly name: string;
  readonly kind: ExternalKind;
  /** For functions only. */
  readonly type?: FunctionType;
}

/** What `readModuleSections` finds, with indices into the module's index spaces. */
export interface ModuleSections {
  readonly imports: readonly (ModuleImport & { readonly index: number })[];
  readonly exports: readonly (ModuleExport & { readonly index: number })[];
  /** Function index → type. */
  readonly functionTypes: readonly FunctionType[];
  readonly globals: readonly { readonly type: ValueType; readonly mutable: boolean }[];
}

const valueTypes = new Map<number, ValueType>([
  [0x7f, "i32"],
  [0x7e, "i64"],
  [0x7d, "f32"],
  [0x7c, "f64"],
]);
const kinds: readonly ExternalKind[] = ["function", "table", "memory", "global"];

/** Reads the binary format (Core specification, section 5) within bounds; anything malformed is a LoadError. */
class Reader {
  constructor(
    private readonly bytes: Uint8Array,
    public position = 0,
    private readonly end = bytes.length,
  ) {}

  get done(): boolean {
    return this.position >= this.end;
  }

  fail(what: string): never {
    throw new LoadError(`malformed module: ${what} at offset ${this.position}`);
  }

  byte(): number {
    const value = this.position < this.end ? this.bytes[this.position] : undefined;
    if (value === undefined) this.fail("unexpected end");
    this.position++;
    return value;
  }

  /** Unsigned LEB128 of at most 32 bits; padding up to five bytes is valid. */
  u32(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte();
      if (shift === 28 && byte > 0x0f) this.fail("integer too large");
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    return this.fail("integer too long");
  }

  /** A vector's length: each item takes at least one byte, so no more can follow than bytes are left. */
  count(): number {
    const value = this.u32();
    if (value > this.end - this.position) this.fail("length out of bounds");
    return value;
  }

  name(): string {
    const length = this.count();
    const start = this.position;
    this.position += length;
    try {
      return decodeUtf8(this.bytes.subarray(start, start + length));
    } catch {
      return this.fail("malformed UTF-8");
    }
  }

  section(): Reader {
    const length = this.count();
    const start = this.position;
    this.position += length;
    return new Reader(this.bytes, start, start + length);
  }

  rest(): Uint8Array {
    return this.bytes.subarray(this.position, this.end);
  }

  valueType(): ValueType {
    const code = this.byte();
    return (
      valueTypes.get(code) ??
      this.fail(`value type 0x${code.toString(16)} that wasm3 does not know`)
    );
  }

  limits(): void {
    const flags = this.byte();
    if (flags > 1) this.fail("shared or 64-bit limits, which wasm3 does not know");
    this.u32();
    if (flags === 1) this.u32();
  }

  /** Skips the instructions of a constant expression. */
  constantExpression(): void {
    for (;;) {
      const opcode = this.byte();
      if (opcode === 0x0b) return;
      if (opcode === 0x41 || opcode === 0x42) while (this.byte() >= 0x80);
      else if (opcode === 0x43) this.position += 4;
      else if (opcode === 0x44) this.position += 8;
      else if (opcode === 0x23) this.u32();
      else this.fail(`opcode 0x${opcode.toString(16)} in a constant expression`);
    }
  }
}

/** A reader behind the preamble of a module. @throws LoadError where there is none */
function openModule(bytes: Uint8Array): Reader {
  const reader = new Reader(bytes);
  for (const expected of [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00])
    if (reader.done || reader.byte() !== expected) {
      throw new LoadError("not a WebAssembly module of version 1 (wrong magic or version)");
    }
  return reader;
}

/**
 * The content of a custom section; undefined where there is none of that name, or more than one.
 *
 * @throws LoadError on a malformed module
 */
export function readCustomSection(bytes: Uint8Array, name: string): Uint8Array | undefined {
  const reader = openModule(bytes);
  const found: Uint8Array[] = [];
  while (!reader.done) {
    const id = reader.byte();
    const section = reader.section();
    if (id === SectionId.custom && section.name() === name) found.push(section.rest());
  }
  return found.length === 1 ? found[0] : undefined;
}

/**
 * Reads the interface of a module: types, imports, functions, globals, exports. It validates no more than it
 * needs; whoever loads modules from strangers validates them first.
 *
 * @throws LoadError on a malformed module
 */
export function readModuleSections(bytes: Uint8Array): ModuleSections {
  const reader = openModule(bytes);
  const types: FunctionType[] = [];
  const functionTypes: FunctionType[] = [];
  const globals: { type: ValueType; mutable: boolean }[] = [];
  const imports: (ModuleImport & { index: number })[] = [];
  const exports: (ModuleExport & { index: number })[] = [];
  let tables = 0;
  let memories = 0;

  const functionType = (section: Reader): FunctionType => {
    const index = section.u32();
    return types[index] ?? section.fail(`type index ${index} out of range`);
  };
  const globalType = (section: Reader): { type: ValueType; mutable: boolean } => ({
    type: section.valueType(),
    mutable: section.byte() === 1,
  });

  while (!reader.done) {
    const id = reader.byte();
    const section = reader.section();
    switch (id) {
      case SectionId.type:
        for (let left = section.count(); left > 0; left--) {
          if (section.byte() !== 0x60) section.fail("a type that is no function type");
          const params = Array.from({ length: section.count() }, () => section.valueType());
          const results = Array.from({ length: section.count() }, () => section.valueType());
          types.push({ params, results });
        }
        break;
      case SectionId.import:
        for (let left = section.count(); left > 0; left--) {
          const module = section.name();
          const name = section.name();
          const kind = kinds[section.byte()] ?? section.fail("unknown kind of import");
          if (kind === "function") {
            const type = functionType(section);
            imports.push({ module, name, kind, type, index: functionTypes.length });
            functionTypes.push(type);
          } else if (kind === "global") {
            imports.push({ module, name, kind, index: globals.length });
            globals.push(globalType(section));
          } else if (kind === "table") {
            imports.push({ module, name, kind, index: tables++ });
            section.byte();
            section.limits();
          } else {
            imports.push({ module, name, kind, index: memories++ });
            section.limits();
          }
        }
        break;
      case SectionId.function:
        for (let left = section.count(); left > 0; left--)
          functionTypes.push(functionType(section));
        break;
      case SectionId.global:
        for (let left = section.count(); left > 0; left--) {
          globals.push(globalType(section));
          section.constantExpression();
        }
        break;
      case SectionId.export:
        for (let left = section.count(); left > 0; left--) {
          const name = section.name();
          const kind = kinds[section.byte()] ?? section.fail("unknown kind of export");
          const index = section.u32();
          const type = kind === "function" ? functionTypes[index] : undefined;
          if (kind === "function" && type === undefined)
            section.fail("function index out of range");
          if (kind === "global" && index >= globals.length)
            section.fail("global index out of range");
          exports.push({ name, kind, index, ...(type && { type }) });
        }
        break;
    }
  }
  return { imports, exports, functionTypes, globals };
}

const letters = new Map<string, ValueType>([
  ["i", "i32"],
  ["I", "i64"],
  ["f", "f32"],
  ["F", "f64"],
]);

/**
 * Reads wasm3's notation of a function type: the results, then the parameters in parentheses, `i` i32, `I` i64,
 * `f` f32, `F` f64, `v` nothing. `"i(iI)"` is `(i32, i64) -> i32`.
 *
 * @throws TypeError when it is malformed
 */
export function parseFunctionType(signature: string): FunctionType {
  const match = /^(v|[iIfF]*)\((v|[iIfF ]*)\)$/.exec(signature);
  if (!match) throw new TypeError(`malformed function type "${signature}" (expected "i(ii)", say)`);
  const list = (text: string): ValueType[] =>
    [...text].flatMap((letter) => letters.get(letter) ?? []);
  return { params: list(match[2] ?? ""), results: list(match[1] ?? "") };
}

/** `(i32, i64) -> i32`, for messages. */
export function formatFunctionType({ params, results }: FunctionType): string {
  return `(${params.join(", ")}) -> ${results.length === 1 ? results[0] : `(${results.join(", ")})`}`;
}

/** Whether two function types are the same. */
export function sameFunctionType(a: FunctionType, b: FunctionType): boolean {
  return formatFunctionType(a) === formatFunctionType(b);
}
