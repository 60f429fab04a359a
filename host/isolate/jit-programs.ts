import { Worker } from "node:worker_threads";
import type { CancellationFlag, Memory } from "../wasm3-node/index.js";
import { platformCodes } from "./codes.js";
import { HCALL_TRAP } from "./hcalls.js";
import * as protocol from "./jit-protocol.js";
import { withMemoryMaximum } from "./memory-maximum.js";
import {
  type ExecutionStrategy,
  type HcallServer,
  type ProgramInstance,
  type ProgramLimits,
  ProgramRefused,
  type RunOutcome,
} from "./program-host.js";

const PAGE = 65536;
/** How long a worker may take to start and compile, in milliseconds. */
const LOAD_DEADLINE_MS = 30_000;

/**
 * The `jit` strategy: the program runs on the WebAssembly engine of Node.js, in a worker thread that is
 * terminated at the deadline. It counts no fuel; a fuel limit is refused rather than ignored.
 */
export const jitStrategy: ExecutionStrategy = {
  name: "jit",
  number: 1,
  load(bytes, limits, hcalls, stop) {
    if (limits.fuel !== 0n) {
      throw new ProgramRefused(
        platformCodes.E_STRATEGY,
        "the jit strategy counts no fuel: bound the run by a deadline instead of a fuel limit",
      );
    }
    const pages = Math.floor(limits.memoryBytes / PAGE);
    const bounded = withMemoryMaximum(bytes, pages);
    if (bounded === undefined) {
      throw new ProgramRefused(
        platformCodes.E_LIMIT,
        `the module's initial memory is larger than the limit of ${limits.memoryBytes} bytes`,
      );
    }
    return new JitProgram(bounded, limits, hcalls, stop);
  },
};

class JitProgram implements ProgramInstance {
  private readonly control = new Int32Array(
    new SharedArrayBuffer(protocol.CONTROL_WORDS * Int32Array.BYTES_PER_ELEMENT),
  );
  private readonly data = new Uint8Array(new SharedArrayBuffer(protocol.DATA_BYTES));
  private readonly worker: Worker;
  private deadline = Number.POSITIVE_INFINITY;
  private ended = false;
  /**
   * What ended the run in the middle of an H-call: a trap (its stack was full), or undefined (time was up,
   * or it was stopped). Null when nothing did.
   */
  private cutShort: number | undefined | null = null;

  constructor(
    bytes: Uint8Array<ArrayBuffer>,
    private readonly limits: ProgramLimits,
    private readonly hcalls: HcallServer,
    private readonly stopFlag: CancellationFlag,
  ) {
    this.worker = new Worker(new URL("./jit-worker.js", import.meta.url), {
      workerData: { bytes, control: this.control, data: this.data },
      // Nothing of the process reaches the worker: no arguments, no environment, no standard input.
      argv: [],
      env: {},
      stdin: false,
    });
    this.worker.unref();
    // The worker is ended by terminate(); an error inside it shows as a missing answer.
    this.worker.on("error", () => {});
    const event = this.wait(performance.now() + LOAD_DEADLINE_MS);
    if (event === protocol.EVENT_LOADED) return;
    const code = this.word(protocol.A);
    const reason = new TextDecoder().decode(this.data.slice(0, this.word(protocol.B)));
    this.free();
    throw event === protocol.EVENT_REFUSED
      ? new ProgramRefused(code, reason)
      : new ProgramRefused(platformCodes.E_MEMORY, "the worker for the program did not start");
  }

  private word(index: number): number {
    return this.control[index] as number;
  }

  /** Waits for the worker's next event; undefined when time is up or the run was stopped. */
  private wait(until: number): number | undefined {
    // Whose turn it is decides, not that something woke this thread: the notification of a turn before may
    // come late.
    while (Atomics.load(this.control, protocol.TURN) === protocol.TURN_WORKER) {
      const left = until - performance.now();
      if (left <= 0 || this.stopFlag.cancelled) return undefined;
      // In slices, so that a stop from another thread is seen.
      Atomics.wait(this.control, protocol.TURN, protocol.TURN_WORKER, Math.min(left, 100));
    }
    return this.stopFlag.cancelled ? undefined : this.word(protocol.KIND);
  }

  /** Gives the worker a command and waits for what comes of it. */
  private command(kind: number, a = 0, b = 0, c = 0): number | undefined {
    this.control[protocol.KIND] = kind;
    this.control[protocol.A] = a;
    this.control[protocol.B] = b;
    this.control[protocol.C] = c;
    protocol.passTurn(this.control, protocol.TURN_WORKER);
    return this.wait(this.deadline);
  }

  run(): RunOutcome {
    if (this.limits.deadlineMs > 0) this.deadline = performance.now() + this.limits.deadlineMs;
    let event = this.command(protocol.COMMAND_RUN);
    while (event === protocol.EVENT_HCALL) {
      const code = this.hcalls.serve(
        this.word(protocol.A),
        this.word(protocol.B),
        this.word(protocol.C),
        this.word(protocol.D),
      );
      if (this.cutShort !== null) {
        event = this.cutShort;
        break;
      }
      event =
        code === HCALL_TRAP
          ? this.command(protocol.COMMAND_TRAP, platformCodes.TRAP_HCALL)
          : this.command(protocol.COMMAND_HCALL_RETURN, code);
    }
    const value = this.word(protocol.A);
    if (event === protocol.EVENT_RETURNED) return { returned: value };
    if (event === protocol.EVENT_TRAPPED) return { trap: value };
    this.free();
    return {
      trap: this.stopFlag.cancelled ? platformCodes.TRAP_STOPPED : platformCodes.TRAP_DEADLINE,
    };
  }

  stop(): void {
    this.stopFlag.cancel();
  }

  checkRange(address: number, length: number): boolean {
    // A read of nothing at the range's end would do too; this way the worker does the arithmetic.
    return this.transfer(protocol.COMMAND_READ, address, length, 1);
  }

  /** One copy command within an H-call. False when out of bounds or the run is over. */
  private transfer(kind: number, address: number, length: number, checkOnly = 0): boolean {
    if (this.ended || this.cutShort !== null) return false;
    const event = this.command(kind, address | 0, length | 0, checkOnly);
    if (event !== protocol.EVENT_COPIED) {
      this.cutShort = event;
      return false;
    }
    return this.word(protocol.A) === 1;
  }

  copyToRuntime(address: number, length: number, runtime: Memory, pointer: number): number {
    if (!this.checkRange(address, length)) return platformCodes.E_BOUNDS;
    for (let done = 0; done < length; done += protocol.DATA_BYTES) {
      const step = Math.min(length - done, protocol.DATA_BYTES);
      if (!this.transfer(protocol.COMMAND_READ, address + done, step))
        return platformCodes.E_BOUNDS;
      runtime.write(pointer + done, this.data.subarray(0, step));
    }
    return 0;
  }

  copyFromRuntime(runtime: Memory, pointer: number, length: number, address: number): number {
    if (!this.checkRange(address, length)) return platformCodes.E_BOUNDS;
    for (let done = 0; done < length; done += protocol.DATA_BYTES) {
      const step = Math.min(length - done, protocol.DATA_BYTES);
      this.data.set(runtime.read(pointer + done, step));
      if (!this.transfer(protocol.COMMAND_WRITE, address + done, step))
        return platformCodes.E_BOUNDS;
    }
    return 0;
  }

  usage(): { fuel: undefined; peakMemoryBytes: number } {
    return { fuel: undefined, peakMemoryBytes: this.word(protocol.PEAK_MEMORY) >>> 0 };
  }

  free(): void {
    if (this.ended) return;
    this.ended = true;
    this.data.fill(0);
    // The thread's memory goes with it; its end needs no waiting for.
    void this.worker.terminate();
  }
}
