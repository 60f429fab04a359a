import { wipe } from "../crypto/constant-time";
import { SHA256_LENGTH } from "../crypto/sha256";
import { canAllocate } from "../platform-services/heap";
import {
  ALERT_ACCESS_DENIED,
  ALERT_BAD_CERTIFICATE,
  ALERT_CLOSE_NOTIFY,
  ALERT_ILLEGAL_PARAMETER,
  ALERT_LEVEL_FATAL,
  ALERT_LEVEL_WARNING,
  ALERT_USER_CANCELED,
  NO_ALERT,
  REFUSAL_ALERT,
  REFUSED_ALERT_LENGTH,
  REFUSED_EARLY_DATA_RECORD,
  REFUSED_FINISHED_LENGTH,
  REFUSED_HANDSHAKE_MESSAGE_LENGTH,
  REFUSED_IDLE_RECORDS,
  REFUSED_KEY_UPDATE_MALFORMED,
  REFUSED_MESSAGE_BEYOND_KEYS,
  REFUSED_MESSAGE_TYPE,
  REFUSED_NO_MEMORY,
  REFUSED_RECORD_WITHIN_MESSAGE,
} from "./alerts";
import { ByteBuffer, MemoryBudget } from "./byte-buffer";
import { TlsConfig } from "./config";
import { Handshake, HandshakeMessage } from "./handshake";
import { exportKeyingMaterial, updateTrafficSecret } from "./key-schedule";
import {
  CLIENT_HELLO,
  CONTENT_ALERT,
  CONTENT_APPLICATION_DATA,
  CONTENT_CHANGE_CIPHER_SPEC,
  CONTENT_HANDSHAKE,
  FINISHED,
  HANDSHAKE_HEADER,
  KEY_UPDATE,
  MAX_IDLE_RECORDS,
  RECORDS_BEFORE_KEY_UPDATE,
  SERVER_HELLO,
} from "./protocol";
import { RecordProtection } from "./record-protection";
import { RECORD_FAULTY, RECORD_SKIPPED, RecordReader } from "./record-reader";
import { RecordWriter } from "./record-writer";
import { WireWriter } from "./wire-writer";

/** The handshake is under way. */
export const STATUS_HANDSHAKE: u32 = 0;
/** The peer has proven its key; the caller has to approve or reject its certificate. */
export const STATUS_APPROVAL: u32 = 1;
/** Application data may flow. */
export const STATUS_OPEN: u32 = 2;
/** Ended in order: by close_notify. */
export const STATUS_CLOSED: u32 = 3;
/** Ended by a fault: see `alertSent`, `alertReceived` and `truncated`. */
export const STATUS_FAILED: u32 = 4;

/**
 * Heap that must be free before a handshake message is worked on: more than its cryptography and the
 * objects it makes ever take. Without it the session ends, rather than the runtime.
 */
const WORKING_MEMORY: u32 = 8192;

/** One state of a session, named by what is expected next (RFC 8446 Appendix A). */
export abstract class HandshakeState {
  /** Whether a handshake message of this type may come now. */
  abstract expects(type: u32): bool;

  /**
   * Takes a whole message of a type that is expected, standing before its body, and returns the state
   * that follows. What `session.fail` returns follows a fault.
   */
  abstract receive(session: TlsSession, type: u32, message: HandshakeMessage): HandshakeState;

  /** Whether application data may come now. */
  get allowsApplicationData(): bool {
    return false;
  }

  /** Overwrites the secrets that it holds. */
  wipe(): void {
    // Most hold none.
  }
}

/** Nothing is expected: the session has ended, or waits for its caller. */
export class ExpectsNothing extends HandshakeState {
  expects(_type: u32): bool {
    return false;
  }

  receive(_session: TlsSession, _type: u32, _message: HandshakeMessage): HandshakeState {
    return this;
  }
}

/**
 * A TLS 1.3 end point without I/O (RFC 8446): bytes in, bytes out. The two roles extend it.
 *
 * The caller moves bytes: what arrives goes into `feed`; what waits in `output` goes to the peer. What
 * the peer says after the handshake is in `plaintext`, what we say goes into `write`. None of these
 * blocks, and none traps, whatever the peer sends. `dispose` must end every session's life: buffers are
 * not left to the garbage collector.
 *
 * After a fault exactly one alert is in the output, `status` is `STATUS_FAILED`, all secrets are wiped,
 * and whatever arrives is dropped.
 */
export abstract class TlsSession {
  /** `STATUS_…` */
  status: u32 = STATUS_HANDSHAKE;
  /** The fatal alert that we sent or received, or `NO_ALERT`. */
  alertSent: i32 = NO_ALERT;
  alertReceived: i32 = NO_ALERT;
  /** Why `alertSent` was sent: `REFUSED_…`, or `NO_ALERT`. */
  refusal: i32 = NO_ALERT;
  /** Whether the transport ended without a close_notify: the peer's data may be incomplete. */
  truncated: bool = false;
  /** Whether the peer has said (close_notify) that it sends nothing more. */
  peerClosed: bool = false;
  /** Whether we have. */
  closed: bool = false;
  /** Whether dates of the peer's certificates were checked, which takes a clock. */
  datesChecked: bool = false;
  /** What was negotiated: a `SUITE_…` and a `GROUP_…` bit, and whether it took a HelloRetryRequest. */
  suite: u32 = 0;
  group: u32 = 0;
  retried: bool = false;

  // For the states of the handshake, not for callers.
  readonly config: TlsConfig;
  readonly reader: RecordReader;
  readonly writer: RecordWriter;
  /** Null when the handshake is done. */
  handshake: Handshake | null;
  /** A state sets it that wants its message once more: its work is done in parts (`config.stepwise`). */
  unfinished: bool = false;

  private state: HandshakeState;
  private message: HandshakeMessage = new HandshakeMessage();
  /** A handshake message that spans records, as far as it has come. */
  private assembled: ByteBuffer;
  /** The peer's certificate_list, until it is approved. */
  private certificates: ByteBuffer;
  /** Traffic secrets in use: ours to read with, ours to write with; and the exporter master secret. */
  private secrets: StaticArray<u8> = new StaticArray<u8>((3 * SHA256_LENGTH) as i32);
  /** Whether the record in the reader holds application data, and how much of it has been read. */
  private hasPlaintext: bool = false;
  /** Whether the record in the reader holds handshake messages to be taken, and how much of it was. */
  private hasMessages: bool = false;
  private handshakeRead: u32 = 0;
  private plaintextRead: u32 = 0;
  private owesKeyUpdate: bool = false;
  /** Records since the last that brought the session on: dummies, alerts, KeyUpdates, empty ones. */
  private idleRecords: u32 = 0;

  /** @param budget for the buffers of this session alone; by default it shares that of `config` */
  constructor(config: TlsConfig, state: HandshakeState, budget: MemoryBudget = config.budget) {
    this.config = config;
    this.state = state;
    this.reader = new RecordReader(budget, config.maxMessage);
    this.writer = new RecordWriter(budget, config.maxContent);
    this.handshake = new Handshake(budget);
    this.assembled = new ByteBuffer(budget);
    this.certificates = new ByteBuffer(budget);
  }

  // ---- Bytes from and to the peer ----

  /** Whether the session has ended, in order or not. Output may still wait. */
  get ended(): bool {
    return this.status >= STATUS_CLOSED;
  }

  /**
   * Whether `feed` would take bytes: not while plaintext waits to be read, approval is due, or `work` is left to be
   * done.
   */
  get wantsInput(): bool {
    return this.status !== STATUS_APPROVAL && !this.hasPlaintext && !this.hasMessages;
  }

  /** Whether `work` has something to do: never but with `config.stepwise`. */
  get hasWork(): bool {
    return this.hasMessages;
  }

  /** Takes the next handshake message of those that have come, or a part of the work that it makes. */
  work(): void {
    if (!this.hasMessages) return;
    this.takeHandshakeMessages();
    this.payKeyUpdate();
  }

  /**
   * Takes `length` bytes that came from the peer, cut anywhere. Returns how many were used: fewer when
   * `wantsInput` became false on the way; feed the rest again later. An ended session takes
   * everything and ignores it.
   */
  feed(input: usize, length: u32): u32 {
    let used: u32 = 0;
    while (used < length && this.wantsInput) {
      if (this.ended || this.peerClosed) return length;
      used += this.reader.take(input + used, length - used);
      if (this.reader.fault !== NO_ALERT) this.fail(this.reader.fault);
      else if (this.reader.complete) this.takeRecord();
    }
    this.payKeyUpdate();
    return used;
  }

  /** Says that the transport has ended: nothing more will be fed. */
  endOfInput(): void {
    if (this.ended || this.peerClosed) return;
    this.truncated = true;
    this.end(STATUS_FAILED);
  }

  /** Bytes for the peer that wait to be taken: where they are, and how many. */
  get output(): usize {
    return this.writer.output.pointer;
  }
  get outputLength(): u32 {
    return this.writer.output.length;
  }

  /** Drops the first `length` bytes of the output, which have been sent; at most `outputLength`. */
  consumeOutput(length: u32): void {
    this.writer.output.consume(min(length, this.outputLength));
    this.payKeyUpdate();
  }

  // ---- Application data ----

  /** Application data that waits to be read: where it is, and how much. */
  get plaintext(): usize {
    return this.reader.content + this.plaintextRead;
  }
  get plaintextLength(): u32 {
    return this.hasPlaintext ? this.reader.contentLength - this.plaintextRead : 0;
  }

  /** Drops the first `length` bytes of the plaintext, at most `plaintextLength`. */
  consumePlaintext(length: u32): void {
    if (!this.hasPlaintext) return;
    this.plaintextRead += min(length, this.plaintextLength);
    if (this.plaintextLength === 0) {
      this.hasPlaintext = false;
      this.reader.release();
    }
  }

  /**
   * Protects application data for the peer. Returns how many of the bytes were taken: none unless the
   * session is open, and none while `outputLimit` of the configuration or more wait in the output.
   */
  write(bytes: usize, length: u32): u32 {
    let taken: u32 = 0;
    // Memory for all records at once; without it they get theirs one by one.
    if (this.canWrite) this.writer.reserve(min(length, this.config.outputLimit));
    while (taken < length && this.canWrite) {
      if (this.owesKeyUpdate || this.keyIsWorn) {
        this.updateKeys(false);
        if (this.ended) break;
      }
      const size = min(length - taken, this.writer.maxContent);
      if (!this.writer.append(CONTENT_APPLICATION_DATA, bytes + taken, size)) break;
      if (!this.writer.flush()) break;
      taken += size;
    }
    return taken;
  }

  /** Whether our sending key has protected as many records as it should (RFC 8446 §5.5). */
  private get keyIsWorn(): bool {
    const protection = this.writer.protection;
    return protection != null && protection.sequence >= RECORDS_BEFORE_KEY_UPDATE;
  }

  /** Whether `write` would take bytes now. */
  get canWrite(): bool {
    return (
      this.status === STATUS_OPEN && !this.closed && this.outputLength < this.config.outputLimit
    );
  }

  /**
   * Replaces our sending key (RFC 8446 §4.6.3), and asks the peer to do the same if `askPeer`. Does
   * nothing unless the session is open.
   */
  updateKeys(askPeer: bool): void {
    const protection = this.writer.protection;
    if (this.status !== STATUS_OPEN || this.closed || protection == null) return;
    const scratch = changetype<usize>(new StaticArray<u8>(5));
    store<u32>(scratch, KEY_UPDATE | (1 << 24));
    store<u8>(scratch, askPeer ? 1 : 0, 4);
    if (!this.writer.append(CONTENT_HANDSHAKE, scratch, 5) || !this.writer.flush()) {
      this.fail(REFUSED_NO_MEMORY);
      return;
    }
    this.owesKeyUpdate = false;
    updateTrafficSecret(this.writeSecret);
    protection.setSecret(this.writeSecret);
  }

  /**
   * Says that we send nothing more (close_notify). What the peer sends may still be read until it closes
   * too. A session whose handshake is not done ends at once.
   */
  close(): void {
    if (this.ended || this.closed) return;
    this.sendAlert(ALERT_LEVEL_WARNING, ALERT_CLOSE_NOTIFY);
    this.closed = true;
    if (this.status !== STATUS_OPEN || this.peerClosed) this.end(STATUS_CLOSED);
    else this.writer.wipe();
  }

  /** Ends the session's life: wipes and frees all that it holds, output included. */
  dispose(): void {
    if (!this.ended) this.end(STATUS_CLOSED);
    this.writer.output.free();
  }

  // ---- The peer's certificate ----

  /**
   * Where the peer's certificate `index` is, in DER; 0 is its own. 0 when there is none: before it has
   * shown any, and after the approval.
   */
  peerCertificate(index: u32): usize {
    const entry = this.certificateEntry(index);
    return entry !== 0 ? entry + 3 : 0;
  }
  peerCertificateLength(index: u32): u32 {
    const entry = this.certificateEntry(index);
    return entry !== 0 ? entryLength(entry) : 0;
  }

  private certificateEntry(index: u32): usize {
    let at = this.certificates.pointer;
    const end = at + this.certificates.length;
    for (; at < end && index > 0; index--) at += entryLength(at) + 5;
    return at < end ? at : 0;
  }

  /**
   * Accepts the peer, at `STATUS_APPROVAL`: the session opens, and lets go of the certificates. Until
   * then no application data is taken in or sent.
   */
  approvePeer(): void {
    if (this.status !== STATUS_APPROVAL) return;
    this.acceptPeer();
    this.completeHandshake();
  }

  /** The peer is who it should be. */
  @inline protected acceptPeer(): void {
    this.status = STATUS_OPEN;
    this.certificates.free();
  }

  /**
   * Rejects the peer, at `STATUS_APPROVAL`: the session ends with an alert about certificates (42 to 46,
   * 48, 49; anything else becomes access_denied).
   */
  rejectPeer(alert: i32): void {
    if (this.status !== STATUS_APPROVAL) return;
    const fits =
      alert >= ALERT_BAD_CERTIFICATE &&
      alert <= ALERT_ACCESS_DENIED &&
      alert !== ALERT_ILLEGAL_PARAMETER;
    this.fail(fits ? alert : ALERT_ACCESS_DENIED);
  }

  /** What is left to do once the peer is approved. */
  protected abstract completeHandshake(): void;

  // ---- For the states of the handshake ----

  /** The state with which a session begins that has to speak first. */
  protected begin(state: HandshakeState): void {
    this.state = state;
  }

  /**
   * Keeps the peer's certificate_list, without its length: a part of the message that is being received,
   * which stays where it is. False when there is no memory for it.
   */
  keepCertificates(list: usize, length: u32): bool {
    if (this.assembled.length === 0) return this.certificates.append(list, length);
    // The message has memory of its own already: no need for a second copy.
    this.certificates.takeOver(this.assembled);
    this.certificates.consume((list - this.certificates.pointer) as u32);
    this.certificates.truncate(length);
    return true;
  }

  /** Adds a message to the transcript and sends it (its record may stay open for more). */
  send(bytes: usize, length: u32): bool {
    const handshake = this.handshake;
    if (handshake == null) return false;
    handshake.transcript.add(bytes, length);
    return this.writer.append(CONTENT_HANDSHAKE, bytes, length);
  }

  /** Sends what was composed. */
  sendComposed(writer: WireWriter): bool {
    const handshake = this.handshake;
    if (handshake == null || writer.failed) return false;
    const sent = this.send(handshake.composed.pointer, handshake.composed.length);
    handshake.composed.free();
    return sent;
  }

  /** Sends the dummy change_cipher_spec of compatibility mode, once (Appendix D.4). */
  sendChangeCipherSpec(): bool {
    const handshake = this.handshake;
    if (handshake == null || handshake.sentChangeCipherSpec) return true;
    handshake.sentChangeCipherSpec = true;
    const one = changetype<usize>(new StaticArray<u8>(1));
    store<u8>(one, 1);
    // It is never protected, even where the handshake already is.
    if (!this.writer.flush()) return false;
    const protection = this.writer.protection;
    this.writer.protection = null;
    const sent = this.writer.append(CONTENT_CHANGE_CIPHER_SPEC, one, 1) && this.writer.flush();
    this.writer.protection = protection;
    return sent;
  }

  private get readSecret(): usize {
    return changetype<usize>(this.secrets);
  }
  private get writeSecret(): usize {
    return changetype<usize>(this.secrets) + SHA256_LENGTH;
  }
  private get exporterMasterSecret(): usize {
    return changetype<usize>(this.secrets) + 2 * SHA256_LENGTH;
  }

  /** Takes over what outlives the handshake to make exporters of. */
  keepExporterMasterSecret(secret: usize): void {
    memory.copy(this.exporterMasterSecret, secret, SHA256_LENGTH);
  }

  /**
   * An exporter of this session (RFC 8446 §7.5) without context: 32 bytes at `output`, for an ASCII label.
   * False, and nothing stored, unless application data may flow.
   */
  exportKeyingMaterial(label: usize, labelLength: u32, output: usize): bool {
    if (this.status !== STATUS_OPEN) return false;
    exportKeyingMaterial(this.exporterMasterSecret, label, labelLength, output);
    return true;
  }

  /** Reads with keys of this traffic secret from now on. `suite`: a `SUITE_…` bit. */
  readWith(suite: u32, secret: usize): void {
    memory.copy(this.readSecret, secret, SHA256_LENGTH);
    let protection = this.reader.protection;
    if (protection == null) protection = new RecordProtection(suite);
    protection.setSecret(secret);
    this.reader.protection = protection;
  }

  /** Writes with keys of this traffic secret from now on. The writer has been flushed. */
  writeWith(suite: u32, secret: usize): void {
    memory.copy(this.writeSecret, secret, SHA256_LENGTH);
    let protection = this.writer.protection;
    if (protection == null) protection = new RecordProtection(suite);
    protection.setSecret(secret);
    this.writer.protection = protection;
  }

  /** The peer replaced its sending key, and wants us to do so too if `asked`. */
  peerUpdatedKeys(asked: bool): void {
    updateTrafficSecret(this.readSecret);
    const protection = this.reader.protection;
    if (protection != null) protection.setSecret(this.readSecret);
    if (asked && !this.closed) this.owesKeyUpdate = true;
  }

  /** The handshake's own memory is needed no more. */
  forgetHandshake(): void {
    const handshake = this.handshake;
    if (handshake != null) handshake.wipe();
    this.handshake = null;
  }

  /** Waits for the caller's word on the peer's certificate. */
  awaitApproval(): void {
    this.status = STATUS_APPROVAL;
  }

  /** Ends the session with the fatal alert of a refusal (`REFUSED_…`). Returns the state that follows. */
  fail(refusal: i32): HandshakeState {
    if (!this.ended) {
      this.refusal = refusal;
      this.alertSent = refusal & REFUSAL_ALERT;
      if (!this.closed) this.sendAlert(ALERT_LEVEL_FATAL, this.alertSent);
      this.end(STATUS_FAILED);
    }
    return this.state;
  }

  // ---- Inside ----

  private takeRecord(): void {
    const type = this.reader.open();
    if (type === RECORD_FAULTY) {
      this.fail(this.reader.fault);
      return;
    }
    if (type !== RECORD_SKIPPED) this.askForKeyUpdate();
    if (this.isIdle(type)) {
      // Each costs work, and brings nothing: a peer that sends many means harm.
      if (++this.idleRecords > MAX_IDLE_RECORDS) {
        this.fail(REFUSED_IDLE_RECORDS);
        return;
      }
    } else if (type === CONTENT_APPLICATION_DATA) {
      this.idleRecords = 0;
    }
    if (type === RECORD_SKIPPED) {
      // Nothing may come between the records of one handshake message (§5.1).
      if (this.assembled.length > 0) this.fail(REFUSED_RECORD_WITHIN_MESSAGE);
      else this.reader.release();
      return;
    }
    if (type === CONTENT_HANDSHAKE) {
      this.handshakeRead = 0;
      this.takeHandshakeMessages();
      return;
    }
    if (this.assembled.length > 0) {
      this.fail(REFUSED_RECORD_WITHIN_MESSAGE);
      return;
    }
    if (type === CONTENT_ALERT) {
      this.takeAlert();
      return;
    }
    if (!this.state.allowsApplicationData) {
      this.fail(REFUSED_EARLY_DATA_RECORD);
      return;
    }
    this.plaintextRead = 0;
    this.hasPlaintext = this.reader.contentLength > 0;
    if (!this.hasPlaintext) this.reader.release();
  }

  /** Whether a record neither brings application data nor the handshake on. */
  private isIdle(type: u32): bool {
    if (type === RECORD_SKIPPED) return this.reader.isChangeCipherSpec;
    if (type === CONTENT_APPLICATION_DATA) return this.reader.contentLength === 0;
    return type === CONTENT_ALERT || this.status !== STATUS_HANDSHAKE;
  }

  /**
   * Where the peer's key has protected as many records as it should, asks it to take the next (§5.5). Whatever
   * the record was: every one counts.
   */
  private askForKeyUpdate(): void {
    const protection = this.reader.protection;
    if (protection === null || protection.sequence !== RECORDS_BEFORE_KEY_UPDATE) return;
    this.updateKeys(true);
  }

  private takeAlert(): void {
    if (this.reader.contentLength !== 2) {
      this.fail(REFUSED_ALERT_LENGTH);
      return;
    }
    // The level is implied by the description (§6).
    const alert: i32 = load<u8>(this.reader.content, 1);
    if (alert === ALERT_USER_CANCELED) {
      this.reader.release();
    } else if (alert === ALERT_CLOSE_NOTIFY && this.status === STATUS_OPEN) {
      this.peerClosed = true;
      this.owesKeyUpdate = false;
      this.reader.wipe();
      if (this.closed) this.end(STATUS_CLOSED);
    } else {
      this.alertReceived = alert;
      this.end(STATUS_FAILED);
    }
  }

  /** Takes the messages of the handshake record in the reader, all or the next one, and then lets go of it. */
  private takeHandshakeMessages(): void {
    this.hasMessages = true;
    while (!this.ended && this.takeHandshakeBytes()) {
      if (this.config.stepwise && this.hasMoreMessages) return;
    }
    this.hasMessages = false;
    if (!this.ended) this.reader.release();
  }

  private get hasMoreMessages(): bool {
    return !this.ended && (this.unfinished || this.handshakeRead < this.reader.contentLength);
  }

  /** Takes a message out of the record; its last one may go on in the next record. False when nothing is left. */
  private takeHandshakeBytes(): bool {
    const assembled = this.assembled;
    while (!this.ended) {
      const bytes = this.reader.content + this.handshakeRead;
      const available = this.reader.contentLength - this.handshakeRead;
      if (
        assembled.length >= HANDSHAKE_HEADER &&
        assembled.length === HANDSHAKE_HEADER + bodyLength(assembled.pointer)
      ) {
        this.takeMessage(assembled.pointer, assembled.length, available === 0);
        if (!this.unfinished) assembled.free();
        return true;
      }
      if (available === 0) return false;
      if (assembled.length === 0 && available >= HANDSHAKE_HEADER) {
        if (!this.checkMessageHeader(bytes)) return true;
        const size = HANDSHAKE_HEADER + bodyLength(bytes);
        if (size <= available) {
          this.takeMessage(bytes, size, size === available);
          if (!this.unfinished) this.handshakeRead += size;
          return true;
        }
      }
      let wanted = HANDSHAKE_HEADER;
      if (assembled.length >= HANDSHAKE_HEADER) wanted += bodyLength(assembled.pointer);
      const taken = min(wanted - assembled.length, available);
      if (!assembled.append(bytes, taken)) {
        this.fail(REFUSED_NO_MEMORY);
        return true;
      }
      this.handshakeRead += taken;
      if (assembled.length === HANDSHAKE_HEADER && taken > 0) {
        if (!this.checkMessageHeader(assembled.pointer)) return true;
        if (!assembled.reserve(bodyLength(assembled.pointer))) {
          this.fail(REFUSED_NO_MEMORY);
          return true;
        }
      }
    }
    return true;
  }

  /** Whether a message with this header may come now; if not, the session has ended. */
  private checkMessageHeader(header: usize): bool {
    const type: u32 = load<u8>(header);
    if (!this.state.expects(type)) this.fail(REFUSED_MESSAGE_TYPE);
    else if (bodyLength(header) > this.config.maxMessage) this.fail(refusalOfLength(type));
    return !this.ended;
  }

  private takeMessage(start: usize, length: u32, endsRecord: bool): void {
    const type: u32 = load<u8>(start);
    // A message that changes keys must end its record (§5.1).
    const changesKeys =
      type === CLIENT_HELLO || type === SERVER_HELLO || type === FINISHED || type === KEY_UPDATE;
    if (changesKeys && !endsRecord) {
      this.fail(REFUSED_MESSAGE_BEYOND_KEYS);
      return;
    }
    if (!canAllocate(WORKING_MEMORY)) {
      this.fail(REFUSED_NO_MEMORY);
      return;
    }
    const message = this.message;
    message.start = start;
    message.length = length;
    message.reset(start + HANDSHAKE_HEADER, length - HANDSHAKE_HEADER);
    this.unfinished = false;
    const next = this.state.receive(this, type, message);
    if (!this.ended) this.state = next;
  }

  private payKeyUpdate(): void {
    if (this.owesKeyUpdate && this.outputLength === 0) this.updateKeys(false);
  }

  private sendAlert(level: u32, alert: i32): void {
    const bytes = changetype<usize>(new StaticArray<u8>(2));
    store<u8>(bytes, level as u8);
    store<u8>(bytes, alert as u8, 1);
    // Whatever was being written when the fault was found is void.
    this.writer.abandon();
    if (this.writer.append(CONTENT_ALERT, bytes, 2)) this.writer.flush();
  }

  /** Ends the session: wipes secrets, and frees everything but whole output records. */
  private end(status: u32): void {
    this.status = status;
    this.state.wipe();
    this.state = new ExpectsNothing();
    this.hasPlaintext = false;
    this.hasMessages = false;
    this.unfinished = false;
    this.owesKeyUpdate = false;
    this.reader.wipe();
    this.writer.wipe();
    this.forgetHandshake();
    this.assembled.free();
    this.certificates.free();
    wipe(this.readSecret, 3 * SHA256_LENGTH);
  }
}

/** The length that the header of a handshake message states. */
function bodyLength(header: usize): u32 {
  return bswap<u32>(load<u32>(header)) & 0xffffff;
}

/** The length of the certificate in a CertificateEntry. */
function entryLength(entry: usize): u32 {
  return ((load<u8>(entry) as u32) << 16) | (bswap<u16>(load<u16>(entry, 1)) as u32);
}

/** Why a message of this type is refused that is longer than any may be: of two the RFC fixes the length. */
function refusalOfLength(type: u32): i32 {
  if (type === FINISHED) return REFUSED_FINISHED_LENGTH;
  return type === KEY_UPDATE ? REFUSED_KEY_UPDATE_MALFORMED : REFUSED_HANDSHAKE_MESSAGE_LENGTH;
}
