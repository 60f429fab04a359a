import { randomBytes } from "node:crypto";
import { get } from "node:http";
import type { Duplex } from "node:stream";
import { parseAddress } from "../common/addresses.js";
import { AttestationClient, AttestationRefused } from "../proxy-attestation-server/client.js";
import { type VerifiedStatement, verifyStatement } from "../proxy-attestation-server/statement.js";
import {
  MAX_PIECE_BYTES,
  type Message,
  SAFE_PIECE_BYTES,
  Status,
  TransportError,
} from "../transport-protocol/index.js";
import { OUTPUT, type Policy, type PolicyIdentity } from "../veracruz-utils/policy.js";
import { ClientError, refusal } from "./errors.js";
import { entryOf, type PrincipalIdentity } from "./identity.js";
import { type IsolateIdentity, runtimeHashes } from "./isolate-identity.js";
import { type Request, RequestChannel, type Response } from "./request-channel.js";
import { openNodeTls, openOwnTls } from "./secure-channel.js";
import { connectTunnel, PostTunnel, type ServerAddress } from "./tunnels.js";

export interface ConnectOptions {
  policy: Policy;
  identity: PrincipalIdentity;
  /** Where the Veracruz server is; default: the policy's `veracruz_server_url`. */
  server?: ServerAddress;
  /** How TLS bytes travel: as a raw stream through CONNECT (default), or in POST requests. */
  transport?: "connect" | "post";
  /** Whose TLS: Node's (default), or the project's own session manager. */
  tls?: "node" | "own";
  /** Fingerprint of the only isolate to speak to: SHA-256 of its public key, hexadecimal. */
  expectIsolate?: string;
  /** Milliseconds for the connection and the handshake. Default: 30 s. */
  timeoutMs?: number;
}

/** What is sent as a file: bytes, or pieces of them with their length in all. */
export type Source = Uint8Array | { length: number; pieces: AsyncIterable<Uint8Array> };

/** Told after each piece how many bytes of how many have arrived. */
export type Progress = (done: number, total: number) => void;

/** Pieces that are on their way at a time. */
const WINDOW = 8;

/** A principal's session with the isolate, which has been checked before anything is sent. */
export class VeracruzClient {
  private pieceBytes = SAFE_PIECE_BYTES;

  private constructor(
    private readonly channel: RequestChannel,
    private readonly options: ConnectOptions,
    /** The isolate, as its certificate names it. */
    readonly isolate: IsolateIdentity,
    /** What the policy allows this principal. */
    readonly entry: PolicyIdentity,
  ) {}

  /**
   * Opens a session: TLS to the isolate, whose certificate must be issued by the policy's CA, good now,
   * for a runtime that the policy names; then, inside TLS, the isolate's policy hash must be ours.
   *
   * @throws ClientError
   */
  static async connect(options: ConnectOptions): Promise<VeracruzClient> {
    const { policy, identity, timeoutMs = 30_000 } = options;
    const entry = entryOf(policy, identity);
    const server = serverOf(options);
    const tunnel: Duplex =
      options.transport === "post"
        ? new PostTunnel(server)
        : await connectTunnel(server, timeoutMs);
    const open = options.tls === "own" ? openOwnTls : openNodeTls;
    const { stream, isolate } = await withServersWords(
      server,
      open(tunnel, { policy, identity, expectedFingerprint: options.expectIsolate, timeoutMs }),
    );
    const channel = new RequestChannel(stream);
    const client = new VeracruzClient(channel, options, isolate, entry);
    try {
      const hash = await client.policyHash();
      if (!hash.equals(policy.hash)) {
        const theirs = hash.toString("hex");
        throw new ClientError(
          "isolate",
          `the isolate works under another policy: ${theirs}, ours is ${policy.hash.toString("hex")}`,
        );
      }
      const { pieceBytes } = await client.state();
      // A little less than a full piece, so that a message fits a TLS record.
      client.pieceBytes = Math.min(pieceBytes, MAX_PIECE_BYTES - 128);
      return client;
    } catch (error) {
      await channel.close();
      throw error;
    }
  }

  private ask(request: Request): Promise<Response> {
    return withServersWords(serverOf(this.options), this.channel.send(request));
  }

  /** Asks, and throws unless the response is of the wanted type. */
  private async expect<N extends Response["type"]>(
    request: Request,
    wanted: N,
  ): Promise<Message<N>> {
    const response = await this.ask(request);
    if (response.type === "outcome" && response.status !== Status.SUCCESS) {
      throw refusal(response.status, response.returnCode, response.text);
    }
    if (response.type !== wanted) {
      throw new ClientError("connection", `${response.type} as a response to ${request.type}`);
    }
    return response as Message<N>;
  }

  /** SHA-256 of the isolate's policy. */
  async policyHash(): Promise<Buffer> {
    const { hash } = await this.expect({ type: "requestPolicyHash" }, "hash");
    return Buffer.from(hash);
  }

  /** SHA-256 of a program as it is in the isolate. */
  async programHash(fileName: string): Promise<Buffer> {
    const { hash } = await this.expect({ type: "requestPiHash", fileName }, "hash");
    return Buffer.from(hash);
  }

  /** How far the computation is. */
  state(): Promise<Message<"state">> {
    return this.expect({ type: "requestState" }, "state");
  }

  /** Sends an input. @throws ClientError */
  sendData(fileName: string, source: Source, progress?: Progress): Promise<void> {
    return this.sendFile("data", fileName, source, progress);
  }

  /** Sends a program; the isolate compares it with the policy's `pi_hash`. @throws ClientError */
  sendProgram(fileName: string, source: Source, progress?: Progress): Promise<void> {
    return this.sendFile("program", fileName, source, progress);
  }

  /** Sends this round's item of a stream. @throws ClientError */
  sendStream(fileName: string, source: Source, progress?: Progress): Promise<void> {
    return this.sendFile("stream", fileName, source, progress);
  }

  private async sendFile(
    type: "data" | "program" | "stream",
    fileName: string,
    source: Source,
    progress: Progress = () => undefined,
  ): Promise<void> {
    const total = source.length;
    const pieces = cut(source, this.pieceBytes);
    const window: Promise<number>[] = [];
    let arrived = 0;
    const settleOne = async () => {
      arrived += (await window.shift()) ?? 0;
      progress(arrived, total);
    };
    try {
      let offset = 0;
      for await (const bytes of pieces) {
        if (window.length >= WINDOW) await settleOne();
        const piece = this.expect({ type, fileName, offset, total, bytes }, "outcome");
        const length = bytes.length;
        window.push(piece.then(() => length));
        offset += length;
      }
      if (offset !== total) {
        throw new ClientError("usage", `${fileName}: ${offset} bytes came instead of ${total}`);
      }
      while (window.length > 0) await settleOne();
    } catch (error) {
      // What is on its way is answered, too: the first refusal is the one to tell.
      await Promise.allSettled(window);
      throw error;
    }
  }

  /**
   * Runs the program, where this round has no result yet, and returns the length of the result in bytes
   * without fetching it.
   *
   * @param programName which program, where the policy has several
   * @throws ClientError
   */
  async compute(programName = ""): Promise<number> {
    const request = { type: "requestResult", programName, fileName: OUTPUT, offset: 0, length: 0 };
    return (await this.expect(request as Request, "result")).total;
  }

  /**
   * Reads a file; for `output`, runs the program first where this round has no result yet.
   *
   * @throws ClientError
   */
  async read(fileName: string = OUTPUT, programName = "", progress?: Progress): Promise<Buffer> {
    const ask = (offset: number, length: number) =>
      this.expect({ type: "requestResult", programName, fileName, offset, length }, "result");
    const step = this.pieceBytes;
    const first = await ask(0, step);
    const whole = Buffer.alloc(first.total);
    const store = ({ offset, total, bytes }: Message<"result">, wanted: number) => {
      const good = offset === wanted && total === whole.length;
      const length = Math.min(step, whole.length - wanted);
      if (!good || bytes.length !== length) {
        throw new ClientError("connection", `the isolate's piece of ${fileName} does not fit`);
      }
      whole.set(bytes, offset);
      progress?.(Math.min(whole.length, wanted + step), whole.length);
    };
    store(first, 0);
    const window: Promise<void>[] = [];
    try {
      for (let offset = step; offset < whole.length; offset += step) {
        if (window.length >= WINDOW) await window.shift();
        window.push(ask(offset, step).then((piece) => store(piece, offset)));
      }
      while (window.length > 0) await window.shift();
    } catch (error) {
      await Promise.allSettled(window);
      throw error;
    }
    return whole;
  }

  /** Ends this round. @throws ClientError */
  async nextRound(): Promise<void> {
    await this.expect({ type: "requestNextRound" }, "outcome");
  }

  /** Agrees to the end of the computation; the isolate's remark, as on who is still to agree. */
  async requestShutdown(): Promise<string> {
    return (await this.expect({ type: "requestShutdown" }, "outcome")).text;
  }

  /**
   * Has the isolate prove at this moment that it is the attested one: a fresh token for a nonce of ours,
   * verified by the proxy attestation server, whose signed statement is verified here.
   *
   * @throws ClientError
   */
  async reattest(): Promise<VerifiedStatement> {
    const { policy } = this.options;
    const nonce = new Uint8Array(randomBytes(32));
    const request = { type: "requestProxyAttestationToken", nonce } as const;
    const { token, deviceId } = await this.expect(request, "proxyAttestationToken");
    const address = parseAddress(policy.document.proxy_attestation_server_url);
    const attestation = new AttestationClient(address);
    const publicKey = this.isolate.publicKey;
    const policyHash = new Uint8Array(policy.hash);
    try {
      const { statement } = await attestation.verifyProxyToken({
        token,
        nonce,
        publicKey,
        policyHash,
        deviceId,
      });
      const verdict = verifyStatement(statement, {
        ca: policy.document.proxy_service_cert,
        clientNonce: nonce,
        spki: publicKey,
        policyHash,
        runtimeHashes: runtimeHashes(policy),
        allowDevelopment: policy.document.allow_development ?? false,
        now: Date.now(),
      });
      if (!verdict.ok) {
        throw new ClientError(
          "isolate",
          `the isolate's new attestation: ${verdict.detail} (${verdict.rule})`,
        );
      }
      return verdict;
    } catch (error) {
      if (error instanceof ClientError) throw error;
      if (error instanceof AttestationRefused) throw new ClientError("isolate", error.message);
      const what = error instanceof TransportError ? "answers strangely" : "cannot be reached";
      throw new ClientError(
        "connection",
        `the proxy attestation server at ${policy.document.proxy_attestation_server_url} ${what}: ${(error as Error).message}`,
      );
    } finally {
      attestation.close();
    }
  }

  /** Ends the session; the computation goes on without it. */
  close(): Promise<void> {
    return this.channel.close();
  }
}

/** Adds to a lost connection what the server knows of the reason. */
async function withServersWords<T>(server: ServerAddress, outcome: Promise<T>): Promise<T> {
  try {
    return await outcome;
  } catch (error) {
    const lost = error instanceof ClientError && error.kind === "connection";
    if (!lost || error.message.includes("the server says")) throw error;
    const words = await whatTheServerSays(server);
    throw words === "" ? error : new ClientError("connection", `${error.message} (${words})`);
  }
}

function serverOf(options: ConnectOptions): ServerAddress {
  return options.server ?? parseAddress(options.policy.document.veracruz_server_url);
}

/** Pieces of at most `size` bytes, and at least one, which may be empty. */
async function* cut(source: Source, size: number): AsyncGenerator<Uint8Array> {
  let rest: Uint8Array = new Uint8Array(0);
  let any = false;
  const pieces = source instanceof Uint8Array ? [source] : source.pieces;
  for await (const chunk of pieces) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (rest.length >= size) {
      yield rest.subarray(0, size);
      any = true;
      rest = rest.subarray(size);
    }
  }
  if (rest.length > 0 || !any) yield rest;
}

/** Why the server lost the isolate, as its `/healthz` tells; empty when it tells nothing. */
function whatTheServerSays({ host, port }: ServerAddress): Promise<string> {
  return new Promise((resolve) => {
    const request = get(
      { host, port, path: "/healthz", timeout: 2_000, agent: false },
      (answer) => {
        let text = "";
        answer.setEncoding("utf8");
        answer.on("data", (chunk: string) => {
          text += chunk;
          if (text.length > 10_000) answer.destroy();
        });
        answer.on("error", () => resolve(""));
        answer.on("end", () => resolve(explainHealth(text)));
      },
    );
    request.on("timeout", () => request.destroy());
    request.on("error", () => resolve("the server does not answer any more"));
  });
}

function explainHealth(text: string): string {
  const shown = (value: unknown) =>
    String(value ?? "")
      .replace(/[^ -~]/g, "?")
      .slice(0, 300);
  try {
    const { status, isolate, sessions } = JSON.parse(text) as {
      status?: unknown;
      isolate?: { lastFailure?: unknown };
      sessions?: { lastRefusal?: unknown };
    };
    const reason = shown(sessions?.lastRefusal) || shown(isolate?.lastFailure);
    if (reason !== "") return `the server says: ${reason}`;
    return status === "ready" ? "" : `the server is ${shown(status).slice(0, 40)}`;
  } catch {
    return "";
  }
}
