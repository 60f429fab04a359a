// X25519MLKEM768 in both roles, against a peer whose ML-KEM is @noble's: what is preferred, asked for and
// refused, and every bad share.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type ConfigOptions, Group, Status } from "../../host/session-manager/engine.js";
import {
  assertRefused,
  client,
  connect,
  connectOpen,
  holdsNothing,
  type ServerRun,
  serve,
  server,
  text,
} from "./support/engine-sessions.js";
import type { ScriptedClient } from "./support/scripted-client.js";
import { CHACHA, HYBRID, P256, plainRecord, Share, X25519 } from "./support/scripted-peer.js";
import type { ScriptedServer } from "./support/scripted-server.js";
import { Alert, Content, concat, Ext, extension, u16, vector16 } from "./support/wire.js";

const GREASE = 0x5a5a;
const keyShares = (...shares: (readonly [group: number, key: Uint8Array])[]) =>
  extension(
    Ext.keyShare,
    vector16(...shares.map(([group, key]) => concat(u16(group), vector16(key)))),
  );
const groupList = (...groups: number[]) =>
  extension(Ext.supportedGroups, vector16(...groups.map((group) => u16(group))));
/** The shares as a ClientHello carries them. */
const shared = (...shares: Share[]) =>
  keyShares(...shares.map(({ group, publicKey }) => [group, publicKey] as const));

// ---- The server role ----

/** A server whose client supports and, but for what is changed, sends a hybrid share. */
const serveHybrid = (options: ConfigOptions = {}) => serve(options, CHACHA, HYBRID);

/** The client's second flight, then data both ways. */
function finish(run: ServerRun, retried: boolean, group: number = Group.x25519mlkem768): void {
  const { peer, session } = run;
  peer.hear();
  peer.finish(client);
  assert.is(session.status, Status.approval);
  assert.is(session.negotiated.group, group);
  assert.is(session.negotiated.retried, retried);
  session.approvePeer();
  peer.send(Buffer.from("hello"));
  assert.is(text(session.takePlaintext()), "hello");
  session.dispose();
  assert.ok(holdsNothing(run.config));
}

test("server: a hybrid share is taken", () => {
  const run = serveHybrid();
  run.peer.say(run.peer.hello());
  finish(run, false);
});

test("server: hybrid is preferred to X25519 beside it, wherever it stands, amid unknown groups", () => {
  const x25519 = new Share(X25519);
  const unknown = [GREASE, Buffer.alloc(1)] as const;
  for (const hybridFirst of [true, false]) {
    const run = serveHybrid();
    const hybrid = [HYBRID, run.peer.share.publicKey] as const;
    const other = [X25519, x25519.publicKey] as const;
    const order = hybridFirst ? [HYBRID, X25519] : [X25519, HYBRID];
    run.peer.say(
      run.peer.helloWith({
        supportedGroups: groupList(GREASE, ...order, P256),
        keyShare: hybridFirst
          ? keyShares(unknown, hybrid, other)
          : keyShares(unknown, other, hybrid),
      }),
    );
    finish(run, false);
  }
});

test("server: a client that supports hybrid, but sends another share or none, is asked for it", () => {
  for (const first of [[new Share(X25519)], [new Share(P256), new Share(X25519)], []]) {
    const run = serveHybrid();
    const { peer } = run;
    peer.say(peer.helloWith({ keyShare: shared(...first) }));
    peer.hear();
    assert.ok(peer.retried);
    assert.is(peer.group, HYBRID);
    peer.say(peer.hello());
    finish(run, true);
  }
});

test("server: a client that cannot is served by X25519, without a retry, unless hybrid is required", () => {
  const run = serve();
  run.peer.say(run.peer.hello());
  finish(run, false, Group.x25519);
  const strict = serve({ groups: Group.x25519mlkem768 });
  strict.peer.say(strict.peer.hello());
  assertRefused(strict, Alert.handshakeFailure);
});

test("server: where hybrid is required, one that sends another share is asked for it", () => {
  const run = serveHybrid({ groups: Group.x25519mlkem768 });
  run.peer.say(run.peer.helloWith({ keyShare: shared(new Share(X25519)) }));
  run.peer.hear();
  assert.is(run.peer.group, HYBRID);
  // It insists on X25519.
  run.peer.say(run.peer.helloWith({ keyShare: shared(new Share(X25519)) }));
  assertRefused(run, Alert.illegalParameter);
});

const withChange = (key: Uint8Array, change: (key: Buffer) => void): Buffer => {
  const changed = Buffer.from(key);
  change(changed);
  return changed;
};
const badShares: readonly [string, (share: Buffer) => Buffer][] = [
  ["a byte short", (share) => share.subarray(1)],
  ["a byte long", (share) => concat(share, Buffer.alloc(1))],
  ["ML-KEM's part alone", (share) => share.subarray(0, 1184)],
  ["X25519's part alone", (share) => share.subarray(1184)],
  ["of a server's length", (share) => share.subarray(96)],
  // The numbers of the key then stand elsewhere, and some of them are too large.
  ["X25519 first", (share) => concat(share.subarray(1184), share.subarray(0, 1184))],
  ["first coefficient q", (share) => withChange(share, (key) => key.writeUInt16LE(3329, 0))],
  ["last coefficient 4095", (share) => withChange(share, (key) => key.fill(0xff, 1150, 1152))],
  ["a key of ones", (share) => withChange(share, (key) => key.fill(0xff, 0, 1184))],
  ["an X25519 key of zeros", (share) => withChange(share, (key) => key.fill(0, 1184))],
  [
    "an X25519 key of order 2",
    (share) => withChange(share, (key) => key.fill(0, 1184).fill(1, 1184, 1185)),
  ],
];
for (const [name, build] of badShares) {
  test(`server: a hybrid share that is bad: ${name}`, () => {
    const run = serveHybrid();
    const { peer } = run;
    peer.say(peer.helloWith({ keyShare: keyShares([HYBRID, build(peer.share.publicKey)]) }));
    assertRefused(run, Alert.illegalParameter);
  });
  test(`server: the same after HelloRetryRequest: ${name}`, () => {
    const run = serveHybrid();
    const { peer } = run;
    peer.say(peer.helloWith({ keyShare: keyShares() }));
    peer.hear();
    peer.say(peer.helloWith({ keyShare: keyShares([HYBRID, build(peer.share.publicKey)]) }));
    assertRefused(run, Alert.illegalParameter);
  });
}

test("server: an empty hybrid share is a decode_error, two are illegal", () => {
  for (const [alert, build] of [
    [Alert.decodeError, () => keyShares([HYBRID, Buffer.alloc(0)])],
    [Alert.illegalParameter, ({ share }: ScriptedClient) => shared(share, share)],
  ] as const) {
    const run = serveHybrid();
    run.peer.say(run.peer.helloWith({ keyShare: build(run.peer) }));
    assertRefused(run, alert);
  }
});

test("server: a hybrid share of a group that the client does not list", () => {
  const run = serveHybrid();
  run.peer.say(run.peer.helloWith({ supportedGroups: groupList(X25519) }));
  assertRefused(run, Alert.illegalParameter);
});

test("server: a large ClientHello in records and segments of any size", () => {
  for (const [record, segment] of [
    [1, 1],
    [7, 100],
    [600, 536],
    [1400, 1],
    [16384, 1460],
  ] as const) {
    const run = serveHybrid();
    const { peer, session } = run;
    const x25519 = new Share(X25519);
    const p256 = new Share(P256);
    const hello = peer.helloWith({
      supportedGroups: groupList(GREASE, HYBRID, X25519, P256),
      keyShare: shared(peer.share, x25519, p256),
      // As long as the bound of a handshake message leaves room for.
      padding: extension(Ext.padding, Buffer.alloc(4608 + 4 - 1550)),
    });
    assert.ok(hello.length > 4400 && hello.length <= 4612, `${hello.length} bytes`);
    peer.transcript = concat(peer.transcript, hello);
    const records: Buffer[] = [];
    for (let at = 0; at < hello.length; at += record)
      records.push(plainRecord(Content.handshake, hello.subarray(at, at + record)));
    const stream = concat(...records);
    for (let at = 0; at < stream.length; at += segment)
      session.feed(stream.subarray(at, at + segment));
    finish(run, false);
  }
});

test("server: no memory for the exchange ends the session, and leaves nothing", () => {
  // Enough for the ClientHello, not for secrets and share beside it.
  for (let budget = 1500; budget < 6000; budget += 250) {
    const run = serveHybrid({ budget });
    run.peer.say(run.peer.hello());
    if (run.session.status === Status.failed) {
      assert.ok([Alert.internalError, undefined].includes(run.session.alertSent as 80));
      run.session.takeOutput();
    }
    run.session.dispose();
    assert.ok(holdsNothing(run.config));
  }
});

// ---- The client role ----

test("client: its ClientHello has one share, the hybrid one, and lists hybrid first", () => {
  for (const [options, groups] of [
    [{}, [HYBRID, X25519, P256]],
    [{ groups: Group.x25519mlkem768 }, [HYBRID]],
  ] as const) {
    const { peer, session } = connect(options);
    peer.hear();
    assert.is(peer.group, HYBRID);
    assert.is(peer.clientShare.length, 1216);
    assert.ok(peer.clientHello.includes(groupList(...groups)));
    session.dispose();
  }
});

test("client: a hybrid handshake, and data both ways", () => {
  const { peer, session } = connectOpen();
  assert.is(session.negotiated.group, Group.x25519mlkem768);
  assert.not(session.negotiated.retried);
  peer.send(Buffer.from("hello"));
  assert.is(text(session.takePlaintext()), "hello");
  session.dispose();
});

/** A ServerHello with this key share. */
const helloWithShare = (peer: ScriptedServer, group: number, key: Uint8Array) =>
  peer.serverHello({
    extensions: {
      ...peer.helloExtensions(),
      keyShare: extension(Ext.keyShare, u16(group), vector16(key)),
    },
  });

for (const [name, build] of [
  ["a byte short", (share) => share.subarray(1)],
  ["a byte long", (share) => concat(share, Buffer.alloc(1))],
  ["the ciphertext alone", (share) => share.subarray(0, 1088)],
  ["X25519's part alone", (share) => share.subarray(1088)],
  ["of a client's length", (share) => concat(Buffer.alloc(96), share)],
  ["an X25519 key of zeros", (share) => withChange(share, (key) => key.fill(0, 1088))],
] as readonly [string, (share: Buffer) => Buffer][])
  test(`client: a hybrid share that is bad: ${name}`, () => {
    const run = connect();
    run.peer.hear();
    run.peer.say(helloWithShare(run.peer, HYBRID, build(run.peer.share.publicKey)));
    assertRefused(run, Alert.illegalParameter);
  });

test("client: a ciphertext that was not made for its key gives another secret: bad_record_mac", () => {
  for (const at of [0, 959, 960, 1087]) {
    const run = connect();
    const { peer } = run;
    peer.hear();
    const wrong = withChange(peer.share.publicKey, (key) => {
      (key[at] as number) ^= 1;
    });
    peer.say(helloWithShare(peer, HYBRID, wrong));
    peer.changeKeys();
    peer.say(peer.encryptedExtensions());
    // It took the ServerHello: its alert is protected, under a key that the server does not have.
    assert.is(run.session.status, Status.failed);
    assert.is(run.session.alertSent, Alert.badRecordMac);
    run.session.takeOutput();
    run.session.dispose();
    assert.ok(holdsNothing(run.config));
  }
});

test("client: a classical share is taken after HelloRetryRequest only, and never where hybrid is required", () => {
  for (const groups of [Group.all, Group.x25519mlkem768]) {
    for (const group of [X25519, P256]) {
      // Of a group for which there is no share.
      const unasked = connect({ groups });
      unasked.peer.hear();
      unasked.peer.say(helloWithShare(unasked.peer, group, new Share(group).publicKey));
      assertRefused(unasked, Alert.illegalParameter);

      const run = connect({ groups });
      const { peer, session } = run;
      peer.hear();
      peer.sayRetry(peer.retryRequest({}, group));
      if (groups === Group.x25519mlkem768) {
        assertRefused(run, Alert.illegalParameter);
        continue;
      }
      peer.begin(server);
      session.approvePeer();
      peer.hear();
      assert.is(session.status, Status.open);
      assert.is(session.negotiated.group, group === X25519 ? Group.x25519 : Group.secp256r1);
      session.dispose();
    }
  }
});

test("client: HelloRetryRequest from a classical share to hybrid", () => {
  const { peer, session } = connect({ keyShares: Group.x25519 });
  peer.hear();
  assert.is(peer.group, X25519);
  peer.sayRetry(peer.retryRequest({}, HYBRID));
  peer.begin(server);
  assert.is(peer.group, HYBRID);
  session.approvePeer();
  peer.hear();
  assert.is(session.status, Status.open);
  assert.is(session.negotiated.group, Group.x25519mlkem768);
  assert.ok(session.negotiated.retried);
  session.dispose();
});

test("client: after a failure nothing is tried again", () => {
  for (const alert of [Alert.handshakeFailure, Alert.illegalParameter, Alert.internalError]) {
    const run = connect();
    run.peer.hear();
    run.peer.feed(plainRecord(Content.alert, Buffer.from([2, alert])));
    assert.is(run.session.alertReceived, alert);
    assertRefused(run, undefined);
  }
  // Nor when the transport ends.
  const cut = connect();
  cut.session.takeOutput();
  cut.session.endOfInput();
  assert.is(cut.session.status, Status.failed);
  assert.is(cut.session.takeOutput().length, 0);
  cut.session.dispose();
});

test.run();
