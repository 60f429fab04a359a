import type { Duplex } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { parseAddress } from "../common/addresses.js";
import type { Commit } from "../continuity/commit-statement.js";
import { ComputationRecords } from "../continuity/records.js";
import type { VerifiedStatement } from "../proxy-attestation-server/statement.js";
import {
  MAX_PIECE_BYTES,
  type Message,
  SAFE_PIECE_BYTES,
  Status,
} from "../transport-protocol/index.js";
import { POLICY_HEADER } from "../veracruz-utils/admission.js";
import { OUTPUT, type Policy, type PolicyIdentity } from "../veracruz-utils/policy.js";
import { checkCommit, recordCommit } from "./commitment.js";
import { ClientError, refusal } from "./errors.js";
import { entryOf, type PrincipalIdentity, type SigningIdentity } from "./identity.js";
import { CheckFailed } from "./isolate-checks.js";
import type { IsolateIdentity } from "./isolate-identity.js";
import { cut, type Source } from "./pieces.js";
import { type AttestedThrough, Reattestation } from "./reattestation.js";
import { type Request, RequestChannel, type Response } from "./request-channel.js";
import { LOST_IN_TLS, openNodeTls, openOwnTls } from "./secure-channel.js";
import type { ServerAddress } from "./server-address.js";
import { askServer } from "./server-questions.js";
import { RequestSigner } from "./signed-requests.js";
import { connectTunnel, PostTunnel } from "./tunnels.js";

/** Opens another way for TLS bytes to the isolate. @throws ClientError of kind `connection` */
export type OpenTunnel = (
  server: ServerAddress,
  policyHash: string,
  signer: RequestSigner | undefined,
) => Promise<Duplex>;

/** Who connects to which server, under which policy. */
export interface ConnectOptions {
  policy: Policy;
  /** Its key here, or behind a signer: that needs the project's own TLS. */
  identity: PrincipalIdentity | SigningIdentity;
  /** Where the Veracruz server is; default: the policy's `veracruz_server_url`. */
  server?: ServerAddress;
  /** How TLS bytes travel: as a raw stream through CONNECT, in POST requests (the default for a server behind HTTPS), or another way. */
  transport?: "connect" | "post" | OpenTunnel;
  /** Ask for the session as a stranger would: without a signature. */
  unsigned?: boolean;
  /** Whose TLS: Node's (default), or the project's own session manager. */
  tls?: "node" | "own";
  /** Fingerprint of the only isolate to speak to: SHA-256 of its public key, hexadecimal. */
  expectIsolate?: string;
  /** Milliseconds for the connection and the handshake, and for a commit. Default: 30 s. */
  timeoutMs?: number;
  /** Where this principal remembers which isolate it has gone to. Default: `defaultRecordsFolder()`. */
  records?: ComputationRecords;
  /** The one restart that the owner accepts: go to isolate number n although another one is on record. */
  acceptRestart?: number;
}

const DEFAULT_TIMEOUT_MS = 30_000;
/** A connection that was lost although, as the server says, it and its isolate are well. */
class CutShort extends ClientError {}

/** Handshakes that are tried, and the longest pause before the next, in milliseconds. */
const HANDSHAKES = 3;
const MAX_PAUSE_MS = 500;
/** Between two looks, in POST requests, for an answer that is not there yet. */
const FETCH_MS = 100;

export type { Source } from "./pieces.js";

/** Told after each piece how many bytes of how many have arrived. */
export type Progress = (done: number, total: number) => void;

const stateNames = ["initial", "provisioning", "streaming", "ready", "result", "ended"];

/** The name of a state of the computation. */
export function stateName(state: number): string {
  return stateNames[state] ?? String(state);
}

/**
 * Pieces that are on their way at a time. A device asks for small ones, and has little memory for them; others take
 * more, so that whoever is further away does not wait for each answer.
 */
const WINDOW = 16;
const LARGE_WINDOW = 64;

/** A principal's session with the isolate, which has been checked before anything is sent. */
export class VeracruzClient {
  private pieceBytes = SAFE_PIECE_BYTES;
  private committed: Commit | undefined;
  private isRecorded = false;
  /** The round whose result was read or computed last, from 1; 0: none. */
  private roundRead = 0;

  private constructor(
    private readonly channel: RequestChannel,
    private readonly tunnel: Duplex,
    private readonly exporter: (label: string) => Uint8Array,
    private readonly options: ConnectOptions,
    /** The isolate, as its certificate names it. */
    readonly isolate: IsolateIdentity,
    /** The TLS group by which the session's keys were agreed on, as in `X25519MLKEM768`. */
    readonly keyExchange: string,
    /** What the policy allows this principal. */
    readonly entry: PolicyIdentity,
  ) {}

  /**
   * Opens a session: TLS to the isolate, whose certificate must be issued by the policy's CA, good now,
   * for a runtime that the policy names, and for this policy and its scope; then, inside TLS, the isolate's policy
   * hash must be ours. Nothing else is sent, and nothing read, before the computation is committed to its key, and
   * that key is on record here.
   *
   * A handshake that the server cuts short although all is well there is begun again, twice at most: of each principal
   * it lets one go on at a time, the newest.
   *
   * @throws ClientError
   */
  static async connect(options: ConnectOptions): Promise<VeracruzClient> {
    for (let left = HANDSHAKES; ; ) {
      try {
        return await VeracruzClient.connectOnce(options);
      } catch (error) {
        if (!(error instanceof CutShort) || --left === 0) throw error;
        await delay(Math.random() * MAX_PAUSE_MS);
      }
    }
  }

  private static async connectOnce(options: ConnectOptions): Promise<VeracruzClient> {
    const { policy, identity, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
    const entry = entryOf(policy, identity);
    const server = serverOf(options);
    const hash = policy.hash.toString("hex");
    const signer = options.unsigned ? undefined : new RequestSigner(identity, policy.hash);
    const transport = options.transport ?? (server.secure ? "post" : "connect");
    const tunnel: Duplex =
      transport === "post"
        ? new PostTunnel(server, signer, hash)
        : transport === "connect"
          ? await connectTunnel(server, timeoutMs, signer, hash)
          : await transport(server, hash, signer);
    const open = options.tls === "node" ? openNodeTls : openOwnTls;
    const { stream, isolate, keyExchange, exporter } = await withServersWords(
      options,
      open(tunnel, { policy, identity, expectedFingerprint: options.expectIsolate, timeoutMs }),
    );
    const channel = new RequestChannel(stream);
    const client = new VeracruzClient(
      channel,
      tunnel,
      exporter,
      options,
      isolate,
      keyExchange,
      entry,
    );
    try {
      const theirs = await client.policyHash();
      if (!theirs.equals(policy.hash)) {
        throw new CheckFailed(
          "answer",
          `the isolate works under another policy: ${theirs.toString("hex")}, ours is ${hash}`,
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
    return withServersWords(this.options, this.channel.send(request));
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

  /** How far the computation is. A commit that comes with it is checked. */
  async state(): Promise<Message<"state">> {
    const state = await this.expect({ type: "requestState" }, "state");
    if (state.statement.length > 0) this.learn(state.statement);
    return state;
  }

  /** What its last new attestation said; undefined while there was none. */
  attestedAnew: VerifiedStatement | undefined;

  /** Whether this isolate was compared with the one on record, and is that one. */
  get isOnRecord(): boolean {
    return this.isRecorded;
  }

  /** Which isolate of this policy it is, once the computation is committed to it; else undefined. */
  get commitment(): Commit | undefined {
    return this.committed;
  }

  /** Takes over a commit that the isolate shows. @throws ClientError */
  private learn(statement: Uint8Array): void {
    const commit = checkCommit(statement, this.options.policy, this.isolate);
    if (this.committed !== undefined && this.committed.n !== commit.n)
      throw new CheckFailed("commit", "the isolate's commit has changed its number");
    this.committed = commit;
  }

  /**
   * Has the computation committed to this isolate, where it is not yet, and takes the isolate on record. Comes by
   * itself before the first file.
   *
   * @throws ClientError of kind `restart` when the computation was begun with another isolate
   */
  async commit(): Promise<Commit> {
    if (this.committed === undefined) {
      const asked = this.expect({ type: "commit" }, "committed");
      const late =
        "the computation was not committed to the isolate: the attestation server does not answer it";
      this.learn((await this.inTime(asked, late)).statement);
    }
    return this.record();
  }

  /** An answer for which the isolate asks others, with a limit of time; the session ends where it does not come. */
  private async inTime<T>(asked: Promise<T>, late: string): Promise<T> {
    const { timeoutMs = DEFAULT_TIMEOUT_MS } = this.options;
    let timer: NodeJS.Timeout | undefined;
    const over = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new ClientError("connection", `${late} within ${timeoutMs} ms`)),
        timeoutMs,
      );
    });
    this.fetchUntil(asked);
    try {
      return await Promise.race([asked, over]);
    } catch (error) {
      // The answer may still be on its way: the session cannot go on without it.
      if (error instanceof ClientError && error.kind === "connection") void this.close();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** In POST requests an answer that takes its time is fetched: nothing else brings it. */
  private fetchUntil(answer: Promise<unknown>): void {
    const { tunnel } = this;
    if (!(tunnel instanceof PostTunnel)) return;
    let answered = false;
    const stop = () => {
      answered = true;
    };
    answer.then(stop, stop);
    const fetch = async () => {
      for (;;) {
        await delay(FETCH_MS);
        if (answered || tunnel.destroyed) return;
        await tunnel.fetch();
      }
    };
    fetch().catch((error: Error) => tunnel.destroy(error));
  }

  /** Before anything is read, run or agreed: the commit must be there. */
  private async requireCommit(): Promise<void> {
    if (this.committed === undefined) await this.state();
    if (this.committed === undefined)
      throw refusal(
        Status.FAILED_NOT_READY,
        0,
        "the computation is not committed to this isolate yet: nobody has sent a file",
      );
    this.record();
  }

  private record(): Commit {
    const { policy, records = new ComputationRecords(), acceptRestart } = this.options;
    const commit = this.committed as Commit;
    if (!this.isRecorded) recordCommit(records, policy, this.isolate, commit, acceptRestart);
    this.isRecorded = true;
    return commit;
  }

  /**
   * The names of the files that programs need and nobody has sent yet, as far as this principal may know: a reader of
   * the result knows of all, others of those that they may read or write.
   */
  async missing(): Promise<string[]> {
    const names = new Set<string>();
    let file = 0;
    do {
      const answer: Message<"missing"> = await this.expect(
        { type: "requestMissing", file },
        "missing",
      );
      const before = names.size;
      const lines = Buffer.from(answer.names).toString("latin1").split("\n").slice(0, -1);
      for (const name of lines) names.add(name);
      const known = lines.every((name) => this.options.policy.names(name));
      if (
        !known ||
        names.size !== before + lines.length ||
        (answer.file !== 0 && lines.length === 0)
      ) {
        throw new ClientError("connection", "the isolate's list of missing files cannot be right");
      }
      file = answer.file;
    } while (file !== 0);
    return [...names];
  }

  /** Sends an input. @throws ClientError */
  sendData(fileName: string, source: Source, progress?: Progress): Promise<void> {
    return this.sendFile("data", fileName, source, progress);
  }

  /** Sends a program; the isolate compares it with the policy's `pi_hash`. @throws ClientError */
  sendProgram(fileName: string, source: Source, progress?: Progress): Promise<void> {
    return this.sendFile("program", fileName, source, progress);
  }

  /**
   * Sends a round's item of a stream.
   *
   * @param round for which round it is; default: the one that is current when it begins
   * @throws ClientError, of kind `round` when that round is over before all of the item has come
   */
  async sendStream(
    fileName: string,
    source: Source,
    progress?: Progress,
    round?: number,
  ): Promise<void> {
    const named = round ?? (await this.state()).round;
    return this.sendFile("stream", fileName, source, progress, named);
  }

  private async sendFile(
    type: "data" | "program" | "stream",
    fileName: string,
    source: Source,
    progress: Progress = () => undefined,
    round = 0,
  ): Promise<void> {
    await this.commit();
    const total = source.length;
    const pieces = cut(source, this.pieceBytes);
    const most = this.pieceBytes > SAFE_PIECE_BYTES ? LARGE_WINDOW : WINDOW;
    const window: { outcome: Promise<unknown>; length: number }[] = [];
    let arrived = 0;
    const settleOne = async () => {
      const piece = window.shift();
      await piece?.outcome;
      arrived += piece?.length ?? 0;
      progress(arrived, total);
    };
    try {
      let offset = 0;
      for await (const bytes of pieces) {
        // Many go at once: to protect and to send them one by one would cost more.
        if (window.length >= most) while (window.length > most / 2) await settleOne();
        const file = { fileName, offset, total, bytes };
        const request: Request = type === "stream" ? { type, round, ...file } : { type, ...file };
        const { length } = bytes;
        window.push({ outcome: this.expect(request, "outcome"), length });
        offset += length;
      }
      if (offset !== total) {
        throw new ClientError("usage", `${fileName}: ${offset} bytes came instead of ${total}`);
      }
      while (window.length > 0) await settleOne();
    } catch (error) {
      // Requests under way are answered, too: report the first refusal.
      await Promise.allSettled(window.map(({ outcome }) => outcome));
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
    await this.requireCommit();
    const file = { round: 0, programName, fileName: OUTPUT, offset: 0, length: 0 };
    const { total, round } = await this.expect({ type: "requestResult", ...file }, "result");
    this.roundRead = round;
    return total;
  }

  /**
   * Reads a file as it is in one round; for `output`, runs the program first where the round has no result yet.
   *
   * @throws ClientError, of kind `round` when another reader ends the round before all of it has come
   */
  async read(fileName: string = OUTPUT, programName = "", progress?: Progress): Promise<Buffer> {
    const ask = (offset: number, length: number, round = 0) =>
      this.expect(
        { type: "requestResult", round, programName, fileName, offset, length },
        "result",
      );
    await this.requireCommit();
    const step = this.pieceBytes;
    const first = await ask(0, step);
    const whole = Buffer.alloc(first.total);
    const store = (piece: Message<"result">, wanted: number) => {
      const { offset, total, bytes } = piece;
      const same = piece.round === first.round && piece.programName === first.programName;
      const good = same && offset === wanted && total === whole.length;
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
        window.push(ask(offset, step, first.round).then((piece) => store(piece, offset)));
      }
      while (window.length > 0) await window.shift();
    } catch (error) {
      await Promise.allSettled(window);
      throw error;
    }
    if (fileName === OUTPUT) this.roundRead = first.round;
    return whole;
  }

  /**
   * Ends a round: the one whose result was read last in this session; else the current one.
   *
   * @throws ClientError, of kind `round` when another reader has ended it already
   */
  async nextRound(): Promise<void> {
    await this.requireCommit();
    const round = this.roundRead;
    this.roundRead = 0;
    await this.expect({ type: "requestNextRound", round }, "outcome");
  }

  /** Agrees to the end of the computation; the isolate's remark, as on who is still to agree. */
  async requestShutdown(): Promise<string> {
    await this.requireCommit();
    return (await this.expect({ type: "requestShutdown" }, "outcome")).text;
  }

  /**
   * Has the isolate prove at this moment that it is the attested one, and the other end of this very session: a
   * fresh token for a nonce of ours, verified by the proxy attestation server, whose signed statement is verified
   * here. The statement also says the highest number that was committed for the policy: one above ours means that
   * another isolate has begun.
   *
   * @throws ClientError
   */
  async reattest(through: AttestedThrough = "attestation-server"): Promise<VerifiedStatement> {
    const anew = new Reattestation(this.options.policy, this.isolate, this.exporter);
    const { nonce } = anew;
    const statement =
      through === "isolate"
        ? await this.freshStatement(nonce)
        : await anew.verify(
            await this.expect(
              { type: "requestProxyAttestationToken", nonce },
              "proxyAttestationToken",
            ),
          );
    this.attestedAnew = anew.check(statement);
    return this.attestedAnew;
  }

  /** A statement on a fresh token, by way of the isolate and its server. */
  private async freshStatement(nonce: Uint8Array): Promise<Uint8Array> {
    const asked = this.expect({ type: "requestFreshness", nonce }, "freshness").catch((error) => {
      if (!(error instanceof ClientError) || error.kind !== "not-ready") throw error;
      const why = error.message.replace(/^FAILED_NOT_READY: /, "");
      throw new ClientError("not-ready", `there is no new attestation: ${why}`);
    });
    const late = "there is no new attestation: the attestation server does not answer the isolate";
    return (await this.inTime(asked, late)).statement;
  }

  /** Ends the session; the computation goes on without it. */
  close(): Promise<void> {
    return this.channel.close();
  }
}

/** Adds to a lost connection what the server knows of the reason. */
async function withServersWords<T>(options: ConnectOptions, outcome: Promise<T>): Promise<T> {
  try {
    return await outcome;
  } catch (error) {
    const lost = error instanceof ClientError && error.kind === "connection";
    if (!lost || error.message.includes("the server says")) throw error;
    const { words, isWell } = await whatTheServerSays(options);
    const message = words === "" ? error.message : `${error.message} (${words})`;
    throw isWell && error.message === LOST_IN_TLS
      ? new CutShort("connection", message)
      : new ClientError("connection", message);
  }
}

function serverOf(options: ConnectOptions): ServerAddress {
  return options.server ?? parseAddress(options.policy.document.veracruz_server_url);
}

/** What the server's `/healthz` tells. */
interface ServerWords {
  /** Why it lost the isolate or refused a session; empty when it tells nothing. */
  words: string;
  /** Whether the isolate is there, and nothing is known to be wrong with it. */
  isWell: boolean;
}

async function whatTheServerSays(options: ConnectOptions): Promise<ServerWords> {
  const headers = { [POLICY_HEADER]: options.policy.hash.toString("hex") };
  const bounds = { timeoutMs: 2_000, most: 10_000 };
  const answer = await askServer(serverOf(options), "/healthz", headers, bounds);
  return answer === undefined
    ? { words: "the server does not answer any more", isWell: false }
    : explainHealth(answer.text);
}

function explainHealth(text: string): ServerWords {
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
    const isWell = status === "ready" && shown(isolate?.lastFailure) === "";
    const reason = shown(sessions?.lastRefusal) || shown(isolate?.lastFailure);
    if (reason !== "") return { words: `the server says: ${reason}`, isWell };
    return { words: isWell ? "" : `the server is ${shown(status).slice(0, 40)}`, isWell };
  } catch {
    return { words: "", isWell: false };
  }
}
