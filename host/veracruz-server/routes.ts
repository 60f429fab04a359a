import type { IncomingMessage } from "node:http";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { VERSION } from "../common/version.js";
import {
  decodeBase64Message,
  encodeBase64Message,
  type Message,
  Status,
  TransportError,
} from "../transport-protocol/index.js";
import { NONCE_PATH } from "../veracruz-utils/admission.js";
import { AdmissionRefused } from "./admission.js";
import type { Visitor } from "./bridge.js";
import type { Computation } from "./computation.js";
import { forward, isForwarded, SESSION_HEADER } from "./forwarding.js";
import { type Found, findComputation, wake } from "./lookup.js";
import type { ServerMetrics } from "./metrics.js";
import { namedBy, splitTarget } from "./named-computation.js";
import {
  addressOf,
  becomesKnown,
  FOREIGN_ORIGIN,
  isForeign,
  isOperator,
  type ServerParts,
  TOO_MANY_SESSIONS,
  visitorOf,
} from "./parts.js";
import { PostCarriers } from "./post-carriers.js";
import type { Whereabouts } from "./registry.js";
import { PAGE_HEADERS, statusPage } from "./status-page.js";

/** For how long the reason of a refusal is told in `/healthz`, in milliseconds. */
const REFUSAL_SHOWN_MS = 10_000;

/** Of requests under `/computations/HASH/…`: the hash. */
const namedInPath = new WeakMap<object, string>();

/** Takes the computation's name out of a request's path, for the router: the routes are the same for each. */
export function rewriteUrl(request: IncomingMessage): string {
  const { hash, path } = splitTarget(request.url ?? "/");
  if (hash !== undefined) namedInPath.set(request, hash);
  return path;
}

/** What a request is for. */
function wanted(parts: ServerParts, request: IncomingMessage): Promise<Found> {
  // Another server's connections are not a stranger's: it has bounded its own.
  if (isForwarded(parts.settings.registry, request)) parts.gate.release(request.socket);
  return findComputation(parts, namedBy(namedInPath.get(request), request.headers), request);
}

/** Has the server answer that has the computation, which says as well whether a principal asks. */
async function passOn(
  { parts, carriers }: { parts: ServerParts; carriers: PostCarriers },
  request: FastifyRequest,
  reply: FastifyReply,
  where: Whereabouts,
): Promise<FastifyReply> {
  const { raw, originalUrl, body } = request;
  const from = addressOf(parts.settings, raw);
  const sent = typeof body === "string" ? body : undefined;
  const known = () => becomesKnown(parts, raw.socket);
  const answer = await forward(raw, originalUrl, sent, from, where, known);
  if (answer.session !== undefined) carriers.carry(`${where.server} ${answer.session}`, raw.socket);
  // Who asks for health reads JSON.
  if (answer.problem !== undefined && raw.method === "GET")
    return reply.code(503).send({ status: "lost", isolate: { lastFailure: answer.problem } });
  return reply.type(answer.type).code(answer.status).send(answer.body);
}

/**
 * Adds the routes of HTTP: `POST /runtime_manager` for sessions in requests, `POST /veracruz_server` for
 * what may be asked in the clear, `GET /healthz`; and the answers to everything else.
 */
export function addRoutes(app: FastifyInstance, parts: ServerParts): void {
  const { computations, sessionRate, settings } = parts;
  const { logger } = settings;
  /** Lets pages read an answer: those of allowed origins, and all others what is there for who knows a computation. */
  const allowReading = (request: FastifyRequest, reply: FastifyReply) => {
    const { origin } = request.headers;
    if (origin === undefined) return;
    if (isForeign(parts, origin) && !namedInPath.has(request.raw)) return;
    reply.header("access-control-allow-origin", origin).header("vary", "origin");
  };

  const carriers = new PostCarriers(parts.gate);
  const answering = { parts, carriers };

  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "string" }, (_request, body, done) => done(null, body));

  app.post("/runtime_manager", async (request, reply) => {
    reply.type("text/plain");
    const { headers, raw } = request;
    if (isForeign(parts, headers.origin)) return reply.code(403).send(`${FOREIGN_ORIGIN}\n`);
    const { computation, notHere, elsewhere } = await wanted(parts, raw);
    if (elsewhere !== undefined) return passOn(answering, request, reply, elsewhere);
    if (notHere !== undefined) return reply.code(notHere.status).send(`${notHere.reason}\n`);
    const address = addressOf(settings, raw);
    const body = String(request.body ?? "");
    const signed = { headers, method: "POST", target: request.originalUrl, body, address };
    let visitor: Visitor;
    try {
      visitor = visitorOf(parts, computation, signed, raw.socket);
    } catch (error) {
      if (!(error instanceof AdmissionRefused)) throw error;
      return reply.code(401).send(`the signature is refused: ${error.message}\n`);
    }
    // The isolate may take its time: the server that forwards this learns at once whose it is.
    const byServer = isForwarded(settings.registry, raw);
    if (byServer && visitor.principal !== undefined) reply.raw.writeProcessing();
    const gone = new AbortController();
    reply.raw.once("close", () => gone.abort());
    const answer = await computation.posts.handle({
      body,
      visitor,
      gone: gone.signal,
      wake: () => wake(parts, computation, visitor.principal !== undefined),
      mayOpen: () =>
        visitor.principal !== undefined || sessionRate.allows(address)
          ? undefined
          : TOO_MANY_SESSIONS,
    });
    if (answer.openSession !== undefined) {
      const session = `${computation.hash} ${answer.openSession}`;
      carriers.carry(session, raw.socket);
      if (byServer) reply.header(SESSION_HEADER, session);
    }
    if (answer.status >= 500) reply.header("retry-after", "1");
    return reply.code(answer.status).send(answer.body);
  });

  app.post("/veracruz_server", async (request, reply) => {
    reply.type("text/plain");
    const { origin } = request.headers;
    if (isForeign(parts, origin)) return reply.code(403).send(`${FOREIGN_ORIGIN}\n`);
    const body = String(request.body ?? "");
    const { computation, notHere, elsewhere } = await wanted(parts, request.raw);
    if (elsewhere !== undefined) return passOn(answering, request, reply, elsewhere);
    if (notHere !== undefined) return reply.code(notHere.status).send(`${notHere.reason}\n`);
    return reply.send(encodeBase64Message(inform(computation, body)));
  });

  app.get(NONCE_PATH, async (request, reply) => {
    allowReading(request, reply);
    // The nonce of the server that will check the signature.
    const { elsewhere } = await wanted(parts, request.raw);
    if (elsewhere !== undefined) return passOn(answering, request, reply, elsewhere);
    return reply.type("text/plain").send(computations.nonce);
  });

  app.get("/healthz", async (request, reply) => {
    allowReading(request, reply);
    const { computation, notHere, elsewhere } = await wanted(parts, request.raw);
    if (elsewhere !== undefined) return passOn(answering, request, reply, elsewhere);
    // A server that has no computation to name is ready for those that are added.
    if (notHere !== undefined && namedBy(namedInPath.get(request.raw), request.headers)) {
      const { status, reason } = notHere;
      return reply.code(status).send({
        status: status === 410 ? "over" : "unknown",
        version: VERSION,
        isolate: { lastFailure: reason },
      });
    }
    const answer = healthOf(parts, computation);
    if (answer.status !== "ready" && answer.status !== "waiting") reply.code(503);
    return answer;
  });

  app.get("/", async (request, reply) => {
    if (!settings.statusPage && !isOperator(settings, request.raw))
      return reply
        .type("text/plain")
        .code(403)
        .send("the status page is for this computer only (--status-page shows it to all)\n");
    const { computation } = await wanted(parts, request.raw);
    return reply
      .headers(PAGE_HEADERS)
      .type("text/html; charset=utf-8")
      .send(statusPage(healthOf(parts, computation), computations.all.map(summaryOf)));
  });

  // It lives as long as it answers; whether it can be used is another question (`/healthz`).
  app.get("/livez", async (_request, reply) => reply.type("text/plain").send("alive\n"));

  // Loaded when somebody asks: a server that nobody watches pays nothing for it.
  let metrics: Promise<ServerMetrics> | undefined;
  app.get("/metrics", async (request, reply) => {
    if (!isOperator(settings, request.raw))
      return reply.type("text/plain").code(403).send("metrics are for this computer only\n");
    metrics ??= import("./metrics.js").then((module) => new module.ServerMetrics(parts));
    const { type, body } = await (await metrics).text();
    return reply.type(type).send(body);
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
}

/** Answers what may be asked in the clear. Nothing that a client decides on comes from here. */
function inform({ policy }: Computation, body: string): Message {
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
  return no(Status.FAILED_INVALID_ROLE, "ask for this inside a session");
}

/** What the status page shows of each computation. */
function summaryOf({ hash, status, bridge, restarts, supervisor }: Computation) {
  const until = supervisor?.attestedUntil ?? null;
  return { hash, status, sessions: bridge.openSessions, restarts, until };
}

/** What `/healthz` says, as JSON: of the server, and of one computation, where one is named or is the only one. */
function healthOf({ settings, computations }: ServerParts, computation: Computation | undefined) {
  const running = computations.all.filter(({ supervisor }) => supervisor !== undefined).length;
  const server = {
    version: VERSION,
    nonce: computations.nonce,
    computations: {
      held: computations.all.length,
      running,
      max: settings.maxComputations,
      maxRunning: settings.maxIsolates,
    },
  };
  if (computation === undefined) return { status: "ready", ...server };
  const { supervisor, bridge } = computation;
  const health = supervisor?.health;
  return {
    status: computation.status,
    ...server,
    policyHash: computation.hash,
    sessions: {
      open: bridge.openSessions,
      max: settings.maxSessions,
      lastRefusal: bridge.fullSince(REFUSAL_SHOWN_MS) ? bridge.lastRefusal : "",
    },
    isolate: {
      connection: computation.isolate,
      ...(health && {
        kind: health.kind,
        lifecycle: health.lifecycle,
        boot: Buffer.from(health.boot).toString("hex"),
        runtimeHash: Buffer.from(health.runtimeHash).toString("hex"),
        running: health.running === 1,
      }),
      certificateUntil: supervisor?.attestedUntil ?? null,
      restarts: computation.restarts,
      lastFailure: computation.lastFailure,
    },
  };
}
