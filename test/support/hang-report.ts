// What a test file says before it is ended for taking too long: the runner loads this first, and asks by SIGUSR2.
// Whatever runs for a test and has more to say of itself adds a line to `hangReports`.

import { writeSync } from "node:fs";

/** Each says in words what goes on. */
export const hangReports = new Set<() => string>();

const STDERR = 2;

process.on("SIGUSR2", () => {
  const resources = process.getActiveResourcesInfo().join(", ");
  const lines = [`active: ${resources}`, ...[...hangReports].map((report) => report())];
  // What a stuck process writes to a stream may never leave it.
  writeSync(STDERR, `still running:\n${lines.join("\n")}\n`);
});
