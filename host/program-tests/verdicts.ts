/** Runs test cases and says what was not as expected. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seededRandom } from "../freestanding-execution-engine/development.js";
import { FreestandingEngine } from "../freestanding-execution-engine/engine.js";
import { describeCode } from "../isolate/codes.js";
import { runOnDevice } from "../mcu/device-engine.js";
import { defaultRuntimeHost, type EmulatedBoard, emulatedBoards } from "../mcu/toolchain.js";
import { describeType, type Schema } from "../program-data/schema.js";
import { decodeValue, ValueError } from "../program-data/values.js";
import type { TestCase } from "./cases.js";

/** Where cases can run: the engines of a computer, and the boards that can be emulated. */
export const places = ["interp", "jit", ...emulatedBoards] as const;
/** One of them. */
export type Place = (typeof places)[number];

/** What came of a case. */
export interface Verdict {
  readonly name: string;
  readonly place: Place;
  /** What was not as expected, in words; empty where everything was. */
  readonly problems: readonly string[];
}

/** What a run came to, wherever it was. */
interface Ending {
  readonly code: number | undefined;
  readonly reason: string | undefined;
  readonly refused: boolean;
  readonly result: Uint8Array | undefined;
  readonly fuel: bigint | undefined;
  readonly memory: number;
}

/** A result as a person can read it. */
function show(bytes: Uint8Array | undefined, schema: Schema | undefined): string {
  if (bytes === undefined) return "none";
  if (schema !== undefined)
    try {
      return JSON.stringify(decodeValue(schema, bytes).value);
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
      return `${Buffer.from(bytes).toString("hex")} (no ${describeType(schema.value)}: ${error.message})`;
    }
  return Buffer.from(bytes).toString("hex");
}

function problemsOf({ expected }: TestCase, ending: Ending): string[] {
  const { code, trap, output, schema, fuel, memory } = expected;
  const problems: string[] = [];
  if (ending.refused) return [`the program was refused: ${ending.reason}`];
  if (trap !== undefined) {
    if (ending.code !== undefined) problems.push(`expected a trap, it returned ${ending.code}`);
    else if (!ending.reason?.includes(trap))
      problems.push(`expected a trap with ${JSON.stringify(trap)}: ${ending.reason}`);
  } else if (ending.code === undefined) problems.push(`it trapped: ${ending.reason}`);
  else if (code !== undefined && ending.code !== code)
    problems.push(`expected code ${code}, it returned ${ending.code}`);
  if (output !== undefined && problems.length === 0) {
    const found = ending.result;
    if (found === undefined || Buffer.compare(output, found) !== 0)
      problems.push(`expected the output ${show(output, schema)}, found ${show(found, schema)}`);
  }
  if (fuel !== undefined && ending.fuel !== undefined && ending.fuel > fuel)
    problems.push(`expected at most ${fuel} units of fuel, it used ${ending.fuel}`);
  if (memory !== undefined && ending.memory > memory)
    problems.push(`expected at most ${memory} bytes of memory, it had ${ending.memory}`);
  return problems;
}

function runHere(program: Uint8Array, test: TestCase, strategy: "interp" | "jit"): Ending {
  const engine = new FreestandingEngine(
    test.seed === undefined ? {} : { random: seededRandom(test.seed) },
  );
  try {
    const { inputs, streams, previousResult } = test;
    const outcome = engine.run({
      program,
      inputs,
      streams,
      ...(previousResult !== undefined && { previousResult }),
      strategy,
    });
    return {
      code: outcome.returnCode,
      reason: outcome.reason,
      refused: outcome.status === "refused",
      result: outcome.result,
      fuel: outcome.fuel,
      memory: outcome.peakMemoryBytes,
    };
  } finally {
    engine.free();
  }
}

async function runOnBoard(
  program: Uint8Array,
  cases: readonly TestCase[],
  board: EmulatedBoard,
): Promise<Ending[]> {
  const folder = mkdtempSync(join(tmpdir(), "vc-test-"));
  try {
    let files = 0;
    const file = (bytes: Uint8Array): string => {
      const path = join(folder, String(files++));
      writeFileSync(path, bytes);
      return path;
    };
    const path = file(program);
    const outcomes = await runOnDevice({
      board,
      host: defaultRuntimeHost,
      tasks: cases.map(({ inputs, streams, previousResult }) => ({
        program: path,
        inputs: inputs.map(file),
        streams: streams.map(file),
        ...(previousResult !== undefined && { previousResult: file(previousResult) }),
      })),
    });
    return outcomes.map(({ status, detail, returnCode, result, fuel, peakMemoryBytes }) => ({
      code: status === 0 ? returnCode : undefined,
      reason: status === 0 ? undefined : describeCode(detail),
      refused: status === 2,
      result,
      fuel,
      memory: peakMemoryBytes,
    }));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * Runs a program's cases in one place.
 *
 * @throws Error when a board's firmware cannot be built or fails
 */
export async function verdicts(
  program: Uint8Array,
  cases: readonly TestCase[],
  place: Place,
): Promise<Verdict[]> {
  const endings =
    place === "interp" || place === "jit"
      ? cases.map((test) => runHere(program, test, place))
      : await runOnBoard(program, cases, place);
  return cases.map((test, index) => {
    const ending = endings[index];
    const problems =
      ending === undefined ? ["the device did not answer"] : problemsOf(test, ending);
    return { name: test.name, place, problems };
  });
}
