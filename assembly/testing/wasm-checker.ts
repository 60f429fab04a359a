/**
 * The WASM checker in a block of memory between guards: tests see whether it writes beyond what it asked
 * for, which in a runtime would be other objects.
 */
import { CheckLimits, CheckReport, checkModuleIn, workspaceBound } from "../wasm-checker/checker";
import { workspaceBytes } from "../wasm-checker/workspace";

const GUARD: u8 = 0xa5;
const GUARD_BYTES: u32 = 1024;

const host = CheckLimits.host();
const mcu = CheckLimits.mcu();
const report = changetype<CheckReport>(heap.alloc(offsetof<CheckReport>()));
/** Room for the largest workspace of both profiles, and the guards. */
const room = heap.alloc(workspaceBound(host) + 2 * GUARD_BYTES + 16);

export function allocate(length: u32): usize {
  return heap.alloc(max(length, 1));
}

export function free(pointer: usize): void {
  heap.free(pointer);
}

/**
 * Checks a module (profile 0 host, 1 mcu). Returns the report's code, or -1 when a guard was written
 * on, or -2 when the block was larger than the profile's bound.
 */
export function checkGuarded(pointer: usize, length: u32, profile: u32): i32 {
  const limits = profile === 1 ? mcu : host;
  const size = workspaceBytes(pointer, length, limits);
  if (size > workspaceBound(limits)) return -2;
  const start = (room + 15) & ~15;
  const block = start + GUARD_BYTES;
  // The block is garbage at first: nothing may depend on what memory holds.
  memory.fill(start, GUARD, size + 2 * GUARD_BYTES);
  checkModuleIn(block, pointer, length, limits, report);
  for (let at: u32 = 0; at < GUARD_BYTES; at++) {
    if (load<u8>(start + at) !== GUARD || load<u8>(block + size + at) !== GUARD) return -1;
  }
  return report.code;
}
