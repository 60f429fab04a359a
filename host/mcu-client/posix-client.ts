/** The client's library as a process of this computer, over POSIX sockets. */
import { spawn } from "node:child_process";

/** A process that runs, and how it ends. */
export interface PosixClient {
  /** Resolves with its exit code, which is a device's; -1 when a signal ended it. */
  readonly ended: Promise<number>;
  /** Cancels what is under way, and waits for its end. */
  close(): Promise<void>;
}

/** What it does besides what its page says. */
export interface PosixOptions {
  /** Another server than the page's. */
  server?: { host: string; port: number };
  /** Ends the previous round first. */
  nextRound?: boolean;
  /** Prints how far the computation is, and which files are missing, once all is sent. */
  state?: boolean;
  /** Where the page's result goes; default: to its lines, in hexadecimal. */
  output?: string;
}

/** How long a client has to end after it was cancelled. */
const CANCEL_MS = 3_000;

/**
 * Starts the client with the page of a device.
 *
 * @param program made by `buildPosixPrograms`
 * @param page path of a page
 * @param tell told of each line that it prints
 */
export function startPosixClient(
  program: string,
  page: string,
  { server, nextRound, state, output }: PosixOptions,
  tell: (line: string) => void,
): PosixClient {
  const args = [
    ...(nextRound ? ["--next-round"] : []),
    ...(state ? ["--state"] : []),
    ...(output === undefined ? [] : ["--output", output]),
    ...["--", page],
    ...(server === undefined ? [] : [`${server.host}:${server.port}`]),
  ];
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  for (const stream of [child.stdout, child.stderr]) {
    let partial = "";
    stream.setEncoding("utf8").on("data", (text: string) => {
      const lines = (partial + text).split("\n");
      partial = lines.pop() ?? "";
      for (const line of lines) tell(line);
    });
  }
  const kill = () => {
    child.kill("SIGKILL");
  };
  process.once("exit", kill);
  const ended = new Promise<number>((resolve) => {
    const end = (code: number | null) => {
      process.off("exit", kill);
      resolve(code ?? -1);
    };
    child.once("close", end).once("error", () => end(-1));
  });
  const close = async () => {
    child.kill("SIGTERM");
    const late = setTimeout(kill, CANCEL_MS);
    await ended;
    clearTimeout(late);
  };
  return { ended, close };
}
