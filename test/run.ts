// Runs the test files, each in a process of its own, and ends with `N passed, N failed[, N skipped]`.
//
// Usage: npm test -- [PATTERN]... [--jobs N] [--list]
// A PATTERN is a part of a test file's path, as in `npm test -- wasm3-node crypto/sha256`.

import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { parseArgs } from "node:util";
import { projectRoot } from "../host/common/paths.js";

const { values: options, positionals: patterns } = parseArgs({
  allowPositionals: true,
  options: {
    jobs: { type: "string", default: "2" },
    timeout: { type: "string", default: "600" },
    list: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
});
if (options.help) {
  console.log(`Usage: npm test -- [PATTERN]... [options]

  PATTERN      run only test files whose path contains it
  --jobs N     test files run at a time (default 2)
  --timeout S  seconds after which a test file is ended and counted as failed (default 600)
  --list       print the test files and stop`);
  process.exit(0);
}

interface Outcome {
  passed: number;
  failed: number;
  skipped: number;
  seconds: number;
}

// The list comes from the sources: the build folder may still hold what a deleted file became.
const testFolder = join(projectRoot, "build/js/test");
const files = readdirSync(join(projectRoot, "test"), { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".test.ts"))
  .map((file) => file.replace(/\.ts$/, ".js"))
  .filter((file) => patterns.length === 0 || patterns.some((pattern) => file.includes(pattern)))
  .sort();
if (options.list) {
  for (const file of files) console.log(file);
  process.exit(0);
}
if (files.length === 0) {
  console.error(`no test file matches ${patterns.join(", ")}`);
  process.exit(2);
}

const running = new Set<ChildProcess>();

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

function runFile(file: string): Promise<Outcome> {
  return new Promise((done) => {
    const started = Date.now();
    const child = spawn(process.execPath, ["--enable-source-maps", join(testFolder, file)], {
      cwd: projectRoot,
      env: { ...process.env, NO_COLOR: "1" },
      stdio: ["ignore", "pipe", "pipe"],
      // A process group of its own: what a test started ends with it.
      detached: true,
    });
    running.add(child);
    let output = "";
    const collect = (chunk: Buffer) => {
      output += chunk.toString();
    };
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    const timer = setTimeout(() => end(child), Number(options.timeout) * 1000);
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
      const mark = failed === 0 ? "ok  " : "FAIL";
      console.log(`${mark} ${relative(".", file)}  ${passed} passed, ${seconds.toFixed(1)} s`);
      for (const [, note] of output.matchAll(/^NOTE: (.*)$/gm)) console.log(`     ${note}`);
      for (const [, n, reason] of skips) console.log(`     skipped ${n}: ${reason}`);
      if (failed > 0) {
        console.log(output.trimEnd().replace(/^/gm, "     | "));
        if (signal) console.log(`     | ended by ${signal}, timeout ${options.timeout} s`);
        else if (empty) console.log("     | ran no test");
        else if (crashed) console.log(`     | exit code ${code}`);
      }
      done({ passed, failed, skipped, seconds });
    });
  });
}

const sum: Outcome = { passed: 0, failed: 0, skipped: 0, seconds: 0 };
const suites = new Map<string, number>();
const queue = [...files];
async function worker(): Promise<void> {
  for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
    const outcome = await runFile(file);
    sum.passed += outcome.passed;
    sum.failed += outcome.failed;
    sum.skipped += outcome.skipped;
    const suite = file.includes("/") ? dirname(file) : "the repository";
    suites.set(suite, (suites.get(suite) ?? 0) + outcome.seconds);
  }
}
await Promise.all(Array.from({ length: Math.max(1, Number(options.jobs)) }, worker));
const slowest = [...suites].sort(([, a], [, b]) => b - a);
console.log(
  `seconds by suite, ${options.jobs} files at a time: ${slowest.map(([suite, seconds]) => `${suite} ${seconds.toFixed(0)}`).join(", ")}`,
);
console.log(
  `${sum.passed} passed, ${sum.failed} failed${sum.skipped > 0 ? `, ${sum.skipped} skipped` : ""}`,
);
process.exit(sum.failed === 0 ? 0 : 1);
