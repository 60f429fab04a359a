// Makes a clone ready to use: checks Node.js, installs the locked dependencies, and builds everything that is not up
// to date (with --demo: what the demo needs). Safe to run again at any time.
import "./require-node.js";
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Progress } from "./progress.js";

/** @type {readonly ("SIGINT" | "SIGTERM" | "SIGHUP")[]} */
const interruptions = ["SIGINT", "SIGTERM", "SIGHUP"];

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * @param {import("node:child_process").ChildProcess} child the first of its process group
 * @param {NodeJS.Signals} signal
 */
function killGroup(child, signal) {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, signal);
  } catch {
    // All of it has ended.
  }
}

/**
 * Runs a command to its end, in a process group of its own: a signal to this process ends it with all that
 * it has started, so that no compiler outlives an interrupted build. What it prints in silence is shown where it fails.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{hint?: string, silent?: boolean}} [how] what to say where it fails; whether it prints nothing else
 * @returns {Promise<void>}
 */
function step(command, args, { hint = "", silent = false } = {}) {
  return new Promise((resolve) => {
    let interrupted = false;
    let output = "";
    /** @type {import("node:child_process").StdioOptions} */
    const stdio = silent ? ["ignore", "pipe", "pipe"] : "inherit";
    /** @type {import("node:child_process").ChildProcess} */
    const child = spawn(command, args, { cwd: root, stdio, detached: true });
    for (const stream of [child.stdout, child.stderr])
      stream?.on("data", (chunk) => {
        output += chunk;
      });
    for (const signal of interruptions) {
      process.once(signal, () => {
        interrupted = true;
        killGroup(child, "SIGTERM");
        // The TypeScript compiler finishes its work first, where it is let.
        setTimeout(() => {
          killGroup(child, "SIGKILL");
          process.exit(128 + constants.signals[signal]);
        }, 500);
      });
    }
    child.on("error", (error) => {
      console.error(`setup: cannot run ${command}: ${error.message}`);
      process.exit(1);
    });
    child.on("close", (code) => {
      if (interrupted) return;
      if (code !== 0) {
        process.stderr.write(output);
        if (hint) console.error(`setup: ${hint}`);
        process.exit(code ?? 1);
      }
      for (const signal of interruptions) process.removeAllListeners(signal);
      resolve();
    });
  });
}

/** @typedef {{version?: string, optional?: boolean, os?: string[], cpu?: string[], libc?: string[]}} LockedPackage */

/** @type {Record<string, LockedPackage>} */
const lockFile = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")).packages;

/** The packages of the lock file that belong on this machine: what is optional is one of several builds. */
function wanted() {
  /** @type {(of: string[] | undefined, value: string) => boolean} */
  const fits = (of, value) => of === undefined || of.includes(value);
  /** @type {(entry: LockedPackage) => boolean} */
  const isWanted = ({ optional, os, cpu, libc }) =>
    !optional ||
    (libc === undefined &&
      os !== undefined &&
      fits(os, process.platform) &&
      fits(cpu, process.arch));
  return Object.entries(lockFile).filter(([path, entry]) => path !== "" && isWanted(entry));
}

/** Whether node_modules holds exactly what package-lock.json asks for. */
function installed() {
  const hidden = join(root, "node_modules/.package-lock.json");
  if (!existsSync(hidden)) return false;
  const have = JSON.parse(readFileSync(hidden, "utf8")).packages;
  return wanted().every(([path, { version }]) => have[path]?.version === version);
}

/** `npm ci` without scripts: the only one that matters is this package's own, which is a part of the build. */
async function install() {
  const progress = new Progress("setup");
  const packages = wanted().map(([path]) => join(root, path, "package.json"));
  const show = () => {
    const there = packages.filter((path) => existsSync(path)).length;
    progress.set("packages", `npm ci, ${there} of ${packages.length} packages in place`);
  };
  const timer = setInterval(show, 500);
  show();
  await step("npm", ["ci", "--ignore-scripts", "--no-fund", "--no-audit"], {
    hint: missingTools(),
    silent: true,
  });
  clearInterval(timer);
  progress.close();
}

/** Says which C compiler is missing: it builds wasm3. */
function missingTools() {
  const folders = (process.env.PATH ?? "").split(delimiter);
  if (process.env.CC || folders.some((folder) => existsSync(join(folder, "cc")))) return "";
  return "cc not found: wasm3 is built with it; on Debian: apt-get install --no-install-recommends gcc libc6-dev";
}

if (!installed()) await install();
await step(process.execPath, [join(root, "scripts/build.js"), ...process.argv.slice(2)], {
  hint: missingTools(),
});
