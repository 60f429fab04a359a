import { existsSync, mkdirSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";

/**
 * Makes a folder, and the folders above it that are missing. Node's own recursive `mkdirSync` never ends
 * where the file system itself says that there is no such place, as `/proc` does.
 *
 * @param mode permissions of each folder that is made
 * @throws Error of the file system, which names the folder that could not be made
 */
export function makeFolder(path: string, mode = 0o777): void {
  const folder = resolve(path);
  if (!existsSync(dirname(folder))) makeFolder(dirname(folder), mode);
  try {
    mkdirSync(folder, { mode });
  } catch (error) {
    // It may have been there before, or somebody else was quicker.
    if (!existsSync(folder) || !statSync(folder).isDirectory()) throw error;
  }
}
