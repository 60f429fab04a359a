import { Writable } from "node:stream";
import { pino } from "pino";
import { parseAddress } from "../common/addresses.js";
import { CliError, readUserText } from "../common/cli.js";
import type { IsolateLauncher } from "../common/isolate-launcher.js";
import { networkReason } from "../common/network-reason.js";
import { enrolmentOf, readIdentity } from "../mcu/emulated-isolate.js";
import { emulatedIsolate, serialIsolate } from "../mcu/isolate-launchers.js";
import { missingTools } from "../mcu/toolchain.js";
import { SoftwareRootOfTrust } from "../psa-attestation/root-of-trust.js";
import type { IsolateChoice } from "../veracruz-server/isolate-choice.js";
import { processIsolate, tcpIsolate } from "../veracruz-server/isolate-launchers.js";
import { VeracruzServer } from "../veracruz-server/server.js";
import { computerMemoryFor } from "../veracruz-utils/isolate-memory.js";
import type { Policy } from "../veracruz-utils/policy.js";
import {
  boardStatePath,
  deviceKeyPath,
  isOwnAttestation,
  OwnAttestationServer,
  writeEnrolment,
} from "./own-attestation.js";
import { SharedServer } from "./shared-server.js";

/** What a computation is brought up with. */
export interface HostingOptions {
  policy: Policy;
  isolate: IsolateChoice;
  /** Another trusted runtime than the built one, for an isolate in a process. */
  runtime?: string | undefined;
  /** Enrolment file of a device that this user's own attestation server is to accept. */
  device?: string | undefined;
  /** The administrator's socket of a server that runs already; it then has the isolates. */
  socket?: string | undefined;
  /** Where to listen, if not at the policy's address. */
  listen?: { host: string; port: number } | undefined;
}

/** An entry of a server's log. */
export type LogEntry = { msg: string; level: string } & Record<string, unknown>;

/** How it stands. */
export interface HostingState {
  status: "starting" | "ready" | "restarting" | "ended" | "failed" | "stopped";
  /** Whether this user's own attestation server vouches for the isolate. */
  ownAttestation: boolean;
  attestationServer: string;
  server: string;
  isolate: string;
  runtimeHash: string | undefined;
  /** When the isolate's certificate ends. */
  attestedUntil: string | undefined;
  /** Sessions of principals that are open now, and that have been. */
  sessions: { open: number; ever: number };
  restarts: number;
  /** To which isolate the computation is committed, of how many that the policy allows. */
  committed: { n: number; of: number } | undefined;
  /** Why it does not go on, or what it waits for; empty when all is well. */
  reason: string;
}

/** How long an attestation server that cannot be reached is tried. */
const ATTESTATION_RETRY_MS = 60_000;

/** An attestation server where it is one's own, a server and an isolate: a computation that others can join. */
export class HostedComputation {
  readonly state: HostingState;
  private attestation: OwnAttestationServer | undefined;
  private server: Pick<VeracruzServer, "ready" | "finished" | "close"> | undefined;
  private refused: string | undefined;
  private starting: Promise<void> = Promise.resolve();
  private closing = false;
  private readonly watchers = new Set<(entry: LogEntry) => void>();

  constructor(private readonly options: HostingOptions) {
    const { document } = options.policy;
    this.state = {
      status: "starting",
      ownAttestation: isOwnAttestation(options.policy),
      attestationServer: document.proxy_attestation_server_url,
      server: document.veracruz_server_url,
      isolate: options.isolate.kind,
      runtimeHash: undefined,
      attestedUntil: undefined,
      sessions: { open: 0, ever: 0 },
      restarts: 0,
      committed: undefined,
      reason: "",
    };
  }

  /** Calls back at each entry of a log, after the state has been brought up to date. */
  watch(take: (entry: LogEntry) => void): void {
    this.watchers.add(take);
  }

  private logger() {
    const destination = new Writable({
      decodeStrings: false,
      write: (line: string, _encoding, done) => {
        this.take(JSON.parse(line) as LogEntry);
        done();
      },
    });
    return pino(
      { base: null, level: "info", formatters: { level: (level) => ({ level }) } },
      destination,
    );
  }

  private take(entry: LogEntry): void {
    const { state } = this;
    const text = (value: unknown) => (typeof value === "string" ? value : undefined);
    switch (entry.msg) {
      case "isolate connected":
        state.runtimeHash = text(entry.runtimeHash);
        break;
      case "isolate attested":
        state.attestedUntil = text(entry.until);
        break;
      case "ready":
        state.status = "ready";
        state.reason = "";
        state.restarts = Number(entry.restarts ?? 0);
        break;
      case "computation committed to the isolate":
        state.committed = { n: Number(entry.n), of: Number(entry.of) };
        state.reason = "";
        break;
      case "session opened":
        state.sessions.open++;
        state.sessions.ever++;
        break;
      case "session closed":
        state.sessions.open = Math.max(0, state.sessions.open - 1);
        break;
      case "isolate lost":
        state.status = "restarting";
        state.attestedUntil = undefined;
        state.committed = undefined;
        state.reason = text(entry.reason) ?? "";
        break;
      case "attestation failed, will be tried again":
      case "the computation is not committed yet, will be tried again":
        state.reason = text(entry.reason) ?? "";
        break;
      case "refused":
        // By the own attestation server: what it refuses now it will refuse again.
        if (entry.url === "/PSA/AttestationToken" && state.status !== "ready") {
          this.refused = `${text(entry.refused)}: ${text(entry.detail)}`;
          state.reason = this.refused;
          this.server?.close().catch(() => undefined);
        }
        break;
    }
    for (const watcher of this.watchers) watcher(entry);
  }

  /**
   * Starts all of it, and settles when parties can come.
   *
   * @throws CliError with why they cannot; what was started still has to be closed
   */
  start(): Promise<void> {
    this.starting = this.begin();
    return this.starting;
  }

  private async begin(): Promise<void> {
    const { policy, listen } = this.options;
    const logger = this.logger();
    if (this.state.ownAttestation)
      this.attestation = await OwnAttestationServer.start(policy, logger);
    if (this.options.socket !== undefined) return this.beginOnServer(this.options.socket);
    const isolate = await this.launcher();
    if (this.closing) throw new CliError("it was closed before it was up", 1);
    const address = listen ?? parseAddress(policy.document.veracruz_server_url);
    try {
      this.server = await VeracruzServer.start({
        policy,
        isolate,
        logger,
        ...address,
        attestationTimeoutMs: ATTESTATION_RETRY_MS,
      });
    } catch (error) {
      throw new CliError(
        `the server cannot listen on ${address.host}:${address.port}: ${networkReason(error)}`,
        1,
      );
    }
    await this.untilReady();
  }

  private async untilReady(): Promise<void> {
    try {
      await this.server?.ready();
    } catch (error) {
      this.state.status = "failed";
      throw new CliError(this.explain((error as Error).message), 1);
    }
  }

  /** The same on a server that runs already: one's own attestation server vouches for that server's device. */
  private async beginOnServer(socket: string): Promise<void> {
    const { policy, runtime, device, listen } = this.options;
    if (runtime !== undefined || device !== undefined || listen !== undefined)
      throw new CliError("with --server-socket the server has isolate, device and address");
    await this.attestation?.accept(await SharedServer.enrolment(socket));
    if (this.closing) throw new CliError("it was closed before it was up", 1);
    this.server = await SharedServer.add(socket, policy, (entry) => this.take(entry as LogEntry));
    await this.untilReady();
  }

  /** Settles when the computation has ended, and says how. */
  async finished(): Promise<{ status: "ended" | "failed" | "stopped"; reason: string }> {
    const end = await (this.server as Pick<VeracruzServer, "finished">).finished;
    this.state.status = end.status;
    this.state.reason = end.reason;
    return end;
  }

  /** Ends all that was started; nothing of it runs any more when this settles. */
  async close(): Promise<void> {
    this.closing = true;
    await this.server?.close();
    // What was under way may have come further than this knew.
    await this.starting.catch(() => undefined);
    await this.server?.close();
    await this.attestation?.close();
  }

  private explain(reason: string): string {
    if (this.refused !== undefined) {
      return `the attestation server refuses the isolate (${this.refused}): nobody can send anything to it`;
    }
    if (/device-unknown/.test(reason)) {
      return `${reason}; its operator enrols this device with: vc-pas enroll --from ${writeEnrolment(this.softwareEnrolment())}`;
    }
    return reason;
  }

  private softwareEnrolment(): string {
    const root = SoftwareRootOfTrust.open(deviceKeyPath());
    const json = `${JSON.stringify(root.enrolment(), null, 2)}\n`;
    root.free();
    return json;
  }

  private async launcher(): Promise<IsolateLauncher> {
    const { isolate, runtime, device } = this.options;
    if (runtime !== undefined && isolate.kind !== "process")
      throw new CliError("--runtime is for an isolate in a process");
    if (device !== undefined) {
      if (this.attestation === undefined)
        throw new CliError(
          "--device is for an attestation server of your own; the policy names another",
        );
      await this.attestation.accept(readUserText(device, "enrolment file"));
    }
    switch (isolate.kind) {
      case "process":
        await this.attestation?.accept(this.softwareEnrolment());
        return processIsolate({
          rootOfTrust: deviceKeyPath(),
          memory: computerMemoryFor(this.options.policy),
          ...(runtime !== undefined && { runtime }),
        });
      case "qemu": {
        const missing = missingTools();
        if (missing !== undefined) throw new CliError(missing, 1);
        const { board, runtimeHost } = isolate;
        return this.enrolling(
          emulatedIsolate({ board, runtimeHost, state: boardStatePath(board) }),
          `emulated ${board}`,
        );
      }
      case "serial":
        return serialIsolate(isolate.device);
      case "tcp":
        return tcpIsolate(isolate.address);
    }
  }

  /** A board says at its start who it is: one's own attestation server accepts it then. */
  private enrolling(launcher: IsolateLauncher, label: string): IsolateLauncher {
    return {
      ...launcher,
      start: async (log) => {
        let accepted: Promise<void> = Promise.resolve();
        const started = await launcher.start((level, event, details) => {
          const identity =
            typeof details?.line === "string" ? readIdentity(details.line) : undefined;
          if (identity !== undefined && this.attestation !== undefined) {
            accepted = this.attestation.accept(JSON.stringify(enrolmentOf(identity, label)));
            accepted.catch(() => undefined);
          }
          log(level, event, details);
        });
        try {
          await accepted;
        } catch (error) {
          await started.stop();
          throw error;
        }
        return started;
      },
    };
  }
}
