import { type Environment, type Module, type Runtime, Trap } from "../wasm3-node/index.js";
import { platformCodes } from "./codes.js";
import { HCALL_TRAP, hcallNumber, hcalls } from "./hcalls.js";
import {
  type ExecutionStrategy,
  type HcallHandler,
  type ProgramInstance,
  type ProgramLimits,
  ProgramRefused,
  type RunOutcome,
} from "./program-host.js";

/** Thrown by an H-call to end the program; carries no stack, as it is an ordinary outcome. */
class HcallTrap extends Error {}

const trapCodes: Partial<Record<Trap["code"], number>> = {
  unreachable: platformCodes.TRAP_UNREACHABLE,
  "out-of-bounds-memory": platformCodes.TRAP_MEMORY_BOUNDS,
  "division-by-zero": platformCodes.TRAP_DIVISION_BY_ZERO,
  "integer-overflow": platformCodes.TRAP_INTEGER_OVERFLOW,
  "invalid-conversion": platformCodes.TRAP_INVALID_CONVERSION,
  "indirect-call-type-mismatch": platformCodes.TRAP_INDIRECT_CALL,
  "undefined-element": platformCodes.TRAP_INDIRECT_CALL,
  "stack-overflow": platformCodes.TRAP_STACK_OVERFLOW,
  "out-of-fuel": platformCodes.TRAP_OUT_OF_FUEL,
  deadline: platformCodes.TRAP_DEADLINE,
  cancelled: platformCodes.TRAP_STOPPED,
};

/** The `interp` strategy: wasm3, in an interpreter instance of its own for each program. */
export function interpStrategy(environment: Environment): ExecutionStrategy {
  return {
    name: "interp",
    number: 0,
    load: (bytes, limits, hcall) => new InterpretedProgram(environment, bytes, limits, hcall),
  };
}

class InterpretedProgram implements ProgramInstance {
  private readonly runtime: Runtime;
  private readonly module: Module;

  constructor(
    environment: Environment,
    bytes: Uint8Array,
    limits: ProgramLimits,
    private readonly hcall: HcallHandler,
  ) {
    this.runtime = environment.newRuntime({
      stackSize: limits.stackBytes,
      memoryLimit: limits.memoryBytes,
      ...(limits.fuel > 0n && { fuel: limits.fuel }),
      ...(limits.deadlineMs > 0 && { deadlineMs: limits.deadlineMs }),
    });
    try {
      this.module = this.runtime.load(bytes, "program");
      this.link();
      this.module.compile();
    } catch (error) {
      this.runtime.free();
      if (error instanceof ProgramRefused) throw error;
      throw new ProgramRefused(platformCodes.E_MODULE, (error as Error).message);
    }
  }

  private link(): void {
    for (const wanted of this.module.imports) {
      const number = wanted.module === "env" ? hcallNumber(wanted.name) : -1;
      const known = hcalls[number];
      if (wanted.kind !== "function" || known === undefined) {
        throw new ProgramRefused(
          platformCodes.E_IMPORT,
          `imports ${wanted.kind} ${wanted.module}.${wanted.name}`,
        );
      }
      const signature = `i(${"i".repeat(known.parameters)})`;
      this.module.link("env", wanted.name, signature, (a, b, c) => {
        const code = this.hcall(
          number,
          a as number,
          (b as number | undefined) ?? 0,
          (c as number | undefined) ?? 0,
        );
        if (code === HCALL_TRAP) throw new HcallTrap();
        return code;
      });
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
      if (error.cause instanceof HcallTrap) return { trap: platformCodes.TRAP_HCALL };
      if (error.code === "host" && error.cause !== undefined) throw error.cause;
      return { trap: trapCodes[error.code] ?? platformCodes.TRAP_OTHER };
    }
  }

  stop(): void {
    this.runtime.cancel();
  }

  checkRange(address: number, length: number): boolean {
    return this.runtime.memory.check(address >>> 0, length >>> 0);
  }

  read(address: number, length: number): Uint8Array | undefined {
    if (!this.checkRange(address, length)) return undefined;
    return this.runtime.memory.read(address >>> 0, length >>> 0);
  }

  write(address: number, bytes: Uint8Array): boolean {
    if (!this.checkRange(address, bytes.length)) return false;
    this.runtime.memory.write(address >>> 0, bytes);
    return true;
  }

  usage(): { fuel: bigint; peakMemoryBytes: number } {
    return { fuel: this.runtime.fuelUsed, peakMemoryBytes: this.runtime.peakMemoryBytes };
  }

  free(): void {
    this.runtime.memory.fill(0, this.runtime.memory.byteLength, 0);
    this.runtime.free();
  }
}
