/**
 * The compiler as a home carries it: for modules that the runtime's checker has accepted with the limits of a
 * Cortex-M. It allocates nothing; the home lays out its memory from `room` on: the module, the workspace, and
 * the result.
 */
import { MCU_FRAME, MCU_NESTING } from "../wasm-checker/limits";
import { declared } from "../wasm-checker/section-counts";
import {
  SECTION_FUNCTION,
  SECTION_GLOBAL,
  SECTION_IMPORT,
  SECTION_TYPE,
} from "../wasm-checker/section-ids";
import { CompileOptions, Counts, compileModule, compilerBytes } from "./module";

/** The first byte of memory that is the home's to lay out, aligned to 16. */
export function room(): usize {
  return (__heap_base + 15) & ~15;
}

/** The count at the head of the section `wanted`, 0 without one; the checker has bounded it. */
function count(wasm: usize, length: u32, wanted: u32): u32 {
  return declared(wasm, length, wanted, 1, U32.MAX_VALUE);
}

function countsAt(workspace: usize): Counts {
  return changetype<Counts>(workspace);
}

const OBJECTS: u32 = (offsetof<Counts>() + offsetof<CompileOptions>() + 15) & ~15;

/** Bytes of workspace for the module, which lies in memory: its counts are read into the `workspace`'s head. */
export function prepare(wasm: usize, length: u32, workspace: usize): u32 {
  const counts = countsAt(workspace);
  counts.types = count(wasm, length, SECTION_TYPE);
  counts.imports = count(wasm, length, SECTION_IMPORT);
  counts.functions = count(wasm, length, SECTION_FUNCTION);
  counts.globals = count(wasm, length, SECTION_GLOBAL);
  counts.frame = MCU_FRAME;
  counts.nesting = MCU_NESTING;
  return OBJECTS + compilerBytes(counts);
}

/** Compiles in the workspace that was prepared, for at most `pages` of memory; `COMPILED` or why not. */
export function compile(
  wasm: usize,
  length: u32,
  workspace: usize,
  out: usize,
  capacity: u32,
  floats: u32,
  pages: u32,
): u32 {
  const options = changetype<CompileOptions>(workspace + offsetof<Counts>());
  options.floats = floats;
  options.pages = pages;
  options.places = 0;
  options.placesEnd = 0;
  options.unchecked = 0;
  options.native = 0;
  const counts = countsAt(workspace);
  return compileModule(workspace + OBJECTS, counts, options, wasm, length, out, capacity);
}
