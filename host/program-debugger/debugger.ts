/**
 * An execution strategy for development: the program, instrumented, on the engine of Node.js in this thread. It
 * counts fuel as an isolate does, and keeps what a profile, a coverage report or a trace wants to know.
 */
import { displayUtf8 } from "../common/text.js";
import { platformCodes } from "../isolate/codes.js";
import { FUEL_BYTES_SHIFT } from "../isolate/fuel-meter.js";
import { HCALL_TRAP, hcallNumber, hcalls } from "../isolate/hcalls.js";
import { withMemoryMaximum } from "../isolate/memory-maximum.js";
import {
  type ExecutionStrategy,
  type HcallServer,
  MAX_CALLERS,
  type ProgramInstance,
  type ProgramLimits,
  ProgramRefused,
  type RunOutcome,
  type RuntimeMemory,
  trapTextOf,
} from "../isolate/program-host.js";
import { ProgramEnd, trapCodeOf } from "../isolate/v8-traps.js";
import { PRINT_INDEX } from "./debug-print.js";
import { DEBUG_MODULE, type Instrumented, instrument } from "./instrument.js";

const PAGE = 65536;
/** Bytes that a unit of fuel fills or copies. */
const FUEL_BYTES = 1 << FUEL_BYTES_SHIFT;
/** How often the clock is looked at, in units of fuel. */
const CLOCK_STEP = 4096;
const READ_INPUT = hcalls.findIndex(({ name }) => name.endsWith("_read_input"));

/** An H-call that a program made. */
export interface TracedCall {
  readonly number: number;
  readonly arguments: readonly number[];
  /** Undefined when it made the program trap. */
  readonly code: number | undefined;
  /** What it stored at `out`, for calls that store an integer. */
  readonly stored: number | undefined;
}

/** A function in a certain chain of callers, and the fuel that it used itself there. */
export interface CallNode {
  readonly functionIndex: number;
  readonly children: Map<number, CallNode>;
  fuel: number;
}

/** What a run did. */
export interface Recording {
  readonly instrumented: Instrumented;
  /** The root is no function. */
  readonly root: CallNode;
  /** How often each point was passed, by its number. */
  readonly passed: Float64Array;
  /** How often each function was called, by its index. */
  readonly calls: Map<number, number>;
  /** Offset in the program of the instruction that trapped. */
  trapOffset: number | undefined;
}

/** What a debugger tells while the program runs. */
export interface DebuggerOptions {
  readonly onCall?: (call: TracedCall) => void;
  readonly onPrint?: (text: string) => void;
}

const nodeOf = (functionIndex: number): CallNode => ({
  functionIndex,
  children: new Map(),
  fuel: 0,
});

/** The debugger: a strategy, and the recording of the last program that it ran. */
export class ProgramDebugger {
  recording: Recording | undefined;

  constructor(private readonly options: DebuggerOptions = {}) {}

  /** In the place of `jit`, whose engine it uses. */
  readonly strategy: ExecutionStrategy = {
    name: "jit",
    number: 1,
    load: (bytes, limits, hcalls) => {
      const program = new DebuggedProgram(bytes, limits, hcalls, this.options);
      this.recording = program.recording;
      return program;
    },
  };
}

class DebuggedProgram implements ProgramInstance {
  readonly recording: Recording;
  private readonly exports: WebAssembly.Exports;
  private readonly memory: WebAssembly.Memory;
  /** The run has ended: what the program does now is no part of the recording. */
  private over = false;
  private readonly main: (a: number, b: number) => number;
  private readonly stack: CallNode[] = [];
  private top: CallNode;
  private fuel = 0;
  private readonly shift: number;
  private memoryBytes: number;
  private deadline = Number.POSITIVE_INFINITY;

  constructor(
    bytes: Uint8Array,
    private readonly limits: ProgramLimits,
    private readonly server: HcallServer,
    private readonly options: DebuggerOptions,
  ) {
    const instrumented = instrument(bytes);
    const bounded = withMemoryMaximum(instrumented.bytes, Math.floor(limits.memoryBytes / PAGE));
    if (bounded === undefined)
      throw new ProgramRefused(
        platformCodes.E_LIMIT,
        `the module's initial memory is larger than the limit of ${limits.memoryBytes} bytes`,
      );
    // The limit of memory stands before the code.
    this.shift = bounded.length - instrumented.bytes.length;
    const root = nodeOf(-1);
    this.top = root;
    this.recording = {
      instrumented,
      root,
      passed: new Float64Array(instrumented.points.length),
      calls: new Map(),
      trapOffset: undefined,
    };
    const module = new WebAssembly.Module(bounded);
    const env: Record<string, WebAssembly.ImportValue> = {};
    for (const wanted of WebAssembly.Module.imports(module)) {
      if (wanted.module === DEBUG_MODULE) continue;
      const number = wanted.module === "env" ? hcallNumber(wanted.name) : -1;
      if (number < 0)
        throw new ProgramRefused(
          platformCodes.E_IMPORT,
          `imports ${wanted.kind} ${wanted.module}.${wanted.name}`,
        );
      env[wanted.name] = (...args: number[]) => this.hcall(number, args);
    }
    const { exports } = new WebAssembly.Instance(module, {
      env,
      [DEBUG_MODULE]: this.hooks(instrumented),
    });
    this.exports = exports;
    this.memory = exports.memory as WebAssembly.Memory;
    this.memoryBytes = this.memory.buffer.byteLength;
    this.main = exports.main as (a: number, b: number) => number;
  }

  private spend(units: number): void {
    const before = this.fuel;
    this.fuel += units;
    this.top.fuel += units;
    if (this.limits.fuel > 0n && this.fuel > Number(this.limits.fuel))
      throw new ProgramEnd(platformCodes.TRAP_OUT_OF_FUEL);
    if (
      Math.floor(before / CLOCK_STEP) !== Math.floor(this.fuel / CLOCK_STEP) &&
      performance.now() > this.deadline
    )
      throw new ProgramEnd(platformCodes.TRAP_DEADLINE);
  }

  private hooks({ points }: Instrumented): Record<string, (value: number) => void> {
    const { passed, calls } = this.recording;
    return {
      enter: (index) => {
        if (this.over) return;
        this.stack.push(this.top);
        let node = this.top.children.get(index);
        if (node === undefined) {
          node = nodeOf(index);
          this.top.children.set(index, node);
        }
        this.top = node;
        calls.set(index, (calls.get(index) ?? 0) + 1);
        this.spend(1);
      },
      leave: () => {
        if (this.over) return;
        this.top = this.stack.pop() as CallNode;
      },
      at: (point) => {
        if (this.over) return;
        passed[point] = (passed[point] as number) + 1;
        if (points[point]?.kind === "loop") this.spend(1);
      },
      // New pages are filled with zeros.
      grew: () => {
        const bytes = this.memory.buffer.byteLength;
        this.spend(Math.floor((bytes - this.memoryBytes) / FUEL_BYTES));
        this.memoryBytes = bytes;
      },
      copied: (length) => this.spend(Math.floor((length >>> 0) / FUEL_BYTES)),
    };
  }

  private hcall(number: number, args: readonly number[]): number {
    if (number === READ_INPUT && (args[0] as number) >>> 0 === PRINT_INDEX) {
      const [, address = 0, length = 0] = args.map((each) => each >>> 0);
      const { buffer } = this.memory;
      if (!this.checkRange(address, length)) throw new ProgramEnd(platformCodes.TRAP_HCALL);
      this.options.onPrint?.(displayUtf8(new Uint8Array(buffer, address, length).slice()));
      return 0;
    }
    const [a = 0, b = 0, c = 0] = args;
    this.spend(1);
    const code = this.server.serve(number, a, b, c);
    const trapped = code === HCALL_TRAP;
    const out = (args.at(-1) as number) >>> 0;
    const stores =
      /_(count|size|result)$/.test(hcalls[number]?.name ?? "") &&
      !hcalls[number]?.name.endsWith("read_previous_result");
    this.options.onCall?.({
      number,
      arguments: args.map((each) => each >>> 0),
      code: trapped ? undefined : code,
      stored:
        stores && code === 0 ? new DataView(this.memory.buffer).getUint32(out, true) : undefined,
    });
    if (trapped) throw new ProgramEnd(platformCodes.TRAP_HCALL);
    return code;
  }

  trapText(): Uint8Array | undefined {
    this.over = true;
    return trapTextOf(this.exports);
  }

  run(): RunOutcome {
    if (this.limits.deadlineMs > 0) this.deadline = performance.now() + this.limits.deadlineMs;
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 4 * MAX_CALLERS;
    try {
      return { returned: this.main(0, 0) };
    } catch (error) {
      return this.trap(error);
    } finally {
      Error.stackTraceLimit = stackTraceLimit;
    }
  }

  private trap(error: unknown): RunOutcome {
    const { stack = "" } = error as Error;
    const { instrumented } = this.recording;
    const callers: number[] = [];
    for (const [, index, offset] of stack.matchAll(/\bwasm-function\[(\d+)\]:0x([\da-f]+)/g)) {
      const original = instrumented.original(Number(index));
      if (original === undefined) continue;
      if (callers.length === 0)
        this.recording.trapOffset = instrumented.originalOffset(
          Number.parseInt(offset as string, 16) - this.shift,
        );
      callers.push(original);
    }
    const code = trapCodeOf(error);
    if (code === undefined) throw error;
    return { trap: code, callers: callers.slice(0, MAX_CALLERS) };
  }

  checkRange(address: number, length: number): boolean {
    const size = this.memory.buffer.byteLength;
    return address >>> 0 <= size && length >>> 0 <= size - (address >>> 0);
  }

  private view(address: number, length: number): Uint8Array {
    return new Uint8Array(this.memory.buffer, address >>> 0, length >>> 0);
  }

  /** Spends what a copy costs; the code that ends the run where fuel or time do not suffice, else 0. */
  private charge(length: number): number {
    try {
      this.spend(Math.floor((length >>> 0) / FUEL_BYTES));
      return 0;
    } catch (error) {
      // The runtime stands between: it gets the code, and makes the program trap.
      if (!(error instanceof ProgramEnd)) throw error;
      return error.code;
    }
  }

  copyToRuntime(address: number, length: number, runtime: RuntimeMemory, pointer: number): number {
    if (!this.checkRange(address, length)) return platformCodes.E_BOUNDS;
    const ended = this.charge(length);
    if (ended !== 0) return ended;
    runtime.write(pointer, this.view(address, length));
    return 0;
  }

  copyFromRuntime(
    runtime: RuntimeMemory,
    pointer: number,
    length: number,
    address: number,
  ): number {
    if (!this.checkRange(address, length)) return platformCodes.E_BOUNDS;
    const ended = this.charge(length);
    if (ended !== 0) return ended;
    this.view(address, length).set(runtime.read(pointer, length));
    return 0;
  }

  usage(): { fuel: bigint; peakMemoryBytes: number } {
    const { fuel: limit } = this.limits;
    const used = BigInt(this.fuel);
    const fuel = limit > 0n && used > limit ? limit : used;
    return { fuel, peakMemoryBytes: this.memory.buffer.byteLength };
  }

  free(): void {
    this.view(0, this.memory.buffer.byteLength).fill(0);
  }
}
