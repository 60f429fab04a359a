// Brings lwIP's C source, the one that Debian 12 carries, to a folder. Nothing of it is kept in the
// repository; the archive's hash is pinned here, so where it comes from does not matter.
//
// Taken from, in this order: LWIP_ARCHIVE (a path), what an earlier run left, apt (with package lists of
// its own: the machine's sources are neither needed nor changed).
//
// Usage: node fetch-lwip.js OUTDIR        OUTDIR/src is lwIP's source folder
// @ts-check
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const PACKAGE = "lwip=2.1.3+dfsg1-2";
const ARCHIVE = "lwip_2.1.3+dfsg1.orig.tar.xz";
const SHA256 = "0a8276d09fc4e97bbba2f953d74af2388fc2195ea156be9d7589e297a68fde24";

/** @param {string} path */
function hasRightHash(path) {
  return (
    existsSync(path) && createHash("sha256").update(readFileSync(path)).digest("hex") === SHA256
  );
}

/**
 * Source package repositories that go with the machine's binary ones.
 * @param {string} targets what `apt-get indextargets` prints
 */
function sourceRepositories(targets) {
  const found = new Set();
  for (const target of targets.split("\n\n")) {
    const field = (/** @type {string} */ name) =>
      new RegExp(`^${name}: (.*)$`, "m").exec(target)?.[1] ?? "";
    const repository = field("Repo-URI");
    // Debian proper: not its security or other archives, nor any third party's.
    if (field("Component") !== "main" || !/\/debian\/?$/.test(repository)) continue;
    if (/^[a-z]+$/.test(field("Release"))) found.add(`${repository} ${field("Release")}`);
  }
  return [...found];
}

/**
 * Downloads the archive through apt into `folder`.
 * @param {string} folder
 */
function download(folder) {
  const lists = join(folder, "lists");
  mkdirSync(join(lists, "partial"), { recursive: true });
  const sources = sourceRepositories(
    execFileSync("apt-get", ["indextargets"], { encoding: "utf8" }),
  );
  if (sources.length === 0) throw new Error("apt knows no Debian repository on this machine");
  const list = join(folder, "sources.list");
  const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
  const option = existsSync(keyring) ? `[signed-by=${keyring}] ` : "";
  writeFileSync(list, sources.map((source) => `deb-src ${option}${source} main\n`).join(""));
  const options = [
    `Dir::Etc::sourcelist=${list}`,
    "Dir::Etc::sourceparts=-",
    `Dir::State::lists=${lists}`,
    "Dir::Cache::pkgcache=",
    "Dir::Cache::srcpkgcache=",
    "APT::Sandbox::User=root",
  ].flatMap((option) => ["-o", option]);
  const run = (/** @type {string[]} */ ...args) =>
    execFileSync("apt-get", ["--quiet", ...options, ...args], {
      cwd: folder,
      stdio: ["ignore", "ignore", "pipe"],
      timeout: 300_000,
    });
  run("update");
  run("source", "--download-only", PACKAGE);
}

/**
 * @param {string} outDir made anew unless it already holds this source
 * @throws Error that says what to do when the archive cannot be had
 */
export function fetchLwip(outDir) {
  const stamp = join(outDir, ".stamp");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === SHA256) return;
  const downloads = `${outDir}-download`;
  mkdirSync(downloads, { recursive: true });
  const archive = join(downloads, ARCHIVE);
  const given = process.env.LWIP_ARCHIVE;
  if (given) copyFileSync(given, archive);
  if (!hasRightHash(archive)) {
    try {
      download(downloads);
    } catch (error) {
      throw new Error(
        `lwIP's source package (${PACKAGE}) cannot be downloaded: ${/** @type {Error} */ (error).message}
Get ${ARCHIVE} (SHA-256 ${SHA256}) and name it in LWIP_ARCHIVE.`,
      );
    }
    if (!hasRightHash(archive)) throw new Error(`${archive} does not have SHA-256 ${SHA256}`);
  }
  const fresh = `${outDir}.new`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh);
  execFileSync("tar", ["--extract", "--strip-components=1", `--file=${archive}`, "-C", fresh]);
  writeFileSync(join(fresh, ".stamp"), SHA256);
  rmSync(outDir, { recursive: true, force: true });
  renameSync(fresh, outDir);
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const outDir = process.argv[2];
  if (!outDir) {
    console.error("Usage: node fetch-lwip.js OUTDIR");
    process.exit(2);
  }
  try {
    fetchLwip(resolve(outDir));
  } catch (error) {
    console.error(/** @type {Error} */ (error).message);
    process.exit(1);
  }
}
