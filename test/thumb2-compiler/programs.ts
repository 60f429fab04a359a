// Random programs, compiled and run on a board and in wasm3.

import type { EmulatedBoard } from "../../host/mcu/toolchain.js";
import {
  type CompiledProgram,
  CompileError,
  type Thumb2Compiler,
} from "../../host/thumb2-compiler/compiler.js";
import { Random } from "../support/random.js";
import { generate } from "../wasm-checker/fuzz/generate.js";
import { type Case, type Ending, hasFloats, runInV8, runInWasm3, runOnBoard } from "./boards.js";
import { generateDense } from "./dense.js";

/** A program whose runs differ. */
export interface Difference {
  readonly wasm: Uint8Array;
  readonly board: Ending | undefined;
  readonly wasm3: Ending;
  /** Where it says otherwise. */
  readonly v8?: Omit<Ending, "fuel">;
}

export interface Comparison {
  compared: number;
  /** Programs that the checker or the compiler refused, with the reasons. */
  readonly refused: Map<string, number>;
  /** How often each kind of ending came. */
  readonly endings: Map<string, number>;
  readonly differences: Difference[];
}

const PAGES = 8;
const FUEL = 20_000n;

function count<Key>(map: Map<Key, number>, key: Key): void {
  map.set(key, (map.get(key) ?? 0) + 1);
}

/** Whether two runs ended alike. The board's stack ends where it does, wasm3's is too large to end sooner. */
export function same(board: Ending | undefined, wasm3: Ending): boolean {
  if (board === undefined) return false;
  if (board.kind === "stack") return true;
  return (
    board.kind === wasm3.kind &&
    board.result === (wasm3.kind === "returned" ? wasm3.result : 0) &&
    board.fuel === wasm3.fuel &&
    board.hash === wasm3.hash
  );
}

/** Whether V8 says the same. It has one word for two traps of conversions. */
export function agrees(wasm3: Ending, v8: Omit<Ending, "fuel">): boolean {
  const kind = v8.kind === "conversion" && wasm3.kind === "overflow" ? "overflow" : v8.kind;
  return (
    kind === wasm3.kind &&
    (kind !== "returned" || v8.result === wasm3.result) &&
    v8.hash === wasm3.hash
  );
}

/** Compiles random programs and compares their runs. */
export async function comparePrograms(
  compiler: Thumb2Compiler,
  board: EmulatedBoard,
  seed: number,
  programs: number,
  options: {
    readonly fuel?: (random: Random) => bigint;
    /** Each program also without fuel, and with one unit less than it uses. */
    readonly edges?: boolean;
    readonly timeoutMs?: number;
  } = {},
): Promise<Comparison> {
  const random = new Random(seed);
  const comparison: Comparison = {
    compared: 0,
    refused: new Map(),
    endings: new Map(),
    differences: [],
  };
  const cases: Case[] = [];
  while (cases.length < programs) {
    const wasm = random.oneIn(2) ? generate(random, true) : generateDense(random);
    let compiled: CompiledProgram;
    try {
      compiled = compiler.compile(wasm, { floats: hasFloats(board), pages: PAGES });
    } catch (error) {
      if (!(error instanceof CompileError)) throw error;
      count(comparison.refused, error.message);
      continue;
    }
    const initial = new DataView(compiled.bytes.buffer).getUint32(36, true);
    if (initial > PAGES) continue;
    const fuel = options.fuel?.(random) ?? FUEL;
    const limits = [fuel];
    if (options.edges) {
      const used = runInWasm3(wasm, fuel, PAGES).fuel;
      limits.push(0n, ...(used > 1n ? [used - 1n] : []));
    }
    for (const limit of limits)
      cases.push({ wasm, compiled: compiled.bytes, fuel: limit, pages: PAGES });
  }
  const { timeoutMs } = options;
  const endings = await runOnBoard(board, cases, timeoutMs === undefined ? {} : { timeoutMs });
  for (const [index, each] of cases.entries()) {
    const ending = endings[index];
    const wasm3 = runInWasm3(each.wasm, each.fuel, each.pages);
    comparison.compared++;
    count(comparison.endings, wasm3.kind);
    // What ends for want of fuel or stack, or asks for more memory than it has here, V8 would not end so.
    const ends =
      !/fuel|stack/.test(`${wasm3.kind} ${ending?.kind}`) &&
      new DataView(each.compiled.buffer).getUint32(40, true) < PAGES;
    const v8 = ends ? runInV8(each.wasm) : undefined;
    if (v8 !== undefined && !agrees(wasm3, v8)) {
      comparison.differences.push({ wasm: each.wasm, board: ending, wasm3, v8 });
    } else if (!same(ending, wasm3)) {
      comparison.differences.push({ wasm: each.wasm, board: ending, wasm3 });
      if (ending === undefined || ending.kind.startsWith("nothing")) break;
    }
  }
  return comparison;
}

/** A difference in a line, with the module to repeat it. */
export function describe({ wasm, board, wasm3, v8 }: Difference): string {
  const ending = (each: Omit<Ending, "fuel"> & { fuel?: bigint }) =>
    `${each.kind} ${each.result}, fuel ${each.fuel ?? "?"}, memory ${each.hash.toString(16)}`;
  return [
    `board: ${board === undefined ? "nothing" : ending(board)}`,
    `wasm3: ${ending(wasm3)}`,
    ...(v8 === undefined ? [] : [`V8: ${ending(v8)}`]),
    Buffer.from(wasm).toString("base64"),
  ].join("; ");
}
