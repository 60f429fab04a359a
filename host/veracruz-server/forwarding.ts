import { timingSafeEqual } from "node:crypto";
import { request as ask, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { hangUp } from "../common/connection-gate.js";
import { ForwardedAnswers } from "./forwarded-stream.js";
import type { Registry, Whereabouts } from "./registry.js";

/** The header by which a server shows another one that it forwards. */
const TOKEN_HEADER = "veracruz-forwarded";
const CONNECT_TIMEOUT_MS = 5_000;
/** Headers that are this connection's own (RFC 9110 §7.6.1), or are written anew. */
const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "transfer-encoding",
  "x-forwarded-for",
  TOKEN_HEADER,
]);

/** Whether another server of the registry forwards this request: what it says of who asks is believed. */
export function isForwarded(registry: Registry | undefined, request: IncomingMessage): boolean {
  const shown = request.headers[TOKEN_HEADER];
  if (registry === undefined || typeof shown !== "string") return false;
  const [a, b] = [Buffer.from(shown), Buffer.from(registry.token)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** The header of an answer that names the session in POST requests, once its peer is a principal of the policy. */
export const SESSION_HEADER = "veracruz-session";

/** The answer of the server that has the computation. */
export interface ForwardedAnswer {
  status: number;
  type: string;
  body: string;
  /** The session that the request was for, where its peer is a principal of the policy. */
  session?: string | undefined;
  /** Why that server could not be asked, where it could not. */
  problem?: string;
}

/** The interim answer to a forwarded request that is signed by a principal (RFC 2518 §10.1). */
const PROCESSING = 102;
/** Largest answer of another server that is held at a time. */
const MAX_ANSWER = 64 * 1024 * 1024;

function headersFor(request: IncomingMessage, from: string, { token }: Whereabouts) {
  const { headers } = request;
  const kept = Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name));
  return { ...Object.fromEntries(kept), "x-forwarded-for": from, [TOKEN_HEADER]: token };
}

/**
 * Has another server answer a request.
 *
 * @param target the path as it came: signatures cover it
 * @param from the address of whoever asks
 * @param known told, perhaps long before the answer, that a principal of the policy asks
 */
export function forward(
  request: IncomingMessage,
  target: string,
  body: string | undefined,
  from: string,
  where: Whereabouts,
  known: () => void,
): Promise<ForwardedAnswer> {
  return new Promise((resolve) => {
    const failed = (error: Error) => {
      const problem = `the server ${where.server} has this computation, and cannot be reached: ${error.message}`;
      resolve({ status: 503, type: "text/plain", body: `${problem}\n`, problem });
    };
    const outgoing = ask(
      {
        ...where.address,
        method: request.method,
        path: target,
        headers: headersFor(request, from, where),
        setHost: false,
        agent: false,
      },
      (answer) => {
        const chunks: Buffer[] = [];
        let length = 0;
        answer.on("data", (chunk: Buffer) => {
          length += chunk.length;
          if (length > MAX_ANSWER) answer.destroy(new Error("its answer is too long"));
          else chunks.push(chunk);
        });
        answer.on("error", failed);
        answer.on("end", () =>
          resolve({
            status: answer.statusCode ?? 502,
            type: String(answer.headers["content-type"] ?? "text/plain"),
            body: Buffer.concat(chunks).toString("utf8"),
            session: answer.headers[SESSION_HEADER]?.toString(),
          }),
        );
      },
    );
    outgoing.on("information", ({ statusCode }) => {
      if (statusCode === PROCESSING) known();
    });
    outgoing.on("error", failed);
    outgoing.end(body);
  });
}

/**
 * Joins a stream that is asked for with the server that has the computation: the request is said again to that
 * server, and from then on bytes go both ways, its answer first (`ForwardedStream`).
 *
 * @param known told when that server has found the peer to be a principal of the policy
 * @param failed told, in words, when that server cannot be reached
 */
export function forwardStream(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  from: string,
  where: Whereabouts,
  known: () => void,
  failed: (reason: string) => void,
): void {
  // Whoever asked may have gone while the registry was asked: nobody would ever end the other stream.
  if (socket.destroyed) return;
  const peer = connect({ ...where.address, noDelay: true });
  const timer = setTimeout(() => peer.destroy(new Error("no answer")), CONNECT_TIMEOUT_MS);
  let answered = false;
  const broken = ({ message }: Error) => {
    clearTimeout(timer);
    peer.destroy();
    if (answered) socket.destroy();
    else
      failed(`the server ${where.server} has this computation, and cannot be reached: ${message}`);
  };
  peer.once("connect", () => {
    clearTimeout(timer);
    const lines = [`${request.method} ${request.url} HTTP/1.1`];
    for (let at = 0; at + 1 < request.rawHeaders.length; at += 2) {
      const name = request.rawHeaders[at] as string;
      // An upgrade is asked for by `Connection`, which is then the other server's, too.
      if (name.toLowerCase() === "connection" || !HOP_BY_HOP.has(name.toLowerCase()))
        lines.push(`${name}: ${request.rawHeaders[at + 1]}`);
    }
    lines.push(`X-Forwarded-For: ${from}`, `${TOKEN_HEADER}: ${where.token}`);
    peer.write(`${lines.join("\r\n")}\r\n\r\n`);
    if (head.length > 0) peer.write(head);
    socket.pipe(peer);
    const answers = new ForwardedAnswers(known);
    answers.once("data", () => {
      answered = true;
    });
    answers.on("error", broken);
    peer.pipe(answers).pipe(socket, { end: false });
    // Nothing reads the client's end any more: without that it would never close.
    answers.on("end", () => hangUp(socket));
  });
  peer.on("error", broken);
  socket.on("error", () => peer.destroy());
  socket.on("close", () => peer.destroy());
}
