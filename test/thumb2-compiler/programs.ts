// Random programs, compiled and run on a board and in wasm3.

import { HEAD_INITIAL_PAGES, HEAD_MAXIMUM_PAGES } from "../../assembly/thumb2-compiler/layout.js";
import type { EmulatedBoard } from "../../host/mcu/toolchain.js";
import { CompileError, Thumb2Compiler } from "../../host/thumb2-compiler/compiler.js";
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
  programs: number;
  /** Their runs. */
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

/** Random modules that the checker accepts and whose memory has room here, as one compiler or more compiles them. */
function* compiledPrograms(
  compilers: readonly Thumb2Compiler[],
  board: EmulatedBoard,
  random: Random,
  refused: Map<string, number>,
): Generator<{ wasm: Uint8Array; pages: number; codes: Uint8Array[] }> {
  for (;;) {
    const wasm = random.oneIn(2) ? generate(random, true) : generateDense(random);
    try {
      const codes = compilers.map(
        (compiler) => compiler.compile(wasm, { floats: hasFloats(board), pages: PAGES }).bytes,
      );
      const head = new DataView((codes[0] as Uint8Array).buffer);
      const most = Math.min(PAGES, head.getUint32(HEAD_MAXIMUM_PAGES, true));
      if (head.getUint32(HEAD_INITIAL_PAGES, true) <= PAGES) yield { wasm, pages: most, codes };
    } catch (error) {
      if (!(error instanceof CompileError)) throw error;
      count(refused, error.message);
    }
  }
}

/** A run, and what the oracles say of it. */
interface Run extends Case {
  readonly wasm3: Ending;
  readonly v8: Omit<Ending, "fuel"> | undefined;
}

/**
 * Compiles random programs and compares their runs.
 *
 * @param compiler one, or more, each of which compiles every program
 * @param programs how many there are; each is run once for each compiler, or with `edges` up to three times
 */
export async function comparePrograms(
  compiler: Thumb2Compiler | readonly Thumb2Compiler[],
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
    programs: 0,
    compared: 0,
    refused: new Map(),
    endings: new Map(),
    differences: [],
  };
  const compilers = compiler instanceof Thumb2Compiler ? [compiler] : compiler;
  const runs: Run[] = [];
  for (const { wasm, pages, codes } of compiledPrograms(
    compilers,
    board,
    random,
    comparison.refused,
  )) {
    const fuel = options.fuel?.(random) ?? FUEL;
    const first = runInWasm3(wasm, fuel, pages);
    const limits = [fuel];
    if (options.edges) limits.push(0n, ...(first.fuel > 1n ? [first.fuel - 1n] : []));
    // What ends for want of fuel or stack, or asks for more memory than it has here, V8 would not end so.
    const ends = !/fuel|stack/.test(first.kind) && pages < PAGES;
    const v8 = ends ? runInV8(wasm) : undefined;
    const endings = limits.map((limit) =>
      limit === fuel ? first : runInWasm3(wasm, limit, pages),
    );
    for (const compiled of codes)
      for (const [index, limit] of limits.entries())
        runs.push({
          ...{ wasm, compiled, fuel: limit, pages },
          wasm3: endings[index] as Ending,
          v8: limit === fuel ? v8 : undefined,
        });
    if (++comparison.programs === programs) break;
  }
  const { timeoutMs } = options;
  const endings = await runOnBoard(board, runs, timeoutMs === undefined ? {} : { timeoutMs });
  for (const [index, { wasm, wasm3, v8 }] of runs.entries()) {
    const ending = endings[index];
    comparison.compared++;
    count(comparison.endings, wasm3.kind);
    if (v8 !== undefined && ending?.kind !== "stack" && !agrees(wasm3, v8)) {
      comparison.differences.push({ wasm, board: ending, wasm3, v8 });
    } else if (!same(ending, wasm3)) {
      comparison.differences.push({ wasm, board: ending, wasm3 });
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
