// npm run bench:principal: how much slower the others are served while a principal without rights sends what costs
// the isolate most.
import { type ChildProcess, fork } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { loadTlsEngine } from "../../host/session-manager/load.js";
import { TlsDuplex } from "../../host/session-manager/tls-duplex.js";
import { VeracruzClient } from "../../host/veracruz-client/client.js";
import { loadIdentity } from "../../host/veracruz-client/identity.js";
import { ISOLATE_NAME } from "../../host/veracruz-client/isolate-identity.js";
import { connectTunnel } from "../../host/veracruz-client/tunnels.js";
import { certificateFromPem } from "../../host/x509/principal-certificate.js";
import { flood, floods } from "../attacks/floods.js";
import { principal, TestAttestation } from "../support/system.js";
import { endAll, processorSecondsOf, type ServerProcess, startServer } from "./bench-processes.js";

const { values: options } = parseArgs({
  options: {
    messages: { type: "string", default: "100000" },
    each: { type: "string", default: "2000" },
    requests: { type: "string", default: "200" },
    seconds: { type: "string", default: "120" },
    help: { type: "boolean", short: "h", default: false },
    // For the attacker's process.
    attack: { type: "string" },
    folder: { type: "string", default: "" },
    port: { type: "string", default: "0" },
  },
});
if (options.help) {
  console.log(`Usage: npm run bench:principal -- [--messages N] [--each N] [--requests N] [--seconds N]

  --messages N  of the worst kind, sent while others are served (default 100000)
  --each N      of each kind, to find the worst (default 2000)
  --requests N  of another principal, timed with and without the attack (default 200)
  --seconds N   how long the attack goes on at most (default 120)

Bars: the isolate starts no second time; others wait at most twice as long (medians of one run).`);
  process.exit(0);
}

/** Keys of the attacker, in a file: it is another process. */
const IDENTITY = "mallory.json";
interface Mallory {
  pem: string;
  keyPem: string;
  caPem: string;
}

async function attack(): Promise<void> {
  const { pem, keyPem, caPem } = JSON.parse(
    readFileSync(join(options.folder, IDENTITY), "utf8"),
  ) as Mallory;
  const engine = loadTlsEngine();
  const { key, certificate } = loadIdentity(Buffer.from(pem), keyPem);
  const config = engine.configure({
    identity: {
      privateKey: Buffer.from(key.export({ format: "jwk" }).d ?? "", "base64url"),
      chain: [certificate.raw],
    },
    server: { authority: certificateFromPem(caPem), name: ISOLATE_NAME },
  });
  const open = async () => {
    const transport = await connectTunnel({ host: "127.0.0.1", port: Number(options.port) }, 5_000);
    const stream = new TlsDuplex({ config, role: "client", transport, approve: () => true });
    stream.on("error", () => undefined).resume();
    await new Promise<void>((resolve, reject) => {
      stream.once("secure", resolve);
      stream.once("close", () => reject(new Error("closed during the handshake")));
    });
    return stream;
  };
  const until = performance.now() + Number(options.seconds) * 1000;
  process.send?.(await flood(open, options.attack as string, Number(options.messages), until));
  process.exit(0);
}

/** The isolate's process: the server's only child. */
const isolateOf = (server: number) =>
  Number(readFileSync(`/proc/${server}/task/${server}/children`, "utf8").trim().split(" ")[0]);

interface Sent {
  sent: number;
  sessions: number;
}

/** Starts an attack in a process of its own; resolves with what it sent. */
function begin(folder: string, port: number, kind: string, messages: number): Promise<Sent> {
  const args = ["--attack", kind, "--folder", folder, "--port", String(port)];
  args.push("--messages", String(messages), "--seconds", options.seconds);
  const child: ChildProcess = fork(fileURLToPath(import.meta.url), args);
  return new Promise((resolve, reject) => {
    child.once("message", (sent) => resolve(sent as Sent));
    child.once("exit", () => reject(new Error("the attacker's process has ended")));
  });
}

/** The median of the times that requests take, in milliseconds. */
async function median(client: VeracruzClient, count: number, goesOn = () => true): Promise<number> {
  const times: number[] = [];
  for (let turn = 0; turn < count && goesOn(); turn++) {
    const start = performance.now();
    await client.state();
    times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  return times[times.length >> 1] ?? Number.NaN;
}

async function measure(attestation: TestAttestation): Promise<void> {
  const { folder, caPem } = attestation;
  const { pem, keyPem } = principal("mallory");
  const mallory: Mallory = { pem, keyPem, caPem };
  writeFileSync(join(folder, IDENTITY), JSON.stringify(mallory), { mode: 0o600 });
  const alice = principal("alice");
  const start = (): Promise<ServerProcess> =>
    startServer(
      attestation,
      "--root-of-trust",
      attestation.rootOfTrust,
      "--runtime",
      attestation.runtime,
    );
  let worst = { kind: "", microseconds: 0 };
  for (const kind of Object.keys(floods)) {
    // A new isolate each time: the share of the attacker's work is whole.
    const server = await start();
    const isolate = isolateOf(server.pid);
    const before = processorSecondsOf(isolate);
    const { sent, sessions } = await begin(folder, server.port, kind, Number(options.each));
    const microseconds = ((processorSecondsOf(isolate) - before) * 1e6) / sent;
    console.log(
      `${kind.padEnd(16)} ${microseconds.toFixed(0).padStart(6)} µs a message; ${sent} in ${sessions} sessions`,
    );
    if (microseconds > worst.microseconds) worst = { kind, microseconds };
    await server.end();
  }
  const server = await start();
  const isolate = isolateOf(server.pid);
  const { policy, port } = server;
  const client = await VeracruzClient.connect({
    policy,
    identity: loadIdentity(Buffer.from(alice.pem), alice.keyPem),
    server: { host: "127.0.0.1", port },
  });
  const quiet = await median(client, Number(options.requests));
  let over = false;
  const attacked = begin(folder, port, worst.kind, Number(options.messages)).finally(() => {
    over = true;
  });
  const busy = await median(client, Number(options.requests), () => !over);
  const { sent, sessions } = await attacked;
  await client.close();
  console.log(
    `${sent} ${worst.kind} in ${sessions} sessions; another's request takes ${quiet.toFixed(2)} ms, meanwhile ${busy.toFixed(2)} ms: ${(busy / quiet).toFixed(2)} times as long; isolate ${isolateOf(server.pid) === isolate ? "not started again" : "STARTED AGAIN"}`,
  );
  await server.end();
}

if (options.attack !== undefined) await attack();
else {
  const attestation = await TestAttestation.start();
  try {
    await measure(attestation);
  } finally {
    endAll();
    await attestation.stop();
  }
}
