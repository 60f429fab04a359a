import { chmodSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { dirname, resolve } from "node:path";
import Fastify, { type FastifyInstance } from "fastify";
import type { Logger } from "pino";
import { CliError } from "../common/cli.js";
import { makeFolder } from "../common/folders.js";
import { VERSION } from "../common/version.js";
import { Policy, PolicyError } from "../veracruz-utils/policy.js";
import type { Computation } from "./computation.js";
import { ComputationRefused, type Computations } from "./computations.js";

/** Largest policy that is taken; the parser has its own bound below this. */
const MAX_POLICY_BYTES = 1024 * 1024;

/** What the administrator's socket is made for. */
export interface AdminOptions {
  path: string;
  computations: Computations;
  logger: Logger;
  /** Where clients reach the server. */
  address: { host: string; port: number };
  /** The enrolment of the root of trust that all process isolates have, as JSON; undefined where there is none. */
  enrolment?: (() => string) | undefined;
}

/** How one computation is, for the administrator. */
function stateOf(computation: Computation) {
  const { hash, status, bridge, supervisor, restarts, lastFailure, isolate, memory } = computation;
  const health = supervisor?.health;
  return {
    computation: hash,
    status,
    isolate,
    memory,
    sessions: {
      open: bridge.openSessions,
      ever: bridge.openedEver.principals + bridge.openedEver.strangers,
    },
    restarts,
    reason: status === "ready" ? "" : lastFailure || bridge.unavailable,
    attestedUntil: supervisor?.attestedUntil ?? null,
    runtimeHash: health === undefined ? null : Buffer.from(health.runtimeHash).toString("hex"),
    committed: supervisor?.commit ?? null,
  };
}

/** Whether a server answers on a Unix socket. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

/**
 * The administrator's end points, HTTP over a Unix socket which only the server's own user (and root) can open:
 * computations are added, looked at, and ended while the server runs.
 */
export class AdminSocket {
  private constructor(private readonly app: FastifyInstance) {}

  /** @throws CliError when the socket cannot be made, or another server has it */
  static async open(options: AdminOptions): Promise<AdminSocket> {
    const { path } = options;
    const app: FastifyInstance = Fastify({
      bodyLimit: MAX_POLICY_BYTES,
      forceCloseConnections: true,
      exposeHeadRoutes: false,
    });
    addAdminRoutes(app, options);
    if (await answers(path))
      throw new CliError(`another server has the socket ${JSON.stringify(path)}`, 1);
    // Whoever made it was killed.
    rmSync(path, { force: true });
    makeFolder(dirname(resolve(path)), 0o700);
    const umask = process.umask(0o177);
    try {
      await app.listen({ path });
      chmodSync(path, 0o600);
    } catch (error) {
      await app.close();
      throw new CliError(
        `cannot make the socket ${JSON.stringify(path)}: ${(error as Error).message}`,
        1,
      );
    } finally {
      process.umask(umask);
    }
    return new AdminSocket(app);
  }

  async close(): Promise<void> {
    await this.app.close();
  }
}

function addAdminRoutes(app: FastifyInstance, options: AdminOptions): void {
  const { computations, logger, address, enrolment } = options;
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  const named = (params: unknown) => String((params as { hash: string }).hash);
  const unknown = (hash: string) => ({
    error: computations.whyOver(hash) ?? `no computation ${hash} here`,
  });

  app.get("/", async () => ({ version: VERSION, pid: process.pid, ...address }));

  app.get("/enrolment", async (_request, reply) => {
    if (enrolment === undefined)
      return reply.code(404).send({ error: "this server starts no process isolates" });
    return reply.type("application/json").send(enrolment());
  });

  app.get("/computations", async () => computations.all.map(stateOf));

  app.post("/computations", async (request, reply) => {
    const { start } = request.query as { start?: string };
    let policy: Policy;
    try {
      policy = new Policy(new Uint8Array((request.body as Buffer | undefined) ?? []));
    } catch (error) {
      if (!(error instanceof PolicyError)) throw error;
      return reply.code(400).send({ error: `the policy is refused: ${error.message}` });
    }
    const hash = policy.hash.toString("hex");
    try {
      const computation = computations.add(policy);
      logger.info({ computation: hash }, "policy added by the administrator");
      if (start !== undefined) void computations.wake(computation, true);
      return reply.code(201).send(stateOf(computation));
    } catch (error) {
      if (!(error instanceof ComputationRefused)) throw error;
      return reply.code(409).send({ error: error.message });
    }
  });

  app.get("/computations/:hash", async (request, reply) => {
    const hash = named(request.params);
    const computation = computations.find(hash);
    if (computation === undefined) return reply.code(404).send(unknown(hash));
    return stateOf(computation);
  });

  app.delete("/computations/:hash", async (request, reply) => {
    const hash = named(request.params);
    if (!(await computations.remove(hash, "the server's operator has ended it")))
      return reply.code(404).send(unknown(hash));
    logger.info({ computation: hash }, "computation ended by the administrator");
    return { computation: hash, status: "stopped" };
  });

  app.setErrorHandler((error: Error & { statusCode?: number }, request, reply) => {
    const status = error.statusCode ?? 500;
    if (status >= 500) logger.error({ url: request.url, err: error }, "failed");
    return reply.code(status).send({ error: error.message });
  });
}
