// npm run bench:system: what the server costs, and what the whole way from a client into the isolate does.

import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { writeChart } from "../../host/common/chart.js";
import { ComputationRecords } from "../../host/continuity/records.js";
import { FreestandingEngine } from "../../host/freestanding-execution-engine/engine.js";
import {
  HOST_VARIABLE,
  MODULE_HOSTS,
  type ModuleHost,
} from "../../host/translated-module/index.js";
import { VeracruzClient } from "../../host/veracruz-client/client.js";
import { loadIdentity } from "../../host/veracruz-client/identity.js";
import { exampleModule, principal, System, TestAttestation } from "../support/system.js";
import { forwarding } from "./bench-forwarding.js";
import { type Handshakes, handshakes } from "./bench-handshakes.js";
import {
  endAll,
  memoryOf,
  processorSecondsOf,
  startServer,
  startServerFor,
} from "./bench-processes.js";

const { values: options } = parseArgs({
  options: {
    megabytes: { type: "string", default: "256" },
    rounds: { type: "string", default: "7" },
    provision: { type: "string", default: "224" },
    seconds: { type: "string", default: "5" },
    only: { type: "string" },
    json: { type: "boolean", default: false },
    chart: { type: "string" },
    help: { type: "boolean", short: "h", default: false },
  },
});
if (options.help) {
  console.log(`Usage: npm run bench:system -- [--only PART] [--megabytes N] [--rounds N] [--provision N]
       [--seconds N] [--json] [--chart FILE]

  --only PART    forwarding, idle, provisioning, handshakes or result
  --megabytes N  sent through the pipe and through the server in each round, in MiB (default 256)
  --rounds N     of pipe and server in turn; the medians are told (default 7)
  --provision N  sent into the isolate through server and TLS, in MiB (default 224: an isolate has 256 MiB; wasm3 gets an eighth)
  --seconds N    for which OpenSSL makes handshakes (default 5)
  --json         one JSON object
  --chart FILE   also draw the figures (SVG)

Bars: forwarding at least 0.7 of a bare pipe's; the server at most 200 MB with 1,000 open idle
sessions; a result request at most 50 ms more than the program alone.`);
  process.exit(0);
}

const MIB = 1024 * 1024;
const ISOLATE_SESSIONS = 64;
interface Idle {
  /** Resident memory of the server in MB. */
  before: number;
  with1000: number;
  /** Sessions that the isolate took. */
  sessions: number;
  withSessions: number;
}

/**
 * The server's memory with 1,000 open connections that say nothing, and, beside them, as many
 * authenticated sessions as the isolate takes.
 */
async function idleMemory(attestation: TestAttestation): Promise<Idle> {
  const server = await startServer(
    attestation,
    ...["--root-of-trust", attestation.rootOfTrust, "--runtime", attestation.runtime],
    ...["--max-connections", "4096", "--max-connections-per-address", "4096"],
  );
  const before = memoryOf(server.pid);
  const sockets = await Promise.all(
    Array.from(
      { length: 1000 },
      () =>
        new Promise<Socket>((resolve) => {
          const socket = connect(server.port, "127.0.0.1", () =>
            socket.write("CONNECT isolate:443 HTTP/1.1\r\nhost: isolate:443\r\n\r\n"),
          );
          socket.once("data", () => resolve(socket));
        }),
    ),
  );
  const with1000 = memoryOf(server.pid);
  const { pem, keyPem } = principal("alice");
  const identity = loadIdentity(Buffer.from(pem), keyPem);
  const clients: VeracruzClient[] = [];
  // All that the isolate takes: of another one the principal's oldest would give way.
  for (let n = 0; n < ISOLATE_SESSIONS; n++) {
    const { policy, port } = server;
    const address = { host: "127.0.0.1", port };
    clients.push(await VeracruzClient.connect({ policy, identity, server: address }));
  }
  const withSessions = memoryOf(server.pid);
  for (const client of clients) await client.close();
  for (const socket of sockets) socket.destroy();
  await server.end();
  return { before, with1000, sessions: clients.length, withSessions };
}

type SuiteName = "TLS1_3_CHACHA20_POLY1305_SHA256" | "TLS1_3_AES_128_GCM_SHA256";

interface Provisioning {
  suite: SuiteName;
  host: ModuleHost;
  upMiBs: number;
  downMiBs: number;
  /** Processor time of each process, in ms for 1 MiB in; the client's is this one. */
  isolateMs: number;
  serverMs: number;
  clientMs: number;
}

/** Another host of the isolate's trusted modules, for what is started meanwhile. */
async function hostedBy<T>(host: ModuleHost, body: () => Promise<T>): Promise<T> {
  const before = process.env[HOST_VARIABLE];
  process.env[HOST_VARIABLE] = host;
  try {
    return await body();
  } finally {
    if (before === undefined) delete process.env[HOST_VARIABLE];
    else process.env[HOST_VARIABLE] = before;
  }
}

/** MiB a second into the isolate and back out, by `vc-client`'s library and its own TLS. */
async function provisioning(
  attestation: TestAttestation,
  suite: SuiteName,
  host: ModuleHost,
  mebibytes: number,
): Promise<Provisioning> {
  // Each in a process of its own, as where it is used.
  const server = await startServerFor(
    attestation,
    {
      principals: { alice: "nop.wasm:w,input-0:rw,output:r" },
      programs: { "nop.wasm": { module: exampleModule("nop"), rights: "input-0:r,output:w" } },
      policy: { ciphersuite: suite, execution_limits: { file_bytes: mebibytes * MIB } },
    },
    ...["--root-of-trust", attestation.rootOfTrust, "--runtime", attestation.runtime],
  );
  const content = randomBytes(mebibytes * MIB);
  const { pem, keyPem } = principal("alice");
  const alice = await VeracruzClient.connect({
    policy: server.policy,
    identity: loadIdentity(Buffer.from(pem), keyPem),
    server: { host: "127.0.0.1", port: server.port },
    records: new ComputationRecords(join(attestation.folder, "records")),
  });
  const times = () => [server.isolatePid, server.pid, process.pid].map(processorSecondsOf);
  const before = times();
  const begin = performance.now();
  await alice.sendData("input-0", content);
  const sent = performance.now();
  const [isolateMs = 0, serverMs = 0, clientMs = 0] = times().map(
    (seconds, i) => ((seconds - (before[i] ?? 0)) * 1000) / mebibytes,
  );
  const readFrom = performance.now();
  const back = await alice.read("input-0");
  const read = performance.now();
  if (!back.equals(content)) throw new Error("what came back is something else");
  await alice.close();
  await server.end();
  const rate = (ms: number) => content.length / MIB / (ms / 1000);
  const [upMiBs, downMiBs] = [rate(sent - begin), rate(read - readFrom)];
  return { suite, host, upMiBs, downMiBs, isolateMs, serverMs, clientMs };
}

/** Milliseconds that a result request takes, and the program alone, freestanding. */
async function resultRequest(attestation: TestAttestation) {
  const module = exampleModule("nop");
  const system = await System.start({
    attestation,
    principals: { alice: "nop.wasm:w,output:r" },
    programs: { "nop.wasm": { module, rights: "output:w" } },
    policy: { max_rounds: 1000 },
  });
  const alice = await system.connect("alice");
  await alice.sendProgram("nop.wasm", module);
  const times: number[] = [];
  for (let round = 0; round < 30; round++) {
    if (round > 0) await alice.nextRound();
    const begin = performance.now();
    await alice.read();
    times.push(performance.now() - begin);
  }
  await system.stop();
  const engine = new FreestandingEngine();
  const alone = Array.from({ length: 30 }, () => {
    const begin = performance.now();
    engine.run({ program: module });
    return performance.now() - begin;
  });
  const median = (values: number[]) => values.sort((a, b) => a - b)[15] as number;
  return { requestMs: median(times), aloneMs: median(alone) };
}

const row = (name: string, value: string, bar = "") => {
  if (!options.json) console.log(`${name.padEnd(58)} ${value.padStart(14)}   ${bar}`.trimEnd());
};

/** Measures each part that is asked for, and prints its rows as soon as they are there. */
const parts: Record<string, (attestation: TestAttestation) => Promise<unknown>> = {
  async forwarding(attestation) {
    const total = Number(options.megabytes) * MIB;
    const figures = await forwarding(attestation, total, Number(options.rounds));
    const { pipe, server, ratio, ratios } = figures;
    const processor = (seconds: number) => `${seconds.toFixed(2)} s/GiB`;
    row("bare pipe between two sockets", `${pipe.rate.toFixed(0)} MiB/s`);
    row("  processor time", processor(pipe.processor));
    row("server: CONNECT to the isolate's wire", `${server.rate.toFixed(0)} MiB/s`);
    row("  processor time", processor(server.processor));
    row("  rate, of the bare pipe's", ratio.toFixed(2), "bar ≥ 0.7");
    row("    round by round", ratios.map((each) => each.toFixed(2)).join(" "));
    return figures;
  },
  async idle(attestation) {
    const figures = await idleMemory(attestation);
    row("server's memory, started", `${figures.before.toFixed(0)} MB`);
    row("  with 1,000 open idle connections", `${figures.with1000.toFixed(0)} MB`, "bar ≤ 200");
    const { sessions, withSessions } = figures;
    row(`  and ${sessions} sessions, all that the isolate takes`, `${withSessions.toFixed(0)} MB`);
    return figures;
  },
  async provisioning(attestation) {
    const figures: Provisioning[] = [];
    for (const suite of ["TLS1_3_CHACHA20_POLY1305_SHA256", "TLS1_3_AES_128_GCM_SHA256"] as const) {
      for (const host of MODULE_HOSTS) {
        // The interpreter gets an eighth, for as long.
        const mebibytes = Math.ceil(Number(options.provision) / (host === "c" ? 1 : 8));
        const measure = () => provisioning(attestation, suite, host, mebibytes);
        const each = await hostedBy(host, measure);
        figures.push(each);
        row(`into the isolate, ${suite}`, `${each.upMiBs.toFixed(2)} MiB/s`, `--host ${host}`);
        row("  processor time of the isolate", `${each.isolateMs.toFixed(2)} ms/MiB`);
        row("  of vc-server", `${each.serverMs.toFixed(2)} ms/MiB`);
        row("  of the client", `${each.clientMs.toFixed(2)} ms/MiB`);
        row("  and out of it", `${each.downMiBs.toFixed(2)} MiB/s`);
      }
      const [native, interpreted] = figures.slice(-2) as [Provisioning, Provisioning];
      const ratio = native.upMiBs / interpreted.upMiBs;
      row("  in, native code against wasm3", `${ratio.toFixed(1)} x`, "bar >= 10, and 120 MiB/s");
    }
    return figures;
  },
  async handshakes(attestation) {
    const figures: Record<string, Handshakes> = {};
    for (const host of MODULE_HOSTS) {
      const each = await hostedBy(host, () =>
        handshakes(attestation, host, Number(options.seconds)),
      );
      figures[host] = each;
      const connection = `${each.connectionMs.toFixed(2)} ms`;
      row("a client's connection, handshake and policy hash", connection, `--host ${host}`);
      row("  OpenSSL's handshakes, as s_time counts", `${each.perSecond.toFixed(0)} /s`);
      row("    processor time of the isolate for one", `${each.isolateMs.toFixed(2)} ms`);
      const { least, median } = each.work;
      row(
        "  what the runtime works for one, at least",
        `${least.toFixed(2)} ms`,
        "bar <= 1 with c",
      );
      row("    median", `${median.toFixed(2)} ms`);
    }
    return figures;
  },
  async result(attestation) {
    const figures = await resultRequest(attestation);
    const overhead = figures.requestMs - figures.aloneMs;
    row("result request of a program that does nothing", `${figures.requestMs.toFixed(1)} ms`);
    row("  the program alone, freestanding", `${figures.aloneMs.toFixed(1)} ms`);
    row("  overhead", `${overhead.toFixed(1)} ms`, "bar ≤ 50");
    return figures;
  },
};

if (options.only !== undefined && parts[options.only] === undefined) {
  console.error(`--only ${options.only}: expected one of ${Object.keys(parts).join(", ")}`);
  process.exit(2);
}
const attestation = await TestAttestation.start();
try {
  if (!options.json) {
    console.log(`${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}\n`);
  }
  const figures: Record<string, unknown> = {};
  for (const [name, measure] of Object.entries(parts)) {
    if (options.only === undefined || options.only === name) {
      figures[name] = await measure(attestation);
    }
  }
  if (options.chart !== undefined)
    writeChart(options.chart, "The server and the way into the isolate", figures);
  if (options.json) console.log(JSON.stringify(figures));
} finally {
  endAll();
  await attestation.stop();
}
