import { wipe } from "../crypto/constant-time";
import {
  ALERT_ACCESS_DENIED,
  ALERT_BAD_CERTIFICATE,
  ALERT_CERTIFICATE_REQUIRED,
  ALERT_DECRYPT_ERROR,
  ALERT_ILLEGAL_PARAMETER,
  ALERT_INTERNAL_ERROR,
  NO_ALERT,
} from "../session-manager/alerts";
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
  FIELD_FILE_NAME,
  FIELD_HASH,
  FIELD_LENGTH,
  FIELD_OFFSET,
  FIELD_PROGRAM_NAME,
  FIELD_RETURN_CODE,
  FIELD_STATUS,
  FIELD_TEXT,
  FIELD_TOTAL,
  GROUP_PRINCIPAL_RESPONSE,
  MAX_FILE_NAME_BYTES,
  MESSAGE_HASH,
  MESSAGE_OUTCOME,
  MESSAGE_REQUEST_POLICY_HASH,
  MESSAGE_REQUEST_RESULT,
  MESSAGE_RESULT,
  STATUS_SUCCESS,
} from "../transport-protocol/messages";
import {
  E_ARGUMENT,
  E_CHAIN,
  E_CLOSED,
  E_IDENTITY,
  E_MEMORY,
  E_POLICY_HASH,
  E_PROTOCOL,
  E_ROLE,
  E_SERVER,
  E_STATE,
  E_TLS,
} from "./codes";
import { IsolateDemand } from "./isolate-check";
import { EXCHANGE_CHUNK, EXCHANGE_DONE, EXCHANGE_FAILED, PostExchange } from "./post-exchange";

/** Bytes of a file in one message, either way. */
export const PIECE_BYTES: u32 = 1024;
const MAX_TEXT: i32 = 96;
const HASH_BYTES: i32 = 32;
/** The largest response: a piece, or an explanation. */
const MAX_RESPONSE: u32 = PIECE_BYTES + 64;
const MAX_REQUEST: u32 = PIECE_BYTES + MAX_FILE_NAME_BYTES + 96;

/** What the caller has to do next. */
export const STEP_IDLE: u32 = 0;
/** Open a connection to the server, then `connected`. */
export const STEP_CONNECT: u32 = 1;
/** Send the output, and say `sent`. */
export const STEP_SEND: u32 = 2;
/** Wait for bytes of the server. */
export const STEP_RECEIVE: u32 = 3;
/** Wait a little, then `poll`: the isolate has not answered yet. */
export const STEP_PAUSE: u32 = 4;
/** The session is over: see `failure`. */
export const STEP_FAILED: u32 = 5;

const PHASE_CLOSED: u32 = 0;
const PHASE_HANDSHAKE: u32 = 1;
/** The isolate has been approved; its policy hash is asked for. */
const PHASE_POLICY: u32 = 2;
const PHASE_OPEN: u32 = 3;
const PHASE_CLOSING: u32 = 4;

/**
 * A data provider's end without I/O: a session with the isolate through POST requests, and one request
 * to it after the other. Nothing but the request of its policy hash is sent before the isolate's
 * certificate was checked, and nothing else before that hash is ours.
 */
export class Client {
  readonly demand: IsolateDemand = new IsolateDemand();
  readonly http: PostExchange = new PostExchange();
  readonly policyHash: StaticArray<u8> = new StaticArray<u8>(HASH_BYTES);
  /** Why the session is over (`E_…`), and what more there is to say. */
  failure: i32 = 0;
  detail: i32 = 0;
  /** Outcome of the last request: 0, or the isolate's refusal (`E_…`), which does not end the session. */
  outcome: i32 = 0;
  /** The isolate's explanation: UTF-8. */
  readonly text: StaticArray<u8> = new StaticArray<u8>(MAX_TEXT);
  textLength: i32 = 0;
  /** Of a piece of a result: length of the whole file, and the piece. */
  total: u32 = 0;
  readonly piece: StaticArray<u8> = new StaticArray<u8>(PIECE_BYTES as i32);
  pieceLength: u32 = 0;

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
  /** Whether the request that goes out first ends the session before this one. */
  private farewell: bool = false;

  constructor(readonly config: TlsConfig) {}

  /** Opens a session. */
  open(): void {
    this.forget();
    this.phase = PHASE_HANDSHAKE;
    if (this.farewell) this.http.repeat();
    else this.http.begin();
    this.tls = new TlsClientSession(this.config);
    if (this.tls!.status === STATUS_FAILED) this.end(E_MEMORY, 0);
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
    this.outcome = 0;
    this.textLength = 0;
    this.asked = 0;
    this.connection = false;
    this.saidLastWords = false;
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
   * has none. `offset`, `total`, `bytes`, `length`: of data, program and stream; for a result `offset`
   * and how much at most (`length`).
   *
   * @returns 0, or `E_STATE`, `E_ARGUMENT`
   */
  ask(
    type: u32,
    name: usize,
    nameLength: u32,
    offset: u32,
    total: u32,
    bytes: usize,
    length: u32,
  ): i32 {
    if (this.phase !== PHASE_OPEN || this.asked !== 0) return E_STATE;
    return this.compose(type, name, nameLength, offset, total, bytes, length) ? 0 : E_ARGUMENT;
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
    message.setUint(FIELD_OFFSET, offset);
    message.setUint(FIELD_TOTAL, total);
    message.setUint(FIELD_LENGTH, length);
    message.setBytes(FIELD_BYTES, bytes, length);
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
    tls.close();
  }

  // ---- The connection ----

  connected(): void {
    this.connection = true;
  }

  /** The connection to the server is gone. */
  disconnected(): void {
    const wasConnected = this.connection;
    this.connection = false;
    // What was on its way may have arrived or not: the session cannot go on. A farewell is said again.
    const isLost = this.farewell ? wasConnected : this.http.awaiting;
    if (isLost && this.failure === 0) this.end(E_CLOSED, 0);
  }

  sent(length: u32): void {
    this.http.unsent -= min(length, this.http.unsent);
  }

  /** Takes bytes of the server. */
  receive(bytes: usize, length: u32): void {
    const http = this.http;
    for (let i: u32 = 0; i < length && this.failure === 0; i++) {
      const what = http.receive(load<u8>(bytes + i));
      if (this.farewell) {
        // Whatever the answer is: the session before is over.
        if (what < EXCHANGE_DONE) continue;
        this.farewell = false;
        if (what === EXCHANGE_FAILED || http.closes) this.connection = false;
        http.begin();
      } else if (what === EXCHANGE_FAILED) {
        this.end(http.fault, http.fault === E_SERVER ? (http.status as i32) : 0);
      } else if (what === EXCHANGE_CHUNK || what === EXCHANGE_DONE) {
        this.deliver(http.chunk, http.chunkLength as u32);
        if (what === EXCHANGE_DONE && http.closes) this.connection = false;
      }
    }
  }

  /** What to do next: `STEP_…`. */
  step(): u32 {
    const tls = this.tls;
    if (tls === null) return STEP_IDLE;
    const http = this.http;
    if (this.failure !== 0) return this.lastWords();
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
      // Nothing to say, and the answer is not here yet: it is to be asked for.
      return STEP_PAUSE;
    }
    return this.post();
  }

  /** Asks the server whether there is something, after a pause. */
  poll(): void {
    if (!this.http.awaiting && this.failure === 0 && this.tls !== null) this.http.post(0, 0);
  }

  private post(): u32 {
    const tls = this.tls!;
    tls.consumeOutput(this.http.post(tls.output, tls.outputLength));
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
    this.frameSent += tls.write(changetype<usize>(this.frame) + this.frameSent, left);
    if (this.frameSent === this.frameLength) this.wipeRequest();
    else if (tls.outputLength === 0) this.end(E_MEMORY, 0);
  }

  // ---- TLS ----

  private end(code: i32, detail: i32): void {
    this.failure = code;
    this.detail = detail;
    this.asked = 0;
    this.wipeRequest();
    const tls = this.tls;
    if (tls !== null) tls.close();
  }

  private deliver(bytes: usize, length: u32): void {
    const tls = this.tls!;
    let used: u32 = 0;
    while (this.failure === 0) {
      used += tls.feed(bytes + used, length - used);
      if (tls.status === STATUS_APPROVAL) this.judge();
      else if (tls.plaintextLength > 0) this.read();
      else if (tls.status === STATUS_FAILED) this.explain();
      else if (tls.peerClosed && this.phase !== PHASE_CLOSING) this.end(E_CLOSED, 0);
      else if (used === length) return;
    }
  }

  private explain(): void {
    const tls = this.tls!;
    if (tls.alertSent === ALERT_INTERNAL_ERROR) {
      this.end(E_MEMORY, ALERT_INTERNAL_ERROR);
    } else if (tls.alertSent !== NO_ALERT) {
      const own = this.phase === PHASE_HANDSHAKE && isAboutCertificates(tls.alertSent);
      this.end(own ? E_CHAIN : E_TLS, tls.alertSent);
    } else {
      const ours = isAboutCertificates(tls.alertReceived);
      this.end(ours ? E_IDENTITY : E_TLS, tls.alertReceived);
    }
  }

  private judge(): void {
    const tls = this.tls!;
    const demand = this.demand;
    const fault = demand.check(tls.peerCertificate(0), tls.peerCertificateLength(0));
    if (fault !== 0) {
      tls.rejectPeer(ALERT_ACCESS_DENIED);
      this.end(fault, demand.lifecycle);
      return;
    }
    tls.approvePeer();
    if (tls.status !== STATUS_OPEN) {
      this.end(E_MEMORY, 0);
      return;
    }
    this.phase = PHASE_POLICY;
    this.compose(MESSAGE_REQUEST_POLICY_HASH, 0, 0, 0, 0, 0, 0);
  }

  private read(): void {
    const tls = this.tls!;
    this.frames.push(tls.plaintext, tls.plaintextLength);
    let next = this.frames.next();
    while (next === FRAME_WHOLE && this.failure === 0) {
      this.takeResponse(this.frames.pointer, this.frames.length);
      next = this.frames.next();
    }
    if (next !== FRAME_MORE && this.failure === 0)
      this.end(next === FRAME_E_MEMORY ? E_MEMORY : E_PROTOCOL, 0);
    tls.consumePlaintext(tls.plaintextLength);
  }

  private takeResponse(bytes: usize, length: u32): void {
    const message = this.message;
    const asked = this.asked;
    this.asked = 0;
    const good = readMessage(bytes, length, GROUP_PRINCIPAL_RESPONSE, message) === 0;
    if (!good || asked === 0 || !this.understand(asked)) this.end(E_PROTOCOL, 0);
  }

  /** Reads the response to a request; false when it is none. */
  private understand(asked: u32): bool {
    const message = this.message;
    const status = message.uint(FIELD_STATUS);
    if (message.type === MESSAGE_OUTCOME) {
      if (status !== STATUS_SUCCESS) {
        this.outcome = E_ROLE + 1 - (status as i32);
        this.detail = message.int(FIELD_RETURN_CODE);
      }
      this.textLength = min(message.length(FIELD_TEXT) as i32, MAX_TEXT);
      memory.copy(changetype<usize>(this.text), message.pointer(FIELD_TEXT), this.textLength);
      const wantsMore = asked === MESSAGE_REQUEST_POLICY_HASH || asked === MESSAGE_REQUEST_RESULT;
      return status !== STATUS_SUCCESS || !wantsMore ? this.phase !== PHASE_POLICY : false;
    }
    if (status !== STATUS_SUCCESS) return false;
    if (message.type === MESSAGE_HASH && asked === MESSAGE_REQUEST_POLICY_HASH) {
      const hash = message.pointer(FIELD_HASH);
      if (memory.compare(hash, changetype<usize>(this.policyHash), HASH_BYTES) !== 0)
        this.end(E_POLICY_HASH, 0);
      else this.phase = PHASE_OPEN;
      return true;
    }
    if (message.type === MESSAGE_RESULT && asked === MESSAGE_REQUEST_RESULT) {
      const length = message.length(FIELD_BYTES);
      if (length > PIECE_BYTES || message.uint(FIELD_OFFSET) !== this.offset) return false;
      this.total = message.uint(FIELD_TOTAL);
      memory.copy(changetype<usize>(this.piece), message.pointer(FIELD_BYTES), length);
      this.pieceLength = length;
      return true;
    }
    return false;
  }
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
