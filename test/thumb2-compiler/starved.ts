// The compiler with registers starved: what lies in them gives way all the time.
import { readFileSync } from "node:fs";
import { wasmPath } from "../../host/common/paths.js";
import {
  type CompiledProgram,
  type CompileOptions,
  Thumb2Compiler,
} from "../../host/thumb2-compiler/compiler.js";

/** Registers for operands and for locals, of 6 and 6. */
export const WANTS: readonly (readonly [operands: number, locals: number])[] = [1, 2, 3].flatMap(
  (operands) => [0, 1, 3, 6].map((locals) => [operands, locals] as const),
);

/** Compiles each program with as few registers as its bytes say. */
export class StarvedCompiler extends Thumb2Compiler {
  constructor() {
    super(readFileSync(wasmPath("testing/thumb2-starved")));
  }

  /** How many registers there are from now on. */
  starve(operands: number, locals: number): void {
    const { starve } = this.exports as unknown as {
      starve(operands: number, locals: number): void;
    };
    starve(operands, locals);
  }

  override compile(wasm: Uint8Array, options?: CompileOptions, capacity?: number): CompiledProgram {
    const sum = wasm.reduce((each, byte) => (Math.imul(each, 31) + byte) >>> 0, 0);
    this.starve(...(WANTS[sum % WANTS.length] as readonly [number, number]));
    return super.compile(wasm, options, capacity);
  }
}
