import { randomFillSync } from "node:crypto";
import { PROFILE_HOST } from "../../assembly/platform-services/program-profiles.js";
import { displayUtf8 } from "../common/text.js";
import { PsaError, PsaStatus } from "../psa-attestation/psa-error.js";
import type { SoftwareRootOfTrust } from "../psa-attestation/root-of-trust.js";
// Not from the index, which loads the interpreter: Node.js alone can be a home, too.
import { CancellationFlag } from "../wasm3-node/cancellation.js";
import type { Module, WasmFunction } from "../wasm3-node/index.js";
import { platformCodes } from "./codes.js";
import {
  type ExecutionStrategy,
  type ProgramInstance,
  type ProgramLimits,
  ProgramRefused,
  type RuntimeMemory,
} from "./program-host.js";

/** Largest request for a certificate that the root of trust takes. */
const MAX_CSR_BYTES = 1024;

/** What a home adds to the platform interface beyond programs and random numbers. */
export interface PlatformOptions {
  /** The execution strategies that this home offers. */
  strategies: readonly ExecutionStrategy[];
  /** Up to how many bytes the runtime's own memory may grow. */
  memoryLimit: number;
  /** Word 0 becomes 1 when another thread wants the program that runs to stop. */
  stop?: SharedArrayBuffer;
  /** The profile of limits for programs, `PROFILE_…` of `program-profiles.ts`. Default: that of a computer. */
  programProfile?: number;
  /** Fills a buffer with random bytes, or throws. Default: the operating system's source. */
  random?: (buffer: Uint8Array) => void;
  /** Takes one line of the runtime's debug output. Default: nothing is printed. */
  debug?: (line: string) => void;
  /** Has programs for development asked for the reason of their trap; an isolate does not. Default: false. */
  explainTraps?: boolean;
  /** The root of trust, which makes the runtime's tokens. Absent: none here. */
  rootOfTrust?: Pick<
    SoftwareRootOfTrust,
    "certificationToken" | "reattestationToken" | "enrolmentToken"
  >;
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
  /** Where the last run trapped: function indices, the function that trapped first. */
  lastCallers: readonly number[] = [];
  /** What a program for development said of that trap, with `explainTraps`. */
  lastTrapText: string | undefined;

  constructor(
    private readonly options: PlatformOptions,
    private readonly memory: () => RuntimeMemory,
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
    if (program === undefined)
      throw new Error(`the runtime used an unknown program handle: ${handle}`);
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
    this.lastCallers = [];
    this.lastTrapText = undefined;
    const outcome = this.program(handle).run();
    if ("trap" in outcome) {
      this.lastCallers = outcome.callers ?? [];
      if (this.options.explainTraps && outcome.trap === platformCodes.TRAP_UNREACHABLE) {
        const text = this.program(handle).trapText?.();
        this.lastTrapText = text && displayUtf8(text);
      }
      return outcome.trap;
    }
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

  /** Stores a token that the root of trust makes of what the runtime hands over, or says why not. */
  private storeToken(
    make: (rootOfTrust: NonNullable<PlatformOptions["rootOfTrust"]>) => Uint8Array,
    token: number,
  ): number {
    const { rootOfTrust } = this.options;
    if (rootOfTrust === undefined) return platformCodes.E_UNAVAILABLE;
    try {
      const bytes = make(rootOfTrust);
      this.memory().write(token, bytes);
      return bytes.length;
    } catch (error) {
      if (!(error instanceof PsaError)) throw error;
      if (error.status === PsaStatus.BUFFER_TOO_SMALL) return platformCodes.E_CAPACITY;
      return error.status === PsaStatus.INVALID_ARGUMENT
        ? platformCodes.E_ARGUMENT
        : platformCodes.E_UNAVAILABLE;
    }
  }

  private certificationToken(
    [challenge, policyHash, scopeHash]: readonly number[],
    csr: number,
    csrLength: number,
    token: number,
    capacity: number,
  ): number {
    if (csrLength > MAX_CSR_BYTES) return platformCodes.E_ARGUMENT;
    const hash = (pointer = 0) => this.memory().read(pointer, 32);
    const asked = {
      challenge: hash(challenge),
      policyHash: hash(policyHash),
      scopeHash: hash(scopeHash),
      csr: this.memory().read(csr, csrLength),
    };
    return this.storeToken((root) => root.certificationToken(asked, capacity), token);
  }

  private reattestationToken(
    nonce: number,
    exporter: number,
    token: number,
    capacity: number,
  ): number {
    const parts = [nonce, exporter].map((pointer) => this.memory().read(pointer, 32));
    const [ours = new Uint8Array(0), binding = new Uint8Array(0)] = parts;
    return this.storeToken((root) => root.reattestationToken(ours, binding, capacity), token);
  }

  private enrolmentToken(challenge: number, token: number, capacity: number): number {
    const asked = this.memory().read(challenge, 32);
    return this.storeToken((root) => root.enrolmentToken(asked, capacity), token);
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
          const line = displayUtf8(this.memory().read(u(pointer), u(length)));
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
      certificationToken: [
        "i(iiiiiii)",
        (challenge, policyHash, scopeHash, csr, csrLength, token, capacity) =>
          this.certificationToken(
            [u(challenge), u(policyHash), u(scopeHash)],
            u(csr),
            u(csrLength),
            u(token),
            u(capacity),
          ),
      ],
      reattestationToken: [
        "i(iiii)",
        (nonce, exporter, token, capacity) =>
          this.reattestationToken(u(nonce), u(exporter), u(token), u(capacity)),
      ],
      enrolmentToken: [
        "i(iii)",
        (challenge, token, capacity) => this.enrolmentToken(u(challenge), u(token), u(capacity)),
      ],
    };
  }

  /** The interface as imports of a module on the engine of Node.js. */
  imports(): Record<string, (...args: number[]) => number | undefined> {
    return Object.fromEntries(
      Object.entries(this.functions()).map(([name, [, implementation]]) => [name, implementation]),
    );
  }

  /** Links what a runtime module imports of this interface; an import of anything else is an error. */
  link(module: Module): void {
    const functions = this.functions();
    for (const wanted of module.imports) {
      const entry = wanted.module === "platform" ? functions[wanted.name] : undefined;
      if (entry === undefined) {
        throw new Error(
          `the runtime module imports ${wanted.module}.${wanted.name}, which is not in the platform interface`,
        );
      }
      const [signature, implementation] = entry;
      module.link("platform", wanted.name, signature, (...args) =>
        implementation(...(args as number[])),
      );
    }
  }
}
