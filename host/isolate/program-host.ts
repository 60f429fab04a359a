import { TRAP_TEXT_EXPORT } from "../../assembly/sdk/veracruz_rt/trap-text.js";
import type { CancellationFlag, WasmFunction } from "../wasm3-node/index.js";

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

/**
 * How a run ended: what `main` returned, or a `TRAP_…` code. `callers` are indices in the module's function index space, the
 * function that trapped first, as far as the strategy knows them; for the program's author, never for a principal.
 */
export type RunOutcome = { returned: number } | { trap: number; callers?: readonly number[] };

/** Bytes of the longest text at `TRAP_TEXT_EXPORT` that is read. */
export const MAX_TRAP_TEXT_BYTES = 1024;

/** The most functions that `callers` names. */
export const MAX_CALLERS = 16;

/** The runtime's memory, as far as copies need it: with wasm3 a `Memory`, on Node.js alone an object like it. */
export interface RuntimeMemory {
  read(address: number, length: number): Uint8Array;
  write(address: number, bytes: Uint8Array): void;
}

/** One loaded program, ready to run once. */
export interface ProgramInstance {
  /** Runs `main` to its end. H-calls go to the handler given at load, before this returns. */
  run(): RunOutcome;
  /** After a trap: the reason that a program for development left, for its author; undefined where it left none. */
  trapText?(): Uint8Array | undefined;
  /** Whether a range lies in the program's memory. */
  checkRange(address: number, length: number): boolean;
  /**
   * Copies a range of the program's memory to `pointer` in the runtime's. Answers 0, or why it did not:
   * `E_BOUNDS` (the range lies outside the program's), or the `TRAP_…` code that ends the run (the copy
   * was more than fuel or deadline allowed).
   */
  copyToRuntime(address: number, length: number, runtime: RuntimeMemory, pointer: number): number;
  /** Copies the other way. */
  copyFromRuntime(runtime: RuntimeMemory, pointer: number, length: number, address: number): number;
  /** Fuel used (undefined if it is not counted) and the most memory the program had, in bytes. */
  usage(): { fuel: bigint | undefined; peakMemoryBytes: number };
  /** Ends the instance and wipes its memory. */
  free(): void;
}

/**
 * Reads what `TRAP_TEXT_EXPORT` points to.
 *
 * @param read a range of the program's memory; undefined where it lies outside
 * @returns undefined where there is no text
 */
export function readTrapText(
  at: number,
  read: (address: number, length: number) => Uint8Array | undefined,
): Uint8Array | undefined {
  const head = at === 0 ? undefined : read(at, 4);
  if (head === undefined) return undefined;
  const length = new DataView(head.buffer, head.byteOffset, 4).getUint32(0, true);
  return length === 0 || length > MAX_TRAP_TEXT_BYTES ? undefined : read(at + 4, length);
}

/** As `ProgramInstance.trapText`, of a program on the engine of Node.js in this thread. */
export function trapTextOf(exports: WebAssembly.Exports): Uint8Array | undefined {
  const { memory, [TRAP_TEXT_EXPORT]: where } = exports;
  if (!(memory instanceof WebAssembly.Memory) || typeof where !== "function") return undefined;
  try {
    return readTrapText(Number(where()) >>> 0, (address, length) => {
      const size = memory.buffer.byteLength;
      const inside = address <= size && length <= size - address;
      return inside ? new Uint8Array(memory.buffer, address, length).slice() : undefined;
    });
  } catch {
    // An export of the program's own that has this name.
    return undefined;
  }
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
  /** The number by which the runtime asks for it: `STRATEGY_…` in `program-profiles.ts`. */
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
