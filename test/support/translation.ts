// The translation of modules to native code, which is a script, for tests.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { projectRoot } from "../../host/common/paths.js";

interface Translator {
  translate(
    wasm: Uint8Array,
    options?: { force?: boolean; folder?: string },
  ): Promise<{ path: string; fresh: boolean }>;
}

/** Translates a module and compiles it; where the shared object is. */
export const { translate } = (await import(
  pathToFileURL(join(projectRoot, "host/translated-module/translate.js")).href
)) as Translator;
