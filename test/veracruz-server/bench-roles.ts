// The processes of `bench.ts` beside the server: who sends, who takes, and a bare pipe between two sockets.
// Usage: node bench-roles.js ROLE ARGUMENT...; each prints one line of JSON when it is ready or done.
import { request } from "node:http";
import { connect, createServer, type Socket } from "node:net";
import {
  encodeMessage,
  FRAME_HEADER_BYTES,
  frame,
  messages,
} from "../../host/transport-protocol/index.js";

const [role = "", ...args] = process.argv.slice(2);
const number = (index: number) => Number(args[index]);
const report = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);

/** Counts bytes, and reports how long they took from the first to the last. */
class Counter {
  private seen = 0;
  private started = 0;

  constructor(private readonly total: number) {}

  add(length: number): void {
    if (this.seen === 0) this.started = performance.now();
    this.seen += length;
    if (this.seen >= this.total) {
      report({ seconds: (performance.now() - this.started) / 1000, bytes: this.seen });
      this.seen = 0;
    }
  }
}

function listen(handle: (socket: Socket) => void): void {
  const server = createServer({ noDelay: true }, handle);
  server.listen(0, "127.0.0.1", () =>
    report({ port: (server.address() as { port: number }).port }),
  );
}

/** Takes bytes, for as long as they come. */
function sink(total: number): void {
  const counter = new Counter(total);
  listen((socket) => socket.on("data", (chunk) => counter.add(chunk.length)));
}

/** What the server's own forwarding is held against. */
function pipe(to: number): void {
  listen((from) => {
    const socket = connect({ port: to, host: "127.0.0.1", noDelay: true });
    from.pipe(socket).pipe(from);
  });
}

/** Longest head of a `tlsInput`: frame length, array, type, id, session, length of the TLS bytes. */
const HEAD_BYTES = FRAME_HEADER_BYTES + 2 + 5 + 5 + 5;
/** Bytes behind the first one of an integer, or of a byte string's length. */
const MORE_BYTES = new Map([
  [0xcc, 1],
  [0xcd, 2],
  [0xce, 4],
  [0xc4, 1],
  [0xc5, 2],
  [0xc6, 4],
]);

/** An integer or a byte string's length at a place of a message's head, and where it ends. */
function readNumber(head: Buffer, at: number): { value: number; end: number } {
  const first = head[at] as number;
  const more = MORE_BYTES.get(first) ?? 0;
  const value = more === 0 ? first : head.readUIntBE(at + 1, more);
  return { value, end: at + 1 + more };
}

/**
 * Cuts a stream into frames as `FrameReader` does, and puts together only those that are no TLS bytes:
 * the measuring end must not cost more than what is measured.
 */
class TlsSink {
  private readonly head = Buffer.alloc(HEAD_BYTES);
  private filled = 0;
  /** Bytes of the frame that are still to come. */
  private left = 0;
  private other: Buffer | undefined;

  /**
   * @param tls told of each piece of TLS bytes when it is whole: its message's id, its length
   * @param rest told of every other message
   */
  constructor(
    private readonly tls: (id: number, length: number) => void,
    private readonly rest: (message: Buffer) => void,
  ) {}

  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.left === 0) {
        this.head[this.filled++] = chunk[at++] as number;
        const length = this.filled < FRAME_HEADER_BYTES ? 0 : this.head.readUInt32BE();
        if (this.filled < Math.min(HEAD_BYTES, FRAME_HEADER_BYTES + length) || length === 0)
          continue;
        this.left = length + FRAME_HEADER_BYTES - this.filled;
        if (this.head[FRAME_HEADER_BYTES + 1] !== messages.tlsInput.number) {
          this.other = Buffer.alloc(length);
          this.head.copy(this.other, 0, FRAME_HEADER_BYTES, this.filled);
        }
      }
      const taken = Math.min(this.left, chunk.length - at);
      this.other?.set(chunk.subarray(at, at + taken), this.other.length - this.left);
      at += taken;
      this.left -= taken;
      if (this.left > 0) return;
      this.filled = 0;
      if (this.other !== undefined) this.rest(this.other);
      else this.taken();
      this.other = undefined;
    }
  }

  private taken(): void {
    const id = readNumber(this.head, FRAME_HEADER_BYTES + 2);
    const session = readNumber(this.head, id.end);
    this.tls(id.value, readNumber(this.head, session.end).value);
  }
}

/**
 * Stands before a real isolate and hands everything on to it but TLS bytes: those it takes itself, so
 * that the server's forwarding is measured and not the isolate's TLS.
 */
function sinkIsolate(real: number, total: number): void {
  const counter = new Counter(total);
  listen((server) => {
    const isolate = connect({ port: real, host: "127.0.0.1", noDelay: true });
    isolate.pipe(server);
    let acknowledgements: Buffer[] = [];
    const sink = new TlsSink(
      (id, length) => {
        counter.add(length);
        acknowledgements.push(frame(encodeMessage({ type: "done", id })));
      },
      (message) => isolate.write(frame(message)),
    );
    server.on("data", (chunk) => {
      sink.push(chunk);
      if (acknowledgements.length === 0) return;
      server.write(Buffer.concat(acknowledgements));
      acknowledgements = [];
    });
    server.on("close", () => isolate.destroy());
    isolate.on("close", () => server.destroy());
    server.on("error", () => undefined);
    isolate.on("error", () => undefined);
  });
}

function write(socket: Socket, total: number): void {
  const chunk = Buffer.alloc(256 * 1024, 1);
  let left = total;
  const more = () => {
    while (left > 0) {
      left -= chunk.length;
      if (!socket.write(chunk)) {
        socket.once("drain", more);
        return;
      }
    }
  };
  more();
}

function send(port: number, total: number): void {
  const socket = connect({ port, host: "127.0.0.1" }, () => write(socket, total));
}

/** The shortest that the server takes for a ClientHello; the isolate behind it never reads it. */
const CLIENT_HELLO = Uint8Array.of(22, 3, 1, 0, 4, 1, 0, 0, 0);

function sendThroughConnect(port: number, total: number): void {
  const outgoing = request({ port, host: "127.0.0.1", method: "CONNECT", path: "isolate:443" });
  outgoing.on("connect", (_answer, socket) => {
    socket.write(CLIENT_HELLO);
    write(socket as Socket, total);
  });
  outgoing.end();
}

switch (role) {
  case "sink":
    sink(number(0));
    break;
  case "pipe":
    pipe(number(0));
    break;
  case "sink-isolate":
    sinkIsolate(number(0), number(1));
    break;
  case "send":
    send(number(0), number(1));
    break;
  case "send-connect":
    sendThroughConnect(number(0), number(1));
    break;
  default:
    throw new Error(`no role ${role}`);
}
