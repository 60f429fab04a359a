// The server's part in the life of an isolate, whatever that is: attestation, and isolates that are none.

import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { freePort } from "../../host/common/free-port.js";
import {
  decodeMessage,
  FrameReader,
  frame,
  MAX_ISOLATE_FRAME_BYTES,
} from "../../host/transport-protocol/index.js";
import { processIsolate, tcpIsolate } from "../../host/veracruz-server/isolate-launchers.js";
import {
  exampleModule,
  failure,
  System,
  type SystemOptions,
  TestAttestation,
  until,
} from "../support/system.js";

const attestation = await TestAttestation.start();
const nop = exampleModule("nop");
const simple: SystemOptions = {
  attestation,
  principals: { alice: "nop.wasm:w,output:r" },
  programs: { "nop.wasm": { module: nop, rights: "output:w" } },
};

test("certificates are renewed in time; open sessions go on", async () => {
  const shortLived = await TestAttestation.start({ validity: 4_000 });
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
      server: {
        isolate: processIsolate({ rootOfTrust: other.rootOfTrust, runtime: path }),
        // The refusal is not signed: it is tried again until then.
        attestationTimeoutMs: 700,
      },
    }),
  );
  assert.match(error.message, /refused \(measurement-not-allowed\)/);
  await other.stop();
});

test("requests that do not come, or trickle in, are cut off in time", async () => {
  const system = await System.start({ ...simple, server: { headersMs: 500, requestMs: 1_500 } });
  const { host, port } = system.address;
  /** What the server answers to one who sends a beginning and, again and again, a little more. */
  const slowly = (beginning: string, more: string) =>
    new Promise<string>((resolve) => {
      let answer = "";
      const socket = connect(port, host, () => socket.write(beginning));
      const trickle = setInterval(() => socket.write(more), 100);
      socket.setEncoding("utf8").on("data", (text: string) => {
        answer += text;
      });
      socket.on("error", () => undefined);
      socket.on("close", () => {
        clearInterval(trickle);
        resolve(answer);
      });
    });
  const post = "POST /runtime_manager HTTP/1.1\r\n";
  const answers = await Promise.all([
    slowly("", ""),
    slowly(post, "a: b\r\n"),
    slowly(`${post}host: x\r\ncontent-length: 1000\r\n\r\n0 `, "A"),
  ]);
  for (const answer of answers) assert.match(answer, /^HTTP\/1\.1 408 /);
  await system.stop();
});

test("a server stops although somebody holds a stream and says nothing", async () => {
  const system = await System.start({ ...simple, server: { handshakeMs: 3_600_000 } });
  const silent = connect(system.server.address.port, "127.0.0.1");
  silent.on("error", () => undefined);
  const key = randomBytes(16).toString("base64");
  silent.write(
    `GET /runtime_manager HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
  );
  const [answer] = (await once(silent, "data")) as [Buffer];
  assert.match(answer.toString("latin1"), /^HTTP\/1\.1 101 /);
  const gone = once(silent, "close");
  await system.stop();
  await gone;
});

test("an unreachable proxy attestation server is waited for, but not for ever", async () => {
  const error = await failure(
    System.start({
      ...simple,
      server: {
        proxyAttestationServer: { host: "127.0.0.1", port: 1 },
        attestationTimeoutMs: 2_000,
      },
    }),
  );
  assert.match(
    error.message,
    /^no attestation by the proxy attestation server at \S+:\d+: .*ECONNREFUSED/,
  );

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

test("an isolate that is not there, or is something else, is told of", async () => {
  const nobody = tcpIsolate({ host: "127.0.0.1", port: 1 });
  const error = await failure(
    System.start({ ...simple, server: { isolate: nobody, isolateRestarts: 1 } }),
  );
  assert.match(error.message, /cannot connect to 127\.0\.0\.1:1: nobody listens there/);

  const stranger = createServer((socket) => socket.end("220 mail.example ESMTP\r\n"));
  await new Promise<void>((resolve) => stranger.listen(0, "127.0.0.1", resolve));
  const { port } = stranger.address() as { port: number };
  const isolate = tcpIsolate({ host: "127.0.0.1", port });
  const strange = await failure(
    System.start({ ...simple, server: { isolate, isolateRestarts: 0 } }),
  );
  assert.match(strange.message, /the isolate broke the protocol: frame of \d+ bytes/);
  stranger.close();

  const silent = createServer();
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const mute = tcpIsolate({ host: "127.0.0.1", port: (silent.address() as { port: number }).port });
  const dumb = await failure(
    System.start({
      ...simple,
      server: { isolate: mute, isolateRestarts: 0, healthTimeoutMs: 300 },
    }),
  );
  assert.match(dumb.message, /did not answer within 300 ms/);
  silent.close();
});

test("an isolate that says other things first is alive; one that says nothing more is not", async () => {
  const { address, stop } = await attestation.provisioned.startAlone();
  // In front of it, health is kept back once the system is ready.
  let keepBack = false;
  let silent = false;
  let kept = 0;
  const doorway = createServer((server) => {
    const isolate = forward(address, server);
    server.pipe(isolate);
    const reader = new FrameReader(MAX_ISOLATE_FRAME_BYTES);
    isolate.on("data", (chunk: Buffer) => {
      for (const bytes of reader.push(chunk)) {
        const isHealth = decodeMessage("isolateAnswer", bytes).type === "healthIs";
        if (isHealth && keepBack) kept++;
        else if (!silent) server.write(frame(bytes));
      }
    });
    isolate.on("close", () => server.destroy());
  });
  await new Promise<void>((resolve) => doorway.listen(0, "127.0.0.1", resolve));
  const { port } = doorway.address() as { port: number };
  const healthTimeoutMs = 5_000;
  const system = await System.start({
    ...simple,
    server: {
      isolate: tcpIsolate({ host: "127.0.0.1", port }),
      ...{ healthTimeoutMs, healthMs: 500, isolateRestarts: 0 },
    },
  });
  const alice = await system.connect("alice");
  keepBack = true;
  await until("health was due", () => kept > 0);
  const since = performance.now();
  while (performance.now() - since < 2 * healthTimeoutMs) await alice.state();
  assert.is(system.logged("isolate lost").length, 0);
  silent = true;
  assert.match((await system.server.finished).reason, /did not answer within 5000 ms/);
  await system.stop();
  doorway.close();
  await stop();
});

test("an isolate's process that cannot start says why, at once", async () => {
  const isolate = processIsolate({ rootOfTrust: "/no/such/folder/key.pem" });
  const error = await failure(System.start({ ...simple, server: { isolate } }));
  assert.match(error.message, /the isolate's process ended with exit code \d: .*no\/such\/folder/);
});

test.after(() => attestation.stop());
test.run();
