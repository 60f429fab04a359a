import { randomFillSync } from "node:crypto";
import {
  CancellationFlag,
  type Memory,
  type Module,
  type WasmFunction,
} from "../wasm3-node/index.js";
import { platformCodes } from "./codes.js";
import {
  type ExecutionStrategy,
  type ProgramInstance,
  type ProgramLimits,
  ProgramRefused,
} from "./program-host.js";

/** `PROFILE_HOST` of `platform-services/program-limits.ts`. */
const PROFILE_HOST = 0;

/** What a home adds to the platform interface beyond programs and random numbers. */
export interface PlatformOptions {
  /** The execution strategies that this home offers. */
  strategies: readonly ExecutionStrategy[];
  /** Up to how many bytes the runtime's own memory may grow. */
  memoryLimit: number;
  /** Word 0 becomes 1 when another thread wants the program that runs to stop. */
  stop?: SharedArrayBuffer;
  /** The profile of limits for programs, `PROFILE_…` of `program-limits.ts`. Default: that of a computer. */
  programProfile?: number;
  /** Fills a buffer with random bytes, or throws. Default: the operating system's source. */
  random?: (buffer: Uint8Array) => void;
  /** Takes one line of the runtime's debug output. Default: nothing is printed. */
  debug?: (line: string) => void;
  /** The root of trust: a token over a nonce of 32, 48 or 64 bytes. Absent: none here. */
  attestationToken?: (nonce: Uint8Array) => Uint8Array;
}

/**
 * The platform interface of `assembly/platform-services/platform.ts`, as the host isolate offers it:
 * programs through the given strategies, random bytes from the operating system.
 */
export class Platform {
  private readonly programs = new Map<number, ProgramInstance>();
  private nextHandle = 1;
  private readonly stopFlag: CancellationFlag;
  /** Why the last program was not loaded, in words; undefined when it was. */
  lastRefusal: string | undefined;

  constructor(
    private readonly options: PlatformOptions,
    private readonly memory: () => Memory,
    /** The runtime's export `hcall`: (handle, number, a, b, c) -> code. */
    private readonly hcall: () => WasmFunction,
  ) {
    this.stopFlag = new CancellationFlag(options.stop);
  }

  /** Ends every program that is still loaded. */
  free(): void {
    for (const program of this.programs.values()) program.free();
    this.programs.clear();
  }

  private program(handle: number): ProgramInstance {
    const program = this.programs.get(handle);
    if (program === undefined) throw new Error(`the runtime named no program's handle: ${handle}`);
    return program;
  }

  private readLimits(pointer: number): ProgramLimits & { strategy: number } {
    const bytes = this.memory().read(pointer, 24);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return {
      fuel: view.getBigUint64(0, true),
      deadlineMs: view.getUint32(8, true),
      memoryBytes: view.getUint32(12, true),
      stackBytes: view.getUint32(16, true),
      strategy: view.getUint32(20, true),
    };
  }

  private load(bytes: number, length: number, limitsPointer: number): number {
    const { strategy: wanted, ...limits } = this.readLimits(limitsPointer);
    const strategy = this.options.strategies.find(({ number }) => number === wanted);
    this.lastRefusal = undefined;
    try {
      if (strategy === undefined) {
        throw new ProgramRefused(
          platformCodes.E_STRATEGY,
          `this isolate offers ${this.options.strategies.map(({ name }) => name).join(", ")}`,
        );
      }
      const handle = this.nextHandle++;
      const target = this.hcall();
      const hcalls = {
        serve: (number: number, a: number, b: number, c: number) =>
          target.call(handle, number, a, b, c) as number,
        target,
        handle,
      };
      const module = this.memory().read(bytes, length);
      const program = strategy.load(module, limits, hcalls, this.stopFlag);
      this.programs.set(handle, program);
      return handle;
    } catch (error) {
      if (!(error instanceof ProgramRefused)) throw error;
      this.lastRefusal = error.message;
      return error.code;
    }
  }

  private run(handle: number, returned: number): number {
    const outcome = this.program(handle).run();
    if ("trap" in outcome) return outcome.trap;
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setInt32(0, outcome.returned, true);
    this.memory().write(returned, bytes);
    return 0;
  }

  private usage(handle: number, out: number): void {
    const { fuel, peakMemoryBytes } = this.program(handle).usage();
    const view = new DataView(new ArrayBuffer(16));
    view.setBigUint64(0, fuel ?? 0xffff_ffff_ffff_ffffn, true);
    view.setUint32(8, peakMemoryBytes, true);
    this.memory().write(out, new Uint8Array(view.buffer));
  }

  private random(pointer: number, length: number): number {
    const { random = randomFillSync } = this.options;
    const bytes = new Uint8Array(length);
    try {
      random(bytes);
    } catch {
      return platformCodes.E_UNAVAILABLE;
    }
    this.memory().write(pointer, bytes);
    bytes.fill(0);
    return 0;
  }

  private attest(nonce: number, nonceLength: number, token: number, capacity: number): number {
    const { attestationToken } = this.options;
    if (attestationToken === undefined) return platformCodes.E_UNAVAILABLE;
    if (![32, 48, 64].includes(nonceLength)) return platformCodes.E_ARGUMENT;
    const bytes = attestationToken(this.memory().read(nonce, nonceLength));
    if (bytes.length > capacity) return platformCodes.E_CAPACITY;
    this.memory().write(token, bytes);
    return bytes.length;
  }

  /** Every function of the interface with its wasm3 signature, by its name. */
  private functions(): Record<
    string,
    [signature: string, (...args: number[]) => number | undefined]
  > {
    const u = (value: number | undefined) => (value as number) >>> 0;
    return {
      random: ["i(ii)", (pointer, length) => this.random(u(pointer), u(length))],
      debug: [
        "v(ii)",
        (pointer, length) => {
          const line = new TextDecoder().decode(this.memory().read(u(pointer), u(length)));
          this.options.debug?.(line);
        },
      ],
      memoryLimit: ["i()", () => this.options.memoryLimit | 0],
      strategies: [
        "i()",
        () => this.options.strategies.reduce((bits, { number }) => bits | (1 << number), 0),
      ],
      programProfile: ["i()", () => this.options.programProfile ?? PROFILE_HOST],
      programLoad: ["i(iii)", (bytes, length, limits) => this.load(u(bytes), u(length), u(limits))],
      programRun: ["i(ii)", (handle, returned) => this.run(handle as number, u(returned))],
      programStop: [
        "v(i)",
        (handle) => {
          this.program(handle as number).stop();
        },
      ],
      programFree: [
        "v(i)",
        (handle) => {
          this.program(handle as number).free();
          this.programs.delete(handle as number);
        },
      ],
      programRead: [
        "i(iiii)",
        (handle, address, destination, length) =>
          this.program(handle as number).copyToRuntime(
            u(address),
            u(length),
            this.memory(),
            u(destination),
          ),
      ],
      programWrite: [
        "i(iiii)",
        (handle, address, source, length) =>
          this.program(handle as number).copyFromRuntime(
            this.memory(),
            u(source),
            u(length),
            u(address),
          ),
      ],
      programCheckRange: [
        "i(iii)",
        (handle, address, length) =>
          this.program(handle as number).checkRange(u(address), u(length))
            ? 0
            : platformCodes.E_BOUNDS,
      ],
      programUsage: [
        "v(ii)",
        (handle, out) => {
          this.usage(handle as number, u(out));
        },
      ],
      attestationToken: [
        "i(iiii)",
        (nonce, nonceLength, token, capacity) =>
          this.attest(u(nonce), u(nonceLength), u(token), u(capacity)),
      ],
    };
  }

  /** Links what a runtime module imports of this interface; an import of anything else is an error. */
  link(module: Module): void {
    const functions = this.functions();
    for (const wanted of module.imports) {
      const entry = wanted.module === "platform" ? functions[wanted.name] : undefined;
      if (entry === undefined) {
        throw new Error(
          `the runtime module imports ${wanted.module}.${wanted.name}, which is not of the platform interface`,
        );
      }
      const [signature, implementation] = entry;
      module.link("platform", wanted.name, signature, (...args) =>
        implementation(...(args as number[])),
      );
    }
  }
}
