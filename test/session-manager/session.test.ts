// What sessions do when nothing is wrong: fragments, padding, KeyUpdate, limits, closing; and what they
// leave behind: no secret, no memory.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Group, Status, type TlsSession } from "../../host/session-manager/engine.js";
import { loadTlsEngine } from "../../host/session-manager/load.js";
import { Random } from "../support/random.js";
import { authority, identityOf, serverName } from "./support/credentials.js";
import {
  assertRefused,
  client,
  connect,
  connectOpen,
  engine,
  holdsNothing,
  serve,
  serveOpen,
  server,
  text,
} from "./support/engine-sessions.js";
import type { ScriptedClient } from "./support/scripted-client.js";
import { AES, CHACHA, expandLabel, type Protection, plainRecord } from "./support/scripted-peer.js";
import {
  Alert,
  Content,
  concat,
  Ext,
  extension,
  message,
  Type,
  u8,
  u16,
  vector16,
} from "./support/wire.js";

const keyUpdate = (asks: boolean): Buffer => message(Type.keyUpdate, u8(asks ? 1 : 0));
const keysOf = (peer: { write: Protection | undefined }): Protection => peer.write as Protection;

/** Two sessions of the engine, client and server, with all that flows between them. */
class Pair {
  readonly config = engine.configure({ identity: identityOf(server), outputLimit: 1 });
  readonly clientConfig = engine.configure({
    identity: identityOf(client),
    server: { authority: authority.certificate, name: serverName },
    outputLimit: 1,
  });
  readonly server = this.config.open("server");
  readonly client = this.clientConfig.open("client");

  /** Moves bytes in pieces until nothing moves; approves both. */
  settle(pieces: () => number = () => 65536): void {
    for (let moved = true; moved; ) {
      moved = false;
      for (const [from, to] of [
        [this.client, this.server],
        [this.server, this.client],
      ] as const) {
        const bytes = from.takeOutput();
        for (let at = 0; at < bytes.length; ) {
          const piece = bytes.subarray(at, at + pieces());
          const used = to.feed(piece);
          if (to.status === Status.approval) to.approvePeer();
          else assert.is(used, piece.length);
          at += used;
          moved = true;
        }
      }
    }
  }

  dispose(): void {
    this.server.dispose();
    this.client.dispose();
    assert.ok(holdsNothing(this.config) && holdsNothing(this.clientConfig));
  }
}

// ---- Fragmentation, coalescing, padding ----

test("both roles, byte by byte", () => {
  const pair = new Pair();
  pair.settle(() => 1);
  assert.is(pair.client.status, Status.open);
  assert.is(pair.server.status, Status.open);
  pair.client.write(Buffer.from("ping"));
  pair.settle(() => 1);
  assert.is(text(pair.server.takePlaintext()), "ping");
  pair.dispose();
});

test("both roles, in pieces of random size", () => {
  const random = new Random(3);
  for (let run = 0; run < 30; run++) {
    const pair = new Pair();
    pair.settle(() => 1 + random.below(200));
    assert.is(pair.client.status, Status.open);
    pair.dispose();
  }
});

test("the client's flight in one record, and in records of one byte", () => {
  for (const size of [10_000, 1]) {
    const run = serve();
    const { peer } = run;
    peer.begin();
    let flight = Buffer.alloc(0);
    const say = (whole: Buffer) => {
      peer.transcript = concat(peer.transcript, whole);
      flight = concat(flight, whole) as Buffer<ArrayBuffer>;
    };
    say(peer.certificate(client.chain));
    say(peer.certificateVerify(client.key.privateKey));
    say(peer.finished());
    for (let at = 0; at < flight.length; at += size)
      peer.feed(keysOf(peer).seal(Content.handshake, flight.subarray(at, at + size)));
    assert.is(run.session.status, Status.approval);
    run.session.dispose();
  }
});

test("padding of any length is taken off, and empty data is no data", () => {
  for (const suite of [CHACHA, AES]) {
    const { session, peer } = serveOpen({}, suite);
    for (const padding of [0, 1, 15, 255, 4000, 16384 - 4]) {
      peer.feed(keysOf(peer).seal(Content.data, Buffer.from("data"), padding));
      assert.is(text(session.takePlaintext()), "data");
    }
    for (const padding of [0, 1, 16384]) {
      peer.feed(keysOf(peer).seal(Content.data, Buffer.alloc(0), padding));
      assert.ok(session.wantsInput);
      assert.is(session.takePlaintext().length, 0);
    }
    // The last byte of content may be zero, and so may all of it.
    peer.feed(keysOf(peer).seal(Content.data, Buffer.alloc(100), 100));
    assert.equal(session.takePlaintext(), new Uint8Array(100));
    session.dispose();
  }
});

test("a full record of 16 KiB is taken from a peer that knows no record_size_limit", () => {
  const { session, peer } = serveOpen({ recordSizeLimit: 64 });
  const data = new Random(1).bytes(16384);
  peer.feed(keysOf(peer).seal(Content.data, data));
  assert.ok(data.equals(session.takePlaintext()));
  session.dispose();
});

test("record_size_limit is kept by both roles, from the first protected record on", () => {
  for (const limit of [64, 65, 100, 512]) {
    const run = serve();
    run.peer.say(run.peer.helloWith({ limit: extension(Ext.recordSizeLimit, u16(limit)) }));
    const sizes = run.peer
      .hear()
      .filter((one) => one.protected)
      .map(({ content }) => content.length);
    assert.ok(sizes.length > 1 && Math.max(...sizes) === limit - 1, `${limit}: ${sizes}`);
    // And our own limit is announced.
    assert.equal(
      run.peer.encryptedExtensions.subarray(2),
      extension(Ext.recordSizeLimit, u16(4096)),
    );
    run.session.dispose();
  }
  const silent = serve();
  silent.peer.begin();
  assert.is(silent.peer.encryptedExtensions.length, 2, "nothing is announced unasked");
  silent.session.dispose();
});

test("data is sent in records no longer than the configuration says", () => {
  const { session, peer } = serveOpen({ maxContent: 1000 });
  assert.is(session.write(Buffer.alloc(2500)), 2500);
  assert.equal(
    peer.hear().map(({ content }) => content.length),
    [1000, 1000, 500],
  );
  session.dispose();
});

test("no more is taken for sending than the output's limit", () => {
  const { session, peer } = serveOpen({ outputLimit: 1 });
  const data = new Random(5).bytes(10_000);
  assert.is(session.write(data), 4096);
  assert.is(session.write(data.subarray(4096)), 0);
  assert.equal(peer.hear()[0]?.content, data.subarray(0, 4096));
  assert.is(session.write(data.subarray(4096)), 4096);
  session.dispose();
});

// ---- Early data ----

const earlyHello = (peer: ScriptedClient): Buffer =>
  peer.helloWith({ early: extension(Ext.earlyData) });
const earlyRecord = (length: number): Buffer =>
  plainRecord(Content.data, Buffer.alloc(length, 0x5e));

test("early data is skipped: behind the ClientHello", () => {
  const run = serve();
  run.peer.say(earlyHello(run.peer));
  for (const length of [5000, 16, 0, 11_000]) run.peer.feed(earlyRecord(length));
  run.peer.feed(plainRecord(Content.changeCipherSpec, u8(1)));
  run.peer.hear();
  run.peer.finish(client);
  assert.is(run.session.status, Status.approval);
  run.session.dispose();
});

test("early data is skipped: before the second ClientHello", () => {
  const run = serve();
  const { peer } = run;
  peer.say(
    peer.helloWith({
      early: extension(Ext.earlyData),
      keyShare: extension(Ext.keyShare, vector16()),
    }),
  );
  for (const length of [5000, 11_000]) peer.feed(earlyRecord(length));
  peer.hear();
  peer.say(peer.hello());
  peer.hear();
  peer.finish(client);
  assert.is(run.session.status, Status.approval);
  run.session.dispose();
});

test("early data is skipped up to 16 KiB, only where it was announced, and only at its time", () => {
  const tooMuch = serve();
  tooMuch.peer.say(earlyHello(tooMuch.peer));
  tooMuch.peer.hear();
  tooMuch.peer.feed(concat(earlyRecord(16_000), earlyRecord(500)));
  assertRefused(tooMuch, Alert.badRecordMac);

  const unannounced = serve();
  unannounced.peer.begin();
  unannounced.peer.feed(earlyRecord(100));
  assertRefused(unannounced, Alert.badRecordMac);

  const late = serve();
  late.peer.say(earlyHello(late.peer));
  late.peer.hear();
  late.peer.say(late.peer.certificate(client.chain));
  late.peer.feed(earlyRecord(100));
  assertRefused(late, Alert.badRecordMac);

  const secondHello = serve();
  secondHello.peer.say(
    secondHello.peer.helloWith({
      early: extension(Ext.earlyData),
      keyShare: extension(Ext.keyShare, vector16()),
    }),
  );
  secondHello.peer.hear();
  secondHello.peer.say(secondHello.peer.hello());
  secondHello.peer.hear();
  secondHello.peer.feed(earlyRecord(100));
  assertRefused(secondHello, Alert.badRecordMac);
});

// ---- KeyUpdate ----

test("KeyUpdate: the peer's, asking or not, many times", () => {
  for (const suite of [CHACHA, AES]) {
    const { session, peer } = serveOpen({}, suite);
    for (let i = 0; i < 20; i++) {
      const asks = i % 2 === 0;
      peer.feed(keysOf(peer).seal(Content.handshake, keyUpdate(asks)));
      keysOf(peer).update();
      peer.send(Buffer.from(`message ${i}`));
      assert.is(text(session.takePlaintext()), `message ${i}`);
      // Asked for, ours comes back at once, and does not ask in turn.
      assert.equal(
        peer.hear().map(({ content }) => content),
        asks ? [keyUpdate(false)] : [],
      );
      session.write(Buffer.from("answer"));
      assert.is(peer.hear()[0]?.content.toString(), "answer");
    }
    session.dispose();
  }
});

test("KeyUpdate: ours, asking or not, in both roles", () => {
  for (const open of [serveOpen, connectOpen]) {
    const { session, peer } = open();
    for (const asks of [false, true, true, false]) {
      session.updateKeys(asks);
      assert.equal(
        peer.hear().map(({ content }) => content),
        [keyUpdate(asks)],
      );
      session.write(Buffer.from("after"));
      assert.is(peer.hear()[0]?.content.toString(), "after");
    }
    session.dispose();
  }
});

test("KeyUpdate: asked a thousand times without being read, it is answered once", () => {
  const { session, peer } = serveOpen({ outputLimit: 1 });
  for (let i = 0; i < 1000; i++) {
    peer.feed(keysOf(peer).seal(Content.handshake, keyUpdate(true)));
    keysOf(peer).update();
    if (i % 32 !== 31) continue;
    peer.send(Buffer.from("x"));
    assert.is(text(session.takePlaintext()), "x");
  }
  assert.is(engine.call("outputLength", session.handle), 27);
  // The one that was owed in the meantime follows.
  assert.is(peer.hear().length, 1);
  assert.is(peer.hear().length, 1);
  assert.is(peer.hear().length, 0);
  session.dispose();
});

test("KeyUpdate: what is owed goes before the next data", () => {
  const { session, peer } = serveOpen({ outputLimit: 1 << 20 });
  session.write(Buffer.from("first"));
  peer.feed(keysOf(peer).seal(Content.handshake, keyUpdate(true)));
  keysOf(peer).update();
  session.write(Buffer.from("second"));
  assert.equal(
    peer.hear().map(({ type }) => type),
    [Content.data, Content.handshake, Content.data],
  );
  session.dispose();
});

// ---- Closing ----

test("closing: ours first, the peer's data is still taken", () => {
  const run = serveOpen();
  const { session, peer } = run;
  session.close();
  assert.is(session.write(Buffer.from("x")), 0);
  session.updateKeys(true);
  assert.equal(
    peer.hear().map(({ content }) => [...content]),
    [[1, 0]],
  );
  peer.send(Buffer.from("still here"));
  assert.is(text(session.takePlaintext()), "still here");
  // A KeyUpdate that asks has nobody to answer it.
  peer.feed(keysOf(peer).seal(Content.handshake, keyUpdate(true)));
  keysOf(peer).update();
  peer.send(Buffer.from("and here"));
  assert.is(text(session.takePlaintext()), "and here");
  peer.feed(peer.record(Content.alert, Buffer.from([1, 0])));
  assert.is(session.status, Status.closed);
  assert.is(session.takeOutput().length, 0);
  assert.ok(holdsNothing(run.config));
  session.dispose();
});

test("closing: the peer's first, our data still goes out", () => {
  const { session, peer } = connectOpen();
  peer.feed(peer.record(Content.alert, Buffer.from([1, 0])));
  assert.ok(session.peerClosed);
  assert.is(session.status, Status.open);
  // What the peer sends now is dropped.
  assert.is(session.feed(Buffer.alloc(100, 0xff)), 100);
  session.write(Buffer.from("farewell"));
  assert.is(peer.hear()[0]?.content.toString(), "farewell");
  session.close();
  assert.equal(
    peer.hear().map(({ content }) => [...content]),
    [[1, 0]],
  );
  assert.is(session.status, Status.closed);
  session.dispose();
});

test("closing: a handshake under way is closed by close_notify at once", () => {
  const early = serve();
  early.session.close();
  assert.is(early.session.status, Status.closed);
  assert.ok(plainRecord(Content.alert, Buffer.from([1, 0])).equals(early.session.takeOutput()));
  early.session.dispose();
  const later = connect();
  later.peer.begin(server);
  later.session.close();
  assert.is(later.session.status, Status.closed);
  const [, last] = later.peer.hear();
  assert.equal([...(last?.content ?? [])], [1, 0]);
  assert.ok(last?.protected);
  later.session.dispose();
});

test("closing: a transport that ends without close_notify is said to be truncated", () => {
  for (const open of [serve, serveOpen, connect, connectOpen]) {
    const run = open();
    run.session.endOfInput();
    assert.is(run.session.status, Status.failed);
    assert.ok(run.session.truncated);
    assert.is(run.session.alertSent, undefined);
    run.session.takeOutput();
    assert.ok(holdsNothing(run.config));
    run.session.dispose();
  }
  const orderly = serveOpen();
  orderly.peer.feed(orderly.peer.record(Content.alert, Buffer.from([1, 0])));
  orderly.session.endOfInput();
  assert.not(orderly.session.truncated);
  assert.is(orderly.session.status, Status.open);
  orderly.session.dispose();
});

// ---- Nothing is left ----

/** Whether bytes are anywhere in the module's memory. */
const isInMemory = (bytes: Uint8Array): boolean =>
  Buffer.from(engine.read(0, 1 << 30)).indexOf(bytes) >= 0;

test("secrets are gone from memory: the handshake's when it is done, all at the end", () => {
  for (const suite of [CHACHA, AES])
    for (const end of [
      (session: TlsSession) => session.close(),
      (session: TlsSession) => session.endOfInput(),
      (session: TlsSession, peer: ScriptedClient) =>
        session.feed(peer.record(Content.handshake, message(Type.finished, Buffer.alloc(32)))),
      (session: TlsSession, peer: ScriptedClient) =>
        session.feed(peer.record(Content.alert, Buffer.from([2, 40]))),
    ]) {
      const { session, peer } = serveOpen({}, suite);
      const keyOf = (secret: Buffer) =>
        expandLabel(secret, "key", Buffer.alloc(0), suite === AES ? 16 : 32);
      const handshake = [peer.clientHandshake, peer.serverHandshake];
      const application = [peer.clientApplication, peer.serverApplication];
      for (const secret of handshake) {
        assert.not(isInMemory(secret), "handshake secret of an open session");
        assert.not(isInMemory(keyOf(secret)), "handshake key of an open session");
      }
      for (const secret of application) assert.ok(isInMemory(secret), "the search finds secrets");
      const data = Buffer.from("a secret that a principal sent to the isolate");
      peer.send(data);
      assert.ok(isInMemory(data));
      session.takePlaintext();
      end(session, peer);
      if (session.status === Status.open)
        peer.feed(peer.record(Content.alert, Buffer.from([1, 0])));
      assert.ok(session.ended);
      engine.call("collect");
      for (const secret of [...handshake, ...application]) {
        assert.not(isInMemory(secret), "traffic secret of an ended session");
        assert.not(isInMemory(keyOf(secret)), "key of an ended session");
      }
      // (The bridge's own buffer still holds the record that brought it, but not in the clear.)
      assert.not(isInMemory(data), "data that was read");
      session.dispose();
    }
});

test("a thousand handshakes leave the heap as it was", () => {
  const used = () => {
    engine.call("collect");
    return engine.call("heapUsed");
  };
  const run = () => {
    const pair = new Pair();
    pair.settle();
    assert.is(pair.server.status, Status.open);
    pair.server.write(Buffer.alloc(100));
    pair.settle();
    pair.dispose();
  };
  // Configurations live as long as the module: one pair for all.
  const configs = new Pair();
  configs.dispose();
  const open = () => {
    const pair = Object.create(Pair.prototype) as Pair;
    Object.assign(pair, {
      config: configs.config,
      clientConfig: configs.clientConfig,
      server: configs.config.open("server"),
      client: configs.clientConfig.open("client"),
    });
    return pair;
  };
  run();
  const first = open();
  first.settle();
  first.dispose();
  const before = used();
  for (let i = 0; i < 1000; i++) {
    const pair = open();
    pair.settle();
    assert.is(pair.client.status, Status.open);
    pair.dispose();
  }
  assert.is(used(), before);
});

// ---- Many sessions, little memory ----

test("sessions do not disturb one another, whatever becomes of some", () => {
  const random = new Random(11);
  const runs = Array.from({ length: 40 }, () => serve());
  for (const [i, { peer, session }] of runs.entries()) {
    if (i % 4 === 3) session.feed(random.bytes(50));
    else peer.begin();
  }
  for (const [i, { peer, session }] of runs.entries()) {
    if (i % 4 === 2) session.dispose();
    else if (i % 4 < 2) peer.finish(client);
  }
  for (const [i, { peer, session }] of runs.entries()) {
    if (i % 4 === 3) assert.is(session.status, Status.failed);
    if (i % 4 >= 2) continue;
    session.approvePeer();
    peer.send(Buffer.from(`for session ${i}`));
    assert.is(text(session.takePlaintext()), `for session ${i}`);
    session.dispose();
  }
});

test("handles: unknown ones are ignored, and freed ones are given out again", () => {
  const lone = loadTlsEngine({}, "testing/session-manager");
  const config = lone.configure({ identity: identityOf(server) });
  const first = config.open("server");
  const second = config.open("server");
  first.dispose();
  const third = config.open("server");
  assert.is(third.handle, first.handle);
  for (const handle of [0, 99, -1, 2 ** 31]) {
    assert.is(lone.call("feed", handle, 0, 5), 5);
    for (const name of [
      "write",
      "output",
      "outputLength",
      "plaintext",
      "plaintextLength",
      "status",
      "flags",
      "negotiated",
    ])
      assert.is(lone.call(name, handle, 0, 0), 0);
    for (const name of [
      "close",
      "endOfInput",
      "approvePeer",
      "disposeSession",
      "updateKeys",
      "rejectPeer",
      "consumeOutput",
      "consumePlaintext",
    ])
      lone.call(name, handle, 0);
    assert.is(lone.call("alertSent", handle), -1);
    assert.is(lone.call("peerCertificate", handle, 0), 0);
  }
  second.dispose();
  third.dispose();
});

test("without room in the budget a session ends with internal_error, the others go on", () => {
  const good = serveOpen();
  for (const budget of [0, 100, 500, 1500, 2500]) {
    const run = serve({ budget });
    run.peer.say(run.peer.hello());
    if (!run.session.ended) {
      run.peer.hear();
      run.peer.finish(client);
    }
    if (run.session.status === Status.failed) {
      assert.ok([Alert.internalError, undefined].includes(run.session.alertSent as 80));
      run.session.takeOutput();
      assert.ok(holdsNothing(run.config));
    } else assert.is(budget, 2500);
    run.session.dispose();
  }
  // A record that does not fit ends the one session that it was for.
  const small = serveOpen({ budget: 4000 });
  small.peer.feed(keysOf(small.peer).seal(Content.data, Buffer.alloc(5000)));
  assertRefused(small, Alert.internalError);
  good.peer.send(Buffer.from("on"));
  assert.is(text(good.session.takePlaintext()), "on");
  good.session.dispose();
});

test("H3: records that bring nothing end a session when they are many in a row", () => {
  const idle: [string, (peer: ReturnType<typeof serveOpen>["peer"]) => void][] = [
    [
      "KeyUpdates",
      (peer) => {
        peer.feed(keysOf(peer).seal(Content.handshake, keyUpdate(false)));
        keysOf(peer).update();
      },
    ],
    ["empty data", (peer) => peer.feed(keysOf(peer).seal(Content.data, Buffer.alloc(0)))],
    ["warnings", (peer) => peer.feed(keysOf(peer).seal(Content.alert, Buffer.from([1, 90])))],
  ];
  for (const [what, send] of idle) {
    const run = serveOpen();
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 32; i++) send(run.peer);
      assert.is(run.session.ended, false, what);
      run.peer.send(Buffer.from("x"));
      assert.is(text(run.session.takePlaintext()), "x", what);
    }
    for (let i = 0; i < 33; i++) send(run.peer);
    assertRefused(run, Alert.unexpectedMessage);
  }
});

test("without memory no session is opened, sessions end, and nothing traps", () => {
  const tight = loadTlsEngine({ memoryLimit: 192 << 10 }, "testing/session-manager");
  const config = tight.configure({ identity: identityOf(server) });
  const sessions: TlsSession[] = [];
  assert.throws(() => {
    for (let i = 0; i < 2000; i++) sessions.push(config.open("server"));
  }, /no room/);
  assert.ok(sessions.length > 20, `${sessions.length} sessions`);
  // Nobody is known: what a header announces takes no memory.
  const header = concat(u8(22), u16(0x0303), u16(4608));
  for (const session of sessions) session.feed(header);
  assert.ok(sessions.every(({ ended }) => !ended));
  // All go on with the record: some are refused, none traps.
  for (const session of sessions) session.feed(Buffer.alloc(4607, 1));
  const refused = sessions.filter(({ ended }) => ended);
  assert.ok(refused.length > 0 && refused.length < sessions.length, `${refused.length} refused`);
  for (const session of refused) assert.is(session.alertSent, Alert.internalError);
  for (const session of sessions) session.dispose();
  // And then there is room again.
  const peer = serve().peer;
  const session = config.open("server");
  session.feed(plainRecord(Content.handshake, peer.hello()));
  assert.is(session.status, Status.handshake);
  assert.ok(session.takeOutput().length > 500);
  session.dispose();
});

test("without randomness nothing is configured, and handshakes end with internal_error", () => {
  let works = false;
  const random = (buffer: Uint8Array): boolean => {
    buffer.fill(7);
    return works;
  };
  const poor = loadTlsEngine({ random }, "testing/session-manager");
  assert.throws(() => poor.configure(), /no randomness/);
  works = true;
  const config = poor.configure({ identity: identityOf(server) });
  const servers = [config.open("server"), config.open("server")] as const;
  const hello = serve().peer.hello();
  works = false;
  for (const [session, alert] of [
    [servers[0], Alert.internalError],
    [servers[1], undefined],
  ] as const) {
    poor.call("wipeRandomness", config.handle);
    session.feed(plainRecord(Content.handshake, hello));
    assert.is(session.alertSent, alert);
    session.dispose();
    works = true;
  }
  works = false;
  poor.call("wipeRandomness", config.handle);
  const client = config.open("client");
  assert.is(client.alertSent, Alert.internalError);
  assert.ok(plainRecord(Content.alert, Buffer.from([2, 80])).equals(client.takeOutput()));
  client.dispose();
});

test("groups: a configuration for one group asks for it", () => {
  for (const [groups, group] of [
    [Group.x25519, 29],
    [Group.secp256r1, 23],
  ] as const) {
    const run = serve({ groups });
    run.peer.say(run.peer.helloWith({ keyShare: extension(Ext.keyShare, vector16()) }));
    run.peer.hear();
    assert.is(run.peer.group, group);
    run.session.dispose();
  }
});

test.run();
