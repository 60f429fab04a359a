// The AssemblyScript compiler for small programs: V8 spends as long on optimising the compiler as the compiler takes for
// one of them, so that this is left undone.
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { projectRoot } from "../../host/common/paths.js";

/** For a Node.js process. */
const QUICK = "--liftoff-only";

/** The compiler's command and its first arguments, for `spawn`. */
export const compilerCommand = [
  process.execPath,
  QUICK,
  join(projectRoot, "node_modules/assemblyscript/bin/asc.js"),
] as const;

/**
 * For processes that start the compiler, with its environment: V8's options are not allowed in NODE_OPTIONS, and a space
 * would end the URL.
 */
export const quickCompilers = {
  NODE_OPTIONS: `--import=data:text/javascript,import{setFlagsFromString}from'node:v8';setFlagsFromString('${QUICK}')`,
} as const;

/** The compiler in this process. */
export async function loadCompiler(): Promise<typeof import("assemblyscript/asc")> {
  // Before its WebAssembly is compiled.
  setFlagsFromString(QUICK);
  return import("assemblyscript/asc");
}
