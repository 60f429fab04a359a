import { Worker } from "node:worker_threads";
import { displayUtf8 } from "../common/text.js";
import type { CancellationFlag } from "../wasm3-node/index.js";
import { platformCodes } from "./codes.js";
import { metered } from "./fuel-meter.js";
import { HCALL_TRAP } from "./hcalls.js";
import * as protocol from "./jit-protocol.js";
import { withMemoryMaximum } from "./memory-maximum.js";
import {
  type ExecutionStrategy,
  type HcallServer,
  MAX_CALLERS,
  MAX_TRAP_TEXT_BYTES,
  type ProgramInstance,
  type ProgramLimits,
  ProgramRefused,
  type RunOutcome,
  type RuntimeMemory,
} from "./program-host.js";

const PAGE = 65536;
/** What the counter of a program holds. */
const MAX_FUEL = 2n ** 63n - 1n;
/** How long a worker may take to start and compile, in milliseconds. */
const LOAD_DEADLINE_MS = 30_000;

/**
 * The `jit` strategy: the program runs on the WebAssembly engine of Node.js, in a worker thread that is
 * terminated at the deadline. Where fuel is limited, a copy of the program runs that counts its own, as wasm3 counts.
 */
export const jitStrategy: ExecutionStrategy = {
  name: "jit",
  number: 1,
  load(bytes, limits, hcalls, stop) {
    if (limits.fuel > MAX_FUEL) {
      throw new ProgramRefused(platformCodes.E_LIMIT, `a fuel limit must be at most ${MAX_FUEL}`);
    }
    const meter = limits.fuel === 0n ? undefined : { ...metered(bytes), limit: limits.fuel };
    const pages = Math.floor(limits.memoryBytes / PAGE);
    const bounded = withMemoryMaximum(meter?.bytes ?? bytes, pages);
    if (bounded === undefined) {
      throw new ProgramRefused(
        platformCodes.E_LIMIT,
        `the module's initial memory is larger than the limit of ${limits.memoryBytes} bytes`,
      );
    }
    return new JitProgram(bounded, meter, limits, hcalls, stop);
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
    private readonly meter: protocol.WorkerData["meter"],
    private readonly limits: ProgramLimits,
    private readonly hcalls: HcallServer,
    private readonly stopFlag: CancellationFlag,
  ) {
    this.worker = new Worker(new URL("./jit-worker.js", import.meta.url), {
      workerData: {
        bytes,
        control: this.control,
        data: this.data,
        meter: meter && { fuel: meter.fuel, functions: meter.functions, limit: meter.limit },
      } satisfies protocol.WorkerData,
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
    const reason = displayUtf8(this.data.slice(0, this.word(protocol.B)));
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
    if (event === protocol.EVENT_TRAPPED) {
      const count = Math.min(this.word(protocol.B) >>> 0, MAX_CALLERS);
      return { trap: value, callers: [...new Uint32Array(this.data.slice().buffer, 0, count)] };
    }
    this.free();
    return {
      trap: this.stopFlag.cancelled ? platformCodes.TRAP_STOPPED : platformCodes.TRAP_DEADLINE,
    };
  }

  trapText(): Uint8Array | undefined {
    if (this.ended || this.word(protocol.KIND) !== protocol.EVENT_TRAPPED) return undefined;
    if (this.command(protocol.COMMAND_EXPLAIN) !== protocol.EVENT_EXPLAINED) return undefined;
    const length = Math.min(this.word(protocol.A) >>> 0, MAX_TRAP_TEXT_BYTES);
    return length === 0 ? undefined : this.data.slice(0, length);
  }

  checkRange(address: number, length: number): boolean {
    return this.transfer(protocol.COMMAND_CHECK, address, length) === protocol.COPY_DONE;
  }

  /** A command about a range of memory within an H-call. `COPY_OUT_OF_BOUNDS`, too, when the run is over. */
  private transfer(kind: number, address: number, length: number): number {
    if (this.ended || this.cutShort !== null) return protocol.COPY_OUT_OF_BOUNDS;
    const event = this.command(kind, address | 0, length | 0);
    if (event === protocol.EVENT_COPIED) return this.word(protocol.A);
    this.cutShort = event;
    return protocol.COPY_OUT_OF_BOUNDS;
  }

  /** Whether so much may be copied, which costs fuel; if not, the code that says why. */
  private charge(address: number, length: number): number {
    const answer = this.transfer(protocol.COMMAND_CHARGE, address, length);
    if (answer === protocol.COPY_OUT_OF_FUEL) return platformCodes.TRAP_OUT_OF_FUEL;
    return answer === protocol.COPY_DONE ? 0 : platformCodes.E_BOUNDS;
  }

  copyToRuntime(address: number, length: number, runtime: RuntimeMemory, pointer: number): number {
    const refused = this.charge(address, length);
    if (refused !== 0) return refused;
    for (let done = 0; done < length; done += protocol.DATA_BYTES) {
      const step = Math.min(length - done, protocol.DATA_BYTES);
      const answer = this.transfer(protocol.COMMAND_READ, address + done, step);
      if (answer !== protocol.COPY_DONE) return platformCodes.E_BOUNDS;
      runtime.write(pointer + done, this.data.subarray(0, step));
    }
    return 0;
  }

  copyFromRuntime(
    runtime: RuntimeMemory,
    pointer: number,
    length: number,
    address: number,
  ): number {
    const refused = this.charge(address, length);
    if (refused !== 0) return refused;
    for (let done = 0; done < length; done += protocol.DATA_BYTES) {
      const step = Math.min(length - done, protocol.DATA_BYTES);
      this.data.set(runtime.read(pointer + done, step));
      const answer = this.transfer(protocol.COMMAND_WRITE, address + done, step);
      if (answer !== protocol.COPY_DONE) return platformCodes.E_BOUNDS;
    }
    return 0;
  }

  usage(): { fuel: bigint | undefined; peakMemoryBytes: number } {
    const low = BigInt(this.word(protocol.FUEL_LOW) >>> 0);
    const high = BigInt(this.word(protocol.FUEL_HIGH) >>> 0);
    return {
      fuel: this.meter && (high << 32n) + low,
      peakMemoryBytes: this.word(protocol.PEAK_MEMORY) >>> 0,
    };
  }

  free(): void {
    if (this.ended) return;
    this.ended = true;
    this.data.fill(0);
    // The thread's memory goes with it; its end needs no waiting for.
    void this.worker.terminate();
  }
}
