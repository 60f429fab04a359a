/**
 * The compiler as a separate module, for computers and tests: checker and compiler, as they are on a
 * device. Use: `allocate`, store the module, `compile`; read the result where `result` says.
 */
import { CheckLimits, CheckReport, checkModule } from "../wasm-checker/checker";
import { declared } from "../wasm-checker/section-counts";
import {
  SECTION_FUNCTION,
  SECTION_GLOBAL,
  SECTION_IMPORT,
  SECTION_TYPE,
} from "../wasm-checker/section-ids";
import {
  CompileOptions,
  Counts,
  compileModule,
  compilerBytes,
  NATIVE_FRAME,
  NATIVE_NESTING,
} from "./module";

const report = changetype<CheckReport>(heap.alloc(offsetof<CheckReport>()));
const counts = changetype<Counts>(heap.alloc(offsetof<Counts>()));
const choices = changetype<CompileOptions>(heap.alloc(offsetof<CompileOptions>()));
let limits: CheckLimits = CheckLimits.mcu();
let workspace: u32 = 0;

/** Makes room for `length` bytes, aligned to 16. To be freed with `free`. */
export function allocate(length: u32): usize {
  return heap.alloc(max(length, 1));
}

/** Frees what `allocate` gave. */
export function free(pointer: usize): void {
  heap.free(pointer);
}

/** Sets the options: single precision in hardware, most pages, no bounds checks (tests only). */
export function options(floats: u32, pages: u32, unchecked: u32): void {
  choices.floats = floats;
  choices.pages = pages;
  choices.unchecked = unchecked;
}

/**
 * Notes from now on where each instruction comes to lie: pairs of u32, its offset in the module and in the
 * result, in the `length` bytes at `pointer`, or not at all (0, 0).
 */
export function note(pointer: usize, length: u32): void {
  choices.places = pointer;
  choices.placesEnd = pointer + length;
}

/** The end of what was noted. */
export function noted(): usize {
  return choices.places;
}

/** Checks the module; returns the checker's code, 0 when it is accepted. */
export function check(pointer: usize, length: u32): u32 {
  checkModule(pointer, length, limits, report);
  return report.code;
}

/**
 * For a module of this project's own, which the home is made of: what `check` would have found, with room for any of
 * them, and the bytes that will back its memory. 0 ends it.
 */
export function native(pointer: usize, length: u32, memoryBytes: u32): void {
  choices.native = memoryBytes;
  if (memoryBytes === 0) return;
  report.types = declared(pointer, length, SECTION_TYPE, 1, U32.MAX_VALUE);
  report.imports = declared(pointer, length, SECTION_IMPORT, 1, U32.MAX_VALUE);
  report.functions = declared(pointer, length, SECTION_FUNCTION, 1, U32.MAX_VALUE);
  report.globals = declared(pointer, length, SECTION_GLOBAL, 1, U32.MAX_VALUE);
  report.maximumFrame = NATIVE_FRAME;
  report.maximumNesting = NATIVE_NESTING;
}

/** Bytes of memory that the last compilation took beside the module and the result. */
export function workspaceBytes(): u32 {
  return workspace;
}

/** Compiles the module that was checked last into `capacity` bytes at `out`; `COMPILED` or why not. */
export function compile(pointer: usize, length: u32, out: usize, capacity: u32): u32 {
  counts.types = report.types;
  counts.functions = report.functions;
  counts.imports = report.imports;
  counts.globals = report.globals;
  counts.frame = report.maximumFrame;
  counts.nesting = report.maximumNesting;
  workspace = compilerBytes(counts);
  const block = heap.alloc(workspace);
  const code = compileModule(block, counts, choices, pointer, length, out, capacity);
  heap.free(block);
  return code;
}
