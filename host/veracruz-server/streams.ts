import type { IncomingMessage, Server } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { createWebSocketStream, type WebSocket, WebSocketServer } from "ws";
import { hangUp } from "../common/connection-gate.js";
import type { Headers } from "../veracruz-utils/admission.js";
import { AdmissionRefused, type SignedRequest } from "./admission.js";
import type { Visitor } from "./bridge.js";
import type { Computation } from "./computation.js";
import { ForwardedStream } from "./forwarded-stream.js";
import { forwardStream, isForwarded } from "./forwarding.js";
import { findComputation, type NotHere, wake } from "./lookup.js";
import {
  type NamedComputation,
  namedBy,
  splitAuthority,
  splitTarget,
} from "./named-computation.js";
import {
  addressOf,
  becomesKnown,
  FOREIGN_ORIGIN,
  isForeign,
  type ServerParts,
  TOO_MANY_SESSIONS,
  visitorOf,
} from "./parts.js";
import type { ServerSettings } from "./settings.js";
import { attachStream } from "./stream-sessions.js";
import { FrameUnmasker } from "./unmask.js";

/** The only authority that CONNECT takes, with or without `HASH.` in front. */
export const ISOLATE_AUTHORITY = "isolate:443";
/** Bytes of a WebSocket message, at most. */
const MAX_WEBSOCKET_MESSAGE = 1024 * 1024;

/** A status line of HTTP without its version. */
type Status =
  | "401 Unauthorized"
  | "403 Forbidden"
  | "404 Not Found"
  | "410 Gone"
  | "429 Too Many Requests"
  | "503 Service Unavailable";

const notHereStatus = {
  404: "404 Not Found",
  410: "410 Gone",
  429: "429 Too Many Requests",
  503: "503 Service Unavailable",
} as const satisfies Record<NotHere["status"], Status>;

/** Answers a request for a stream that cannot be had, and ends the connection. */
function turnAway(socket: Duplex, status: Status, text: string): void {
  const body = `${text}\n`;
  const head = `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-type: text/plain\r\n`;
  hangUp(socket, `${head}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
}

/**
 * Adds the two ways to a raw byte stream: `CONNECT isolate:443`, and a WebSocket at `/runtime_manager`.
 * Neither opens a socket to anywhere: both end in the isolate.
 */
export function addStreams(http: Server, parts: ServerParts): void {
  const webSockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: MAX_WEBSOCKET_MESSAGE,
  });

  http.on("connect", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const named = splitAuthority(request.url ?? "");
    if (named === undefined) {
      turnAway(socket, "403 Forbidden", `only ${ISOLATE_AUTHORITY} can be reached here`);
      return;
    }
    if (head.length > 0) socket.unshift(head);
    const stream = streamOf(parts, request, socket);
    const noHead = Buffer.alloc(0);
    void mayStream(parts, namedBy(named.hash, request.headers), request, stream, noHead).then(
      (guest) => {
        if (guest === undefined) return;
        stream.write("HTTP/1.1 200 Connection Established\r\n\r\n");
        openStream(parts, guest, stream, stream);
      },
    );
  });

  http.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const { origin } = request.headers;
    const { hash, path } = splitTarget(request.url ?? "");
    if (path !== "/runtime_manager") {
      turnAway(socket, "404 Not Found", "WebSockets are at /runtime_manager");
    } else {
      // A page of an origin that is not on the list has to show first that a principal is behind it.
      const mustSign = isForeign(parts, origin);
      const stream = streamOf(parts, request, socket);
      void mayStream(parts, namedBy(hash, request.headers), request, stream, head).then((guest) => {
        if (guest === undefined) return;
        // Whoever listens first has the bytes first.
        const unmasker = new FrameUnmasker();
        stream.on("data", (chunk: Buffer) => unmasker.take(chunk));
        webSockets.handleUpgrade(request, stream, head, (webSocket) => {
          beginWebSocket(parts, webSocket, request, stream, guest, mustSign);
        });
      });
    }
  });
}

/** The stream of whoever asks for one: its connection, or what another server of the registry forwards by it. */
function streamOf(
  { settings, gate }: ServerParts,
  request: IncomingMessage,
  socket: Duplex,
): Duplex {
  // While it waits for an isolate nobody else listens.
  socket.on("error", () => undefined);
  if (!isForwarded(settings.registry, request)) return socket;
  // Another server's connections are not a stranger's: it has bounded its own.
  gate.release(socket);
  return new ForwardedStream(socket as Socket).on("error", () => undefined);
}

/** Who may have a stream, and with the isolate of which computation. */
interface Guest {
  readonly computation: Computation;
  readonly visitor: Visitor;
}

/** A request for a stream, as far as its signature is concerned. */
function signedRequest(
  settings: ServerSettings,
  request: IncomingMessage,
  headers: Headers,
): SignedRequest {
  return {
    headers: { host: request.headers.host, ...headers },
    method: request.method ?? "",
    target: request.url ?? "",
    address: addressOf(settings, request),
  };
}

/** Who asks for a stream; undefined when it cannot be had, and the request was turned away. Never rejects. */
async function mayStream(
  parts: ServerParts,
  named: NamedComputation | undefined,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<Guest | undefined> {
  const { sessionRate, settings } = parts;
  const { computation, notHere, elsewhere } = await findComputation(parts, named, request);
  if (elsewhere !== undefined) {
    const from = addressOf(settings, request);
    const known = () => becomesKnown(parts, socket);
    forwardStream(request, socket, head, from, elsewhere, known, (reason) =>
      turnAway(socket, "503 Service Unavailable", reason),
    );
    return undefined;
  }
  if (notHere !== undefined) {
    turnAway(socket, notHereStatus[notHere.status], notHere.reason);
    return undefined;
  }
  const unavailable = () => {
    turnAway(socket, "503 Service Unavailable", computation.bridge.unavailable);
    return undefined;
  };
  // One that is not started on demand is ready, or not: whoever asks learns that first.
  if (!computation.onDemand && computation.status !== "ready") return unavailable();
  let visitor: Visitor;
  try {
    const signed = signedRequest(settings, request, request.headers);
    visitor = visitorOf(parts, computation, signed, socket);
  } catch (error) {
    if (!(error instanceof AdmissionRefused)) throw error;
    turnAway(socket, "401 Unauthorized", `the signature is refused: ${error.message}`);
    return undefined;
  }
  const admitted = visitor.principal !== undefined;
  if (!admitted && !sessionRate.allows(visitor.address)) {
    turnAway(socket, "429 Too Many Requests", TOO_MANY_SESSIONS);
    return undefined;
  }
  await wake(parts, computation, admitted);
  if (socket.destroyed) return undefined;
  return computation.status === "ready" ? { computation, visitor } : unavailable();
}

/** Code of a WebSocket that is closed because of what was said on it (RFC 6455 §7.4.1). */
const POLICY_VIOLATION = 1008;
/** Longest signature that comes as a message. */
const MAX_SIGNATURE = 1024;

/** The headers that a browser cannot set, as lines of its first message. */
function headersOf(text: string): Headers {
  const lines = text.slice(0, MAX_SIGNATURE).split("\n");
  return Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(": ");
      return [line.slice(0, colon), line.slice(colon + 2)];
    }),
  );
}

/**
 * Begins a session on a WebSocket. A browser cannot sign with headers: its first message, where that is a
 * text, is the signature. Bytes come in binary messages only.
 *
 * @param mustSign whether nobody but a principal may have a session here
 */
function beginWebSocket(
  parts: ServerParts,
  webSocket: WebSocket,
  request: IncomingMessage,
  socket: Duplex,
  guest: Guest,
  mustSign: boolean,
): void {
  const { computation } = guest;
  const silence = setTimeout(() => webSocket.terminate(), computation.bridge.handshakeMs).unref();
  webSocket.on("error", () => undefined);
  webSocket.once("close", () => clearTimeout(silence));
  webSocket.once("message", (data: Buffer, isBinary: boolean) => {
    clearTimeout(silence);
    let { visitor } = guest;
    if (!isBinary) {
      try {
        const headers = headersOf(data.toString("latin1"));
        const signed = signedRequest(parts.settings, request, headers);
        visitor = visitorOf(parts, computation, signed, socket);
      } catch (error) {
        if (!(error instanceof AdmissionRefused)) throw error;
        webSocket.close(POLICY_VIOLATION, `the signature is refused: ${error.message}`);
        setTimeout(() => webSocket.terminate(), 2_000).unref();
        return;
      }
    }
    if (mustSign && visitor.principal === undefined) {
      webSocket.close(POLICY_VIOLATION, FOREIGN_ORIGIN);
      setTimeout(() => webSocket.terminate(), 2_000).unref();
      return;
    }
    const stream = createWebSocketStream(webSocket);
    openStream(parts, { computation, visitor }, stream, socket);
    if (isBinary) stream.push(data);
  });
}

/** Makes a stream a session of the isolate. */
function openStream(
  parts: ServerParts,
  { computation, visitor }: Guest,
  stream: Duplex,
  connection: Duplex,
): void {
  const { settings } = parts;
  const { bridge, sockets } = computation;
  const from = visitor.address;
  // Whatever HTTP had to say about time is over: a session may be silent for long.
  if (stream instanceof Socket) stream.setTimeout(0);
  sockets.add(stream);
  stream.once("close", () => sockets.delete(stream));
  attachStream(bridge, stream, {
    maxBufferedBytes: settings.maxBufferedBytes,
    visitor,
    opened: () => becomesKnown(parts, connection),
    refused: (reason) => computation.log("info", "session refused", { from, reason }),
  });
}
