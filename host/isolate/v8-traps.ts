import { platformCodes } from "./codes.js";

/** Ends a program from within a function that the home has given it. */
export class ProgramEnd extends Error {
  /** @param code the platform code with which it ends */
  constructor(readonly code: number) {
    super(`the program ended with ${code}`);
  }
}

/** What V8 says of a trap, by words that stand in all its versions; the first that fits. */
const SAYINGS: readonly (readonly [RegExp, number])[] = [
  [/unreachable/, platformCodes.TRAP_UNREACHABLE],
  [/table index|signature|null function/, platformCodes.TRAP_INDIRECT_CALL],
  [/out of bounds/, platformCodes.TRAP_MEMORY_BOUNDS],
  [/by zero/, platformCodes.TRAP_DIVISION_BY_ZERO],
  [/float unrepresentable/, platformCodes.TRAP_INVALID_CONVERSION],
  [/unrepresentable/, platformCodes.TRAP_INTEGER_OVERFLOW],
];

/** The platform code of what ended a program that V8 runs; undefined where it was no trap but a fault of the host. */
export function trapCodeOf(error: unknown): number | undefined {
  if (error instanceof ProgramEnd) return error.code;
  if (error instanceof RangeError && error.message.includes("call stack"))
    return platformCodes.TRAP_STACK_OVERFLOW;
  if (!(error instanceof WebAssembly.RuntimeError)) return undefined;
  return SAYINGS.find(([words]) => words.test(error.message))?.[1] ?? platformCodes.TRAP_OTHER;
}
