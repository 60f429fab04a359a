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
  type MessageIn,
} from "../../host/transport-protocol/index.js";
import {
  IsolateConnection,
  IsolateLost,
  IsolateRefused,
} from "../../host/veracruz-server/isolate-connection.js";

/** The wire to an isolate, with the isolate's end in the test's hands. */
class Wire extends Duplex {
  readonly requests: MessageIn<"isolateRequest">[] = [];
  readonly seen: string[] = [];
  readonly connection: IsolateConnection;
  private readonly reader = new FrameReader(MAX_ISOLATE_FRAME_BYTES);

  constructor() {
    super();
    this.connection = new IsolateConnection(this, {
      tlsOutput: (session, tls) => this.seen.push(`output ${session} ${tls.length}`),
      sessionOpened: (session) => this.seen.push(`opened ${session}`),
      sessionClosed: (session, reason) => this.seen.push(`closed ${session} ${reason}`),
      ended: (reason) => this.seen.push(`ended ${reason}`),
      commitWanted: ({ signature }) => this.seen.push(`commit ${signature.length}`),
      freshnessWanted: ({ session }) => this.seen.push(`freshness ${session}`),
      lost: (reason) => this.seen.push(`lost ${reason}`),
    });
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    for (const bytes of this.reader.push(chunk)) {
      this.requests.push(decodeMessage("isolateRequest", bytes));
    }
    done();
  }

  answer(message: Message): void {
    this.push(frame(encodeMessage(message)));
  }
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test("answers find their requests in any order, events come in between", async () => {
  const wire = new Wire();
  const state = wire.connection.request("runtimeState", {});
  const reset = wire.connection.request("reset", {});
  let tlsDone: unknown = "not yet";
  wire.connection.sendTls(7, Buffer.alloc(300, 1), (error) => {
    tlsDone = error;
  });
  await turn();
  assert.equal(
    wire.requests.map(({ type, id }) => [type, id]),
    [
      ["runtimeState", 1],
      ["reset", 2],
      ["tlsInput", 3],
    ],
  );
  assert.is(wire.connection.outstanding, 3);
  wire.answer({ type: "tlsOutput", session: 7, tls: new Uint8Array(1000) });
  wire.answer({ type: "done", id: 3 });
  wire.answer({ type: "sessionOpened", session: 7 });
  wire.answer({ type: "sessionClosed", session: 7, text: "bye" });
  wire.answer({ type: "refused", id: 2, status: 3, text: "not now" });
  wire.answer({
    type: "runtimeStateIs",
    id: 1,
    state: 2,
    attested: 1,
    round: 1,
    sessions: 0,
    maxSessions: 64,
    handshakes: 24,
    strangers: 8,
    freeBytes: 5,
    policyHash: new Uint8Array(32),
  });
  assert.is((await state).freeBytes, 5);
  const refusal = await reset.catch((error: unknown) => error);
  assert.instance(refusal, IsolateRefused);
  assert.is((refusal as IsolateRefused).message, "not now");
  assert.is((refusal as IsolateRefused).request, "reset");
  assert.is(tlsDone, undefined);
  assert.equal(wire.seen, ["output 7 1000", "opened 7", "closed 7 bye"]);
  wire.answer({ type: "ended", text: "over" });
  await turn();
  assert.is(wire.seen.at(-1), "ended over");
});

test("what comes in at once goes to the isolate by one write, and what is asked then comes after it", async () => {
  class Vectored extends Wire {
    writes = 0;

    override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
      this.writes++;
      for (const { chunk } of chunks) this._write(chunk, "", () => undefined);
      done();
    }
  }
  const wire = new Vectored();
  const ignored = () => undefined;
  for (const session of [1, 2, 1]) wire.connection.sendTls(session, Buffer.alloc(300), ignored);
  const health = wire.connection.request("health", {}).catch((error: Error) => error.message);
  assert.is(wire.writes, 0);
  await turn();
  assert.is(wire.writes, 1);
  const types = () => wire.requests.map(({ type }) => type);
  assert.equal(types(), ["tlsInput", "tlsInput", "tlsInput", "health"]);
  // It goes on so, and what is held back when the connection is lost is dropped.
  wire.connection.sendTls(1, Buffer.alloc(300), ignored);
  await turn();
  assert.is(wire.writes, 2);
  wire.connection.sendTls(1, Buffer.alloc(300), ignored);
  wire.connection.lose("gone");
  await turn();
  assert.is(wire.writes, 2);
  assert.is(await health, "gone");
});

test("what does not fit the protocol ends the connection, and every request with it", async () => {
  const strange: [string, (wire: Wire) => void, RegExp][] = [
    [
      "an answer to no request",
      (wire) => wire.answer({ type: "done", id: 99 }),
      /without a request: 99/,
    ],
    [
      "an answer of another type",
      (wire) =>
        wire.answer({
          type: "attestation",
          id: 1,
          token: Uint8Array.of(1),
          csr: Uint8Array.of(1),
          deviceId: 1,
          policyHash: new Uint8Array(32),
          scope: Uint8Array.of(1),
        }),
      /attestation as an answer to runtimeState/,
    ],
    ["a request", (wire) => wire.answer({ type: "reset", id: 1 }), /unknown message type/],
    ["bytes", (wire) => wire.push(frame(Buffer.from("hello"))), /broke the protocol/],
    ["an empty frame", (wire) => wire.push(Buffer.alloc(4)), /frame of 0 bytes/],
    ["a huge frame", (wire) => wire.push(Buffer.alloc(4, 255)), /frame of 4294967295 bytes/],
    ["the end", (wire) => wire.push(null), /ended the connection/],
    ["an error", (wire) => wire.destroy(new Error("cable cut")), /cable cut/],
  ];
  for (const [what, happens, pattern] of strange) {
    const wire = new Wire();
    const state = wire.connection.request("runtimeState", {}).catch((error: unknown) => error);
    let tlsError: Error | undefined;
    wire.connection.sendTls(1, Buffer.from("x"), (error) => {
      tlsError = error;
    });
    happens(wire);
    const error = (await state) as Error;
    assert.match(error.message, /as an answer to/.test(pattern.source) ? pattern : pattern, what);
    await turn();
    assert.instance(tlsError, IsolateLost, what);
    assert.is(wire.seen.length, 1, what);
    assert.match(wire.seen[0] as string, /^lost /, what);
    assert.ok(wire.destroyed, what);
    const later = await wire.connection.request("health", {}).catch((late: unknown) => late);
    assert.instance(later, IsolateLost, what);
  }
});

test.run();
