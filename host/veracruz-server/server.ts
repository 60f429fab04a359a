import type { IncomingMessage } from "node:http";
import { type AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import Fastify, { type FastifyInstance } from "fastify";
import type { Logger } from "pino";
import { createWebSocketStream, WebSocketServer } from "ws";
import { parseAddress } from "../common/addresses.js";
import { RateLimit } from "../common/rate-limit.js";
import { AttestationClient } from "../proxy-attestation-server/client.js";
import {
  decodeBase64Message,
  encodeBase64Message,
  type Message,
  Status,
  TransportError,
} from "../transport-protocol/index.js";
import type { Policy } from "../veracruz-utils/policy.js";
import { Bridge } from "./bridge.js";
import { IsolateRefused } from "./isolate-connection.js";
import type { IsolateKind } from "./isolate-kinds.js";
import {
  IsolateSupervisor,
  type SupervisorEnd,
  type SupervisorOptions,
} from "./isolate-supervisor.js";
import { PostSessions } from "./post-sessions.js";
import { attachStream } from "./stream-sessions.js";

/** The version of this server, for `/healthz` and `--version`. */
export const SERVER_VERSION = "0.1.0";
/** The only authority that CONNECT takes. */
export const ISOLATE_AUTHORITY = "isolate:443";

export interface ServerOptions {
  policy: Policy;
  isolate: IsolateKind;
  host: string;
  /** 0 takes a free one. */
  port: number;
  logger: Logger;
  /** `host:port`; the policy's where not given. */
  proxyAttestationServer?: { host: string; port: number };
  /** Web origins that may open a WebSocket; programs without an origin always may. */
  allowedOrigins?: readonly string[];
  maxSessions?: number;
  maxConnections?: number;
  /** Largest body of a POST request in bytes. */
  maxBodyBytes?: number;
  /** Sessions that one address may open in a minute, on average; a quarter of that at once. */
  sessionsPerMinute?: number;
  /** Milliseconds that the head of a request may take to come, from the opening of its connection. */
  headersMs?: number;
  /** The same for the whole of a request. */
  requestMs?: number;
  /** Milliseconds within which a connection must send its first byte. */
  firstByteMs?: number;
  /** Milliseconds without a request after which a session of POST requests is closed. */
  postIdleMs?: number;
  /** Bytes for one client that it does not read, beyond which its session ends. */
  maxBufferedBytes?: number;
  /** See `SupervisorOptions`. */
  reset?: boolean;
  maxRestarts?: number;
  attestationTimeoutMs?: number;
  healthMs?: number;
  healthTimeoutMs?: number;
}

/** Attestation tokens that one address may ask for outside of a session: each costs the isolate work. */
const TOKENS_PER_SECOND = 0.5;
const TOKEN_BURST = 5;
/** For how long after it refused a session the isolate counts as full, in milliseconds. */
const FULL_MS = 1_000;
/** For how long the reason of a refusal is told in `/healthz`, in milliseconds. */
const REFUSAL_SHOWN_MS = 10_000;
const TOO_MANY_SESSIONS = "too many sessions from this address";

/** A running Veracruz server. */
export class VeracruzServer {
  readonly address: AddressInfo;

  private constructor(
    private readonly app: FastifyInstance,
    private readonly supervisor: IsolateSupervisor,
    private readonly posts: PostSessions,
    private readonly sockets: ReadonlySet<Duplex>,
  ) {
    this.address = app.server.address() as AddressInfo;
  }

  /**
   * Listens, and starts the isolate; that takes longer, see `ready`.
   *
   * @throws when the address cannot be listened on
   */
  static async start(options: ServerOptions): Promise<VeracruzServer> {
    const { logger, policy } = options;
    const maxSessions = options.maxSessions ?? 1024;
    const bridge = new Bridge({
      maxSessions,
      log: (event, details) => logger.info(details, event),
    });
    const posts = new PostSessions(bridge, {
      idleMs: options.postIdleMs ?? 3_600_000,
      maxWaiting: 8,
      maxBufferedBytes: options.maxBufferedBytes ?? 32 * 1024 * 1024,
    });
    const perMinute = options.sessionsPerMinute ?? 600;
    const sessionRate = new RateLimit(perMinute / 60, Math.max(1, perMinute / 4));
    const tokenRate = new RateLimit(TOKENS_PER_SECOND, TOKEN_BURST);
    const sockets = new Set<Duplex>();

    const { headersMs = 10_000, requestMs = 30_000 } = options;
    const app: FastifyInstance = Fastify({
      // Node.js looks for those that are late every 30 seconds unless told otherwise.
      http: { connectionsCheckingInterval: Math.min(2_000, headersMs), headersTimeout: headersMs },
      bodyLimit: options.maxBodyBytes ?? 131_072,
      // A result may take its time: what bounds a connection is how long its request may take to come.
      connectionTimeout: 0,
      requestTimeout: requestMs,
      keepAliveTimeout: 65_000,
      forceCloseConnections: true,
      exposeHeadRoutes: false,
    });
    app.server.maxConnections = options.maxConnections ?? 4096;
    app.removeAllContentTypeParsers();
    app.addContentTypeParser("*", { parseAs: "string" }, (_request, body, done) =>
      done(null, body),
    );

    const attestation = new AttestationClient(
      options.proxyAttestationServer ?? parseAddress(policy.document.proxy_attestation_server_url),
    );
    const supervisorOptions: SupervisorOptions = {
      policy,
      isolate: options.isolate,
      attestation,
      log: (level, event, details) => logger[level](details ?? {}, event),
      reset: options.reset ?? false,
      maxRestarts: options.maxRestarts ?? 5,
      attestationTimeoutMs: options.attestationTimeoutMs ?? 60_000,
      healthMs: options.healthMs ?? 2_000,
      healthTimeoutMs: options.healthTimeoutMs ?? 10_000,
    };

    const stream = (duplex: Duplex, from: string) => {
      // Whatever HTTP had to say about time is over: a session may be silent for long.
      if (duplex instanceof Socket) duplex.setTimeout(0);
      sockets.add(duplex);
      duplex.once("close", () => sockets.delete(duplex));
      attachStream(bridge, duplex, {
        firstByteMs: options.firstByteMs ?? 60_000,
        maxBufferedBytes: options.maxBufferedBytes ?? 32 * 1024 * 1024,
        from,
        refused: (reason) => logger.info({ from, reason }, "session refused"),
      });
    };

    let supervisor: IsolateSupervisor | undefined;

    app.post("/runtime_manager", async (request, reply) => {
      reply.type("text/plain");
      const answer = await posts.handle(String(request.body ?? ""), request.ip, () =>
        sessionRate.allows(request.ip) ? undefined : TOO_MANY_SESSIONS,
      );
      if (answer.status >= 500) reply.header("retry-after", "1");
      return reply.code(answer.status).send(answer.body);
    });

    app.post("/veracruz_server", async (request, reply) => {
      reply.type("text/plain");
      const answer = await inform(String(request.body ?? ""), request.ip);
      return reply.send(encodeBase64Message(answer));
    });

    /** Answers what may be asked in the clear. Nothing that a client decides on comes from here. */
    const inform = async (body: string, from: string): Promise<Message> => {
      const no = (status: Status, text: string): Message => ({
        type: "outcome",
        status,
        returnCode: 0,
        text: text.slice(0, 200),
      });
      let message: Message;
      try {
        message = decodeBase64Message("principalRequest", body);
      } catch (error) {
        if (!(error instanceof TransportError)) throw error;
        return no(Status.FAILED_INVALID_REQUEST, error.message);
      }
      if (message.type === "requestPolicyHash") {
        return { type: "hash", status: Status.SUCCESS, hash: policy.hash };
      }
      if (message.type !== "requestProxyAttestationToken") {
        return no(Status.FAILED_INVALID_ROLE, "this is to be asked in a session");
      }
      if (!tokenRate.allows(from)) {
        return no(Status.FAILED_NOT_READY, "too many tokens asked for from this address");
      }
      const { connection } = bridge;
      if (connection === undefined) return no(Status.FAILED_NOT_READY, bridge.unavailable);
      try {
        const { token, deviceId } = await connection.request("reattest", { nonce: message.nonce });
        return { type: "proxyAttestationToken", status: Status.SUCCESS, token, deviceId };
      } catch (error) {
        const status = error instanceof IsolateRefused ? error.status : Status.FAILED_NOT_READY;
        return no(status, (error as Error).message);
      }
    };

    app.get("/healthz", async (_request, reply) => {
      const health = supervisor?.health;
      const status = supervisor?.status ?? "starting";
      if (status !== "ready") reply.code(503);
      return {
        status,
        version: SERVER_VERSION,
        policyHash: policy.hash.toString("hex"),
        sessions: {
          open: bridge.openSessions,
          max: maxSessions,
          lastRefusal: bridge.fullSince(REFUSAL_SHOWN_MS) ? bridge.lastRefusal : "",
        },
        isolate: {
          connection: options.isolate.description,
          ...(health && {
            kind: health.kind,
            lifecycle: health.lifecycle,
            boot: Buffer.from(health.boot).toString("hex"),
            runtimeHash: Buffer.from(health.runtimeHash).toString("hex"),
            running: health.running === 1,
          }),
          certificateUntil: supervisor?.certificate?.validTo ?? null,
          restarts: supervisor?.restarts ?? 0,
          lastFailure: supervisor?.lastFailure ?? "",
        },
      };
    });

    app.setNotFoundHandler((request, reply) => {
      reply.type("text/plain").code(404);
      return reply.send(`no ${request.method} ${request.url.slice(0, 100)} here\n`);
    });
    app.setErrorHandler((error: Error & { statusCode?: number }, request, reply) => {
      const status = error.statusCode ?? 500;
      reply.type("text/plain");
      if (status < 500) return reply.code(status).send(`${error.message}\n`);
      logger.error({ url: request.url, err: error }, "failed");
      return reply.code(500).send("the server failed; its log says more\n");
    });

    // Raw byte streams. Neither opens a socket to anywhere: both end in the isolate.
    const turnAway = (socket: Duplex, status: string, text: string) => {
      const body = `${text}\n`;
      const head = `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-type: text/plain\r\n`;
      socket.on("error", () => undefined);
      socket.end(`${head}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
    };
    /** Answers a request for a stream that cannot be had; true when there is nothing against it. */
    const mayStream = (request: IncomingMessage, socket: Duplex): boolean => {
      if (supervisor?.status !== "ready") {
        turnAway(socket, "503 Service Unavailable", bridge.unavailable);
      } else if (bridge.fullSince(FULL_MS)) {
        // Told here, where there are words for it: later there is only TLS.
        turnAway(socket, "503 Service Unavailable", bridge.lastRefusal);
      } else if (!sessionRate.allows(request.socket.remoteAddress ?? "")) {
        turnAway(socket, "429 Too Many Requests", TOO_MANY_SESSIONS);
      } else {
        return true;
      }
      return false;
    };
    app.server.on("connect", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      if (request.url !== ISOLATE_AUTHORITY) {
        turnAway(socket, "403 Forbidden", `only ${ISOLATE_AUTHORITY} can be reached here`);
      } else if (mayStream(request, socket)) {
        socket.write("HTTP/1.1 200 Connection Established\r\n\r\n");
        if (head.length > 0) socket.unshift(head);
        stream(socket, request.socket.remoteAddress ?? "");
      }
    });
    const webSockets = new WebSocketServer({
      noServer: true,
      perMessageDeflate: false,
      maxPayload: 1024 * 1024,
    });
    const origins = new Set(options.allowedOrigins ?? []);
    app.server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      const { origin } = request.headers;
      if (request.url !== "/runtime_manager") {
        turnAway(socket, "404 Not Found", "WebSockets are at /runtime_manager");
      } else if (origin !== undefined && !origins.has(origin)) {
        turnAway(socket, "403 Forbidden", "this origin is not allowed");
      } else if (mayStream(request, socket)) {
        webSockets.handleUpgrade(request, socket, head, (webSocket) => {
          stream(createWebSocketStream(webSocket), request.socket.remoteAddress ?? "");
        });
      }
    });

    await app.listen({ host: options.host, port: options.port });
    supervisor = new IsolateSupervisor(bridge, supervisorOptions);
    void supervisor.finished.then(() => attestation.close());
    const server = new VeracruzServer(app, supervisor, posts, sockets);
    const { address, port } = server.address;
    logger.info({ host: address, port, policyHash: policy.hash.toString("hex") }, "listening");
    return server;
  }

  /** Settles when clients can open sessions; rejects when that will not come, with the reason. */
  ready(): Promise<void> {
    return this.supervisor.ready();
  }

  /** Settles when there will be no isolate any more, and says how that came. */
  get finished(): Promise<SupervisorEnd> {
    return this.supervisor.finished;
  }

  /** Ends all sessions, the isolate and the port. */
  async close(): Promise<void> {
    this.supervisor.stop();
    await this.supervisor.finished;
    this.posts.close();
    for (const socket of this.sockets) socket.destroy();
    await this.app.close();
  }
}
