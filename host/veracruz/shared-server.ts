import { request } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { formatAddress, parseAddress } from "../common/addresses.js";
import { CliError } from "../common/cli.js";
import { wellKnownSockets } from "../common/server-socket.js";
import type { Policy } from "../veracruz-utils/policy.js";

/** Between two looks at how the computation is. */
const LOOK_MS = 500;
const MAX_ANSWER = 1024 * 1024;
const ANSWER_MS = 30_000;
/** For a server that nobody has named. */
const FIND_MS = 2_000;

/** What the server says of a computation at its administrator's socket. */
interface RemoteState {
  status: string;
  reason: string;
  attestedUntil: string | null;
  runtimeHash: string | null;
  restarts: number;
  committed: { n: number; of: number } | null;
}

/** How a computation came to its end. */
export interface HostedEnd {
  status: "ended" | "failed" | "stopped";
  reason: string;
}

interface Answer {
  status: number;
  text: string;
}

/** Asks at the administrator's socket. @throws CliError when nobody answers there */
function ask(
  socketPath: string,
  method: string,
  path: string,
  body?: Uint8Array,
  timeout = ANSWER_MS,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error) =>
      reject(
        new CliError(
          `no Veracruz server answers at ${JSON.stringify(socketPath)}: ${error.message}`,
          1,
        ),
      );
    const asking = request({ socketPath, method, path, agent: false, timeout }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
        if (text.length > MAX_ANSWER) answer.destroy(new Error("its answer is too long"));
      });
      answer.on("error", failed);
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, text }));
    });
    asking.on("timeout", () => asking.destroy(new Error("it does not answer")));
    asking.on("error", failed).end(body);
  });
}

const reasonIn = ({ status, text }: Answer): string => {
  try {
    return String((JSON.parse(text) as { error?: unknown }).error ?? `status ${status}`);
  } catch {
    return `status ${status}`;
  }
};

/** A Veracruz server of this computer that nobody has named. */
export interface FoundServer {
  readonly socket: string;
  /** Where clients connect, `host:port`. */
  readonly address: string;
  /** Whether it listens on the port that the policy names: no other server can. */
  readonly isPolicys: boolean;
}

/** The first server that answers at one of the sockets where servers are looked for; undefined where there is none. */
export async function findServer(policy: Policy): Promise<FoundServer | undefined> {
  for (const socket of wellKnownSockets()) {
    try {
      const { status, text } = await ask(socket, "GET", "/", undefined, FIND_MS);
      const { host, port } = JSON.parse(text) as { host: unknown; port: unknown };
      if (status !== 200 || typeof host !== "string" || typeof port !== "number") continue;
      const wanted = parseAddress(policy.document.veracruz_server_url);
      return { socket, address: formatAddress({ host, port }), isPolicys: port === wanted.port };
    } catch {
      // Nobody there, nobody that this user may speak to, or no such server.
    }
  }
  return undefined;
}

/**
 * A computation on a Veracruz server that runs already, and holds many: added, watched and ended through the
 * administrator's socket.
 */
export class SharedServer {
  /** Settles when the computation has come to its end on the server. */
  readonly finished: Promise<HostedEnd>;
  private finish: (end: HostedEnd) => void = () => undefined;
  private closing = false;
  private settled = false;
  private ready_: { resolve: () => void; reject: (error: Error) => void } | undefined;
  private readonly whenReady: Promise<void>;

  private constructor(
    private readonly socket: string,
    private readonly hash: string,
    private readonly told: (entry: Record<string, unknown> & { msg: string }) => void,
  ) {
    this.finished = new Promise((resolve) => {
      this.finish = resolve;
    });
    this.whenReady = new Promise((resolve, reject) => {
      this.ready_ = { resolve, reject };
    });
    this.whenReady.catch(() => undefined);
  }

  /** The enrolment of the root of trust that the server's isolates have, as JSON. @throws CliError */
  static async enrolment(socket: string): Promise<string> {
    const answer = await ask(socket, "GET", "/enrolment");
    if (answer.status !== 200) throw new CliError(reasonIn(answer), 1);
    return answer.text;
  }

  /**
   * Adds the computation, and has its isolate started.
   *
   * @param told of each step, as a server's own log tells of it
   * @throws CliError when the server does not take it
   */
  static async add(
    socket: string,
    policy: Policy,
    told: (entry: Record<string, unknown> & { msg: string }) => void,
  ): Promise<SharedServer> {
    const answer = await ask(socket, "POST", "/computations?start", policy.bytes);
    if (answer.status !== 201) throw new CliError(`the server refuses it: ${reasonIn(answer)}`, 1);
    const server = new SharedServer(socket, policy.hash.toString("hex"), told);
    void server.watch();
    return server;
  }

  /** Settles when parties can come; rejects with why they cannot. */
  ready(): Promise<void> {
    return this.whenReady;
  }

  private end(end: HostedEnd): void {
    this.settled = true;
    this.ready_?.reject(new Error(end.reason));
    this.finish(end);
  }

  private async watch(): Promise<void> {
    let before: RemoteState | undefined;
    while (!this.settled) {
      try {
        const answer = await ask(this.socket, "GET", `/computations/${this.hash}`);
        if (answer.status !== 200) {
          const reason = reasonIn(answer);
          const ended = /^the computation is over/.test(reason);
          const status = this.closing ? "stopped" : ended ? "ended" : "failed";
          this.end({ status, reason });
          return;
        }
        const now = JSON.parse(answer.text) as RemoteState;
        this.tell(before, now);
        before = now;
        if (now.status === "ready") this.ready_?.resolve();
        // It would be tried again for the next party: whoever brings it up wants to know now.
        if (now.status === "failed") {
          this.end({ status: "failed", reason: now.reason });
          return;
        }
      } catch (error) {
        this.end({ status: this.closing ? "stopped" : "failed", reason: (error as Error).message });
        return;
      }
      await delay(LOOK_MS, undefined, { ref: true });
    }
  }

  /** Says what has changed, in the words of a server's log. */
  private tell(before: RemoteState | undefined, now: RemoteState): void {
    const { runtimeHash, attestedUntil, committed, status, restarts, reason } = now;
    if (runtimeHash !== null && runtimeHash !== before?.runtimeHash)
      this.told({ level: "info", msg: "isolate connected", runtimeHash });
    if (attestedUntil !== null && attestedUntil !== before?.attestedUntil)
      this.told({ level: "info", msg: "isolate attested", until: attestedUntil });
    if (status === "restarting" && before?.status !== status)
      this.told({ level: "error", msg: "isolate lost", reason });
    if (status === "ready" && before?.status !== status)
      this.told({ level: "info", msg: "ready", restarts });
    if (committed !== null && before?.committed === null)
      this.told({ level: "info", msg: "computation committed to the isolate", ...committed });
  }

  /** Ends the computation on the server, if it has not ended. */
  async close(): Promise<void> {
    if (this.settled) return;
    this.closing = true;
    await ask(this.socket, "DELETE", `/computations/${this.hash}`).catch(() => undefined);
    await this.finished;
  }
}
