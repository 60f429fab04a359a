import { TRAP_TEXT_EXPORT } from "../../assembly/sdk/veracruz_rt/trap-text.js";
import {
  type CancellationFlag,
  copyMemory,
  type Environment,
  type FunctionType,
  formatFunctionType,
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
  MAX_CALLERS,
  type ProgramInstance,
  type ProgramLimits,
  ProgramRefused,
  type RunOutcome,
  readTrapText,
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

/** What `main` may be. */
const mainTypes = ["() -> i32", "(i32, i32) -> i32"];

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
      this.module.exports.find((item) => item.name === name && item.kind === kind);
    const main = exported("main", "function");
    if (!exported("memory", "memory") || main === undefined) {
      throw new ProgramRefused(platformCodes.E_EXPORT, "lacks an exported `memory` or `main`");
    }
    // The checker has seen to it. Here as well, for what a call throws on a wrong type would be the home's own failure.
    const type = formatFunctionType(main.type as FunctionType);
    if (!mainTypes.includes(type)) {
      throw new ProgramRefused(
        platformCodes.E_EXPORT,
        `exports main as ${type}, not ${mainTypes.join(" or ")}`,
      );
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
      return {
        trap: trapCodes[error.code] ?? platformCodes.TRAP_OTHER,
        callers: error.backtrace.slice(0, MAX_CALLERS).map(({ index }) => index),
      };
    }
  }

  trapText(): Uint8Array | undefined {
    const known = this.module.exports.find(({ name }) => name === TRAP_TEXT_EXPORT);
    if (
      known?.kind !== "function" ||
      formatFunctionType(known.type as FunctionType) !== "() -> i32"
    )
      return undefined;
    try {
      const at = (this.module.findFunction(TRAP_TEXT_EXPORT).call() as number) >>> 0;
      return readTrapText(at, (address, length) =>
        this.checkRange(address, length) ? this.runtime.memory.read(address, length) : undefined,
      );
    } catch (error) {
      if (!(error instanceof Trap)) throw error;
      return undefined;
    }
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
