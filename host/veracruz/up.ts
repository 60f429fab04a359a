import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import type { Readable } from "node:stream";
import { setFlagsFromString } from "node:v8";
import { CliError } from "../common/cli.js";
import { interruptible, interruptions } from "../common/interruption.js";
import { State, stateDocs } from "../transport-protocol/index.js";
import { VeracruzClient } from "../veracruz-client/client.js";
import { type IsolateChoice, parseIsolate } from "../veracruz-server/isolate-choice.js";
import type { Policy } from "../veracruz-utils/policy.js";
import { missingLines, shortHash } from "./brief.js";
import { people, personCalled } from "./configuration.js";
import { answerCommands, logPathOf, stateOfUp, stopUp } from "./control-socket.js";
import { HostedComputation } from "./hosted-computation.js";
import { openView } from "./live-view.js";
import { inStyle, Output, type OutputOptions } from "./output.js";
import { readPolicy } from "./review.js";
import { findServer } from "./shared-server.js";

interface UpOptions extends OutputOptions {
  isolate: string;
  listen?: { host: string; port: number };
  runtime?: string;
  device?: string;
  serverSocket?: string;
  ownServer?: boolean;
  detach?: boolean;
  stop?: boolean;
}

/** In a detached process: the descriptor on which it says, once, that it is up or why it is not. */
const READY_VARIABLE = "VERACRUZ_UP_READY_FD";
const STOP_MS = 15_000;

/** `veracruz up POLICY`: attestation server where it is one's own, server and isolate, until the computation ends. */
export async function up(path: string, options: UpOptions): Promise<void> {
  const policy = readPolicy(path);
  if (options.stop) return stop(policy, new Output(options));
  // Checked before anything starts, and before a process is detached.
  const isolate = isolateOf(options.isolate);
  if (options.detach) return detach(policy, new Output(options));
  return serve(policy, isolate, options);
}

function isolateOf(text: string): IsolateChoice {
  try {
    return parseIsolate(text);
  } catch (error) {
    throw new CliError(`--isolate ${JSON.stringify(text)}: ${(error as Error).message}`);
  }
}

/**
 * The administrator's socket of the server on which the computation is brought up: the one that is named, or one that
 * runs here already where the policy says that parties come; undefined for a server of its own. Says which it is.
 */
async function serverSocketFor(
  policy: Policy,
  isolate: IsolateChoice,
  options: UpOptions,
  output: Output,
): Promise<string | undefined> {
  const { serverSocket, ownServer, runtime, device, listen } = options;
  if (serverSocket !== undefined && ownServer)
    throw new CliError(
      "--server-socket names a server, --own-server wants none: expected one of them",
    );
  const isOwn = ownServer || runtime !== undefined || device !== undefined || listen !== undefined;
  if (serverSocket !== undefined || isOwn || isolate.kind !== "process") return serverSocket;
  const found = await findServer(policy);
  if (found === undefined) return undefined;
  const { socket, address, isPolicys } = found;
  if (!isPolicys) {
    output.note(
      `the Veracruz server that runs here (${socket}) listens on ${address}, and the policy names ${policy.document.veracruz_server_url}: a server of its own comes up`,
    );
    return undefined;
  }
  output.note(
    `on the Veracruz server that runs here, on ${address} (${socket}); --own-server brings up another one`,
  );
  return socket;
}

async function serve(policy: Policy, isolate: IsolateChoice, options: UpOptions): Promise<void> {
  // As in vc-server: buffers of sockets would keep the collector busy.
  setFlagsFromString("--no-incremental-marking");
  const output = new Output(options);
  const hash = policy.hash.toString("hex");
  const { runtime, device, listen } = options;
  const socket = await serverSocketFor(policy, isolate, options, output);
  const computation = new HostedComputation({ policy, isolate, runtime, device, listen, socket });
  const report = () => ({
    policy: hash,
    pid: process.pid,
    ...(socket !== undefined && { serverSocket: socket }),
    ...computation.state,
  });
  let askedToStop: () => void = () => undefined;
  const stopped = new Promise<void>((resolve) => {
    askedToStop = resolve;
  });
  const parent = readyPipe();
  const commands = await answerCommands(hash, report, () => askedToStop());
  const observer = new Observer(policy);
  const view = openView(computation, output, () => observer.lines());
  let end: { status: string; reason: string } | undefined;
  try {
    await interruptible(
      async () => {
        const began = await Promise.race([
          computation.start().then(() => "up"),
          stopped.then(() => "stopped"),
          parent.gone,
        ]);
        if (began === "stopped") throw new CliError("stopped by veracruz up --stop", 1);
        output.note(
          `${inStyle("green", "up", process.stderr)}: parties can come to ${computation.state.server} (policy ${shortHash(policy)})`,
        );
        output.answer({ event: "up", ...report() });
        parent.tell({ up: report() });
        end = await Promise.race([
          computation.finished(),
          stopped.then(() => ({ status: "stopped", reason: "veracruz up --stop" })),
        ]);
      },
      async () => {
        await observer.close();
        view.close();
        await computation.close();
        await commands.close();
      },
    );
  } catch (error) {
    parent.tell({ failed: (error as Error).message });
    throw error;
  }
  output.answer({ event: "end", policy: hash, ...end });
  output.note(`${end?.status}: ${end?.reason}`);
  if (end?.status === "failed") throw new CliError(end.reason, 3);
}

/** Who of this computer's persons has a part may ask the isolate how far it is; the server itself cannot know. */
class Observer {
  private client: VeracruzClient | undefined;

  constructor(private readonly policy: Policy) {}

  async lines(): Promise<readonly string[]> {
    this.client ??= await this.connect();
    if (this.client === undefined) return [];
    try {
      const { state, round, maxRounds } = await this.client.state();
      const [name] = Object.entries(State).find(([, value]) => value === state) ?? [];
      const words = stateDocs[name as keyof typeof State] ?? "";
      const names = await this.client.missing();
      const missing = names.map((each) => ({ name: each, from: this.policy.writersOf(each) }));
      return [
        `  computation  ${words}; round ${round} of ${maxRounds}`,
        ...missingLines(missing).map((line) => `  missing      ${line}`),
      ];
    } catch {
      this.client = undefined;
      return [];
    }
  }

  private async connect(): Promise<VeracruzClient | undefined> {
    for (const name of people()) {
      const identity = personCalled(name).identity();
      if (this.policy.identityOf(identity.certificate.raw) === undefined) continue;
      return VeracruzClient.connect({ policy: this.policy, identity, tls: "own" });
    }
    return undefined;
  }

  async close(): Promise<void> {
    await this.client?.close();
  }
}

/** In a detached process, the pipe to the command that started it. */
function readyPipe(): { tell: (what: object) => void; gone: Promise<never> } {
  const fd = Number(process.env[READY_VARIABLE] ?? Number.NaN);
  delete process.env[READY_VARIABLE];
  if (!Number.isInteger(fd)) return { tell: () => undefined, gone: new Promise(() => undefined) };
  let told = false;
  // Whoever started this and is gone before it is up does not want it any more.
  const gone = new Promise<never>((_, reject) => {
    const check = setInterval(() => {
      if (told) return clearInterval(check);
      try {
        writeSync(fd, "\n");
      } catch {
        clearInterval(check);
        reject(new CliError("the command that started this has ended", 1));
      }
    }, 200);
  });
  gone.catch(() => undefined);
  return {
    gone,
    tell(what) {
      if (told) return;
      told = true;
      try {
        writeSync(fd, `${JSON.stringify(what)}\n`);
        closeSync(fd);
      } catch {
        // It has ended: nobody to tell.
      }
    },
  };
}

/** Starts the same command without `--detach` in a session of its own, and waits until it is up. */
async function detach(policy: Policy, output: Output): Promise<void> {
  const hash = policy.hash.toString("hex");
  if ((await stateOfUp(hash)) !== undefined)
    throw new CliError("this computation is up already: veracruz status shows it", 1);
  const logPath = logPathOf(hash);
  const log = openSync(logPath, "w", 0o600);
  const args = process.argv
    .slice(1)
    .filter((argument) => argument !== "--detach" && argument !== "--json");
  const child = spawn(process.execPath, [...process.execArgv, ...args, "--json"], {
    detached: true,
    stdio: ["ignore", log, log, "pipe"],
    env: { ...process.env, [READY_VARIABLE]: "3" },
  });
  closeSync(log);
  const end = () => child.kill("SIGTERM");
  for (const signal of interruptions) process.once(signal, end);
  const answer = await firstAnswer(child.stdio[3] as Readable);
  for (const signal of interruptions) process.off(signal, end);
  if (answer?.up === undefined) {
    throw new CliError(String(answer?.failed ?? lastWords(logPath)), 1);
  }
  child.unref();
  const state = answer.up as { server: string; pid: number; serverSocket?: string };
  if (state.serverSocket !== undefined)
    output.note(`on the Veracruz server that runs here (${state.serverSocket})`);
  output.note(
    `up: parties can come to ${state.server} (policy ${shortHash(policy)}, process ${state.pid}); it ends with the computation, or by --stop`,
  );
  output.detail(`it logs to ${logPath}`);
  output.answer({ event: "up", ...(answer.up as object), log: logPath });
}

/** The JSON object that the detached process says; undefined when it ends without one. */
function firstAnswer(pipe: Readable): Promise<Record<string, unknown> | undefined> {
  return new Promise((resolve) => {
    let text = "";
    pipe.setEncoding("utf8");
    pipe.on("data", (chunk: string) => {
      text += chunk;
      const line = text.split("\n").find((each) => each.startsWith("{"));
      if (line === undefined || !text.trimStart().includes("\n")) return;
      resolve(JSON.parse(line));
      pipe.destroy();
    });
    pipe.on("close", () => resolve(undefined));
    pipe.on("error", () => resolve(undefined));
  });
}

function lastWords(logPath: string): string {
  const lines = readFileSync(logPath, "utf8").trim().split("\n");
  return lines.at(-1)?.replace(/^veracruz: /, "") || `it did not come up; see ${logPath}`;
}

/** Ends what `veracruz up` has brought up, and waits until it has ended. */
async function stop(policy: Policy, output: Output): Promise<void> {
  const hash = policy.hash.toString("hex");
  const state = await stateOfUp(hash);
  if (state === undefined || !(await stopUp(hash)))
    throw new CliError("no veracruz up of this policy runs here", 1);
  const until = Date.now() + STOP_MS;
  while (isAlive(Number(state.pid)) && Date.now() < until)
    await new Promise((resolve) => setTimeout(resolve, 50));
  if (isAlive(Number(state.pid))) throw new CliError(`process ${state.pid} has not ended yet`, 1);
  output.note("stopped");
  output.answer({ event: "stopped", policy: hash });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
