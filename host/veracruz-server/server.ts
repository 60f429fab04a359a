import type { Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import Fastify, { type FastifyInstance } from "fastify";
import { ConnectionGate, LINGER_MS } from "../common/connection-gate.js";
import { RateLimit } from "../common/rate-limit.js";
import type { Policy } from "../veracruz-utils/policy.js";
import { type AddOptions, Computations } from "./computations.js";
import { onlyIsolate } from "./isolate-source.js";
import type { SupervisorEnd } from "./isolate-supervisor.js";
import { isTrusted, type ServerParts } from "./parts.js";
import { addRoutes, rewriteUrl } from "./routes.js";
import { type ServerOptions, type ServerSettings, withDefaults } from "./settings.js";
import { addStreams } from "./streams.js";
import { WhereaboutsCache } from "./whereabouts-cache.js";

function createApp(settings: ServerSettings): FastifyInstance {
  const { headersMs } = settings;
  const app: FastifyInstance = Fastify({
    // Node.js looks for those that are late every 30 seconds unless told otherwise.
    http: { connectionsCheckingInterval: Math.min(2_000, headersMs), headersTimeout: headersMs },
    bodyLimit: settings.maxBodyBytes,
    // A result may take its time: only the time until the request is complete is bounded.
    connectionTimeout: 0,
    requestTimeout: settings.requestMs,
    keepAliveTimeout: 65_000,
    forceCloseConnections: true,
    exposeHeadRoutes: false,
    rewriteUrl,
  });
  return app;
}

function createParts(settings: ServerSettings, http: Server): ServerParts {
  const { sessionsPerMinute, trustedProxies } = settings;
  const strangers = {
    total: settings.maxConnections,
    perAddress: settings.maxConnectionsPerAddress,
  };
  return {
    settings,
    computations: new Computations(settings),
    whereabouts: new WhereaboutsCache(settings.registry),
    sessionRate: new RateLimit(sessionsPerMinute / 60, Math.max(1, sessionsPerMinute / 4)),
    gate: new ConnectionGate(http, strangers, (address) => isTrusted(trustedProxies, address)),
  };
}

/** A running Veracruz server. */
export class VeracruzServer {
  readonly address: AddressInfo;
  /**
   * Settles when there will be no isolate any more, and says how that came: when its default computation is over,
   * where it has no isolates for others; else when it is closed.
   */
  readonly finished: Promise<SupervisorEnd>;
  private finish: (end: SupervisorEnd) => void = () => undefined;

  private constructor(
    private readonly app: FastifyInstance,
    private readonly parts: ServerParts,
    private readonly connections: ReadonlySet<Socket>,
  ) {
    this.address = app.server.address() as AddressInfo;
    this.finished = new Promise((resolve) => {
      this.finish = resolve;
    });
  }

  /**
   * Listens, and starts the isolate of its default computation, if it has one; that takes longer, see `ready`.
   *
   * @throws when the address cannot be listened on, ComputationRefused
   */
  static async start(options: ServerOptions): Promise<VeracruzServer> {
    const settings = withDefaults(options);
    const app = createApp(settings);
    const parts = createParts(settings, app.server);
    addRoutes(app, parts);
    addStreams(app.server, parts);
    const connections = new Set<Socket>();
    app.server.on("connection", (socket) => {
      connections.add(socket);
      socket.once("close", () => connections.delete(socket));
    });
    await app.listen({ host: settings.host, port: settings.port });
    const server = new VeracruzServer(app, parts, connections);
    const { address, port } = server.address;
    const { policy, isolate, logger } = settings;
    const policyHash = policy?.hash.toString("hex");
    parts.computations.onOver = (computation, end) => {
      if (settings.only) server.finish(end);
      else logger.info({ computation: computation.hash, ...end }, "computation over");
    };
    try {
      if (policy !== undefined) {
        server.add(policy, {
          start: true,
          isDefault: true,
          ...(isolate !== undefined && { isolates: onlyIsolate(isolate, settings.reset) }),
        });
      }
    } catch (error) {
      await server.close();
      throw error;
    }
    logger.info({ host: address, port, policyHash }, "listening");
    return server;
  }

  /** The computations that it holds, with their states. */
  get computations(): Computations {
    return this.parts.computations;
  }

  /**
   * Takes another computation.
   *
   * @throws ComputationRefused
   */
  add(policy: Policy, options: AddOptions = {}): void {
    this.parts.computations.add(policy, options);
  }

  /** Settles when clients can open sessions with the default computation; rejects when that will not come, with the reason. */
  async ready(): Promise<void> {
    const { unnamed } = this.computations;
    if (unnamed === undefined) return;
    if (unnamed.supervisor === undefined && unnamed.end !== undefined)
      throw new Error(unnamed.end.reason);
    await unnamed.supervisor?.ready();
  }

  /** Ends all sessions, the isolates and the port; whoever still holds a connection then has a moment to read the rest. */
  async close(): Promise<void> {
    await this.computations.close();
    this.finish({ status: "stopped", reason: "the server stops" });
    // Fastify ends the connections that speak HTTP, and waits for streams: a silent peer would hold it for ever.
    const linger = setTimeout(() => {
      for (const socket of this.connections) socket.destroy();
    }, LINGER_MS);
    await this.app.close();
    clearTimeout(linger);
  }
}
