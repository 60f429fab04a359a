import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  writeSync,
} from "node:fs";
import { CliError } from "./cli.js";

/**
 * Writes a new file, durably, that only its owner may read or write (or as `mode` says).
 *
 * @throws CliError when the file exists or cannot be written
 */
export function writeNewFile(path: string, content: string, mode = 0o600): void {
  let file: number;
  try {
    file = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, mode);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new CliError(
      code === "EEXIST"
        ? `${JSON.stringify(path)} exists already and is left as it is`
        : `cannot write ${JSON.stringify(path)}: ${message}`,
      1,
    );
  }
  try {
    writeSync(file, content);
    fsyncSync(file);
  } finally {
    closeSync(file);
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
    return readFileSync(file, "utf8");
  } finally {
    closeSync(file);
  }
}
