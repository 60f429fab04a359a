// Results of builds by the content of what they were made from, shared by all clones of one user: a second clone, or
// an earlier state of this one, costs a copy.
//
// One file for each result, in the user's cache folder (XDG Base Directory Specification): SHA-256 of what follows,
// then each part as its length (u32, little-endian) and its bytes, gzipped. A file that does not match its hash is
// removed and made again. `VERACRUZ_MCU_CACHE` names another folder, or `off`.
//
// The cache is trusted as the compiler is: who may write to the user's folders may change what is built.
// `node scripts/build.js --force` builds without it.
// @ts-check
import { createHash } from "node:crypto";
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";

const HASH_BYTES = 32;
/** What the folder may hold; the results that were not used for longest go first. */
const MAX_BYTES = 512 * 1024 * 1024;

/** The folder, or nothing if there is to be no cache. */
function chosenFolder() {
  const chosen = process.env.VERACRUZ_MCU_CACHE;
  if (chosen === "off") return undefined;
  if (chosen) return chosen;
  const { XDG_CACHE_HOME } = process.env;
  // A relative path is to be ignored, says the specification.
  const base =
    XDG_CACHE_HOME && isAbsolute(XDG_CACHE_HOME) ? XDG_CACHE_HOME : join(homedir(), ".cache");
  return join(base, "veracruz-mcu", "builds");
}

/** Why nobody but the user may write there, or what else is wrong with it. @param {string} folder */
function objection(folder) {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const { uid, mode } = statSync(folder);
    if (process.getuid !== undefined && uid !== process.getuid()) return "is somebody else's";
    if ((mode & 0o022) !== 0) return "can be written by others";
    return undefined;
  } catch (error) {
    return /** @type {Error} */ (error).message;
  }
}

export class BuildCache {
  /** @param {(line: string) => void} warn */
  constructor(warn) {
    this.warn = warn;
    this.folder = chosenFolder();
    if (this.folder === undefined) return;
    const problem = objection(this.folder);
    if (problem === undefined) return;
    warn(`build cache not used: ${this.folder} ${problem}`);
    this.folder = undefined;
  }

  /**
   * @param {string} key hexadecimal
   * @param {number} count of parts
   * @returns {Buffer[] | undefined}
   */
  take(key, count) {
    if (this.folder === undefined) return undefined;
    const path = join(this.folder, key);
    let file;
    try {
      file = readFileSync(path);
    } catch {
      return undefined;
    }
    const parts = parse(file, count);
    if (parts === undefined) {
      this.warn(`build cache: ${path} is damaged, made again`);
      rmSync(path, { force: true });
      return undefined;
    }
    const now = new Date();
    try {
      utimesSync(path, now, now);
    } catch {
      // Another build has tidied up meanwhile.
    }
    return parts;
  }

  /**
   * Whole or not at all, as several builds may run at once. A full disk is no error of the build.
   * @param {string} key hexadecimal
   * @param {Buffer[]} parts
   */
  give(key, parts) {
    if (this.folder === undefined) return;
    const lengths = parts.map(({ length }) => {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32LE(length);
      return bytes;
    });
    const body = gzipSync(Buffer.concat(parts.flatMap((part, i) => [lengths[i] ?? part, part])));
    const fresh = join(this.folder, `${key}.${process.pid}.new`);
    try {
      const hash = createHash("sha256").update(body).digest();
      writeFileSync(fresh, Buffer.concat([hash, body]), { mode: 0o600 });
      renameSync(fresh, join(this.folder, key));
    } catch (error) {
      rmSync(fresh, { force: true });
      this.warn(`build cache: ${/** @type {Error} */ (error).message}`);
    }
  }

  /** Removes what was not used for longest, if there is too much. */
  tidy(limit = MAX_BYTES) {
    const { folder } = this;
    if (folder === undefined) return;
    const entries = readdirSync(folder).flatMap((name) => {
      const path = join(folder, name);
      const stat = statSync(path, { throwIfNoEntry: false });
      return stat?.isFile() ? [{ path, size: stat.size, used: stat.mtimeMs }] : [];
    });
    let total = entries.reduce((sum, { size }) => sum + size, 0);
    for (const { path, size } of entries.sort((a, b) => a.used - b.used)) {
      if (total <= limit) return;
      rmSync(path, { force: true });
      total -= size;
    }
  }
}

/**
 * @param {Buffer} file
 * @param {number} count
 */
function parse(file, count) {
  const body = file.subarray(HASH_BYTES);
  const hash = createHash("sha256").update(body).digest();
  if (file.length < HASH_BYTES || !hash.equals(file.subarray(0, HASH_BYTES))) return undefined;
  const bytes = gunzipSync(body);
  const parts = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 4 + bytes.readUInt32LE(at);
    parts.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return parts.length === count ? parts : undefined;
}
