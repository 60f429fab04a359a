/** Why a call of a wasm function did not return. */
export type TrapCode =
  /** `unreachable` was executed. */
  | "unreachable"
  /** A load, store, `memory.fill` or `memory.copy` outside the memory. */
  | "out-of-bounds-memory"
  | "division-by-zero"
  /** A quotient, or a float that became an integer, does not fit. */
  | "integer-overflow"
  /** NaN became an integer. */
  | "invalid-conversion"
  | "indirect-call-type-mismatch"
  /** An indirect call past the end of the table. */
  | "undefined-element"
  /** An indirect call of a table element that was never set. */
  | "uninitialized-element"
  /** The wasm stack, or its share of the native stack, is used up. */
  | "stack-overflow"
  | "out-of-fuel"
  | "deadline"
  | "cancelled"
  /** A host function threw, returned a value of the wrong type, or the runtime behind a bridge trapped: see `cause`. */
  | "host"
  /** The function behind a bridge answered above `trapAbove`. */
  | "aborted"
  /** Anything else: the message says what. */
  | "other";

/** One frame of a wasm backtrace. */
export interface TrapFrame {
  /** Name from the export, import or name section; `<unnamed>` if there is none. */
  readonly function: string;
  /** Index in the module's function index space. */
  readonly index: number;
  /** Where in the module's bytes the running instruction starts; absent for host functions. */
  readonly offset?: number;
}

/** A call of a wasm function ended in a trap. The runtime stays usable. */
export class Trap extends Error {
  override readonly name = "Trap";
  readonly code: TrapCode;
  /** Innermost frame first, at most 64. */
  readonly backtrace: readonly TrapFrame[];

  constructor(
    code: TrapCode,
    message: string,
    backtrace: readonly TrapFrame[] = [],
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.code = code;
    this.backtrace = backtrace;
  }
}

/** The bytes are not a module that this runtime can take. */
export class LoadError extends Error {
  override readonly name = "LoadError";
}

/** An import cannot be linked, or is not linked. */
export class LinkError extends Error {
  override readonly name = "LinkError";
}

/** A function of the module does not compile: it exceeds wasm3's limits, or is invalid. */
export class CompileError extends Error {
  override readonly name = "CompileError";
}
