import { existsSync } from "node:fs";
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
