// The WebAssembly core suite as programs for boards: assertions of one module become the `main` of a program.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectRoot } from "../../host/common/paths.js";
import { type EmulatedBoard, mcuBuildFolder } from "../../host/mcu/toolchain.js";
import { CompileError, type Thumb2Compiler } from "../../host/thumb2-compiler/compiler.js";
import { refusalName } from "../../host/wasm-checker/refusals.js";
import {
  assemble,
  type Bytes,
  body,
  exportItem,
  F32,
  F64,
  functionType,
  I32,
  I64,
  i32const,
  i64const,
  leb,
  locals,
  section,
} from "../wasm-checker/bytes.js";
import { type Case, hasFloats, runInWasm3, runOnBoard } from "./boards.js";

/** Pages that a program may have, and bytes of its stack: what the board's image has room for. */
const PAGES = 7;
const STACK_BYTES = 65536;
const FUEL = 1_000_000_000n;
/** Assertions in one program. */
const PART = 100;

interface Value {
  readonly type: string;
  readonly value?: string | readonly string[];
}

interface Action {
  readonly type: "invoke" | "get";
  readonly module?: string;
  readonly field: string;
  readonly args?: readonly Value[];
}

interface Command {
  readonly type: string;
  readonly line: number;
  readonly name?: string;
  readonly filename?: string;
  readonly action?: Action;
  readonly text?: string;
  readonly expected?: readonly Value[];
}

/** What became of the assertions of a suite. */
export interface Outcome {
  /** Assertions that held. */
  held: number;
  /** Why others do not apply, and how many. */
  readonly apart: Map<string, number>;
  /** Files that the assembler does not take: text of proposals, or of an older syntax. */
  readonly unread: string[];
  /** Assertions that did not hold, each with its file and line. */
  readonly failures: string[];
}

/** Where the suite's text lies, fetched if need be: that in the source of binaryen, at a fixed hash. */
export function fetchSuite(): string {
  const folder = join(mcuBuildFolder, "binaryen");
  mkdirSync(mcuBuildFolder, { recursive: true });
  const script = join(projectRoot, "mcu-client/fetch-source.js");
  execFileSync(process.execPath, [script, "binaryen", folder], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  return join(folder, "test/spec");
}

/** The suite's files, those apart that assert that no parser takes them. */
export function suiteFiles(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".wast") && !name.endsWith(".fail.wast"))
    .sort();
}

/**
 * A file in the syntax that the assembler takes: where an assertion of its own said that a result is a NaN, that result; where a
 * trap has no text, that of memory, which is the only one in those files. `single` are lines whose NaNs have 32 bits.
 */
function inSyntax(text: string, single: ReadonlySet<number>): string {
  return text
    .split("\n")
    .map((line, index) =>
      line
        .replace(
          /^\(assert_return_(canonical|arithmetic)_nan\s+(\(invoke .*\))\)(?=\s*$)/,
          (_, kind, invoke) =>
            `(assert_return ${invoke} (f${single.has(index + 1) ? 32 : 64}.const nan:${kind}))`,
        )
        .replace(
          /^\(assert_trap (\(invoke "[^"]*"( \([^()]*\))*\))\)(?=\s*$)/,
          (_, invoke) => `(assert_trap ${invoke} "out of bounds memory access")`,
        ),
    )
    .join("\n");
}

/** The commands of a file, with its modules in `folder`; undefined where the assembler does not take it. */
function commandsOf(path: string, folder: string): readonly Command[] | undefined {
  const source = join(folder, "suite.wast");
  const list = join(folder, "suite.json");
  const single = new Set<number>();
  for (;;) {
    writeFileSync(source, inSyntax(readFileSync(path, "utf8"), single));
    const { status, stderr } = spawnSync("wast2json", [source, "-o", list], { encoding: "utf8" });
    if (status === 0) break;
    // It says which NaNs are not of 64 bits.
    const lines = [
      ...stderr.matchAll(/:(\d+):\d+: error: type mismatch for result .* expected f32/g),
    ];
    const before = single.size;
    for (const [, line] of lines) single.add(Number(line));
    if (single.size === before) return undefined;
  }
  return (JSON.parse(readFileSync(list, "utf8")) as { commands: Command[] }).commands;
}

/** Reads a binary that an assembler has made. */
class Reader {
  at = 0;
  constructor(readonly bytes: Uint8Array) {}

  get left(): boolean {
    return this.at < this.bytes.length;
  }

  byte(): number {
    return this.bytes[this.at++] ?? 0;
  }

  leb(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const next = this.byte();
      value += (next & 0x7f) * 2 ** shift;
      if (next < 0x80) return value;
    }
  }

  take(length: number): Uint8Array {
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }
}

interface Signature {
  readonly parameters: Uint8Array;
  readonly results: Uint8Array;
}

/** A module of the suite, to which a `main` can be added. */
export class SuiteModule {
  readonly #sections = new Map<number, Uint8Array>();
  readonly #types: Signature[] = [];
  readonly #functions: number[] = [];
  readonly #globals: number[] = [];
  readonly #exports = new Map<string, { kind: number; index: number }>();
  readonly imports: boolean;
  #dropped: number | undefined;

  constructor(wasm: Uint8Array) {
    const reader = new Reader(wasm);
    reader.take(8);
    while (reader.left) {
      const id = reader.byte();
      const content = reader.take(reader.leb());
      if (id !== 0) this.#sections.set(id, content);
    }
    this.imports = this.#items(2).count > 0;
    this.#each(1, (types) => {
      types.byte();
      this.#types.push({
        parameters: types.take(types.leb()),
        results: types.take(types.leb()),
      });
    });
    this.#each(3, (functions) => this.#functions.push(functions.leb()));
    this.#each(7, (exports) => {
      const name = Buffer.from(exports.take(exports.leb())).toString("utf8");
      this.#exports.set(name, { kind: exports.byte(), index: exports.leb() });
    });
    if (!this.imports) {
      // A global's type is all that is needed of it: those after one whose initial value is no constant are not read.
      const sizes: Record<number, (globals: Reader) => void> = {
        65: (globals) => globals.leb(),
        66: (globals) => globals.leb(),
        67: (globals) => globals.take(4),
        68: (globals) => globals.take(8),
      };
      let known = true;
      this.#each(6, (globals) => {
        if (!known) return;
        this.#globals.push(globals.byte());
        globals.byte();
        const skip = sizes[globals.byte()];
        if (skip) skip(globals);
        known = skip !== undefined;
        globals.byte();
      });
    }
  }

  #items(id: number): { reader: Reader; count: number } {
    const reader = new Reader(this.#sections.get(id) ?? Uint8Array.of(0));
    return { reader, count: reader.leb() };
  }

  #each(id: number, read: (reader: Reader) => void): void {
    const { reader, count } = this.#items(id);
    for (let index = 0; index < count; index++) read(reader);
  }

  /** What an action does, and the type of its result, if it has one; undefined for what is not exported. */
  code(action: Action): { code: number[]; result: number | undefined } | undefined {
    const item = this.#exports.get(action.field);
    if (item === undefined) return undefined;
    if (action.type === "get") {
      const type = this.#globals[item.index];
      return type === undefined ? undefined : { code: [0x23, ...leb(item.index)], result: type };
    }
    const signature = this.#types[this.#functions[item.index] ?? -1];
    const parameters = (action.args ?? []).map(constantOf);
    if (item.kind !== 0 || signature === undefined || signature.results.length > 1)
      return undefined;
    if (parameters.includes(undefined)) return undefined;
    return {
      code: [...parameters.flatMap((each) => each ?? []), 0x10, ...leb(item.index)],
      result: signature.results[0],
    };
  }

  get functions(): number {
    return this.#functions.length;
  }

  /** Ends a function at once, and takes its export away: for one that a device has no room for. */
  drop(function_: number): void {
    this.#dropped = function_;
    for (const [name, { kind, index }] of this.#exports)
      if (kind === 0 && index === function_) this.#exports.delete(name);
  }

  /** The module as a program: its exports gone, `main` added, its start function called by that. */
  program(main: Bytes, groups: Bytes[]): Uint8Array {
    const extended = (id: number, added: Bytes): number[] => {
      const { reader, count } = this.#items(id);
      return section(id, leb(count + 1), [...reader.bytes.subarray(reader.at)], added);
    };
    const bodies: number[] = [];
    let number = 0;
    this.#each(10, (code) => {
      const { at } = code;
      code.take(code.leb());
      bodies.push(
        ...(number++ === this.#dropped ? body([0x00]) : code.bytes.subarray(at, code.at)),
      );
    });
    const start = this.#sections.get(8);
    const begin = start ? [0x10, ...start] : [];
    const index = this.#functions.length;
    const same = (id: number): number[] => {
      const content = this.#sections.get(id);
      return content ? section(id, [...content]) : [];
    };
    return assemble(
      extended(1, functionType([], [I32])),
      extended(3, leb(this.#types.length)),
      same(4),
      this.#sections.has(5) ? same(5) : section(5, [1, 0, 1]),
      same(6),
      section(7, [2], exportItem("memory", 2, 0), exportItem("main", 0, index)),
      same(9),
      same(12),
      section(10, leb(number + 1), bodies, body([...begin, ...main], groups)),
      same(11),
    );
  }
}

/** Little-endian bytes. */
function bytesOf(value: bigint, length: number): number[] {
  return Array.from({ length }, (_, index) => Number((value >> BigInt(8 * index)) & 0xffn));
}

function constantOf({ type, value }: Value): number[] | undefined {
  if (typeof value !== "string" || !/^\d+$/.test(value)) return undefined;
  const bits = BigInt(value);
  if (type === "i32") return i32const(Number(BigInt.asIntN(32, bits)));
  if (type === "i64") return i64const(BigInt.asIntN(64, bits));
  if (type === "f32") return [0x43, ...bytesOf(bits, 4)];
  if (type === "f64") return [0x44, ...bytesOf(bits, 8)];
  return undefined;
}

/** The bits of a result that are to be compared, and what they are. */
function expectedBits(type: number, expected: Value): { mask: bigint; bits: bigint } | undefined {
  const wide = type === I64 || type === F64;
  const all = wide ? 2n ** 64n - 1n : 2n ** 32n - 1n;
  const quiet = wide ? 0x7ff8000000000000n : 0x7fc00000n;
  const { value } = expected;
  if (value === "nan:arithmetic") return { mask: quiet, bits: quiet };
  // Of either sign.
  if (value === "nan:canonical") return { mask: all >> 1n, bits: quiet };
  if (typeof value !== "string" || !/^\d+$/.test(value)) return undefined;
  return { mask: all, bits: BigInt(value) & all };
}

const UNTYPED = "references, several results, or vectors";

/** Why a program is refused. */
function named({ message }: CompileError): string {
  const code = /the checker refuses it \((\d+)\)/.exec(message)?.[1];
  return code === undefined ? message : `the checker refuses it: ${refusalName(Number(code))}`;
}

/** Factor of the mixture of results. */
const MIX = 0x9e3779b97f4a7c15n;

interface Step {
  readonly line: number;
  readonly code: readonly number[];
  readonly result: number | undefined;
  readonly expected?: { mask: bigint; bits: bigint };
}

/** A program that takes the steps. It returns the number of the first that gave something else, or else a mixture of all. */
function mainOf(steps: readonly Step[]): { code: number[]; groups: Bytes[]; mixture: number } {
  const code: number[] = [];
  let mixture = 0n;
  for (const [index, { code: does, result, expected }] of steps.entries()) {
    code.push(...does);
    if (result === undefined) continue;
    if (expected === undefined) {
      code.push(0x1a);
      continue;
    }
    const { mask, bits } = expected;
    if (result === F32) code.push(0xbc);
    if (result === F64) code.push(0xbd);
    if (result === F32 || result === I32) code.push(0xad);
    code.push(...i64const(BigInt.asIntN(64, mask)), 0x83, 0x22, 0);
    code.push(...i64const(BigInt.asIntN(64, bits)), 0x52, 0x04, 0x40);
    code.push(...i32const(index + 1), 0x0f, 0x0b);
    // mixture = (mixture ^ bits) * MIX
    code.push(0x20, 1, 0x20, 0, 0x85, ...i64const(BigInt.asIntN(64, MIX)), 0x7e, 0x21, 1);
    mixture = BigInt.asUintN(64, (mixture ^ bits) * MIX);
  }
  // The high half, with a bit that no step's number has.
  code.push(0x20, 1, ...i64const(32), 0x88, 0xa7, ...i32const(-0x80000000), 0x72);
  return {
    code,
    groups: [locals(2, I64)],
    mixture: Number(BigInt.asIntN(32, (mixture >> 32n) | 0x80000000n)),
  };
}

/** The suite's words for traps, and the boards' kinds. */
const trapKinds: readonly [RegExp, string][] = [
  [/out of bounds memory|memory access/, "memory"],
  [/divide by zero/, "division"],
  [/integer overflow|unrepresentable/, "overflow"],
  [/invalid conversion/, "conversion"],
  [/unreachable/, "unreachable"],
  [/indirect|undefined|uninitialized|out of bounds table/i, "table"],
];

/** A program, and how it must end. */
interface Planned {
  readonly file: string;
  readonly steps: readonly Step[];
  /** Of the steps, those that are assertions. */
  readonly assertions: number;
  readonly kind: string;
  readonly result: number;
  readonly line: number;
  readonly program: Case;
}

/** Turns files of the suite into programs, and counts what cannot be one. */
class Planner {
  readonly planned: Planned[] = [];
  readonly #file: string;
  readonly #outcome: Outcome;
  readonly #compiler: Thumb2Compiler;
  readonly #floats: boolean;

  constructor(file: string, outcome: Outcome, compiler: Thumb2Compiler, floats: boolean) {
    this.#file = file;
    this.#outcome = outcome;
    this.#compiler = compiler;
    this.#floats = floats;
  }

  apart(reason: string, count = 1): void {
    if (count > 0) this.#outcome.apart.set(reason, (this.#outcome.apart.get(reason) ?? 0) + count);
  }

  #plan(module: SuiteModule, before: readonly Step[], part: readonly Step[], kind: string): void {
    const steps = [...before, ...part];
    const { code, groups, mixture } = mainOf(steps);
    const wasm = module.program(code, groups);
    const assertions = part.filter((step) => step.line > 0).length;
    try {
      const { bytes } = this.#compiler.compile(wasm, { floats: this.#floats, pages: PAGES });
      const program = { wasm, compiled: bytes, fuel: FUEL, pages: PAGES, stackBytes: STACK_BYTES };
      const line = part.at(-1)?.line ?? 0;
      const result = kind === "returned" ? mixture : 0;
      this.planned.push({ file: this.#file, steps, assertions, kind, result, line, program });
    } catch (error) {
      if (!(error instanceof CompileError)) throw error;
      this.apart(named(error), assertions);
    }
  }

  #refusal(module: SuiteModule): string | undefined {
    const { code, groups } = mainOf([]);
    try {
      this.#compiler.compile(module.program(code, groups), { floats: this.#floats, pages: PAGES });
      return undefined;
    } catch (error) {
      if (!(error instanceof CompileError)) throw error;
      return named(error);
    }
  }

  /**
   * Steps with the assertions apart that need more memory than the board lends: wasm3, so bounded, gives something else,
   * and V8, which is not, what the suite asks for. Those steps are taken, and nothing is asserted.
   */
  #within(module: SuiteModule, before: readonly Step[], part: readonly Step[]): readonly Step[] {
    const { code, groups } = mainOf([...before, ...part]);
    const wasm = module.program(code, groups);
    const index = runInWasm3(wasm, FUEL, PAGES).result - 1 - before.length;
    const step = part[index];
    if (step === undefined || resultInV8(wasm) === before.length + index + 1) return part;
    this.apart(`more than ${PAGES} pages of memory`);
    const silent = { line: 0, code: step.code, result: step.result };
    return this.#within(
      module,
      before,
      part.map((each) => (each === step ? silent : each)),
    );
  }

  /** The commands of one module, in their order. */
  #module(make: () => SuiteModule, commands: readonly Command[]): void {
    let module = make();
    let refusal = this.#refusal(module);
    const whole = refusal;
    // A function with a table too long is left out, no other calls it.
    for (
      let index = 0;
      refusal?.endsWith(": LIMIT_BRANCH_TABLE") && index < module.functions;
      index++
    ) {
      const without = make();
      without.drop(index);
      refusal = this.#refusal(without);
      if (refusal === undefined) module = without;
    }
    if (refusal !== undefined) {
      this.apart(refusal, commands.filter(({ type }) => type !== "action").length);
      return;
    }
    let before: Step[] = [];
    let part: Step[] = [];
    const flush = () => {
      if (part.length > 0)
        this.#plan(module, before, this.#within(module, before, part), "returned");
      // They run before what follows, with nothing asserted.
      before = [...before, ...part].map(({ code, result }) => ({ line: 0, code, result }));
      part = [];
    };
    for (const { type, line, action, text = "", expected = [] } of commands) {
      const step = action && module.code(action);
      if (step === undefined) {
        this.apart(whole ?? UNTYPED, Number(type !== "action"));
        continue;
      }
      if (type === "action") part.push({ line: 0, ...step });
      else if (type === "assert_return") {
        const [value] = expected;
        const bits =
          value && step.result !== undefined ? expectedBits(step.result, value) : undefined;
        if (value !== undefined && bits === undefined) this.apart(UNTYPED);
        else part.push({ line, ...step, ...(bits ? { expected: bits } : {}) });
      } else {
        flush();
        const kind =
          type === "assert_exhaustion"
            ? "stack"
            : (trapKinds.find(([pattern]) => pattern.test(text))?.[1] ?? text);
        this.#plan(module, before, [{ line, ...step }], kind);
      }
      if (part.length === PART) flush();
    }
    flush();
  }

  /** Reads a file's commands, whose modules lie in `folder`. */
  read(commands: readonly Command[], folder: string): void {
    const modules = new Map<string, Command[]>();
    let current: Command[] | undefined;
    const groups: { file: string; commands: Command[] }[] = [];
    // Others write to their memories and tables.
    const linked = new Set<readonly Command[]>();
    for (const command of commands) {
      switch (command.type) {
        case "module":
          current = [];
          groups.push({ file: command.filename ?? "", commands: current });
          if (command.name) modules.set(command.name, current);
          break;
        case "action":
        case "assert_return":
        case "assert_trap":
        case "assert_exhaustion": {
          if (command.action === undefined) {
            this.apart("modules that do not start");
            break;
          }
          const { module } = command.action;
          (module === undefined ? current : modules.get(module))?.push(command);
          break;
        }
        case "assert_uninstantiable":
          this.apart("modules that do not start");
          break;
        case "assert_unlinkable":
          this.apart("modules that are linked");
          break;
        case "register": {
          const registered = command.name === undefined ? current : modules.get(command.name);
          if (registered) linked.add(registered);
          break;
        }
        case "assert_invalid":
        case "assert_malformed":
          this.apart("modules that the checker refuses");
          break;
        default:
          throw new Error(`${this.#file}:${command.line}: an unknown command: ${command.type}`);
      }
    }
    for (const { file, commands } of groups) {
      const make = () => new SuiteModule(readFileSync(join(folder, file)));
      const assertions = commands.filter(({ type }) => type !== "action").length;
      if (make().imports) this.apart("modules with imports (spectest, or each other)", assertions);
      else if (linked.has(commands)) this.apart("modules that are linked", assertions);
      else this.#module(make, commands);
    }
  }
}

/** What a program returns that may have all the memory it asks for. */
function resultInV8(wasm: Uint8Array): number {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(wasm)));
  return (exports.main as () => number)();
}

/** A program that ended otherwise, in a line. */
function explain(planned: Planned, ending: { kind: string; result: number } | undefined): string {
  const { file, line, steps, kind, result, program } = planned;
  const wrong =
    ending?.kind === "returned" && ending.result > 0 ? steps[ending.result - 1] : undefined;
  const wasm3 = runInWasm3(program.wasm, FUEL, PAGES);
  return `${file}:${wrong?.line ?? line}: ${ending?.kind} ${ending?.result}, not ${kind} ${result}; wasm3: ${wasm3.kind} ${wasm3.result}`;
}

/** Runs files of the suite on a board. */
export async function runSuite(
  compiler: Thumb2Compiler,
  board: EmulatedBoard,
  suite: string,
  files: readonly string[],
): Promise<Outcome> {
  const outcome: Outcome = { held: 0, apart: new Map(), unread: [], failures: [] };
  const planned: Planned[] = [];
  const folder = mkdtempSync(join(tmpdir(), "core-suite-"));
  try {
    for (const file of files) {
      const planner = new Planner(file, outcome, compiler, hasFloats(board));
      const commands = commandsOf(join(suite, file), folder);
      if (commands === undefined) outcome.unread.push(file);
      else planner.read(commands, folder);
      planned.push(...planner.planned);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  const endings = await runOnBoard(
    board,
    planned.map(({ program }) => program),
  );
  for (const [index, each] of planned.entries()) {
    const ending = endings[index];
    if (ending?.kind === each.kind && ending.result === each.result)
      outcome.held += each.assertions;
    else outcome.failures.push(explain(each, ending));
  }
  return outcome;
}
