// The negative space of the server role, second part: HelloRetryRequest, the client's second flight,
// records under keys, and what comes after the handshake. Each field broken in turn, each message left
// out, repeated, or at the wrong time.
import { generateKeyPairSync } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type ConfigOptions, Group, Status } from "../../host/session-manager/engine.js";
import {
  basicConstraints,
  type CertificateOptions,
  extension as certificateExtension,
  keyUsage,
  newKey,
  purposes,
  serverAuth,
} from "../x509/support/certificates.js";
import { clientCredential } from "./support/credentials.js";
import {
  assertRefused,
  client,
  engine,
  holdsNothing,
  type ServerRun,
  serve,
  serveOpen,
  server,
  serveWith,
  text,
} from "./support/engine-sessions.js";
import type { ScriptedClient } from "./support/scripted-client.js";
import {
  AES,
  CHACHA,
  P256,
  Protection,
  plainRecord,
  Share,
  X25519,
} from "./support/scripted-peer.js";
import {
  Alert,
  Content,
  concat,
  Ext,
  type Extensions,
  extension,
  message,
  nothing,
  Type,
  u8,
  u16,
  vector8,
  vector16,
  vector24,
} from "./support/wire.js";

const { privateKey: clientKey } = client.key;

// ---- HelloRetryRequest ----

/** A client whose first share does not fit: it has been asked for another group. */
function retried(options: ConfigOptions = {}): ServerRun {
  const run = serve(options);
  const { peer } = run;
  peer.say(
    peer.helloWith({
      keyShare: extension(Ext.keyShare, vector16(u16(24), vector16(Buffer.alloc(97, 4)))),
    }),
  );
  peer.hear();
  assert.ok(peer.retried);
  assert.is(peer.group, X25519);
  return run;
}

test("HelloRetryRequest: the second ClientHello is taken", () => {
  for (const options of [{}, { groups: Group.secp256r1 }]) {
    const run = serve(options);
    const { peer } = run;
    peer.say(peer.helloWith({ keyShare: extension(Ext.keyShare, vector16()) }));
    peer.hear();
    assert.is(peer.group, "groups" in options ? P256 : X25519);
    peer.share = new Share(peer.group);
    // The order of the extensions may differ, a cookie or padding may come.
    const { keyShare: _, ...others } = peer.fields.extensions;
    const reordered = Object.fromEntries(Object.entries(others).reverse());
    peer.say(
      peer.hello({
        extensions: {
          keyShare: peer.keyShare(),
          padding: extension(Ext.padding, Buffer.alloc(9)),
          ...reordered,
        },
      }),
    );
    peer.hear();
    peer.finish(client);
    assert.is(run.session.status, Status.approval);
    assert.ok(run.session.negotiated.retried);
    run.session.dispose();
  }
});

function refusedSecond(name: string, alert: number, build: (peer: ScriptedClient) => Buffer): void {
  test(`second ClientHello: ${name}`, () => {
    const run = retried();
    run.peer.say(build(run.peer));
    assertRefused(run, alert);
  });
}

for (const [name, changes] of [
  ["another random", { random: Buffer.alloc(32, 7) }],
  ["another session id", { sessionId: vector8(Buffer.alloc(32, 7)) }],
  ["another legacy_version", { version: u16(0x0302) }],
  ["other suites", { suites: vector16(u16(CHACHA), u16(AES)) }],
  ["not the suite that was chosen", { suites: vector16(u16(AES)) }],
] as const)
  refusedSecond(name, Alert.illegalParameter, (peer) => peer.hello(changes));
for (const [name, extensions] of [
  ["other groups", { supportedGroups: extension(Ext.supportedGroups, vector16(u16(29))) }],
  [
    "other algorithms",
    { signatureAlgorithms: extension(Ext.signatureAlgorithms, vector16(u16(0x0403), u16(0x0804))) },
  ],
  ["an extension more", { more: extension(0x5a5a) }],
  ["a limit on records that was not there", { limit: extension(Ext.recordSizeLimit, u16(64)) }],
  ["early data", { early: extension(Ext.earlyData) }],
  ["no share", { keyShare: extension(Ext.keyShare, vector16()) }],
  [
    "a share for the other group",
    { keyShare: extension(Ext.keyShare, vector16(u16(P256), vector16(new Share(P256).publicKey))) },
  ],
] as [string, Extensions][])
  refusedSecond(name, Alert.illegalParameter, (peer) => peer.helloWith(extensions));
refusedSecond("two shares", Alert.illegalParameter, (peer) =>
  peer.helloWith({
    keyShare: extension(
      Ext.keyShare,
      vector16(
        ...[new Share(X25519), new Share(P256)].map(({ group, publicKey }) =>
          concat(u16(group), vector16(publicKey)),
        ),
      ),
    ),
  }),
);
refusedSecond("the first one again", Alert.illegalParameter, (peer) =>
  peer.helloWith({
    keyShare: extension(Ext.keyShare, vector16(u16(24), vector16(Buffer.alloc(97, 4)))),
  }),
);
refusedSecond("malformed", Alert.decodeError, (peer) =>
  message(Type.clientHello, peer.hello().subarray(4, 40)),
);
refusedSecond("Certificate instead", Alert.unexpectedMessage, (peer) =>
  peer.certificate(client.chain),
);

test("second ClientHello: a third one", () => {
  const run = retried();
  run.peer.say(run.peer.hello());
  run.peer.hear();
  run.peer.write = undefined;
  run.peer.say(run.peer.hello());
  assertRefused(run, Alert.unexpectedMessage);
});

test("second ClientHello: change_cipher_spec before it is dropped", () => {
  const run = retried();
  run.peer.feed(plainRecord(Content.changeCipherSpec, u8(1)));
  run.peer.say(run.peer.hello());
  run.peer.hear();
  run.peer.finish(client);
  assert.is(run.session.status, Status.approval);
  run.session.dispose();
});

test("records: change_cipher_spec is dropped however often, but not without end", () => {
  const dummy = plainRecord(Content.changeCipherSpec, u8(1));
  const run = serve();
  run.peer.begin();
  for (let i = 0; i < 3; i++) run.peer.feed(dummy);
  run.peer.finish(client);
  assert.is(run.session.status, Status.approval);
  run.session.dispose();

  const endless = serve();
  endless.peer.begin();
  for (let i = 0; i < 100 && endless.session.status === Status.handshake; i++)
    endless.peer.feed(dummy);
  assertRefused(endless, Alert.unexpectedMessage);
});

// ---- Certificate ----

const certificateMessage = (...list: Uint8Array[]) =>
  message(Type.certificate, concat(vector8(), vector24(...list)));
const entry = (der: Uint8Array, ...extensions: Uint8Array[]) =>
  concat(vector24(der), vector16(...extensions));
const ours = client.chain[0] as Buffer;

function refusedCertificate(
  name: string,
  alert: number,
  build: (peer: ScriptedClient) => Buffer,
  options: ConfigOptions = {},
): void {
  test(`Certificate: ${name}`, () => {
    const run = serve(options);
    run.peer.begin();
    run.peer.say(build(run.peer));
    assertRefused(run, alert);
  });
}

refusedCertificate("none", Alert.certificateRequired, () => certificateMessage());
refusedCertificate("a context", Alert.illegalParameter, () =>
  message(Type.certificate, concat(vector8(u8(1)), vector24(entry(ours)))),
);
refusedCertificate("nothing in the message", Alert.decodeError, () =>
  message(Type.certificate, nothing),
);
refusedCertificate("no list", Alert.decodeError, () => message(Type.certificate, vector8()));
refusedCertificate("a context longer than the message", Alert.decodeError, () =>
  message(Type.certificate, u8(9)),
);
refusedCertificate("bytes behind the list", Alert.decodeError, () =>
  message(Type.certificate, concat(vector8(), vector24(entry(ours)), u8(0))),
);
refusedCertificate("an empty certificate", Alert.decodeError, () =>
  certificateMessage(entry(nothing)),
);
refusedCertificate("an entry without extensions' length", Alert.decodeError, () =>
  certificateMessage(vector24(ours)),
);
refusedCertificate("a certificate longer than the list", Alert.decodeError, () =>
  certificateMessage(concat(Buffer.from([0xff, 0xff, 0xff]), ours)),
);
refusedCertificate("an extension that was not asked for", Alert.unsupportedExtension, () =>
  certificateMessage(entry(ours, extension(Ext.statusRequest, u8(1), vector24(u8(0))))),
);
refusedCertificate("an unknown extension", Alert.unsupportedExtension, () =>
  certificateMessage(entry(ours, extension(0x5a5a))),
);
test("Certificate: ten certificates are taken", () => {
  const run = serve();
  run.peer.begin();
  run.peer.finish({ ...client, chain: Array.from({ length: 10 }, () => ours) });
  assert.is(run.session.status, Status.approval, `alert ${run.session.alertSent}`);
  run.session.dispose();
});
refusedCertificate(
  "longer than 4.5 KiB, on a device",
  Alert.illegalParameter,
  () => certificateMessage(entry(Buffer.alloc(4700, 0x30))),
  { maxMessage: 4608 },
);
refusedCertificate("bytes that are no DER", Alert.badCertificate, () =>
  certificateMessage(entry(Buffer.alloc(200, 0xff))),
);
refusedCertificate("a byte behind the certificate", Alert.badCertificate, () =>
  certificateMessage(entry(concat(ours, u8(0)))),
);
refusedCertificate("a certificate cut short", Alert.badCertificate, () =>
  certificateMessage(entry(ours.subarray(0, -1))),
);

/** A client's certificate with these options. */
const shown = (options: Partial<CertificateOptions>) => (peer: ScriptedClient) =>
  peer.certificate(clientCredential("odd principal", options).chain);
const rsa = () => {
  const { publicKey } = generateKeyPairSync("rsa", { modulusLength: 1024 });
  return publicKey.export({ type: "spki", format: "der" });
};

refusedCertificate("an RSA key", Alert.unsupportedCertificate, shown({ tbs: { keyInfo: rsa() } }));
refusedCertificate(
  "a P-384 key",
  Alert.unsupportedCertificate,
  shown({ key: newKey("secp384r1") }),
);
refusedCertificate(
  "a key that must not sign",
  Alert.unsupportedCertificate,
  shown({ extensions: [keyUsage(4)] }),
);
refusedCertificate(
  "a key for servers only",
  Alert.unsupportedCertificate,
  shown({ extensions: [purposes(serverAuth)] }),
);
refusedCertificate(
  "a critical extension that is unknown",
  Alert.certificateUnknown,
  shown({
    extensions: [
      basicConstraints(true),
      certificateExtension("1.2.3.4", Buffer.from([5, 0]), true),
    ],
  }),
);
refusedCertificate(
  "expired",
  Alert.certificateExpired,
  shown({ notAfter: new Date(Date.now() - 5000) }),
);
refusedCertificate(
  "not yet valid",
  Alert.certificateExpired,
  shown({ notBefore: new Date(Date.now() + 60_000) }),
);

test("Certificate: without a clock dates are not checked, and the session says so", () => {
  const run = serve({ clock: false });
  const expired = clientCredential("expired", { notAfter: new Date("2020-01-01") });
  run.peer.begin();
  run.peer.finish(expired);
  assert.is(run.session.status, Status.approval);
  assert.not(run.session.datesChecked);
  run.session.dispose();
  const clocked = serveOpen();
  assert.ok(clocked.session.datesChecked);
  clocked.session.dispose();
});

test("Certificate: the whole chain is handed to the caller", () => {
  const chain = [ours, server.chain[0] as Buffer, server.chain[1] as Buffer];
  const run = serve();
  run.peer.begin();
  run.peer.finish({ key: client.key, chain });
  assert.equal(
    run.session.peerCertificates().map((der) => Buffer.from(der)),
    chain,
  );
  run.session.approvePeer();
  assert.equal(run.session.peerCertificates(), []);
  run.session.dispose();
});

// ---- CertificateVerify ----

function refusedVerify(name: string, alert: number, build: (peer: ScriptedClient) => Buffer): void {
  test(`CertificateVerify: ${name}`, () => {
    const run = serve();
    run.peer.begin();
    run.peer.say(run.peer.certificate(client.chain));
    run.peer.say(build(run.peer));
    assertRefused(run, alert);
  });
}
/** A good CertificateVerify's body, changed. */
const verifyBody = (change: (body: Buffer) => Buffer) => (peer: ScriptedClient) =>
  message(Type.certificateVerify, change(peer.certificateVerify(clientKey).subarray(4)));

refusedVerify("another key", Alert.decryptError, (peer) =>
  peer.certificateVerify(newKey().privateKey),
);
refusedVerify("the server's context", Alert.decryptError, (peer) =>
  peer.certificateVerify(clientKey, peer.signedContent(true)),
);
refusedVerify("another transcript", Alert.decryptError, (peer) => {
  const content = peer.signedContent(false);
  content[content.length - 1] = (content.at(-1) as number) ^ 1;
  return peer.certificateVerify(clientKey, content);
});
for (const algorithm of [0x0401, 0x0503, 0x0603, 0x0804, 0x0807, 0x0203, 0x0000])
  refusedVerify(
    `algorithm 0x${algorithm.toString(16)}`,
    Alert.illegalParameter,
    verifyBody((body) => concat(u16(algorithm), body.subarray(2))),
  );
refusedVerify(
  "nothing in it",
  Alert.decodeError,
  verifyBody(() => nothing),
);
refusedVerify(
  "no signature",
  Alert.decodeError,
  verifyBody(() => u16(0x0403)),
);
refusedVerify(
  "an empty signature",
  Alert.decryptError,
  verifyBody(() => concat(u16(0x0403), vector16())),
);
refusedVerify(
  "a signature cut short",
  Alert.decodeError,
  verifyBody((body) => body.subarray(0, -1)),
);
refusedVerify(
  "a byte behind the signature",
  Alert.decodeError,
  verifyBody((body) => concat(body, u8(0))),
);
refusedVerify(
  "a byte behind the signature's DER",
  Alert.decryptError,
  verifyBody((body) => concat(u16(0x0403), vector16(body.subarray(4), u8(0)))),
);
refusedVerify(
  "a signature of zeros",
  Alert.decryptError,
  verifyBody(() => concat(u16(0x0403), vector16(Buffer.from("3006020100020100", "hex")))),
);
refusedVerify(
  "a signature of r = 1, s = 1",
  Alert.decryptError,
  verifyBody(() => concat(u16(0x0403), vector16(Buffer.from("3006020101020101", "hex")))),
);
refusedVerify(
  "a very long signature",
  Alert.decryptError,
  verifyBody(() => concat(u16(0x0403), vector16(Buffer.alloc(4000, 0x30)))),
);
refusedVerify("Finished instead", Alert.unexpectedMessage, (peer) => peer.finished());
refusedVerify("Certificate again", Alert.unexpectedMessage, (peer) =>
  peer.certificate(client.chain),
);

test("CertificateVerify: every byte of the signature matters", () => {
  // The signature's DER: changes to it are malformed, or another signature.
  for (let at = 4; at < 74; at++) {
    const run = serve();
    run.peer.begin();
    run.peer.say(run.peer.certificate(client.chain));
    const good = run.peer.certificateVerify(clientKey);
    if (at >= good.length - 4) {
      run.session.dispose();
      continue;
    }
    const bad = Buffer.from(good);
    bad[at + 4] = (bad[at + 4] as number) ^ (1 << (at % 8));
    run.peer.say(bad);
    assertRefused(run, Alert.decryptError);
  }
});

// ---- Finished ----

function refusedFinished(
  name: string,
  alert: number,
  build: (peer: ScriptedClient) => Buffer,
): void {
  test(`Finished: ${name}`, () => {
    const run = serve();
    run.peer.begin();
    run.peer.say(run.peer.certificate(client.chain));
    run.peer.say(run.peer.certificateVerify(clientKey));
    run.peer.feed(run.peer.record(Content.handshake, build(run.peer)));
    assertRefused(run, alert);
  });
}
const finishedBody = (change: (body: Buffer) => Buffer) => (peer: ScriptedClient) =>
  message(Type.finished, change(peer.finished().subarray(4)));

for (const at of [0, 15, 31])
  refusedFinished(
    `byte ${at} wrong`,
    Alert.decryptError,
    finishedBody((body) => {
      body[at] = (body[at] as number) ^ 0x80;
      return body;
    }),
  );
refusedFinished("the server's", Alert.decryptError, (peer) => peer.finished(peer.serverHandshake));
refusedFinished(
  "nothing in it",
  Alert.decodeError,
  finishedBody(() => nothing),
);
refusedFinished(
  "31 bytes",
  Alert.decodeError,
  finishedBody((body) => body.subarray(1)),
);
refusedFinished(
  "33 bytes",
  Alert.decodeError,
  finishedBody((body) => concat(body, u8(0))),
);
refusedFinished(
  "48 bytes",
  Alert.decodeError,
  finishedBody((body) => concat(body, Buffer.alloc(16))),
);
refusedFinished("a length that no message has", Alert.decodeError, () =>
  message(Type.finished, Buffer.alloc(32), 0xffffff),
);
refusedFinished("more in its record", Alert.unexpectedMessage, (peer) =>
  concat(peer.finished(), u8(24)),
);
refusedFinished("CertificateVerify again", Alert.unexpectedMessage, (peer) =>
  peer.certificateVerify(clientKey),
);
refusedFinished("KeyUpdate instead", Alert.unexpectedMessage, () => message(Type.keyUpdate, u8(0)));

// ---- Messages at the wrong time ----

for (const [name, type] of Object.entries(Type)) {
  if (type !== Type.certificate)
    test(`instead of Certificate: ${name}`, () => {
      const run = serve();
      run.peer.begin();
      run.peer.say(message(type, Buffer.alloc(32)));
      assertRefused(run, Alert.unexpectedMessage);
    });
  if (type !== Type.keyUpdate)
    test(`after the handshake: ${name}`, () => {
      const run = serveOpen();
      run.peer.feed(run.peer.record(Content.handshake, message(type, Buffer.alloc(32))));
      assertRefused(run, Alert.unexpectedMessage);
    });
}

test("instead of Certificate: application data", () => {
  const run = serve();
  run.peer.begin();
  run.peer.send(Buffer.from("early"));
  assertRefused(run, Alert.unexpectedMessage);
});

test("instead of Certificate: close_notify ends the session without an answer", () => {
  const run = serve();
  run.peer.begin();
  run.peer.feed(run.peer.record(Content.alert, Buffer.from([1, 0])));
  assert.is(run.session.alertReceived, 0);
  assertRefused(run, undefined);
});

// ---- Records under keys ----

/** Bytes in place of the client's Certificate must be answered with the alert. */
function refusedRecord(
  name: string,
  alert: number,
  build: (peer: ScriptedClient, keys: Protection) => Buffer,
): void {
  test(`records: ${name}`, () => {
    for (const suite of [CHACHA, AES]) {
      const run = serve({}, suite);
      run.peer.begin();
      run.peer.feed(build(run.peer, run.peer.write as Protection));
      assertRefused(run, alert);
    }
  });
}

refusedRecord("a wrong tag", Alert.badRecordMac, (peer, keys) => {
  const record = keys.seal(Content.handshake, peer.certificate(client.chain));
  record[record.length - 1] = (record.at(-1) as number) ^ 1;
  return record;
});
refusedRecord("a wrong byte", Alert.badRecordMac, (peer, keys) => {
  const record = keys.seal(Content.handshake, peer.certificate(client.chain));
  record[5] = (record[5] as number) ^ 0x80;
  return record;
});
refusedRecord("a changed header", Alert.badRecordMac, (peer, keys) => {
  const record = keys.seal(Content.handshake, peer.certificate(client.chain));
  record[1] = 4;
  return record;
});
refusedRecord("the record number left out", Alert.badRecordMac, (peer, keys) => {
  keys.sequence = 1n;
  return keys.seal(Content.handshake, peer.certificate(client.chain));
});
refusedRecord("keys of application data", Alert.badRecordMac, (peer) =>
  new Protection(peer.suite, peer.clientApplication).seal(
    Content.handshake,
    peer.certificate(client.chain),
  ),
);
refusedRecord("empty", Alert.badRecordMac, () => plainRecord(Content.data, nothing));
refusedRecord("shorter than a tag", Alert.badRecordMac, () =>
  plainRecord(Content.data, Buffer.alloc(15)),
);
refusedRecord("a tag and nothing else, a wrong one", Alert.badRecordMac, () =>
  plainRecord(Content.data, Buffer.alloc(16)),
);
refusedRecord("a tag and nothing else", Alert.unexpectedMessage, (_peer, keys) =>
  keys.sealInner(nothing),
);
refusedRecord("longer than 2^14 + 256", Alert.recordOverflow, () =>
  concat(u8(23), u16(0x0303), u16(16641)),
);
refusedRecord("content of 2^14 + 1 bytes", Alert.recordOverflow, (_peer, keys) =>
  keys.seal(Content.handshake, Buffer.alloc(16385, 11)),
);
refusedRecord("content and padding of 2^14 + 2 bytes", Alert.recordOverflow, (_peer, keys) =>
  keys.seal(Content.handshake, Buffer.alloc(100, 11), 16384 + 1 - 100),
);
refusedRecord("nothing but padding", Alert.unexpectedMessage, (_peer, keys) =>
  keys.sealInner(Buffer.alloc(20)),
);
refusedRecord("an empty handshake record", Alert.unexpectedMessage, (_peer, keys) =>
  keys.seal(Content.handshake, nothing),
);
refusedRecord("an empty handshake record, padded", Alert.unexpectedMessage, (_peer, keys) =>
  keys.seal(Content.handshake, nothing, 20),
);
refusedRecord("an empty alert", Alert.unexpectedMessage, (_peer, keys) =>
  keys.seal(Content.alert, nothing),
);
refusedRecord("an empty alert, padded", Alert.unexpectedMessage, (_peer, keys) =>
  keys.seal(Content.alert, nothing, 20),
);
refusedRecord("two alerts in one", Alert.decodeError, (_peer, keys) =>
  keys.seal(Content.alert, Buffer.from([1, 90, 1, 0])),
);
refusedRecord("content type 0 … 19", Alert.unexpectedMessage, (_peer, keys) =>
  keys.seal(7, Buffer.from("x")),
);
refusedRecord("a protected change_cipher_spec", Alert.unexpectedMessage, (_peer, keys) =>
  keys.seal(Content.changeCipherSpec, u8(1)),
);
refusedRecord("content type 24", Alert.unexpectedMessage, (_peer, keys) => keys.seal(24, u8(1)));
refusedRecord("an unprotected handshake message", Alert.unexpectedMessage, (peer) =>
  plainRecord(Content.handshake, peer.certificate(client.chain)),
);
refusedRecord("change_cipher_spec of two bytes", Alert.unexpectedMessage, () =>
  plainRecord(Content.changeCipherSpec, Buffer.from([1, 1])),
);
refusedRecord("change_cipher_spec of 2", Alert.unexpectedMessage, () =>
  plainRecord(Content.changeCipherSpec, u8(2)),
);
refusedRecord("an empty change_cipher_spec", Alert.unexpectedMessage, () =>
  plainRecord(Content.changeCipherSpec, nothing),
);
refusedRecord("change_cipher_spec within a message", Alert.unexpectedMessage, (peer, keys) => {
  const certificate = peer.certificate(client.chain);
  return concat(
    keys.seal(Content.handshake, certificate.subarray(0, 9)),
    plainRecord(Content.changeCipherSpec, u8(1)),
  );
});
refusedRecord("application data within a message", Alert.unexpectedMessage, (peer, keys) => {
  const certificate = peer.certificate(client.chain);
  return concat(
    keys.seal(Content.handshake, certificate.subarray(0, 9)),
    keys.seal(Content.data, u8(1)),
  );
});
refusedRecord(
  "an unprotected alert after a protected record",
  Alert.unexpectedMessage,
  (peer, keys) =>
    concat(
      keys.seal(Content.handshake, peer.certificate(client.chain)),
      plainRecord(Content.alert, Buffer.from([2, 40])),
    ),
);

test("records: an unprotected alert before any protected record is believed, and not answered", () => {
  const run = serve();
  run.peer.begin();
  run.peer.feed(plainRecord(Content.alert, Buffer.from([2, 48])));
  assert.is(run.session.alertReceived, Alert.unknownCa);
  assertRefused(run, undefined);
});

test("records: an unprotected alert after the handshake", () => {
  const run = serveOpen();
  run.peer.feed(plainRecord(Content.alert, Buffer.from([2, 40])));
  assertRefused(run, Alert.unexpectedMessage);
});

test("records: change_cipher_spec after the handshake", () => {
  const run = serveOpen();
  run.peer.feed(plainRecord(Content.changeCipherSpec, u8(1)));
  assertRefused(run, Alert.unexpectedMessage);
});

test("records: longer than announced by record_size_limit", () => {
  const limit = { limit: extension(Ext.recordSizeLimit, u16(4096)) };
  for (const [padding, alert] of [
    [0, undefined],
    [1, Alert.recordOverflow],
  ] as const) {
    const run = serve({ recordSizeLimit: 512 });
    run.peer.say(run.peer.helloWith(limit));
    run.peer.hear();
    // 511 bytes of content and the type are the limit.
    const certificate = run.peer.certificate([concat(ours, Buffer.alloc(511 - ours.length - 13))]);
    assert.is(certificate.length, 511);
    run.peer.feed((run.peer.write as Protection).seal(Content.handshake, certificate, padding));
    if (alert === undefined) assert.is(run.session.alertSent, Alert.badCertificate); // it was read
    assertRefused(run, alert ?? Alert.badCertificate);
  }
});

// ---- After the handshake ----

function refusedUpdate(name: string, alert: number, build: () => Buffer): void {
  test(`KeyUpdate: ${name}`, () => {
    const run = serveOpen();
    run.peer.feed(run.peer.record(Content.handshake, build()));
    assertRefused(run, alert);
  });
}

refusedUpdate("request_update 2", Alert.illegalParameter, () => message(Type.keyUpdate, u8(2)));
refusedUpdate("request_update 255", Alert.illegalParameter, () => message(Type.keyUpdate, u8(255)));
refusedUpdate("nothing in it", Alert.decodeError, () => message(Type.keyUpdate, nothing));
refusedUpdate("two bytes", Alert.decodeError, () => message(Type.keyUpdate, Buffer.from([0, 0])));
refusedUpdate("more in its record", Alert.unexpectedMessage, () =>
  concat(message(Type.keyUpdate, u8(0)), message(Type.keyUpdate, u8(0))),
);
refusedUpdate("a length that no message has", Alert.decodeError, () =>
  message(Type.keyUpdate, nothing, 0xffffff),
);

test("KeyUpdate: the old keys are of no use afterwards", () => {
  const run = serveOpen();
  const keys = run.peer.write as Protection;
  run.peer.feed(keys.seal(Content.handshake, message(Type.keyUpdate, u8(0))));
  run.peer.send(Buffer.from("still under the old ones"));
  assertRefused(run, Alert.badRecordMac);
});

test("records: a replayed record", () => {
  const run = serveOpen();
  const record = run.peer.record(Content.data, Buffer.from("once"));
  run.peer.feed(record);
  assert.is(text(run.session.takePlaintext()), "once");
  run.peer.feed(record);
  assertRefused(run, Alert.badRecordMac);
});

test("records: the last sequence number is not used", () => {
  const reading = serveOpen();
  engine.call("setSequence", reading.session.handle, 1, -1, -1);
  (reading.peer.write as Protection).sequence = 0xffff_ffff_ffff_ffffn;
  reading.peer.send(Buffer.from("x"));
  assertRefused(reading, Alert.internalError);

  // Sending at that number is impossible: not even an alert can be protected.
  const writing = serveOpen();
  engine.call("setSequence", writing.session.handle, 0, -1, -1);
  assert.is(writing.session.write(Buffer.from("x")), 0);
  assert.is(writing.session.status, Status.failed);
  assert.is(writing.session.takeOutput().length, 0);
  assert.ok(holdsNothing(writing.config));
  writing.session.dispose();
});

test("records: a worn key is replaced before the next record", () => {
  const run = serveOpen();
  engine.call("setSequence", run.session.handle, 0, 1 << 23, 0);
  (run.peer.read as Protection).sequence = 1n << 23n;
  assert.is(run.session.write(Buffer.from("under a fresh key")), 17);
  const sent = run.peer.hear();
  assert.equal(
    sent.map(({ type }) => type),
    [Content.handshake, Content.data],
  );
  assert.is(sent[1]?.content.toString(), "under a fresh key");
  assert.is(engine.call("writeSequence", run.session.handle), 1);
  run.session.dispose();
});

for (const [name, content, type] of [
  ["data", Content.data, Buffer.from("x")],
  ["an empty record", Content.data, Buffer.alloc(0)],
  ["an alert that warns", Content.alert, Buffer.from([1, 90])],
] as const)
  test(`records: a peer whose key is worn is asked for the next, by ${name}`, () => {
    const run = serveOpen();
    const keys = run.peer.write as Protection;
    const at = (1 << 23) - 1;
    engine.call("setSequence", run.session.handle, 1, at - 1, 0);
    keys.sequence = BigInt(at - 1);
    const say = (text: string) => {
      run.peer.send(Buffer.from(text));
      run.session.takePlaintext();
    };
    say("x");
    assert.is(run.peer.hear().length, 0, "not before it is worn");
    run.peer.feed(keys.seal(content, type));
    run.session.takePlaintext();
    say("x");
    const asked = run.peer.hear().map((record) => record.content);
    assert.equal(asked, [message(Type.keyUpdate, u8(1))], "once");
    run.peer.feed(keys.seal(Content.handshake, message(Type.keyUpdate, u8(0))));
    keys.update();
    say("x");
    assert.is(engine.call("readSequence", run.session.handle), 1);
    assert.is(run.session.status, Status.open);
    run.session.dispose();
  });

// ---- The caller's word ----

test("approval: until it is given, nothing is taken in or sent", () => {
  const run = serve();
  run.peer.begin();
  run.peer.finish(client);
  assert.is(run.session.status, Status.approval);
  assert.not(run.session.wantsInput);
  const early = run.peer.record(Content.data, Buffer.from("early"));
  assert.is(run.session.feed(early), 0);
  assert.is(run.session.write(Buffer.from("early")), 0);
  run.session.updateKeys(true);
  assert.is(run.session.takeOutput().length, 0);
  run.session.approvePeer();
  assert.is(run.session.feed(early), early.length);
  assert.is(text(run.session.takePlaintext()), "early");
  run.session.dispose();
});

for (const [given, sent] of [
  [42, 42],
  [43, 43],
  [44, 44],
  [45, 45],
  [46, 46],
  [48, 48],
  [49, 49],
  [47, 49],
  [0, 49],
  [80, 49],
  [-1, 49],
] as const)
  test(`approval: a peer rejected with ${given} gets alert ${sent}`, () => {
    const run = serve();
    run.peer.begin();
    run.peer.finish(client);
    run.session.rejectPeer(given);
    assertRefused(run, sent);
  });

test("approval: a word at the wrong time changes nothing", () => {
  const run = serve();
  run.session.approvePeer();
  run.session.rejectPeer();
  assert.is(run.session.status, Status.handshake);
  run.peer.begin();
  run.session.approvePeer();
  run.session.rejectPeer();
  assert.is(run.session.status, Status.handshake);
  run.peer.finish(client);
  run.session.approvePeer();
  run.session.rejectPeer();
  assert.is(run.session.status, Status.open);
  run.session.dispose();
});

test("a server without a certificate answers internal_error", () => {
  const run = serveWith(engine.configure());
  run.peer.say(run.peer.hello());
  assertRefused(run, Alert.internalError);
});

test.run();
