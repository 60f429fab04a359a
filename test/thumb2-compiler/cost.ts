// What compiling costs on a board, in instructions a byte of module: of real modules, and of patterns that are made to be dear.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot, wasmPath } from "../../host/common/paths.js";
import type { EmulatedBoard } from "../../host/mcu/toolchain.js";
import { CompileError, type Thumb2Compiler } from "../../host/thumb2-compiler/compiler.js";
import type { Random } from "../support/random.js";
import {
  type Bytes,
  body,
  F64,
  functionType,
  I32,
  I64,
  i32const,
  i64const,
  leb,
  locals,
  MAIN_TYPE,
  program,
  VOID,
} from "../wasm-checker/bytes.js";
import { SuiteModule } from "./core-suite.js";
import { compileOnBoard } from "./device.js";

/** The most instructions a byte of real modules, and how many times their mean the worst pattern may take. */
export const BARS = { mean: 500, worst: 4 };
const PAGES = 8;

/** A module, and what it cost. */
export interface Cost {
  readonly name: string;
  readonly bytes: number;
  readonly instructions: number;
}

export interface Named {
  readonly name: string;
  readonly wasm: Uint8Array;
}

export const aByte = (costs: readonly Cost[]): number =>
  costs.reduce((sum, { instructions }) => sum + instructions, 0) /
  costs.reduce((sum, { bytes }) => sum + bytes, 0);

/** Whether the checker takes it, and the compiler. */
export function compiles(compiler: Thumb2Compiler, wasm: Uint8Array): boolean {
  try {
    compiler.compile(wasm, { pages: PAGES });
    return true;
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    return false;
  }
}

/** A module as a program, with a `main` that does nothing where it has none; itself where it imports anything. */
function asProgram(wasm: Uint8Array, compiler: Thumb2Compiler): Uint8Array {
  if (compiles(compiler, wasm)) return wasm;
  const module = new SuiteModule(wasm);
  return module.imports ? wasm : module.program(i32const(0), []);
}

/** The modules that this project has built and that programs may be. */
export function realModules(compiler: Thumb2Compiler): Named[] {
  return ["examples", "testing", "."]
    .flatMap((folder) => {
      const path = join(projectRoot, "build/wasm", folder);
      return readdirSync(path)
        .filter((name) => name.endsWith(".wasm"))
        .map((name) => ({
          name: join(folder, name.replace(".wasm", "")),
          wasm: asProgram(readFileSync(join(path, name)), compiler),
        }));
    })
    .filter(({ wasm }) => compiles(compiler, wasm))
    .sort((a, b) => a.wasm.length - b.wasm.length);
}

/** Pages of memory of the modules that firmware is made of, as many as devices give the largest. */
const NATIVE_PAGES = 3;

/** What compiling the modules costs that firmware is made of with `HOST=thumb2`. */
export async function measureNative(board: EmulatedBoard): Promise<Cost[]> {
  const modules = ["attestation", "runtime"].map((name) => ({
    name,
    wasm: new Uint8Array(readFileSync(wasmPath(name))),
  }));
  return await measure(board, modules, NATIVE_PAGES);
}

/** What a function does again and again, with nothing taken from the operands below and nothing left. */
const snippets: Readonly<Record<string, Bytes>> = {
  nothing: [0x01],
  constant: [...i32const(-0x12345679), 0x1a],
  "constant of 64 bits": [...i64const(0x7123456789abcdefn), 0x1a],
  "binary64 constant": [0x44, 1, 2, 3, 4, 5, 6, 7, 8, 0x1a],
  "set a local": [0x20, 1, 0x21, 0],
  "get a local and set it": [0x20, 0, ...i32const(1), 0x21, 0, 0x1a],
  "tee a local": [0x20, 0, 0x20, 1, 0x22, 0, 0x6a, 0x1a],
  "set a narrow local": [0x20, 0, 0xac, 0x21, 2],
  "set a wide local": [0x20, 3, 0x20, 2, 0x7e, 0x21, 2],
  "set a global": [0x23, 0, 0x24, 0],
  load: [0x20, 0, 0x28, 0, 4, 0x1a],
  "load of 64 bits": [0x20, 0, 0x29, 0, 0x80, 0x80, 4, 0x1a],
  store: [0x20, 0, 0x20, 1, 0x36, 0, 0],
  "store of 64 bits": [0x20, 0, 0x20, 2, 0x37, 0, 0],
  "memory.size": [0x3f, 0, 0x1a],
  "memory.grow": [0x41, 0, 0x40, 0, 0x1a],
  "memory.copy": [0x20, 0, 0x20, 0, 0x20, 0, 0xfc, 10, 0, 0],
  "memory.fill": [0x20, 0, 0x20, 0, 0x20, 0, 0xfc, 11, 0],
  call: [0x10, 0],
  "call with many arguments": [...Array<Bytes>(12).fill([0x20, 2]).flat(), 0x10, 1],
  "indirect call": [0x41, 0, 0x11, 1, 0],
  block: [0x02, VOID, 0x0b],
  "block with a result": [0x02, I32, 0x41, 0, 0x0b, 0x1a],
  loop: [0x03, VOID, 0x0b],
  "loop that goes on": [0x03, VOID, 0x20, 0, 0x0d, 0, 0x0b],
  "if and else": [0x20, 0, 0x04, VOID, 0x05, 0x0b],
  "branch out": [0x20, 0, 0x0d, 0],
  "return if": [0x20, 0, 0x04, VOID, 0x0f, 0x0b],
  "dead code": [0x02, VOID, 0x00, ...Array<number>(20).fill(0x00), 0x0b],
  "branch table": [0x02, VOID, 0x20, 0, 0x0e, 40, ...Array<number>(41).fill(0), 0x0b],
  select: [0x20, 0, 0x20, 1, 0x20, 0, 0x1b, 0x1a],
  "select of 64 bits": [0x20, 2, 0x20, 3, 0x20, 0, 0x1b, 0x1a],
  division: [0x20, 0, 0x20, 1, 0x6d, 0x1a],
  "division of 64 bits": [0x20, 2, 0x20, 3, 0x7f, 0x1a],
  "shift of 64 bits": [0x20, 2, 0x20, 3, 0x86, 0x1a],
  "rotation of 64 bits": [0x20, 2, 0x20, 3, 0x89, 0x1a],
  "comparison of 64 bits": [0x20, 2, 0x20, 3, 0x53, 0x1a],
  "count of 64 bits": [0x20, 2, 0x7b, 0x1a],
  "binary64 sum": [0x20, 4, 0x20, 4, 0xa0, 0x21, 4],
  "binary64 root": [0x20, 4, 0x9f, 0x21, 4],
  "conversion to binary64": [0x20, 0, 0xb7, 0x21, 4],
};
export const snippetNames = Object.keys(snippets);

/** What lies on the operand stack below. */
const operands = {
  constants: { push: [0x41, 5], pop: [0x1a] },
  "the local": { push: [0x20, 0], pop: [0x1a] },
  "words in registers": { push: [0x20, 0, 0x20, 1, 0x6a], pop: [0x1a] },
  "wide locals": { push: [0x20, 2], pop: [0x1a] },
} as const;
type Below = keyof typeof operands;
export const belowNames = Object.keys(operands) as Below[];

export interface Pattern {
  /** By their names, one after the other. */
  readonly snippets: readonly string[];
  readonly below: Below;
  readonly depth: number;
  /** More locals of 64 bits, and whether they are set from 32 bits before. */
  readonly more: number;
  readonly narrow: boolean;
  /** Open blocks around it, loops or not. */
  readonly nesting: number;
  readonly loops: boolean;
  readonly bytes: number;
}

/** A program of one pattern, in functions of some `bytes` each. */
export function patternProgram(pattern: Pattern, functions = 1): Uint8Array {
  const { below, depth, more, narrow, nesting, loops, bytes } = pattern;
  const { push, pop } = operands[below];
  const code: number[] = [];
  for (let index = 0; narrow && index < more; index++)
    code.push(0x20, 0, 0xac, 0x21, ...leb(5 + index));
  for (let index = 0; index < nesting; index++) code.push(loops ? 0x03 : 0x02, VOID);
  for (let index = 0; index < depth; index++) code.push(...push);
  const part = pattern.snippets.flatMap((name) => snippets[name] ?? []);
  for (let length = 0; length < bytes; length += part.length) code.push(...part);
  for (let index = 0; index < depth; index++) code.push(...pop);
  for (let index = 0; index < nesting; index++) code.push(0x0b);
  const groups = [locals(2, I32), locals(2, I64), locals(1, F64), locals(more, I64)];
  const nothing = functionType([], []);
  return program({
    types: [MAIN_TYPE, nothing, functionType(Array<number>(12).fill(I64), [])],
    functions: [1, 2, ...Array<number>(functions).fill(1), 0],
    table: [0x70, 0, 1],
    elements: [[0, 0x41, 0, 0x0b, 1, 0]],
    globals: [[I32, 1, 0x41, 0, 0x0b]],
    memory: [0, 1],
    exports: [
      [6, ...Buffer.from("memory"), 2, 0],
      [4, ...Buffer.from("main"), 0, ...leb(2 + functions)],
    ],
    bodies: [
      body([]),
      body([]),
      ...Array<Bytes>(functions).fill(body(code, groups)),
      body(i32const(0)),
    ],
  });
}

/** A pattern in words. */
export function patternName(pattern: Pattern): string {
  const { below, depth, more, narrow, nesting, loops } = pattern;
  return [
    pattern.snippets.join(", "),
    ...(depth > 0 ? [`above ${depth} × ${below}`] : []),
    ...(more > 0 ? [`${more} more locals${narrow ? ", narrow" : ""}`] : []),
    ...(nesting > 0 ? [`in ${nesting} ${loops ? "loops" : "blocks"}`] : []),
  ].join("; ");
}

/** Each snippet by itself, and above as many operands as a function may have. */
export function plainPatterns(): Pattern[] {
  const plain = { more: 0, narrow: false, nesting: 0, loops: false, bytes: 4000 };
  return snippetNames.flatMap((name) => [
    { ...plain, snippets: [name], below: "constants" as const, depth: 0 },
    ...belowNames.map((below) => ({ ...plain, snippets: [name], below, depth: 180 })),
    { ...plain, snippets: [name], below: "constants" as const, depth: 0, more: 150, narrow: true },
  ]);
}

/** Modules that are large otherwise than in a body: types that differ late, functions, globals, a table, data. */
export function shapes(): Named[] {
  const types = Array.from({ length: 199 }, (_, index) =>
    functionType([...Array<number>(7).fill(I64), index & 1 ? I32 : I64, I32], []),
  );
  const many = <Item>(count: number, item: Item): Item[] => Array<Item>(count).fill(item);
  return [
    {
      name: "many types",
      wasm: program({
        types: [MAIN_TYPE, ...types],
        functions: [0],
      }),
    },
    {
      name: "many functions",
      wasm: program({ functions: many(2000, 0), bodies: many(2000, body([0x41, 0])) }),
    },
    {
      name: "many globals",
      wasm: program({ globals: many<Bytes>(200, [I64, 1, 0x42, 0, 0x0b]) }),
    },
    {
      name: "a long table",
      wasm: program({
        table: [0x70, 0, ...leb(900)],
        elements: [[0, 0x41, 0, 0x0b, ...leb(900), ...many(900, 0)]],
      }),
    },
    {
      name: "many segments",
      wasm: program({ data: many<Bytes>(200, [0, 0x41, 0, 0x0b, 1, 1]) }),
    },
  ];
}

/** Any pattern. */
export function randomPattern(random: Random): Pattern {
  return {
    snippets: Array.from({ length: 1 + random.below(3) }, () => random.pick(snippetNames)),
    below: random.pick(belowNames),
    depth: random.below(220),
    more: random.oneIn(2) ? random.below(200) : 0,
    narrow: random.oneIn(2),
    nesting: random.oneIn(2) ? random.below(95) : 0,
    loops: random.oneIn(2),
    bytes: 4000,
  };
}

/** Compiles them on a board, programs, or with `nativePages` modules that firmware is made of. */
export async function measure(
  board: EmulatedBoard,
  modules: readonly Named[],
  nativePages = 0,
): Promise<Cost[]> {
  const results = await compileOnBoard(
    board,
    modules.map(({ wasm }) => wasm),
    nativePages || PAGES,
    nativePages > 0,
  );
  return modules.map(({ name, wasm }, index) => {
    const { answer, instructions } = results[index] ?? { answer: -1, instructions: 0 };
    if (answer !== 0) throw new Error(`${name}: the compiler answers ${answer}`);
    return { name, bytes: wasm.length, instructions };
  });
}
