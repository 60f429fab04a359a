import { readFileSync, writeFileSync } from "node:fs";
import { type Command, CommanderError } from "commander";
import { forTerminal } from "./terminal.js";

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
function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case "ENOENT":
      return "no such file";
    case "EACCES":
      return "permission denied";
    case "EISDIR":
      return "it is a folder";
    default:
      return message;
  }
}

/**
 * Reads a file that a user named.
 *
 * @param path the file; `-` is standard input
 * @param what what it is, as in "program" or "policy", for the error
 */
export function readUserFile(path: string, what: string): Uint8Array {
  try {
    return readFileSync(path === "-" ? 0 : path);
  } catch (error) {
    throw new CliError(`cannot read the ${what} ${JSON.stringify(path)}: ${reasonOf(error)}`);
  }
}

/** Writes a file that a user named; `-` is standard output. */
export function writeUserFile(path: string, what: string, content: Uint8Array | string): void {
  try {
    writeFileSync(path === "-" ? 1 : path, content);
  } catch (error) {
    throw new CliError(`cannot write the ${what} ${JSON.stringify(path)}: ${reasonOf(error)}`);
  }
}

/**
 * Parses and runs a command. Wrong arguments exit with `EXIT_USAGE`; a `CliError` prints one line and
 * exits with its code; anything else is a defect and shows its stack (exit code 70).
 */
export async function runCommand(
  command: Command,
  argv: readonly string[] = process.argv,
): Promise<void> {
  // A reader who has seen enough (`vc-wc … | head`) is no failure.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    process.exit(error.code === "EPIPE" ? 0 : EXIT_USAGE);
  });
  const all = (each: Command): Command[] => [each, ...each.commands.flatMap(all)];
  for (const each of all(command)) each.exitOverride().showHelpAfterError("(see --help)");
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
