// Programs in C, as the guide of sdk/c compiles them.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../../host/common/paths.js";
import { systemTool } from "../../host/common/system-tools.js";

/** The folder of the SDK for C. */
export const cSdk = join(projectRoot, "sdk/c");

/** Whether clang and wasm-ld are there (Debian packages clang and lld). */
export const canCompileC = systemTool("clang") !== undefined && systemTool("wasm-ld") !== undefined;

/**
 * Compiles and links a program with the SDK's flags.
 *
 * @param out path of the module to write
 * @param files C files, from the repository's folder
 * @param more further options
 * @throws Error with the compiler's messages
 */
export function compileC(
  out: string,
  files: readonly string[],
  more: readonly string[] = [],
): Uint8Array {
  const { status, stderr } = spawnSync(
    "clang",
    [
      ...[`@${join(cSdk, "flags.txt")}`, "-Werror", "-I", cSdk, ...more, "-o", out],
      ...files.map((file) => join(projectRoot, file)),
      join(cSdk, "veracruz.c"),
    ],
    { encoding: "utf8" },
  );
  if (status !== 0) throw new Error(`clang fails on ${files.join(", ")}: ${stderr}`);
  return new Uint8Array(readFileSync(out));
}
