// npm run bench:change: what one changed line of AssemblyScript takes to its test's result, phase by phase.
// @ts-check
import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * Lines that are changed so that the module becomes another one and its tests do not mind: what is in `file` becomes
 * something else, and `suite` is run.
 */
const cases = [
  {
    name: "certificates",
    file: "assembly/x509/certificate.ts",
    line: "const MAX_EXTENSIONS: u32 = 32;",
    changed: "const MAX_EXTENSIONS: u32 = 33;",
    suite: "x509/der.test",
  },
  {
    name: "tls",
    file: "assembly/session-manager/exports.ts",
    line: "const SESSION_MEMORY: u32 = 16384;",
    changed: "const SESSION_MEMORY: u32 = 16400;",
    suite: "session-manager/refusals.test",
  },
  {
    name: "runtime",
    file: "assembly/runtime-manager/isolate-key.ts",
    line: "const MAX_CSR_BYTES: u32 = 1024;",
    changed: "const MAX_CSR_BYTES: u32 = 1040;",
    suite: "runtime-manager/in-process.test",
  },
];

const { values: options } = parseArgs({
  options: {
    only: { type: "string" },
    optimised: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
});
const names = cases.map(({ name }) => name);
if (options.help || (options.only !== undefined && !names.includes(options.only))) {
  console.log(`Usage: npm run bench:change -- [--only CASE] [--optimised]

Copies this folder as it is built now, changes a line of AssemblyScript there, and runs the test of what was changed, by
\`npm test -- --draft\`. Compiled modules of other clones are not used.

  --only CASE  ${names.join(", ")}
  --optimised  the same by \`npm test\`, with the modules as they ship

Bar, on 2 quiet cores: 10 s.`);
  process.exit(options.help ? 0 : 2);
}

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

const folder = mkdtempSync(join(tmpdir(), "veracruz-change-"));
const copy = join(folder, "copy");

/**
 * @param {string} name
 * @param {string[]} command
 */
async function phase(name, command) {
  const before = childrenSeconds();
  const begin = performance.now();
  const child = spawn(/** @type {string} */ (command[0]), command.slice(1), {
    cwd: copy,
    env: { ...process.env, VERACRUZ_MCU_CACHE: join(folder, "modules") },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk) => {
      output = (output + chunk).slice(-20_000);
    });
  const code = await new Promise((done, fail) => child.once("error", fail).once("close", done));
  if (code !== 0) throw new Error(`${name} ended with ${code}:\n${output}`);
  const taken = { wall: (performance.now() - begin) / 1000, processor: childrenSeconds() - before };
  row(name, taken);
  return taken;
}

/**
 * @param {string} name
 * @param {{wall: number, processor: number}} taken
 */
function row(name, { wall, processor }) {
  console.log(
    `${name.padEnd(56)} ${wall.toFixed(1).padStart(8)} ${processor.toFixed(1).padStart(12)}`,
  );
}

try {
  const [load = 0] = loadavg();
  console.log(
    `Node ${process.version}, ${availableParallelism()} cores, load ${load.toFixed(1)}${load > 0.5 ? ": not quiet, wall times say little" : ""}\n`,
  );
  cpSync(root, copy, { recursive: true, verbatimSymlinks: true });
  console.log(`${"phase".padEnd(56)} ${"wall, s".padStart(8)} ${"processor, s".padStart(12)}`);
  for (const { name, file, line, changed, suite } of cases) {
    if (options.only !== undefined && options.only !== name) continue;
    // What was built of another case, or is not up to date in this folder, is not this one's.
    const before = [process.execPath, "scripts/test.js", suite, "--build-only"];
    await phase(`${name}: before, all that the test needs`, before);
    const draft = options.optimised ? [] : ["--draft"];
    const build = [...before, ...draft];
    const text = readFileSync(join(copy, file), "utf8");
    if (!text.includes(line)) throw new Error(`${file}: expected a line \`${line}\``);
    writeFileSync(join(copy, file), text.replace(line, changed));
    const built = await phase(`${name}: a line of ${file}, build`, build);
    const tested = await phase(`${name}: ${suite}`, ["npm", "test", "--", ...draft, suite]);
    row(`${name}: to its test's result`, {
      wall: built.wall + tested.wall,
      processor: built.processor + tested.processor,
    });
  }
} catch (error) {
  console.error(/** @type {Error} */ (error).message);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
