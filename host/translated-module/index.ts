import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { CliError } from "../common/cli.js";
import { projectRoot } from "../common/paths.js";
import type { Module } from "../wasm3-node/index.js";

/** How a trusted module is hosted on a computer: translated to C and compiled, or interpreted. */
export const MODULE_HOSTS = ["c", "wasm3"] as const;
/** One of `MODULE_HOSTS`. */
export type ModuleHost = (typeof MODULE_HOSTS)[number];

/** Names the host for every process, where none is asked for. */
export const HOST_VARIABLE = "VERACRUZ_HOST";

const isModuleHost = (text: string): text is ModuleHost =>
  (MODULE_HOSTS as readonly string[]).includes(text);

/**
 * Puts native code in place of the interpreter's, where the host is to be `c`. To be called once the module is loaded,
 * before its imports are linked.
 *
 * @param bytes those that the module was loaded from
 * @param wanted without one the variable's, else `c` for a module of which the build made a translation
 * @returns the host that the module has now
 * @throws CliError when `c` is asked for, and there is no translation of these bytes
 */
export function chooseHost(module: Module, bytes: Uint8Array, wanted?: ModuleHost): ModuleHost {
  const named = process.env[HOST_VARIABLE] || undefined;
  if (named !== undefined && !isModuleHost(named))
    throw new CliError(
      `${HOST_VARIABLE} must be ${MODULE_HOSTS.join(" or ")}, not ${JSON.stringify(named)}`,
    );
  const host = wanted ?? named;
  if (host === "wasm3") return host;
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const path = join(projectRoot, "build", "translated", `${sha256}.so`);
  if (existsSync(path)) {
    module.useTranslation(path, sha256);
    return "c";
  }
  // The variable is for all modules of a process, some of which nobody translates.
  if (wanted === "c")
    throw new CliError(
      `there is no native code for the module with SHA-256 ${sha256}: node host/translated-module/translate.js FILE makes it, with a C compiler`,
    );
  return "wasm3";
}
