// Shows that a release is reproducible: makes it twice from one commit, in two clones whose folder, user, umask, time zone,
// language and clock differ, and compares what has come of it; or with the SHA256SUMS that somebody has published.
//
// Usage: npm run release:verify -- [--commit REF] [--against SHA256SUMS] [--keep FOLDER]
// @ts-check
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values: options } = parseArgs({
  options: {
    commit: { type: "string", default: "HEAD" },
    against: { type: "string" },
    keep: { type: "string" },
    help: { type: "boolean", short: "h", default: false },
  },
});
if (options.help) {
  console.log(`Usage: npm run release:verify -- [--commit REF] [--against FILE] [--keep FOLDER]

Clones this repository twice, installs the packages of package-lock.json, and makes the release in both: in another
folder, with another umask, time zone and language; as root also by another user; and where faketime is installed, at
another date. Nothing compiled before is used. Ends with 0 where all files are the same, byte by byte, else with 1.

  --commit REF     the commit to build (default HEAD)
  --against FILE   compare with a published SHA256SUMS, too
  --keep FOLDER    put both clones there and leave them; it must not exist`);
  process.exit(0);
}

/** Any user that is not root: root may take on any. */
const OTHER_USER = 54_321;
const isRoot = process.getuid?.() === 0;
const hasFaketime = spawnSync("faketime", ["--version"], { stdio: "ignore" }).status === 0;

/** Characters of what a command prints that are shown where it fails. */
const MOST_OUTPUT = 10_000;

/**
 * @typedef {object} Builder
 * @property {string} name
 * @property {string} umask
 * @property {Record<string, string>} env
 * @property {number} [user]
 * @property {string} [clock] a shift, as faketime takes it
 */
/** @type {readonly Builder[]} */
const builders = [
  { name: "one", umask: "022", env: { TZ: "UTC", LC_ALL: "C.UTF-8" } },
  {
    name: "another-folder/of-another-length/two",
    umask: "077",
    env: { TZ: "Pacific/Kiritimati", LC_ALL: "tr_TR.UTF-8" },
    ...(isRoot && { user: OTHER_USER }),
    ...(hasFaketime && { clock: "+400d" }),
  },
];

const work =
  options.keep === undefined
    ? mkdtempSync(join(tmpdir(), "veracruz-verify-"))
    : resolve(options.keep);
if (options.keep !== undefined) mkdirSync(work, { recursive: false });
// The other user has to get through.
chmodSync(work, 0o755);

/**
 * Makes the release in a clone of its own.
 * @param {Builder} builder
 * @returns {Promise<string>} what SHA256SUMS says
 */
async function make({ name, umask, env: own, user, clock }) {
  const place = join(work, name);
  const clone = join(place, "clone");
  const home = join(place, "home");
  mkdirSync(home, { recursive: true });
  const env = { ...process.env, ...own, VERACRUZ_MCU_CACHE: "off", NO_COLOR: "1" };
  const say = [
    `umask ${umask}`,
    ...Object.entries(own).map(([key, value]) => `${key}=${value}`),
    user === undefined ? "this user" : `user ${user}`,
    clock === undefined ? "this date" : `date ${clock}`,
  ];
  console.log(`${clone}: ${say.join(", ")}`);
  /** @param {string[]} command @param {import("node:child_process").SpawnOptions} [more] */
  const run = async (command, more = {}) => {
    const line = ["-c", 'umask "$1" && shift && exec "$@"', "sh", umask, ...command];
    /** @type {import("node:child_process").StdioOptions} */
    const stdio = ["ignore", "pipe", "pipe"];
    const child = spawn("sh", line, { cwd: place, env, stdio, ...more });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream?.on("data", (chunk) => {
        output = (output + chunk).slice(-MOST_OUTPUT);
      });
    const code = await new Promise((done, fail) => child.once("error", fail).once("close", done));
    if (code !== 0)
      throw new Error(`${clone}: ${command.join(" ")} ended with ${code}:\n${output}`);
  };
  await run(["git", "-c", "advice.detachedHead=false", "clone", "--quiet", root, clone]);
  const commit = execFileSync("git", ["rev-parse", `${options.commit}^{commit}`], {
    cwd: root,
    encoding: "utf8",
  });
  await run(["git", "-C", clone, "checkout", "--quiet", "--detach", commit.trim()]);
  await run(["npm", "ci", "--ignore-scripts", "--no-fund", "--no-audit"], { cwd: clone });
  if (user !== undefined) await run(["chown", "-R", String(user), place]);
  // What npm tells its scripts is this user's: the other one may not write to that cache.
  const bare = Object.fromEntries(Object.entries(env).filter(([key]) => !/^npm_/i.test(key)));
  const release = ["npm", "run", "--silent", "release", "--", "--output", join(place, "release")];
  await run(clock === undefined ? release : ["faketime", "-f", clock, ...release], {
    cwd: clone,
    env: { ...bare, HOME: home, DONT_FAKE_MONOTONIC: "1", FAKETIME_DONT_FAKE_MONOTONIC: "1" },
    ...(user !== undefined && { uid: user, gid: user }),
  });
  for (const module of ["runtime", "attestation"]) {
    const hash = createHash("sha256").update(
      readFileSync(join(clone, `build/wasm/${module}.wasm`)),
    );
    console.log(`${hash.digest("hex")}  ${module}.wasm of ${name}`);
  }
  return readFileSync(join(place, "release/SHA256SUMS"), "utf8");
}

/**
 * Names the files in which two lists of sums differ.
 * @param {string} a
 * @param {string} b
 */
function differences(a, b) {
  const [left, right] = [new Set(a.split("\n")), new Set(b.split("\n"))];
  const lines = [...left, ...right].filter((line) => !left.has(line) || !right.has(line));
  return [...new Set(lines.map((line) => line.slice(66)))].sort();
}

try {
  console.log(`Node.js ${process.version}`);
  const [one = "", two = ""] = await Promise.all(builders.map(make));
  process.stdout.write(one);
  /** @type {[string, string[]][]} */
  const compared = [["the two clones", differences(one, two)]];
  if (options.against !== undefined)
    compared.push([options.against, differences(one, readFileSync(options.against, "utf8"))]);
  for (const [what, differing] of compared) {
    if (differing.length === 0) console.log(`the same bytes: ${what}`);
    else {
      console.error(`not the same: ${what}: ${differing.join(", ")}`);
      process.exitCode = 1;
    }
  }
} catch (error) {
  console.error(`release:verify: ${/** @type {Error} */ (error).message}`);
  process.exitCode = 1;
} finally {
  if (options.keep === undefined) rmSync(work, { recursive: true, force: true });
}
