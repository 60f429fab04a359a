import type { Duplex } from "node:stream";
import {
  decodeMessage,
  encodeMessage,
  FrameReader,
  frame,
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

/** The connection to the isolate is gone, or nothing sensible comes over it. */
export class IsolateLost extends Error {
  override name = "IsolateLost";
}

/** What the isolate tells without being asked. */
export interface IsolateEvents {
  /** TLS bytes for the peer of a session; they may be a view that shares memory. */
  tlsOutput(session: number, tls: Uint8Array): void;
  sessionClosed(session: number, reason: string): void;
  ended(reason: string): void;
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
  reattest: "reattestation",
  closeSessions: "done",
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
      this.stream.write(frame(encodeMessage(message as Message)));
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
    this.stream.cork();
    this.stream.write(tlsInputHeader(id, session, tls.length));
    this.stream.write(tls);
    process.nextTick(() => this.stream.uncork());
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
      case "sessionClosed":
        this.events.sessionClosed(message.session, message.text);
        return;
      case "ended":
        this.events.ended(message.text);
        return;
    }
    const pending = this.pending.get(message.id);
    if (pending === undefined) throw new TransportError(`an answer to no request: ${message.id}`);
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
