// The stream around the engine, and the demonstration server as a user would try it.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Duplex, Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { connect as tlsConnect } from "node:tls";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../../host/common/paths.js";
import type { TlsError } from "../../host/session-manager/alerts.js";
import { type Approval, TlsDuplex } from "../../host/session-manager/tls-duplex.js";
import { certificatesFromPem, toPem } from "../../host/x509/pem.js";
import { toPem as certificatePem, privatePem } from "../x509/support/certificates.js";
import { authority, identityOf, serverName } from "./support/credentials.js";
import { client, engine, holdsNothing, server } from "./support/engine-sessions.js";
import { within } from "./support/processes.js";

const serverConfig = engine.configure({ identity: identityOf(server) });
const clientConfig = engine.configure({
  identity: identityOf(client),
  server: { authority: authority.certificate, name: serverName },
});

/** Two ends of a connection within this process. */
function pipePair(): [Duplex, Duplex] {
  const ends: Duplex[] = [];
  const end = (other: () => Duplex) =>
    new Duplex({
      allowHalfOpen: true,
      read() {},
      write(chunk: Buffer, _encoding, done) {
        other().push(Buffer.from(chunk));
        done();
      },
      final(done) {
        other().push(null);
        done();
      },
    });
  ends.push(
    end(() => ends[1] as Duplex),
    end(() => ends[0] as Duplex),
  );
  return [ends[0] as Duplex, ends[1] as Duplex];
}

type Approve = (certificates: Buffer[]) => Approval | Promise<Approval>;

/** Client and server streams over a connection. */
function streams(approve: Approve = () => true, ends = pipePair()): [TlsDuplex, TlsDuplex] {
  const [clientEnd, serverEnd] = ends;
  return [
    new TlsDuplex({
      config: clientConfig,
      role: "client",
      transport: clientEnd,
      approve: () => true,
    }),
    new TlsDuplex({ config: serverConfig, role: "server", transport: serverEnd, approve }),
  ];
}

async function readAll(stream: TlsDuplex): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

test("a megabyte through an echo, and both ends close in order", async () => {
  const [near, far] = streams();
  const data = randomBytes(1 << 20);
  const echoed = pipeline(far, far);
  const [received] = await within(
    20,
    "echo",
    Promise.all([
      readAll(near),
      pipeline(Readable.from([data]), near, { end: true }).catch(() => 0),
      echoed,
    ]),
  );
  assert.ok(received.equals(data));
  assert.ok(holdsNothing(serverConfig) && holdsNothing(clientConfig));
});

test("a transport may keep what it was given, and pass it on later", async () => {
  // As a stream over a socket that is full: it says "done" when it has queued the bytes, not when they were sent.
  const late = (other: () => Duplex) =>
    new Duplex({
      allowHalfOpen: true,
      read() {},
      write(chunk: Buffer, _encoding, done) {
        setTimeout(() => other().push(chunk), 5);
        done();
      },
      final(done) {
        setTimeout(() => other().push(null), 5);
        done();
      },
    });
  const ends: Duplex[] = [];
  ends.push(
    late(() => ends[1] as Duplex),
    late(() => ends[0] as Duplex),
  );
  const [near, far] = streams(() => true, [ends[0] as Duplex, ends[1] as Duplex]);
  near.on("error", () => undefined);
  const data = randomBytes(1 << 20);
  near.end(data);
  near.resume();
  assert.ok((await within(20, "data", readAll(far))).equals(data));
  far.end();
});

test("what is written in one go is cut into full records, whatever its parts", async () => {
  const ends = pipePair();
  const sent: Buffer[] = [];
  ends[1].on("data", (chunk: Buffer) => sent.push(chunk));
  const [near, far] = streams(() => true, ends);
  far.resume();
  await within(60, "handshake", once(near, "secure"));
  await new Promise(setImmediate);
  sent.length = 0;
  near.cork();
  const parts = Array.from({ length: 200 }, (_, index) => randomBytes(index));
  for (const part of parts) near.write(part);
  near.uncork();
  const received: Buffer[] = [];
  far.on("data", (chunk: Buffer) => received.push(chunk));
  near.end();
  await within(60, "end", once(far, "end"));
  assert.ok(Buffer.concat(received).equals(Buffer.concat(parts)));
  const bytes = Buffer.concat(sent);
  const records: number[] = [];
  for (let at = 0; at < bytes.length; at += 5 + bytes.readUInt16BE(at + 3))
    records.push(bytes.readUInt16BE(at + 3));
  // 19,900 bytes in records of 4,096 with their type (RFC 8449 §4), each with a tag, and close_notify.
  const whole = 4096 + 16;
  const rest = 19_900 - 4 * 4095;
  assert.equal(records, [whole, whole, whole, whole, rest + 17, 2 + 17]);
  far.end();
});

test("approval may take its time; meanwhile nothing is delivered", async () => {
  let approve = (_answer: boolean) => undefined as unknown;
  let secure = false;
  let closed: Promise<unknown> = Promise.resolve();
  const asked = new Promise<Buffer[]>((told) => {
    const [near, far] = streams(
      (certificates) =>
        new Promise((answer) => {
          approve = answer;
          told(certificates);
        }),
    );
    near.end("impatient");
    far.on("data", () => assert.ok(secure, "data before approval"));
    far.on("secure", () => {
      secure = true;
    });
    closed = Promise.all([once(near, "close"), once(far, "close")]);
    near.resume();
    far.on("end", () => far.end());
  });
  const certificates = await within(60, "approval", asked);
  assert.equal(certificates, client.chain);
  await new Promise(setImmediate);
  assert.not(secure);
  approve(true);
  await within(60, "closing", closed);
  assert.ok(secure);
});

for (const [what, approve, alert] of [
  ["false", () => false, 49],
  ["an alert", () => 46, 46],
] as [string, Approve, number][])
  test(`a peer rejected by ${what}: both ends learn the alert`, async () => {
    const [near, far] = streams(approve);
    const errors = await within(
      5,
      "errors",
      Promise.all([once(near, "error"), once(far, "error")]),
    );
    const [nearError, farError] = errors.map(([error]) => error as TlsError);
    assert.is(nearError?.alertReceived, alert);
    assert.is(farError?.alertSent, alert);
    assert.match(farError?.message ?? "", alert === 49 ? /access_denied/ : /certificate_unknown/);
    assert.ok(holdsNothing(serverConfig));
  });

test("an approval that throws destroys the stream with its error", async () => {
  const [near, far] = streams(() => Promise.reject(new Error("the policy is on fire")));
  near.on("error", () => undefined);
  const [error] = (await within(60, "error", once(far, "error"))) as [Error];
  assert.is(error.message, "the policy is on fire");
  near.destroy();
});

test("a transport that ends early is an error, not an end", async () => {
  const [clientEnd, serverEnd] = pipePair();
  const [near, far] = streams(undefined, [clientEnd, serverEnd]);
  await within(60, "secure", Promise.all([once(near, "secure"), once(far, "secure")]));
  near.on("error", () => undefined);
  let ended = false;
  far.on("end", () => {
    ended = true;
  });
  serverEnd.push(null);
  const [error] = (await within(60, "error", once(far, "error"))) as [TlsError];
  assert.match(error.message, /ended before/);
  assert.not(ended);
  near.destroy();
});

test("garbage from the transport is refused with an alert, and the socket is ended", async () => {
  const listener = createServer((socket) => {
    const tls = new TlsDuplex({
      config: serverConfig,
      role: "server",
      transport: socket,
      approve: () => true,
    });
    tls.on("error", () => undefined);
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const socket = connect((listener.address() as AddressInfo).port, "127.0.0.1");
  socket.write("GET / HTTP/1.0\r\n\r\n");
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  await within(60, "end", once(socket, "end"));
  assert.equal([...Buffer.concat(chunks)], [21, 3, 3, 0, 2, 2, 10]);
  socket.destroy();
  listener.close();
  await once(listener, "close");
});

test("a reader that does not read holds the sender back", async () => {
  const listener = createServer();
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const near = connect((listener.address() as AddressInfo).port, "127.0.0.1");
  const [far] = (await once(listener, "connection")) as [Socket];
  const [sender, reader] = streams(undefined, [near, far]);
  await within(60, "secure", Promise.all([once(sender, "secure"), once(reader, "secure")]));
  let written = 0;
  const chunk = randomBytes(1 << 16);
  const more = (): void => {
    while (written < 256 << 20 && sender.write(chunk)) written += chunk.length;
  };
  sender.on("drain", more);
  more();
  // Until nothing moves any more.
  for (let before = -1; before !== written; ) {
    before = written;
    await new Promise((later) => setTimeout(later, 200));
  }
  assert.ok(written < 64 << 20, `${written} bytes were taken`);
  const budget = engine.call("budgetUsed", serverConfig.handle);
  assert.ok(budget < 64 << 10, `${budget} bytes are held by the engine`);
  for (const stream of [sender, reader]) {
    stream.on("error", () => undefined);
    stream.destroy();
  }
  listener.close();
  await once(listener, "close");
});

test("PEM: certificates in, anything else refused", () => {
  const pem = certificatePem(server.chain[0] as Buffer) + certificatePem(server.chain[1] as Buffer);
  assert.equal(certificatesFromPem(`text before\n${pem}text behind`), server.chain);
  assert.throws(() => certificatesFromPem("nothing"), /no certificate/);
  assert.throws(
    () => certificatesFromPem("-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----"),
    /not base64/,
  );
  for (const length of [47, 48, 49, 96]) assert.not.match(toPem("X", Buffer.alloc(length)), /\n\n/);
});

test("the demonstration server echoes, and prints a command that works", async () => {
  const folder = mkdtempSync(join(tmpdir(), "veracruz-demo-"));
  const ca = join(folder, "ca.pem");
  const known = join(folder, "client.pem");
  writeFileSync(known, certificatePem(client.chain[0] as Buffer));
  const child = spawn(
    process.execPath,
    [
      join(projectRoot, "build/js/host/session-manager/demo-server.js"),
      ...["--port", "0", "--ca", ca, "--client", known],
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  try {
    let printed = "";
    child.stdout.on("data", (chunk) => {
      printed += chunk;
    });
    while (!/-connect 127\.0\.0\.1:\d+/.test(printed)) await once(child.stdout, "data");
    const port = Number(/-connect 127\.0\.0\.1:(\d+)/.exec(printed)?.[1]);
    const authorityPem = certificatesFromPem(readFileSync(ca, "utf8")).map((der) =>
      certificatePem(der),
    );
    const talk = (credential: typeof client | undefined) =>
      new Promise<string>((done) => {
        const socket = tlsConnect({
          port,
          host: "127.0.0.1",
          servername: serverName,
          ca: authorityPem,
          ...(credential === undefined
            ? {}
            : {
                cert: credential.chain.map(certificatePem).join(""),
                key: privatePem(credential.key),
              }),
        });
        socket.on("secureConnect", () => socket.write("hello"));
        socket.on("data", (data: Buffer) => {
          done(data.toString());
          socket.end();
        });
        socket.on("error", (error) => done(error.message));
      });
    assert.is(await within(60, "echo", talk(client)), "hello");
    assert.match(await within(60, "refusal", talk(server)), /unsupported certificate|alert/);
    assert.match(await within(60, "refusal", talk(undefined)), /certificate required/);
  } finally {
    child.kill();
    await once(child, "close");
    rmSync(folder, { recursive: true });
  }
});

test.run();
