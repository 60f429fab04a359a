// npm run bench:system: what the server costs, and what the whole way from a client into the isolate does.
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { projectRoot } from "../../host/common/paths.js";
import { FreestandingEngine } from "../../host/freestanding-execution-engine/engine.js";
import { exampleModule, makePolicy, System, TestAttestation } from "../support/system.js";

const { values: options } = parseArgs({
  options: {
    megabytes: { type: "string", default: "512" },
    provision: { type: "string", default: "8" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
});
if (options.help) {
  console.log(`Usage: npm run bench:system -- [--megabytes N] [--provision N] [--json]

  --megabytes N  sent through the pipe and through the server, in MiB (default 512)
  --provision N  sent into the isolate through server and TLS, in MiB (default 8)
  --json         one JSON object

Bars: forwarding at least 0.5 of a bare pipe's; the server at most 200 MB with 1,000 open idle
sessions; a result request at most 50 ms more than the program alone.`);
  process.exit(0);
}

const MIB = 1024 * 1024;
const total = Number(options.megabytes) * MIB;
const roles = join(projectRoot, "build/js/test/veracruz-server/bench-roles.js");
const children: ChildProcess[] = [];

interface Helper {
  /** The next line that the process reports. */
  next(): Promise<Record<string, number>>;
  end(): void;
}

function start(...args: (string | number)[]): Helper {
  const child = spawn(process.execPath, [roles, ...args.map(String)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  const lines: string[] = [];
  let wake: () => void = () => undefined;
  child.stdout.on("data", (chunk: Buffer) => {
    lines.push(...chunk.toString().trim().split("\n"));
    wake();
  });
  return {
    async next() {
      while (lines.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return JSON.parse(lines.shift() as string);
    },
    end: () => child.kill(),
  };
}

/** MiB a second through a bare pipe between two sockets, in a process of its own. */
async function barePipe(): Promise<number> {
  const sink = start("sink", total);
  const pipe = start("pipe", (await sink.next()).port as number);
  const sender = start("send", (await pipe.next()).port as number, total);
  const { seconds, bytes } = (await sink.next()) as { seconds: number; bytes: number };
  for (const each of [sink, pipe, sender]) each.end();
  return bytes / MIB / seconds;
}

interface ServerProcess {
  port: number;
  pid: number;
  end(): Promise<void>;
}

/** vc-server in a process of its own. */
async function startServer(
  attestation: TestAttestation,
  ...args: string[]
): Promise<ServerProcess> {
  const document = makePolicy(attestation, {
    principals: { alice: "nop.wasm:w,output:r" },
    programs: { "nop.wasm": { module: exampleModule("nop"), rights: "output:w" } },
  });
  const policy = join(attestation.folder, "bench-policy.json");
  writeFileSync(policy, JSON.stringify(document));
  const cli = join(projectRoot, "build/js/host/veracruz-server/cli.js");
  const child = spawn(
    process.execPath,
    [cli, policy, "--listen", "127.0.0.1:0", "--sessions-per-minute", "1000000", ...args],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  children.push(child);
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const port = await new Promise<number>((resolve) => {
    let text = "";
    child.stdout.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      const found = /"port":(\d+)[^\n]*"msg":"listening"/.exec(text)?.[1];
      if (text.includes('"msg":"ready"')) resolve(Number(found));
    });
  });
  return {
    port,
    pid: child.pid as number,
    end: () => {
      child.kill("SIGTERM");
      return ended;
    },
  };
}

/** MiB a second through CONNECT and the server's wire to the isolate, whose TLS is left out. */
async function forwarding(attestation: TestAttestation): Promise<number> {
  const isolate = await attestation.isolate().start(() => undefined);
  const real = (isolate.stream as Socket).remotePort as number;
  // The isolate takes one connection: this one makes room for the other.
  isolate.stream.destroy();
  const sink = start("sink-isolate", real, total);
  const address = `tcp:127.0.0.1:${(await sink.next()).port}`;
  const server = await startServer(attestation, "--isolate", address);
  const sender = start("send-connect", server.port, total);
  const { seconds, bytes } = (await sink.next()) as { seconds: number; bytes: number };
  sender.end();
  await server.end();
  sink.end();
  await isolate.stop();
  return bytes / MIB / seconds;
}

/** Resident memory of a process in MB. */
function memoryOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return (Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024) / 1e6;
}

/** The server's memory with 1,000 open idle sessions, and without. */
async function idleMemory(
  attestation: TestAttestation,
): Promise<{ before: number; with1000: number }> {
  const server = await startServer(
    attestation,
    ...["--root-of-trust", attestation.rootOfTrust, "--runtime", attestation.runtime],
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
  for (const socket of sockets) socket.destroy();
  await server.end();
  return { before, with1000 };
}

interface Provisioning {
  suite: string;
  upMiBs: number;
  downMiBs: number;
}

/** MiB a second into the isolate and back out, by `vc-client`'s library with Node's TLS. */
async function provisioning(
  attestation: TestAttestation,
  suite: "TLS1_3_CHACHA20_POLY1305_SHA256" | "TLS1_3_AES_128_GCM_SHA256",
): Promise<Provisioning> {
  const system = await System.start({
    attestation,
    principals: { alice: "nop.wasm:w,input-0:rw,output:r" },
    programs: { "nop.wasm": { module: exampleModule("nop"), rights: "input-0:r,output:w" } },
    policy: { ciphersuite: suite },
  });
  const content = randomBytes(Number(options.provision) * MIB);
  const alice = await system.connect("alice");
  const begin = performance.now();
  await alice.sendData("input-0", content);
  const sent = performance.now();
  const back = await alice.read("input-0");
  const read = performance.now();
  if (!back.equals(content)) throw new Error("what came back is something else");
  await system.stop();
  const rate = (ms: number) => content.length / MIB / (ms / 1000);
  return { suite, upMiBs: rate(sent - begin), downMiBs: rate(read - sent) };
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

const attestation = await TestAttestation.start();
try {
  const pipe = await barePipe();
  const connectRate = await forwarding(attestation);
  const idle = await idleMemory(attestation);
  const chacha = await provisioning(attestation, "TLS1_3_CHACHA20_POLY1305_SHA256");
  const aes = await provisioning(attestation, "TLS1_3_AES_128_GCM_SHA256");
  const result = await resultRequest(attestation);
  const figures = { pipe, connectRate, ratio: connectRate / pipe, idle, chacha, aes, result };
  if (options.json) {
    console.log(JSON.stringify(figures));
  } else {
    const row = (name: string, value: string, bar: string) =>
      console.log(`${name.padEnd(58)} ${value.padStart(14)}   ${bar}`);
    console.log(`${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}\n`);
    row("bare pipe between two sockets", `${pipe.toFixed(0)} MiB/s`, "");
    row("server: CONNECT to the isolate's wire", `${connectRate.toFixed(0)} MiB/s`, "");
    row("  of the bare pipe's", figures.ratio.toFixed(2), "bar ≥ 0.5");
    row("server's memory, started", `${idle.before.toFixed(0)} MB`, "");
    row("  with 1,000 open idle sessions", `${idle.with1000.toFixed(0)} MB`, "bar ≤ 200");
    for (const { suite, upMiBs, downMiBs } of [chacha, aes]) {
      row(`into the isolate, ${suite}`, `${upMiBs.toFixed(2)} MiB/s`, "TLS in wasm3");
      row("  and out of it", `${downMiBs.toFixed(2)} MiB/s`, "");
    }
    row("result request of a program that does nothing", `${result.requestMs.toFixed(1)} ms`, "");
    row("  the program alone, freestanding", `${result.aloneMs.toFixed(1)} ms`, "");
    const overhead = result.requestMs - result.aloneMs;
    row("  overhead", `${overhead.toFixed(1)} ms`, "bar ≤ 50");
  }
} finally {
  for (const child of children) child.kill();
  await attestation.stop();
}
