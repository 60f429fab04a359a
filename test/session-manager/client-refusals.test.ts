// The negative space of the client role: every message of a server, each field broken in turn, left
// out, repeated, or at the wrong time; chains, names and dates. Each case names the alert that RFC 8446
// (or the engine's README) asks for.
import { sign } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type ConfigOptions, Group, Status, Suite } from "../../host/session-manager/engine.js";
import {
  Authority,
  basicConstraints,
  extension as certificateExtension,
  clientAuth,
  dnsNames,
  keyUsage,
  newKey,
  purposes,
  serverAuth,
} from "../x509/support/certificates.js";
import {
  authority,
  type Credential,
  otherAuthority,
  serverCredential,
  serverName,
} from "./support/credentials.js";
import {
  assertRefused,
  type ClientRun,
  connect,
  connectOpen,
  connectWith,
  engine,
  server,
  text,
} from "./support/engine-sessions.js";
import {
  CHACHA,
  HYBRID,
  P256,
  type Protection,
  plainRecord,
  Share,
  sha256,
  X25519,
} from "./support/scripted-peer.js";
import type { ScriptedServer, ServerHelloFields } from "./support/scripted-server.js";
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

/** A client that has sent its ClientHello, which its server has read. */
function greeted(options: ConfigOptions = {}): ClientRun {
  const run = connect(options);
  run.peer.hear();
  return run;
}

// ---- ServerHello ----

function refusedHello(
  name: string,
  alert: number,
  build: (peer: ScriptedServer) => Buffer,
  options: ConfigOptions = {},
): void {
  test(`ServerHello: ${name}`, () => {
    const run = greeted(options);
    run.peer.say(build(run.peer));
    assertRefused(run, alert);
  });
}
const withFields = (changes: Partial<ServerHelloFields>) => (peer: ScriptedServer) =>
  peer.serverHello(changes);
const withExtensions = (extensions: Extensions) => (peer: ScriptedServer) =>
  peer.serverHello({ extensions: { ...peer.helloExtensions(), ...extensions } });
const withBody = (change: (body: Buffer) => Buffer) => (peer: ScriptedServer) =>
  message(Type.serverHello, change(peer.serverHello().subarray(4)));

refusedHello("legacy_version 0x0304", Alert.illegalParameter, withFields({ version: u16(0x0304) }));
refusedHello(
  "legacy_version SSL 3.0",
  Alert.illegalParameter,
  withFields({ version: u16(0x0300) }),
);
refusedHello(
  "another session id",
  Alert.illegalParameter,
  withFields({ sessionId: vector8(Buffer.alloc(32)) }),
);
refusedHello("an empty session id", Alert.illegalParameter, withFields({ sessionId: vector8() }));
refusedHello(
  "a session id of 33 bytes",
  Alert.decodeError,
  withFields({ sessionId: vector8(Buffer.alloc(33)) }),
);
refusedHello(
  "a suite that was not offered",
  Alert.illegalParameter,
  withFields({ suite: u16(0x1302) }),
);
refusedHello(
  "a suite that is known, but was not offered",
  Alert.illegalParameter,
  withFields({ suite: u16(0x1301) }),
  { suites: Suite.ChaCha20Poly1305 },
);
refusedHello("a compression method", Alert.illegalParameter, withFields({ compression: u8(1) }));
refusedHello("nothing in it", Alert.decodeError, () => message(Type.serverHello, nothing));
refusedHello(
  "bytes behind it",
  Alert.decodeError,
  withBody((body) => concat(body, u8(0))),
);
refusedHello(
  "its last byte cut off",
  Alert.decodeError,
  withBody((body) => body.subarray(0, -1)),
);
refusedHello(
  "no extensions: TLS 1.2",
  Alert.protocolVersion,
  withBody((body) => body.subarray(0, 70)),
);
refusedHello(
  "extensions of TLS 1.2 only",
  Alert.protocolVersion,
  withFields({
    extensions: { renegotiation: extension(0xff01, u8(0)), points: extension(11, vector8(u8(0))) },
  }),
);
refusedHello(
  "no supported_versions",
  Alert.protocolVersion,
  withExtensions({ supportedVersions: undefined }),
);
refusedHello(
  "TLS 1.2 in supported_versions",
  Alert.illegalParameter,
  withExtensions({ supportedVersions: extension(Ext.supportedVersions, u16(0x0303)) }),
);
refusedHello(
  "version 0 in supported_versions",
  Alert.illegalParameter,
  withExtensions({ supportedVersions: extension(Ext.supportedVersions, u16(0)) }),
);
refusedHello(
  "a list in supported_versions",
  Alert.decodeError,
  withExtensions({ supportedVersions: extension(Ext.supportedVersions, vector8(u16(0x0304))) }),
);
refusedHello("no key_share", Alert.missingExtension, withExtensions({ keyShare: undefined }));
for (const [what, alert, ...data] of [
  ["a group that was not offered", Alert.illegalParameter, u16(24), vector16(Buffer.alloc(97))],
  [
    "a group without a share",
    Alert.illegalParameter,
    u16(P256),
    vector16(new Share(P256).publicKey),
  ],
  ["31 bytes", Alert.illegalParameter, u16(X25519), vector16(Buffer.alloc(31, 9))],
  ["33 bytes", Alert.illegalParameter, u16(X25519), vector16(Buffer.alloc(33, 9))],
  ["zeros", Alert.illegalParameter, u16(X25519), vector16(Buffer.alloc(32))],
  ["empty", Alert.decodeError, u16(X25519), vector16()],
  ["a group and no more, as in HelloRetryRequest", Alert.decodeError, u16(X25519)],
  ["bytes behind it", Alert.decodeError, u16(X25519), vector16(Buffer.alloc(32, 9)), u8(0)],
] as [string, number, ...Buffer[]][])
  refusedHello(
    `key_share: ${what}`,
    alert,
    withExtensions({ keyShare: extension(Ext.keyShare, ...data) }),
  );
for (const [name, type, alert] of [
  ["an unknown one", 0x5a5a, Alert.unsupportedExtension],
  ["pre_shared_key, which was not offered", Ext.preSharedKey, Alert.unsupportedExtension],
  ["alpn, which was not offered", Ext.alpn, Alert.unsupportedExtension],
  ["server_name, out of place", Ext.serverName, Alert.illegalParameter],
  ["supported_groups, out of place", Ext.supportedGroups, Alert.illegalParameter],
  ["signature_algorithms, out of place", Ext.signatureAlgorithms, Alert.illegalParameter],
  ["record_size_limit, out of place", Ext.recordSizeLimit, Alert.illegalParameter],
  ["cookie, out of place", Ext.cookie, Alert.illegalParameter],
] as const)
  refusedHello(`extension: ${name}`, alert, withExtensions({ more: extension(type, u16(64)) }));
refusedHello(
  "supported_versions twice",
  Alert.illegalParameter,
  withExtensions({ more: extension(Ext.supportedVersions, u16(0x0304)) }),
);
refusedHello("more in its record", Alert.unexpectedMessage, (peer) =>
  concat(peer.serverHello(), u8(8)),
);

test("ServerHello: every truncation of the body is refused", () => {
  const probe = greeted();
  const length = probe.peer.serverHello().length - 4;
  probe.session.dispose();
  for (let cut = 0; cut < length; cut++) {
    const run = greeted();
    run.peer.say(message(Type.serverHello, run.peer.serverHello().subarray(4, 4 + cut)));
    const older = run.session.alertSent === Alert.protocolVersion;
    assertRefused(run, older ? Alert.protocolVersion : Alert.decodeError);
  }
});

for (const [name, type] of Object.entries(Type)) {
  if (type === Type.serverHello) continue;
  test(`instead of ServerHello: ${name}`, () => {
    const run = greeted();
    run.peer.say(message(type, Buffer.alloc(36)));
    assertRefused(run, Alert.unexpectedMessage);
  });
}

test("instead of ServerHello: application data, protected or not", () => {
  const run = greeted();
  run.peer.feed(plainRecord(Content.data, Buffer.alloc(40)));
  assertRefused(run, Alert.unexpectedMessage);
});

test("instead of ServerHello: alerts are not answered", () => {
  for (const alert of [0, 40, 70, 112, 255]) {
    const run = greeted();
    run.peer.feed(plainRecord(Content.alert, Buffer.from([2, alert])));
    assert.is(run.session.alertReceived, alert);
    assertRefused(run, undefined);
  }
});

test("the first ClientHello's record says TLS 1.0, what follows TLS 1.2", () => {
  const run = connect();
  const first = Buffer.from(run.session.takeOutput());
  assert.is(first.readUInt16BE(1), 0x0301);
  // The scripted peer has seen nothing of it: the transcript does not matter here.
  const hello = first.subarray(5);
  run.peer.clientSessionId = hello.subarray(39, 71);
  run.peer.sayRetry();
  const second = Buffer.from(run.session.takeOutput());
  const versions: number[] = [];
  for (let at = 0; at < second.length; at += 5 + second.readUInt16BE(at + 3))
    versions.push(second.readUInt16BE(at + 1));
  assert.equal(versions, [0x0303, 0x0303], "change_cipher_spec, the second ClientHello");
  run.session.dispose();
});

// ---- HelloRetryRequest ----

function refusedRetry(
  name: string,
  alert: number,
  build: (peer: ScriptedServer) => Buffer,
  options: ConfigOptions = {},
): void {
  test(`HelloRetryRequest: ${name}`, () => {
    const run = greeted(options);
    run.peer.say(build(run.peer));
    assertRefused(run, alert);
  });
}
const retryWith = (extensions: Extensions) => (peer: ScriptedServer) =>
  peer.retryRequest({
    extensions: { supportedVersions: extension(Ext.supportedVersions, u16(0x0304)), ...extensions },
  });

refusedRetry("the group of the share that was sent", Alert.illegalParameter, (peer) =>
  peer.retryRequest({}, HYBRID),
);
refusedRetry("a group that was not offered", Alert.illegalParameter, (peer) =>
  peer.retryRequest({}, 24),
);
refusedRetry(
  "a known group that was not offered",
  Alert.illegalParameter,
  (peer) => peer.retryRequest({}, P256),
  { groups: Group.x25519 },
);
refusedRetry("no change asked for", Alert.illegalParameter, retryWith({}));
refusedRetry(
  "an empty cookie",
  Alert.decodeError,
  retryWith({ cookie: extension(Ext.cookie, vector16()) }),
);
refusedRetry(
  "a key share",
  Alert.decodeError,
  retryWith({ keyShare: extension(Ext.keyShare, u16(P256), vector16(new Share(P256).publicKey)) }),
);
refusedRetry(
  "an unknown extension",
  Alert.unsupportedExtension,
  retryWith({ keyShare: extension(Ext.keyShare, u16(P256)), more: extension(0x5a5a) }),
);
refusedRetry("a suite that was not offered", Alert.illegalParameter, (peer) =>
  peer.retryRequest({ suite: u16(0x1302) }),
);
refusedRetry("another session id", Alert.illegalParameter, (peer) =>
  peer.retryRequest({ sessionId: vector8(Buffer.alloc(32)) }),
);

/** After a good HelloRetryRequest for P-256. */
function retried(
  options: ConfigOptions = {},
  request?: (peer: ScriptedServer) => Buffer,
): ClientRun {
  const run = greeted(options);
  const first = run.peer.clientHello;
  run.peer.sayRetry(request?.(run.peer) ?? run.peer.retryRequest());
  run.peer.hear();
  assert.is(run.session.status, Status.handshake);
  // The same random and session id, another share.
  assert.ok(run.peer.clientHello.subarray(0, 67).equals(first.subarray(0, 67)));
  return run;
}

test("HelloRetryRequest: for P-256, and with a cookie", () => {
  const cookie = Buffer.alloc(500, 0xc0);
  for (const extensions of [
    { keyShare: extension(Ext.keyShare, u16(P256)) },
    { cookie: extension(Ext.cookie, vector16(cookie)) },
    {
      cookie: extension(Ext.cookie, vector16(cookie)),
      keyShare: extension(Ext.keyShare, u16(P256)),
    },
  ] as Extensions[]) {
    const run = retried({}, retryWith(extensions));
    const { peer, session } = run;
    assert.is(peer.group, extensions.keyShare === undefined ? HYBRID : P256);
    assert.is(peer.clientHello.includes(cookie), extensions.cookie !== undefined);
    peer.begin(server);
    session.approvePeer();
    peer.hear();
    assert.is(session.status, Status.open);
    assert.ok(session.negotiated.retried);
    session.dispose();
  }
});

for (const [name, alert, build] of [
  ["a second HelloRetryRequest", Alert.unexpectedMessage, (peer) => peer.retryRequest({}, X25519)],
  ["another suite", Alert.illegalParameter, (peer) => peer.serverHello({ suite: u16(0x1301) })],
  [
    "another group",
    Alert.illegalParameter,
    (peer) =>
      peer.serverHello({
        extensions: {
          supportedVersions: extension(Ext.supportedVersions, u16(0x0304)),
          keyShare: extension(Ext.keyShare, u16(X25519), vector16(new Share(X25519).publicKey)),
        },
      }),
  ],
] as [string, number, (peer: ScriptedServer) => Buffer][])
  test(`after HelloRetryRequest: ${name}`, () => {
    const run = retried();
    run.peer.say(build(run.peer));
    assertRefused(run, alert);
  });

// ---- EncryptedExtensions ----

/** A client whose server has sent ServerHello. */
function keyed(options: ConfigOptions = {}): ClientRun {
  const run = greeted(options);
  run.peer.sayServerHello();
  return run;
}

function refusedExtensions(
  name: string,
  alert: number,
  build: (peer: ScriptedServer) => Buffer,
): void {
  test(`EncryptedExtensions: ${name}`, () => {
    const run = keyed();
    run.peer.say(build(run.peer));
    assertRefused(run, alert);
  });
}
for (const [name, type, data, alert] of [
  ["an unknown one", 0x5a5a, nothing, Alert.unsupportedExtension],
  [
    "alpn, which was not offered",
    Ext.alpn,
    vector16(vector8(Buffer.from("h2"))),
    Alert.unsupportedExtension,
  ],
  ["early_data, which was not offered", Ext.earlyData, nothing, Alert.unsupportedExtension],
  [
    "max_fragment_length, which was not offered",
    Ext.maxFragmentLength,
    u8(1),
    Alert.unsupportedExtension,
  ],
  ["key_share, out of place", Ext.keyShare, u16(29), Alert.illegalParameter],
  ["supported_versions, out of place", Ext.supportedVersions, u16(0x0304), Alert.illegalParameter],
  [
    "signature_algorithms, out of place",
    Ext.signatureAlgorithms,
    vector16(u16(0x0403)),
    Alert.illegalParameter,
  ],
  ["server_name that is not empty", Ext.serverName, u8(0), Alert.decodeError],
  ["supported_groups without one", Ext.supportedGroups, vector16(), Alert.decodeError],
  ["record_size_limit 63", Ext.recordSizeLimit, u16(63), Alert.illegalParameter],
  ["record_size_limit 16386", Ext.recordSizeLimit, u16(16386), Alert.illegalParameter],
  ["record_size_limit of one byte", Ext.recordSizeLimit, u8(64), Alert.decodeError],
] as const)
  refusedExtensions(name, alert, (peer) =>
    peer.encryptedExtensions({ one: extension(type, data) }),
  );
refusedExtensions("one of them twice", Alert.illegalParameter, (peer) =>
  peer.encryptedExtensions({ one: extension(Ext.serverName), two: extension(Ext.serverName) }),
);
refusedExtensions("nothing in it", Alert.decodeError, () =>
  message(Type.encryptedExtensions, nothing),
);
refusedExtensions("a block longer than the message", Alert.decodeError, () =>
  message(Type.encryptedExtensions, u16(4)),
);
refusedExtensions("bytes behind the block", Alert.decodeError, () =>
  message(Type.encryptedExtensions, concat(vector16(), u8(0))),
);

test("EncryptedExtensions: server_name, supported_groups and record_size_limit are taken", () => {
  const run = keyed();
  const { peer, session } = run;
  peer.say(
    peer.encryptedExtensions({
      name: extension(Ext.serverName),
      groups: extension(Ext.supportedGroups, vector16(u16(29), u16(0x5a5a))),
      limit: extension(Ext.recordSizeLimit, u16(100)),
    }),
  );
  peer.say(peer.certificate(server.chain));
  peer.say(peer.certificateVerify(server.key.privateKey));
  peer.sayFinished();
  session.approvePeer();
  peer.hear();
  assert.is(session.write(Buffer.alloc(1000)), 1000);
  assert.equal(
    peer.hear().map(({ content }) => content.length),
    [...Array(10).fill(99), 10],
  );
  session.dispose();
});

// ---- CertificateRequest ----

/** A client whose server has sent EncryptedExtensions. */
function extended(options: ConfigOptions = {}): ClientRun {
  const run = keyed(options);
  run.peer.say(run.peer.encryptedExtensions());
  return run;
}

function refusedRequest(
  name: string,
  alert: number,
  build: (peer: ScriptedServer) => Buffer,
): void {
  test(`CertificateRequest: ${name}`, () => {
    const run = extended();
    run.peer.say(build(run.peer));
    assertRefused(run, alert);
  });
}
const algorithms = extension(Ext.signatureAlgorithms, vector16(u16(0x0403)));
refusedRequest("a context", Alert.illegalParameter, (peer) =>
  peer.certificateRequest(undefined, u8(1)),
);
refusedRequest("no signature_algorithms", Alert.missingExtension, (peer) =>
  peer.certificateRequest({ more: extension(0x5a5a) }),
);
refusedRequest("no extensions", Alert.decodeError, (peer) => peer.certificateRequest({}));
refusedRequest("no algorithms", Alert.decodeError, (peer) =>
  peer.certificateRequest({ algorithms: extension(Ext.signatureAlgorithms, vector16()) }),
);
refusedRequest("signature_algorithms twice", Alert.illegalParameter, (peer) =>
  peer.certificateRequest({ algorithms, again: algorithms }),
);
refusedRequest("an extension of other messages", Alert.illegalParameter, (peer) =>
  peer.certificateRequest({ algorithms, share: extension(Ext.keyShare, u16(29)) }),
);
refusedRequest("nothing in it", Alert.decodeError, () => message(Type.certificateRequest, nothing));
refusedRequest("bytes behind it", Alert.decodeError, (peer) =>
  message(Type.certificateRequest, concat(peer.certificateRequest().subarray(4), u8(0))),
);

test("CertificateRequest: a second one", () => {
  const run = extended();
  run.peer.say(run.peer.certificateRequest());
  run.peer.say(run.peer.certificateRequest());
  assertRefused(run, Alert.unexpectedMessage);
});

for (const [name, request, open, expected] of [
  [
    "answered with certificate and signature",
    { algorithms },
    extended,
    [Type.certificate, Type.certificateVerify, Type.finished],
  ],
  [
    "unknown extensions are ignored",
    { algorithms, more: extension(0x5a5a, u8(1)), filters: extension(Ext.oidFilters, vector16()) },
    extended,
    [Type.certificate, Type.certificateVerify, Type.finished],
  ],
  [
    "no algorithm in common: an empty certificate",
    { algorithms: extension(Ext.signatureAlgorithms, vector16(u16(0x0804))) },
    extended,
    [Type.certificate, Type.finished],
  ],
  ["none: no certificate", undefined, extended, [Type.finished]],
  [
    "without an identity: an empty certificate",
    { algorithms },
    anonymous,
    [Type.certificate, Type.finished],
  ],
] as [string, Extensions | undefined, () => ClientRun, number[]][])
  test(`CertificateRequest: ${name}`, () => {
    const run = open();
    const { peer, session } = run;
    if (request !== undefined) peer.say(peer.certificateRequest(request));
    peer.say(peer.certificate(server.chain));
    peer.say(peer.certificateVerify(server.key.privateKey));
    peer.sayFinished();
    session.approvePeer();
    peer.hear();
    assert.is(session.status, Status.open);
    assert.equal(peer.clientMessages.slice(1), expected);
    session.dispose();
  });

/** A client without a certificate of its own. */
function anonymous(): ClientRun {
  const run = connectWith(
    engine.configure({ server: { authority: authority.certificate, name: serverName } }),
  );
  run.peer.hear();
  run.peer.sayServerHello();
  run.peer.say(run.peer.encryptedExtensions());
  return run;
}

// ---- Certificate: the message ----

const certificateMessage = (...list: Uint8Array[]) =>
  message(Type.certificate, concat(vector8(), vector24(...list)));
const entry = (der: Uint8Array, ...extensions: Uint8Array[]) =>
  concat(vector24(der), vector16(...extensions));
const leaf = server.chain[0] as Buffer;

function refusedCertificate(
  name: string,
  alert: number,
  build: (peer: ScriptedServer) => Buffer,
  options: ConfigOptions = {},
): void {
  test(`Certificate: ${name}`, () => {
    const run = extended(options);
    run.peer.say(build(run.peer));
    assertRefused(run, alert);
  });
}
refusedCertificate("none", Alert.decodeError, () => certificateMessage());
refusedCertificate("a context", Alert.illegalParameter, () =>
  message(Type.certificate, concat(vector8(u8(1)), vector24(entry(leaf)))),
);
refusedCertificate("an extension that was not asked for", Alert.unsupportedExtension, () =>
  certificateMessage(entry(leaf, extension(Ext.statusRequest, u8(1), vector24(u8(0))))),
);
refusedCertificate("bytes behind the list", Alert.decodeError, () =>
  message(Type.certificate, concat(vector8(), vector24(entry(leaf)), u8(0))),
);
test("Certificate: ten certificates and more are taken, of which ten are looked at", () => {
  for (const count of [10, 30]) {
    const run = extended();
    run.peer.say(run.peer.certificate(Array.from({ length: count }, () => leaf)));
    run.peer.say(run.peer.certificateVerify(server.key.privateKey));
    run.peer.sayFinished();
    assert.is(run.session.status, Status.approval, `alert ${run.session.alertSent}`);
    run.session.dispose();
  }
});
refusedCertificate("no DER", Alert.badCertificate, () =>
  certificateMessage(entry(Buffer.alloc(99, 0xff))),
);
refusedCertificate("no DER behind the leaf", Alert.badCertificate, () =>
  certificateMessage(entry(leaf), entry(Buffer.alloc(99, 0xff))),
);

// ---- Certificate: chain, name, dates, uses ----

const shown = (credential: Credential) => (peer: ScriptedServer) =>
  peer.certificate(credential.chain);
const leafExtensions = [basicConstraints(false), keyUsage(0), purposes(serverAuth)];
const withLeaf = (...extensions: Buffer[]) => shown(serverCredential({ extensions }));

refusedCertificate(
  "from another CA",
  Alert.unknownCa,
  shown({
    ...server,
    chain: [
      otherAuthority.issue({
        subject: "isolate",
        key: server.key,
        extensions: [...leafExtensions, dnsNames(serverName)],
      }),
    ],
  }),
);
refusedCertificate(
  "from another CA of the same name",
  Alert.badCertificate,
  shown({
    ...server,
    chain: [
      new Authority("Test CA").issue({
        subject: "isolate",
        key: server.key,
        extensions: [...leafExtensions, dnsNames(serverName)],
      }),
    ],
  }),
);
refusedCertificate(
  "self-signed",
  Alert.unknownCa,
  shown({
    ...server,
    chain: [
      new Authority("isolate", {
        extensions: [dnsNames(serverName)],
      }).certificate,
    ],
  }),
);
refusedCertificate(
  "the CA's own",
  Alert.unsupportedCertificate,
  shown({ key: authority.key, chain: [authority.certificate] }),
);
refusedCertificate(
  "another name",
  Alert.badCertificate,
  withLeaf(...leafExtensions, dnsNames("enclave.dev", "a.ComputeEnclave.dev")),
);
refusedCertificate("no name", Alert.badCertificate, withLeaf(...leafExtensions));
refusedCertificate(
  "a signature that does not verify",
  Alert.badCertificate,
  shown(
    serverCredential({
      signature: () => sign("sha256", Buffer.from("another text"), authority.key.privateKey),
    }),
  ),
);
refusedCertificate(
  "expired",
  Alert.certificateExpired,
  shown(serverCredential({ notAfter: new Date(Date.now() - 5000) })),
);
refusedCertificate(
  "not yet valid",
  Alert.certificateExpired,
  shown(serverCredential({ notBefore: new Date(Date.now() + 60_000) })),
);
refusedCertificate(
  "for clients only",
  Alert.unsupportedCertificate,
  withLeaf(purposes(clientAuth), dnsNames(serverName)),
);
refusedCertificate(
  "a key that must not sign",
  Alert.unsupportedCertificate,
  withLeaf(keyUsage(4), dnsNames(serverName)),
);
refusedCertificate(
  "a P-384 key",
  Alert.unsupportedCertificate,
  shown(serverCredential({ key: newKey("secp384r1") })),
);
refusedCertificate(
  "a critical extension that is unknown",
  Alert.certificateUnknown,
  withLeaf(
    ...leafExtensions,
    dnsNames(serverName),
    certificateExtension("1.2.3.4", u16(0x0500), true),
  ),
);

/** CAs between the root and the leaf. */
function chainOf(
  ...options: { pathLength?: number; extensions?: Buffer[]; notAfter?: Date }[]
): Credential {
  let issuer: Authority = authority;
  const intermediates: Buffer[] = [];
  for (const [depth, { pathLength, extensions, notAfter }] of options.entries()) {
    const next = new Authority(`Intermediate ${depth}`, {
      issuer,
      extensions: extensions ?? [basicConstraints(true, pathLength), keyUsage(5)],
      ...(notAfter === undefined ? {} : { notAfter }),
    });
    intermediates.unshift(next.certificate);
    issuer = next;
  }
  const key = newKey();
  const issued = issuer.issue({
    subject: "isolate",
    key,
    extensions: [...leafExtensions, dnsNames(serverName)],
  });
  return { key, chain: [issued, ...intermediates] };
}

refusedCertificate("three intermediates", Alert.unknownCa, shown(chainOf({}, {}, {})));
refusedCertificate("an intermediate missing", Alert.unknownCa, (peer) => {
  const { chain } = chainOf({}, {});
  return peer.certificate([chain[0] as Buffer, chain[2] as Buffer]);
});
refusedCertificate(
  "an intermediate that is no CA",
  Alert.unknownCa,
  shown(chainOf({ extensions: [basicConstraints(false), keyUsage(5)] })),
);
refusedCertificate(
  "an intermediate without basicConstraints",
  Alert.unknownCa,
  shown(chainOf({ extensions: [keyUsage(5)] })),
);
refusedCertificate(
  "an intermediate that must not sign certificates",
  Alert.unknownCa,
  shown(chainOf({ extensions: [basicConstraints(true), keyUsage(0)] })),
);
refusedCertificate(
  "a path longer than an intermediate allows",
  Alert.unknownCa,
  shown(chainOf({ pathLength: 0 }, {})),
);
refusedCertificate(
  "an expired intermediate",
  Alert.certificateExpired,
  shown(chainOf({ notAfter: new Date(Date.now() - 5000) })),
);
refusedCertificate(
  "an intermediate with name constraints",
  Alert.certificateUnknown,
  shown(
    chainOf({
      extensions: [
        basicConstraints(true),
        keyUsage(5),
        certificateExtension("2.5.29.30", Buffer.from([0x30, 0])),
      ],
    }),
  ),
);

function taken(name: string, credential: Credential, options: ConfigOptions = {}): void {
  test(`Certificate: ${name} is taken`, () => {
    const run = connect(options);
    run.peer.begin(credential);
    assert.is(run.session.status, Status.approval, `alert ${run.session.alertSent}`);
    const shown = run.session.peerCertificates().map((der) => Buffer.from(der));
    assert.equal(
      shown,
      credential.chain.map((der) => Buffer.from(der)),
    );
    run.session.dispose();
  });
}
taken("leaf and CA", server);
taken("the leaf alone", { ...server, chain: [leaf] });
taken("a chain over one intermediate", chainOf({}));
taken("a chain over two intermediates", chainOf({ pathLength: 1 }, { pathLength: 0 }));
taken(
  "a chain in disorder, with others in it",
  (() => {
    const { key, chain } = chainOf({}, {});
    const [first, second, third] = chain as [Buffer, Buffer, Buffer];
    return {
      key,
      chain: [first, otherAuthority.certificate, third, authority.certificate, second],
    };
  })(),
);
taken(
  "a name among several, in other letters",
  serverCredential({ extensions: [...leafExtensions, dnsNames("a.b", "COMPUTEENCLAVE.DEV")] }),
);
taken("a wildcard", serverCredential({ extensions: [...leafExtensions, dnsNames("*.dev")] }));
taken(
  "one without extensions but the name",
  serverCredential({ extensions: [dnsNames(serverName)] }),
);
taken("an expired one, without a clock,", serverCredential({ notAfter: new Date("2020-01-01") }), {
  clock: false,
});

// ---- CertificateVerify and Finished ----

/** A client whose server has shown its certificate. */
function certified(): ClientRun {
  const run = extended();
  run.peer.say(run.peer.certificate(server.chain));
  return run;
}
for (const [name, alert, build] of [
  ["another key", Alert.decryptError, (peer) => peer.certificateVerify(newKey().privateKey)],
  [
    "the client's context",
    Alert.decryptError,
    (peer) => peer.certificateVerify(server.key.privateKey, peer.signedContent(false)),
  ],
  [
    "algorithm 0x0804",
    Alert.illegalParameter,
    (peer) =>
      message(
        Type.certificateVerify,
        concat(u16(0x0804), peer.certificateVerify(server.key.privateKey).subarray(6)),
      ),
  ],
  [
    "an empty signature",
    Alert.decryptError,
    () => message(Type.certificateVerify, concat(u16(0x0403), vector16())),
  ],
  ["nothing in it", Alert.decodeError, () => message(Type.certificateVerify, nothing)],
  ["left out", Alert.unexpectedMessage, (peer) => peer.finished()],
  ["Certificate again", Alert.unexpectedMessage, (peer) => peer.certificate(server.chain)],
] as [string, number, (peer: ScriptedServer) => Buffer][])
  test(`CertificateVerify: ${name}`, () => {
    const run = certified();
    run.peer.say(build(run.peer));
    assertRefused(run, alert);
  });

for (const [name, alert, build] of [
  ["wrong", Alert.decryptError, (peer) => message(Type.finished, sha256(peer.finished()))],
  ["the client's", Alert.decryptError, (peer) => peer.finished(peer.clientHandshake)],
  [
    "33 bytes",
    Alert.decodeError,
    (peer) => message(Type.finished, concat(peer.finished().subarray(4), u8(0))),
  ],
  ["nothing in it", Alert.decodeError, () => message(Type.finished, nothing)],
  ["more in its record", Alert.unexpectedMessage, (peer) => concat(peer.finished(), u8(4))],
  [
    "NewSessionTicket instead",
    Alert.unexpectedMessage,
    () => message(Type.newSessionTicket, Buffer.alloc(20)),
  ],
] as [string, number, (peer: ScriptedServer) => Buffer][])
  test(`Finished: ${name}`, () => {
    const run = certified();
    run.peer.say(run.peer.certificateVerify(server.key.privateKey));
    run.peer.say(build(run.peer));
    assertRefused(run, alert);
  });

for (const [name, type] of Object.entries(Type)) {
  if (type !== Type.encryptedExtensions)
    test(`instead of EncryptedExtensions: ${name}`, () => {
      const run = keyed();
      run.peer.say(message(type, Buffer.alloc(32)));
      assertRefused(run, Alert.unexpectedMessage);
    });
  if (type !== Type.certificate && type !== Type.certificateRequest)
    test(`instead of Certificate: ${name}`, () => {
      const run = extended();
      run.peer.say(message(type, Buffer.alloc(32)));
      assertRefused(run, Alert.unexpectedMessage);
    });
  if (type !== Type.keyUpdate && type !== Type.newSessionTicket)
    test(`after the handshake: ${name}`, () => {
      const run = connectOpen();
      run.peer.feed(run.peer.record(Content.handshake, message(type, Buffer.alloc(32))));
      assertRefused(run, Alert.unexpectedMessage);
    });
}

// ---- After the handshake ----

test("NewSessionTicket: dropped, also where it spans records and shares them", () => {
  const run = connectOpen();
  const ticket = message(
    Type.newSessionTicket,
    concat(
      Buffer.alloc(8),
      vector8(u16(0)),
      vector16(Buffer.alloc(900)),
      vector16(extension(Ext.earlyData, Buffer.alloc(4))),
    ),
  );
  const both = concat(ticket, ticket);
  for (const piece of [both.subarray(0, 3), both.subarray(3, 1000), both.subarray(1000)])
    run.peer.feed(run.peer.record(Content.handshake, piece));
  run.peer.send(Buffer.from("on it goes"));
  assert.is(text(run.session.takePlaintext()), "on it goes");
  run.session.dispose();
});

for (const [name, alert, body] of [
  ["nothing in it", Alert.decodeError, nothing],
  [
    "an empty ticket",
    Alert.decodeError,
    concat(Buffer.alloc(8), vector8(), vector16(), vector16()),
  ],
  ["no extensions' length", Alert.decodeError, concat(Buffer.alloc(8), vector8(), vector16(u8(1)))],
  [
    "bytes behind it",
    Alert.decodeError,
    concat(Buffer.alloc(8), vector8(), vector16(u8(1)), vector16(), u8(0)),
  ],
  [
    "an extension twice",
    Alert.illegalParameter,
    concat(Buffer.alloc(8), vector8(), vector16(u8(1)), vector16(extension(9), extension(9))),
  ],
] as const)
  test(`NewSessionTicket: ${name}`, () => {
    const run = connectOpen();
    run.peer.feed(run.peer.record(Content.handshake, message(Type.newSessionTicket, body)));
    assertRefused(run, alert);
  });

// ---- Records and the caller's word ----

test("records: unprotected ones once keys are there", () => {
  for (const record of [
    plainRecord(Content.alert, Buffer.from([2, 40])),
    plainRecord(Content.handshake, Buffer.alloc(8)),
    plainRecord(24, u8(0)),
  ]) {
    const run = keyed();
    run.peer.feed(record);
    assertRefused(run, Alert.unexpectedMessage);
  }
});

test("records: change_cipher_spec is dropped until the server's Finished, not after", () => {
  const dummy = plainRecord(Content.changeCipherSpec, u8(1));
  const run = greeted();
  run.peer.feed(dummy);
  run.peer.feed(dummy);
  run.peer.sayServerHello();
  run.peer.feed(dummy);
  run.peer.say(run.peer.encryptedExtensions());
  run.peer.say(run.peer.certificate(server.chain));
  run.peer.say(run.peer.certificateVerify(server.key.privateKey));
  run.peer.feed(dummy);
  run.peer.sayFinished();
  run.session.approvePeer();
  run.peer.hear();
  run.peer.feed(dummy);
  assertRefused(run, Alert.unexpectedMessage);
});

test("records: a wrong tag", () => {
  const run = keyed();
  const record = (run.peer.write as Protection).seal(
    Content.handshake,
    run.peer.encryptedExtensions(),
  );
  record[record.length - 1] = (record.at(-1) as number) ^ 1;
  run.peer.feed(record);
  assertRefused(run, Alert.badRecordMac);
});

test("records: longer than announced by record_size_limit, once the server has taken it up", () => {
  for (const takesUp of [true, false]) {
    const run = keyed({ recordSizeLimit: 256 });
    const { peer } = run;
    peer.say(
      peer.encryptedExtensions(
        takesUp ? { limit: extension(Ext.recordSizeLimit, u16(16385)) } : {},
      ),
    );
    peer.feed(
      (peer.write as Protection).seal(
        Content.handshake,
        peer.certificate(server.chain).subarray(0, 256),
      ),
    );
    if (takesUp) assertRefused(run, Alert.recordOverflow);
    else {
      assert.is(run.session.status, Status.handshake);
      run.session.dispose();
    }
  }
});

test("approval: the server learns nothing of us before it is approved", () => {
  const run = connect();
  run.peer.begin(server);
  const before = run.peer.hear().filter(({ type }) => type !== Content.changeCipherSpec);
  assert.equal(before, []);
  run.session.rejectPeer(Alert.badCertificate);
  assertRefused(run, Alert.badCertificate);
  assert.equal(run.peer.clientMessages, [Type.clientHello]);
});

test("a client without a trusted CA refuses every server", () => {
  const run = connectWith(engine.configure());
  run.peer.begin(server);
  assertRefused(run, Alert.unknownCa);
});

test("suites: a server may choose either", () => {
  for (const suite of [CHACHA, 0x1301]) {
    const run = connect();
    run.peer.suite = suite;
    run.peer.begin(server);
    assert.is(run.session.status, Status.approval);
    run.session.dispose();
  }
});

test.run();
