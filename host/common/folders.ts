import { existsSync, mkdirSync } from "node:fs";
import { dirname, resolve } from "node:path";

/**
 * Makes a folder, and the folders above it that are missing. Node's own recursive `mkdirSync` never ends
 * where the file system itself says that there is no such place, as `/proc` does.
 *
 * @param mode permissions of each folder that is made
 * @throws Error of the file system, which names the folder that could not be made
 */
export function makeFolder(path: string, mode = 0o777): void {
  const missing: string[] = [];
  for (let at = resolve(path); !existsSync(at); at = dirname(at)) missing.push(at);
  for (const folder of missing.reverse()) mkdirSync(folder, { mode });
}
