#!/usr/bin/env node
import { isIP } from "node:net";
// vc-server: the bridge between principals and an isolate.
import { setFlagsFromString } from "node:v8";
import { Command, InvalidArgumentError, Option } from "commander";
import type { Logger } from "pino";
import { addresses, formatAddress, parseAddress } from "../common/addresses.js";
import { CliError, runCommand } from "../common/cli.js";
import { readConfiguration } from "../common/configuration-file.js";
import { networkReason } from "../common/network-reason.js";
import { parseBytes, parseWhole, seconds } from "../common/quantities.js";
import { logLevelOption, serverLog } from "../common/server-log.js";
import { VERSION } from "../common/version.js";
import { LEAST_MEMORY_BYTES, MAX_MEMORY_BYTES } from "../isolate/worker-protocol.js";
import { emulatedForms, hostsInWords } from "../mcu/toolchain.js";
import { HOST_VARIABLE, MODULE_HOSTS } from "../translated-module/index.js";
import type { Policy } from "../veracruz-utils/policy.js";
import { AdminSocket } from "./admin-socket.js";
import { ComputationRefused } from "./computations.js";
import { type IsolateChoice, parseIsolate } from "./isolate-choice.js";
import { enrolmentOf, type IsolateOptions, isolatesOf } from "./isolate-options.js";
import { PolicyFolder, readPolicyFile } from "./policy-folder.js";
import type { Registry } from "./registry.js";
import { VeracruzServer } from "./server.js";

// Each read from a socket takes 64 KiB outside of V8's heap. With a heap above 8 MB V8 answers that by
// marking all of it, step by step, every 10 MiB that pass through; that was two thirds of this process's
// time in `bench:system`. Without it the young generation's collections free those buffers, and the heap
// of a few dozen MB is marked in one go, when it has grown.
setFlagsFromString("--no-incremental-marking");

const EXIT_START = 1;
const EXIT_ISOLATE = 3;

interface Options extends IsolateOptions {
  config?: string;
  listen?: { host: string; port: number };
  policies?: string;
  adminSocket?: string;
  registry?: string;
  serverName?: string;
  publicAddress?: { host: string; port: number };
  maxComputations: number;
  maxIsolates: number;
  maxIsolateMemory?: number;
  trustProxy: string[];
  proxyAttestationServer?: { host: string; port: number };
  allowOrigin: string[];
  statusPage: boolean;
  maxSessions: number;
  maxConnections: number;
  maxConnectionsPerAddress?: number;
  maxBody: number;
  sessionsPerMinute: number;
  handshake?: number;
  postIdle: number;
  isolateRestarts: number;
  attestationTimeout: number;
  logLevel: string;
}

const whole = (least: number, most: number) => (text: string) => parseWhole(text, least, most);
const address = (text: string) => parseAddress(text);
const listed = (value: string, list: string[]) => [...list, value];

function ipAddress(text: string, list: string[]): string[] {
  if (isIP(text) === 0) throw new InvalidArgumentError("expected an IP address");
  return [...list, text];
}

const command = new Command("vc-server")
  .description(
    "Veracruz server: starts an isolate or connects to one, hands it a policy, has it attested, and connects clients' TLS to it. It sees ciphertext only.",
  )
  .version(VERSION)
  .argument(
    "[policy]",
    "the policy of the computation that requests are for which name none: its isolate starts at once",
  )
  .option(
    "-c, --config <file>",
    "take options from this file (YAML, by their long names) where they are not given here; policy is the argument",
  )
  .option(
    "-l, --listen <host:port>",
    "where clients connect; port 0 takes any free one (default: the policy's veracruz_server_url)",
    address,
  )
  .option(
    "--policies <folder>",
    "hold a computation for each policy in this folder (*.json); an isolate is started when somebody asks for it. SIGHUP reads the folder again",
  )
  .option(
    "--admin-socket <path>",
    "take computations at this Unix socket while the server runs; veracruz up finds it at $XDG_RUNTIME_DIR/veracruz/server.sock, in ~/.local/state/veracruz and in /run/veracruz",
  )
  .option(
    "--registry <url>",
    "share computations with other servers through this PostgreSQL database, as in postgres://user@host/name: a party may come to any of them",
  )
  .option(
    "--server-name <name>",
    "this server's name there, another one for each (default: where it listens)",
  )
  .option(
    "--public-address <host:port>",
    "where the other servers reach this one (default: where it listens)",
    address,
  )
  .option("--max-computations <n>", "most computations that are held", whole(1, 1e6), 1024)
  .option("--max-isolates <n>", "most isolates that run at a time", whole(1, 100_000), 128)
  .option(
    "--max-isolate-memory <bytes>",
    "memory that all process isolates together may take (default: this computer's)",
    (t) => parseBytes(t, Number.MAX_SAFE_INTEGER, LEAST_MEMORY_BYTES),
  )
  .option(
    "--trust-proxy <address>",
    "IP address of a reverse proxy: what it says of who asks (X-Forwarded-For) is believed, and its connections are not counted; repeat",
    ipAddress,
    [],
  )
  .addOption(
    new Option(
      "-i, --isolate <kind>",
      `process: start the host isolate; tcp:HOST:PORT: connect to one that runs there; ${emulatedForms}: start an emulated microcontroller, ${hostsInWords}; serial:DEVICE: connect to a real one. With several computations, repeat for a pool of boards`,
    )
      .argParser((text, list: IsolateChoice[]) => [...list, parseIsolate(text)])
      .default([], "process"),
  )
  .option(
    "--control-key <file>",
    "with tcp or serial: the key that the isolate demands of its server (its own --control-key, or what a board was provisioned with), in a file of mode 600",
  )
  .option(
    "-r, --root-of-trust <file>",
    "with --isolate process: the key of its software root of trust; with qemu: the emulated board's secret (default: in build/mcu/state). Made on first use",
  )
  .option("--runtime <file>", "with --isolate process: run this trusted runtime, not the built one")
  .option(
    "--isolate-memory <bytes>",
    "with --isolate process: memory for files and sessions (default: 256 MiB, or what the files need that the policy allows)",
    (t) => parseBytes(t, MAX_MEMORY_BYTES, LEAST_MEMORY_BYTES),
  )
  .addOption(
    new Option(
      "--host <how>",
      `with --isolate process: how the trusted runtime is hosted: c, native code made from it; wasm3, interpreted (default: what ${HOST_VARIABLE} says, else c where it was made)`,
    ).choices(MODULE_HOSTS),
  )
  .option("--isolate-user <name>", "with --isolate process, as root: run it as this user")
  .option(
    "--proxy-attestation-server <host:port>",
    "where to have the isolate attested (default: the policy's proxy_attestation_server_url)",
    address,
  )
  .option("--allow-origin <origin>", "web origin that may open a WebSocket; repeat", listed, [])
  .option(
    "--status-page",
    "show the page of GET / to all, and not only to this computer's own addresses",
    false,
  )
  .option("--reset", "wipe an isolate that holds another policy, instead of refusing it", false)
  .option("--max-sessions <n>", "most sessions at a time", whole(1, 100_000), 1024)
  .option(
    "--max-connections <n>",
    "most connections at a time of peers that are not known",
    whole(1, 100_000),
    1024,
  )
  .option(
    "--max-connections-per-address <n>",
    "most of these from one IPv4 address or IPv6 /64 (default: an eighth)",
    whole(1, 100_000),
  )
  .option("--max-body <bytes>", "largest body of a POST", (t) => parseBytes(t, 16 << 20), 131_072)
  .option(
    "--sessions-per-minute <n>",
    "most sessions that one address may open unsigned",
    whole(1, 1e6),
    600,
  )
  .option(
    "--handshake <seconds>",
    "how long a handshake may take, from its first byte (default: 15, with a microcontroller 60)",
    seconds(1, 2_000_000),
  )
  .option(
    "--post-idle <seconds>",
    "end a session of POST requests after this time without one",
    seconds(1, 2_000_000),
    120_000,
  )
  .option(
    "--isolate-restarts <n>",
    "how often to start a lost isolate within an hour",
    whole(0, 1000),
    5,
  )
  .option(
    "--attestation-timeout <seconds>",
    "how long to try a proxy attestation server that does not answer, or refuses",
    seconds(1, 2_000_000),
    60_000,
  )
  .addOption(logLevelOption())
  .addHelpText(
    "after",
    `
End points: POST /runtime_manager, CONNECT isolate:443, WebSocket /runtime_manager,
POST /veracruz_server, GET /healthz, GET /livez, GET /metrics. Requests name a computation by the header
veracruz-policy, or by /computations/HASH in front of the path (CONNECT: HASH.isolate:443); HASH is the
policy's SHA-256. Those that name none are for the policy given here, or for the only one that is held.
The log is one JSON object in each line, and never holds a payload.

With --policies or --admin-socket the server holds many computations, and goes on until a signal ends it.

Exit codes: 0 the computation ended by consent, or SIGTERM or SIGINT stopped the server; 1 the server
could not start (address taken, policy or attestation refused); 2 wrong arguments or files; 3 the
isolate was lost too often.

Examples: vc-server policy.json --root-of-trust isolate.key.pem
          vc-server --config /etc/veracruz/server.yaml`,
  )
  .action(main);

async function main(argument: string | undefined, options: Options): Promise<void> {
  let policyPath = argument;
  if (options.config !== undefined) {
    readConfiguration(command, options.config, {
      name: "policy",
      take: (path) => {
        policyPath ??= path;
      },
    });
  }
  const { policies, adminSocket } = options;
  const single = policies === undefined && adminSocket === undefined;
  if (policyPath === undefined && single) {
    throw new CliError(
      "a policy is missing: as argument, or a folder of them (--policies), or --admin-socket to add them",
    );
  }
  const policy = policyPath === undefined ? undefined : readPolicyFile(policyPath, EXIT_START);
  await serve(policy, options, single);
}

async function serve(policy: Policy | undefined, options: Options, single: boolean): Promise<void> {
  const { policies, adminSocket } = options;
  const isolates = isolatesOf(options, single);
  const logger = serverLog(options.logLevel);
  const address =
    options.listen ??
    (policy === undefined
      ? addresses.veracruzServer
      : parseAddress(policy.document.veracruz_server_url));
  const { proxyAttestationServer, maxIsolateMemory } = options;
  const registry = await openRegistry(options, address, single || policy !== undefined, logger);
  // Whoever starts it may stop it as soon as it says that it listens.
  const stopWanted = new Promise<void>((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      process.once(signal, () => {
        logger.info({ signal }, "signal");
        resolve();
      });
    }
  });
  let server: VeracruzServer;
  try {
    server = await VeracruzServer.start({
      ...(policy !== undefined && { policy }),
      isolates,
      only: single,
      ...(registry !== undefined && { registry }),
      logger,
      ...address,
      maxComputations: options.maxComputations,
      maxIsolates: options.maxIsolates,
      ...(maxIsolateMemory !== undefined && { maxIsolateMemory }),
      trustedProxies: options.trustProxy,
      ...(proxyAttestationServer !== undefined && { proxyAttestationServer }),
      allowedOrigins: options.allowOrigin,
      statusPage: options.statusPage,
      maxSessions: options.maxSessions,
      maxConnections: options.maxConnections,
      ...(options.maxConnectionsPerAddress !== undefined && {
        maxConnectionsPerAddress: options.maxConnectionsPerAddress,
      }),
      maxBodyBytes: options.maxBody,
      sessionsPerMinute: options.sessionsPerMinute,
      ...(options.handshake !== undefined && { handshakeMs: options.handshake }),
      postIdleMs: options.postIdle,
      reset: options.reset,
      isolateRestarts: options.isolateRestarts,
      attestationTimeoutMs: options.attestationTimeout,
    });
  } catch (error) {
    await registry?.close();
    if (error instanceof ComputationRefused) throw new CliError(error.message, EXIT_START);
    throw new CliError(
      `cannot listen on ${formatAddress(address)}: ${networkReason(error)}`,
      EXIT_START,
    );
  }
  let admin: AdminSocket | undefined;
  try {
    if (policies !== undefined) await keepReading(policies, server, logger);
    admin =
      adminSocket === undefined
        ? undefined
        : await AdminSocket.open({
            path: adminSocket,
            computations: server.computations,
            logger,
            address: { host: server.address.address, port: server.address.port },
            enrolment: enrolmentOf(options),
          });
  } catch (error) {
    await server.close();
    await registry?.close();
    throw error;
  }
  void stopWanted.then(() => server.close());
  const wasReady = await server.ready().then(
    () => true,
    () => false,
  );
  const { status, reason } = await server.finished;
  logger.info({ status, reason }, "finished");
  await admin?.close();
  await server.close();
  await registry?.close();
  if (status === "failed") {
    throw new CliError(reason, wasReady ? EXIT_ISOLATE : EXIT_START);
  }
}

/** Enters the registry that several servers share, if there is one. */
async function openRegistry(
  { registry: url, serverName, publicAddress, listen }: Options,
  address: { host: string; port: number },
  ownsPolicy: boolean,
  logger: Logger,
): Promise<Registry | undefined> {
  if (url === undefined) {
    if (serverName !== undefined || publicAddress !== undefined)
      throw new CliError("--server-name and --public-address are for --registry");
    return undefined;
  }
  if (ownsPolicy)
    throw new CliError(
      "--registry is for computations that are started on demand: --policies or --admin-socket, and no policy as argument",
    );
  const reached = publicAddress ?? listen ?? address;
  if (reached.port === 0)
    throw new CliError("--registry: the other servers need an address: --public-address");
  // Loaded here alone: servers without one start faster.
  const { PostgresRegistry } = await import("./postgres-registry.js");
  return PostgresRegistry.open({
    url,
    name: serverName ?? formatAddress(reached),
    address: reached,
    log: (level, event, details) => logger[level](details, event),
  });
}

/** Takes the policies of a folder, now and at each SIGHUP. */
async function keepReading(folder: string, server: VeracruzServer, logger: Logger): Promise<void> {
  const reader = new PolicyFolder(folder, server.computations, logger);
  await reader.read();
  let reading: Promise<void> = Promise.resolve();
  process.on("SIGHUP", () => {
    reading = reading
      .then(() => reader.read())
      .catch((error: Error) => logger.error({ reason: error.message }, "policies not read"));
  });
}

await runCommand(command);
