import * as platformCodes from "../../assembly/platform-services/errors.js";

/** Codes of the platform interface. */
export { platformCodes };

/** The words in which the home tells platform codes to people. */
const words: Record<number, string> = {
  [platformCodes.E_UNAVAILABLE]: "the service is not available",
  [platformCodes.E_ARGUMENT]: "an argument is out of range",
  [platformCodes.E_CAPACITY]: "a buffer is too small",
  [platformCodes.E_BOUNDS]: "an H-call got a range outside the program's memory",
  [platformCodes.E_MODULE]: "the module is not valid WebAssembly of the supported features",
  [platformCodes.E_IMPORT]: "the module imports what the Veracruz ABI does not offer",
  [platformCodes.E_EXPORT]:
    "the module does not export a memory `memory` and a function `main` of type () -> i32 or (i32, i32) -> i32",
  [platformCodes.E_LIMIT]: "the module asks for more than its limits allow",
  [platformCodes.E_MEMORY]: "a limit on memory or output was exceeded",
  [platformCodes.E_STRATEGY]: "the execution strategy is not offered here",
  [platformCodes.TRAP_UNREACHABLE]: "unreachable executed",
  [platformCodes.TRAP_MEMORY_BOUNDS]: "memory access out of bounds",
  [platformCodes.TRAP_DIVISION_BY_ZERO]: "integer division by zero",
  [platformCodes.TRAP_INTEGER_OVERFLOW]: "integer overflow",
  [platformCodes.TRAP_INVALID_CONVERSION]: "invalid conversion to integer",
  [platformCodes.TRAP_INDIRECT_CALL]: "indirect call of a missing function or of another type",
  [platformCodes.TRAP_STACK_OVERFLOW]: "stack overflow",
  [platformCodes.TRAP_OUT_OF_FUEL]: "out of fuel",
  [platformCodes.TRAP_DEADLINE]: "deadline passed",
  [platformCodes.TRAP_STOPPED]: "stopped",
  [platformCodes.TRAP_HCALL]: "an H-call failed",
  [platformCodes.TRAP_OTHER]: "the interpreter failed",
};

/** A platform code in words. */
export function describeCode(code: number): string {
  return words[code] ?? `code ${code}`;
}
