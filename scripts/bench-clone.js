// npm run bench:clone: what a fresh clone takes to the demo's result, phase by phase, in wall and processor time.
// @ts-check
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values: options } = parseArgs({
  options: {
    cold: { type: "boolean", default: false },
    tests: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
});
if (options.help) {
  console.log(`Usage: npm run bench:clone -- [--cold] [--tests]

Clones this repository's last commit into a folder of its own and takes the time of each phase up to the demo's
result. Compiled modules of other clones are not used.

  --cold   with an empty package cache, too: npm fetches every package
  --tests  goes on to what npm cit does: all modules, all tests that need no emulated board

Bars, on 2 quiet cores: 60 s warm, 100 s cold; npm cit 600 s.`);
  process.exit(0);
}

const folder = mkdtempSync(join(tmpdir(), "veracruz-clone-"));
const clone = join(folder, "clone");
const env = {
  ...process.env,
  VERACRUZ_MCU_CACHE: join(folder, "modules"),
  ...(options.cold && { npm_config_cache: join(folder, "npm") }),
};

/** Processor time in seconds of children that have ended, user and system (proc(5)), where the system tells. */
function childrenSeconds() {
  try {
    const stat = readFileSync("/proc/self/stat", "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[13]) + Number(fields[14])) / 100;
  } catch {
    return Number.NaN;
  }
}

/** @type {{name: string, wall: number, processor: number}[]} */
const phases = [];

/**
 * @param {string} name
 * @param {string} command
 * @param {string[]} args
 * @param {string} [cwd]
 */
async function phase(name, command, args, cwd = clone) {
  const before = childrenSeconds();
  const begin = performance.now();
  const child = spawn(command, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk) => {
      output = (output + chunk).slice(-100_000);
    });
  const code = await new Promise((done, fail) => child.once("error", fail).once("close", done));
  const wall = (performance.now() - begin) / 1000;
  const processor = childrenSeconds() - before;
  phases.push({ name, wall, processor });
  row(name, wall, processor);
  if (code !== 0) throw new Error(`${name} ended with ${code}:\n${output}`);
}

/**
 * @param {string} name
 * @param {number} wall
 * @param {number} processor
 */
function row(name, wall, processor) {
  console.log(
    `${name.padEnd(40)} ${wall.toFixed(1).padStart(8)} ${processor.toFixed(1).padStart(12)}`,
  );
}

const sum = (/** @type {"wall" | "processor"} */ what) =>
  phases.reduce((seconds, each) => seconds + each[what], 0);

try {
  const [load = 0] = loadavg();
  const cores = availableParallelism();
  console.log(
    `Node ${process.version}, ${cores} cores, load ${load.toFixed(1)}${load > 0.5 ? ": not quiet, wall times say little" : ""}\n`,
  );
  console.log(`${"phase".padEnd(40)} ${"wall, s".padStart(8)} ${"processor, s".padStart(12)}`);
  await phase("git clone", "git", ["clone", "--quiet", root, clone], folder);
  const quiet = ["--ignore-scripts", "--no-fund", "--no-audit"];
  await phase(`npm ci, ${options.cold ? "cold" : "warm"}`, "npm", ["ci", ...quiet]);
  await phase("what the demo needs", process.execPath, ["scripts/build.js", "--demo"]);
  await phase("the demo", process.execPath, ["build/js/host/demo/cli.js"]);
  row("to the demo's result", sum("wall"), sum("processor"));
  if (options.tests) {
    await phase("the rest of the build", process.execPath, ["scripts/build.js"]);
    await phase("npm test", "npm", ["test"]);
    row("all", sum("wall"), sum("processor"));
  }
} catch (error) {
  console.error(/** @type {Error} */ (error).message);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
