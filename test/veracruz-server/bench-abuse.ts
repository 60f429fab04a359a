// npm run bench:abuse: whether principals get in while strangers attack, and what that costs the server.

import { type ChildProcess, fork, spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { request } from "node:http";
import { connect, type Socket } from "node:net";
import { constants, setPriority } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { writeChart } from "../../host/common/chart.js";
import { VeracruzClient } from "../../host/veracruz-client/client.js";
import { loadIdentity, type PrincipalIdentity } from "../../host/veracruz-client/identity.js";
import { Policy } from "../../host/veracruz-utils/policy.js";
import { clientHello } from "../support/client-hello.js";
import { principal, TestAttestation } from "../support/system.js";
import { endAll, memoryOf, READERS, type ServerProcess, startServer } from "./bench-processes.js";

const attacks = ["one-address", "many-addresses", "web-page"] as const;
type Attack = (typeof attacks)[number];

const { values: options } = parseArgs({
  options: {
    attempts: { type: "string", default: "500" },
    unsigned: { type: "string", default: "50" },
    only: { type: "string" },
    json: { type: "boolean", default: false },
    chart: { type: "string" },
    help: { type: "boolean", short: "h", default: false },
    // For the attacker's process.
    attack: { type: "string" },
    port: { type: "string", default: "0" },
    // For the principals' process.
    client: { type: "boolean", default: false },
  },
});
if (options.help) {
  console.log(`Usage: npm run bench:abuse -- [--only ATTACK] [--attempts N] [--unsigned N] [--json]
       [--chart FILE]

  --only ATTACK  ${attacks.join(", ")}
  --attempts N   sessions that a principal asks for under each attack, signed (default 500)
  --unsigned N   the same without a signature (default 50)
  --json         one JSON object
  --chart FILE   also draw the figures (SVG)

It runs in a network namespace of its own where it may make one, so that nothing else is disturbed, or disturbs.

Bars: signed, in within two tries in at least 99 %; unsigned in at least 50 %; the server at most 250 MB;
nothing left open a minute after the attack. Exit code 1: a bar is missed.`);
  process.exit(0);
}

/** Connections that an attacker opens before it gives up the oldest for a new one. */
const HELD = 10_000;
/** Connections that are begun at a time. */
const BEGUN = 50;

/** Connections without end: silent ones, single bytes, refused ones, handshakes that are left unfinished. */
async function flood(port: number, addresses: readonly string[]): Promise<never> {
  const hello = await clientHello();
  const tunnel = "CONNECT isolate:443 HTTP/1.1\r\nhost: isolate:443\r\n\r\n";
  const held: Socket[] = [];
  for (let turn = 0; ; turn++) {
    const localAddress = addresses[turn % addresses.length] as string;
    const socket = connect({ host: "127.0.0.1", port, localAddress });
    socket.on("error", () => undefined);
    socket.once("connect", () => {
      const kind = turn % 4;
      if (kind === 1) socket.write("CONNECT example.org:443 HTTP/1.1\r\nhost: x\r\n\r\nx");
      else if (kind > 0) socket.write(tunnel);
    });
    socket.once("data", () => {
      if (turn % 4 === 2) socket.write(Buffer.from([0x16]));
      else if (turn % 4 === 3) socket.write(hello);
      socket.resume();
    });
    held.push(socket);
    while (held.length > HELD) held.shift()?.destroy();
    if (turn % BEGUN === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** What a page of a foreign origin can do in a visitor's browser: POSTs without end. */
async function pagePosts(port: number): Promise<never> {
  const headers = { origin: "https://evil.example", "content-type": "text/plain" };
  const one = () =>
    new Promise<void>((resolve) => {
      const outgoing = request(
        { host: "127.0.0.1", port, path: "/runtime_manager", method: "POST", headers },
        (answer) => answer.resume().once("close", resolve),
      );
      outgoing.on("error", () => resolve());
      outgoing.end("0 ");
    });
  for (;;) await Promise.all(Array.from({ length: 24 }, one));
}

/** Set for the bench inside the network namespace that it has made for itself. */
const INSIDE = "VC_BENCH_NAMESPACE";

/** Runs all of this again in a network of its own; returns when that cannot be had. */
function moveToNetworkOfOwn(): void {
  // As root only: a user's own namespace lets the isolate not become another user.
  const unshare = ["--net", "sh", "-c"];
  const up = "ip link set lo up";
  if (spawnSync("unshare", [...unshare, up], { stdio: "ignore" }).status !== 0) {
    console.log("NOTE: no network namespace can be made here: the machine's own loopback is used");
    return;
  }
  const again = [process.execPath, ...process.argv.slice(1)];
  const { status } = spawnSync("unshare", [...unshare, `${up} && exec "$0" "$@"`, ...again], {
    stdio: "inherit",
    env: { ...process.env, [INSIDE]: "1" },
  });
  process.exit(status ?? 1);
}

const isChild = options.attack !== undefined || options.client;
if (!isChild && process.env[INSIDE] === undefined) moveToNetworkOfOwn();

if (options.attack !== undefined) {
  const port = Number(options.port);
  const many = Array.from({ length: 64 }, (_, n) => `127.1.0.${n + 1}`);
  if (options.attack === "web-page") await pagePosts(port);
  else await flood(port, options.attack === "one-address" ? ["127.1.0.1"] : many);
}

/** Open sockets of a process. */
const descriptorsOf = (pid: number) => readdirSync(`/proc/${pid}/fd`).length;

/** Attempts of principals, for a process of their own. */
interface Job {
  readonly policy: string;
  readonly port: number;
  readonly identities: readonly { readonly pem: string; readonly keyPem: string }[];
  readonly count: number;
  readonly unsigned: boolean;
}

/** How many got in, within two tries each, and why tries failed: how often each reason was heard. */
interface Entries {
  readonly inside: number;
  readonly reasons: Readonly<Record<string, number>>;
}

/** Runs the attempts one after the other, by principals in turn. */
async function attempt({ policy: text, port, identities, count, unsigned }: Job): Promise<Entries> {
  const policy = new Policy(Buffer.from(text));
  const loaded = identities.map(({ pem, keyPem }) => loadIdentity(Buffer.from(pem), keyPem));
  const server = { host: "127.0.0.1", port };
  const reasons: Record<string, number> = {};
  let inside = 0;
  for (let turn = 0; turn < count; turn++) {
    const identity = loaded[turn % loaded.length] as PrincipalIdentity;
    for (let tries = 0; tries < 2; tries++) {
      try {
        const client = await VeracruzClient.connect({ policy, identity, server, unsigned });
        await client.close();
        inside++;
        break;
      } catch (error) {
        // The second try, or the next attempt.
        const reason = (error as Error).message.replace(/\d+/g, "N");
        reasons[reason] = (reasons[reason] ?? 0) + 1;
      }
    }
  }
  return { inside, reasons };
}

/**
 * The same in a process of its own, which comes first on the processors where it may: a principal's computer is none of
 * the attacker's or the server's. Otherwise the bench would measure how long its own client waits for a processor.
 */
async function attempts(server: ServerProcess, count: number, unsigned: boolean): Promise<Entries> {
  const child = fork(fileURLToPath(import.meta.url), ["--client"]);
  const identities = READERS.map((name) => {
    const { pem, keyPem } = principal(name);
    return { pem, keyPem };
  });
  const { policy, port } = server;
  const job: Job = { policy: policy.bytes.toString(), port, identities, count, unsigned };
  try {
    return await new Promise<Entries>((resolve, reject) => {
      child.once("message", (entries: Entries) => resolve(entries));
      child.once("exit", (code) => reject(new Error(`the principals' process ended: ${code}`)));
      child.send(job);
    });
  } finally {
    child.kill("SIGKILL");
  }
}

if (options.client) {
  try {
    setPriority(constants.priority.PRIORITY_HIGH);
  } catch {
    console.error("NOTE: the principals' process has no priority: that takes root");
  }
  process.once("message", async (job: Job) => process.send?.(await attempt(job)));
  await new Promise(() => undefined);
}

interface Figures {
  attack: Attack;
  signed: number;
  signedOf: number;
  unsigned: number;
  unsignedOf: number;
  /** Resident memory of the server at most, in MB. */
  memoryMb: number;
  /** Descriptors of the server beyond those before, at most a minute after the attack. */
  leftOpen: number;
  secondsUntilClosed: number;
}

const percent = (part: number, of: number) =>
  of === 0 ? "-" : `${part} of ${of} (${((100 * part) / of).toFixed(1)} %)`;

const row = (each: Figures) =>
  [
    each.attack.padEnd(15),
    percent(each.signed, each.signedOf).padEnd(19),
    percent(each.unsigned, each.unsignedOf).padEnd(19),
    `${each.memoryMb.toFixed(0)} MB`.padEnd(9),
    `${each.leftOpen} after ${each.secondsUntilClosed} s`,
  ].join(" ");

async function measure(attestation: TestAttestation, attack: Attack): Promise<Figures> {
  const server = await startServer(
    attestation,
    ...["--root-of-trust", attestation.rootOfTrust, "--runtime", attestation.runtime],
    ...["--sessions-per-minute", "600", "--log-level", "info"],
  );
  const before = descriptorsOf(server.pid);
  let memoryMb = memoryOf(server.pid);
  const watch = setInterval(() => {
    memoryMb = Math.max(memoryMb, memoryOf(server.pid));
  }, 250);
  const args = ["--attack", attack, "--port", String(server.port)];
  const attacker: ChildProcess = fork(fileURLToPath(import.meta.url), args);
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  const signedOf = Number(options.attempts);
  const unsignedOf = Number(options.unsigned);
  const signed = await attempts(server, signedOf, false);
  const unsigned = await attempts(server, unsignedOf, true);
  for (const [reason, count] of Object.entries(signed.reasons))
    console.error(`${attack}, signed, ${count} ×: ${reason}`);
  attacker.kill("SIGKILL");
  const ended = performance.now();
  // Fewer than before is none.
  const beyond = () => Math.max(0, descriptorsOf(server.pid) - before);
  let leftOpen = beyond();
  while (leftOpen > 0 && performance.now() - ended < 60_000) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    leftOpen = beyond();
  }
  clearInterval(watch);
  const secondsUntilClosed = Math.round((performance.now() - ended) / 1000);
  await server.end();
  const counts = { signed: signed.inside, signedOf, unsigned: unsigned.inside, unsignedOf };
  return { attack, ...counts, memoryMb, leftOpen, secondsUntilClosed };
}

const attestation = await TestAttestation.start();
try {
  const chosen = attacks.filter((each) => options.only === undefined || each === options.only);
  if (chosen.length === 0) throw new Error(`--only: expected one of ${attacks.join(", ")}`);
  const all: Figures[] = [];
  if (!options.json)
    console.log("attack          signed              unsigned            memory    left open");
  for (const attack of chosen) {
    const figures = await measure(attestation, attack);
    all.push(figures);
    if (!options.json) console.log(row(figures));
  }
  const kept = all.every(
    (each) =>
      each.signed >= 0.99 * each.signedOf &&
      each.unsigned >= 0.5 * each.unsignedOf &&
      each.memoryMb <= 250 &&
      each.leftOpen === 0,
  );
  if (!kept) process.exitCode = 1;
  if (options.chart !== undefined) writeChart(options.chart, "Principals under attack", all);
  if (options.json) console.log(JSON.stringify({ attacks: all }, null, 2));
} finally {
  endAll();
  await attestation.stop();
}
