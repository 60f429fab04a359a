#!/usr/bin/env node
// vc-server: the bridge between principals and an isolate.
import { resolve } from "node:path";
import { setFlagsFromString } from "node:v8";
import { Command, InvalidArgumentError, Option } from "commander";
import { pino } from "pino";
import { addresses, formatAddress, parseAddress } from "../common/addresses.js";
import { CliError, readUserFile, runCommand } from "../common/cli.js";
import { parseBytes, parseWhole } from "../common/quantities.js";
import { LEAST_MEMORY_BYTES } from "../isolate/worker-protocol.js";
import { emulatedIsolate, serialIsolate } from "../mcu/isolate-kinds.js";
import {
  type EmulatedBoard,
  emulatedBoards,
  type Host,
  hosts,
  missingTools,
} from "../mcu/toolchain.js";
import { Policy, PolicyError } from "../veracruz-utils/policy.js";
import { type IsolateKind, processIsolate, tcpIsolate } from "./isolate-kinds.js";
import { SERVER_VERSION, VeracruzServer } from "./server.js";

// Each read from a socket takes 64 KiB outside of V8's heap. With a heap above 8 MB V8 answers that by
// marking all of it, step by step, every 10 MiB that pass through; that was two thirds of this process's
// time in `bench:system`. Without it the young generation's collections free those buffers, and the heap
// of a few dozen MB is marked in one go, when it has grown.
setFlagsFromString("--no-incremental-marking");

const EXIT_START = 1;
const EXIT_ISOLATE = 3;

interface Options {
  listen?: { host: string; port: number };
  isolate: IsolateChoice;
  rootOfTrust?: string;
  runtime?: string;
  isolateMemory?: number;
  isolateUser?: string;
  proxyAttestationServer?: { host: string; port: number };
  allowOrigin: string[];
  reset: boolean;
  maxSessions: number;
  maxConnections: number;
  maxBody: number;
  sessionsPerMinute: number;
  firstByte: number;
  postIdle: number;
  maxRestarts: number;
  attestationTimeout: number;
  logLevel: string;
}

type IsolateChoice =
  | { kind: "process" }
  | { kind: "tcp"; address: { host: string; port: number } }
  | { kind: "qemu"; board: EmulatedBoard; runtimeHost: Host }
  | { kind: "serial"; device: string };

/** What starts the isolate, or where it is. */
function parseIsolate(text: string): IsolateChoice {
  const [, kind, rest = ""] = /^(process|tcp|qemu|serial)(?::(.+))?$/.exec(text) ?? [];
  const [boardName, host = "wasm3"] = rest.split(":");
  const board = emulatedBoards.find((each) => each === boardName);
  const runtimeHost = hosts.find((each) => each === host);
  if (text === "process") return { kind: "process" };
  if (kind === "tcp" && rest !== "") return { kind, address: parseAddress(rest) };
  if (kind === "serial" && rest !== "") return { kind, device: rest };
  if (kind === "qemu" && board && runtimeHost) return { kind, board, runtimeHost };
  throw new InvalidArgumentError(
    `expected process or tcp:HOST:PORT, as in tcp:${formatAddress(addresses.isolate)}, ` +
      `or serial:DEVICE, or qemu:BOARD or qemu:BOARD:c with one of ${emulatedBoards.join(", ")}`,
  );
}

const whole = (least: number, most: number) => (text: string) => parseWhole(text, least, most);
const seconds = (text: string) => parseWhole(text, 1, 2_000_000) * 1000;
const address = (text: string) => parseAddress(text);

const command = new Command("vc-server")
  .description(
    "Veracruz server: starts an isolate or connects to one, hands it a policy, has it attested, and bridges clients' TLS to it. It sees ciphertext only.",
  )
  .version(SERVER_VERSION)
  .argument("<policy>", "the policy, as vc-pgen writes it")
  .option(
    "-l, --listen <host:port>",
    "where clients connect; port 0 takes any free one (default: the policy's veracruz_server_url)",
    address,
  )
  .addOption(
    new Option(
      "-i, --isolate <kind>",
      "process: the host isolate; tcp:HOST:PORT: one that runs there; qemu:BOARD[:c]: an emulated microcontroller, its runtime interpreted (or compiled); serial:DEVICE: a real one",
    )
      .argParser(parseIsolate)
      .default({ kind: "process" }, "process"),
  )
  .option(
    "-r, --root-of-trust <file>",
    "with --isolate process: key of its software root of trust; with qemu: the emulated board's secret (default: in build/mcu/state); made on first use",
  )
  .option("--runtime <file>", "with --isolate process: another trusted runtime than the built one")
  .option(
    "--isolate-memory <bytes>",
    "with --isolate process: memory for files and sessions",
    (t) => parseBytes(t, 2 ** 32 - 1, LEAST_MEMORY_BYTES),
  )
  .option("--isolate-user <name>", "with --isolate process, as root: the user that it becomes")
  .option(
    "--proxy-attestation-server <host:port>",
    "where to have the isolate attested (default: the policy's proxy_attestation_server_url)",
    address,
  )
  .option(
    "--allow-origin <origin>",
    "web origin that may open a WebSocket; repeat",
    (value, list: string[]) => [...list, value],
    [],
  )
  .option("--reset", "wipe what an isolate still holds, instead of refusing to go on", false)
  .option("--max-sessions <n>", "sessions at a time", whole(1, 100_000), 1024)
  .option("--max-connections <n>", "connections at a time", whole(1, 100_000), 4096)
  .option("--max-body <bytes>", "largest body of a POST", (t) => parseBytes(t, 16 << 20), 131_072)
  .option("--sessions-per-minute <n>", "sessions that one address may open", whole(1, 1e6), 600)
  .option("--first-byte <seconds>", "time for a connection's first byte", seconds, 60_000)
  .option("--post-idle <seconds>", "time without a POST that ends its session", seconds, 3_600_000)
  .option("--max-restarts <n>", "starts of a lost isolate within an hour", whole(0, 1000), 5)
  .option(
    "--attestation-timeout <seconds>",
    "time for which an unreachable proxy attestation server is tried",
    seconds,
    60_000,
  )
  .addOption(
    new Option("--log-level <level>", "least level of the log on standard output")
      .choices(["debug", "info", "warn", "error", "silent"])
      .default("info"),
  )
  .addHelpText(
    "after",
    `
End points: POST /runtime_manager, CONNECT isolate:443, WebSocket /runtime_manager,
POST /veracruz_server, GET /healthz. The log is one JSON object a line, and never holds a payload.

Exit codes: 0 the computation ended by consent, or SIGTERM or SIGINT came; 1 the server could not
start (address taken, policy or attestation refused); 2 wrong arguments or files; 3 the isolate was
lost too often.

Example: vc-server policy.json --root-of-trust isolate.key.pem`,
  )
  .action(main);

function isolateKind(options: Options): IsolateKind {
  const { isolate, rootOfTrust, runtime, isolateMemory: memory, isolateUser: user } = options;
  if (isolate.kind !== "process") {
    const given = { "--runtime": runtime, "--isolate-memory": memory, "--isolate-user": user };
    for (const [option, value] of Object.entries(given)) {
      if (value !== undefined) throw new CliError(`${option} is for --isolate process`);
    }
  }
  if (isolate.kind === "qemu") {
    const { board, runtimeHost } = isolate;
    const missing = missingTools();
    if (missing !== undefined) throw new CliError(missing, EXIT_START);
    return emulatedIsolate({ board, runtimeHost, state: rootOfTrust && resolve(rootOfTrust) });
  }
  if (isolate.kind !== "process") {
    if (rootOfTrust !== undefined) {
      throw new CliError("--root-of-trust is for --isolate process, or qemu");
    }
    return isolate.kind === "tcp" ? tcpIsolate(isolate.address) : serialIsolate(isolate.device);
  }
  if (rootOfTrust === undefined) {
    throw new CliError("--root-of-trust is missing: a file for the isolate's attestation key");
  }
  return processIsolate({
    rootOfTrust,
    ...(runtime !== undefined && { runtime }),
    ...(memory !== undefined && { memory }),
    ...(user !== undefined && { user }),
  });
}

function readPolicy(path: string): Policy {
  const bytes = readUserFile(path, "policy");
  try {
    return new Policy(bytes);
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    throw new CliError(
      `the policy ${JSON.stringify(path)} is refused: ${error.message}`,
      EXIT_START,
    );
  }
}

async function main(policyPath: string, options: Options): Promise<void> {
  const policy = readPolicy(policyPath);
  const isolate = isolateKind(options);
  const logger = pino({
    base: null,
    level: options.logLevel,
    formatters: { level: (label) => ({ level: label }) },
  });
  const { proxyAttestationServer } = options;
  let server: VeracruzServer;
  try {
    server = await VeracruzServer.start({
      policy,
      isolate,
      logger,
      ...(options.listen ?? parseAddress(policy.document.veracruz_server_url)),
      ...(proxyAttestationServer !== undefined && { proxyAttestationServer }),
      allowedOrigins: options.allowOrigin,
      maxSessions: options.maxSessions,
      maxConnections: options.maxConnections,
      maxBodyBytes: options.maxBody,
      sessionsPerMinute: options.sessionsPerMinute,
      firstByteMs: options.firstByte,
      postIdleMs: options.postIdle,
      reset: options.reset,
      maxRestarts: options.maxRestarts,
      attestationTimeoutMs: options.attestationTimeout,
    });
  } catch (error) {
    throw new CliError(`cannot listen: ${(error as Error).message}`, EXIT_START);
  }
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.once(signal, () => {
      logger.info({ signal }, "signal");
      void server.close();
    });
  }
  const wasReady = await server.ready().then(
    () => true,
    () => false,
  );
  const { status, reason } = await server.finished;
  logger.info({ status, reason }, "finished");
  await server.close();
  if (status === "failed") {
    throw new CliError(reason, wasReady ? EXIT_ISOLATE : EXIT_START);
  }
}

await runCommand(command);
