import type { Duplex } from "node:stream";
import { describeEnd } from "../session-manager/alerts.js";
import {
  decodeMessage,
  encodeFrame,
  FrameReader,
  MAX_ISOLATE_FRAME_BYTES,
  type Message,
  type MessageIn,
  type NameIn,
  readDone,
  readTlsOutput,
  type Status,
  TransportError,
  tlsInputHeader,
} from "../transport-protocol/index.js";

/** The isolate said no to a request. */
export class IsolateRefused extends Error {
  override name = "IsolateRefused";

  constructor(
    readonly request: string,
    readonly status: Status,
    text: string,
  ) {
    super(text);
  }
}

/**
 * A board with one world wipes itself by a reset of all of it: how often it is tried until it is there again, and the
 * milliseconds in between.
 */
export const WIPE_TRIES = 5;
/** See `WIPE_TRIES`. */
export const WIPE_PAUSE_MS = 250;

/** The connection to the isolate is gone, or nothing sensible comes over it. */
export class IsolateLost extends Error {
  override name = "IsolateLost";
}

/** What the isolate tells without being asked. */
export interface IsolateEvents {
  /** TLS bytes for the peer of a session; they may be a view that shares memory. */
  tlsOutput(session: number, tls: Uint8Array): void;
  /** The handshake of a session is done: its peer is a principal of the policy. */
  sessionOpened(session: number): void;
  sessionClosed(session: number, reason: string): void;
  ended(reason: string): void;
  /** A principal wants the computation committed to the isolate. */
  commitWanted(request: Message<"commitWanted">): void;
  /** A client wants a token verified. */
  freshnessWanted(request: Message<"freshnessWanted">): void;
  /** The connection is gone; nothing comes after this. */
  lost(reason: string): void;
}

type Answer = MessageIn<"isolateAnswer">;
type RequestName = NameIn<"isolateRequest">;
type Fields<N extends RequestName> = Omit<Message<N>, "type" | "id">;

/** Which answer each request gets when it is not refused. */
const answers = {
  initialise: "done",
  attest: "attestation",
  installCertificate: "done",
  newSession: "done",
  closeSession: "done",
  tlsInput: "done",
  runtimeState: "runtimeStateIs",
  reset: "done",
  health: "healthIs",
  closeSessions: "done",
  installCommitment: "done",
  deliverFreshness: "done",
  proveDevice: "deviceProof",
  update: "updateIs",
} as const satisfies Record<RequestName, Answer["type"]>;

type AnswerOf<N extends RequestName> = Message<(typeof answers)[N]>;

interface Pending {
  name: RequestName;
  settle: (answer: Answer | Error) => void;
}

/**
 * The server's end of the wire to an isolate: requests with their answers, and events. The isolate is
 * trusted with secrets, but not to be free of faults: what does not fit the protocol ends the connection.
 */
export class IsolateConnection {
  private readonly pending = new Map<number, Pending>();
  private readonly reader = new FrameReader(MAX_ISOLATE_FRAME_BYTES);
  private nextId = 1;
  private lostReason: string | undefined;
  private heardAt = performance.now();
  /** Whether the stream is corked. */
  private gathering = false;

  constructor(
    private readonly stream: Duplex,
    private readonly events: IsolateEvents,
  ) {
    stream.on("data", (chunk: Buffer) => {
      try {
        for (const message of this.reader.push(chunk)) {
          this.heardAt = performance.now();
          this.receive(message);
        }
      } catch (error) {
        if (!(error instanceof TransportError)) throw error;
        this.lose(`the isolate broke the protocol: ${error.message}`);
      }
    });
    stream.on("error", (error: Error) => this.lose(error.message));
    stream.on("end", () => this.lose("the isolate ended the connection"));
    stream.on("close", () => this.lose("the connection is closed"));
  }

  /** Requests without an answer so far. */
  get outstanding(): number {
    return this.pending.size;
  }

  /** Milliseconds since the last message from the isolate. */
  get silentMs(): number {
    return performance.now() - this.heardAt;
  }

  /** Ends the connection; every request that waits fails with the reason. */
  lose(reason: string): void {
    if (this.lostReason !== undefined) return;
    this.lostReason = reason;
    this.stream.destroy();
    const waiting = [...this.pending.values()];
    this.pending.clear();
    for (const { settle } of waiting) settle(new IsolateLost(reason));
    this.events.lost(reason);
  }

  private register(pending: Pending): number {
    const id = this.nextId;
    this.nextId = id === 0xffff_ffff ? 1 : id + 1;
    this.pending.set(id, pending);
    return id;
  }

  /**
   * Asks the isolate.
   *
   * @throws IsolateRefused, IsolateLost
   */
  request<N extends RequestName>(name: N, fields: Fields<N>): Promise<AnswerOf<N>> {
    return new Promise((resolve, reject) => {
      if (this.lostReason !== undefined) {
        reject(new IsolateLost(this.lostReason));
        return;
      }
      const settle = (answer: Answer | Error) =>
        answer instanceof Error ? reject(answer) : resolve(answer as AnswerOf<N>);
      const id = this.register({ name, settle });
      const message = { type: name, id, ...fields } as unknown as Message<N>;
      for (const part of encodeFrame(message as Message)) this.stream.write(part);
    });
  }

  /**
   * Hands over TLS bytes of a session's peer, without copying them.
   *
   * @param done called once when the isolate has dealt with them, or why it could not
   */
  sendTls(session: number, tls: Uint8Array, done: (error: Error | undefined) => void): void {
    if (this.lostReason !== undefined) {
      done(new IsolateLost(this.lostReason));
      return;
    }
    const settle = (answer: Answer | Error) => done(answer instanceof Error ? answer : undefined);
    const id = this.register({ name: "tlsInput", settle });
    this.gather();
    this.stream.write(tlsInputHeader(id, session, tls.length));
    this.stream.write(tls);
  }

  /**
   * Holds what is written back until all that has come in by now is read: a peer that sends much fills its window at
   * once, and all of it then costs one system call and wakes the isolate once. The sessions' windows bound what is held.
   */
  private gather(): void {
    if (this.gathering) return;
    this.gathering = true;
    this.stream.cork();
    setImmediate(() => {
      this.gathering = false;
      this.stream.uncork();
    });
  }

  private receive(bytes: Buffer): void {
    const output = readTlsOutput(bytes);
    if (output !== undefined) {
      this.events.tlsOutput(output.session, output.tls);
      return;
    }
    const id = readDone(bytes);
    this.dispatch(id === undefined ? decodeMessage("isolateAnswer", bytes) : { type: "done", id });
  }

  private dispatch(message: Answer): void {
    switch (message.type) {
      case "tlsOutput":
        this.events.tlsOutput(message.session, message.tls);
        return;
      case "sessionOpened":
        this.events.sessionOpened(message.session);
        return;
      case "sessionClosed":
        this.events.sessionClosed(message.session, describeEnd(message.text));
        return;
      case "ended":
        this.events.ended(message.text);
        return;
      case "commitWanted":
        this.events.commitWanted(message);
        return;
      case "freshnessWanted":
        this.events.freshnessWanted(message);
        return;
    }
    const pending = this.pending.get(message.id);
    if (pending === undefined)
      throw new TransportError(`an answer without a request: ${message.id}`);
    this.pending.delete(message.id);
    if (message.type === "refused") {
      pending.settle(new IsolateRefused(pending.name, message.status as Status, message.text));
    } else if (message.type === answers[pending.name]) {
      pending.settle(message);
    } else {
      const error = new TransportError(`${message.type} as an answer to ${pending.name}`);
      pending.settle(error);
      throw error;
    }
  }
}
