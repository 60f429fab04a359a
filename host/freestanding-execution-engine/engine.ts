import { readFileSync } from "node:fs";
import { wasmPath } from "../common/paths.js";
import { describeCode } from "../isolate/codes.js";
import { jitStrategy } from "../isolate/jit-programs.js";
import type { ExecutionStrategy } from "../isolate/program-host.js";
import type { TrustedModuleOptions } from "../isolate/trusted-module.js";
import { decodeReport, reportNames } from "../wasm-checker/checker.js";
import { explain } from "../wasm-checker/explain.js";
import { functionName } from "../wasm-checker/names.js";
import { type EngineHome, hasInterpreter, openHome } from "./home.js";

/** Bounds on a run. */
export interface Limits {
  /** Calls, loop turns and 256-byte copies; 0n = unbounded. Only `interp` counts them. */
  fuel: bigint;
  /** Milliseconds of wall time; 0 = unbounded. */
  deadlineMs: number;
  /** Bytes of the program's linear memory. */
  memoryBytes: number;
  /** Bytes of interpreter stack (`interp` only). */
  stackBytes: number;
  /** Largest result in bytes. */
  outputBytes: number;
}

/** Limits under which no program can hang or exhaust a computer. */
export const defaultLimits: Limits = {
  fuel: 10_000_000_000n,
  deadlineMs: 60_000,
  memoryBytes: 64 * 1024 * 1024,
  stackBytes: 64 * 1024,
  outputBytes: 16 * 1024 * 1024,
};

/** A program, what it reads, and its limits. */
export interface Task {
  program: Uint8Array;
  inputs?: readonly Uint8Array[];
  streams?: readonly Uint8Array[];
  previousResult?: Uint8Array;
  /** Default: `interp`, where it is installed. */
  strategy?: "interp" | "jit";
  limits?: Partial<Limits>;
}

/** A function on the stack of a program. */
export interface Caller {
  /** In the module's function index space: imports count. */
  index: number;
  /** By the module's name section, if it has one. */
  name: string | undefined;
}

/** How a run ended. */
export interface Outcome {
  status: "returned" | "trap" | "refused";
  /** What `main` returned; undefined when it did not return. */
  returnCode: number | undefined;
  /** Why there is no result, in words; undefined when there is one. */
  reason: string | undefined;
  /** Where it trapped: the function that did, then its callers; empty if that is not known. */
  callers: readonly Caller[];
  /** The result; undefined when the run failed or the program wrote none. */
  result: Uint8Array | undefined;
  /** Units of fuel used; undefined where none is bounded and the strategy is `jit`. */
  fuel: bigint | undefined;
  /** The most memory in bytes that the program had. */
  peakMemoryBytes: number;
  /** Wall time of load, compilation and run, in milliseconds. */
  timeMs: number;
}

const UNCOUNTED = 0xffff_ffff_ffff_ffffn;
const RUN_RETURNED = 0;
const RUN_TRAPPED = 1;

/** What a program's return code says, by the table in the ABI. */
const returnCodeNames = [
  "Success",
  "Generic",
  "DataSourceCount",
  "DataSourceSize",
  "BadInput",
  "InvariantFailed",
  "ResultAlreadyWritten",
  "ServiceUnavailable",
  "StreamSourceCount",
  "StreamSourceSize",
  "BadStream",
  "PreviousResultSize",
];

/** What the ABI calls a code; undefined for one of the program's own. */
export function returnCodeName(code: number): string | undefined {
  return returnCodeNames[-code];
}

function describeReturnCode(code: number): string {
  const name = returnCodeName(code);
  return `the program returned ${code}${name === undefined ? "" : ` (${name})`}`;
}

/** What the engine's home offers or withholds; see `PlatformOptions`. */
export interface EngineOptions
  extends Pick<TrustedModuleOptions, "memoryLimit" | "debug" | "random"> {
  /** Whether to use the interpreter, and offer `interp`. Default: where it is installed. */
  interpreter?: boolean;
  /** What runs in the place of the `jit` strategy: a debugger. */
  jit?: ExecutionStrategy;
}

/**
 * The execution engine of the trusted runtime, offline: the module `engine.wasm` hosted by wasm3, which
 * runs programs on files given here. One engine runs any number of tasks, one after the other.
 */
export class FreestandingEngine {
  private readonly module: EngineHome;
  private readonly interpreter: boolean;

  constructor(options: EngineOptions = {}) {
    const { jit = jitStrategy, interpreter = hasInterpreter, ...rest } = options;
    this.interpreter = interpreter;
    const bytes = new Uint8Array(readFileSync(wasmPath("engine")));
    this.module = openHome(
      bytes,
      { ...rest, moreStrategies: [jit], explainTraps: true },
      interpreter,
    );
  }

  private store(file: Uint8Array, what: string): void {
    const pointer = this.module.callU32("allocate", file.length);
    if (pointer === 0) {
      throw new RangeError(
        `${what} of ${file.length} bytes does not fit in the engine's memory beside the rest`,
      );
    }
    this.module.store(pointer, file);
  }

  /** Runs one program. Throws a RangeError when the files do not fit in the engine's memory. */
  run(task: Task): Outcome {
    const limits = { ...defaultLimits, ...task.limits };
    const { strategy = this.interpreter ? "interp" : "jit" } = task;
    const jit = strategy === "jit";
    const { module } = this;
    try {
      this.store(task.program, "the program");
      module.call("setProgram");
      for (const [index, file] of (task.inputs ?? []).entries()) {
        this.store(file, `input ${index}`);
        module.call("addInput");
      }
      for (const [index, file] of (task.streams ?? []).entries()) {
        this.store(file, `stream item ${index}`);
        module.call("addStream");
      }
      if (task.previousResult !== undefined) {
        this.store(task.previousResult, "the previous result");
        module.call("setPreviousResult");
      }
      module.call(
        "setLimits",
        limits.fuel,
        limits.deadlineMs,
        limits.memoryBytes | 0,
        limits.stackBytes | 0,
        limits.outputBytes | 0,
        jit ? 1 : 0,
      );
      const started = performance.now();
      const status = module.callU32("run");
      return this.outcome(task.program, status, performance.now() - started);
    } finally {
      module.call("reset");
    }
  }

  /** Why the module was refused: in the WASM checker's words, or those of the home that did not load it. */
  private refusal(program: Uint8Array, code: number): string {
    const words = this.module.fetch(this.module.callU32("checkReport"), reportNames.length * 4);
    const report = decodeReport(
      new Uint32Array(words.buffer, words.byteOffset, reportNames.length),
    );
    const explanation = explain(program, report);
    if (explanation !== undefined) {
      const hint = explanation.hint === undefined ? "" : ` (${explanation.hint})`;
      return `module refused at byte ${report.offset}: ${explanation.problem}${hint}`;
    }
    const { lastRefusal } = this.module.platform;
    return `${describeCode(code)}${lastRefusal === undefined ? "" : `: ${lastRefusal}`}`;
  }

  /** Why the program trapped: in its own words, where it was compiled for development; then those of its home. */
  private trapReason(code: number): string {
    const { lastTrapText } = this.module.platform;
    if (lastTrapText === undefined) return describeCode(code);
    // One line, whatever the program put there.
    return `${lastTrapText.replace(/\p{C}+/gu, " ")} (${describeCode(code)})`;
  }

  private outcome(program: Uint8Array, status: number, timeMs: number): Outcome {
    const { module } = this;
    const fuel = BigInt.asUintN(64, module.call("fuelUsed") as bigint);
    const length = module.call("resultLength") as number;
    const code = status === RUN_RETURNED ? (module.call("returnCode") as number) : undefined;
    const failure = module.call("detail") as number;
    let reason: string | undefined;
    if (code === undefined) {
      reason = status === RUN_TRAPPED ? this.trapReason(failure) : this.refusal(program, failure);
    } else if (code !== 0) {
      reason = describeReturnCode(code);
    }
    return {
      status: status === RUN_RETURNED ? "returned" : status === RUN_TRAPPED ? "trap" : "refused",
      returnCode: code,
      reason,
      callers: (status === RUN_TRAPPED ? module.platform.lastCallers : []).map((index) => ({
        index,
        name: functionName(program, index),
      })),
      result: length < 0 ? undefined : module.fetch(module.callU32("resultPointer"), length),
      fuel: fuel === UNCOUNTED ? undefined : fuel,
      peakMemoryBytes: module.callU32("peakMemoryBytes"),
      timeMs,
    };
  }

  /** Ends the engine; its memory is wiped. */
  free(): void {
    this.module.free();
  }
}
