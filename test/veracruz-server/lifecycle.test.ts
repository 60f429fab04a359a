// The life of an isolate under the server: lost and started again, attested anew, found at work, ended.
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../../host/common/paths.js";
import { ClientError } from "../../host/veracruz-client/errors.js";
import { processIsolate, tcpIsolate } from "../../host/veracruz-server/isolate-kinds.js";
import {
  exampleModule,
  System,
  type SystemOptions,
  TestAttestation,
  until,
} from "../support/system.js";
import { assemble } from "../support/wat.js";

const attestation = await TestAttestation.start();
const nop = exampleModule("nop");
/** Runs until it is stopped. */
const endless = assemble(`(module (memory (export "memory") 1)
  (func (export "main") (result i32) (loop $forever (br $forever)) (i32.const 0)))`);

const simple: SystemOptions = {
  attestation,
  principals: { alice: "nop.wasm:w,output:r" },
  programs: { "nop.wasm": { module: nop, rights: "output:w" } },
};

const failure = (run: Promise<unknown>): Promise<Error> =>
  run.then(
    () => new Error("it succeeded"),
    (error: Error) => error,
  );

test("an isolate killed in the middle of a computation: all hear why, and a new start works", async () => {
  const system = await System.start({
    ...simple,
    programs: { "nop.wasm": { module: endless, rights: "output:w" } },
    policy: { execution_limits: { fuel: Number.MAX_SAFE_INTEGER, deadline_ms: 600_000 } },
  });
  const alice = await system.connect("alice");
  const post = await system.connect("alice", { transport: "post" });
  await alice.sendProgram("nop.wasm", endless);
  const computing = failure(alice.compute());
  const report = async () => (await (await fetch(system.url("/healthz"))).json()) as HealthReport;
  await until("the program runs", async () => (await report()).isolate.running === true);
  const { boot } = (await report()).isolate;
  process.kill(system.isolatePid(), "SIGKILL");
  const error = await computing;
  assert.instance(error, ClientError);
  assert.is((error as ClientError).kind, "connection");
  assert.match(error.message, /the server says: the isolate's process ended with signal SIGKILL/);
  const posting = await failure(post.policyHash());
  assert.match(posting.message, /has ended: the isolate's process ended with signal SIGKILL/);

  await until("the isolate is back", async () => (await report()).status === "ready");
  const { isolate } = await report();
  assert.is(isolate.restarts, 1);
  assert.match(isolate.lastFailure, /SIGKILL/);
  assert.is.not(isolate.boot, boot);
  assert.is(system.logged("isolate lost").length, 1);
  // It has a new key and has forgotten everything.
  const again = await system.connect("alice");
  assert.is.not(again.isolate.fingerprint, alice.isolate.fingerprint);
  assert.is((await again.state()).state, 1);
  await again.close();
  await system.stop();
});

interface HealthReport {
  status: string;
  isolate: { running: boolean; boot: string; restarts: number; lastFailure: string };
}

test("an isolate that is lost too often is given up, with the last reason", async () => {
  const system = await System.start({ ...simple, server: { maxRestarts: 1 } });
  const first = system.isolatePid();
  process.kill(first, "SIGKILL");
  await until("the second start", async () => {
    const report = (await (await fetch(system.url("/healthz"))).json()) as HealthReport;
    return report.status === "ready" && report.isolate.restarts === 1;
  });
  process.kill(system.isolatePid(), "SIGKILL");
  const { status, reason } = await system.server.finished;
  assert.is(status, "failed");
  assert.match(reason, /signal SIGKILL/);
  const answer = await fetch(system.url("/healthz"));
  assert.is(answer.status, 503);
  assert.match((await failure(system.connect("alice"))).message, /refuses a session: .*SIGKILL/);
  await system.stop();
});

test("consent to the end: the last words arrive, the isolate is wiped, the server finishes", async () => {
  const system = await System.start(simple);
  const alice = await system.connect("alice");
  await alice.sendProgram("nop.wasm", nop);
  await alice.read();
  const pid = system.isolatePid();
  await alice.requestShutdown();
  const { status, reason } = await system.server.finished;
  assert.is(status, "ended");
  assert.match(reason, /^the computation is over: by consent/);
  assert.throws(() => process.kill(pid, 0), /ESRCH/);
  await system.stop();
});

test("certificates are renewed in time; open sessions go on", async () => {
  const shortLived = await TestAttestation.start(4_000);
  const system = await System.start({ ...simple, attestation: shortLived });
  const alice = await system.connect("alice");
  await until("a renewal", () => system.logged("isolate attested").length >= 2);
  assert.ok((await alice.policyHash()).equals(system.policy.hash));
  const later = await system.connect("alice");
  assert.ok(later.isolate.notAfter > alice.isolate.notAfter);
  assert.is(later.isolate.fingerprint, alice.isolate.fingerprint);
  await alice.close();
  await later.close();
  await system.stop();
  await shortLived.stop();
});

test("a runtime that the proxy attestation server does not know starts no service", async () => {
  const other = await TestAttestation.start();
  const changed = Buffer.concat([
    readFileSync(other.runtime),
    // An empty custom section: the module does the same, and is not the same.
    Buffer.from([0, 2, 1, 0x78]),
  ]);
  const path = other.runtime.replace(/wasm$/, "changed.wasm");
  writeFileSync(path, changed);
  const error = await failure(
    System.start({
      ...simple,
      attestation: other,
      server: { isolate: other.isolate({ runtime: path }) },
    }),
  );
  assert.match(error.message, /refused \(measurement-not-allowed\)/);
  await other.stop();
});

test("an unreachable proxy attestation server is waited for, but not for ever", async () => {
  const error = await failure(
    System.start({
      ...simple,
      server: {
        proxyAttestationServer: { host: "127.0.0.1", port: 1 },
        attestationTimeoutMs: 700,
      },
    }),
  );
  assert.match(error.message, /^no attestation: .*ECONNREFUSED/);

  // A door that opens only later.
  const doorway: Server = createServer((socket) => {
    const inside = forward(attestation.address, socket);
    socket.pipe(inside).pipe(socket);
  });
  const port = await freePort();
  const starting = System.start(
    {
      ...simple,
      server: { proxyAttestationServer: { host: "127.0.0.1", port }, attestationTimeoutMs: 20_000 },
    },
    false,
  );
  const system = await starting;
  await until(
    "a first attempt",
    () => system.logged("attestation failed, will be tried again").length > 0,
  );
  doorway.listen(port, "127.0.0.1");
  await system.server.ready();
  await system.stop();
  doorway.close();
});

function forward(address: { host: string; port: number }, from: Socket): Socket {
  const socket = connect(address.port, address.host);
  socket.on("error", () => from.destroy());
  from.on("error", () => socket.destroy());
  return socket;
}

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** An isolate that this test starts itself, at a TCP address. */
async function startIsolate(): Promise<{
  address: { host: string; port: number };
  stop(): Promise<void>;
}> {
  const cli = join(projectRoot, "build/js/host/isolate/cli.js");
  const child = spawn(
    process.execPath,
    [
      cli,
      "--listen",
      "127.0.0.1:0",
      "--root-of-trust",
      attestation.rootOfTrust,
      "--runtime",
      attestation.runtime,
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const port = await new Promise<number>((resolve) => {
    let text = "";
    child.stdout.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      const found = /"event":"listening","address":"127\.0\.0\.1:(\d+)"/.exec(text)?.[1];
      if (found !== undefined) resolve(Number(found));
    });
  });
  return {
    address: { host: "127.0.0.1", port },
    stop: () =>
      new Promise((resolve) => {
        child.once("close", () => resolve());
        child.kill("SIGTERM");
      }),
  };
}

test("an isolate at a TCP address: found at work by the next server, reset only when asked to", async () => {
  const { address, stop } = await startIsolate();
  const isolate = tcpIsolate(address);
  const first = await System.start({ ...simple, server: { isolate } });
  const alice = await first.connect("alice");
  await alice.sendProgram("nop.wasm", nop);
  const { fingerprint } = alice.isolate;
  // The server goes while its sessions are open: the isolate hears of that from the next one.
  await first.stop();

  // Another server, the same policy: what was sent is still there.
  const second = await System.start({ ...simple, server: { isolate } });
  const again = await second.connect("alice");
  assert.is(again.isolate.fingerprint, fingerprint);
  assert.is((await again.state()).state, 3);
  const foundBy = (server: System) => server.logged("isolate found at work under this policy");
  assert.equal(
    foundBy(second).map(({ sessions }) => sessions),
    [1],
  );
  await second.stop();
  // The sessions of servers that are gone do not pile up.
  const successor = await System.start({ ...simple, server: { isolate } });
  assert.is(foundBy(successor)[0]?.sessions, 1);
  await successor.stop();

  // Another policy: refused, unless the operator says otherwise.
  const other: SystemOptions = { ...simple, policy: { max_rounds: 2 }, server: { isolate } };
  assert.match((await failure(System.start(other))).message, /holds another policy; --reset/);
  const third = await System.start({ ...other, server: { isolate, reset: true } });
  const anew = await third.connect("alice");
  assert.is.not(anew.isolate.fingerprint, fingerprint);
  assert.is((await anew.state()).state, 1);
  // The end, by consent: the isolate stays ended for this policy.
  await anew.sendProgram("nop.wasm", nop);
  await anew.read();
  await anew.requestShutdown();
  assert.is((await third.server.finished).status, "ended");
  await third.stop();
  assert.match(
    (await failure(System.start({ ...other, server: { isolate } }))).message,
    /(computation is over|holds another policy); --reset/,
  );
  await stop();
});

test("an isolate that is not there, or is something else, is told of", async () => {
  const nobody = tcpIsolate({ host: "127.0.0.1", port: 1 });
  const error = await failure(
    System.start({ ...simple, server: { isolate: nobody, maxRestarts: 1 } }),
  );
  assert.match(error.message, /cannot connect to 127\.0\.0\.1:1: .*ECONNREFUSED/);

  const stranger = createServer((socket) => socket.end("220 mail.example ESMTP\r\n"));
  await new Promise<void>((resolve) => stranger.listen(0, "127.0.0.1", resolve));
  const { port } = stranger.address() as { port: number };
  const isolate = tcpIsolate({ host: "127.0.0.1", port });
  const strange = await failure(System.start({ ...simple, server: { isolate, maxRestarts: 0 } }));
  assert.match(strange.message, /the isolate broke the protocol: frame of \d+ bytes/);
  stranger.close();

  const silent = createServer();
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const mute = tcpIsolate({ host: "127.0.0.1", port: (silent.address() as { port: number }).port });
  const dumb = await failure(
    System.start({ ...simple, server: { isolate: mute, maxRestarts: 0, healthTimeoutMs: 300 } }),
  );
  assert.match(dumb.message, /did not answer within 300 ms/);
  silent.close();
});

test("an isolate's process that cannot start says why, at once", async () => {
  const isolate = processIsolate({ rootOfTrust: "/no/such/folder/key.pem" });
  const error = await failure(System.start({ ...simple, server: { isolate } }));
  assert.match(error.message, /the isolate's process ended with exit code \d: .*no\/such\/folder/);
});

test("a server that is stopped while its isolate starts ends, and the isolate with it", async () => {
  const system = await System.start(simple, false);
  const ready = failure(system.server.ready());
  await until("the isolate's process", () => system.logged("isolate process started").length > 0);
  const pid = system.isolatePid();
  await system.stop();
  assert.match((await ready).message, /the server stops/);
  assert.is((await system.server.finished).status, "stopped");
  assert.throws(() => process.kill(pid, 0), /ESRCH/);
});

test.after(() => attestation.stop());
test.run();
