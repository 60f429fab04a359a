import { randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  fstatSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { CliError, reasonOf } from "./cli.js";
import { decodeUtf8, textProblem } from "./text.js";

/** Runs `use` with the opened file or folder, and closes it. */
function withFile<T>(path: string, flags: number, mode: number, use: (file: number) => T): T {
  const file = openSync(path, flags, mode);
  try {
    return use(file);
  } finally {
    closeSync(file);
  }
}

/** The errors of filesystems without hard links. */
const NO_LINKS = ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"];

/** Gives a file a second name, which must be free. */
function link(draft: string, path: string): void {
  try {
    linkSync(draft, path);
  } catch (error) {
    if (!NO_LINKS.includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    copyFileSync(draft, path, constants.COPYFILE_EXCL);
  }
}

/**
 * Writes a new file, durably, that only its owner may read or write (or as `mode` says). It appears
 * whole or not at all (on a filesystem with hard links): no one who looks at the same time, and no crash,
 * finds a part of it. Of several who write at once one succeeds.
 *
 * @throws CliError when the file exists or cannot be written
 */
export function writeNewFile(path: string, content: string, mode = 0o600): void {
  const taken = () =>
    new CliError(`${JSON.stringify(path)} exists already and is left as it is`, 1);
  if (existsSync(path)) throw taken();
  // Under another name first; giving it its own fails where somebody else was quicker.
  const draft = `${path}.${randomBytes(8).toString("hex")}.new`;
  try {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;
    withFile(draft, flags, mode, (file) => {
      writeFileSync(file, content);
      fsyncSync(file);
    });
    link(draft, path);
    rmSync(draft);
    withFile(dirname(path), constants.O_RDONLY, 0, fsyncSync);
  } catch (error) {
    rmSync(draft, { force: true });
    const { code } = error as NodeJS.ErrnoException;
    throw code === "EEXIST"
      ? taken()
      : new CliError(`cannot write ${JSON.stringify(path)}: ${reasonOf(error, true)}`, 1);
  }
}

/**
 * Reads a file that holds a secret, when nobody but its owner (this process's user or root) can.
 *
 * @throws CliError, naming the file and never its content
 */
export function readSecretFile(path: string, what: string): string {
  const name = JSON.stringify(path);
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY);
  } catch (error) {
    throw new CliError(`cannot read the ${what} ${name}: ${(error as Error).message}`);
  }
  try {
    const { mode, uid } = fstatSync(file);
    if ((mode & constants.S_IFMT) !== constants.S_IFREG)
      throw new CliError(`the ${what} ${name} is not a file`);
    if ((mode & 0o077) !== 0)
      throw new CliError(
        `the ${what} ${name} may be used by others than its owner (mode ${(mode & 0o777).toString(8)}); chmod 600 it, and make a new one if others had access`,
      );
    const user = process.geteuid?.();
    if (user !== undefined && uid !== user && uid !== 0)
      throw new CliError(`the ${what} ${name} belongs to another user (${uid})`);
    const bytes = readFileSync(file);
    const problem = textProblem(bytes);
    if (problem !== undefined) throw new CliError(`the ${what} ${name} ${problem}`);
    return decodeUtf8(bytes);
  } finally {
    closeSync(file);
  }
}
