import {
  type CancellationFlag,
  copyMemory,
  type Environment,
  type Memory,
  type Module,
  type Runtime,
  Trap,
} from "../wasm3-node/index.js";
import { platformCodes } from "./codes.js";
import { hcallNumber } from "./hcalls.js";
import {
  type ExecutionStrategy,
  type HcallServer,
  type ProgramInstance,
  type ProgramLimits,
  ProgramRefused,
  type RunOutcome,
} from "./program-host.js";

const trapCodes: Partial<Record<Trap["code"], number>> = {
  unreachable: platformCodes.TRAP_UNREACHABLE,
  "out-of-bounds-memory": platformCodes.TRAP_MEMORY_BOUNDS,
  "division-by-zero": platformCodes.TRAP_DIVISION_BY_ZERO,
  "integer-overflow": platformCodes.TRAP_INTEGER_OVERFLOW,
  "invalid-conversion": platformCodes.TRAP_INVALID_CONVERSION,
  "indirect-call-type-mismatch": platformCodes.TRAP_INDIRECT_CALL,
  "undefined-element": platformCodes.TRAP_INDIRECT_CALL,
  "uninitialized-element": platformCodes.TRAP_INDIRECT_CALL,
  "stack-overflow": platformCodes.TRAP_STACK_OVERFLOW,
  "out-of-fuel": platformCodes.TRAP_OUT_OF_FUEL,
  deadline: platformCodes.TRAP_DEADLINE,
  cancelled: platformCodes.TRAP_STOPPED,
  aborted: platformCodes.TRAP_HCALL,
};

/** The thread's stack that a program may use, in bytes. */
export const PROGRAM_NATIVE_STACK_BYTES = 512 * 1024;

/** The `interp` strategy: wasm3, in an interpreter instance of its own for each program. */
export function interpStrategy(environment: Environment): ExecutionStrategy {
  return {
    name: "interp",
    number: 0,
    load: (bytes, limits, hcalls, stop) =>
      new InterpretedProgram(environment, bytes, limits, hcalls, stop),
  };
}

/** The platform's code for what became of a copy. */
function copied(copy: () => boolean): number {
  try {
    return copy() ? 0 : platformCodes.E_BOUNDS;
  } catch (error) {
    if (!(error instanceof Trap)) throw error;
    return trapCodes[error.code] ?? platformCodes.TRAP_OTHER;
  }
}

class InterpretedProgram implements ProgramInstance {
  private readonly runtime: Runtime;
  private readonly module: Module;

  constructor(
    environment: Environment,
    bytes: Uint8Array,
    limits: ProgramLimits,
    hcalls: HcallServer,
    cancellation: CancellationFlag,
  ) {
    try {
      this.runtime = environment.newRuntime({
        stackSize: limits.stackBytes,
        memoryLimit: limits.memoryBytes,
        nativeStackLimit: PROGRAM_NATIVE_STACK_BYTES,
        cancellation,
        ...(limits.fuel > 0n && { fuel: limits.fuel }),
        ...(limits.deadlineMs > 0 && { deadlineMs: limits.deadlineMs }),
      });
    } catch (error) {
      const code = error instanceof RangeError ? platformCodes.E_LIMIT : platformCodes.E_MEMORY;
      throw new ProgramRefused(code, (error as Error).message);
    }
    try {
      this.module = this.runtime.load(bytes, "program");
      this.link(hcalls);
      this.module.compile();
    } catch (error) {
      this.runtime.free();
      if (error instanceof ProgramRefused) throw error;
      // Time or a stop ended the compilation: the module asked for more than it was given.
      if (error instanceof Trap) throw new ProgramRefused(platformCodes.E_LIMIT, error.message);
      throw new ProgramRefused(platformCodes.E_MODULE, (error as Error).message);
    }
  }

  private link({ target, handle }: HcallServer): void {
    for (const wanted of this.module.imports) {
      const number = wanted.module === "env" ? hcallNumber(wanted.name) : -1;
      if (wanted.kind !== "function" || number < 0) {
        throw new ProgramRefused(
          platformCodes.E_IMPORT,
          `imports ${wanted.kind} ${wanted.module}.${wanted.name}`,
        );
      }
      // Codes of the ABI are never positive; HCALL_TRAP is.
      this.module.bridge("env", wanted.name, target, { leading: [handle, number], trapAbove: 0 });
    }
    const exported = (name: string, kind: string) =>
      this.module.exports.some((item) => item.name === name && item.kind === kind);
    if (!exported("memory", "memory") || !exported("main", "function")) {
      throw new ProgramRefused(platformCodes.E_EXPORT, "lacks an exported `memory` or `main`");
    }
  }

  run(): RunOutcome {
    try {
      const main = this.module.findFunction("main");
      const returned = main.type.params.length === 0 ? main.call() : main.call(0, 0);
      return { returned: returned as number };
    } catch (error) {
      if (!(error instanceof Trap)) throw error;
      // The runtime itself trapped while it served an H-call: that is no outcome of the program.
      if (error.code === "host") throw error.cause ?? error;
      return { trap: trapCodes[error.code] ?? platformCodes.TRAP_OTHER };
    }
  }

  stop(): void {
    this.runtime.cancel();
  }

  checkRange(address: number, length: number): boolean {
    return this.runtime.memory.check(address >>> 0, length >>> 0);
  }

  copyToRuntime(address: number, length: number, runtime: Memory, pointer: number): number {
    return copied(() => copyMemory(this.runtime.memory, address, runtime, pointer, length));
  }

  copyFromRuntime(runtime: Memory, pointer: number, length: number, address: number): number {
    return copied(() => copyMemory(runtime, pointer, this.runtime.memory, address, length));
  }

  usage(): { fuel: bigint; peakMemoryBytes: number } {
    return { fuel: this.runtime.fuelUsed, peakMemoryBytes: this.runtime.peakMemoryBytes };
  }

  free(): void {
    this.runtime.memory.fill(0, this.runtime.memory.byteLength, 0);
    this.runtime.free();
  }
}
