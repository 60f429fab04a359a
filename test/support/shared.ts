import { spawnSync } from "node:child_process";
import { existsSync, lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../../host/common/paths.js";

/** Path of a file in the shared folder beside the repository, which a clone may lack. */
export function sharedPath(...parts: string[]): string {
  return join(projectRoot, "..", "shared", ...parts);
}

/** Whether that file is there; a test that needs it and finds it missing calls `skip`. */
export function hasShared(...parts: string[]): boolean {
  return existsSync(sharedPath(...parts));
}

/**
 * Reports that tests were left out, in the line that the runner counts.
 *
 * @param count how many tests did not run
 * @param reason why, in words that tell the reader what to install or provide
 */
export function skip(count: number, reason: string): void {
  console.log(`SKIPPED ${count}: ${reason}`);
}

/** Whether an npm registry can be reached, so that packages may be installed. */
export function hasRegistry(): boolean {
  const words = ["ping", "--fetch-timeout=5000", "--fetch-retries=0"];
  return spawnSync("npm", words, { stdio: "ignore" }).status === 0;
}

/** Bytes of all files below a folder. */
export function bytesBelow(folder: string): number {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => lstatSync(join(folder, name)))
    .reduce((sum, found) => sum + (found.isFile() ? found.size : 0), 0);
}
