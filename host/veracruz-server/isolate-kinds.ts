import { type ChildProcess, spawn } from "node:child_process";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import type { Duplex } from "node:stream";
import { fileURLToPath } from "node:url";
import { formatAddress, parseAddress } from "../common/addresses.js";

/** A running isolate, seen from the server. */
export interface StartedIsolate {
  /** Carries the frames of the transport protocol. */
  readonly stream: Duplex;
  /** Settles, with the reason in words, when the isolate itself ends (where that can be seen). */
  readonly exited: Promise<string>;
  /** Ends what `start` started; settles when it has ended. */
  stop(): Promise<void>;
}

/** Takes what an isolate says of itself: one line for the log. */
export type IsolateLog = (
  level: "info" | "warn" | "error",
  event: string,
  details?: Record<string, unknown>,
) => void;

/** A way to get at an isolate. Each start after the first comes when the one before is gone. */
export interface IsolateKind {
  /** For logs: what and where. */
  readonly description: string;
  /** Whether a first start that fails may succeed later, because somebody else has to do something. */
  readonly mayComeLater: boolean;
  /** Starts it, or connects to it. Rejects with why it could not. */
  start(log: IsolateLog): Promise<StartedIsolate>;
}

const CONNECT_TIMEOUT_MS = 10_000;
const START_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 3_000;

function connectTo({ host, port }: { host: string; port: number }): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true, keepAlive: true });
    const timer = setTimeout(() => {
      socket.destroy(new Error(`no connection within ${CONNECT_TIMEOUT_MS} ms`));
    }, CONNECT_TIMEOUT_MS);
    socket.once("error", (error) => {
      clearTimeout(timer);
      reject(new Error(`cannot connect to ${formatAddress({ host, port })}: ${error.message}`));
    });
    socket.once("connect", () => {
      clearTimeout(timer);
      socket.removeAllListeners("error");
      resolve(socket);
    });
  });
}

const never = new Promise<string>(() => {});

/** An isolate that somebody else starts, at a TCP address. */
export function tcpIsolate(address: { host: string; port: number }): IsolateKind {
  return {
    description: `tcp:${formatAddress(address)}`,
    mayComeLater: true,
    async start() {
      const stream = await connectTo(address);
      return {
        stream,
        exited: never,
        async stop() {
          stream.destroy();
        },
      };
    },
  };
}

export interface ProcessIsolateOptions {
  /** File of the software root of trust's key. */
  rootOfTrust: string;
  /** Another trusted runtime than the one that was built here. */
  runtime?: string;
  /** Memory that the runtime may take, in bytes. */
  memory?: number;
  /** When the server is root: the user that the isolate becomes. */
  user?: string;
}

/** Lines of a stream, each at most `limit` characters; the rest of a longer one is dropped. */
function onLines(stream: NodeJS.ReadableStream, limit: number, take: (line: string) => void): void {
  let line = "";
  stream.setEncoding("utf8");
  stream.on("data", (text: string) => {
    const parts = text.split("\n");
    parts.forEach((part, index) => {
      if (line.length < limit) line += part.slice(0, limit - line.length);
      if (index < parts.length - 1) {
        take(line);
        line = "";
      }
    });
  });
}

/** The host isolate in a process of its own, which lives as long as the server. */
export function processIsolate(options: ProcessIsolateOptions): IsolateKind {
  const command = join(dirname(fileURLToPath(import.meta.url)), "../isolate/cli.js");
  const args = ["--listen", "127.0.0.1:0", "--root-of-trust", options.rootOfTrust];
  // A server that is killed cannot end it, and what it holds must not stay behind.
  args.push("--end-with-input");
  if (options.runtime !== undefined) args.push("--runtime", options.runtime);
  if (options.memory !== undefined) args.push("--memory", String(options.memory));
  if (options.user !== undefined) args.push("--user", options.user);
  return {
    description: "process",
    mayComeLater: false,
    start: (log) => startProcess([command, ...args], log),
  };
}

async function startProcess(args: readonly string[], log: IsolateLog): Promise<StartedIsolate> {
  const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "pipe"] });
  child.stdin.on("error", () => undefined);
  if (child.pid !== undefined) log("info", "isolate process started", { pid: child.pid });
  let lastWords = "";
  const exited = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(`the isolate's process failed: ${error.message}`));
    child.once("close", (code, signal) => {
      const how = signal === null ? `exit code ${code}` : `signal ${signal}`;
      resolve(`the isolate's process ended with ${how}${lastWords && `: ${lastWords}`}`);
    });
  });
  onLines(child.stderr, 500, (line) => {
    if (line.trim() === "") return;
    lastWords ||= line.trim();
    log("warn", "isolate stderr", { line });
  });
  const listening = new Promise<string>((resolve) => {
    onLines(child.stdout, 10_000, (line) => {
      const { event, level, time, ...details } = parseLogLine(line);
      const known = level === "warn" ? "warn" : level === "fatal" ? "error" : "info";
      log(known, `isolate: ${event}`, details);
      if (level === "fatal" && typeof details.reason === "string") {
        lastWords = details.reason.split("\n")[0] ?? "";
      }
      if (event === "listening" && typeof details.address === "string") {
        resolve(details.address);
      }
    });
  });
  try {
    const address = await firstOf(listening, exited);
    const stream = await connectTo(parseAddress(address));
    return { stream, exited, stop: () => stopProcess(child, exited) };
  } catch (error) {
    await stopProcess(child, exited);
    throw error;
  }
}

/** The address, unless the process ends first or takes too long. */
function firstOf(listening: Promise<string>, exited: Promise<string>): Promise<string> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new Error(`the isolate did not start within ${START_TIMEOUT_MS} ms`));
    }, START_TIMEOUT_MS);
    void listening.then((address) => {
      clearTimeout(timer);
      resolve(address);
    });
    void exited.then((reason) => {
      clearTimeout(timer);
      reject(new Error(reason));
    });
  });
}

function parseLogLine(line: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(line);
    if (typeof parsed === "object" && parsed !== null) return parsed as Record<string, unknown>;
  } catch {
    // Not JSON: shown as it is.
  }
  return { event: "output", line };
}

async function stopProcess(child: ChildProcess, exited: Promise<string>): Promise<void> {
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
  await exited;
  clearTimeout(timer);
}
