import type { AddressInfo } from "node:net";
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { Logger } from "pino";
import { ConnectionGate } from "../common/connection-gate.js";
import { RateLimit } from "../common/rate-limit.js";
import { VERSION } from "../common/version.js";
import {
  decodeBase64Message,
  encodeBase64Message,
  type Message,
  type MessageIn,
  TransportError,
} from "../transport-protocol/index.js";
import type { CertificateAuthority } from "./ca.js";
import { RefusalLog } from "./refusal-log.js";
import {
  type Answer,
  AttestationService,
  type ServiceOptions,
  type ServiceRule,
} from "./service.js";
import type { Store } from "./store.js";

/** How the server listens, and what it works with. */
export interface ServerOptions extends Partial<ServiceOptions> {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly logger: Logger;
  /** Largest request body, in bytes: a token and a CSR of the largest size in base64 fit. */
  readonly maxBodyBytes?: number;
  /** Connections at a time; and those of one IPv4 address or IPv6 /64 of them (default: an eighth). */
  readonly maxConnections?: number;
  readonly maxConnectionsPerAddress?: number;
  /**
   * How many `/Start` requests one address may send in a second, on average; bursts of ten times that.
   */
  readonly maxStartsPerSecond?: number;
}

/** Refusals that do not concern what the client sent, or that pass when the client asks again. */
const STATUS_OF: Partial<Record<ServiceRule | "rate", number>> = {
  "ca-expired": 503,
  rate: 429,
  "challenge-used": 409,
  "challenge-expired": 410,
  "challenge-unknown": 404,
};
/** The token or the request reads well, but is not to be trusted. */
const FORBIDDEN = 403;
const FORBIDDEN_RULES = new Set<string>([
  "signature",
  "nonce-mismatch",
  "instance-id-mismatch",
  "lifecycle-not-trusted",
  "device-unknown",
  "device-revoked",
  "implementation-mismatch",
  "lifecycle-mismatch",
  "measurement-not-allowed",
  "version-below-floor",
  "alias-signature",
  "alias-identity",
  "alias-mismatch",
  "runtime-component",
  "public-key",
  "certificate-unknown",
  "csr-signature",
  "key-bound",
  "scope-runtime",
  "scope-grade",
  "scope-device",
  "scope-version",
  "commit-signature",
]);

function statusOf(rule: string): number {
  return STATUS_OF[rule as ServiceRule] ?? (FORBIDDEN_RULES.has(rule) ? FORBIDDEN : 400);
}

function refusal(reply: FastifyReply, code: string, text: string): FastifyReply {
  // The field holds 256 bytes; details are ASCII but for what a token or CSR brought along.
  const short =
    Buffer.byteLength(text) <= 256 ? text : `${text.replace(/[^ -~]/g, "?").slice(0, 253)}...`;
  return reply
    .code(statusOf(code))
    .send(encodeBase64Message({ type: "attestationRefused", code, text: short }));
}

/** A running proxy attestation server. */
export interface RunningServer {
  readonly address: AddressInfo;
  /** Stops taking requests, answers those under way, closes the store. */
  close(): Promise<void>;
}

/**
 * Starts the proxy attestation server.
 *
 * @param store closed together with the server
 * @throws when the address cannot be listened on
 */
export async function startServer(
  store: Store,
  ca: CertificateAuthority,
  options: ServerOptions,
): Promise<RunningServer> {
  const { logger, host, port } = options;
  if (store.isUnconfirmedCopy)
    throw new Error("the database is a copy that its operator has not confirmed");
  const service = new AttestationService(store, ca, options);
  const startsPerSecond = options.maxStartsPerSecond ?? 1000;
  const limit = new RateLimit(startsPerSecond, startsPerSecond * 10);
  const refusals = new RefusalLog(logger);
  const started = Date.now();
  const app: FastifyInstance = Fastify({
    bodyLimit: options.maxBodyBytes ?? 16_384,
    connectionTimeout: 30_000,
    requestTimeout: 10_000,
    keepAliveTimeout: 30_000,
    forceCloseConnections: "idle",
    exposeHeadRoutes: false,
  });
  const total = options.maxConnections ?? 1024;
  const perAddress = options.maxConnectionsPerAddress ?? Math.ceil(total / 8);
  new ConnectionGate(app.server, { total, perAddress });
  app.server.headersTimeout = 10_000;
  // A request that is under way when the server stops is the last one on its connection.
  let stopping = false;
  app.addHook("onSend", async (_request, reply) => {
    if (stopping) reply.header("connection", "close");
  });
  app.removeAllContentTypeParsers();
  // The body is base64 text, whatever the client calls it.
  app.addContentTypeParser("*", { parseAs: "string" }, (_request, body, done) => done(null, body));

  /** One end point: decode, ask the service, log one line without any payload, answer. */
  const endPoint = <N extends MessageIn<"attestationRequest">["type"]>(
    url: string,
    type: N,
    handle: (message: Message<N>) => Promise<Answer<Message>>,
    guard?: (request: FastifyRequest) => string | undefined,
  ) => {
    app.post(url, async (request, reply) => {
      reply.type("text/plain");
      const refused = guard?.(request);
      if (refused !== undefined) return refusal(reply, "rate", refused);
      let message: MessageIn<"attestationRequest">;
      try {
        message = decodeBase64Message("attestationRequest", String(request.body ?? ""));
        if (message.type !== type)
          throw new TransportError(`expected ${type}, got ${message.type}`);
      } catch (error) {
        if (!(error instanceof TransportError)) throw error;
        refusals.tell(request.ip, { url, refused: "message", detail: error.message });
        return refusal(reply, "message", error.message);
      }
      const answer = await handle(message as Message<N>);
      if (!answer.ok) {
        const { rule, detail, facts } = answer;
        refusals.tell(request.ip, { url, refused: rule, detail, ...facts });
        return refusal(reply, answer.rule, answer.detail);
      }
      const { grade } = answer.facts;
      const remark =
        grade === "development" ? " to a DEVELOPMENT-GRADE device: no real secrets" : "";
      const level = type === "start" ? "debug" : "info";
      logger[level]({ url, ...answer.facts }, `answered${remark}`);
      return reply.send(encodeBase64Message(answer.message));
    });
  };
  endPoint(
    "/Start",
    "start",
    (message) => service.start(message),
    (request) => (limit.allows(request.ip, Date.now()) ? undefined : "too many requests"),
  );
  endPoint("/PSA/AttestationToken", "nativeAttestationToken", (message) => service.attest(message));
  endPoint("/VerifyPAT", "verifyProxyToken", (message) => service.verifyProxyToken(message));
  endPoint("/Commit", "commitComputation", (message) => service.commit(message));

  app.get("/healthz", async (_request, reply) => {
    const report = {
      version: VERSION,
      uptimeSeconds: Math.floor((Date.now() - started) / 1000),
      caNotAfter: new Date(ca.notAfter).toISOString(),
      allowDevelopment: options.allowDevelopment ?? false,
    };
    try {
      await store.ping();
      return { status: "ok", ...report };
    } catch {
      return reply.code(503).send({ status: "storage does not answer", ...report });
    }
  });

  app.setNotFoundHandler((request, reply) => {
    reply
      .type("text/plain")
      .code(404)
      .send(`no ${request.method} ${request.url.slice(0, 100)} here\n`);
  });
  app.setErrorHandler((error: Error & { statusCode?: number }, request, reply) => {
    const status = error.statusCode ?? 500;
    reply.type("text/plain");
    if (status < 500) return reply.code(status).send(`${error.message}\n`);
    logger.error({ url: request.url, err: error }, "failed");
    return reply.code(500).send("the server failed; its log says more\n");
  });

  await app.listen({ host, port });
  const sweep = setInterval(() => {
    service.purge().catch((err: unknown) => logger.error({ err }, "cannot purge challenges"));
  }, 30_000);
  sweep.unref();
  const address = app.server.address() as AddressInfo;
  logger.info(
    { host: address.address, port: address.port, allowDevelopment: options.allowDevelopment },
    "listening",
  );
  return {
    address,
    close: async () => {
      stopping = true;
      clearInterval(sweep);
      await app.close();
      await store.close();
    },
  };
}
