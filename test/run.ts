// Runs the test files, each in a process of its own, and ends with `N passed, N failed[, N skipped]`.
//
// Usage: npm test -- [PATTERN]... [--draft] [--all] [--again] [--jobs N] [--times FILE] [--list]
// A PATTERN is a part of a test file's path, as in `npm test -- wasm3-node crypto/sha256`.

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import type { Readable } from "node:stream";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { projectRoot } from "../host/common/paths.js";
import { needsMore, REASONS } from "./emulated.js";
import { longFirst } from "./long-first.js";
import { rotation } from "./mcu-client/rotation.js";
import { MOST_AGAIN, runQueue } from "./queue.js";
import { isOutOfTurn } from "./turns.js";

const { values: options, positionals: patterns } = parseArgs({
  allowPositionals: true,
  options: {
    jobs: { type: "string", default: `${availableParallelism() + 1}` },
    timeout: { type: "string", default: "600" },
    list: { type: "boolean", default: false },
    times: { type: "string" },
    all: { type: "boolean", default: false },
    again: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
});
if (options.help) {
  console.log(`Usage: npm test -- [PATTERN]... [options]

  PATTERN      run only test files whose path contains it; without one all that need neither an
               emulated board nor another Node.js nor a long search
  --draft      build changed modules unoptimised, to run them sooner; what is claimed of size, time
               or native code needs them as they ship
  --all        run those, too; of the longest, the half whose turn it is by the commit
  --again      run what fails once more when all others have ended, alone; what passes then counts as
               passed and is named as unsteady
  --jobs N     test files run at a time (default: one more than there are processors, as many tests wait)
  --timeout S  seconds after which a test file is ended and counted as failed (default 600)
  --times FILE write each file's seconds of wall and processor time there, as JSON
  --list       print the test files and stop`);
  process.exit(0);
}

interface Outcome {
  passed: number;
  failed: number;
  skipped: number;
  seconds: number;
  /** User and system time of the file's process and of those that it started and waited for. */
  processorSeconds: number;
}

// The list comes from the sources: the build folder may still hold what a deleted file became.
const testFolder = join(projectRoot, "build/js/test");
const matching = readdirSync(join(projectRoot, "test"), { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".test.ts"))
  .map((file) => file.replace(/\.ts$/, ".js"))
  .filter((file) => patterns.length === 0 || patterns.some((pattern) => file.includes(pattern)))
  .sort();
// Once: it asks git.
const { turn } = rotation();
const isChosen = (file: string) =>
  patterns.length > 0 || (options.all ? !isOutOfTurn(file, turn) : needsMore(file) === undefined);
const files = matching.filter(isChosen);
if (options.list) {
  for (const file of files) console.log(file);
  process.exit(0);
}
if (files.length === 0) {
  console.error(`no test file matches ${patterns.join(", ")}`);
  process.exit(2);
}

if (files.length < matching.length) {
  const left = matching.filter((file) => !isChosen(file));
  const reasons = REASONS.map(
    (reason) => `${left.filter((file) => needsMore(file) === reason).length} that need ${reason}`,
  );
  console.log(
    options.all
      ? `left out: test files whose turn it is not: ${left.join(", ")}; VC_TEST_ROTATION=all runs them, too`
      : `left out: test files, ${reasons.join(", ")}; npm run test:ci runs them, too`,
  );
}

const stateFolder = mkdtempSync(join(tmpdir(), "vc-test-state-"));
process.on("exit", () => rmSync(stateFolder, { recursive: true, force: true }));
const running = new Set<ChildProcess>();
/** What each test file loads first: it says where the file hangs, and why it could not begin. */
const preloads = ["hang-report", "first-failure"].flatMap((name) => [
  "--import",
  pathToFileURL(join(testFolder, `support/${name}.js`)).href,
]);
/** Milliseconds that a test file has to say where it hangs. */
const REPORT_MS = 2_000;

/** Ends a test file's process and every process that it started. */
function end({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const) {
  process.once(signal, () => {
    for (const child of running) end(child);
    process.exit(code);
  });
}

/**
 * Runs a command and writes to file descriptor 3 the time that it took of processors, which only the process that
 * waits for it learns (POSIX `times`: a line for the shell, a line for what it waited for).
 */
const TIMED = '"$@" 3>&-; code=$?; times >&3; exit $code';

/** Seconds of processor time, user and system, in the second line that `times` prints. */
function processorSeconds(times: string): number {
  const ofChildren = times.split("\n")[1] ?? "";
  return [...ofChildren.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds),
    0,
  );
}

/** Asks the process of a test file, the shell's child, what it waits for; where the system does not tell which that is, nobody. */
function askForReport({ pid }: ChildProcess): void {
  const list = `/proc/${pid}/task/${pid}/children`;
  if (!existsSync(list)) return;
  for (const child of readFileSync(list, "utf8").trim().split(" "))
    if (child !== "") process.kill(Number(child), "SIGUSR2");
}

function runFile(file: string, willRunAgain: boolean): Promise<Outcome> {
  return new Promise((done) => {
    const started = Date.now();
    const args = ["--enable-source-maps", ...preloads, join(testFolder, file)];
    const child = spawn("sh", ["-c", TIMED, "sh", process.execPath, ...args], {
      cwd: projectRoot,
      // Clients remember where they have been in a folder of these tests' own.
      env: { ...process.env, NO_COLOR: "1", XDG_STATE_HOME: stateFolder },
      stdio: ["ignore", "pipe", "pipe", "pipe"],
      // A process group of its own: what a test started ends with it.
      detached: true,
    });
    running.add(child);
    let output = "";
    const collect = (chunk: Buffer) => {
      output += chunk.toString();
    };
    child.stdout?.on("data", collect);
    child.stderr?.on("data", collect);
    let times = "";
    (child.stdio[3] as Readable).on("data", (chunk: Buffer) => {
      times += chunk.toString();
    });
    let timer = setTimeout(() => {
      // What it says of itself tells where it hangs.
      askForReport(child);
      timer = setTimeout(() => end(child), REPORT_MS);
    }, Number(options.timeout) * 1000);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      running.delete(child);
      const count = (label: string) =>
        [...output.matchAll(new RegExp(`^\\s*${label}:\\s+(\\d+)`, "gm"))].reduce(
          (sum, match) => sum + Number(match[1]),
          0,
        );
      const total = count("Total");
      const passed = count("Passed");
      const skips = [...output.matchAll(/^SKIPPED (\d+): (.*)$/gm)];
      const skipped = count("Skipped") + skips.reduce((sum, match) => sum + Number(match[1]), 0);
      let failed = total - passed;
      // A file that crashed, or ran nothing and skipped nothing, is a failure of its own.
      const crashed = code !== 0 && failed === 0;
      const empty = total === 0 && skipped === 0;
      if (crashed || empty) failed += 1;
      const seconds = (Date.now() - started) / 1000;
      const processor = processorSeconds(times);
      const mark = failed === 0 ? "ok  " : "FAIL";
      console.log(
        `${mark} ${relative(".", file)}  ${passed} passed, ${seconds.toFixed(1)} s, ${processor.toFixed(1)} s of processor`,
      );
      for (const [, note] of output.matchAll(/^NOTE: (.*)$/gm)) console.log(`     ${note}`);
      for (const [, n, reason] of skips) console.log(`     skipped ${n}: ${reason}`);
      if (failed > 0) {
        console.log(output.trimEnd().replace(/^/gm, "     | "));
        if (signal) console.log(`     | ended by ${signal}, timeout ${options.timeout} s`);
        else if (empty) console.log("     | ran no test");
        else if (crashed) console.log(`     | exit code ${code}`);
        if (willRunAgain)
          console.log(`     it runs once more at the end, where at most ${MOST_AGAIN} have failed`);
      }
      done({ passed, failed, skipped, seconds, processorSeconds: processor });
    });
  });
}

const sum = { passed: 0, failed: 0, skipped: 0 };
const suites = new Map<string, number>();
const times: Record<string, { seconds: number; processorSeconds: number }> = {};
const { outcomes, unsteady } = await runQueue(
  longFirst(files),
  Number(options.jobs),
  options.again,
  async (file, willRunAgain) => {
    const outcome = await runFile(file, willRunAgain);
    times[file] = { seconds: outcome.seconds, processorSeconds: outcome.processorSeconds };
    // As far as it came, too: a long run may be ended.
    if (options.times) writeFileSync(options.times, `${JSON.stringify(times, null, 1)}\n`);
    return outcome;
  },
);
for (const [file, outcome] of outcomes) {
  sum.passed += outcome.passed;
  sum.failed += outcome.failed;
  sum.skipped += outcome.skipped;
  const suite = file.includes("/") ? dirname(file) : "the repository";
  suites.set(suite, (suites.get(suite) ?? 0) + outcome.seconds);
}
const slowest = [...suites].sort(([, a], [, b]) => b - a);
console.log(
  `seconds by suite, ${options.jobs} files at a time: ${slowest.map(([suite, seconds]) => `${suite} ${seconds.toFixed(0)}`).join(", ")}`,
);
if (unsteady.length > 0)
  console.log(`unsteady, failed beside others and passed alone: ${unsteady.join(", ")}`);
console.log(
  `${sum.passed} passed, ${sum.failed} failed${sum.skipped > 0 ? `, ${sum.skipped} skipped` : ""}`,
);
process.exit(sum.failed === 0 ? 0 : 1);
