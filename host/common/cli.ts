import {
  accessSync,
  constants,
  existsSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { type Command, CommanderError, Help, type Option } from "commander";
import { formatAddress } from "./addresses.js";
import { forTerminal } from "./terminal.js";
import { decodeUtf8, textProblem } from "./text.js";

/** Exit code of every command for wrong arguments and for files that cannot be read or written. */
export const EXIT_USAGE = 2;

/** An error that a command reports in one line, without a stack, before it exits with `exitCode`. */
export class CliError extends Error {
  override name = "CliError";

  constructor(
    message: string,
    readonly exitCode: number = EXIT_USAGE,
  ) {
    super(message);
  }
}

/** Why a file operation failed, in words. */
export function reasonOf(error: unknown, writing = false): string {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case "ENOENT":
      return writing ? "no such folder" : "no such file";
    case "EACCES":
      return "permission denied";
    case "EISDIR":
      return "it is a folder";
    case "ENOSPC":
      return "no space left";
    default:
      return message;
  }
}

let standardInputRead = false;

/**
 * Reads a file that a user named.
 *
 * @param path the file; `-` is standard input
 * @param what what it is, as in "program" or "policy", for the error
 */
export function readUserFile(path: string, what: string): Uint8Array {
  if (path === "-") {
    if (standardInputRead) {
      throw new CliError(`cannot read the ${what} "-": standard input can be named only once`);
    }
    standardInputRead = true;
  }
  try {
    return readFileSync(path === "-" ? 0 : path);
  } catch (error) {
    throw new CliError(`cannot read the ${what} ${JSON.stringify(path)}: ${reasonOf(error)}`);
  }
}

/**
 * Reads a text file that a user named, such as JSON or PEM: UTF-8 without a byte order mark.
 *
 * @param path the file; `-` is standard input
 * @param what what it is, for the error
 * @throws CliError when it cannot be read or is no such text
 */
export function readUserText(path: string, what: string): string {
  const bytes = readUserFile(path, what);
  const problem = textProblem(bytes);
  if (problem !== undefined) throw new CliError(`the ${what} ${JSON.stringify(path)} ${problem}`);
  return decodeUtf8(bytes);
}

/** Writes a file completely or not at all: the old one stays until the new one is complete. */
function replaceFile(path: string, content: Uint8Array | string): void {
  const target = existsSync(path) ? realpathSync(path) : path;
  const existing = statSync(target, { throwIfNoEntry: false });
  if (existing !== undefined && !existing.isFile()) {
    // A device, a pipe, or a folder, which is the error that it should be.
    writeFileSync(target, content);
    return;
  }
  if (existing !== undefined) accessSync(target, constants.W_OK);
  const fresh = `${target}.${process.pid}.new`;
  try {
    writeFileSync(fresh, content, { flag: "wx", mode: existing?.mode ?? 0o666 });
    renameSync(fresh, target);
  } catch (error) {
    rmSync(fresh, { force: true });
    throw error;
  }
}

/** Writes a file that a user named, completely or not at all; `-` is standard output. */
export function writeUserFile(path: string, what: string, content: Uint8Array | string): void {
  try {
    if (path === "-") writeFileSync(1, content);
    else replaceFile(path, content);
  } catch (error) {
    // A reader of standard output who has seen enough is not a failure.
    if (path === "-" && (error as NodeJS.ErrnoException).code === "EPIPE") return;
    throw new CliError(
      `cannot write the ${what} ${JSON.stringify(path)}: ${reasonOf(error, true)}`,
    );
  }
}

/** An option's default as a person would type it; undefined where it says nothing. */
function defaultText({ defaultValue, parseArg }: Option): string | undefined {
  if (defaultValue === false || defaultValue === "") return undefined;
  if (typeof defaultValue === "number") {
    const { unit = 1 } = (parseArg ?? {}) as { unit?: number };
    return String(defaultValue / unit);
  }
  if (typeof defaultValue !== "object" || defaultValue === null) return String(defaultValue);
  if (Object.keys(defaultValue).length === 0) return undefined;
  if ("host" in defaultValue && "port" in defaultValue) return formatAddress(defaultValue as never);
  return String(defaultValue);
}

/** Help texts that show defaults as `defaultText` does. */
const plainHelp = {
  optionDescription(option: Option): string {
    const shown: Option = Object.create(option);
    if (option.defaultValue !== undefined && option.defaultValueDescription === undefined) {
      const text = defaultText(option);
      if (text === undefined) shown.defaultValue = undefined;
      else shown.defaultValueDescription = text;
    }
    return Help.prototype.optionDescription.call(this, shown);
  },
};

/**
 * Parses and runs a command. Wrong arguments exit with `EXIT_USAGE`; a `CliError` prints one line and
 * exits with its code; anything else is a defect and shows its stack (exit code 70).
 */
export async function runCommand(
  command: Command,
  argv: readonly string[] = process.argv,
): Promise<void> {
  // A reader who has seen enough (`vc-wc … | head`) is not a failure, and does not hide one.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    process.exit(error.code === "EPIPE" ? process.exitCode : EXIT_USAGE);
  });
  // Of wrong arguments, too, one line, which begins with the command's name.
  const outputError = (text: string, write: (line: string) => void) => {
    const said = text
      .trim()
      .replace(/^error: /, "")
      .replace(/\s*\n\s*/g, " ");
    write(`${command.name()}: ${forTerminal(said)} (see --help)\n`);
  };
  const all = (each: Command): Command[] => [each, ...each.commands.flatMap(all)];
  for (const each of all(command))
    each.exitOverride().configureHelp(plainHelp).configureOutput({ outputError });
  try {
    await command.parseAsync([...argv]);
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? 0 : EXIT_USAGE;
    } else if (error instanceof CliError) {
      console.error(`${command.name()}: ${forTerminal(error.message)}`);
      process.exitCode = error.exitCode;
    } else {
      console.error(error);
      process.exitCode = 70;
    }
  }
}
