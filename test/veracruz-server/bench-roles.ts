// The processes of `bench.ts` beside the server: who sends, who takes, and a bare pipe between two sockets.
// Usage: node bench-roles.js ROLE ARGUMENT...; each prints one line of JSON when it is ready or done.
import { request } from "node:http";
import { connect, createServer, type Socket } from "node:net";
import {
  encodeMessage,
  FrameReader,
  frame,
  MAX_ISOLATE_FRAME_BYTES,
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

/**
 * Stands before a real isolate and hands everything on to it but TLS bytes: those it takes itself, so
 * that the server's forwarding is measured and not the isolate's TLS.
 */
function sinkIsolate(real: number, total: number): void {
  const counter = new Counter(total);
  listen((server) => {
    const isolate = connect({ port: real, host: "127.0.0.1", noDelay: true });
    isolate.pipe(server);
    const reader = new FrameReader(MAX_ISOLATE_FRAME_BYTES);
    server.on("data", (chunk) => {
      const acknowledgements: Buffer[] = [];
      for (const message of reader.push(chunk)) {
        if (message[1] !== messages.tlsInput.number) {
          isolate.write(frame(message));
          continue;
        }
        counter.add(message.length);
        const head = message[2] as number;
        const id =
          head < 0x80
            ? head
            : head === 0xcc
              ? message.readUInt8(3)
              : head === 0xcd
                ? message.readUInt16BE(3)
                : message.readUInt32BE(3);
        acknowledgements.push(frame(encodeMessage({ type: "done", id })));
      }
      if (acknowledgements.length > 0) server.write(Buffer.concat(acknowledgements));
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

function sendThroughConnect(port: number, total: number): void {
  const outgoing = request({ port, host: "127.0.0.1", method: "CONNECT", path: "isolate:443" });
  outgoing.on("connect", (_answer, socket) => write(socket as Socket, total));
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
