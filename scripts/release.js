// Makes what a release publishes, in one folder: the packages' tarballs, the page of a party, the archive of the MCU
// client's library, and SHA256SUMS over all of them. The same sources, built, make the same bytes each time.
//
// Usage: npm run release -- [--output FOLDER]
// @ts-check
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { gunzipSync, gzipSync } from "node:zlib";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values: options } = parseArgs({
  options: {
    output: { type: "string", short: "o", default: "build/release" },
    help: { type: "boolean", short: "h", default: false },
  },
});
if (options.help) {
  console.log(`Usage: npm run release -- [--output FOLDER]

Makes what a release publishes, from what is built: tarballs of the packages, principal.html, the archive of the MCU
client's library, and SHA256SUMS ("sha256sum -c SHA256SUMS" checks them).

  -o, --output FOLDER   where they go; it must not exist, or be empty (default build/release)`);
  process.exit(0);
}

const folder = resolve(options.output);
if (existsSync(folder) && readdirSync(folder).length > 0) {
  console.error(`release: ${folder} is not empty: expected a folder for a new release`);
  process.exit(2);
}
mkdirSync(folder, { recursive: true });

/** Runs a command; what it prints is for nobody. @param {string} cwd @param {string} program @param {string[]} args */
function run(cwd, program, ...args) {
  execFileSync(program, args, { cwd, stdio: ["ignore", "ignore", "inherit"] });
}
/** Runs a script of the project. @param {string} file @param {string[]} args */
const script = (file, ...args) => run(root, process.execPath, join(root, file), ...args);
/** @param {string} from */
function pack(from) {
  const before = new Set(readdirSync(folder));
  run(from, "npm", "pack", "--silent", "--ignore-scripts", "--pack-destination", folder);
  for (const name of readdirSync(folder)) if (!before.has(name)) fixModes(join(folder, name));
}

const BLOCK = 512;
/** Fields of a header of ustar (POSIX pax(1)): where each begins, and its bytes. */
const MODE = /** @type {const} */ ([100, 8]);
const SIZE = /** @type {const} */ ([124, 12]);
const CHECKSUM = /** @type {const} */ ([148, 8]);

/**
 * Gives the files of a tarball modes that the umask of whoever made it has no part in: 755 what may be executed, 644
 * all others.
 * @param {string} file
 */
function fixModes(file) {
  const tar = gunzipSync(readFileSync(file));
  for (let at = 0; at + BLOCK <= tar.length && tar[at] !== 0; ) {
    const header = tar.subarray(at, at + BLOCK);
    const number = (/** @type {readonly [number, number]} */ [from, length]) =>
      Number.parseInt(header.toString("latin1", from, from + length), 8);
    header.write(number(MODE) & 0o100 ? "000755 \0" : "000644 \0", MODE[0], "latin1");
    header.fill(" ", CHECKSUM[0], CHECKSUM[0] + CHECKSUM[1]);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, "0")}\0 `, CHECKSUM[0], "latin1");
    at += BLOCK * (1 + Math.ceil(number(SIZE) / BLOCK));
  }
  writeFileSync(file, gzipSync(tar, { level: 9 }));
}

/** What makes each package's contents, in a copy of its folder. @type {Record<string, (copy: string) => void>} */
const bundles = {
  client: (copy) => script("scripts/bundle-client.js", copy),
  sdk: (copy) => script("scripts/bundle-programs.js", "sdk", copy),
  tools: (copy) => script("scripts/bundle-programs.js", "tools", copy),
  "create-program": () => undefined,
};

script("scripts/bundle-page.js", join(folder, "principal.html"));
pack(root);
const work = mkdtempSync(join(tmpdir(), "veracruz-release-"));
try {
  for (const name of readdirSync(join(root, "packages")).sort()) {
    const bundle = bundles[name];
    if (bundle === undefined) throw new Error(`nothing is known of packages/${name}`);
    const copy = join(work, name);
    const made = join(root, "packages", name, "build");
    const filter = (/** @type {string} */ file) => file !== made;
    cpSync(join(root, "packages", name), copy, { recursive: true, filter });
    bundle(copy);
    pack(copy);
  }
} finally {
  rmSync(work, { recursive: true });
}
script("build/js/host/mcu-client/cli.js", "library", "--output", folder);

const sums = readdirSync(folder)
  .sort()
  .map((name) => {
    const hash = createHash("sha256").update(readFileSync(join(folder, name)));
    return `${hash.digest("hex")}  ${name}\n`;
  })
  .join("");
writeFileSync(join(folder, "SHA256SUMS"), sums);
process.stdout.write(sums);
