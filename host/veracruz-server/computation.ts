import type { Duplex } from "node:stream";
import { parseAddress } from "../common/addresses.js";
import { AttestationClient } from "../proxy-attestation-server/client.js";
import type { Policy } from "../veracruz-utils/policy.js";
import { Admission } from "./admission.js";
import { Bridge } from "./bridge.js";
import type { IsolateLease } from "./isolate-source.js";
import {
  IsolateSupervisor,
  type SupervisorEnd,
  type SupervisorStatus,
} from "./isolate-supervisor.js";
import { PostSessions } from "./post-sessions.js";
import type { ServerSettings } from "./settings.js";

/** The requests of one session in POST requests that may wait, at most. */
const MAX_WAITING_POSTS = 8;

/** How a computation is doing: `waiting` until somebody asks for its isolate. */
export type ComputationStatus = SupervisorStatus | "waiting";

/** A computation that a server holds: its policy, its isolate once somebody asks for it, and the sessions with that. */
export class Computation {
  /** SHA-256 of the policy, hexadecimal: the computation's name in requests. */
  readonly hash: string;
  readonly bridge: Bridge;
  readonly posts: PostSessions;
  /** Tells principals from strangers. */
  readonly admission: Admission;
  /** Streams that are open. */
  readonly sockets = new Set<Duplex>();
  /** Watches the isolate; not there while there is none. */
  supervisor: IsolateSupervisor | undefined;
  /** How the last isolate ended, if it has. */
  end: SupervisorEnd | undefined;
  /** When a request for a session came last (`performance.now()`). */
  lastUsed = performance.now();
  private lease: IsolateLease | undefined;
  /** Whether sessions could be opened with the isolate, the last one that was started. */
  private wasReady = false;
  private sleeping = false;
  private earlierRestarts = 0;

  /**
   * @param onDemand whether its isolate is started when somebody asks for it, and not before
   * @param secret of the server's nonces: the same for all its computations
   */
  constructor(
    readonly policy: Policy,
    private readonly settings: ServerSettings,
    readonly onDemand: boolean,
    secret: Uint8Array,
  ) {
    this.hash = policy.hash.toString("hex");
    const { maxSessions, maxBufferedBytes, handshakeMs } = settings;
    this.bridge = new Bridge({
      maxSessions,
      waiting: { total: settings.maxConnections, perAddress: settings.maxConnectionsPerAddress },
      handshakeMs,
      log: (event, details) => this.log("info", event, details),
    });
    this.bridge.unavailable = "the isolate has not been started";
    this.posts = new PostSessions(this.bridge, {
      idleMs: settings.postIdleMs,
      maxWaiting: MAX_WAITING_POSTS,
      maxBufferedBytes,
    });
    this.admission = new Admission(policy, secret);
  }

  get status(): ComputationStatus {
    return this.supervisor?.status ?? this.end?.status ?? "waiting";
  }

  /** Memory that its isolate may take, in bytes; 0 while there is none. */
  get memory(): number {
    return this.lease?.memory ?? 0;
  }

  /** Whether an isolate may be started for it: it has had none, or none that anybody could use. */
  get mayStart(): boolean {
    const { end } = this;
    const tryAgain = end?.status === "failed" && !this.wasReady && this.onDemand;
    return this.supervisor === undefined && (end === undefined || tryAgain);
  }

  /** Starts of its isolate after the first one that worked. */
  get restarts(): number {
    return this.earlierRestarts + (this.supervisor?.restarts ?? 0);
  }

  /** Why it has no isolate any more, or was without one; empty when it never was. */
  get lastFailure(): string {
    return this.supervisor?.lastFailure || (this.end?.status === "failed" ? this.end.reason : "");
  }

  /** What its isolate is and where, for the operator; "none" while there is none. */
  get isolate(): string {
    return this.lease?.launcher.description ?? "none";
  }

  /** Whether its isolate holds nothing of anybody, so that it may go: nobody speaks to it, nobody has sent anything. */
  get mayGiveWay(): boolean {
    const { supervisor, bridge } = this;
    return (
      supervisor?.status === "ready" && supervisor.commit === undefined && bridge.openSessions === 0
    );
  }

  /** Logs; where the server may hold several computations, with this one's name. */
  log(
    level: "info" | "warn" | "error",
    event: string,
    details: Record<string, unknown> = {},
  ): void {
    const whose = this.settings.only ? {} : { computation: this.hash };
    this.settings.logger[level]({ ...details, ...whose }, event);
  }

  /**
   * Starts the isolate, and watches it from then on.
   *
   * @returns settles when that isolate has come to its end, and what it took is given back
   */
  start(lease: IsolateLease): Promise<SupervisorEnd> {
    const { settings } = this;
    const attestation = new AttestationClient(
      settings.proxyAttestationServer ??
        parseAddress(this.policy.document.proxy_attestation_server_url),
    );
    this.lease = lease;
    this.end = undefined;
    this.wasReady = false;
    this.bridge.unavailable = "the isolate is starting";
    const supervisor = new IsolateSupervisor(this.bridge, {
      policy: this.policy,
      isolate: lease.launcher,
      attestation,
      log: (level, event, details) => this.log(level, event, details),
      reset: lease.reset,
      isolateRestarts: settings.isolateRestarts,
      attestationTimeoutMs: settings.attestationTimeoutMs,
      healthMs: settings.healthMs,
      healthTimeoutMs: settings.healthTimeoutMs,
    });
    this.supervisor = supervisor;
    supervisor.ready().then(
      () => {
        this.wasReady = true;
      },
      () => undefined,
    );
    return supervisor.finished.then((end) => {
      attestation.close();
      this.lease = undefined;
      this.supervisor = undefined;
      this.earlierRestarts += supervisor.restarts;
      lease.release(end.status);
      if (this.sleeping) {
        this.bridge.unavailable = "the isolate has not been started";
        this.sleeping = false;
      } else {
        this.end = end;
      }
      return end;
    });
  }

  /** Ends an isolate that holds nothing of anybody; the next who asks for it gets another one. */
  async giveWay(): Promise<void> {
    const { supervisor } = this;
    if (supervisor === undefined) return;
    this.sleeping = true;
    supervisor.stop();
    await supervisor.finished;
  }

  /** Ends the isolate, and all sessions. */
  async close(): Promise<void> {
    const { supervisor } = this;
    supervisor?.stop();
    await supervisor?.finished;
    this.posts.close();
    for (const socket of this.sockets) socket.destroy();
  }
}
