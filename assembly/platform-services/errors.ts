/** Error codes of the platform interface (`platform.ts`). All negative, so that handles and lengths are not. */

/** The service is not there or does not answer. */
export const E_UNAVAILABLE: i32 = -1;
/** An argument is outside what the interface allows. */
export const E_ARGUMENT: i32 = -2;
/** A buffer is too small for the answer; nothing was stored. */
export const E_CAPACITY: i32 = -3;
/** A range reaches outside the program's memory; nothing was copied. */
export const E_BOUNDS: i32 = -4;
/** The module does not parse, validate or compile. */
export const E_MODULE: i32 = -5;
/** The module imports what the ABI does not offer, or with another type. */
export const E_IMPORT: i32 = -6;
/** The module lacks the memory or a `main` of a right type. */
export const E_EXPORT: i32 = -7;
/** The module asks for more than its limits allow. */
export const E_LIMIT: i32 = -8;
/** The home has not enough memory. */
export const E_MEMORY: i32 = -9;
/** The execution strategy is not offered by this home. */
export const E_STRATEGY: i32 = -10;

/** Why a program did not return (`programRun`). */
export const TRAP_UNREACHABLE: i32 = -32;
export const TRAP_MEMORY_BOUNDS: i32 = -33;
export const TRAP_DIVISION_BY_ZERO: i32 = -34;
export const TRAP_INTEGER_OVERFLOW: i32 = -35;
export const TRAP_INVALID_CONVERSION: i32 = -36;
export const TRAP_INDIRECT_CALL: i32 = -37;
export const TRAP_STACK_OVERFLOW: i32 = -38;
export const TRAP_OUT_OF_FUEL: i32 = -39;
export const TRAP_DEADLINE: i32 = -40;
export const TRAP_STOPPED: i32 = -41;
/** An H-call asked for the trap: a range outside the program's memory, or a limit exceeded. */
export const TRAP_HCALL: i32 = -42;
/** Any other failure of the interpreter. */
export const TRAP_OTHER: i32 = -43;
