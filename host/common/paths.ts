import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's (or the installed package's) folder: the nearest one above with package.json. */
export const projectRoot: string = (() => {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json"))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error("package.json not found above the running file");
    folder = parent;
  }
  return folder;
})();

/** Path of a built WebAssembly module, by its name in `scripts/wasm-modules.js`. */
export function wasmPath(name: string): string {
  return join(projectRoot, "build", "wasm", `${name}.wasm`);
}
