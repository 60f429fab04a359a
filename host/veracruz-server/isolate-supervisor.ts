import { X509Certificate } from "node:crypto";
import type { IsolateLauncher, IsolateLog, StartedIsolate } from "../common/isolate-launcher.js";
import { VERSION } from "../common/version.js";
import type { Commit } from "../continuity/commit-statement.js";
import type { AttestationClient } from "../proxy-attestation-server/client.js";
import {
  FRAME_HEADER_BYTES,
  MAX_TLS_BYTES,
  type Message,
  PROTOCOL_VERSION,
  State,
} from "../transport-protocol/index.js";
import type { Policy } from "../veracruz-utils/policy.js";
import { AttestationRelay } from "./attestation-relay.js";
import type { Bridge } from "./bridge.js";
import {
  IsolateConnection,
  IsolateLost,
  IsolateRefused,
  WIPE_PAUSE_MS,
  WIPE_TRIES,
} from "./isolate-connection.js";

/** Why an isolate cannot be used at all: starting it again would not help. */
export class IsolateUnusable extends Error {
  override name = "IsolateUnusable";
}

/** What the supervisor starts, and how patient it is. */
export interface SupervisorOptions {
  policy: Policy;
  isolate: IsolateLauncher;
  attestation: AttestationClient;
  log: IsolateLog;
  /** Wipe what an isolate still holds of another policy, instead of refusing to work with it. */
  reset: boolean;
  /** Starts after the first one that are tried before giving up, within an hour. */
  isolateRestarts: number;
  /** Milliseconds for which a proxy attestation server that is unreachable, or refuses, is tried. */
  attestationTimeoutMs: number;
  /** Milliseconds between two questions for health. */
  healthMs: number;
  /** Milliseconds without an answer to one, or any other message, after which the isolate counts as dead. */
  healthTimeoutMs: number;
}

/** How the isolate is doing. */
export type SupervisorStatus = "starting" | "ready" | "restarting" | "ended" | "failed" | "stopped";

/** How a supervisor's work came to its end. */
export interface SupervisorEnd {
  status: "ended" | "failed" | "stopped";
  reason: string;
}

const HOUR_MS = 3_600_000;
/** How many times `healthTimeoutMs` an isolate that says other things may take over its health. */
const BUSY_TIMES = 6;
/** What a `tlsInput` takes beside the TLS bytes. */
const TLS_INPUT_OVERHEAD = FRAME_HEADER_BYTES + 17;

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, signal.aborted ? 0 : ms);
    signal.addEventListener("abort", done);
  });

/**
 * Keeps an isolate running: starts it, hands it the policy, has it attested, renews its certificate,
 * watches its health, and starts it again when it dies. What an isolate held is gone with it: every
 * session ends, and clients have to come again.
 */
export class IsolateSupervisor {
  status: SupervisorStatus = "starting";
  /** Starts after the first one. */
  restarts = 0;
  /** Why the isolate was lost last; empty when it never was. */
  lastFailure = "";
  health: Message<"healthIs"> | undefined;
  certificate: X509Certificate | undefined;

  /** Until when its certificate is good, in ISO 8601; undefined where it has none. */
  get attestedUntil(): string | undefined {
    return this.certificate && new Date(this.certificate.validTo).toISOString();
  }

  /** Settles when there will be no isolate any more. */
  readonly finished: Promise<SupervisorEnd>;

  /** What the isolate that was lost last had been committed as. */
  private lostCommit: Commit | undefined;
  private relay: AttestationRelay | undefined;
  private readonly stopping = new AbortController();
  private readonly restartTimes: number[] = [];
  private wasReady = false;
  private mayReset: boolean;
  /** How often it may still be lost because it was told to wipe itself, which a board with one world does by a reset. */
  private wiping = 0;
  private readyWaiters: { resolve: () => void; reject: (error: Error) => void }[] = [];

  constructor(
    private readonly bridge: Bridge,
    private readonly options: SupervisorOptions,
  ) {
    this.mayReset = options.reset;
    this.finished = this.supervise().then((end) => {
      this.status = end.status;
      this.bridge.suspend(end.reason);
      for (const { reject } of this.readyWaiters.splice(0)) reject(new Error(end.reason));
      return end;
    });
  }

  /** What the computation is committed to the isolate as, once it is: from then on somebody may have sent something. */
  get commit(): Commit | undefined {
    return this.relay?.committed;
  }

  /** Settles when sessions can be opened; rejects when that will not come. */
  ready(): Promise<void> {
    if (this.status === "ready") return Promise.resolve();
    if (this.status === "ended" || this.status === "failed" || this.status === "stopped") {
      return Promise.reject(new Error(this.bridge.unavailable));
    }
    return new Promise((resolve, reject) => this.readyWaiters.push({ resolve, reject }));
  }

  /** Stops the isolate; `finished` settles when that is done. */
  stop(): void {
    this.stopping.abort();
  }

  private async supervise(): Promise<SupervisorEnd> {
    const { log } = this.options;
    for (;;) {
      const outcome = await this.liveOnce();
      if (outcome.status !== "failed") return outcome as SupervisorEnd;
      if (this.wiping > 0 && !outcome.final) {
        this.wiping--;
        log("info", "isolate starts again after its reset", { reason: outcome.reason });
        await pause(WIPE_PAUSE_MS, this.stopping.signal);
        continue;
      }
      this.lastFailure = outcome.reason;
      log("error", "isolate lost", { reason: outcome.reason });
      if (outcome.final || !this.mayRestart()) return { status: "failed", reason: outcome.reason };
      this.status = "restarting";
      this.bridge.suspend(`${outcome.reason}; the isolate starts again, without what it held`);
      this.restarts++;
      await pause(Math.min(10_000, 100 * 2 ** this.restartTimes.length), this.stopping.signal);
    }
  }

  private mayRestart(): boolean {
    const now = Date.now();
    while (this.restartTimes[0] !== undefined && now - this.restartTimes[0] > HOUR_MS) {
      this.restartTimes.shift();
    }
    if (this.restartTimes.length >= this.options.isolateRestarts) return false;
    this.restartTimes.push(now);
    return true;
  }

  /** One isolate from its start to its end. Never rejects. */
  private async liveOnce(): Promise<SupervisorEnd & { final: boolean }> {
    const end = (status: SupervisorEnd["status"], reason: string, final = false) => ({
      status,
      reason,
      final,
    });
    if (this.stopping.signal.aborted) return end("stopped", "the server stops");
    const { isolate, log } = this.options;
    let started: StartedIsolate;
    try {
      log("info", "isolate starting", { isolate: isolate.description });
      started = await isolate.start(log);
    } catch (error) {
      const hopeless = !this.wasReady && !isolate.mayComeLater;
      return end("failed", (error as Error).message, hopeless);
    }
    let settle: (outcome: SupervisorEnd & { final: boolean }) => void = () => undefined;
    const over = new Promise<SupervisorEnd & { final: boolean }>((resolve) => {
      settle = resolve;
    });
    const gone = new AbortController();
    const { attestation } = this.options;
    const relay = new AttestationRelay(attestation, log, gone.signal);
    this.relay = relay;
    const connection = new IsolateConnection(started.stream, {
      tlsOutput: (session, tls) => this.bridge.deliver(session, tls),
      sessionOpened: (session) => this.bridge.openedByIsolate(session),
      sessionClosed: (session, reason) => this.bridge.closedByIsolate(session, reason),
      ended: (reason) =>
        settle(
          relay.refused === undefined
            ? end("ended", `the computation is over: ${reason}`)
            : end("failed", relay.refused, true),
        ),
      commitWanted: (request) => void relay.commitWanted(connection, request),
      freshnessWanted: (request) => void relay.freshnessWanted(connection, request),
      lost: (reason) => {
        // The process may say more than the connection: it gets a moment to.
        const more = new Promise<string>((resolve) => setTimeout(resolve, 200, reason).unref());
        void Promise.race([started.exited, more]).then((why) => settle(end("failed", why)));
      },
    });
    void started.exited.then((reason) => settle(end("failed", reason)));
    const stopped = () => settle(end("stopped", "the server stops"));
    this.stopping.signal.addEventListener("abort", stopped);
    // It may have come while the isolate was starting.
    if (this.stopping.signal.aborted) stopped();
    const watch = setInterval(() => this.askHealth(connection), this.options.healthMs);
    void this.prepare(connection).catch((error: Error) => {
      // A lost connection tells its reason itself.
      if (error instanceof IsolateLost) connection.lose(error.message);
      else settle(end("failed", error.message, error instanceof IsolateUnusable));
    });
    const outcome = await over;
    gone.abort();
    this.lostCommit = relay.committed ?? this.lostCommit;
    clearInterval(watch);
    this.stopping.signal.removeEventListener("abort", stopped);
    if (outcome.status === "ended") await this.letSessionsEnd();
    // Whoever loses a session asks why, at once.
    if (outcome.status === "failed") this.lastFailure = outcome.reason;
    this.bridge.suspend(outcome.reason);
    connection.lose(outcome.reason);
    await started.stop();
    return outcome;
  }

  /** The last bytes of sessions, after the end of the computation, get a moment to arrive. */
  private async letSessionsEnd(): Promise<void> {
    this.bridge.unavailable = "the computation is over";
    for (let turn = 0; turn < 20 && this.bridge.openSessions > 0; turn++) {
      await pause(50, this.stopping.signal);
    }
  }

  private async askHealth(connection: IsolateConnection): Promise<void> {
    const { healthTimeoutMs } = this.options;
    const asked = performance.now();
    let timer: NodeJS.Timeout | undefined;
    const waitFor = (milliseconds: number) => {
      timer = setTimeout(() => {
        // A slow isolate answers earlier requests first: while it answers, it is alive.
        const left = healthTimeoutMs - connection.silentMs;
        const patience = BUSY_TIMES * healthTimeoutMs - (performance.now() - asked);
        if (left > 0 && patience > 0) waitFor(Math.min(left, patience));
        else connection.lose(`the isolate did not answer within ${healthTimeoutMs} ms`);
      }, milliseconds);
    };
    waitFor(healthTimeoutMs);
    try {
      const health = await connection.request("health", {});
      if (this.health !== undefined && Buffer.compare(this.health.boot, health.boot) !== 0) {
        connection.lose("the isolate has started again behind its address");
      }
      this.health = health;
    } catch (error) {
      connection.lose((error as Error).message);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Makes an isolate ready for sessions. */
  private async prepare(connection: IsolateConnection): Promise<void> {
    const { policy, log } = this.options;
    this.health = undefined;
    await this.askHealth(connection);
    const health = this.health as Message<"healthIs"> | undefined;
    if (health === undefined) throw new IsolateLost("the isolate does not say how it is");
    const runtimeHash = Buffer.from(health.runtimeHash).toString("hex");
    log("info", "isolate connected", {
      kind: health.kind,
      lifecycle: `0x${health.lifecycle.toString(16).padStart(4, "0")}`,
      runtimeHash,
    });
    if (policy.runtimeHash(health.kind)?.toString("hex") !== runtimeHash) {
      // Clients will refuse it: that is theirs to do, but the operator should know at once.
      log("warn", "the policy names another trusted runtime for this kind of isolate", {
        kind: health.kind,
        wanted: policy.runtimeHash(health.kind)?.toString("hex") ?? "none",
        runtimeHash,
      });
    }
    this.bridge.pieceBytes = Math.min(MAX_TLS_BYTES, health.frameBytes - TLS_INPUT_OVERHEAD);
    await this.handOverPolicy(connection);
    await this.attest(connection);
    const { handshakes, strangers } = await connection.request("runtimeState", {});
    this.bridge.makeRoom({ kind: health.kind, handshakes, strangers });
    this.status = "ready";
    this.wasReady = true;
    this.bridge.connection = connection;
    for (const { resolve } of this.readyWaiters.splice(0)) resolve();
    log("info", "ready", { policyHash: policy.hash.toString("hex"), restarts: this.restarts });
  }

  private async handOverPolicy(connection: IsolateConnection): Promise<void> {
    const { policy, log } = this.options;
    let state = await connection.request("runtimeState", {});
    if (state.state !== State.INITIAL && this.mayReset) {
      log("warn", "isolate reset: what it held is wiped");
      // Once: a connection that is lost and found again must not wipe anything.
      this.mayReset = false;
      this.wiping = WIPE_TRIES;
      await connection.request("reset", {});
      state = await connection.request("runtimeState", {});
    }
    this.wiping = 0;
    if (state.state === State.INITIAL) {
      const lost = this.lostCommit;
      if (lost !== undefined && lost.n >= lost.of) {
        throw new IsolateUnusable(
          `the isolate that held the computation is lost with all that it held, and the policy allows no other: it was ${lost.n} of ${lost.of} (max_restarts ${lost.of - 1})`,
        );
      }
      try {
        await connection.request("initialise", { version: PROTOCOL_VERSION, policy: policy.bytes });
      } catch (error) {
        if (!(error instanceof IsolateRefused)) throw error;
        throw new IsolateUnusable(`the isolate refuses the policy: ${error.message}`);
      }
      log("info", "policy handed over");
      return;
    }
    if (Buffer.compare(state.policyHash, policy.hash) !== 0) {
      throw new IsolateUnusable("the isolate holds another policy; --reset wipes what it holds");
    }
    if (state.state === State.ENDED) {
      throw new IsolateUnusable("the isolate's computation is over; --reset allows another one");
    }
    const { state: number, sessions } = state;
    log("warn", "isolate found at work under this policy", { state: number, sessions });
    // Their peers went with the server before.
    await connection.request("closeSessions", {});
  }

  /** Has the isolate's key certified, and sees to it that this is done again in time. */
  private async attest(connection: IsolateConnection): Promise<void> {
    const { attestation, attestationTimeoutMs, log } = this.options;
    const until = Date.now() + attestationTimeoutMs;
    for (let delay = 250; ; delay = Math.min(10_000, delay * 2)) {
      try {
        await this.attestOnce(connection);
        return;
      } catch (error) {
        // A refusal of the attestation server is not signed: it may pass, or be somebody else's.
        if (error instanceof IsolateRefused) {
          throw new IsolateUnusable(`the isolate refuses ${error.request}: ${error.message}`);
        }
        if (error instanceof IsolateLost) throw error;
        if (this.stopping.signal.aborted || Date.now() + delay > until) {
          throw new IsolateUnusable(
            `no attestation by the proxy attestation server at ${attestation.address}: ${
              (error as Error).message || (error as NodeJS.ErrnoException).code
            }`,
          );
        }
        log("warn", "attestation failed, will be tried again", {
          reason: (error as Error).message || (error as NodeJS.ErrnoException).code,
        });
        await pause(delay, this.stopping.signal);
      }
    }
  }

  private async attestOnce(connection: IsolateConnection): Promise<void> {
    const { attestation, log } = this.options;
    const { challenge, deviceId } = await attestation.start(`veracruz-mcu ${VERSION}`);
    const evidence = await connection.request("attest", { challenge, deviceId });
    const { token, csr, policyHash, scope } = evidence;
    const asked = { token, csr, deviceId: evidence.deviceId, policyHash, scope };
    const { certificate, issuer } = await attestation.attest(asked);
    await connection.request("installCertificate", { certificate, issuer });
    const parsed = new X509Certificate(certificate);
    this.certificate = parsed;
    log("info", "isolate attested", {
      until: this.attestedUntil,
      tokenBytes: evidence.token.length,
    });
    this.renewLater(connection, new Date(parsed.validTo).getTime());
  }

  /** A certificate is renewed when two thirds of its time are over; open sessions go on. */
  private renewLater(connection: IsolateConnection, notAfter: number): void {
    const left = notAfter - Date.now();
    const delay = Math.min(2 ** 31 - 1, Math.max(1000, (left * 2) / 3));
    const timer = setTimeout(() => {
      if (this.stopping.signal.aborted || this.bridge.connection !== connection) return;
      const renewed = async () => {
        await this.attestOnce(connection);
        await this.relay?.renew(connection);
      };
      renewed().catch((error: Error) => {
        this.options.log("error", "the isolate's certificate could not be renewed", {
          reason: error.message,
          until: new Date(notAfter).toISOString(),
        });
        this.renewLater(connection, notAfter);
      });
    }, delay);
    timer.unref();
  }
}
