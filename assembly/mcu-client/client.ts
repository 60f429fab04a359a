import { STATEMENT_MORE } from "../continuity/signed-statement";
import { wipe } from "../crypto/constant-time";
import { p256Sign } from "../crypto/p256";
import { SHA256_LENGTH, sha256 } from "../crypto/sha256";
import {
  ALERT_ACCESS_DENIED,
  ALERT_BAD_CERTIFICATE,
  ALERT_CERTIFICATE_REQUIRED,
  ALERT_DECRYPT_ERROR,
  ALERT_ILLEGAL_PARAMETER,
  ALERT_INTERNAL_ERROR,
  NO_ALERT,
} from "../session-manager/alerts";
import { CONTENT_LENGTH } from "../session-manager/certificate-verify";
import { TlsClientSession } from "../session-manager/client-session";
import { TlsConfig } from "../session-manager/config";
import { STATUS_APPROVAL, STATUS_FAILED, STATUS_OPEN } from "../session-manager/session";
import {
  FRAME_E_MEMORY,
  FRAME_HEADER_BYTES,
  FRAME_MORE,
  FRAME_WHOLE,
  FrameReader,
  writeFrameHeader,
} from "../transport-protocol/frames";
import { Message, readMessage, writeMessage } from "../transport-protocol/message";
import {
  FIELD_BYTES,
  FIELD_FAILED_RUNS,
  FIELD_FILE,
  FIELD_FILE_NAME,
  FIELD_LENGTH,
  FIELD_MAX_FAILED_RUNS,
  FIELD_MAX_ROUNDS,
  FIELD_NAMES,
  FIELD_NONCE,
  FIELD_OFFSET,
  FIELD_PROGRAM_NAME,
  FIELD_RETURN_CODE,
  FIELD_ROUND,
  FIELD_STATE,
  FIELD_STATEMENT,
  FIELD_STATUS,
  FIELD_TEXT,
  FIELD_TOTAL,
  GROUP_PRINCIPAL_RESPONSE,
  MAX_FILE_NAME_BYTES,
  MESSAGE_COMMIT,
  MESSAGE_COMMITTED,
  MESSAGE_FRESHNESS,
  MESSAGE_MISSING,
  MESSAGE_OUTCOME,
  MESSAGE_REQUEST_FRESHNESS,
  MESSAGE_REQUEST_MISSING,
  MESSAGE_REQUEST_RESULT,
  MESSAGE_REQUEST_STATE,
  MESSAGE_RESULT,
  MESSAGE_STATE,
  STATUS_FAILED_NOT_READY,
  STATUS_FAILED_OTHER_ROUND,
  STATUS_SUCCESS,
} from "../transport-protocol/messages";
import { CERTIFICATE_OK, Certificate } from "../x509/certificate";
import { P256_POINT_LENGTH } from "../x509/object-identifiers";
import {
  VC_E_ARGUMENT,
  VC_E_CHAIN,
  VC_E_CLOSED,
  VC_E_COMMIT,
  VC_E_ENTROPY,
  VC_E_FRESHNESS,
  VC_E_IDENTITY,
  VC_E_MEMORY,
  VC_E_NOT_READY,
  VC_E_PROTOCOL,
  VC_E_ROLE,
  VC_E_ROUND,
  VC_E_SERVER,
  VC_E_STATE,
  VC_E_TLS,
} from "./codes";
import { IsolateDemand } from "./isolate-check";
import { EXCHANGE_CHUNK, EXCHANGE_DONE, EXCHANGE_FAILED, PostExchange } from "./post-exchange";
import { RequestSigner } from "./signed-request";
import {
  SIGN_ADMISSION,
  SIGN_HANDSHAKE,
  STEP_CONNECT,
  STEP_FAILED,
  STEP_IDLE,
  STEP_PAUSE,
  STEP_RECEIVE,
  STEP_SEND,
  STEP_SIGN,
  STEP_WORK,
} from "./steps";

/** Bytes of a file in one message, either way. */
export const PIECE_BYTES: u32 = 1024;
const MAX_TEXT: i32 = 96;
/** The largest response: a piece, or an explanation. */
const MAX_RESPONSE: u32 = PIECE_BYTES + MAX_FILE_NAME_BYTES + 64;
const MAX_REQUEST: u32 = PIECE_BYTES + MAX_FILE_NAME_BYTES + 96;

const PHASE_CLOSED: u32 = 0;
const PHASE_HANDSHAKE: u32 = 1;
/** The isolate has been approved; its commit is asked for. */
const PHASE_COMMIT: u32 = 2;
/** There is no clock here: the isolate is to prove that it is attested now. */
const PHASE_FRESHNESS: u32 = 3;
const PHASE_OPEN: u32 = 4;
const PHASE_CLOSING: u32 = 5;

const EXPORTER_LABEL: string = "EXPORTER-veracruz-reattest-v2";

/**
 * A data provider's end without I/O: a session with the isolate through POST requests, and one request
 * to it after the other. Nothing but the request of its commit is sent once the isolate's certificate was
 * checked, policy and scope in it; without a clock then a nonce, for the proof that it is attested now; and nothing
 * else before the computation is committed to it, and it is the one that this client has gone to before.
 */
export class Client {
  readonly demand: IsolateDemand = new IsolateDemand();
  /** SHA-256 of the policy, for the signatures of requests. */
  readonly policyHash: StaticArray<u8>;
  readonly http: PostExchange;
  /** Whether our private key is elsewhere. */
  external: bool = false;
  /** What the key's owner is to sign now: for what (`SIGN_…`; 0: nothing), where it is, and its length. */
  signing: u32 = 0;
  signContent: usize = 0;
  signLength: u32 = 0;
  /** Where the owner's signature goes: r ‖ s. */
  readonly signature: StaticArray<u8> = new StaticArray<u8>(64);
  /** Why the session is over (`VC_E_…`), with details. */
  failure: i32 = 0;
  detail: i32 = 0;
  /** Why we refused the isolate's TLS: `REFUSED_…`, or `NO_ALERT`. */
  refusal: i32 = NO_ALERT;
  /** Outcome of the last request: 0, or the isolate's refusal (`VC_E_…`), which does not end the session. */
  outcome: i32 = 0;
  /** The isolate's explanation: UTF-8. */
  readonly text: StaticArray<u8> = new StaticArray<u8>(MAX_TEXT);
  textLength: i32 = 0;
  /** Of a piece of a result: length of the whole file, and the piece. For what else answers bring, see `ask`. */
  total: u32 = 0;
  /** The round that was asked for (0: the current one), then the one that the answer names. */
  round: u32 = 0;
  readonly piece: StaticArray<u8> = new StaticArray<u8>(PIECE_BYTES as i32);
  pieceLength: u32 = 0;

  /** Whether objects may have been made that nothing refers to: not where bytes were but taken in or given out. */
  littered: bool = false;

  private tls: TlsClientSession | null = null;
  private frames: FrameReader = new FrameReader(MAX_RESPONSE);
  private message: Message = new Message();
  private frame: StaticArray<u8> = new StaticArray<u8>((FRAME_HEADER_BYTES + MAX_REQUEST) as i32);
  private frameLength: u32 = 0;
  private frameSent: u32 = 0;
  private phase: u32 = PHASE_CLOSED;
  /** Type of the request whose response is due; 0 when none is. */
  private asked: u32 = 0;
  private offset: u32 = 0;
  private connection: bool = false;
  private saidLastWords: bool = false;
  /** Whether TLS bytes of the server, in `http.chunk`, are not worked off; and how many of them TLS has taken. */
  private busy: bool = false;
  private fed: u32 = 0;
  /** Whether the plaintext in TLS is with `frames`, and whether the response there is to be read once more. */
  private reading: bool = false;
  private repeats: bool = false;
  private certificateVerify: StaticArray<u8> = new StaticArray<u8>(CONTENT_LENGTH as i32);
  /** Whether the request that goes out first ends the session before this one. */
  private farewell: bool = false;

  /** Whether the server's nonce has been asked for. */
  private askedNonce: bool = false;

  constructor(readonly config: TlsConfig) {
    const policyHash = new StaticArray<u8>(SHA256_LENGTH);
    this.policyHash = policyHash;
    this.http = new PostExchange(new RequestSigner(config, policyHash));
  }

  /** The `GROUP_…` bit of the session's key exchange; 0 before it, and without a session. */
  get group(): u32 {
    const tls = this.tls;
    return tls !== null ? tls.group : 0;
  }

  /** Opens a session. */
  open(): void {
    this.littered = true;
    this.forget();
    this.phase = PHASE_HANDSHAKE;
    this.askedNonce = false;
    if (this.farewell) this.http.repeat();
    else this.http.begin();
    this.tls = new TlsClientSession(this.config);
    if (this.tls!.status === STATUS_FAILED) this.end(VC_E_MEMORY, 0);
  }

  /** Wipes and frees what the session holds, but for a farewell that could not be said yet. */
  forget(): void {
    const tls = this.tls;
    if (tls !== null) {
      this.prepareFarewell(tls);
      tls.dispose();
    }
    this.tls = null;
    this.frames.restart();
    this.wipeRequest();
    wipe(changetype<usize>(this.piece), PIECE_BYTES);
    this.phase = PHASE_CLOSED;
    this.failure = 0;
    this.detail = 0;
    this.refusal = NO_ALERT;
    this.outcome = 0;
    this.textLength = 0;
    this.asked = 0;
    this.connection = false;
    this.saidLastWords = false;
    this.busy = false;
    this.reading = false;
    this.repeats = false;
    this.signing = 0;
  }

  /**
   * A session whose connection broke lives on in the isolate, and keeps what it has begun to write from
   * the next one. So its end (a close_notify, or an alert) goes ahead of the next session. If a record was
   * lost on the way, it does not decrypt there: that ends the session as well.
   */
  private prepareFarewell(tls: TlsClientSession): void {
    if (this.saidLastWords || !this.http.hasSession || this.farewell) return;
    if (!tls.closed) tls.close();
    if (tls.outputLength === 0) return;
    this.http.post(tls.output, tls.outputLength);
    this.farewell = true;
  }

  private wipeRequest(): void {
    wipe(changetype<usize>(this.frame), this.frame.length as usize);
    this.frameLength = 0;
    this.frameSent = 0;
  }

  // ---- Requests ----

  /**
   * Begins a request. `name`: a file's name (for a result: the file to read), empty where the request
   * has none. `round`: of streams, results and the next round; 0: the current one, where the request allows that.
   * `offset`, `total`, `bytes`, `length`: of data, program and stream; for a result `offset` and how much at most
   * (`length`); for missing files, `offset` is the number of the first of them.
   *
   * What comes of it: `outcome`; then for a result `piece`, `total` and `round`; for missing files their names in
   * `piece` and the number to go on from in `total` (0: these are all); for the state its numbers in `piece`, as
   * u32: state, round, rounds at most, failed runs, failed runs at most.
   *
   * @returns 0, or `VC_E_STATE`, `VC_E_ARGUMENT`
   */
  ask(
    type: u32,
    name: usize,
    nameLength: u32,
    round: u32,
    offset: u32,
    total: u32,
    bytes: usize,
    length: u32,
  ): i32 {
    if (this.phase !== PHASE_OPEN || this.asked !== 0) return VC_E_STATE;
    this.round = round;
    return this.compose(type, name, nameLength, offset, total, bytes, length) ? 0 : VC_E_ARGUMENT;
  }

  private compose(
    type: u32,
    name: usize,
    nameLength: u32,
    offset: u32,
    total: u32,
    bytes: usize,
    length: u32,
  ): bool {
    const message = this.message;
    message.begin(type);
    message.setBytes(FIELD_FILE_NAME, name, nameLength);
    message.setBytes(FIELD_PROGRAM_NAME, name, 0);
    message.setUint(FIELD_ROUND, this.round);
    message.setUint(FIELD_OFFSET, offset);
    message.setUint(FIELD_FILE, offset);
    message.setUint(FIELD_TOTAL, total);
    message.setUint(FIELD_LENGTH, length);
    message.setBytes(FIELD_BYTES, bytes, length);
    message.setBytes(FIELD_NONCE, bytes, length);
    const frame = changetype<usize>(this.frame);
    if (length > PIECE_BYTES || nameLength > MAX_FILE_NAME_BYTES) return false;
    const written = writeMessage(message, frame + FRAME_HEADER_BYTES, MAX_REQUEST);
    if (written <= 0) return false;
    writeFrameHeader(frame, written as u32);
    this.frameLength = FRAME_HEADER_BYTES + (written as u32);
    this.frameSent = 0;
    this.asked = type;
    this.offset = offset;
    this.outcome = 0;
    this.textLength = 0;
    this.pieceLength = 0;
    return true;
  }

  /** Ends the session in order. */
  close(): void {
    const tls = this.tls;
    if (this.phase === PHASE_CLOSED || this.failure !== 0 || tls === null) return;
    this.phase = PHASE_CLOSING;
    this.asked = 0;
    this.littered = true;
    tls.close();
  }

  // ---- The connection ----

  connected(): void {
    this.connection = true;
  }

  /** The connection to the server is gone. */
  disconnected(): void {
    if (this.busy) return; // bytes that came before are still to be worked off
    const wasConnected = this.connection;
    // A body without a length ends with the connection.
    this.progress(this.http.ended());
    this.connection = false;
    // The last bytes may or may not have arrived, so the session cannot go on. A farewell is sent again.
    const isLost = this.farewell ? wasConnected : this.http.awaiting;
    if (isLost && this.failure === 0) this.end(VC_E_CLOSED, 0);
  }

  sent(length: u32): void {
    this.http.unsent -= min(length, this.http.unsent);
  }

  /** Takes bytes of the server, and answers how many: fewer where they make work, which `step` then asks for. */
  receive(bytes: usize, length: u32): u32 {
    const http = this.http;
    let used: u32 = 0;
    while (used < length && this.failure === 0 && !this.busy && this.signing === 0) {
      used += http.receiveText(bytes + used, length - used - 1);
      this.progress(http.receive(load<u8>(bytes + used++)));
    }
    return this.failure === 0 ? used : length;
  }

  /** What the exchange found: `EXCHANGE_…`. */
  private progress(what: u32): void {
    const http = this.http;
    if (this.farewell) {
      // Whatever the answer is: the session before is over.
      if (what < EXCHANGE_DONE) return;
      this.farewell = false;
      if (what === EXCHANGE_FAILED || http.closes) this.connection = false;
      http.begin();
    } else if (what === EXCHANGE_FAILED) {
      this.end(http.fault, http.fault === VC_E_SERVER ? (http.status as i32) : 0);
    } else if (what === EXCHANGE_CHUNK || what === EXCHANGE_DONE) {
      this.fed = 0;
      this.busy = http.chunkLength > 0;
      if (what === EXCHANGE_DONE && http.closes) this.connection = false;
    }
  }

  /** What to do next: `STEP_…`. */
  step(): u32 {
    const tls = this.tls;
    if (tls === null) return STEP_IDLE;
    const http = this.http;
    if (this.failure !== 0) return this.lastWords();
    if (this.signing !== 0) return STEP_SIGN;
    if (this.busy) return STEP_WORK;
    if (http.unsent > 0) return this.connection ? STEP_SEND : STEP_CONNECT;
    if (http.awaiting) return STEP_RECEIVE;
    if (this.phase === PHASE_CLOSING && tls.outputLength === 0) {
      this.forget();
      return STEP_IDLE;
    }
    this.writeRequest();
    const due = this.phase !== PHASE_OPEN || this.asked !== 0;
    if (tls.outputLength === 0) {
      if (!due) return STEP_IDLE;
      // Nothing to say, and the answer is not here yet: ask for it.
      return STEP_PAUSE;
    }
    if (!http.hasSession && !this.askedNonce) {
      this.askedNonce = true;
      http.askNonce();
      return this.connection ? STEP_SEND : STEP_CONNECT;
    }
    return this.post();
  }

  /** Asks the server whether there is something, after a pause. */
  poll(): void {
    const idle = !this.http.awaiting && !this.busy && this.signing === 0;
    if (idle && this.failure === 0 && this.tls !== null) this.http.post(0, 0);
  }

  private post(): u32 {
    this.littered = true;
    const tls = this.tls!;
    const http = this.http;
    tls.consumeOutput(http.post(tls.output, tls.outputLength));
    if (http.toSign !== 0) {
      this.have(SIGN_ADMISSION, http.toSign, http.toSignLength);
      return STEP_WORK;
    }
    return this.connection ? STEP_SEND : STEP_CONNECT;
  }

  /** After a failure: the alert goes out where it can, once; no answer is waited for. */
  private lastWords(): u32 {
    const tls = this.tls!;
    if (!this.connection || this.farewell) return STEP_FAILED;
    if (!this.saidLastWords) {
      this.saidLastWords = true;
      this.http.unsent = 0;
      if (tls.outputLength > 0) this.post();
      this.http.awaiting = false;
    }
    return this.http.unsent > 0 ? STEP_SEND : STEP_FAILED;
  }

  private writeRequest(): void {
    const tls = this.tls!;
    if (this.frameSent >= this.frameLength || !tls.canWrite) return;
    const left = this.frameLength - this.frameSent;
    this.littered = true;
    this.frameSent += tls.write(changetype<usize>(this.frame) + this.frameSent, left);
    if (this.frameSent === this.frameLength) this.wipeRequest();
    else if (tls.outputLength === 0) this.end(VC_E_MEMORY, 0);
  }

  // ---- TLS ----

  private end(code: i32, detail: i32): void {
    this.littered = true;
    this.failure = code;
    this.detail = detail;
    this.asked = 0;
    this.busy = false;
    this.signing = 0;
    this.wipeRequest();
    const tls = this.tls;
    if (tls === null) return;
    tls.consumePlaintext(tls.plaintextLength);
    tls.close();
  }

  /**
   * Goes on with TLS bytes that have come, by a piece: at most one handshake message, one response, or one operation
   * with a key.
   */
  work(): void {
    const tls = this.tls;
    if (!this.busy || this.signing !== 0 || tls === null) return;
    const length = this.http.chunkLength as u32;
    // Bytes within a record are but stored.
    if (tls.reader.lacks <= length - this.fed) this.littered = true;
    if (tls.status === STATUS_APPROVAL) this.judge();
    else if (tls.plaintextLength > 0) this.read();
    else if (tls.hasWork) tls.work();
    else this.fed += tls.feed(this.http.chunk + this.fed, length - this.fed);
    if (this.failure !== 0) return;
    const hasPlaintext = tls.plaintextLength > 0;
    if (tls.status === STATUS_FAILED) this.explain();
    else if (tls.peerClosed && !hasPlaintext && this.phase !== PHASE_CLOSING)
      this.end(VC_E_CLOSED, 0);
    else
      this.busy =
        hasPlaintext || tls.hasWork || tls.status === STATUS_APPROVAL || this.fed < length;
  }

  /** The key's owner has signed: the signature is at `signature`. */
  signed(): void {
    const purpose = this.signing;
    const signature = changetype<usize>(this.signature);
    this.signing = 0;
    this.littered = true;
    if (purpose === SIGN_ADMISSION) this.http.signed(signature);
    if (purpose !== SIGN_HANDSHAKE) return;
    this.approve(signature);
  }

  private explain(): void {
    const tls = this.tls!;
    this.refusal = tls.refusal;
    if (tls.alertSent === ALERT_INTERNAL_ERROR) {
      this.end(VC_E_MEMORY, ALERT_INTERNAL_ERROR);
    } else if (tls.alertSent !== NO_ALERT) {
      const own = this.phase === PHASE_HANDSHAKE && isAboutCertificates(tls.alertSent);
      this.end(own ? VC_E_CHAIN : VC_E_TLS, tls.alertSent);
    } else {
      const ours = isAboutCertificates(tls.alertReceived);
      this.end(ours ? VC_E_IDENTITY : VC_E_TLS, tls.alertReceived);
    }
  }

  private judge(): void {
    const tls = this.tls!;
    const demand = this.demand;
    let fault = demand.check(tls.peerCertificate(0), tls.peerCertificateLength(0), this.config.now);
    if (fault === 0 && !showsNoIntermediate(tls, this.config.trustAnchor!)) fault = VC_E_CHAIN;
    if (fault !== 0) {
      tls.rejectPeer(ALERT_ACCESS_DENIED);
      this.end(fault, demand.lifecycle);
      return;
    }
    const content = changetype<usize>(this.certificateVerify);
    const length = tls.prepareSignature(content);
    if (length > 0) this.have(SIGN_HANDSHAKE, content, length);
    else this.approve(0);
  }

  /** Has the key's owner sign: the caller, unless we have the key. */
  private have(purpose: u32, content: usize, length: u32): void {
    this.signing = purpose;
    this.signContent = content;
    this.signLength = length;
    if (this.external) return;
    const digest = changetype<usize>(new StaticArray<u8>((2 * SHA256_LENGTH) as i32));
    const fresh = digest + SHA256_LENGTH;
    sha256(content, length, digest);
    const drawn = this.config.drbg.fill(fresh, SHA256_LENGTH);
    const signature = changetype<usize>(this.signature);
    const key = this.config.identity!.privateKey;
    const made = drawn && p256Sign(signature, key, digest, fresh);
    wipe(fresh, SHA256_LENGTH);
    if (made) this.signed();
    else this.end(VC_E_ENTROPY, 0);
  }

  /** The handshake is done, with our signature or without: asks the isolate whether the computation is its own. */
  private approve(signature: usize): void {
    const tls = this.tls!;
    tls.approveSigned(signature);
    if (tls.status !== STATUS_OPEN) {
      this.end(VC_E_MEMORY, 0);
      return;
    }
    this.phase = PHASE_COMMIT;
    this.compose(MESSAGE_COMMIT, 0, 0, 0, 0, 0, 0);
  }

  /** Draws a nonce, and asks for a statement on it and on this very session. */
  private askFreshness(): void {
    const demand = this.demand.continuity.freshness;
    const nonce = changetype<usize>(demand.nonce);
    const label = new StaticArray<u8>(EXPORTER_LABEL.length);
    for (let i = 0; i < label.length; i++) label[i] = EXPORTER_LABEL.charCodeAt(i) as u8;
    const exported = this.tls!.exportKeyingMaterial(
      changetype<usize>(label),
      label.length as u32,
      changetype<usize>(demand.exporter),
    );
    if (!exported || !this.config.drbg.fill(nonce, 32)) {
      this.end(VC_E_ENTROPY, 0);
      return;
    }
    this.phase = PHASE_FRESHNESS;
    this.compose(MESSAGE_REQUEST_FRESHNESS, 0, 0, 0, 0, nonce, 32);
  }

  /** Takes a response out of the plaintext. */
  private read(): void {
    const tls = this.tls!;
    const frames = this.frames;
    if (this.phase === PHASE_CLOSING) {
      tls.consumePlaintext(tls.plaintextLength); // an answer that was given up
      return;
    }
    if (!this.reading) frames.push(tls.plaintext, tls.plaintextLength);
    const next = this.repeats ? FRAME_WHOLE : frames.next();
    this.repeats = false;
    this.reading = next === FRAME_WHOLE;
    if (this.reading) {
      this.takeResponse(frames.pointer, frames.length);
      return;
    }
    if (next !== FRAME_MORE) this.end(next === FRAME_E_MEMORY ? VC_E_MEMORY : VC_E_PROTOCOL, 0);
    tls.consumePlaintext(tls.plaintextLength);
  }

  /** The response makes more work: it is read once more. */
  private again(asked: u32): bool {
    this.asked = asked;
    this.repeats = true;
    return true;
  }

  private takeResponse(bytes: usize, length: u32): void {
    const message = this.message;
    const asked = this.asked;
    this.asked = 0;
    const good = readMessage(bytes, length, GROUP_PRINCIPAL_RESPONSE, message) === 0;
    if (!good || asked === 0 || !this.understand(asked)) this.end(VC_E_PROTOCOL, 0);
  }

  /** Reads the response to a request; false when it is not one. */
  private understand(asked: u32): bool {
    const message = this.message;
    const status = message.uint(FIELD_STATUS);
    if (message.type === MESSAGE_OUTCOME) {
      if (status !== STATUS_SUCCESS) {
        this.outcome =
          status === STATUS_FAILED_OTHER_ROUND ? VC_E_ROUND : VC_E_ROLE + 1 - (status as i32);
        this.detail = message.int(FIELD_RETURN_CODE);
      }
      this.textLength = min(message.length(FIELD_TEXT) as i32, MAX_TEXT);
      memory.copy(changetype<usize>(this.text), message.pointer(FIELD_TEXT), this.textLength);
      if (status !== STATUS_SUCCESS && this.phase < PHASE_OPEN) {
        // Nobody has had the computation committed, or nobody vouches for the isolate now: that may pass.
        const early = status === STATUS_FAILED_NOT_READY;
        const code =
          this.phase === PHASE_COMMIT ? (early ? VC_E_NOT_READY : VC_E_COMMIT) : VC_E_FRESHNESS;
        this.end(code, status as i32);
        return true;
      }
      return status !== STATUS_SUCCESS || (this.phase === PHASE_OPEN && !bringsBytes(asked));
    }
    if (status !== STATUS_SUCCESS) return false;
    const continuity = this.demand.continuity;
    const statement = message.pointer(FIELD_STATEMENT);
    const statementLength = message.length(FIELD_STATEMENT);
    if (message.type === MESSAGE_COMMITTED && asked === MESSAGE_COMMIT) {
      const fault = continuity.takeCommit(statement, statementLength, this.config.trustAnchor!);
      if (fault === STATEMENT_MORE) return this.again(asked);
      if (fault !== 0) this.end(fault, continuity.number as i32);
      else if (this.config.now < 0) this.askFreshness();
      else this.phase = PHASE_OPEN;
      return true;
    }
    if (message.type === MESSAGE_FRESHNESS && asked === MESSAGE_REQUEST_FRESHNESS) {
      const fault = continuity.takeFreshness(statement, statementLength, this.config.trustAnchor!);
      if (fault === STATEMENT_MORE) return this.again(asked);
      if (fault !== 0) this.end(fault, 0);
      else this.phase = PHASE_OPEN;
      return true;
    }
    if (message.type === MESSAGE_RESULT && asked === MESSAGE_REQUEST_RESULT) {
      const round = message.uint(FIELD_ROUND);
      if (message.uint(FIELD_OFFSET) !== this.offset) return false;
      if (this.round !== 0 && round !== this.round) return false;
      this.round = round;
      this.total = message.uint(FIELD_TOTAL);
      return this.keep(FIELD_BYTES);
    }
    if (message.type === MESSAGE_MISSING && asked === MESSAGE_REQUEST_MISSING) {
      this.total = message.uint(FIELD_FILE);
      // They go on behind those that were asked for.
      return (this.total === 0 || this.total > this.offset) && this.keep(FIELD_NAMES);
    }
    if (message.type === MESSAGE_STATE && asked === MESSAGE_REQUEST_STATE) {
      this.round = message.uint(FIELD_ROUND);
      this.number(FIELD_STATE);
      this.number(FIELD_ROUND);
      this.number(FIELD_MAX_ROUNDS);
      this.number(FIELD_FAILED_RUNS);
      this.number(FIELD_MAX_FAILED_RUNS);
      return true;
    }
    return false;
  }

  /** Keeps the bytes of a response's field as the piece; false: there are too many. */
  private keep(field: u32): bool {
    const length = this.message.length(field);
    if (length > PIECE_BYTES) return false;
    memory.copy(changetype<usize>(this.piece), this.message.pointer(field), length);
    this.pieceLength = length;
    return true;
  }

  /** Puts a number of the response behind the piece. */
  private number(field: u32): void {
    store<u32>(changetype<usize>(this.piece) + this.pieceLength, this.message.uint(field));
    this.pieceLength += 4;
  }
}

/** Whether a request is answered with more than an outcome. */
function bringsBytes(type: u32): bool {
  return (
    type === MESSAGE_REQUEST_RESULT ||
    type === MESSAGE_REQUEST_STATE ||
    type === MESSAGE_REQUEST_MISSING
  );
}

/** Whether the CA itself has issued the isolate's certificate: every other one that is shown is the CA's own. */
function showsNoIntermediate(tls: TlsClientSession, authority: Certificate): bool {
  const shown = new Certificate();
  for (let i: u32 = 1; tls.peerCertificateLength(i) > 0; i++) {
    const parsed = shown.parse(tls.peerCertificate(i), tls.peerCertificateLength(i));
    if (parsed !== CERTIFICATE_OK || shown.publicKey === 0) return false;
    if (memory.compare(shown.publicKey, authority.publicKey, P256_POINT_LENGTH) !== 0) return false;
  }
  return true;
}

/** Alerts about a certificate, or about the key that it is for (RFC 8446 §6.2). */
function isAboutCertificates(alert: i32): bool {
  return (
    (alert >= ALERT_BAD_CERTIFICATE &&
      alert <= ALERT_ACCESS_DENIED &&
      alert !== ALERT_ILLEGAL_PARAMETER) ||
    alert === ALERT_DECRYPT_ERROR ||
    alert === ALERT_CERTIFICATE_REQUIRED
  );
}
