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

/** Requests and their responses inside TLS: the responses come in the order of the requests. */
export class RequestChannel {
  private readonly reader = new FrameReader(MAX_PRINCIPAL_FRAME_BYTES);
  private readonly waiting: Waiting[] = [];
  private failure: ClientError | undefined;
  private closing = false;
  private corked = false;

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
        process.nextTick(() => {
          this.corked = false;
          this.stream.uncork();
        });
      }
      for (const part of parts) this.stream.write(part);
    });
  }

  private receive(bytes: Buffer): void {
    const response = decodeMessage("principalResponse", bytes);
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
