// Brings source that Debian 12 carries to a folder: lwIP, which images with Ethernet are made with, wolfSSL, which ours is
// measured against, or Binaryen, whose tests have WebAssembly's core suite. Nothing of it is kept in the repository; the
// archive's hash is pinned here, so where it comes from does not matter.
//
// Taken from, in this order: the path in LWIP_ARCHIVE, WOLFSSL_ARCHIVE or BINARYEN_ARCHIVE, what an earlier run left, apt
// (with package lists of its own: the machine's sources are neither needed nor changed).
//
// Usage: node fetch-source.js lwip|wolfssl|binaryen OUTDIR        OUTDIR then holds what the archive's folder does
// @ts-check
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";

/** @typedef {{title: string, package: string, archive: string, sha256: string, variable: string}} Source */

/** @type {Record<string, Source>} */
const sources = {
  lwip: {
    title: "lwIP",
    package: "lwip=2.1.3+dfsg1-2",
    archive: "lwip_2.1.3+dfsg1.orig.tar.xz",
    sha256: "0a8276d09fc4e97bbba2f953d74af2388fc2195ea156be9d7589e297a68fde24",
    variable: "LWIP_ARCHIVE",
  },
  wolfssl: {
    title: "wolfSSL",
    // Whatever Debian has patched: the archive is its authors'.
    package: "wolfssl",
    archive: "wolfssl_5.5.4.orig.tar.gz",
    sha256: "b7ee150e49def77c765bc02aac92ddeb0bebefd4cb12aa263d8f95e405221fb8",
    variable: "WOLFSSL_ARCHIVE",
  },
  binaryen: {
    title: "Binaryen",
    package: "binaryen",
    archive: "binaryen_108.orig.tar.gz",
    sha256: "7fea5013da7f98daeeb6a0a60333e8aa917bcb0b1b418ba8531fe710d09041f2",
    variable: "BINARYEN_ARCHIVE",
  },
};

/**
 * @param {string} path
 * @param {string} sha256
 */
function hasHash(path, sha256) {
  return (
    existsSync(path) && createHash("sha256").update(readFileSync(path)).digest("hex") === sha256
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
 * @param {string} name of the source package
 */
function download(folder, name) {
  const lists = join(folder, "lists");
  mkdirSync(join(lists, "partial"), { recursive: true });
  const repositories = sourceRepositories(
    execFileSync("apt-get", ["indextargets"], { encoding: "utf8" }),
  );
  if (repositories.length === 0) throw new Error("apt knows no Debian repository on this machine");
  const list = join(folder, "sources.list");
  const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
  const option = existsSync(keyring) ? `[signed-by=${keyring}] ` : "";
  writeFileSync(list, repositories.map((each) => `deb-src ${option}${each} main\n`).join(""));
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
  run("source", "--download-only", name);
}

/**
 * @param {string} name a key of the table above
 * @param {string} outDir replaced unless it already holds this source
 * @throws Error that says what to do when the archive cannot be had
 */
function fetchSource(name, outDir) {
  const source = sources[name];
  if (!source) throw new Error(`no source ${name}: expected ${Object.keys(sources).join(" or ")}`);
  const { title, sha256 } = source;
  const stamp = join(outDir, ".stamp");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === sha256) return;
  const downloads = `${outDir}-download`;
  mkdirSync(downloads, { recursive: true });
  const archive = join(downloads, source.archive);
  const given = process.env[source.variable];
  if (given) copyFileSync(given, archive);
  if (!hasHash(archive, sha256)) {
    try {
      download(downloads, source.package);
    } catch (error) {
      throw new Error(
        `${title}'s source package (${source.package}) cannot be downloaded: ${/** @type {Error} */ (error).message}
Get ${source.archive} (SHA-256 ${sha256}) and name it in ${source.variable}.`,
      );
    }
    if (!hasHash(archive, sha256)) throw new Error(`${archive} does not have SHA-256 ${sha256}`);
  }
  const fresh = `${outDir}.new`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh);
  execFileSync("tar", ["--extract", "--strip-components=1", `--file=${archive}`, "-C", fresh]);
  writeFileSync(join(fresh, ".stamp"), sha256);
  rmSync(outDir, { recursive: true, force: true });
  renameSync(fresh, outDir);
}

const [name, outDir] = process.argv.slice(2);
if (!name || !outDir) {
  console.error("Usage: node fetch-source.js lwip|wolfssl|binaryen OUTDIR");
  process.exit(2);
}
try {
  fetchSource(name, resolve(outDir));
} catch (error) {
  console.error(/** @type {Error} */ (error).message);
  process.exit(1);
}
