// The negative space of the server role, first part: ClientHello, each field broken in turn, and what
// may come instead of it. Each case names the alert that RFC 8446 (or the engine's README) asks for.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type ConfigOptions, Status } from "../../host/session-manager/engine.js";
import { assertRefused, client, serve } from "./support/engine-sessions.js";
import type { HelloFields, ScriptedClient } from "./support/scripted-client.js";
import { AES, CHACHA, P256, plainRecord, Share, X25519 } from "./support/scripted-peer.js";
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
} from "./support/wire.js";

/** A ClientHello built from the peer's good one must be answered with the alert. */
function refused(name: string, alert: number, build: (peer: ScriptedClient) => Buffer): void {
  test(`ClientHello: ${name}`, () => {
    const run = serve();
    run.peer.say(build(run.peer));
    assertRefused(run, alert);
  });
}

/** What a device takes, rather than a computer. */
const DEVICE = { maxMessage: 4608 };

/** Extensions that nobody knows. */
const manyExtensions = (count: number): Extensions =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`x${i}`, extension(0x4000 + i)]));

/** Says a message that is as long as may be in records of this size. */
function sayInRecords(peer: ScriptedClient, whole: Buffer, size: number): void {
  peer.transcript = concat(peer.transcript, whole);
  for (let at = 0; at < whole.length; at += size)
    peer.feed(plainRecord(Content.handshake, whole.subarray(at, at + size)));
}

const withFields = (changes: Partial<HelloFields>) => (peer: ScriptedClient) => peer.hello(changes);
const withExtensions = (extensions: Extensions) => (peer: ScriptedClient) =>
  peer.helloWith(extensions);
/** The good hello's body, changed. */
const withBody = (change: (body: Buffer) => Buffer) => (peer: ScriptedClient) =>
  message(Type.clientHello, change(peer.hello().subarray(4)));

// ---- Fields before the extensions ----

refused("legacy_version SSL 3.0", Alert.protocolVersion, withFields({ version: u16(0x0300) }));
refused("legacy_version 2", Alert.protocolVersion, withFields({ version: u16(0x0002) }));
refused(
  "session id of 33 bytes",
  Alert.decodeError,
  withFields({ sessionId: vector8(Buffer.alloc(33)) }),
);
refused(
  "session id longer than the message",
  Alert.decodeError,
  withFields({ sessionId: u8(255) }),
);
refused("no cipher suites", Alert.decodeError, withFields({ suites: vector16() }));
refused(
  "an odd list of cipher suites",
  Alert.decodeError,
  withFields({ suites: vector16(u16(CHACHA), u8(0x13)) }),
);
refused(
  "cipher suites longer than the message",
  Alert.decodeError,
  withFields({ suites: u16(0xfffe) }),
);
refused(
  "no common cipher suite",
  Alert.handshakeFailure,
  withFields({ suites: vector16(u16(0x1302), u16(0xc02b)) }),
);
refused("no compression methods", Alert.decodeError, withFields({ compression: vector8() }));
refused(
  "compression other than null",
  Alert.illegalParameter,
  withFields({ compression: vector8(u8(1)) }),
);
refused(
  "compression null and another",
  Alert.illegalParameter,
  withFields({ compression: vector8(u8(0), u8(1)) }),
);
refused("no extensions at all", Alert.protocolVersion, (peer) => {
  const { extensions: _, ...fields } = peer.fields;
  return message(Type.clientHello, concat(...Object.values(fields)));
});
refused("nothing in it", Alert.decodeError, () => message(Type.clientHello, nothing));
refused(
  "bytes behind the extensions",
  Alert.decodeError,
  withBody((body) => concat(body, u8(0))),
);
refused(
  "the extensions' last byte cut off",
  Alert.decodeError,
  withBody((body) => body.subarray(0, -1)),
);
refused("an empty block of extensions", Alert.protocolVersion, withFields({ extensions: {} }));
refused(
  "an extension longer than the block",
  Alert.decodeError,
  withExtensions({ last: concat(u16(0xaaaa), u16(9), u8(0)) }),
);
refused(
  "an extension's header cut short",
  Alert.decodeError,
  withExtensions({ last: u16(0xaaaa) }),
);
refused("an extension twice among thousands", Alert.illegalParameter, (peer) =>
  peer.helloWith({ ...manyExtensions(3000), again: extension(0x4000 + 1234) }),
);

test("ClientHello: every truncation of the body is refused", () => {
  const { peer, session } = serve();
  const body = peer.hello().subarray(4);
  session.dispose();
  for (let length = 0; length < body.length; length++) {
    const run = serve();
    run.peer.say(message(Type.clientHello, body.subarray(0, length)));
    // Cut right before the extensions it is the hello of an older version.
    const older = run.session.alertSent === Alert.protocolVersion;
    assertRefused(run, older ? Alert.protocolVersion : Alert.decodeError);
  }
});

// ---- Extensions: each left out, malformed, unacceptable ----

refused(
  "no supported_versions",
  Alert.protocolVersion,
  withExtensions({ supportedVersions: undefined }),
);
for (const [what, alert, ...data] of [
  ["without TLS 1.3", Alert.protocolVersion, vector8(u16(0x0303), u16(0x0302))],
  ["an empty list", Alert.decodeError, vector8()],
  ["an odd list", Alert.decodeError, vector8(u16(0x0304), u8(3))],
  ["bytes behind the list", Alert.decodeError, vector8(u16(0x0304)), u8(0)],
  ["no data", Alert.decodeError],
] as [string, number, ...Buffer[]][])
  refused(
    `supported_versions: ${what}`,
    alert,
    withExtensions({ supportedVersions: extension(Ext.supportedVersions, ...data) }),
  );

refused(
  "no supported_groups",
  Alert.missingExtension,
  withExtensions({ supportedGroups: undefined }),
);
for (const [what, alert, ...data] of [
  ["an empty list", Alert.decodeError, vector16()],
  ["an odd list", Alert.decodeError, vector16(u16(29), u8(0))],
  ["bytes behind the list", Alert.decodeError, vector16(u16(29), u16(23)), u8(0)],
  ["not the group of the share", Alert.illegalParameter, vector16(u16(23))],
  ["no data", Alert.decodeError],
] as [string, number, ...Buffer[]][])
  refused(
    `supported_groups: ${what}`,
    alert,
    withExtensions({ supportedGroups: extension(Ext.supportedGroups, ...data) }),
  );
refused(
  "no common group",
  Alert.handshakeFailure,
  withExtensions({
    supportedGroups: extension(Ext.supportedGroups, vector16(u16(24), u16(30))),
    keyShare: extension(Ext.keyShare, vector16(u16(24), vector16(Buffer.alloc(97, 4)))),
  }),
);

refused(
  "no signature_algorithms",
  Alert.missingExtension,
  withExtensions({ signatureAlgorithms: undefined }),
);
for (const [what, alert, ...data] of [
  ["an empty list", Alert.decodeError, vector16()],
  ["an odd list", Alert.decodeError, vector16(u16(0x0403), u8(4))],
  ["bytes behind the list", Alert.decodeError, vector16(u16(0x0403)), u8(0)],
  ["without ecdsa_secp256r1_sha256", Alert.handshakeFailure, vector16(u16(0x0804), u16(0x0503))],
  ["no data", Alert.decodeError],
] as [string, number, ...Buffer[]][])
  refused(
    `signature_algorithms: ${what}`,
    alert,
    withExtensions({ signatureAlgorithms: extension(Ext.signatureAlgorithms, ...data) }),
  );

const share = (group: number, key: Uint8Array) => concat(u16(group), vector16(key));
const x25519 = new Share(X25519).publicKey;
const p256 = new Share(P256).publicKey;
/** Points of small order on Curve25519 (RFC 7748 §6.1: the shared secret is all zeros). */
const smallOrder = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
].map((hex) => Buffer.from(hex, "hex"));
const offCurve = Buffer.from(p256);
offCurve[64] = (offCurve[64] as number) ^ 1;
const tooLarge = concat(u8(4), Buffer.alloc(64, 0xff));

refused("no key_share", Alert.missingExtension, withExtensions({ keyShare: undefined }));
for (const [what, alert, ...data] of [
  [
    "a share of 31 bytes for X25519",
    Alert.illegalParameter,
    vector16(share(X25519, x25519.subarray(1))),
  ],
  [
    "a share of 33 bytes for X25519",
    Alert.illegalParameter,
    vector16(share(X25519, concat(x25519, u8(0)))),
  ],
  [
    "a share of 64 bytes for P-256",
    Alert.illegalParameter,
    vector16(share(P256, p256.subarray(1))),
  ],
  [
    "a compressed point for P-256",
    Alert.illegalParameter,
    vector16(share(P256, concat(u8(2), p256.subarray(1, 33)))),
  ],
  ["a point off the curve", Alert.illegalParameter, vector16(share(P256, offCurve))],
  ["coordinates not below p", Alert.illegalParameter, vector16(share(P256, tooLarge))],
  ["a point at infinity", Alert.illegalParameter, vector16(share(P256, u8(0)))],
  [
    "a wrong first byte of a point",
    Alert.illegalParameter,
    vector16(share(P256, concat(u8(6), p256.subarray(1)))),
  ],
  ["an empty share", Alert.decodeError, vector16(share(X25519, nothing))],
  [
    "an empty share of an unknown group",
    Alert.decodeError,
    vector16(share(0x4a4a, nothing), share(X25519, x25519)),
  ],
  [
    "two shares for one group",
    Alert.illegalParameter,
    vector16(share(X25519, x25519), share(X25519, x25519)),
  ],
  [
    "two shares for one unknown group",
    Alert.illegalParameter,
    vector16(share(0x4a4a, u8(0)), share(0x4a4a, u8(0)), share(X25519, x25519)),
  ],
  [
    "two shares for one unknown group, far apart",
    Alert.illegalParameter,
    vector16(...Array.from({ length: 2001 }, (_, i) => share(0x4000 + (i % 2000), u8(0)))),
  ],
  ["a share longer than the list", Alert.decodeError, vector16(u16(X25519), u16(33), x25519)],
  ["a list longer than the extension", Alert.decodeError, u16(40), share(X25519, x25519)],
  ["bytes behind the list", Alert.decodeError, vector16(share(X25519, x25519)), u8(0)],
  ["no data", Alert.decodeError],
] as [string, number, ...Buffer[]][])
  refused(
    `key_share: ${what}`,
    alert,
    withExtensions({ keyShare: extension(Ext.keyShare, ...data) }),
  );
for (const point of smallOrder)
  refused(
    `key_share: a point of small order, ${point.toString("hex").slice(0, 8)}…`,
    Alert.illegalParameter,
    withExtensions({ keyShare: extension(Ext.keyShare, vector16(share(X25519, point))) }),
  );

for (const [what, alert, ...data] of [
  ["63", Alert.illegalParameter, u16(63)],
  ["0", Alert.illegalParameter, u16(0)],
  ["one byte", Alert.decodeError, u8(1)],
  ["three bytes", Alert.decodeError, u16(4096), u8(0)],
  ["no data", Alert.decodeError],
] as [string, number, ...Buffer[]][])
  refused(
    `record_size_limit: ${what}`,
    alert,
    withExtensions({ limit: extension(Ext.recordSizeLimit, ...data) }),
  );

refused(
  "early_data that is not empty",
  Alert.decodeError,
  withExtensions({ early: extension(Ext.earlyData, u8(0)) }),
);
refused(
  "oid_filters, which is for CertificateRequest",
  Alert.illegalParameter,
  withExtensions({ filters: extension(Ext.oidFilters, u16(0)) }),
);
refused(
  "pre_shared_key not last",
  Alert.illegalParameter,
  withExtensions({
    modes: extension(Ext.pskKeyExchangeModes, vector8(u8(1))),
    psk: extension(Ext.preSharedKey, Buffer.alloc(40)),
    last: extension(0xaaaa),
  }),
);
refused(
  "pre_shared_key without psk_key_exchange_modes",
  Alert.missingExtension,
  withExtensions({ psk: extension(Ext.preSharedKey, Buffer.alloc(40)) }),
);

for (const name of ["supportedVersions", "supportedGroups", "signatureAlgorithms", "keyShare"])
  refused(`${name} twice`, Alert.illegalParameter, (peer) =>
    peer.helloWith({ again: peer.fields.extensions[name] }),
  );
for (const [name, twice] of [
  ["an unknown extension", extension(0x5a5a, u8(1))],
  ["server_name", extension(Ext.serverName, vector16(u8(0), vector16(Buffer.from("a"))))],
  ["record_size_limit", extension(Ext.recordSizeLimit, u16(64))],
] as const)
  refused(`${name} twice`, Alert.illegalParameter, withExtensions({ first: twice, again: twice }));

// ---- What is taken ----

/** The handshake comes to its end with this hello. */
function taken(name: string, build: (peer: ScriptedClient) => Buffer, ...peer: number[]): void {
  test(`ClientHello: ${name} is taken`, () => {
    const run = serve({}, ...(peer as [number?, number?]));
    run.peer.say(build(run.peer));
    run.peer.hear();
    run.peer.finish(client);
    assert.is(run.session.status, Status.approval, `alert ${run.session.alertSent}`);
    run.session.dispose();
  });
}

taken("the usual one", (peer) => peer.hello());
taken("legacy_version 0x0301", withFields({ version: u16(0x0301) }));
taken("legacy_version 0x0304", withFields({ version: u16(0x0304) }));
taken("an empty session id", withFields({ sessionId: vector8() }));
taken("AES-128-GCM and P-256", (peer) => peer.hello(), AES, P256);
taken("unknown suites, groups, versions, algorithms and extensions", (peer) =>
  peer.hello({
    suites: vector16(u16(0x0a0a), u16(CHACHA), u16(0xfafa)),
    extensions: {
      grease: extension(0x1a1a),
      supportedVersions: extension(
        Ext.supportedVersions,
        vector8(u16(0x2a2a), u16(0x0304), u16(0x0303)),
      ),
      supportedGroups: extension(Ext.supportedGroups, vector16(u16(0x3a3a), u16(29), u16(23))),
      signatureAlgorithms: extension(Ext.signatureAlgorithms, vector16(u16(0x0804), u16(0x0403))),
      keyShare: extension(
        Ext.keyShare,
        vector16(share(0x3a3a, u8(0)), share(peer.group, peer.share.publicKey)),
      ),
      more: extension(0x4a4a, Buffer.alloc(300)),
    },
  }),
);
taken(
  "pre_shared_key last, with its modes: the key is declined",
  withExtensions({
    modes: extension(Ext.pskKeyExchangeModes, vector8(u8(1))),
    psk: extension(Ext.preSharedKey, Buffer.alloc(40)),
  }),
);
taken("thousands of extensions", (peer) => peer.helloWith(manyExtensions(3000)));
taken("thousands of key shares", (peer) => {
  const shares = Array.from({ length: 2000 }, (_, i) => concat(u16(0x4000 + i), vector16(u8(0))));
  const ours = concat(u16(X25519), vector16(peer.share.publicKey));
  return peer.helloWith({ keyShare: extension(Ext.keyShare, vector16(...shares, ours)) });
});
for (const limit of [undefined, DEVICE]) {
  const most = limit?.maxMessage ?? 65_536;
  /** A hello whose body has so many bytes. */
  const ofLength = (peer: ScriptedClient, length: number) => {
    const missing = length - (peer.hello().length - 4) - 4;
    return peer.helloWith({ padding: extension(Ext.padding, Buffer.alloc(missing)) });
  };
  test(`ClientHello: a body of ${most} bytes is taken, in records of any size`, () => {
    for (const size of [most < 16_384 ? most + 4 : 16_384, 300]) {
      const run = serve(limit);
      // The block of extensions has a length of 16 bits: the rest is in the session's cipher suites.
      const suites = vector16(u16(CHACHA), ...Array.from({ length: 200 }, () => u16(0x4a4a)));
      run.peer.fields.suites = suites;
      sayInRecords(run.peer, ofLength(run.peer, most), size);
      run.peer.hear();
      run.peer.finish(client);
      assert.is(run.session.status, Status.approval, `alert ${run.session.alertSent}`);
      run.session.dispose();
    }
  });
  test(`ClientHello: a body of ${most + 1} bytes is refused by its header`, () => {
    const run = serve(limit);
    const header = Buffer.from([1, (most + 1) >> 16, ((most + 1) >> 8) & 255, (most + 1) & 255]);
    run.peer.feed(plainRecord(Content.handshake, header));
    assertRefused(run, Alert.illegalParameter);
  });
}

// ---- Instead of a ClientHello ----

for (const [name, type] of Object.entries(Type)) {
  if (type === Type.clientHello) continue;
  test(`instead of ClientHello: ${name}`, () => {
    const run = serve();
    run.peer.say(message(type, Buffer.alloc(36)));
    assertRefused(run, Alert.unexpectedMessage);
  });
}

/** These bytes, as the first of a connection, must be answered with the alert. */
function refusedBytes(
  name: string,
  alert: number | undefined,
  bytes: (peer: ScriptedClient) => Buffer,
  options: ConfigOptions = {},
): void {
  test(`first bytes: ${name}`, () => {
    const run = serve(options);
    run.peer.feed(bytes(run.peer));
    assertRefused(run, alert);
  });
}

refusedBytes("HTTP", Alert.unexpectedMessage, () => Buffer.from("GET / HTTP/1.1\r\n\r\n"));
refusedBytes("an SSL 2 hello", Alert.unexpectedMessage, () =>
  Buffer.from("802e0103010015000000100000", "hex"),
);
refusedBytes("zeros", Alert.unexpectedMessage, () => Buffer.alloc(16));
refusedBytes("content type 24", Alert.unexpectedMessage, () => plainRecord(24, u8(0)));
refusedBytes("change_cipher_spec", Alert.unexpectedMessage, () =>
  plainRecord(Content.changeCipherSpec, u8(1)),
);
refusedBytes("application data", Alert.unexpectedMessage, () =>
  plainRecord(Content.data, Buffer.alloc(40)),
);
refusedBytes("application data without a byte", Alert.unexpectedMessage, () =>
  plainRecord(Content.data, nothing),
);
refusedBytes("an empty handshake record", Alert.unexpectedMessage, () =>
  plainRecord(Content.handshake, nothing),
);
refusedBytes("a record longer than 2^14", Alert.recordOverflow, () =>
  concat(u8(22), u16(0x0303), u16(16385)),
);
refusedBytes("a protected record longer than 2^14 + 256", Alert.recordOverflow, () =>
  concat(u8(23), u16(0x0303), u16(16641)),
);
refusedBytes(
  "a handshake record that no message needs",
  Alert.illegalParameter,
  () => concat(u8(22), u16(0x0303), u16(4613)),
  DEVICE,
);
refusedBytes("a ClientHello of 16 MiB", Alert.illegalParameter, () =>
  plainRecord(22, Buffer.from([1, 0xff, 0xff, 0xff])),
);
refusedBytes("an empty alert", Alert.decodeError, () => plainRecord(Content.alert, nothing));
refusedBytes("an alert of one byte", Alert.decodeError, () => plainRecord(Content.alert, u8(2)));
refusedBytes("two alerts in a record", Alert.decodeError, () =>
  plainRecord(Content.alert, Buffer.from([1, 0, 1, 0])),
);
refusedBytes("a fatal alert: no answer", undefined, () =>
  plainRecord(Content.alert, Buffer.from([2, 40])),
);
refusedBytes("an alert of an unknown kind: no answer", undefined, () =>
  plainRecord(Content.alert, Buffer.from([1, 200])),
);
refusedBytes("close_notify: no answer", undefined, () =>
  plainRecord(Content.alert, Buffer.from([1, 0])),
);
refusedBytes("a ClientHello and more in its record", Alert.unexpectedMessage, (peer) =>
  plainRecord(22, concat(peer.hello(), u8(1))),
);
refusedBytes("two ClientHellos in a record", Alert.unexpectedMessage, (peer) =>
  plainRecord(22, concat(peer.hello(), peer.hello())),
);
refusedBytes("an alert within a ClientHello", Alert.unexpectedMessage, (peer) =>
  concat(
    plainRecord(22, peer.hello().subarray(0, 50)),
    plainRecord(Content.alert, Buffer.from([1, 90])),
  ),
);
refusedBytes("an empty record within a ClientHello", Alert.unexpectedMessage, (peer) =>
  concat(plainRecord(22, peer.hello().subarray(0, 50)), plainRecord(22, nothing)),
);

test("first bytes: a warning of user_canceled is passed over", () => {
  const run = serve();
  run.peer.feed(plainRecord(Content.alert, Buffer.from([1, 90])));
  run.peer.begin();
  run.session.dispose();
});

// ---- Fragmentation ----

test("a ClientHello in records of one byte each, fed byte by byte", () => {
  const run = serve();
  const hello = run.peer.hello();
  run.peer.transcript = hello;
  for (const byte of hello)
    for (const one of plainRecord(Content.handshake, u8(byte), 0x0301)) run.peer.feed(u8(one));
  run.peer.hear();
  run.peer.finish(client);
  assert.is(run.session.status, Status.approval);
  run.session.dispose();
});

test("a ClientHello cut in two at every place", () => {
  for (let cut = 1; cut < 180; cut++) {
    const run = serve();
    const hello = run.peer.hello();
    assert.ok(hello.length > 180 - 60);
    run.peer.transcript = hello;
    run.peer.feed(plainRecord(22, hello.subarray(0, Math.min(cut, hello.length - 1))));
    run.peer.feed(plainRecord(22, hello.subarray(Math.min(cut, hello.length - 1))));
    run.peer.hear();
    assert.is(run.session.status, Status.handshake);
    assert.ok(run.peer.serverApplication.length > 0);
    run.session.dispose();
  }
});

test.run();
