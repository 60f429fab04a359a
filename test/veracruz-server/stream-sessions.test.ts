// A session over a stream: when its answers go to the client at once, and when together.
import { Duplex } from "node:stream";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  decodeMessage,
  encodeMessage,
  FrameReader,
  frame,
  MAX_ISOLATE_FRAME_BYTES,
  type Message,
} from "../../host/transport-protocol/index.js";
import { Bridge } from "../../host/veracruz-server/bridge.js";
import { IsolateConnection } from "../../host/veracruz-server/isolate-connection.js";
import { attachStream } from "../../host/veracruz-server/stream-sessions.js";
import { clientHello } from "../support/client-hello.js";
import { until } from "../support/system.js";

/** A stream whose other end is in the test's hands. */
class Wire extends Duplex {
  constructor(private readonly taken: (chunk: Buffer) => void) {
    super();
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.taken(chunk);
    done();
  }
}

const PIECE = 65_536;

/** A session that is open, with nothing under way. */
async function openSession() {
  const bridge = new Bridge({
    maxSessions: 4,
    waiting: { total: 4, perAddress: 4 },
    handshakeMs: 600_000,
    log: () => undefined,
  });
  const reader = new FrameReader(MAX_ISOLATE_FRAME_BYTES);
  const inputs: number[] = [];
  let session = 0;
  const answer = (message: Message) => isolate.push(frame(encodeMessage(message)));
  const isolate = new Wire((chunk) => {
    for (const bytes of reader.push(chunk)) {
      const request = decodeMessage("isolateRequest", bytes);
      if (request.type === "tlsInput") inputs.push(request.id);
      else if (request.type === "newSession") {
        ({ session } = request);
        answer({ type: "done", id: request.id });
      }
    }
  });
  const nothing = () => undefined;
  bridge.pieceBytes = PIECE;
  bridge.connection = new IsolateConnection(isolate, {
    tlsOutput: (number, tls) => bridge.deliver(number, tls),
    sessionOpened: (number) => bridge.openedByIsolate(number),
    sessionClosed: (number, reason) => bridge.closedByIsolate(number, reason),
    ...{ ended: nothing, commitWanted: nothing, freshnessWanted: nothing, lost: nothing },
  });
  bridge.makeRoom({ kind: "linux", handshakes: 4, strangers: 2 });
  const received: string[] = [];
  const client = new Wire((chunk) => {
    if (chunk.length > 0) received.push(chunk.toString("latin1"));
  });
  attachStream(bridge, client, {
    maxBufferedBytes: 1 << 20,
    visitor: { address: "192.0.2.1", since: performance.now() },
    refused: (reason) => assert.unreachable(reason),
    opened: nothing,
  });
  client.push(await clientHello());
  await until("the isolate has the ClientHello", () => Promise.resolve(inputs.length === 1));
  const dealtWith = () => answer({ type: "done", id: inputs.shift() as number });
  const says = (text: string) =>
    answer({ type: "tlsOutput", session, tls: Buffer.from(text, "latin1") });
  dealtWith();
  return {
    received,
    /** The client's words, and the isolate has them. */
    async sends(pieces: number) {
      for (let n = 0; n < pieces; n++) client.push(Buffer.alloc(PIECE));
      await until("the isolate has them", () => Promise.resolve(inputs.length === pieces));
    },
    says,
    dealtWith,
    closes: () => answer({ type: "sessionClosed", session, text: "" }),
    hasReceived: (wanted: string[]) =>
      until(`the client has ${JSON.stringify(wanted)}`, () =>
        Promise.resolve(received.join() === wanted.join()),
      ),
    close: () => bridge.suspend("over"),
  };
}

test("an answer goes at once where little of the session waits for the isolate", async () => {
  const session = await openSession();
  await session.sends(1);
  session.says("a");
  session.says("b");
  session.dealtWith();
  await session.hasReceived(["a", "b"]);
  session.close();
});

test("short answers to a large file go four at a time, and the rest when little is left of it", async () => {
  const session = await openSession();
  await session.sends(4);
  for (const text of ["a", "b", "c", "d", "e"]) session.says(text);
  session.dealtWith();
  session.dealtWith();
  session.dealtWith();
  session.says("f");
  await session.hasReceived(["abcd", "e", "f"]);
  session.close();
});

test("gathered answers do not wait for what the isolate does not deal with", async () => {
  const session = await openSession();
  await session.sends(4);
  session.says("a");
  session.says("b");
  await session.hasReceived(["ab"]);
  session.close();
});

test("a long answer takes those before it along, and none overtakes another", async () => {
  const session = await openSession();
  await session.sends(4);
  const long = "x".repeat(2000);
  session.says("a");
  session.says(long);
  session.says("b");
  session.says("c");
  await session.hasReceived([`a${long}`, "bc"]);
  session.close();
});

test("what is gathered still reaches the client when the isolate closes the session", async () => {
  const session = await openSession();
  await session.sends(4);
  session.says("a");
  session.says("b");
  session.closes();
  await session.hasReceived(["ab"]);
  session.close();
});

test.run();
