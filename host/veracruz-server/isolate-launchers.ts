import { type ChildProcess, spawn } from "node:child_process";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import type { Duplex } from "node:stream";
import { fileURLToPath } from "node:url";
import { formatAddress, parseAddress } from "../common/addresses.js";
import type { IsolateLauncher, IsolateLog, StartedIsolate } from "../common/isolate-launcher.js";
import { networkReason } from "../common/network-reason.js";
import { newControlKey, proveControlKey } from "../isolate/control-key.js";
import type { ModuleHost } from "../translated-module/index.js";

const CONNECT_TIMEOUT_MS = 10_000;
/** Of its process, until it listens: a busy machine with a cold disk takes its time. */
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 3_000;

function connectTo({ host, port }: { host: string; port: number }): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true, keepAlive: true });
    const timer = setTimeout(() => {
      socket.destroy(new Error(`no connection within ${CONNECT_TIMEOUT_MS} ms`));
    }, CONNECT_TIMEOUT_MS);
    socket.once("error", (error) => {
      clearTimeout(timer);
      reject(
        new Error(`cannot connect to ${formatAddress({ host, port })}: ${networkReason(error)}`),
      );
    });
    socket.once("connect", () => {
      clearTimeout(timer);
      socket.removeAllListeners("error");
      resolve(socket);
    });
  });
}

const never = new Promise<string>(() => {});

/** An isolate that somebody else starts, at a TCP address; with the key that it demands, if it does. */
export function tcpIsolate(
  address: { host: string; port: number },
  controlKey?: Uint8Array,
): IsolateLauncher {
  return {
    description: `tcp:${formatAddress(address)}`,
    mayComeLater: true,
    async start() {
      const stream = await connectTo(address);
      if (controlKey !== undefined) await proveControlKey(stream, controlKey);
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

/** What the isolate's process is started with. */
export interface ProcessIsolateOptions {
  /** File of the software root of trust's key. */
  rootOfTrust: string;
  /** Another trusted runtime than the one that was built here. */
  runtime?: string;
  /** Memory that the runtime may take, in bytes. */
  memory?: number;
  /** How `vc-isolate` hosts the trusted runtime, its `--host`. */
  moduleHost?: ModuleHost;
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
export function processIsolate(options: ProcessIsolateOptions): IsolateLauncher {
  const command = join(dirname(fileURLToPath(import.meta.url)), "../isolate/cli.js");
  const args = ["--listen", "127.0.0.1:0", "--root-of-trust", options.rootOfTrust];
  // A killed server cannot end it, and what it holds must not remain.
  args.push("--end-with-input");
  // Its port is open to every user of this computer: it takes only the server that started it.
  args.push("--control-key", "-");
  if (options.runtime !== undefined) args.push("--runtime", options.runtime);
  if (options.memory !== undefined) args.push("--memory", String(options.memory));
  if (options.moduleHost !== undefined) args.push("--host", options.moduleHost);
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
  const controlKey = newControlKey();
  child.stdin.write(`${controlKey}\n`);
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
      const { msg, level, time, ...details } = parseLogLine(line);
      const known = level === "warn" ? "warn" : level === "fatal" ? "error" : "info";
      log(known, `isolate: ${msg}`, details);
      if (level === "fatal" && typeof details.reason === "string") {
        lastWords = details.reason.split("\n")[0] ?? "";
      }
      if (msg === "listening" && typeof details.address === "string") {
        resolve(details.address);
      }
    });
  });
  try {
    const address = await firstOf(listening, exited);
    const stream = await connectTo(parseAddress(address));
    await proveControlKey(stream, Buffer.from(controlKey, "hex"));
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
  return { msg: "output", line };
}

async function stopProcess(child: ChildProcess, exited: Promise<string>): Promise<void> {
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
  await exited;
  clearTimeout(timer);
}
