/**
 * The compiler as firmware's build uses it for the modules that firmware is made of, in the form of `device.ts`: what that
 * costs is counted on a board. They are not checked.
 */
import {
  CompileOptions,
  Counts,
  compileModule,
  compilerBytes,
  NATIVE_FRAME,
  NATIVE_NESTING,
} from "../thumb2-compiler/module";
import { declared } from "../wasm-checker/section-counts";
import {
  SECTION_FUNCTION,
  SECTION_GLOBAL,
  SECTION_IMPORT,
  SECTION_TYPE,
} from "../wasm-checker/section-ids";

export { room } from "../thumb2-compiler/device";

const counts = changetype<Counts>(memory.data(offsetof<Counts>(), 8));
const options = changetype<CompileOptions>(memory.data(offsetof<CompileOptions>(), 8));

/** Bytes of workspace for the module. */
export function prepare(wasm: usize, length: u32, _workspace: usize): u32 {
  counts.types = declared(wasm, length, SECTION_TYPE, 1, U32.MAX_VALUE);
  counts.imports = declared(wasm, length, SECTION_IMPORT, 1, U32.MAX_VALUE);
  counts.functions = declared(wasm, length, SECTION_FUNCTION, 1, U32.MAX_VALUE);
  counts.globals = declared(wasm, length, SECTION_GLOBAL, 1, U32.MAX_VALUE);
  counts.frame = NATIVE_FRAME;
  counts.nesting = NATIVE_NESTING;
  return compilerBytes(counts);
}

/** Compiles it for a memory of so many pages, all backed; `COMPILED` or why not. */
export function compile(
  wasm: usize,
  length: u32,
  workspace: usize,
  out: usize,
  capacity: u32,
  floats: u32,
  pages: u32,
): u32 {
  options.floats = floats;
  options.pages = 65536;
  options.native = pages << 16;
  return compileModule(workspace, counts, options, wasm, length, out, capacity);
}
