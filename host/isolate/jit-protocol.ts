/**
 * How the isolate's thread and the worker that runs a compiled program take turns. Both share a
 * control block of i32 words and a data block; one of them works while the other waits on `TURN`.
 */

/** Words of the control block. */
export const TURN = 0;
export const KIND = 1;
export const A = 2;
export const B = 3;
export const C = 4;
export const D = 5;
/** The most memory in bytes that the program had, kept current by the worker. */
export const PEAK_MEMORY = 6;
/** The halves of the fuel that the program used, where it is counted; kept current by the worker. */
export const FUEL_LOW = 7;
export const FUEL_HIGH = 8;
export const CONTROL_WORDS = 9;

/** Size of the data block, through which memory is copied piece by piece. */
export const DATA_BYTES = 64 * 1024;

/** What the worker is started with. */
export interface WorkerData {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly control: Int32Array;
  readonly data: Uint8Array;
  /** Where the program counts its fuel: the global's name, how many functions are its own, and how much it may use. */
  readonly meter:
    | { readonly fuel: string; readonly functions: number; readonly limit: bigint }
    | undefined;
}

/** Values of `TURN`. */
export const TURN_WORKER = 0;
export const TURN_HOST = 1;

/** What the worker tells (in `KIND`, with its arguments in `A` …). */
export const EVENT_LOADED = 1;
/** `A`: an `E_…` code; the data block holds the reason, `B` bytes of UTF-8. */
export const EVENT_REFUSED = 2;
/** `A`: number; `B`, `C`, `D`: its parameters. */
export const EVENT_HCALL = 3;
/** `A`: what `main` returned. */
export const EVENT_RETURNED = 4;
/** `A`: a `TRAP_…` code; the data block begins with `B` function indices (u32), the function that trapped first. */
export const EVENT_TRAPPED = 5;
/** Answer to the commands about a range of memory; `A`: one of the values below. */
export const EVENT_COPIED = 6;
export const COPY_OUT_OF_BOUNDS = 0;
export const COPY_DONE = 1;
export const COPY_OUT_OF_FUEL = 2;

/** Answer to `COMMAND_EXPLAIN`: the data block begins with `A` bytes of the text that the program left. */
export const EVENT_EXPLAINED = 7;

/** The requests to the worker. */
export const COMMAND_RUN = 11;
/** `A`: the code that the H-call returns. */
export const COMMAND_HCALL_RETURN = 12;
/** `A`: the `TRAP_…` code to end with. */
export const COMMAND_TRAP = 13;
/** `A`: address, `B`: length; the bytes go to the data block. */
export const COMMAND_READ = 14;
/** `A`: address, `B`: length; the bytes come from the data block. */
export const COMMAND_WRITE = 15;

/** After a trap: asks what `TRAP_TEXT_EXPORT` says. */
export const COMMAND_EXPLAIN = 16;

/** `A`: address, `B`: length; only whether the range lies in the memory. */
export const COMMAND_CHECK = 17;
/** The same, and takes the fuel that copying so much costs. */
export const COMMAND_CHARGE = 18;

/** Gives the turn to the other side. */
export function passTurn(control: Int32Array, to: number): void {
  Atomics.store(control, TURN, to);
  Atomics.notify(control, TURN);
}
