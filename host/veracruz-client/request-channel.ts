import type { Duplex } from "node:stream";
import {
  decodeMessage,
  encodeFrame,
  FrameReader,
  MAX_PRINCIPAL_FRAME_BYTES,
  type MessageIn,
  TransportError,
} from "../transport-protocol/index.js";
import { ClientError } from "./errors.js";
import { explainTlsError } from "./secure-channel.js";

/** A request of a principal. */
export type Request = MessageIn<"principalRequest">;
/** The isolate's response to one. */
export type Response = MessageIn<"principalResponse">;

interface Waiting {
  resolve: (response: Response) => void;
  reject: (error: Error) => void;
}

/** Longest outcome that is kept to be known again, in bytes. */
const MAX_KEPT_BYTES = 256;

/** Requests and their responses inside TLS: the responses come in the order of the requests. */
export class RequestChannel {
  private readonly reader = new FrameReader(MAX_PRINCIPAL_FRAME_BYTES);
  private readonly waiting: Waiting[] = [];
  private failure: ClientError | undefined;
  private closing = false;
  private corked = false;
  /** The last short outcome: to each piece of a file the same comes, and need not be read anew. */
  private last: { bytes: Buffer; response: Response } | undefined;

  constructor(private readonly stream: Duplex) {
    stream.on("data", (chunk: Buffer) => {
      try {
        for (const message of this.reader.push(chunk)) this.receive(message);
      } catch (error) {
        if (!(error instanceof TransportError)) throw error;
        this.fail(
          new ClientError("connection", `the isolate broke the protocol: ${error.message}`),
        );
      }
    });
    stream.on("error", (error) => this.fail(explainTlsError(error)));
    const ended = () => this.fail(new ClientError("connection", "the isolate ended the session"));
    stream.on("end", ended);
    stream.on("close", ended);
  }

  /** Whether the session can still be used. */
  get usable(): boolean {
    return this.failure === undefined;
  }

  /** Sends a request. Rejects with a ClientError of kind `connection` or `identity`. */
  send(request: Request): Promise<Response> {
    return new Promise((resolve, reject) => {
      if (this.failure !== undefined) {
        reject(this.failure);
        return;
      }
      const parts = encodeFrame(request);
      this.waiting.push({ resolve, reject });
      // Requests that are made in one go are protected and sent in one go.
      if (!this.corked) {
        this.corked = true;
        this.stream.cork();
        process.nextTick(this.uncork);
      }
      for (const part of parts) this.stream.write(part);
    });
  }

  private readonly uncork = () => {
    this.corked = false;
    this.stream.uncork();
  };

  private responseOf(bytes: Buffer): Response {
    if (this.last?.bytes.equals(bytes)) return this.last.response;
    const response = decodeMessage("principalResponse", bytes);
    if (response.type === "outcome" && bytes.length <= MAX_KEPT_BYTES) {
      // A copy: what came lies in memory that is much larger.
      this.last = { bytes: Buffer.from(bytes), response: Object.freeze(response) };
    }
    return response;
  }

  private receive(bytes: Buffer): void {
    const response = this.responseOf(bytes);
    const waiting = this.waiting.shift();
    if (waiting === undefined) throw new TransportError("a response to no request");
    waiting.resolve(response);
  }

  private fail(error: ClientError): void {
    if (this.failure !== undefined) return;
    this.failure = error;
    this.stream.destroy();
    for (const { reject } of this.waiting.splice(0)) reject(error);
  }

  /** Ends the session in order. */
  close(): Promise<void> {
    if (this.failure !== undefined || this.closing) return Promise.resolve();
    this.closing = true;
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.stream.destroy(), 2_000);
      this.stream.once("close", () => {
        clearTimeout(timer);
        resolve();
      });
      this.stream.end();
    });
  }
}
