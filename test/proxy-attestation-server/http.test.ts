// The server as a network service: limits, odd requests, hostile bytes, health.
import { connect } from "node:net";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  decodeBase64Message,
  encodeBase64Message,
  type Message,
} from "../../host/transport-protocol/index.js";
import { claimsFor, newDevice, token } from "../psa-attestation/tokens.js";
import {
  allowMeasurement,
  attest,
  csrFor,
  enrol,
  newIsolateKey,
  nonceFor,
  POLICY,
  refusalOf,
  startTestServer,
  type TestServer,
} from "./support.js";

const device = newDevice();
const START = encodeBase64Message({ type: "start", protocol: "psa", firmwareVersion: "test" });
let pas: TestServer;
let base: string;

test.before(async () => {
  pas = await startTestServer();
  base = `http://127.0.0.1:${pas.server.address.port}`;
  await enrol(pas.store, device);
  await allowMeasurement(pas.store);
});
test.after(() => pas.stop());

async function post(path: string, body: string, headers: Record<string, string> = {}) {
  const answer = await fetch(base + path, { method: "POST", body, headers });
  return {
    status: answer.status,
    text: await answer.text(),
    type: answer.headers.get("content-type"),
  };
}

/** The refusal in an answer. */
function codeOf(text: string): string {
  const message = decodeBase64Message("attestationAnswer", text);
  return message.type === "attestationRefused" ? message.code : message.type;
}

test("the documented exchange by hand: base64 text in, base64 text out", async () => {
  const started = await post("/Start", START);
  assert.is(started.status, 200);
  assert.match(started.type ?? "", /^text\/plain/);
  const message = decodeBase64Message("attestationAnswer", started.text);
  assert.ok(message.type === "challenge");
  const csr = csrFor(newIsolateKey());
  const native: Message<"nativeAttestationToken"> = {
    type: "nativeAttestationToken",
    token: token(claimsFor(device, nonceFor(message.challenge, csr)), device.privateKey),
    csr,
    deviceId: message.deviceId,
    ...POLICY,
  };
  const body = encodeBase64Message(native);
  const answer = await post("/PSA/AttestationToken", `${body}\r\n`);
  assert.is(answer.status, 200);
  assert.is(codeOf(answer.text), "certificateChain");
  // The same again: a refusal by name with a status that says conflict.
  const again = await post("/PSA/AttestationToken", body);
  assert.is(again.status, 409);
  assert.is(codeOf(again.text), "challenge-used");
});

test("the kind of content does not matter: curl -d, none, JSON", async () => {
  for (const type of ["application/x-www-form-urlencoded", "application/json", "text/plain"])
    assert.is((await post("/Start", START, { "content-type": type })).status, 200, type);
});

test("health", async () => {
  const answer = await fetch(`${base}/healthz`);
  assert.is(answer.status, 200);
  const report = (await answer.json()) as Record<string, unknown>;
  assert.is(report.status, "ok");
  assert.is(report.allowDevelopment, false);
  assert.ok(Date.parse(String(report.caNotAfter)) > Date.now());
});

test("health says when the storage does not answer", async () => {
  const broken = await startTestServer();
  const ping = broken.store.ping;
  broken.store.ping = () => Promise.reject(new Error("gone"));
  const answer = await fetch(`http://127.0.0.1:${broken.server.address.port}/healthz`);
  assert.is(answer.status, 503);
  assert.match(await answer.text(), /storage does not answer/);
  broken.store.ping = ping;
  await broken.stop();
});

test("other paths and methods", async () => {
  assert.is((await fetch(`${base}/Start`)).status, 404);
  assert.is((await post("/start", START)).status, 404);
  assert.is((await fetch(base)).status, 404);
  assert.is((await fetch(`${base}/Start`, { method: "PUT", body: START })).status, 404);
});

test("bodies that are no messages: refused, each with its reason", async () => {
  const right = Buffer.from(START, "base64");
  const bodies: [string, string][] = [
    ["empty", ""],
    ["not base64", "%%%%"],
    ["base64 without padding", START.replace(/=+$/, "").slice(0, -1)],
    ["base64 with a space inside", `${START.slice(0, 4)} ${START.slice(4)}`],
    ["no MessagePack", Buffer.from("hello").toString("base64")],
    ["cut short", right.subarray(0, right.length - 1).toString("base64")],
    ["bytes after the end", Buffer.concat([right, Buffer.of(0)]).toString("base64")],
    [
      "an answer instead of a request",
      encodeBase64Message({ type: "challenge", challenge: new Uint8Array(32), deviceId: 1 }),
    ],
    [
      "a request for another end point",
      encodeBase64Message({
        type: "nativeAttestationToken",
        token: new Uint8Array(1),
        csr: new Uint8Array(1),
        deviceId: 1,
        ...POLICY,
      }),
    ],
  ];
  for (const [name, body] of bodies) {
    const answer = await post("/Start", body);
    assert.is(answer.status, 400, name);
    assert.is(codeOf(answer.text), "message", name);
  }
});

test("a body over the limit is refused before it is read", async () => {
  const answer = await post("/PSA/AttestationToken", "A".repeat(20_000));
  assert.is(answer.status, 413);
});

test("hostile bytes on the socket do no harm", async () => {
  const send = (bytes: string | Uint8Array) =>
    new Promise<void>((done) => {
      const socket = connect(pas.server.address.port, "127.0.0.1");
      socket.on("error", () => {});
      socket.on("close", () => done());
      socket.on("data", () => {});
      socket.end(bytes);
    });
  await Promise.all([
    send("\u0016\u0003\u0001"),
    send(Uint8Array.from({ length: 4096 }, (_, i) => (i * 7919) & 255)),
    send(`POST /Start HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n`),
    send(
      `POST /Start HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n`,
    ),
    send(`GET / HTTP/1.1\r\n${"X: y\r\n".repeat(5000)}\r\n`),
    send(`POST /${"a".repeat(20_000)} HTTP/1.1\r\n\r\n`),
  ]);
  assert.is((await post("/Start", START)).status, 200);
});

test("so many starts of one address in a second, then 429; other requests go on", async () => {
  const limited = await startTestServer({ maxStartsPerSecond: 1 });
  const url = `http://127.0.0.1:${limited.server.address.port}`;
  const statuses: number[] = [];
  for (let i = 0; i < 20; i++)
    statuses.push((await fetch(`${url}/Start`, { method: "POST", body: START })).status);
  assert.equal(statuses.slice(0, 10), Array(10).fill(200));
  assert.ok(statuses.slice(10).filter((status) => status === 429).length >= 8);
  assert.is((await fetch(`${url}/healthz`)).status, 200);
  await limited.stop();
});

/** The rest of a flow, once there is a challenge. */
function finish(
  { client }: TestServer,
  { challenge, deviceId }: { challenge: Uint8Array; deviceId: number },
): Promise<string> {
  const csr = csrFor(newIsolateKey());
  const bytes = token(claimsFor(device, nonceFor(challenge, csr)), device.privateKey);
  return refusalOf(client.attest({ token: bytes, csr, deviceId, ...POLICY }));
}

test("so many open challenges, then one gives way to the next; what expired makes room", async () => {
  let time = Date.now();
  const small = await startTestServer({ maxOpenChallenges: 1, clock: () => time });
  await enrol(small.store, device);
  await allowMeasurement(small.store);
  const first = await small.client.start("test");
  const second = await small.client.start("test");
  assert.is(await finish(small, first), "challenge-unknown");
  assert.is(await finish(small, second), "accepted");
  const third = await small.client.start("test");
  time += 60_001;
  assert.is(await finish(small, await small.client.start("test")), "accepted");
  assert.is(await finish(small, third), "challenge-expired");
  await small.stop();
});

test("a challenge that was used is not open any more", async () => {
  const small = await startTestServer({ maxOpenChallenges: 2 });
  await enrol(small.store, device);
  await allowMeasurement(small.store);
  const kept = await small.client.start("test");
  for (let i = 0; i < 10; i++) await attest(small.client, device, newIsolateKey());
  assert.is(await finish(small, kept), "accepted");
  await small.stop();
});

test("a failure of the storage is a 500 without its words, and the next request works", async () => {
  const broken = await startTestServer();
  const real = broken.store.addChallenge.bind(broken.store);
  broken.store.addChallenge = () => Promise.reject(new Error("secret path /var/db"));
  const url = `http://127.0.0.1:${broken.server.address.port}/Start`;
  const failed = await fetch(url, { method: "POST", body: START });
  assert.is(failed.status, 500);
  assert.not.match(await failed.text(), /secret/);
  assert.ok(broken.log.some((line) => line.level === 50));
  broken.store.addChallenge = real;
  assert.is((await fetch(url, { method: "POST", body: START })).status, 200);
  await broken.stop();
});

test("logs hold no token, no CSR, no certificate and no key", async () => {
  const key = newIsolateKey();
  const from = pas.log.length;
  const chain = await attest(pas.client, device, key);
  const text = JSON.stringify(pas.log.slice(from));
  assert.match(text, /answered/);
  const forbidden = [chain.certificate, csrFor(key), key.spki.subarray(27)];
  for (const bytes of forbidden)
    for (const encoding of ["hex", "base64"] as const)
      assert.not.ok(text.includes(Buffer.from(bytes.slice(0, 48)).toString(encoding)));
});

test("stopping lets the request under way end", async () => {
  const stopping = await startTestServer();
  const real = stopping.store.addChallenge.bind(stopping.store);
  let reached: () => void = () => {};
  let release: () => void = () => {};
  const arrived = new Promise<void>((done) => {
    reached = done;
  });
  const gate = new Promise<void>((done) => {
    release = done;
  });
  stopping.store.addChallenge = async (challenge) => {
    reached();
    await gate;
    return real(challenge);
  };
  const answer = stopping.client.start("test");
  await arrived;
  const stopped = stopping.server.close();
  release();
  assert.is((await answer).type, "challenge");
  await stopped;
  await stopping.stop();
});

test.run();
