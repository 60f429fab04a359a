import { CliError } from "./cli.js";

/** Exit code of a command that a signal has ended. */
export const EXIT_INTERRUPTED = 130;

/** The signals that ask a command to end. */
export const interruptions = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Does work that a signal may interrupt, then cleans up, however the work has ended. A second signal while
 * cleaning up changes nothing: first stop whatever was started.
 *
 * @throws CliError with exit code 130 when a signal came; what the work throws otherwise
 */
export async function interruptible(
  work: () => Promise<void>,
  cleanUp: () => Promise<void>,
): Promise<void> {
  let interrupt = () => {};
  const interruption = new Promise<never>((_, reject) => {
    interrupt = () => reject(new CliError("interrupted", EXIT_INTERRUPTED));
  });
  for (const signal of interruptions) process.on(signal, interrupt);
  try {
    await Promise.race([work(), interruption]);
  } finally {
    await cleanUp();
    for (const signal of interruptions) process.off(signal, interrupt);
  }
}
