import { Duplex } from "node:stream";
import { describeAlert, describeRefusal, TlsError } from "./alerts.js";
import { Status, type TlsConfig, type TlsSession } from "./engine.js";

/** What a caller says of a peer's certificate: yes, no (access_denied), or no with this alert. */
export type Approval = boolean | number;

/** Which side of the session this is, and who the peer may be. */
export interface TlsDuplexOptions {
  config: TlsConfig;
  role: "server" | "client";
  /** Where TLS bytes go and come from: a socket, or any other stream. The duplex owns it. */
  transport: Duplex;
  /**
   * Judges the peer's certificates (DER, its own first). No application data is read or sent before it
   * has answered.
   */
  approve: (certificates: Buffer[], session: TlsSession) => Approval | Promise<Approval>;
  /**
   * Client role, where the key is elsewhere (`ConfigOptions.elsewhere`): its signature over the content, r ‖ s. The
   * handshake goes on when it comes; where it fails, the session ends with that error.
   */
  sign?: (content: Uint8Array) => Promise<Uint8Array>;
}

/**
 * Milliseconds for which a transport may go on after its session, so that the peer reads our last words:
 * closing a socket at once would reset it if more had come in.
 */
const LINGER = 1000;

/**
 * TLS bytes that are handed to the transport at once, at most. As the payload of a WebSocket message they make 64 KiB
 * with their header, which is eight bytes long below 64 KiB of payload (RFC 6455 §5.2): so much a server reads at once,
 * and so much it hands to an isolate in one message.
 */
const OUTPUT_PIECE = (1 << 16) - 8;

/** TLS bytes that are queued for the session before the transport is paused. */
const QUEUE_LIMIT = 1 << 16;

/**
 * A TLS session of the AssemblyScript engine on a transport, as a stream of application data.
 *
 * Events beside those of a stream: `secure` when the handshake is done and the peer approved. A session
 * that ends in disorder is destroyed with a `TlsError`, after its alert has been handed to the transport.
 */
export class TlsDuplex extends Duplex {
  readonly session: TlsSession;
  /** The peer's certificates (DER), once it has shown them. */
  peerCertificates: Buffer[] = [];

  private readonly transport: Duplex;
  private readonly approve: TlsDuplexOptions["approve"];
  private readonly sign: TlsDuplexOptions["sign"];
  private queue: Buffer[] = [];
  private queued = 0;
  /** What is left of the writes that were taken, and who is told when nothing is. */
  private pendingWrite: { rest: Buffer[]; done: (error?: Error | null) => void } | undefined;
  private pendingFinal: ((error?: Error | null) => void) | undefined;
  private wantsPlaintext = false;
  private transportIsFull = false;
  private transportEnded = false;
  private approvalAsked = false;
  private secure = false;
  private pumping = false;
  private readEnded = false;

  constructor(options: TlsDuplexOptions) {
    super({ allowHalfOpen: true });
    this.transport = options.transport;
    this.approve = options.approve;
    this.sign = options.sign;
    this.session = options.config.open(options.role);
    this.transport.on("data", (chunk: Buffer) => {
      if (this.destroyed) return;
      this.queue.push(chunk);
      this.queued += chunk.length;
      if (this.queued > QUEUE_LIMIT) this.transport.pause();
      this.pump();
    });
    this.transport.on("end", () => {
      this.transportEnded = true;
      this.pump();
    });
    this.transport.on("drain", () => {
      this.transportIsFull = false;
      this.pump();
    });
    this.transport.on("error", (error: Error) => this.destroy(error));
    this.transport.on("close", () => {
      this.transportEnded = true;
      this.pump();
    });
    queueMicrotask(() => this.pump());
  }

  /** Replaces the sending key, and asks the peer to do so too if `askPeer`. */
  updateKeys(askPeer = false): void {
    this.session.updateKeys(askPeer);
    this.pump();
  }

  override _read(): void {
    this.wantsPlaintext = true;
    this.pump();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.pendingWrite = { rest: [chunk], done };
    this.pump();
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.pendingWrite = { rest: chunks.map(({ chunk }) => chunk), done };
    this.pump();
  }

  override _final(done: (error?: Error | null) => void): void {
    this.pendingFinal = done;
    this.pump();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (!this.session.ended) this.session.close();
    const last = this.session.takeOutput();
    this.session.dispose();
    this.queue = [];
    const { transport } = this;
    if (transport.writable) transport.end(last);
    // The peer may have more to say: nobody listens, but the transport must come to its end.
    transport.resume();
    if (this.transportEnded && transport.writableFinished) transport.destroy();
    else {
      const timer = setTimeout(() => transport.destroy(), LINGER).unref();
      transport.on("close", () => clearTimeout(timer));
    }
    done(error);
  }

  /** Moves everything that can move. Never runs inside itself. */
  private pump(): void {
    if (this.pumping || this.destroyed) return;
    this.pumping = true;
    let moved = true;
    while (moved && !this.destroyed) {
      moved = this.feedQueue();
      this.announceSecure();
      moved = this.sendOutput() || moved;
      moved = this.takePlaintext() || moved;
      moved = this.takeWrite() || moved;
    }
    this.pumping = false;
    if (!this.destroyed) this.checkStatus();
  }

  private feedQueue(): boolean {
    let moved = false;
    for (let chunk = this.queue[0]; chunk !== undefined; chunk = this.queue[0]) {
      const used = this.session.feed(chunk);
      this.queued -= used;
      moved ||= used > 0;
      if (used < chunk.length) {
        this.queue[0] = chunk.subarray(used);
        break;
      }
      this.queue.shift();
    }
    if (this.queued <= QUEUE_LIMIT && this.transport.isPaused()) this.transport.resume();
    return moved;
  }

  /** Before any data is delivered. */
  private announceSecure(): void {
    if (this.secure || this.session.status !== Status.open) return;
    this.secure = true;
    this.emit("secure");
  }

  private sendOutput(): boolean {
    if (this.transportIsFull || this.session.outputLength === 0) return false;
    // Memory of its own each time: a stream may hold on to what it was given for longer than it takes to say "done".
    const memory = Buffer.allocUnsafeSlow(Math.min(this.session.outputLength, OUTPUT_PIECE));
    const output = this.session.takeOutput(memory);
    if (!this.transport.writable) return true;
    if (!this.transport.write(output)) this.transportIsFull = true;
    return true;
  }

  private takePlaintext(): boolean {
    if (!this.wantsPlaintext) return false;
    const plaintext = this.session.takePlaintext();
    if (plaintext.length === 0) return false;
    this.wantsPlaintext = this.push(plaintext);
    return true;
  }

  private takeWrite(): boolean {
    const pending = this.pendingWrite;
    if (pending === undefined || this.session.status !== Status.open || this.transportIsFull)
      return false;
    const used = this.session.writeAll(pending.rest);
    if (pending.rest.length > 0) return used > 0;
    this.pendingWrite = undefined;
    pending.done();
    return true;
  }

  private checkStatus(): void {
    const { session } = this;
    if (session.status === Status.approval && !this.approvalAsked) {
      this.approvalAsked = true;
      this.askApproval().catch((error: Error) => this.destroy(error));
    }
    if (session.status === Status.failed) {
      this.destroy(this.failure());
      return;
    }
    if (session.peerClosed && !this.readEnded) {
      this.readEnded = true;
      this.push(null);
    }
    const final = this.pendingFinal;
    if (
      final !== undefined &&
      this.pendingWrite === undefined &&
      session.status !== Status.approval
    ) {
      this.pendingFinal = undefined;
      session.close();
      this.sendOutput();
      final();
    }
    if (this.transportEnded && this.queued === 0 && session.wantsInput && !session.ended) {
      session.endOfInput();
      if (session.status === Status.failed) this.destroy(this.failure());
    }
  }

  /** An exporter of the session (RFC 8446 §7.5), 32 bytes; undefined unless application data may flow. */
  exportKeyingMaterial(label: string): Uint8Array | undefined {
    return this.session.exportKeyingMaterial(label);
  }

  private async askApproval(): Promise<void> {
    this.peerCertificates = this.session.peerCertificates().map((der) => Buffer.from(der));
    const answer = await this.approve(this.peerCertificates, this.session);
    if (this.destroyed) return;
    if (answer === true) {
      const content = this.sign === undefined ? undefined : this.session.prepareSignature();
      if (content === undefined || this.sign === undefined) this.session.approvePeer();
      else {
        const signature = await this.sign(content);
        if (this.destroyed) return;
        this.session.approveSigned(signature);
      }
    } else this.session.rejectPeer(answer === false ? undefined : answer);
    this.pump();
  }

  private failure(): TlsError {
    const { alertSent, alertReceived, refusal, truncated } = this.session;
    if (alertSent !== undefined)
      return new TlsError(
        `TLS session refused: ${describeRefusal(refusal ?? alertSent)}`,
        alertSent,
      );
    if (alertReceived !== undefined)
      return new TlsError(
        `TLS session ended by the peer: ${describeAlert(alertReceived)}`,
        undefined,
        alertReceived,
      );
    return new TlsError(
      truncated ? "the connection ended before the TLS session did" : "TLS session failed",
    );
  }
}
