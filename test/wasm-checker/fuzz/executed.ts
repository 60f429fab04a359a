// Whether wasm3 computes what V8 computes: random programs that show no bits of a NaN, run by both.

import { hcalls } from "../../../host/isolate/hcalls.js";
import { Checker, NONE } from "../../../host/wasm-checker/checker.js";
import { Random } from "../../support/random.js";
import { generate } from "./generate.js";
import { runSanitized, type SanitizedRun } from "./sanitized.js";

/** Traps of wasm3, and V8's words for the same. */
const traps: readonly [wasm3: RegExp, v8: RegExp][] = [
  [/integer divide by zero/, /divide by zero|remainder by zero/],
  [/out of bounds memory access/, /memory access out of bounds/],
  [/unreachable executed/, /unreachable/],
  [/invalid conversion to integer|integer overflow/, /unrepresentable/],
  [
    /null table element|indirect call type mismatch/,
    /null function or function signature mismatch/,
  ],
  [/undefined element/, /table index is out of bounds/],
];

/** Stands for each H-call as in `native/run-modules.c`. */
function imports(memory: () => ArrayBuffer): WebAssembly.Imports {
  const serve = (parameters: number) => (first: number, second: number) => {
    const [start, length] = [first >>> 0, parameters > 1 ? second >>> 0 : 4];
    if (start + length > memory().byteLength) throw new RangeError("memory access out of bounds");
    new Uint8Array(memory(), start, length).fill(0x2a);
    return (length & 1) === 1 ? 0 : -4;
  };
  return {
    env: Object.fromEntries(hcalls.map(({ name, parameters }) => [name, serve(parameters)])),
  };
}

/** How V8 ends a run: `returned` or its error, and what `main` returned. */
function runInV8(module: Uint8Array): { outcome: string; returned: number } {
  const instance: WebAssembly.Instance = new WebAssembly.Instance(
    new WebAssembly.Module(new Uint8Array(module)),
    imports(() => (instance.exports.memory as WebAssembly.Memory).buffer),
  );
  try {
    const main = instance.exports.main as () => number;
    return { outcome: "returned", returned: main() };
  } catch (error) {
    return { outcome: (error as Error).message, returned: 0 };
  }
}

export interface Execution {
  /** Programs whose outcome was compared. */
  compared: number;
  differences: { module: Uint8Array; wasm3: string; v8: string }[];
  run: SanitizedRun;
}

/** Runs `count` random programs in wasm3, under sanitizers, and in V8. */
export async function compareExecution(
  runner: string,
  seed: number,
  count: number,
): Promise<Execution> {
  const random = new Random(seed);
  const checker = new Checker("host");
  const modules: Uint8Array[] = [];
  while (modules.length < count) {
    const module = generate(random, true);
    // The runner gives less memory than V8: only programs that say how much they want compare.
    if (checker.check(module).maximumPages !== NONE) modules.push(module);
  }
  const run = await runSanitized(runner, modules, true);
  const execution: Execution = { compared: 0, differences: [], run };
  for (const [index, { outcome, returned }] of run.each.entries()) {
    // What ends for want of fuel or stack says nothing, and V8 might not end it at all.
    if (/out of fuel|stack overflow/.test(outcome)) continue;
    const module = modules[index] as Uint8Array;
    const v8 = runInV8(module);
    execution.compared++;
    const same =
      outcome === "returned"
        ? v8.outcome === "returned" && v8.returned === returned
        : traps.some(([mine, theirs]) => mine.test(outcome) && theirs.test(v8.outcome));
    if (!same) {
      execution.differences.push({
        module,
        wasm3: `${outcome} ${returned}`,
        v8: `${v8.outcome} ${v8.returned}`,
      });
    }
  }
  return execution;
}
