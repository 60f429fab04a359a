// Runs compiled programs on an emulated board, and the same programs in wasm3, and compares.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hcalls } from "../../host/isolate/hcalls.js";
import { emulatorArguments } from "../../host/mcu/emulator.js";
import { type EmulatedBoard, make, mcuBuildFolder, runCommand } from "../../host/mcu/toolchain.js";
import { Environment, Trap, type TrapCode } from "../../host/wasm3-node/index.js";

/** How a run of `main` ended. */
export interface Ending {
  /** `returned`, or the kind of trap. */
  readonly kind: string;
  readonly result: number;
  readonly fuel: bigint;
  /** Of all of memory. */
  readonly hash: number;
  /** On a board that counts. */
  readonly instructions?: number;
}

/** A program for a board. */
export interface Case {
  readonly wasm: Uint8Array;
  readonly compiled: Uint8Array;
  readonly fuel: bigint;
  readonly pages: number;
  readonly stackBytes?: number;
}

/** The board's numbers, and wasm3's names. */
const kinds: Readonly<Record<number, string>> = {
  0: "returned",
  1: "unreachable",
  2: "memory",
  3: "division",
  4: "overflow",
  5: "conversion",
  6: "table",
  7: "stack",
  16: "fuel",
  17: "import",
};

/** Whether a board has single precision. */
export function hasFloats(board: EmulatedBoard): boolean {
  return board !== "mps2-an385";
}

/** Parameters of each function that a module imports. */
function importParameters(wasm: Uint8Array): number[] {
  const module = new WebAssembly.Module(new Uint8Array(wasm));
  const counts = new Map(hcalls.map(({ name, parameters }) => [name, parameters]));
  return WebAssembly.Module.imports(module).map(({ name }) => counts.get(name) ?? 0);
}

/** A case as the board reads it: with its program, if that is not the one of the case before. */
function caseBytes(each: Case, before: Case | undefined): Buffer {
  const { wasm, compiled, fuel, pages, stackBytes = 32768 } = each;
  const repeats = compiled === before?.compiled;
  const imports = Buffer.from(repeats ? [] : importParameters(wasm));
  const padded = Buffer.concat([imports, Buffer.alloc(-imports.length & 3)]);
  const head = Buffer.alloc(24);
  head.writeUInt32LE(repeats ? 0 : compiled.length, 0);
  head.writeBigUInt64LE(fuel, 4);
  head.writeUInt32LE(pages, 12);
  head.writeUInt32LE(stackBytes, 16);
  head.writeUInt32LE(padded.length, 20);
  return repeats ? head : Buffer.concat([head, padded, compiled]);
}

const images = new Map<EmulatedBoard, Promise<void>>();

/** Builds a board's image, once in a process: make takes as long as some hundred programs. */
function imageFor(board: EmulatedBoard): Promise<void> {
  const image = images.get(board) ?? make({ BOARD: board, IMAGE: "compiled" });
  images.set(board, image);
  return image;
}

/** What a board prints that runs the cases one after the other, up to its end or its first fault. */
export async function boardOutput(
  board: EmulatedBoard,
  cases: readonly Case[],
  options: { exact?: boolean; timeoutMs?: number } = {},
): Promise<string> {
  await imageFor(board);
  const folder = mkdtempSync(join(tmpdir(), "compiled-"));
  try {
    const path = join(folder, "cases");
    writeFileSync(
      path,
      Buffer.concat(cases.map((each, index) => caseBytes(each, cases[index - 1]))),
    );
    const image = join(mcuBuildFolder, board, "compiled", "compiled.elf");
    return await runCommand(
      "qemu-system-arm",
      emulatorArguments({ board, image, commandLine: path, exact: options.exact ?? false }),
      { timeoutMs: options.timeoutMs ?? 600_000 },
    ).catch((error: Error) => error.message);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Runs the cases one after the other. */
export async function runOnBoard(
  board: EmulatedBoard,
  cases: readonly Case[],
  options: { exact?: boolean; timeoutMs?: number } = {},
): Promise<Ending[]> {
  const output = await boardOutput(board, cases, options);
  const endings = [...output.matchAll(/^case (\d+) (\w+) (\d+) (\w+) (\d+)/gm)].map((found) => ({
    kind: kinds[Number(found[1])] ?? `${found[1]}`,
    result: Number.parseInt(found[2] ?? "", 16) | 0,
    fuel: BigInt(found[3] ?? 0),
    hash: Number.parseInt(found[4] ?? "", 16),
    instructions: Number(found[5]),
  }));
  const rest = output.split(/\r?\n/).filter((line) => line !== "" && !line.startsWith("case "));
  if (endings.length < cases.length) {
    endings.push({
      kind: `nothing: ${rest.join(" ").slice(-600)}`,
      result: 0,
      fuel: 0n,
      hash: 0,
      instructions: 0,
    });
  }
  return endings;
}

function hash(memory: Uint8Array): number {
  let value = 0x811c9dc5;
  for (const word of new Uint32Array(new Uint8Array(memory).buffer))
    value = Math.imul(value ^ word, 0x01000193);
  return value >>> 0;
}

class ImportTrap extends Error {}

/** What `main` does in wasm3, with imports that do the same as the board's. */
export function runInWasm3(wasm: Uint8Array, fuel: bigint, pages: number): Ending {
  const runtime = new Environment().newRuntime({
    fuel,
    memoryLimit: pages * 65536,
    stackSize: 1 << 20,
    nativeStackLimit: 1 << 22,
  });
  const module = runtime.load(wasm);
  const parametersOf = new Map(hcalls.map(({ name, parameters }) => [name, parameters]));
  for (const { name } of module.imports) {
    const parameters = parametersOf.get(name) ?? 0;
    module.link("env", name, `i(${"i".repeat(parameters)})`, (first: number, second: number) => {
      const [start, length] = [first >>> 0, parameters > 1 ? second >>> 0 : 4];
      const size = runtime.memory.byteLength;
      if (start > size || length > size - start) throw new ImportTrap();
      runtime.memory.fill(start, length, 0x2a);
      return (length & 1) === 1 ? 0 : -4;
    });
  }
  module.compile();
  let kind = "returned";
  let result = 0;
  try {
    const main = module.findFunction("main");
    result = main.call(...main.type.params.map(() => 0)) as number;
  } catch (error) {
    if (!(error instanceof Trap)) throw error;
    kind = trapKinds[error.code] ?? error.message;
  }
  const ending = {
    kind,
    result,
    fuel: runtime.fuelUsed,
    hash: hash(runtime.memory.read(0, runtime.memory.byteLength)),
  };
  runtime.free();
  return ending;
}

const trapKinds: Partial<Record<TrapCode, string>> = {
  unreachable: "unreachable",
  "out-of-bounds-memory": "memory",
  "division-by-zero": "division",
  "integer-overflow": "overflow",
  "invalid-conversion": "conversion",
  "indirect-call-type-mismatch": "table",
  "undefined-element": "table",
  "uninitialized-element": "table",
  "stack-overflow": "stack",
  "out-of-fuel": "fuel",
  host: "import",
};

/** V8's words for the traps. */
const v8Kinds: readonly [RegExp, string][] = [
  [/unreachable/, "unreachable"],
  [/memory access out of bounds/, "memory"],
  [/divide by zero|remainder by zero/, "division"],
  [/divide result unrepresentable/, "overflow"],
  [/float unrepresentable/, "conversion"],
  [/null function or function signature mismatch|table index is out of bounds/, "table"],
  [/import/, "import"],
  [/call stack size/, "stack"],
];

/** What `main` does in V8, which counts no fuel. Only for programs that end. */
export function runInV8(wasm: Uint8Array): Omit<Ending, "fuel"> {
  const parametersOf = new Map(hcalls.map(({ name, parameters }) => [name, parameters]));
  const memory = (): ArrayBuffer => (instance.exports.memory as WebAssembly.Memory).buffer;
  const imports = Object.fromEntries(
    [...parametersOf].map(([name, parameters]) => [
      name,
      (first: number, second: number) => {
        const [start, length] = [first >>> 0, parameters > 1 ? second >>> 0 : 4];
        const size = memory().byteLength;
        if (start > size || length > size - start) throw new ImportTrap("import");
        new Uint8Array(memory(), start, length).fill(0x2a);
        return (length & 1) === 1 ? 0 : -4;
      },
    ]),
  );
  const instance: WebAssembly.Instance = new WebAssembly.Instance(
    new WebAssembly.Module(new Uint8Array(wasm)),
    { env: imports },
  );
  let kind = "returned";
  let result = 0;
  try {
    result = (instance.exports.main as (...zeros: number[]) => number)(0, 0);
  } catch (error) {
    const { message } = error as Error;
    kind = v8Kinds.find(([pattern]) => pattern.test(message))?.[1] ?? message;
  }
  return { kind, result, hash: hash(new Uint8Array(memory())) };
}
