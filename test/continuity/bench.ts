// npm run bench:schedules -- [N]: N random schedules (default 1,000) around one computation each, in one process, and
// what they bring; with --processes N instead: N with real processes (default 20).
import { parseArgs } from "node:util";
import { runProcessSchedules } from "./process-schedules.js";
import { runSchedules } from "./schedules.js";

const usage = "usage: npm run bench:schedules -- [NUMBER OF SCHEDULES | --processes NUMBER]";

function wrongUsage(): never {
  console.error(usage);
  process.exit(2);
}

function readArguments() {
  try {
    return parseArgs({ allowPositionals: true, options: { processes: { type: "string" } } });
  } catch {
    return wrongUsage();
  }
}

const { values, positionals } = readArguments();
const withProcesses = values.processes !== undefined;
const [given = "1000", ...more] = withProcesses ? [values.processes, ...positionals] : positionals;
const seeds = Number(given);
if (more.length > 0 || !Number.isSafeInteger(seeds) || seeds < 1) wrongUsage();

function row(what: string, value: string | number): void {
  console.log(`${what.padEnd(58)}${value}`);
}

let broken: readonly string[];
if (withProcesses) {
  const numbers = Array.from({ length: seeds }, (_, index) => index + 1);
  const outcome = await runProcessSchedules(numbers, {
    onSchedule: (seed) => console.error(`${seed} schedules`),
  });
  row("schedules with real processes", seeds);
  row("database of the two attestation servers", outcome.database);
  row("processes killed", outcome.kills);
  row("isolates that accepted a file", outcome.isolates);
  row("results; answers, failed runs included", `${outcome.results}; ${outcome.answers}`);
  row("restarts that the provider refused", outcome.refused);
  row("isolates lost to honest parties", outcome.lost);
  row("honest computations that ended with the right result", `${outcome.ended} (bar: ${seeds})`);
  broken = outcome.broken;
} else {
  const outcome = await runSchedules(seeds, {}, (seed) => {
    if (seed % 100 === 0) console.error(`${seed} schedules`);
  });
  row("schedules", seeds);
  row("isolates that accepted a file", outcome.isolates);
  row("results; answers, failed runs included", `${outcome.results}; ${outcome.answers}`);
  row("restarts that the provider refused", outcome.refused);
  broken = outcome.broken;
}
row("schedules beyond what their policy allows", `${broken.length} (bar: 0)`);
for (const line of broken) console.log(line);
process.exitCode = broken.length === 0 ? 0 : 1;
