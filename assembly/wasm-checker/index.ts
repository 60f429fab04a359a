/**
 * The WASM checker as a separate module, for `vc-wc` and the tests. The same code is linked into
 * the trusted runtime.
 *
 * Use: `allocate` the module's length and store its bytes there; write the limits where `limits` says;
 * `check`; read the report where `report` says. Both are arrays of u32 in the order of the classes'
 * fields.
 */
import { CheckLimits, CheckReport, checkModule, workspaceBound } from "./checker";

let current: CheckLimits = CheckLimits.host();
const result = changetype<CheckReport>(heap.alloc(offsetof<CheckReport>()));

/** Makes room for a module of `length` bytes. To be freed with `free`. */
export function allocate(length: u32): usize {
  return heap.alloc(max(length, 1));
}

/** Frees what `allocate` gave. */
export function free(pointer: usize): void {
  heap.free(pointer);
}

/** Sets the limits to a profile's defaults (0 host, 1 mcu); returns where they stand. */
export function limits(profile: u32): usize {
  current = profile === 1 ? CheckLimits.mcu() : CheckLimits.host();
  return changetype<usize>(current);
}

/** The most memory in bytes that a check within the limits as they stand takes. */
export function bound(): u32 {
  return workspaceBound(current);
}

/** Checks a module; returns the report's code, 0 when it is accepted. */
export function check(pointer: usize, length: u32): u32 {
  checkModule(pointer, length, current, result);
  return result.code;
}

/** Where the report of the last check stands. */
export function report(): usize {
  return changetype<usize>(result);
}
