import { Agent, request } from "node:http";
import { formatAddress } from "../common/addresses.js";
import {
  decodeBase64Message,
  encodeBase64Message,
  type Message,
  type MessageIn,
  TransportError,
} from "../transport-protocol/index.js";

/** The proxy attestation server said no. */
export class AttestationRefused extends Error {
  override name = "AttestationRefused";

  constructor(
    /** A stable word: the rule that was broken. */
    readonly code: string,
    readonly text: string,
  ) {
    super(`the proxy attestation server refused (${code}): ${text}`);
  }
}

/** A connection that had served a request before was closed without an answer to this one. */
class StaleConnection extends Error {
  override name = "StaleConnection";
}

/** How patient the client is. */
export interface ClientOptions {
  readonly host: string;
  readonly port: number;
  /** Milliseconds after which a request is given up. */
  readonly timeout?: number;
}

/** An answer holds at most two certificates of 4096 bytes, in base64. */
const MAX_ANSWER = 32_768;

type Reply = MessageIn<"attestationAnswer">;

/**
 * Speaks to a proxy attestation server over HTTP. Nothing in its answers is believed here: an isolate's
 * chain is checked by clients (`verifyIsolateCertificate`), a statement by `verifyStatement`.
 */
export class AttestationClient {
  private readonly agent = new Agent({ keepAlive: true });

  constructor(private readonly options: ClientOptions) {}

  /** `host:port` of the server, for messages. */
  get address(): string {
    return formatAddress(this.options);
  }

  private async post(path: string, body: string): Promise<string> {
    try {
      return await this.postOnce(path, body);
    } catch (error) {
      // The server may have closed an idle connection in the moment in which it was used again.
      if (!(error instanceof StaleConnection)) throw error;
      return this.postOnce(path, body);
    }
  }

  private postOnce(path: string, body: string): Promise<string> {
    const { host, port, timeout = 10_000 } = this.options;
    return new Promise((done, fail) => {
      let answered = false;
      const headers = { "content-type": "text/plain", "content-length": Buffer.byteLength(body) };
      const outgoing = request(
        { host, port, path, method: "POST", headers, agent: this.agent },
        (answer) => {
          answered = true;
          const chunks: Buffer[] = [];
          let length = 0;
          answer.on("data", (chunk: Buffer) => {
            length += chunk.length;
            if (length > MAX_ANSWER) outgoing.destroy(new TransportError("answer too long"));
            else chunks.push(chunk);
          });
          answer.on("end", () => done(Buffer.concat(chunks).toString("latin1")));
          answer.on("error", fail);
        },
      );
      outgoing.setTimeout(timeout, () =>
        outgoing.destroy(new Error(`no answer from ${host}:${port} within ${timeout} ms`)),
      );
      outgoing.on("error", (error: NodeJS.ErrnoException) => {
        const stale = outgoing.reusedSocket && !answered && error.code === "ECONNRESET";
        fail(stale ? new StaleConnection(error.message) : error);
      });
      outgoing.end(body);
    });
  }

  private async ask<N extends Reply["type"]>(
    path: string,
    message: Message,
    answer: N,
  ): Promise<Extract<Reply, { type: N }>> {
    const text = await this.post(path, encodeBase64Message(message));
    const reply = decodeBase64Message("attestationAnswer", text);
    if (reply.type === "attestationRefused") throw new AttestationRefused(reply.code, reply.text);
    if (reply.type !== answer)
      throw new TransportError(`the answer to ${path} is ${reply.type} instead of ${answer}`);
    return reply as Extract<Reply, { type: N }>;
  }

  /**
   * Asks for a challenge.
   *
   * @throws AttestationRefused, TransportError, or a network error
   */
  start(firmwareVersion: string): Promise<Message<"challenge">> {
    return this.ask("/Start", { type: "start", protocol: "psa", firmwareVersion }, "challenge");
  }

  /** Hands over an isolate's token and CSR for a certificate. Throws as `start` does. */
  attest(
    details: Omit<Message<"nativeAttestationToken">, "type">,
  ): Promise<Message<"certificateChain">> {
    const message = { type: "nativeAttestationToken", ...details } as const;
    return this.ask("/PSA/AttestationToken", message, "certificateChain");
  }

  /**
   * Has a computation committed to an isolate's key. What comes back is signed: a statement, or a refusal that is
   * final. Throws as `start` does: that may pass.
   */
  async commit(details: Omit<Message<"commitComputation">, "type">): Promise<Uint8Array> {
    const message = { type: "commitComputation", ...details } as const;
    return (await this.ask("/Commit", message, "commitment")).statement;
  }

  /** Has a token for a client's own nonce verified. Throws as `start` does. */
  verifyProxyToken(
    details: Omit<Message<"verifyProxyToken">, "type">,
  ): Promise<Message<"verified">> {
    return this.ask("/VerifyPAT", { type: "verifyProxyToken", ...details }, "verified");
  }

  /** Closes idle connections. */
  close(): void {
    this.agent.destroy();
  }
}
