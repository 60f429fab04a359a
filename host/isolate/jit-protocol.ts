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
export const CONTROL_WORDS = 8;

/** Size of the data block, through which memory is copied piece by piece. */
export const DATA_BYTES = 64 * 1024;

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
/** `A`: a `TRAP_…` code. */
export const EVENT_TRAPPED = 5;
/** Answer to `COMMAND_READ` and `COMMAND_WRITE`; `A`: 1 when done, 0 when out of bounds. */
export const EVENT_COPIED = 6;

/** What the worker is asked to do. */
export const COMMAND_RUN = 11;
/** `A`: the code that the H-call returns. */
export const COMMAND_HCALL_RETURN = 12;
/** `A`: the `TRAP_…` code to end with. */
export const COMMAND_TRAP = 13;
/** `A`: address, `B`: length; the bytes go to the data block (only checked when `C` is 1). */
export const COMMAND_READ = 14;
/** `A`: address, `B`: length; the bytes come from the data block. */
export const COMMAND_WRITE = 15;

/** Gives the turn to the other side. */
export function passTurn(control: Int32Array, to: number): void {
  Atomics.store(control, TURN, to);
  Atomics.notify(control, TURN);
}
