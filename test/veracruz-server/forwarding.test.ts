// Streams that one server of a registry joins with another: neither end may hold the other for ever.

import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { pino } from "pino";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Registry, Whereabouts } from "../../host/veracruz-server/registry.js";
import { VeracruzServer } from "../../host/veracruz-server/server.js";
import type { ServerOptions } from "../../host/veracruz-server/settings.js";
import { until } from "../support/system.js";

/** What the other server sends for its peer, as pieces behind their lengths. */
function piece(text: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(Buffer.byteLength(text));
  return Buffer.concat([length, Buffer.from(text)]);
}
/** An empty one: the peer is a principal. */
const KNOWN = piece("");
const ESTABLISHED = "HTTP/1.1 200 Connection Established\r\n\r\n";

const HASH = "ab".repeat(32);

/** A server whose only computation is on another one, of which the test is the whole. */
async function start(handle: (socket: Socket) => void, options: Partial<ServerOptions> = {}) {
  const others = new Set<Socket>();
  const other = createServer({ allowHalfOpen: true }, (socket) => {
    others.add(socket);
    socket.on("error", () => undefined).once("close", () => others.delete(socket));
    handle(socket);
  });
  await once(other.listen(0, "127.0.0.1"), "listening");
  const { port } = other.address() as AddressInfo;
  const where: Whereabouts = {
    server: "other",
    address: { host: "127.0.0.1", port },
    token: "t",
    state: "running",
    over: undefined,
  };
  const registry: Registry = {
    name: "this",
    token: "s",
    find: async () => where,
    hold: async () => undefined,
    drop: async () => undefined,
    claim: async () => false,
    release: async () => undefined,
    finish: async () => undefined,
    close: async () => undefined,
  };
  const server = await VeracruzServer.start({
    registry,
    host: "127.0.0.1",
    port: 0,
    logger: pino({ level: "silent" }),
    ...options,
  });
  return {
    others,
    port: server.address.port,
    async stop() {
      for (const socket of others) socket.destroy();
      other.close();
      await server.close();
    },
  };
}

/** Asks for a stream; the client never ends its own side by itself. */
async function ask(port: number): Promise<Socket> {
  const client = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  client.on("error", () => undefined);
  await once(client, "connect");
  client.write(`CONNECT ${HASH}.isolate:443 HTTP/1.1\r\nHost: isolate:443\r\n\r\n`);
  return client;
}

test("where the other server ends a stream, its client is let go, whatever that still sends", async () => {
  const { port, stop } = await start((socket) => {
    socket.once("data", () => socket.end(piece(ESTABLISHED)));
  });
  const client = await ask(port);
  let answer = "";
  client.on("data", (chunk: Buffer) => {
    answer += chunk.toString("latin1");
  });
  await once(client, "end");
  assert.match(answer, /^HTTP\/1\.1 200 /);
  const sending = setInterval(() => client.write("more"), 50);
  await until("the server has let the client go", () => client.destroyed);
  clearInterval(sending);
  await stop();
});

test("where a client goes, so does its stream to the other server", async () => {
  const { port, others, stop } = await start((socket) => {
    socket.once("data", () => socket.write(piece(ESTABLISHED)));
  });
  const client = await ask(port);
  await once(client, "data");
  assert.is(others.size, 1);
  client.destroy();
  for (const socket of others) socket.resume().on("end", () => socket.end());
  await until("the other stream has ended", () => others.size === 0);
  await stop();
});

/** All that comes on a stream until it ends. */
async function read(stream: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(stream, "end");
  stream.end();
  return Buffer.concat(chunks).toString("latin1");
}

test("a peer whom the other server knows is no stranger here, however many strangers come", async () => {
  const bounds = { maxConnections: 8, maxConnectionsPerAddress: 8 };
  let asked = 0;
  const { port, others, stop } = await start((socket) => {
    // The first three are strangers to the other server, too.
    const known = ++asked > 3 ? KNOWN : Buffer.alloc(0);
    socket.once("data", () => socket.write(Buffer.concat([known, piece(ESTABLISHED), known])));
  }, bounds);
  const clients: Socket[] = [];
  for (let turn = 0; turn < 6; turn++) {
    const client = await ask(port);
    await once(client, "data");
    clients.push(client);
  }
  assert.is(others.size, 6);
  const strangers: Socket[] = [];
  for (let turn = 0; turn < 300; turn++) {
    const stranger = connect({ port, host: "127.0.0.1" }).on("error", () => undefined);
    strangers.push(stranger);
    await once(stranger, "connect");
  }
  const [unknown, known] = [clients.slice(0, 3), clients.slice(3)];
  await until("strangers have given way", () =>
    unknown.every(({ readableEnded }) => readableEnded),
  );
  assert.equal(
    known.map(({ readableEnded }) => readableEnded),
    [false, false, false],
  );
  for (const socket of [...strangers, ...clients]) socket.destroy();
  await stop();
});

test("an answer comes whole, however it is cut, and its pieces' lengths with it", async () => {
  const texts = [ESTABLISHED, "a", "b".repeat(70_000), "", "c"];
  const sent = Buffer.concat([KNOWN, ...texts.map(piece)]);
  for (const step of [1, 3, 4, 5, 8_191, sent.length]) {
    const { port, stop } = await start((socket) => {
      socket.once("data", () => {
        // One byte each would take long: only where the lengths are.
        const short = Math.min(sent.length, 200);
        for (let at = 0; at < short; at += step)
          socket.write(sent.subarray(at, Math.min(short, at + step)));
        socket.end(sent.subarray(short));
      });
    });
    assert.is(await read(await ask(port)), texts.join(""));
    await stop();
  }
});

test("a server that answers in another form is refused in words", async () => {
  const { port, stop } = await start((socket) => {
    socket.once("data", () => socket.write(ESTABLISHED));
  });
  const answer = await read(await ask(port));
  assert.match(answer, /^HTTP\/1\.1 503 /);
  assert.match(
    answer,
    /the server other has this computation, and cannot be reached: .*one version/,
  );
  await stop();
});

test.run();
