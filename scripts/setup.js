// Makes a clone ready to use: checks Node.js, installs the locked dependencies (which builds the
// wasm3 binding), and builds everything that is not up to date. Safe to run again at any time.
import "./require-node.js";
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

function killGroup(child, signal) {
  try {
    process.kill(-child.pid, signal);
  } catch {
    // All of it has ended.
  }
}

/**
 * Runs a command to its end, in a process group of its own: a signal to this process ends it with all that
 * it has started, so that no compiler outlives an interrupted build.
 */
function step(command, args, hint = "") {
  return new Promise((resolve) => {
    let interrupted = false;
    const child = spawn(command, args, { cwd: root, stdio: "inherit", detached: true });
    for (const [signal, number] of [
      ["SIGINT", 2],
      ["SIGTERM", 15],
      ["SIGHUP", 1],
    ]) {
      process.once(signal, () => {
        interrupted = true;
        killGroup(child, "SIGTERM");
        // The TypeScript compiler finishes its work first, where it is let.
        setTimeout(() => {
          killGroup(child, "SIGKILL");
          process.exit(128 + number);
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
        if (hint) console.error(`setup: ${hint}`);
        process.exit(code ?? 1);
      }
      for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.removeAllListeners(signal);
      resolve();
    });
  });
}

/** Whether node_modules holds exactly what package-lock.json asks for. */
function installed() {
  const hidden = join(root, "node_modules/.package-lock.json");
  if (!existsSync(hidden)) return false;
  const have = JSON.parse(readFileSync(hidden, "utf8")).packages;
  const want = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")).packages;
  return Object.entries(want).every(
    ([path, entry]) => path === "" || entry.optional || have[path]?.version === entry.version,
  );
}

/** What builds the dependencies that are in C, and what of it is not there. */
function missingTools() {
  const folders = (process.env.PATH ?? "").split(delimiter);
  const missing = ["cc", "c++", "make", "python3"].filter(
    (tool) => !folders.some((folder) => existsSync(join(folder, tool))),
  );
  if (missing.length === 0) return "";
  return (
    `${missing.join(", ")} not found: the dependencies in C are built with them; ` +
    "on Debian: apt-get install --no-install-recommends build-essential python3"
  );
}

if (!installed()) await step("npm", ["ci", "--no-fund", "--no-audit"], missingTools());
await step(process.execPath, [join(root, "scripts/build.js")]);
