import * as codes from "../../assembly/wasm-checker/refusals.js";
import { forTerminal } from "../common/terminal.js";
import { SectionId, sectionsOf } from "../common/wasm-sections.js";
import { hcalls } from "../isolate/hcalls.js";
import type { CheckReport } from "./checker.js";
import { importHint } from "./import-hints.js";

/** A refused report together with the names that it refers to. */
export interface Refused {
  readonly report: CheckReport;
  /** The module. */
  readonly bytes: Uint8Array;
  /** The refused import's or export's own name, and an import's module name; empty where none applies. */
  readonly name: string;
  readonly moduleName: string;
}

interface Refusal {
  /** What is wrong, as part of a sentence. */
  readonly problem: (refused: Refused) => string;
  /** How an author fixes it, unless the problem says so itself. */
  readonly hint?: string | ((refused: Refused) => string | undefined);
}

const valueTypes: Record<number, string> = {
  127: "i32",
  126: "i64",
  125: "f32",
  124: "f64",
  123: "v128",
  112: "funcref",
  111: "externref",
};
const hex = (value: number): string => `0x${value.toString(16).padStart(2, "0")}`;
const type = (byte: number): string => valueTypes[byte] ?? `type ${hex(byte)}`;
const kinds = ["function", "table", "memory", "global", "tag"];
const kind = (number: number): string => kinds[number] ?? `kind ${hex(number)}`;
const sections = [
  ...["custom", "type", "import", "function", "table", "memory", "global", "export"],
  ...["start", "element", "code", "data", "data count"],
];
const section = (id: number): string => sections[id] ?? hex(id);
const imported = ({ moduleName, name }: Refused): string => `"${moduleName}.${name}"`;

/** A refusal of an index: what it names, and how many there are. */
const index =
  (what: string) =>
  ({ report: { found, expected } }: Refused): string =>
    `${what} ${found} does not exist (there are ${expected})`;

/** A refusal by a limit: what there is, and how much of it is allowed. */
const above =
  (what: string) =>
  ({ report: { found, expected } }: Refused): string =>
    `${what}: ${found}, and at most ${expected} are allowed`;

const feature = (what: string): string => `${what}, which programs here cannot use`;
const compilerFlags = (clang: string, rust: string): string =>
  `build without it: ${clang} for clang, -C target-feature=${rust} for Rust`;

const DAMAGED = "the file is damaged, or a tool wrote it wrongly: build it again";
const BUG = "a compiler does not write this: the file is damaged, or was changed by a faulty tool";

/** What a refusal is called: its constant in assembly/wasm-checker/refusals.ts. The names are stable. */
export type RefusalName = Exclude<keyof typeof codes, "ACCEPTED">;

/** What to tell an author, by name. */
export const refusals: Readonly<Record<RefusalName, Refusal>> = {
  MALFORMED_MAGIC: {
    problem: () => "this is not a WebAssembly module: the magic number is missing",
    hint: "a program is a binary module (.wasm), neither text (.wat) nor an archive",
  },
  MALFORMED_VERSION: {
    problem: () => "this is not a module of WebAssembly version 1",
    hint: "isolates do not run components (WASI preview 2): build a core module",
  },
  MALFORMED_END: {
    problem: () => "the bytes end too early",
    hint: "the file is incomplete or damaged: build or transfer it again",
  },
  MALFORMED_INTEGER_LENGTH: { problem: () => "an integer is too long", hint: DAMAGED },
  MALFORMED_INTEGER_BITS: {
    problem: () => "an integer is too large for its type",
    hint: DAMAGED,
  },
  MALFORMED_UTF8: { problem: () => "a name is not UTF-8", hint: DAMAGED },
  MALFORMED_SECTION_ID: {
    problem: ({ report }) => `section ${hex(report.found)} is unknown`,
    hint: DAMAGED,
  },
  MALFORMED_SECTION_ORDER: {
    problem: ({ report }) => `the ${section(report.found)} section comes twice or too late`,
    hint: DAMAGED,
  },
  MALFORMED_SECTION_SIZE: {
    problem: ({ report }) => `the ${section(report.found)} section is longer than its content`,
    hint: DAMAGED,
  },
  MALFORMED_TYPE_FORM: {
    problem: ({ report }) => `a type begins with ${hex(report.found)}, a function type with 0x60`,
    hint: DAMAGED,
  },
  MALFORMED_VALUE_TYPE: {
    problem: ({ report }) => `${hex(report.found)} is not a value type`,
    hint: DAMAGED,
  },
  MALFORMED_EXTERNAL_KIND: {
    problem: ({ report }) => `${hex(report.found)} is not a kind of import or export`,
    hint: DAMAGED,
  },
  MALFORMED_LIMITS: {
    problem: ({ report }) => `${hex(report.found)} is not a flag of limits`,
    hint: DAMAGED,
  },
  MALFORMED_MUTABILITY: {
    problem: ({ report }) => `a global's mutability is ${hex(report.found)}, neither 0 nor 1`,
    hint: DAMAGED,
  },
  MALFORMED_SEGMENT: {
    problem: ({ report }) => `${hex(report.found)} is not a kind of segment`,
    hint: DAMAGED,
  },
  MALFORMED_OPCODE: {
    problem: ({ report }) => `${hex(report.found)} is not an instruction`,
    hint: DAMAGED,
  },
  MALFORMED_RESERVED: {
    problem: ({ report }) => `a byte that must be zero is ${hex(report.found)}`,
    hint: "programs have one memory: isolates do not run several",
  },
  MALFORMED_BODY_COUNT: {
    problem: ({ report }) =>
      `${report.expected} functions are declared, ${report.found} have a body`,
    hint: DAMAGED,
  },
  MALFORMED_BODY_SIZE: {
    problem: () => "a function ends before the end of its body",
    hint: DAMAGED,
  },
  MALFORMED_DATA_COUNT: {
    problem: ({ report }) =>
      `${report.expected} data segments are announced, ${report.found} are there`,
    hint: DAMAGED,
  },

  INVALID_TYPE_INDEX: { problem: index("type"), hint: BUG },
  INVALID_FUNCTION_INDEX: { problem: index("function"), hint: BUG },
  INVALID_LOCAL_INDEX: { problem: index("local"), hint: BUG },
  INVALID_GLOBAL_INDEX: { problem: index("global"), hint: BUG },
  INVALID_TABLE_INDEX: {
    problem: () => "the module uses a table that does not exist",
    hint: BUG,
  },
  INVALID_MEMORY_INDEX: {
    problem: () => "the module uses a memory that does not exist",
    hint: BUG,
  },
  INVALID_LABEL: {
    problem: ({ report: { found, expected } }) =>
      `a branch goes ${found} blocks out, and only ${expected} are open`,
    hint: BUG,
  },
  INVALID_OPERAND: {
    problem: ({ report }) =>
      `an operand is of ${type(report.found)}, and ${type(report.expected)} is expected`,
    hint: BUG,
  },
  INVALID_OPERAND_MISSING: {
    problem: ({ report }) =>
      report.expected === 0
        ? "an operand is missing"
        : `an operand of ${type(report.expected)} is missing`,
    hint: BUG,
  },
  INVALID_OPERAND_LEFT: {
    problem: () => "values are left over at the end of a block",
    hint: BUG,
  },
  INVALID_GLOBAL_IMMUTABLE: {
    problem: ({ report }) => `global ${report.found} is set, but is not mutable`,
    hint: BUG,
  },
  INVALID_ALIGNMENT: {
    problem: ({ report: { found, expected } }) =>
      found > 31
        ? "a memory access has a nonsensical alignment"
        : `a memory access of ${2 ** expected} bytes claims alignment to ${2 ** found}`,
    hint: BUG,
  },
  INVALID_ELSE: { problem: () => "an else has no if", hint: BUG },
  INVALID_IF_RESULT: {
    problem: ({ report }) => `an if that gives ${type(report.expected)} has no else`,
    hint: BUG,
  },
  INVALID_LABEL_ARITY: {
    problem: () => "the labels of a br_table take different numbers of values",
    hint: BUG,
  },
  INVALID_CONSTANT_EXPRESSION: {
    problem: ({ report }) => `instruction ${hex(report.found)} stands where a constant is required`,
    hint: "initial values and offsets are constants; a program cannot import a global to refer to",
  },
  INVALID_EXPORT_DUPLICATE: {
    problem: ({ name }) => `"${name}" is exported twice`,
    hint: BUG,
  },
  INVALID_MEMORY_LIMITS: {
    problem: ({ report }) =>
      report.expected === 65536
        ? `${report.found} pages of memory are more than the 65536 that can be addressed`
        : `the memory's maximum of ${report.found} pages is below its initial ${report.expected}, or above 65536`,
    hint: BUG,
  },
  INVALID_TABLE_LIMITS: {
    problem: ({ report: { found, expected } }) =>
      `the table's maximum of ${found} elements is below its initial ${expected}`,
    hint: BUG,
  },

  UNSUPPORTED_MULTI_VALUE: {
    problem: () => feature("more than one result, or a block with parameters (multi-value)"),
    hint: compilerFlags("-mno-multivalue", "-multivalue"),
  },
  UNSUPPORTED_REFERENCE_TYPES: {
    problem: () => feature("reference types"),
    hint: compilerFlags("-mno-reference-types", "-reference-types"),
  },
  UNSUPPORTED_BULK_MEMORY: {
    problem: () =>
      feature(
        "passive or other new kinds of segments (bulk memory beyond memory.copy and memory.fill)",
      ),
    hint: "wasm-ld makes passive segments for shared memory only: link without --shared-memory; wasm-opt: without --memory-packing",
  },
  UNSUPPORTED_SIMD: {
    problem: () => feature("vector instructions (SIMD)"),
    hint: `${compilerFlags("-mno-simd128", "-simd128")}, --disable simd for AssemblyScript`,
  },
  UNSUPPORTED_THREADS: {
    problem: () => feature("atomic instructions or shared memory (threads)"),
    hint: `${compilerFlags("-mno-atomics", "-atomics")}, --disable threads for AssemblyScript`,
  },
  UNSUPPORTED_EXCEPTIONS: {
    problem: () => feature("exceptions"),
    hint: "build with -fno-exceptions (C++), panic = abort (Rust)",
  },
  UNSUPPORTED_TAIL_CALLS: {
    problem: () => feature("tail calls"),
    hint: compilerFlags("-mno-tail-call", "-tail-call"),
  },
  UNSUPPORTED_MULTI_MEMORY: {
    problem: () => feature("more than one memory"),
    hint: "export the one memory as memory",
  },
  UNSUPPORTED_MEMORY64: {
    problem: () => feature("64-bit addresses"),
    hint: "build for wasm32",
  },
  UNSUPPORTED_GC: {
    problem: () => feature("typed references or garbage-collected types"),
    hint: "languages that need WebAssembly's garbage collector do not run here",
  },
  UNSUPPORTED_EXTENDED_CONST: {
    problem: () => feature("more than one instruction in an initial value or offset"),
    hint: compilerFlags("-mno-extended-const", "-extended-const"),
  },

  ABI_IMPORT_KIND: {
    problem: (refused) => `the ${kind(refused.report.found)} ${imported(refused)} is imported`,
    hint: ({ report, name }) =>
      report.found === 2
        ? "a program has its own memory and exports it: leave out --importMemory (asc), --import-memory (wasm-ld)"
        : name.startsWith("__")
          ? "this is an object file or a dynamic library: link it into a module of its own"
          : "programs import functions only",
  },
  ABI_IMPORT_MODULE: {
    problem: (refused) => `${imported(refused)} is imported, and there is no such module`,
    hint: importHint,
  },
  ABI_IMPORT_NAME: {
    problem: (refused) => `${imported(refused)} is imported, and the ABI has no such function`,
    hint: importHint,
  },
  ABI_IMPORT_TYPE: {
    problem: (refused) => `${imported(refused)} is imported with a wrong type`,
    hint: ({ report }) =>
      `it takes ${report.expected} i32${report.expected === 1 ? "" : "s"} and returns an i32`,
  },
  ABI_START: {
    problem: () => "the module has a start function",
    hint: "nothing runs before main: move top-level statements into it; AssemblyScript: compile with --target wasm32-arm-veracruz, whose main begins with them",
  },
  ABI_NO_MEMORY: {
    problem: () => `no memory is exported as "memory"`,
    hint: 'asc exports it unless --noExportMemory is given; in WebAssembly text: (memory (export "memory") 1)',
  },
  ABI_NO_MAIN: {
    problem: () => `no function is exported as "main"`,
    hint: 'AssemblyScript: export function main(): i32; Rust: #[no_mangle] pub extern "C" fn main; clang: -Wl,--export=main',
  },
  ABI_MAIN_TYPE: {
    problem: () => `"main" is neither of type () -> i32 nor (i32, i32) -> i32`,
    hint: "AssemblyScript: export function main(): i32",
  },
  ABI_EXPORT_KIND: {
    problem: ({ report, name }) =>
      `"${name}" is exported and is a ${kind(report.found)}, not a ${kind(report.expected)}`,
    hint: "give that export another name",
  },
  ABI_MAIN_IMPORTED: {
    problem: () => `"main" is an imported function`,
    hint: "define main in the program itself",
  },
  ABI_EXPORT_NUL: {
    problem: () => "the name of an export holds a NUL",
    hint: "give that export another name",
  },
  ABI_ELEMENT_OUTSIDE: {
    problem: ({ report: { expected } }) =>
      `an element segment lies outside the table of ${expected} elements`,
    hint: BUG,
  },
  ABI_DATA_OUTSIDE: {
    problem: ({ report: { expected } }) =>
      `a data segment lies outside the initial memory of ${expected} bytes`,
    hint: "give the program more initial memory: --initialMemory (asc), --initial-memory (wasm-ld)",
  },

  LIMIT_MODULE: { problem: above("bytes of the module"), hint: sizeHint },
  LIMIT_TYPES: { problem: above("function types"), hint: sizeHint },
  LIMIT_PARAMETERS: {
    problem: above("parameters of a function"),
    hint: "pass a structure in memory instead",
  },
  LIMIT_IMPORTS: {
    problem: above("imports"),
    hint: `there are ${hcalls.length} H-calls: import each once`,
  },
  LIMIT_FUNCTIONS: { problem: above("functions"), hint: sizeHint },
  LIMIT_TABLE: {
    problem: above("elements of the table"),
    hint: "the table holds functions that are called through references: use fewer of those",
  },
  LIMIT_MEMORY_INITIAL: {
    problem: above("initial pages of memory (64 KiB each)"),
    hint: "--initialMemory (asc, in pages); --initial-memory and -z stack-size (wasm-ld, in bytes); -s INITIAL_MEMORY and TOTAL_STACK (emcc, in bytes)",
  },
  LIMIT_MEMORY_MAXIMUM: {
    problem: above("declared maximum of pages (64 KiB each)"),
    hint: "declare a lower maximum, or none: memory.grow then goes as far as the isolate allows",
  },
  LIMIT_GLOBALS: {
    problem: above("globals"),
    hint: "keep values in memory instead",
  },
  LIMIT_EXPORTS: { problem: above("exports"), hint: "only memory and main are used" },
  LIMIT_ELEMENT_SEGMENTS: {
    problem: above("element segments"),
    hint: "let the linker or wasm-opt merge them",
  },
  LIMIT_DATA_SEGMENTS: {
    problem: above("data segments"),
    hint: "let the linker or wasm-opt merge them",
  },
  LIMIT_DATA: {
    problem: above("bytes of data"),
    hint: "hand large constants over as an input",
  },
  LIMIT_BODY: {
    problem: above("bytes of a function body"),
    hint: "split the function; less inlining makes it smaller",
  },
  LIMIT_LOCALS: {
    problem: above("parameters and locals of a function"),
    hint: "split the function; less inlining and unrolling needs fewer locals",
  },
  LIMIT_NESTING: {
    problem: above("blocks within blocks"),
    hint: "split the function; a switch with very many cases is better as a table",
  },
  LIMIT_FRAME: {
    problem: above("locals, operands and open blocks of a function"),
    hint: "split the function; less inlining and unrolling needs fewer locals",
  },
  LIMIT_BRANCH_TABLE: {
    problem: above("labels of a br_table"),
    hint: "split the switch, or look values up in a table",
  },
  LIMIT_COMPILE_STEPS: {
    problem: above("thousand steps that compiling may take in the isolate"),
    hint: "split functions that have many locals and many operands at once",
  },
  LIMIT_NAME: {
    problem: above("bytes of an export's name"),
    hint: "give that export a shorter name, or do not export it",
  },
};

const codesByName: ReadonlyMap<string, number> = new Map(Object.entries(codes));

/** The code of a refusal. */
export function refusalCode(name: RefusalName): number {
  return codesByName.get(name) as number;
}

/**
 * The name of a refusal.
 *
 * @throws RangeError when no refusal has this code
 */
export function refusalName(code: number): RefusalName {
  for (const [name, each] of codesByName)
    if (each === code && name in refusals) return name as RefusalName;
  throw new RangeError(`${code} is not the code of a refusal`);
}

/** What makes a module smaller; for one that is mostly custom sections, how to leave those out. */
function sizeHint({ bytes }: Refused): string {
  const custom = [...sectionsOf(bytes)].filter(({ id }) => id === SectionId.custom);
  const customBytes = custom.reduce((sum, { size }) => sum + size, 0);
  if (customBytes * 2 > bytes.length) {
    const [largest] = custom.sort((a, b) => b.size - a.size);
    return (
      `${customBytes} of its ${bytes.length} bytes are custom sections, the largest ${forTerminal(JSON.stringify(largest?.name))}: ` +
      "strip them (wasm-strip FILE, llvm-strip FILE, wasm-ld --strip-all; asc without --debug)"
    );
  }
  return "optimise for size (-Oz), leave out what is not used";
}
