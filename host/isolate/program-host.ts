import type { CancellationFlag, Memory, WasmFunction } from "../wasm3-node/index.js";

/** Bounds on one run of a program: `assembly/platform-services/program-limits.ts`, decoded. */
export interface ProgramLimits {
  /** Units as `programUsage` of `platform.ts` counts them; 0n = unbounded. */
  fuel: bigint;
  /** Milliseconds of wall time; 0 = none. */
  deadlineMs: number;
  /** Bytes of linear memory. */
  memoryBytes: number;
  /** Bytes of interpreter stack. */
  stackBytes: number;
}

/** Where a program's H-calls go. */
export interface HcallServer {
  /** Serves H-call `number` of the running program: a code of the ABI (≤ 0), or `HCALL_TRAP`. */
  serve(number: number, a: number, b: number, c: number): number;
  /** The same without a detour: the runtime's export `hcall`, and the handle that is its first argument. */
  readonly target: WasmFunction;
  readonly handle: number;
}

/** How a run ended: what `main` returned, or a `TRAP_…` code. */
export type RunOutcome = { returned: number } | { trap: number };

/** One loaded program, ready to run once. */
export interface ProgramInstance {
  /** Runs `main` to its end. H-calls go to the handler given at load, before this returns. */
  run(): RunOutcome;
  /** Makes a run under way end with `TRAP_STOPPED`; callable from within an H-call. */
  stop(): void;
  /** Whether a range lies in the program's memory. */
  checkRange(address: number, length: number): boolean;
  /**
   * Copies a range of the program's memory to `pointer` in the runtime's. Answers 0, or why it did not:
   * `E_BOUNDS` (the range lies outside the program's), or the `TRAP_…` code that ends the run (the copy
   * was more than fuel or deadline allowed).
   */
  copyToRuntime(address: number, length: number, runtime: Memory, pointer: number): number;
  /** Copies the other way. */
  copyFromRuntime(runtime: Memory, pointer: number, length: number, address: number): number;
  /** Fuel used (undefined where it is not counted) and the most memory the program had, in bytes. */
  usage(): { fuel: bigint | undefined; peakMemoryBytes: number };
  /** Ends the instance and wipes its memory. */
  free(): void;
}

/** Why a program was not loaded. */
export class ProgramRefused extends Error {
  override name = "ProgramRefused";

  constructor(
    /** An `E_…` code of `codes.ts`. */
    readonly code: number,
    message: string,
  ) {
    super(message);
  }
}

/** One way to execute programs. */
export interface ExecutionStrategy {
  readonly name: "interp" | "jit";
  /** The number by which the runtime asks for it: `STRATEGY_…` in `program-limits.ts`. */
  readonly number: number;
  /**
   * Loads a validated module. Throws `ProgramRefused`.
   *
   * @param stop ends the run with `TRAP_STOPPED` when another thread sets it
   */
  load(
    bytes: Uint8Array,
    limits: ProgramLimits,
    hcalls: HcallServer,
    stop: CancellationFlag,
  ): ProgramInstance;
}
