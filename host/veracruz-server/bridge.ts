import { randomInt } from "node:crypto";
import { type IsolateConnection, IsolateRefused } from "./isolate-connection.js";

/** Why there is no session: said to the client, in one line. */
export class SessionRefused extends Error {
  override name = "SessionRefused";
}

/** Where a session's bytes go. */
export interface SessionSink {
  /** TLS bytes for the peer. */
  output(tls: Uint8Array): void;
  /** The session is over; nothing comes after this. */
  closed(reason: string): void;
}

/** TLS bytes of one session that the isolate has not dealt with, at most. */
export const SESSION_WINDOW_BYTES = 256 * 1024;

/** One TLS session between a client and the isolate. The server sees ciphertext only. */
export class BridgeSession {
  /** Bytes handed to the isolate and not dealt with. */
  unacknowledged = 0;
  bytesIn = 0;
  bytesOut = 0;
  private over = false;

  constructor(
    readonly number: number,
    private readonly bridge: Bridge,
    private readonly sink: SessionSink,
  ) {}

  get closed(): boolean {
    return this.over;
  }

  /**
   * Hands over bytes from the client.
   *
   * @param done called when the isolate has dealt with all of them: every byte that they caused came
   *   before. Not called when the session ends instead.
   */
  input(tls: Uint8Array, done: () => void): void {
    if (this.over) return;
    this.unacknowledged += tls.length;
    this.bytesIn += tls.length;
    const step = this.bridge.pieceBytes;
    for (let at = 0; at < tls.length; at += step) {
      const piece = tls.subarray(at, at + step);
      this.bridge.connection?.sendTls(this.number, piece, (error) => {
        this.unacknowledged -= piece.length;
        // A session that the isolate has closed meanwhile is told of by an event.
        if (error instanceof IsolateRefused) this.finish(`the isolate refused: ${error.message}`);
        else if (error === undefined && at + step >= tls.length && !this.over) done();
      });
    }
    if (tls.length === 0) done();
  }

  /** Internal: bytes from the isolate. */
  deliver(tls: Uint8Array): void {
    if (this.over) return;
    this.bytesOut += tls.length;
    this.sink.output(tls);
  }

  /** Ends the session because the client is gone, or must go. */
  close(reason: string): void {
    if (this.over) return;
    this.bridge.connection
      ?.request("closeSession", { session: this.number })
      .catch(() => undefined);
    this.finish(reason);
  }

  /** Internal: the session is over on the isolate's side. */
  finish(reason: string): void {
    if (this.over) return;
    this.over = true;
    this.bridge.forget(this, reason);
    this.sink.closed(reason);
  }
}

export interface BridgeOptions {
  maxSessions: number;
  /** Told of each session that opens and closes; never of a payload. */
  log: (event: "session opened" | "session closed", details: Record<string, unknown>) => void;
}

/** The sessions between clients and the isolate that is there at the moment. */
export class Bridge {
  /** The isolate, when it is ready for sessions. */
  connection: IsolateConnection | undefined;
  /** Why it is not. */
  unavailable = "the isolate is starting";
  /** Most TLS bytes in one message to this isolate. */
  pieceBytes = 16_384;
  /** Why a session was refused last. */
  lastRefusal = "";
  private refusedAt = Number.NEGATIVE_INFINITY;
  private readonly sessions = new Map<number, BridgeSession>();

  constructor(private readonly options: BridgeOptions) {}

  /** Whether a session was refused within the last milliseconds, and none was opened since. */
  fullSince(milliseconds: number): boolean {
    return performance.now() - this.refusedAt < milliseconds;
  }

  private refuse(reason: string): SessionRefused {
    this.lastRefusal = reason;
    this.refusedAt = performance.now();
    return new SessionRefused(reason);
  }

  get openSessions(): number {
    return this.sessions.size;
  }

  /**
   * Opens a session.
   *
   * @throws SessionRefused with the reason for the client
   */
  async open(sink: SessionSink, from: string): Promise<BridgeSession> {
    const connection = this.connection;
    if (connection === undefined) throw new SessionRefused(this.unavailable);
    if (this.sessions.size >= this.options.maxSessions) {
      throw this.refuse(`the server has ${this.options.maxSessions} sessions already`);
    }
    let number = 0;
    do number = randomInt(1, 2 ** 31);
    while (this.sessions.has(number));
    const session = new BridgeSession(number, this, sink);
    this.sessions.set(number, session);
    try {
      await connection.request("newSession", { session: number });
    } catch (error) {
      this.sessions.delete(number);
      throw this.refuse((error as Error).message);
    }
    this.refusedAt = Number.NEGATIVE_INFINITY;
    this.options.log("session opened", { session: number, from });
    return session;
  }

  /** Bytes of a session from the isolate; those of one that is closed are dropped. */
  deliver(number: number, tls: Uint8Array): void {
    this.sessions.get(number)?.deliver(tls);
  }

  /** The isolate has closed a session. */
  closedByIsolate(number: number, reason: string): void {
    this.sessions.get(number)?.finish(reason);
  }

  /** The isolate is gone, or not ready any more: every session ends. */
  suspend(reason: string): void {
    this.connection = undefined;
    this.unavailable = reason;
    for (const session of [...this.sessions.values()]) session.finish(reason);
  }

  /** Internal. */
  forget(session: BridgeSession, reason: string): void {
    this.sessions.delete(session.number);
    const { number, bytesIn, bytesOut } = session;
    this.options.log("session closed", { session: number, reason, bytesIn, bytesOut });
  }
}
