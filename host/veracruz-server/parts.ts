import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import type { Duplex } from "node:stream";
import type { ConnectionGate } from "../common/connection-gate.js";
import type { RateLimit } from "../common/rate-limit.js";
import type { SignedRequest } from "./admission.js";
import type { Visitor } from "./bridge.js";
import type { Computation } from "./computation.js";
import type { Computations } from "./computations.js";
import { ForwardedStream } from "./forwarded-stream.js";
import { isForwarded } from "./forwarding.js";
import type { ServerSettings } from "./settings.js";
import type { WhereaboutsCache } from "./whereabouts-cache.js";

/** The parts of a running server that its routes and streams use. */
export interface ServerParts {
  readonly settings: ServerSettings;
  readonly computations: Computations;
  /** What the registry of several servers says of computations. */
  readonly whereabouts: WhereaboutsCache;
  /** Sessions that one address may open, over whichever way. */
  readonly sessionRate: RateLimit;
  /** Holds the connections whose peers are not known. */
  readonly gate: ConnectionGate;
}

/** The refusal of a client that opens sessions too fast. */
export const TOO_MANY_SESSIONS = "too many sessions from this address";
/** What a web page is told that has no business here. */
export const FOREIGN_ORIGIN = "this origin is not allowed";

/** Whether a request is that of a web page which was not allowed; programs name no origin. */
export function isForeign({ settings }: ServerParts, origin: string | undefined): boolean {
  return origin !== undefined && !settings.allowedOrigins.includes(origin);
}

/** A connection is that of a principal of the policy, and takes no stranger's place any more. */
export function becomesKnown({ gate }: ServerParts, connection: Duplex): void {
  if (connection instanceof ForwardedStream) connection.known();
  else gate.release(connection);
}

/**
 * Who asks for a session: a principal, when the request is signed, whose connection is then no stranger's.
 *
 * @throws AdmissionRefused
 */
export function visitorOf(
  parts: ServerParts,
  { admission }: Computation,
  request: SignedRequest,
  connection: Duplex,
): Visitor {
  const principal = admission.check(request);
  if (principal !== undefined) becomesKnown(parts, connection);
  return { address: request.address, principal, since: performance.now() };
}

/** Headers by which proxies say for whom they ask. */
const FORWARDING_HEADERS = ["x-forwarded-for", "forwarded", "x-real-ip", "via"];

/** Who asks: behind a proxy, or another server, that is trusted, the address that it names; else the connection's own. */
export function addressOf(settings: ServerSettings, request: IncomingMessage): string {
  const { headers, socket } = request;
  const own = socket.remoteAddress ?? "";
  if (!isTrusted(settings.trustedProxies, own) && !isForwarded(settings.registry, request))
    return own;
  // The last one is what the proxy itself has seen: what stands before it anybody may have written.
  const named = String(headers["x-forwarded-for"] ?? "")
    .split(",")
    .at(-1)
    ?.trim();
  return named !== undefined && isIP(named) !== 0 ? named : own;
}

/** Whether an address is that of a reverse proxy which is believed. */
export function isTrusted(trustedProxies: readonly string[], address: string): boolean {
  return trustedProxies.includes(address.replace(/^::ffff:(?=\d+\.)/, ""));
}

/** Whether whoever asks is on this computer itself, and no proxy asks for somebody else: metrics are for its operator. */
export function isOperator(settings: ServerSettings, request: IncomingMessage): boolean {
  const own = request.socket.remoteAddress ?? "";
  const forwarded = FORWARDING_HEADERS.some((name) => request.headers[name] !== undefined);
  if (forwarded && !isTrusted(settings.trustedProxies, own)) return false;
  return isLoopback(addressOf(settings, request));
}

/** Whether an address is this computer's own. */
export function isLoopback(address: string): boolean {
  return /^(::ffff:)?127\./.test(address) || address === "::1";
}
