import { decodeBase64, TransportError } from "../transport-protocol/index.js";
import { type Bridge, type BridgeSession, SessionRefused, type Visitor } from "./bridge.js";
import { clientHello } from "./client-hello.js";

/** What a POST is answered with: the HTTP status and the body. */
export interface PostAnswer {
  status: number;
  body: string;
  /** The session's number, when its peer is a principal of the policy. */
  openSession?: number | undefined;
}

/** A request, as far as sessions are concerned. */
export interface PostRequest {
  readonly body: string;
  readonly visitor: Visitor;
  /** Aborted when the client is gone. */
  readonly gone: AbortSignal;
  /** Asked before a session is opened; says why not, if not. */
  readonly mayOpen: () => string | undefined;
  /** Sees to it that there is an isolate, before a session is opened. */
  readonly wake: () => Promise<void>;
}

/** Limits of sessions in POST requests. */
export interface PostOptions {
  /** Milliseconds without a request after which a session is closed. */
  idleMs: number;
  /** Requests of one session that may wait for one another. */
  maxWaiting: number;
  /** Bytes for the client that may wait for its next request. */
  maxBufferedBytes: number;
}

/** Sessions that have ended and are remembered, so that the client is told why. */
const MAX_REMEMBERED = 1000;

const line = (status: number, text: string): PostAnswer => ({ status, body: `${text}\n` });

/** A session whose bytes come and go in POST requests. */
class PostSession {
  session: BridgeSession | undefined;
  outputs: Uint8Array[] = [];
  buffered = 0;
  waiting = 0;
  /** The requests before, one after the other. */
  turn: Promise<void> = Promise.resolve();
  lastUsed = Date.now();
  closedReason: string | undefined;
  private wake: (() => void) | undefined;

  constructor(private readonly options: PostOptions) {}

  /** Whether its peer is a principal of the policy. */
  get open(): boolean {
    return this.session?.open ?? false;
  }

  readonly sink = {
    opened: () => undefined,
    output: (tls: Uint8Array) => {
      // A copy: the view keeps a whole chunk of the connection alive.
      this.outputs.push(Uint8Array.from(tls));
      this.buffered += tls.length;
      if (this.buffered > this.options.maxBufferedBytes) {
        this.session?.close("the client does not fetch what it asked for");
      }
    },
    closed: (reason: string) => {
      this.closedReason = reason;
      this.wake?.();
    },
  };

  /** Settles when the isolate has dealt with the bytes, or the session has ended. */
  exchange(tls: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      this.wake = resolve;
      if (this.closedReason !== undefined) resolve();
      else this.session?.input(tls, resolve);
    });
  }

  take(): Uint8Array[] {
    this.buffered = 0;
    return this.outputs.splice(0);
  }
}

/**
 * TLS over plain POST requests, for devices that speak no more than that. A request is
 * `"<session id> <base64 TLS bytes>"`, session id 0 opens one. The answer is
 * `"<session id> <base64> <base64> …"`, and empty if there is nothing to send; to a request that opened
 * a session it always names the session.
 */
export class PostSessions {
  private readonly sessions = new Map<number, PostSession>();
  private readonly ended = new Map<number, string>();
  private readonly sweep: NodeJS.Timeout;

  constructor(
    private readonly bridge: Bridge,
    private readonly options: PostOptions,
  ) {
    const period = Math.max(50, Math.min(10_000, options.idleMs / 4));
    this.sweep = setInterval(() => this.closeIdle(Date.now()), period).unref();
  }

  /** Answers one request. */
  async handle({ body, visitor, gone, mayOpen, wake }: PostRequest): Promise<PostAnswer> {
    const [, digits, base64] = /^\s*(\d{1,10}) ([A-Za-z0-9+/=]*)\s*$/.exec(body) ?? [];
    const number = Number(digits);
    if (base64 === undefined || number > 0x7fff_ffff) {
      return line(
        400,
        'expected "<session id> <base64 TLS bytes>", session id 0 for a new session',
      );
    }
    let tls: Uint8Array;
    try {
      tls = decodeBase64(base64);
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
      return line(400, error.message);
    }
    if (number === 0) {
      if (clientHello(tls) !== "whole") {
        return line(400, "a session begins with a whole ClientHello of TLS 1.3");
      }
      const refusal = mayOpen();
      if (refusal !== undefined) return line(429, refusal);
      await wake();
      return this.openAndExchange(tls, visitor, gone);
    }
    const session = this.sessions.get(number);
    if (session === undefined) {
      const reason = this.ended.get(number);
      if (reason === undefined) return line(404, `no session ${number}`);
      return this.gone(number, reason);
    }
    if (session.waiting >= this.options.maxWaiting) {
      return line(429, `${session.waiting} requests of session ${number} are waiting already`);
    }
    return this.exchange(number, session, tls, false);
  }

  private async openAndExchange(
    tls: Uint8Array,
    visitor: Visitor,
    gone: AbortSignal,
  ): Promise<PostAnswer> {
    const session = new PostSession(this.options);
    try {
      session.session = await this.bridge.open(session.sink, visitor, gone);
    } catch (error) {
      if (!(error instanceof SessionRefused)) throw error;
      return line(503, error.message);
    }
    const { number } = session.session;
    this.sessions.set(number, session);
    return this.exchange(number, session, tls, true);
  }

  private async exchange(
    number: number,
    session: PostSession,
    tls: Uint8Array,
    isNew: boolean,
  ): Promise<PostAnswer> {
    session.waiting++;
    const turn = session.turn.then(() => session.exchange(tls));
    session.turn = turn;
    await turn;
    session.waiting--;
    session.lastUsed = Date.now();
    const pieces = session.take().map((bytes) => Buffer.from(bytes).toString("base64"));
    if (session.closedReason !== undefined) {
      this.remember(number, session.closedReason);
      if (pieces.length === 0) return this.gone(number, session.closedReason);
    }
    const body = pieces.length > 0 || isNew ? [number, ...pieces].join(" ") : "";
    return { status: 200, body, openSession: session.open ? number : undefined };
  }

  private gone(number: number, reason: string): PostAnswer {
    return line(410, `session ${number} has ended: ${reason}`);
  }

  private remember(number: number, reason: string): void {
    this.sessions.delete(number);
    this.ended.set(number, reason);
    const [oldest] = this.ended.keys();
    if (this.ended.size > MAX_REMEMBERED) this.ended.delete(oldest as number);
  }

  private closeIdle(now: number): void {
    for (const [number, session] of this.sessions) {
      const idle = session.waiting === 0 && now - session.lastUsed > this.options.idleMs;
      if (idle) session.session?.close("no request for a long time");
      if (session.closedReason !== undefined && session.waiting === 0) {
        // Its last bytes stay for a client that still comes for them, for as long.
        if (session.outputs.length === 0 || now - session.lastUsed > 2 * this.options.idleMs) {
          this.remember(number, session.closedReason);
        }
      }
    }
  }

  close(): void {
    clearInterval(this.sweep);
  }
}
