// Makes a clone ready to use: checks Node.js, installs the locked dependencies (which builds the
// wasm3 binding), and builds everything that is not up to date. Safe to run again at any time.
import "./require-node.js";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

function step(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: "inherit" });
  if (error) {
    console.error(`setup: cannot run ${command}: ${error.message}`);
    process.exit(1);
  }
  if (status !== 0) process.exit(status ?? 1);
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

if (!installed()) step("npm", ["ci", "--no-fund", "--no-audit"]);
step(process.execPath, [join(root, "scripts/build.js")]);
