import { CancellationFlag } from "./cancellation.js";
import { LoadError } from "./errors.js";
import { Memory } from "./memory.js";
import { Module } from "./module.js";
import { readModuleSections } from "./module-sections.js";
import { addon, type NativeRuntime } from "./native.js";

const PAGE_BYTES = 65536;
const UNBOUNDED_FUEL = 2n ** 64n - 1n;

/** Limits of a runtime; what is left out has a default. */
export interface RuntimeOptions {
  /** The wasm stack in bytes: locals, temporaries and arguments of all active calls. 64 KiB if absent. */
  readonly stackSize?: number;
  /**
   * Linear memory at most, in bytes: a module that starts with more is refused, `memory.grow` beyond it answers -1.
   * 1 GiB if absent; at most 4 GiB less one page.
   */
  readonly memoryLimit?: number;
  /** Fuel, see `setFuel`. Unbounded if absent. */
  readonly fuel?: bigint;
  /** Wall time of each outermost call, see `setDeadline`. Unbounded if absent. */
  readonly deadlineMs?: number;
  /**
   * Native stack that one outermost call may use, in bytes; the thread's own stack bounds it in any case. 512 KiB if
   * absent.
   */
  readonly nativeStackLimit?: number;
  readonly cancellation?: CancellationFlag;
}

function wholeNumber(value: number, what: string, min: number, max: number): number {
  if (!Number.isInteger(value) || value < min || value > max)
    throw new RangeError(`${what} must be a whole number from ${min} to ${max}, not ${value}`);
  return value;
}

function milliseconds(value: number | undefined): number {
  if (value === undefined) return 0;
  if (typeof value !== "number" || !(value > 0) || value > 1e12)
    throw new RangeError(`deadlineMs must be a number of milliseconds above 0, not ${value}`);
  return value;
}

function fuelUnits(value: bigint | undefined): bigint {
  if (value === undefined) return UNBOUNDED_FUEL;
  if (typeof value !== "bigint" || value < 0n || value >= UNBOUNDED_FUEL)
    throw new RangeError(`fuel must be a bigint from 0 to 2^64 - 2, not ${value}`);
  return value;
}

/** Makes runtimes. They share nothing: what a module leaves behind goes with its runtime. */
export class Environment {
  #freed = false;

  /** @throws RangeError when an option is out of range; Error when the environment has been freed */
  newRuntime(options: RuntimeOptions = {}): Runtime {
    if (this.#freed) throw new Error("this environment has been freed");
    return new Runtime(options);
  }

  /** No new runtimes; those that exist go on. */
  free(): void {
    this.#freed = true;
  }

  [Symbol.dispose](): void {
    this.free();
  }
}

/** One instance of one module: stack, memory, limits. Belongs to the thread that made it. */
export class Runtime {
  readonly memory: Memory;
  readonly #native: NativeRuntime;
  #module: Module | undefined;

  /** By `Environment.newRuntime`. */
  constructor(options: RuntimeOptions) {
    const stackSize = wholeNumber(options.stackSize ?? 65536, "stackSize", 1024, 2 ** 28);
    const memoryLimit = wholeNumber(options.memoryLimit ?? 2 ** 30, "memoryLimit", 0, 2 ** 32 - 1);
    const nativeStackLimit = wholeNumber(
      options.nativeStackLimit ?? 512 * 1024,
      "nativeStackLimit",
      4096,
      2 ** 32 - 1,
    );
    const deadline = milliseconds(options.deadlineMs);
    const fuel = fuelUnits(options.fuel);
    // wasm3 takes 0 for "no limit"; a limit below one page allows none
    this.#native = addon.newRuntime(stackSize, Math.max(1, memoryLimit), nativeStackLimit);
    addon.setFuel(this.#native, fuel);
    addon.setDeadline(this.#native, deadline);
    if (options.cancellation) {
      if (!(options.cancellation instanceof CancellationFlag))
        throw new TypeError("cancellation must be a CancellationFlag");
      addon.setCancellation(this.#native, new Int32Array(options.cancellation.shared, 0, 1));
    }
    this.memory = new Memory(this.#native, this);
  }

  /**
   * Parses a module and lays out its memory, table and globals. Runs nothing. The bytes are copied. A runtime takes one
   * module, once.
   *
   * wasm3 does not validate: bytes from strangers must have passed a validator before they come here.
   *
   * @param name for messages
   * @throws LoadError malformed, above the memory limit, or with an imported memory, table or global
   */
  load(bytes: Uint8Array, name = "module"): Module {
    if (!(bytes instanceof Uint8Array)) throw new TypeError("a module must be a Uint8Array");
    // a copy: nobody may change the bytes between the reading here and wasm3's
    const copy = new Uint8Array(bytes);
    const sections = readModuleSections(copy);
    for (const { module, name: field, kind } of sections.imports)
      if (kind !== "function")
        throw new LoadError(
          `imports the ${kind} ${module}.${field}: only functions can be imported`,
        );
    addon.load(this.#native, copy);
    this.#module = new Module(this, this.#native, name, sections);
    return this.#module;
  }

  /** Lets the module use so many units from now on (undefined: without bound), and restarts the count. */
  setFuel(units: bigint | undefined): void {
    addon.setFuel(this.#native, fuelUnits(units));
  }

  /** Units used since the runtime was made or `setFuel` was called. */
  get fuelUsed(): bigint {
    return addon.fuelUsed(this.#native);
  }

  /** Wall time that each outermost call or compilation may take from now on, in milliseconds; undefined: no bound. */
  setDeadline(deadlineMs: number | undefined): void {
    addon.setDeadline(this.#native, milliseconds(deadlineMs));
  }

  /**
   * Ends the running call at its next unit of fuel, with the trap `cancelled`. For host functions; another thread uses a
   * CancellationFlag.
   *
   * @returns whether a call was running
   */
  cancel(): boolean {
    return addon.cancel(this.#native);
  }

  /** Bytes of linear memory now; after `free`, at the end. */
  get memoryBytes(): number {
    return addon.memoryPages(this.#native) * PAGE_BYTES;
  }

  /** Bytes of linear memory at most so far (wasm memory never shrinks). */
  get peakMemoryBytes(): number {
    return this.memoryBytes;
  }

  /**
   * Wipes and gives back stack and memory. Every later use of the runtime, its module, functions and memory is an error;
   * views are empty. Freeing it again is allowed.
   *
   * @throws Error while one of its functions is running
   */
  free(): void {
    addon.freeRuntime(this.#native);
    this.#module = undefined;
  }

  [Symbol.dispose](): void {
    this.free();
  }
}
