// npm run bench:pas: whole flows (start, token, certificate) against a server process of its own, by clients that
// each start the next flow when the last one has ended. Every certificate is counted, none is looked into.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { projectRoot } from "../../host/common/paths.js";
import { initialiseCa } from "../../host/proxy-attestation-server/ca.js";
import { AttestationClient } from "../../host/proxy-attestation-server/client.js";
import { openStore } from "../../host/proxy-attestation-server/open-store.js";
import { enrolmentNonce } from "../../host/psa-attestation/nonces.js";
import { claimsFor, newDevice, token } from "../psa-attestation/tokens.js";
import { startPostgres } from "./postgres.js";
import { allowMeasurement, csrFor, enrol, newIsolateKey, temporaryFolder } from "./support.js";

const { values: options } = parseArgs({
  options: {
    clients: { type: "string", default: "50" },
    seconds: { type: "string", default: "10" },
    postgres: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
});
if (options.help) {
  console.log(`Usage: npm run bench:pas -- [--clients N] [--seconds N] [--postgres] [--json]

  --clients N   closed-loop clients (default 50)
  --seconds N   length of the measurement, after a fifth of it to warm up (default 10)
  --postgres    on a PostgreSQL of its own instead of SQLite
  --json        one JSON object

Bars: at least 500 flows a second, p99 at most 200 ms, no errors.`);
  process.exit(0);
}

const folder = temporaryFolder();
const file = (name: string) => join(folder.path, name);
initialiseCa(file("ca-key.pem"), file("ca.pem"), "Bench CA", 30);
const postgres = options.postgres ? await startPostgres() : undefined;
if (postgres !== undefined && "reason" in postgres) {
  console.error(postgres.reason);
  process.exit(2);
}
const database = postgres?.url ?? file("pas.sqlite");
const device = newDevice();
const store = await openStore(database);
await enrol(store, device);
await allowMeasurement(store);
await store.close();

const server = spawn(
  process.execPath,
  [
    join(projectRoot, "build/js/host/proxy-attestation-server/cli.js"),
    ...["serve", "--ca-key", file("ca-key.pem"), "--ca-certificate", file("ca.pem")],
    ...["--database", database, "--port", "0", "--max-starts-per-second", "1000000"],
    ...["--max-open-challenges", "10000000"],
  ],
  { stdio: ["ignore", "pipe", "inherit"] },
);
let port = 0;
for await (const line of createInterface({ input: server.stdout })) {
  port = JSON.parse(line).port ?? 0;
  if (port !== 0) break;
}
server.stdout.resume();

const client = new AttestationClient({ host: "127.0.0.1", port });
const seconds = Number(options.seconds);
const begin = performance.now() + seconds * 200;
const end = begin + seconds * 1000;
const latencies: number[] = [];
let errors = 0;
let flows = 0;

async function closedLoop(): Promise<void> {
  const csr = csrFor(newIsolateKey());
  while (performance.now() < end) {
    const started = performance.now();
    try {
      const { challenge, deviceId } = await client.start("bench");
      const claims = claimsFor(device, enrolmentNonce(challenge, csr));
      await client.attest(token(claims, device.privateKey), csr, deviceId);
    } catch {
      errors++;
    }
    const ended = performance.now();
    flows++;
    if (started >= begin && ended <= end) latencies.push(ended - started);
  }
}
/** CPU time that the server has used so far, in milliseconds (Linux counts hundredths of seconds). */
function serverCpu(): number {
  try {
    const fields =
      readFileSync(`/proc/${server.pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    return (Number(fields[11]) + Number(fields[12])) * 10;
  } catch {
    return Number.NaN;
  }
}
const cpuBefore = { server: serverCpu(), clients: process.cpuUsage() };
await Promise.all(Array.from({ length: Number(options.clients) }, closedLoop));
const clientsCpu = process.cpuUsage(cpuBefore.clients);
const cpuMs = {
  server: serverCpu() - cpuBefore.server,
  clients: (clientsCpu.user + clientsCpu.system) / 1000,
};
client.close();
const stopped = new Promise((done) => server.once("exit", done));
server.kill("SIGTERM");
await stopped;
await postgres?.stop();
folder.remove();

latencies.sort((a, b) => a - b);
const percentile = (p: number) =>
  latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * p))] ?? Number.NaN;
const report = {
  database: postgres === undefined ? "sqlite" : "postgresql",
  clients: Number(options.clients),
  seconds,
  flowsPerSecond: Math.round(latencies.length / seconds),
  p50Ms: Number(percentile(0.5).toFixed(1)),
  p99Ms: Number(percentile(0.99).toFixed(1)),
  maxMs: Number(percentile(1).toFixed(1)),
  errors,
  serverCpuMsPerFlow: Number((cpuMs.server / flows).toFixed(2)),
  clientCpuMsPerFlow: Number((cpuMs.clients / flows).toFixed(2)),
  loadAverage: Number((loadavg()[0] ?? 0).toFixed(1)),
  machine: `${cpus()[0]?.model ?? "?"}, ${cpus().length} cores, Node ${process.versions.node}`,
};
if (options.json) console.log(JSON.stringify(report));
else
  console.log(`${report.database}, ${report.clients} closed-loop clients, ${seconds} s
flows/s   ${report.flowsPerSecond}  (bar: at least 500)
p50       ${report.p50Ms} ms
p99       ${report.p99Ms} ms  (bar: at most 200)
max       ${report.maxMs} ms
errors    ${report.errors}
CPU       ${report.serverCpuMsPerFlow} ms per flow in the server, ${report.clientCpuMsPerFlow} ms in the clients
load      ${report.loadAverage} (1 minute; a busy machine shows smaller rates)
${report.machine}`);
