import { totalmem } from "node:os";
import type { Logger } from "pino";
import type { IsolateLauncher } from "../common/isolate-launcher.js";
import type { Policy } from "../veracruz-utils/policy.js";
import type { IsolateSource } from "./isolate-source.js";
import type { Registry } from "./registry.js";

/** The settings of a server. `withDefaults` fills in what is left out. */
export interface ServerOptions {
  /** The computation that requests are for which name none: its isolate is started at once. */
  policy?: Policy;
  /** The isolate for `policy`; without it that is one of `isolates`, too. */
  isolate?: IsolateLauncher | undefined;
  /** Where isolates come from, also those of computations that are added while the server runs. */
  isolates?: IsolateSource;
  /** Whether `policy` is the only computation, so that the server's work is over with it; default: without `isolates`. */
  only?: boolean;
  /** What it shares with other servers, so that a party may come to any of them. */
  registry?: Registry;
  /** Computations that the server may hold, isolates that it may run, and bytes that all of these may take. */
  maxComputations?: number;
  maxIsolates?: number;
  maxIsolateMemory?: number;
  host: string;
  /** 0 takes a free one. */
  port: number;
  logger: Logger;
  /**
   * Addresses of reverse proxies: what they say of who asks (`X-Forwarded-For`) is believed, and their connections are
   * not counted.
   */
  trustedProxies?: readonly string[];
  /** `host:port`; each policy's where not given. */
  proxyAttestationServer?: { host: string; port: number };
  /** Show the status page to all, and not only to this computer's own addresses. */
  statusPage?: boolean;
  /** Web origins that may open a WebSocket; programs without an origin always may. */
  allowedOrigins?: readonly string[];
  maxSessions?: number;
  /** Connections at a time whose peers are not known to be principals, and those of one address. */
  maxConnections?: number;
  maxConnectionsPerAddress?: number;
  /** Largest body of a POST request in bytes. */
  maxBodyBytes?: number;
  /** Sessions that one address may open in a minute, on average; a quarter of that at once. */
  sessionsPerMinute?: number;
  /** Milliseconds that the head of a request may take to come, from the opening of its connection. */
  headersMs?: number;
  /** The same for the whole of a request. */
  requestMs?: number;
  /**
   * Milliseconds for a whole handshake, from the first byte of a stream or the request for a session; by
   * default 15 s, and 60 s where the isolate is a microcontroller.
   */
  handshakeMs?: number | undefined;
  /** Milliseconds without a request after which a session of POST requests is closed. */
  postIdleMs?: number;
  /** Bytes for one client that it does not read, beyond which its session ends. */
  maxBufferedBytes?: number;
  /** See `SupervisorOptions`. */
  reset?: boolean;
  isolateRestarts?: number;
  attestationTimeoutMs?: number;
  healthMs?: number;
  healthTimeoutMs?: number;
}

/** What has no default: it is there, or not. */
type WithoutDefault = "policy" | "isolate" | "isolates" | "registry" | "proxyAttestationServer";

/** The same with nothing left out that has a default. */
export type ServerSettings = Readonly<
  Required<Omit<ServerOptions, WithoutDefault>> & Pick<ServerOptions, WithoutDefault>
>;

/** The options, with defaults for those that are not given. */
export function withDefaults(options: ServerOptions): ServerSettings {
  return {
    only: options.isolates === undefined,
    maxComputations: 1024,
    maxIsolates: 128,
    maxIsolateMemory: totalmem(),
    trustedProxies: [],
    statusPage: false,
    allowedOrigins: [],
    maxSessions: 1024,
    maxConnections: 1024,
    maxConnectionsPerAddress: Math.ceil((options.maxConnections ?? 1024) / 8),
    maxBodyBytes: 131_072,
    sessionsPerMinute: 600,
    headersMs: 10_000,
    requestMs: 30_000,
    handshakeMs: undefined,
    postIdleMs: 120_000,
    maxBufferedBytes: 32 * 1024 * 1024,
    reset: false,
    isolateRestarts: 5,
    attestationTimeoutMs: 60_000,
    healthMs: 2_000,
    healthTimeoutMs: 10_000,
    ...options,
  };
}
