// npm run bench:pas: whole flows (start, token, certificate) against a server process of its own, by clients that
// each start the next flow when the last one has ended. Every certificate is counted, none is looked into. With
// --against the bench of another checkout runs by turns with this one.

import { execFileSync, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { writeChart } from "../../host/common/chart.js";
import { projectRoot } from "../../host/common/paths.js";
import { initialiseCa } from "../../host/proxy-attestation-server/ca.js";
import { AttestationClient } from "../../host/proxy-attestation-server/client.js";
import { openStore } from "../../host/proxy-attestation-server/open-store.js";
import { claimsFor, newDevice, token } from "../psa-attestation/tokens.js";
import { startPostgres } from "./postgres.js";
import {
  allowMeasurement,
  csrFor,
  enrol,
  newIsolateKey,
  nonceFor,
  POLICY,
  temporaryFolder,
} from "./support.js";

const { values: options } = parseArgs({
  options: {
    clients: { type: "string", default: "50" },
    seconds: { type: "string", default: "10" },
    postgres: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    chart: { type: "string" },
    against: { type: "string" },
    pairs: { type: "string", default: "3" },
    help: { type: "boolean", short: "h", default: false },
  },
});
if (options.help) {
  console.log(`Usage: npm run bench:pas -- [--clients N] [--seconds N] [--postgres] [--json]
       [--chart FILE] [--against FOLDER [--pairs N]]

  --clients N   closed-loop clients (default 50)
  --seconds N   length of the measurement, after a fifth of it to warm up (default 10)
  --postgres    on a PostgreSQL of its own instead of SQLite
  --json        one JSON object
  --chart FILE  also draw the figures (SVG)
  --against F   compares with another checkout of this repository, as of an older commit, which is set up and built in
                folder F: its own bench and server take turns with these
  --pairs N     how many turns each of both has then (default 3)

Bars: at least 500 flows a second, p99 at most 200 ms, no errors. Against another checkout: at least 0.9 times its
flows a second (median of all pairs); exit code 1: that bar is missed, or there were errors.`);
  process.exit(0);
}

/** What the bench of a checkout prints with `--json`, as far as it is compared. */
interface Turn {
  flowsPerSecond: number;
  p99Ms: number;
  errors: number;
  serverCpuMsPerFlow: number;
}

const median = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

/** Lets the benches of both checkouts run by turns, each first in every other pair, and compares. */
function compare(other: string): void {
  const take = (checkout: string): Turn => {
    const bench = join(checkout, "build/js/test/proxy-attestation-server/bench.js");
    const args = ["--json", "--clients", options.clients, "--seconds", options.seconds];
    if (options.postgres) args.push("--postgres");
    const said = execFileSync(process.execPath, [bench, ...args], {
      cwd: checkout,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"],
    });
    return JSON.parse(said.trim().split("\n").at(-1) ?? "") as Turn;
  };
  const pairs = Array.from({ length: Number(options.pairs) }, (_, index) => {
    if (index % 2 === 0) return { ours: take(projectRoot), theirs: take(other) };
    const theirs = take(other);
    return { ours: take(projectRoot), theirs };
  });
  const of = (figure: "flowsPerSecond" | "serverCpuMsPerFlow") =>
    Number(median(pairs.map(({ ours, theirs }) => ours[figure] / theirs[figure])).toFixed(3));
  const comparison = { rate: of("flowsPerSecond"), serverCpu: of("serverCpuMsPerFlow"), pairs };
  if (options.json) console.log(JSON.stringify(comparison));
  else {
    const row = ({ flowsPerSecond, p99Ms, errors, serverCpuMsPerFlow }: Turn) =>
      `${flowsPerSecond} flows/s, p99 ${p99Ms} ms, ${serverCpuMsPerFlow} ms of the server's CPU per flow, ${errors} errors`;
    for (const { ours, theirs } of pairs) console.log(`this   ${row(ours)}\nother  ${row(theirs)}`);
    console.log(
      `flows a second: ${comparison.rate} × the other's (bar: at least 0.9); the server's CPU per flow: ${comparison.serverCpu} ×`,
    );
  }
  const clean = pairs.every(({ ours, theirs }) => ours.errors + theirs.errors === 0);
  process.exit(clean && comparison.rate >= 0.9 ? 0 : 1);
}

if (options.against !== undefined) compare(resolve(options.against));

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
/** Why flows failed, and how often. */
const reasons = new Map<string, number>();
let flows = 0;

async function closedLoop(): Promise<void> {
  const csr = csrFor(newIsolateKey());
  while (performance.now() < end) {
    const started = performance.now();
    try {
      const { challenge, deviceId } = await client.start("bench");
      const claims = claimsFor(device, nonceFor(challenge, csr));
      const native = token(claims, device.privateKey);
      await client.attest({ token: native, csr, deviceId, ...POLICY });
    } catch (error) {
      errors++;
      const reason = (error as Error).message;
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
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

for (const [reason, count] of reasons) console.error(`${count} ×: ${reason}`);
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
if (options.chart !== undefined)
  writeChart(options.chart, `The attestation server on ${report.database}`, report);
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
