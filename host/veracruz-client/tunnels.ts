import type { Agent, ClientRequest, IncomingMessage } from "node:http";
import { Duplex } from "node:stream";
import { networkReason } from "../common/network-reason.js";
import { decodeBase64, TransportError } from "../transport-protocol/index.js";
import { POLICY_HEADER } from "../veracruz-utils/admission.js";
import { ClientError } from "./errors.js";
import { formatServer, type ServerAddress } from "./server-address.js";
import { agentFor, requestTo } from "./server-requests.js";
import { authorityOf, type RequestSigner } from "./signed-requests.js";

/** Longest answer in a POST session, in characters; and longest explanation. */
const MAX_ANSWER = 64 * 1024 * 1024;
const MAX_REASON = 300;

const connectionError = (message: string) => new ClientError("connection", message);

/** The body of an answer, as text. */
function bodyOf(answer: IncomingMessage, limit: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    answer.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (length <= limit) chunks.push(chunk);
      else if (limit === MAX_ANSWER) answer.destroy(new TransportError("answer too long"));
    });
    answer.on("end", () => resolve(Buffer.concat(chunks).toString("latin1")));
    answer.on("error", reject);
  });
}

/** The first line of what the server says, without anything that a terminal would act on. */
function oneLine(text: string): string {
  return (text.split("\n")[0] ?? "").replace(/[^ -~]/g, "?").slice(0, MAX_REASON);
}

function unreachable(server: ServerAddress, error: Error): ClientError {
  return connectionError(
    `cannot reach the server at ${formatServer(server)}: ${networkReason(error)}`,
  );
}

/**
 * An answer that is no session. A Veracruz server gives its reason as a line of text; a web page is the word of another
 * program, or of a proxy that does not reach the server.
 */
function refused(server: ServerAddress, answer: IncomingMessage, body: string): ClientError {
  const { statusCode, headers } = answer;
  if (/^\s*</.test(body) || headers["content-type"]?.startsWith("text/html"))
    return connectionError(
      `no Veracruz server answers at ${formatServer(server)}, but a web page (status ${statusCode}): another program has the port, or a proxy does not reach the server`,
    );
  return connectionError(
    `the server refuses a session: ${oneLine(body) || `status ${statusCode}`}`,
  );
}

/**
 * A raw byte stream to the isolate through the server's CONNECT.
 *
 * @param signer signs the request, for a principal to get in before strangers
 * @param policyHash names the computation, where the server has several: SHA-256 of its policy, hexadecimal
 * @throws ClientError of kind `connection`
 */
export async function connectTunnel(
  server: ServerAddress,
  timeoutMs: number,
  signer?: RequestSigner,
  policyHash?: string,
): Promise<Duplex> {
  const path = "isolate:443";
  const signed = (await signer?.headers(server, "CONNECT", path, path)) ?? {};
  return new Promise((resolve, reject) => {
    const headers = { host: path, ...naming(policyHash), ...signed };
    const { host, port } = server;
    const options = { host, port, method: "CONNECT", path, headers, agent: false };
    const outgoing = requestTo(server)(options);
    const timer = setTimeout(
      () => outgoing.destroy(new Error(`no answer within ${timeoutMs} ms`)),
      timeoutMs,
    );
    outgoing.on("connect", (answer, socket, head) => {
      clearTimeout(timer);
      if (answer.statusCode !== 200) {
        socket.destroy();
        reject(refused(server, answer, head.toString("latin1")));
        return;
      }
      socket.setNoDelay(true);
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    outgoing.on("response", (answer) => {
      clearTimeout(timer);
      bodyOf(answer, MAX_REASON).then((body) => reject(refused(server, answer, body)), reject);
    });
    outgoing.on("error", (error) => {
      clearTimeout(timer);
      reject(unreachable(server, error));
    });
    outgoing.end();
  });
}

const naming = (policyHash: string | undefined) =>
  policyHash === undefined ? {} : { [POLICY_HEADER]: policyHash };

/** Bytes of one POST request: with base64 well below the server's limit of the body. */
const POST_BYTES = 48 * 1024;

/** A byte stream to the isolate in POST requests, one after the other. */
export class PostTunnel extends Duplex {
  private readonly agent: Agent;
  private session = 0;
  private outgoing: ClientRequest | undefined;

  /**
   * @param signer signs the request for the session, for a principal to get in before strangers
   * @param policyHash names the computation, where the server has several: SHA-256 of its policy, hexadecimal
   */
  constructor(
    private readonly server: ServerAddress,
    private readonly signer?: RequestSigner,
    private readonly policyHash?: string,
  ) {
    super({ allowHalfOpen: true });
    this.agent = agentFor(server);
  }

  override _read(): void {
    // Answers are pushed as they come.
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.send(chunk).then(() => done(), done);
  }

  override _writev(
    chunks: { chunk: Buffer; encoding: BufferEncoding }[],
    done: (error?: Error | null) => void,
  ): void {
    this.send(Buffer.concat(chunks.map(({ chunk }) => chunk))).then(() => done(), done);
  }

  private async send(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length; at += POST_BYTES) {
      await this.exchange(bytes.subarray(at, at + POST_BYTES));
    }
  }

  /** Fetches what has come since the last request: an answer that the isolate gave later has no other way. */
  async fetch(): Promise<void> {
    if (this.session !== 0 && !this.destroyed) await this.exchange(Buffer.alloc(0));
  }

  private async exchange(bytes: Buffer): Promise<void> {
    const answer = await this.post(`${this.session} ${bytes.toString("base64")}`);
    const [session, ...pieces] = answer.split(" ");
    if (session === "" || session === undefined) return;
    const number = Number(session);
    const known = this.session === 0 ? number > 0 : number === this.session;
    if (!/^\d{1,10}$/.test(session) || !known) {
      throw connectionError("the server answers for another session");
    }
    this.session = number;
    for (const base64 of pieces) this.push(decodeBase64(base64));
  }

  private async post(body: string): Promise<string> {
    const path = "/runtime_manager";
    const host = authorityOf(this.server);
    const opens = this.session === 0;
    const signed = opens ? await this.signer?.headers(this.server, "POST", path, host, body) : {};
    const headers = {
      host,
      "content-type": "text/plain",
      "content-length": Buffer.byteLength(body),
      ...naming(this.policyHash),
      ...signed,
    };
    return new Promise((resolve, reject) => {
      const { port } = this.server;
      const outgoing = requestTo(this.server)(
        { host: this.server.host, port, path, method: "POST", headers, agent: this.agent },
        (answer) => {
          const good = answer.statusCode === 200;
          bodyOf(answer, good ? MAX_ANSWER : MAX_REASON).then((text) => {
            if (good) resolve(text.trim());
            else reject(connectionError(`the server says: ${oneLine(text)}`));
          }, reject);
        },
      );
      this.outgoing = outgoing;
      outgoing.on("error", (error) => reject(unreachable(this.server, error)));
      outgoing.end(body);
    });
  }

  override _final(done: (error?: Error | null) => void): void {
    this.push(null);
    this.agent.destroy();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.outgoing?.destroy();
    this.agent.destroy();
    done(error);
  }
}
