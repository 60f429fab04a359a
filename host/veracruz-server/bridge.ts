import { randomInt } from "node:crypto";
import type { NewcomerBounds } from "../common/newcomers.js";
import { HandshakePlaces, type PlaceHolder } from "./handshake-places.js";
import { type IsolateConnection, IsolateRefused } from "./isolate-connection.js";
import { KeyExchangeWatch } from "./key-exchange.js";

/** Why there is no session: said to the client, in one line. */
export class SessionRefused extends Error {
  override name = "SessionRefused";
}

/** Where a session's bytes go. */
export interface SessionSink {
  /** TLS bytes for the peer. */
  output(tls: Uint8Array): void;
  /** The peer is a principal of the policy: the handshake is done. */
  opened(): void;
  /** The session is over; nothing comes after this. */
  closed(reason: string): void;
}

/** Who wants a session. */
export interface Visitor {
  /** The address it comes from. */
  readonly address: string;
  /** Number in the policy of the principal who has signed the request for the session. */
  readonly principal?: number | undefined;
  /** When it came (`performance.now()`): the handshake's time begins there. */
  readonly since: number;
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
  private isOpen = false;
  private readonly keyExchange = new KeyExchangeWatch();

  constructor(
    readonly number: number,
    private readonly bridge: Bridge,
    private readonly sink: SessionSink,
    /** Gives the handshake's place back. */
    private readonly handshakeOver: () => void,
  ) {}

  get closed(): boolean {
    return this.over;
  }

  /** Whether the peer is a principal of the policy. */
  get open(): boolean {
    return this.isOpen && !this.over;
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
    const keyExchange = this.keyExchange.take(tls);
    if (keyExchange !== undefined) this.bridge.keysAgreed(this, keyExchange);
    this.sink.output(tls);
  }

  /** Internal: the isolate knows the peer. */
  opened(): void {
    if (this.over || this.isOpen) return;
    this.isOpen = true;
    this.handshakeOver();
    this.sink.opened();
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
    this.handshakeOver();
    this.bridge.forget(this, reason);
    this.sink.closed(reason);
  }
}

/** Limits of a bridge, and where it logs. */
export interface BridgeOptions {
  maxSessions: number;
  /** Those that may wait for a handshake, while nothing is known of them. */
  waiting: NewcomerBounds;
  /** Milliseconds for a handshake, waiting for it included; by default what the kind of isolate takes. */
  handshakeMs?: number | undefined;
  /** Told of each session that opens, agrees on keys, and closes; never of a payload. */
  log: (
    event: "session opened" | "session keys agreed" | "session closed",
    details: Record<string, unknown>,
  ) => void;
}

/** What handshakes with each kind of isolate take, in milliseconds. */
const HANDSHAKE_MS = { linux: 15_000, mcu: 60_000 } as const;
/** For how long a handshake that has begun is left alone although others wait, in milliseconds. */
const HANDSHAKE_GRACE_MS = { linux: 2_000, mcu: 12_000 } as const;
/** Principals of a policy that may wait at once, each for one handshake. */
const MAX_PRINCIPALS = 1_024;

/** The handshakes that an isolate has room for. */
export interface HandshakeRoom {
  kind: string;
  /** In all. */
  handshakes: number;
  /** Of these, for sessions that are not admitted. */
  strangers: number;
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
  private handshakeDeadlineMs: number = HANDSHAKE_MS.linux;
  private readonly sessions = new Map<number, BridgeSession>();
  private readonly strangers: HandshakePlaces;
  /** Sessions that were opened since the start, by who had asked for them. */
  readonly openedEver = { principals: 0, strangers: 0 };
  private readonly principals = new HandshakePlaces({ total: MAX_PRINCIPALS, perAddress: 1 });
  /** Ends the handshake of a principal that is under way. */
  private readonly handshakeOf = new Map<number, (reason: string) => void>();

  constructor(private readonly options: BridgeOptions) {
    this.strangers = new HandshakePlaces(options.waiting);
  }

  /** Takes over what an isolate has room for. */
  makeRoom(room: HandshakeRoom): void {
    const kind = room.kind === "mcu" ? "mcu" : "linux";
    this.handshakeDeadlineMs = HANDSHAKE_MS[kind];
    this.strangers.resize(room.strangers, HANDSHAKE_GRACE_MS[kind]);
    // Nobody but principals comes here: what they hold is theirs until the deadline.
    this.principals.resize(room.handshakes - room.strangers, this.handshakeMs);
  }

  /** Milliseconds for a handshake with this isolate, from the first byte. */
  get handshakeMs(): number {
    return this.options.handshakeMs ?? this.handshakeDeadlineMs;
  }

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
   * Opens a session, once there is a place for its handshake. When the handshake is not done in time, or
   * has to give way to another one, the session is closed.
   *
   * @param gone aborted when the client has gone while it waited
   * @throws SessionRefused with the reason for the client
   */
  open(sink: SessionSink, visitor: Visitor, gone?: AbortSignal): Promise<BridgeSession> {
    const { principal } = visitor;
    const places = principal === undefined ? this.strangers : this.principals;
    return new Promise((resolve, reject) => {
      if (this.connection === undefined) {
        reject(new SessionRefused(this.unavailable));
        return;
      }
      let session: BridgeSession | undefined;
      let ended: string | undefined;
      const over = () => {
        clearTimeout(timer);
        places.leave(holder);
        if (this.handshakeOf.get(principal ?? -1) === end) this.handshakeOf.delete(principal ?? -1);
      };
      const end = (reason: string) => {
        ended ??= reason;
        over();
        if (session === undefined) reject(this.refuse(reason));
        else session.close(reason);
      };
      const holder: PlaceHolder = {
        address: principal === undefined ? visitor.address : `principal ${principal}`,
        placed: () => {
          this.begin(sink, visitor, over).then(
            (opened) => {
              session = opened;
              if (ended === undefined) resolve(opened);
              else opened.close(ended);
            },
            (error: Error) => {
              over();
              reject(error);
            },
          );
        },
        giveWay: end,
      };
      const ms = this.handshakeMs;
      const left = Math.max(1, ms - (performance.now() - visitor.since));
      const timer = setTimeout(() => end(`no handshake within ${ms} ms`), left).unref();
      const leave = () => {
        if (session === undefined) end("closed by the client");
      };
      gone?.addEventListener("abort", leave, { once: true });
      if (principal !== undefined) {
        // Of each principal one handshake is under way.
        this.handshakeOf.get(principal)?.("the same principal has begun another handshake");
        this.handshakeOf.set(principal, end);
      }
      places.enter(holder);
    });
  }

  /** Has the isolate make the session. */
  private async begin(
    sink: SessionSink,
    visitor: Visitor,
    handshakeOver: () => void,
  ): Promise<BridgeSession> {
    const { connection } = this;
    if (connection === undefined) throw new SessionRefused(this.unavailable);
    if (this.sessions.size >= this.options.maxSessions) {
      throw this.refuse(`the server has ${this.options.maxSessions} sessions already`);
    }
    let number = 0;
    do number = randomInt(1, 2 ** 31);
    while (this.sessions.has(number));
    const session = new BridgeSession(number, this, sink, handshakeOver);
    this.sessions.set(number, session);
    const admitted = visitor.principal === undefined ? 0 : 1;
    try {
      await connection.request("newSession", { session: number, admitted });
    } catch (error) {
      this.sessions.delete(number);
      throw this.refuse((error as Error).message);
    }
    this.refusedAt = Number.NEGATIVE_INFINITY;
    this.openedEver[admitted === 1 ? "principals" : "strangers"]++;
    this.options.log("session opened", { session: number, from: visitor.address, admitted });
    return session;
  }

  /** The isolate knows the peer of a session. */
  openedByIsolate(number: number): void {
    this.sessions.get(number)?.opened();
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
    this.strangers.clear(reason);
    this.principals.clear(reason);
    for (const session of [...this.sessions.values()]) session.finish(reason);
  }

  /** Internal: a session's ServerHello has named the group of its key exchange. */
  keysAgreed(session: BridgeSession, keyExchange: string): void {
    this.options.log("session keys agreed", { session: session.number, keyExchange });
  }

  /** Internal. */
  forget(session: BridgeSession, reason: string): void {
    this.sessions.delete(session.number);
    const { number, bytesIn, bytesOut } = session;
    this.options.log("session closed", { session: number, reason, bytesIn, bytesOut });
  }
}
