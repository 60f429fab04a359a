import { Drbg } from "../crypto/drbg";
import { sha256 } from "../crypto/sha256";
import { canAllocate, collectGarbage } from "../platform-services/heap";
import { debug, programProfile, strategies } from "../platform-services/platform";
import { PROFILE_MCU } from "../platform-services/program-limits";
import { ALERT_ACCESS_DENIED, NO_ALERT } from "../session-manager/alerts";
import { MemoryBudget } from "../session-manager/byte-buffer";
import { TlsConfig } from "../session-manager/config";
import { SUITE_AES_128_GCM, SUITE_CHACHA20_POLY1305 } from "../session-manager/protocol";
import { Message, messageCapacity, readMessage, writeMessage } from "../transport-protocol/message";
import {
  FIELD_ATTESTED,
  FIELD_CERTIFICATE,
  FIELD_CHALLENGE,
  FIELD_CSR,
  FIELD_DEVICE_ID,
  FIELD_FREE_BYTES,
  FIELD_ID,
  FIELD_ISSUER,
  FIELD_MAX_SESSIONS,
  FIELD_NONCE,
  FIELD_POLICY,
  FIELD_POLICY_HASH,
  FIELD_ROUND,
  FIELD_SESSION,
  FIELD_SESSIONS,
  FIELD_STATE,
  FIELD_STATUS,
  FIELD_TEXT,
  FIELD_TLS,
  FIELD_TOKEN,
  FIELD_VERSION,
  GROUP_ISOLATE_REQUEST,
  MAX_ISOLATE_FRAME_BYTES,
  MESSAGE_ATTEST,
  MESSAGE_ATTESTATION,
  MESSAGE_CLOSE_SESSION,
  MESSAGE_CLOSE_SESSIONS,
  MESSAGE_DONE,
  MESSAGE_ENDED,
  MESSAGE_INITIALISE,
  MESSAGE_INSTALL_CERTIFICATE,
  MESSAGE_NEW_SESSION,
  MESSAGE_REATTEST,
  MESSAGE_REATTESTATION,
  MESSAGE_REFUSED,
  MESSAGE_RESET,
  MESSAGE_RUNTIME_STATE,
  MESSAGE_RUNTIME_STATE_IS,
  MESSAGE_SESSION_CLOSED,
  MESSAGE_TLS_INPUT,
  MESSAGE_TLS_OUTPUT,
  PROTOCOL_VERSION,
  STATE_ENDED,
  STATE_INITIAL,
  STATUS_FAILED_GENERIC,
  STATUS_FAILED_INVALID_REQUEST,
  STATUS_FAILED_NOT_READY,
} from "../transport-protocol/messages";
import { NONE, Policy, SUITE_CHACHA20_POLY1305_SHA256 } from "../veracruz-utils/policy";
import { policyErrorText } from "../veracruz-utils/policy-error-text";
import { PolicyError } from "../veracruz-utils/policy-errors";
import { parsePolicy } from "../veracruz-utils/policy-parser";
import { AgreedComputation, freeBytes } from "./agreed-computation";
import { IsolateKey, storeAscii } from "./isolate-key";
import { Outcome } from "./outcome";
import { answerPrincipal } from "./principal-requests";
import { PrincipalSession, STEP_APPROVAL, STEP_WAIT } from "./principal-session";
import { mcuReserve } from "./stored-file";

const HASH: u32 = 32;
/** TLS bytes of one `tlsOutput`, at most. */
const OUTPUT_PIECE: u32 = 4352;
/** Milliseconds that a handshake may take. */
const HANDSHAKE_DEADLINE_MS: u32 = 60_000;
/** Milliseconds without a request of any principal after which everything is wiped. */
const IDLE_LIMIT_MS: u32 = 3_600_000;

/** What a home of each profile holds of sessions. */
const HOST_SESSIONS: u32 = 64;
const HOST_HANDSHAKES: u32 = 24;
const HOST_SESSION_MEMORY: u32 = 4 << 20;
const MCU_SESSIONS: u32 = 6;
const MCU_HANDSHAKES: u32 = 3;
const MCU_SESSION_MEMORY: u32 = 96 << 10;
/** What a new session leaves free for the server's messages. */
const HOST_FRAME_RESERVE: u32 = MAX_ISOLATE_FRAME_BYTES;

/**
 * Command and control of the isolate: takes the Veracruz server's messages, one at a time, and gives
 * back frames: first the events that a message caused, then its answer.
 *
 * The server is not trusted: it can end everything, but learns and changes nothing else.
 */
export class RuntimeManager {
  private policy: Policy | null = null;
  private policyHash: StaticArray<u8> = new StaticArray<u8>(HASH as i32);
  private computation: AgreedComputation | null = null;
  private key: IsolateKey | null = null;
  private config: TlsConfig | null = null;
  private drbg: Drbg = new Drbg();
  private sessions: PrincipalSession[] = [];
  private hasEnded: bool = false;
  private idleMs: u32 = 0;

  private maxSessions: u32;
  private maxHandshakes: u32;
  private sessionMemory: u32;
  private frameReserve: u32;
  /** Largest piece of a file in a response. */
  readonly pieceBytes: u32;

  private message: Message = new Message();
  private outcome: Outcome = new Outcome();
  /** The answer to the message under way, encoded; null when there is none. */
  private answer: StaticArray<u8> | null = null;
  private owesEnded: bool = false;
  private endedReason: string = "";
  private frame: StaticArray<u8> = new StaticArray<u8>(messageCapacity(OUTPUT_PIECE) as i32);

  constructor() {
    const small = programProfile() === PROFILE_MCU;
    this.maxSessions = small ? MCU_SESSIONS : HOST_SESSIONS;
    this.maxHandshakes = small ? MCU_HANDSHAKES : HOST_HANDSHAKES;
    this.sessionMemory = small ? MCU_SESSION_MEMORY : HOST_SESSION_MEMORY;
    this.frameReserve = small ? mcuReserve() : HOST_FRAME_RESERVE;
    this.pieceBytes = small ? 4096 : 16384;
  }

  // ---- Frames in and out ----

  get hasPolicy(): bool {
    return this.policy !== null;
  }

  /** Handles a frame; its bytes must stay in place until `nextFrame` answers 0. */
  handle(bytes: usize, length: u32): void {
    const message = this.message;
    const outcome = this.outcome;
    outcome.succeed();
    const malformed = readMessage(bytes, length, GROUP_ISOLATE_REQUEST, message);
    const id = message.uint(FIELD_ID);
    if (malformed !== 0) {
      outcome.fail(STATUS_FAILED_INVALID_REQUEST, "malformed message: ").andInteger(malformed);
    } else if (this.dispatch(id)) {
      return;
    }
    this.answerOutcome(id);
  }

  /** Answers a frame for which there is no room. */
  refuseFrame(): void {
    this.outcome.fail(STATUS_FAILED_GENERIC, "the frame is too long, or there is no memory for it");
    this.answerOutcome(0);
  }

  /** Works on the message. True when the answer is set; else it is that of `outcome`. */
  private dispatch(id: u32): bool {
    const message = this.message;
    switch (message.type) {
      case MESSAGE_INITIALISE:
        this.initialise(message.pointer(FIELD_POLICY), message.length(FIELD_POLICY));
        return false;
      case MESSAGE_ATTEST:
        return this.attest(id);
      case MESSAGE_INSTALL_CERTIFICATE:
        this.installCertificate();
        return false;
      case MESSAGE_NEW_SESSION:
        this.newSession(message.uint(FIELD_SESSION));
        return false;
      case MESSAGE_CLOSE_SESSION:
        this.closeSession(message.uint(FIELD_SESSION));
        return false;
      case MESSAGE_CLOSE_SESSIONS:
        while (this.sessions.length > 0) this.closeSession(this.sessions[0].number);
        return false;
      case MESSAGE_TLS_INPUT:
        this.tlsInput();
        return false;
      case MESSAGE_RUNTIME_STATE:
        this.answerState(id);
        return true;
      case MESSAGE_RESET:
        this.reset();
        return false;
      case MESSAGE_REATTEST:
        return this.reattest(id);
      default:
        this.outcome.fail(STATUS_FAILED_INVALID_REQUEST, "the isolate's home answers this");
        return false;
    }
  }

  /**
   * Takes the next frame for the server: returns its length in bytes, or 0 when there is none; it lies
   * at `framePointer` until the next call.
   */
  nextFrame(): u32 {
    for (let i = 0; i < this.sessions.length; i++) {
      const session = this.sessions[i];
      this.advance(session);
      if (session.tls.outputLength > 0) return this.emitOutput(session);
      // Once we have closed, nothing is read any more: there is no need to wait for the peer.
      if (session.tls.ended || session.tls.closed) {
        this.removeAt(i);
        return this.emitClosed(session);
      }
    }
    const answer = this.answer;
    if (answer !== null) {
      this.answer = null;
      memory.copy(this.framePointer, changetype<usize>(answer), answer.length as usize);
      return answer.length as u32;
    }
    if (this.owesEnded) {
      this.owesEnded = false;
      return this.emitEnded();
    }
    return 0;
  }

  get framePointer(): usize {
    return changetype<usize>(this.frame);
  }

  private emit(message: Message): u32 {
    return writeMessage(message, this.framePointer, this.frame.length as u32) as u32;
  }

  private emitOutput(session: PrincipalSession): u32 {
    const tls = session.tls;
    const length = min(tls.outputLength, OUTPUT_PIECE);
    const event = new Message();
    event.begin(MESSAGE_TLS_OUTPUT);
    event.setUint(FIELD_SESSION, session.number);
    event.setBytes(FIELD_TLS, tls.output, length);
    const size = this.emit(event);
    tls.consumeOutput(length);
    return size;
  }

  private emitClosed(session: PrincipalSession): u32 {
    const reason = this.outcomeOfSession(session);
    const event = new Message();
    event.begin(MESSAGE_SESSION_CLOSED);
    event.setUint(FIELD_SESSION, session.number);
    event.setBytes(FIELD_TEXT, reason.text, reason.textLength);
    const size = this.emit(event);
    session.dispose();
    return size;
  }

  private outcomeOfSession(session: PrincipalSession): Outcome {
    const tls = session.tls;
    const reason = new Outcome();
    if (tls.alertSent !== NO_ALERT) reason.and("alert sent: ").andInteger(tls.alertSent);
    else if (tls.alertReceived !== NO_ALERT) {
      reason.and("alert received: ").andInteger(tls.alertReceived);
    } else if (tls.truncated) reason.and("connection ended without close_notify");
    else reason.and("closed");
    return reason;
  }

  private emitEnded(): u32 {
    const reason = new Outcome();
    reason.and(this.endedReason);
    const event = new Message();
    event.begin(MESSAGE_ENDED);
    event.setBytes(FIELD_TEXT, reason.text, reason.textLength);
    return this.emit(event);
  }

  /** Encodes the answer. All answers are small. */
  private setAnswer(message: Message): void {
    const capacity = this.frame.length as u32;
    const scratch = heap.alloc(capacity);
    const length = writeMessage(message, scratch, capacity);
    const answer = new StaticArray<u8>(max(length, 0));
    memory.copy(changetype<usize>(answer), scratch, answer.length as usize);
    heap.free(scratch);
    this.answer = answer;
  }

  private answerOutcome(id: u32): void {
    const outcome = this.outcome;
    const answer = new Message();
    if (outcome.succeeded) {
      answer.begin(MESSAGE_DONE);
    } else {
      answer.begin(MESSAGE_REFUSED);
      answer.setUint(FIELD_STATUS, outcome.status);
      answer.setBytes(FIELD_TEXT, outcome.text, outcome.textLength);
    }
    answer.setUint(FIELD_ID, id);
    this.setAnswer(answer);
  }

  // ---- Policy, attestation, certificate ----

  private initialise(text: usize, length: u32): void {
    const outcome = this.outcome;
    if (this.policy !== null || this.hasEnded) {
      outcome.fail(STATUS_FAILED_NOT_READY, "there was a policy already: reset first");
      return;
    }
    if (this.message.uint(FIELD_VERSION) !== PROTOCOL_VERSION) {
      outcome
        .fail(STATUS_FAILED_INVALID_REQUEST, "protocol version ")
        .andNumber(this.message.uint(FIELD_VERSION))
        .and(", expected ")
        .andNumber(PROTOCOL_VERSION);
      return;
    }
    // Before the parser overwrites it.
    const hash = new StaticArray<u8>(HASH as i32);
    sha256(text, length, changetype<usize>(hash));
    const error = new PolicyError();
    const policy = parsePolicy(text, length, error);
    if (policy === null) {
      outcome.fail(STATUS_FAILED_INVALID_REQUEST, "policy, ").and(policyErrorText(error));
      return;
    }
    if ((strategies() & (1 << policy.executionStrategy)) === 0) {
      outcome.fail(STATUS_FAILED_GENERIC, "this isolate does not offer the execution strategy");
      return;
    }
    const key = new IsolateKey(this.drbg);
    if (!this.drbg.seed() || !key.generate()) {
      outcome.fail(STATUS_FAILED_GENERIC, "the platform gives no random numbers");
      return;
    }
    const config = new TlsConfig(this.drbg, new MemoryBudget(this.sessionMemory));
    config.identity = key.identity;
    config.suites =
      policy.ciphersuite === SUITE_CHACHA20_POLY1305_SHA256
        ? SUITE_CHACHA20_POLY1305
        : SUITE_AES_128_GCM;
    memory.copy(changetype<usize>(this.policyHash), changetype<usize>(hash), HASH);
    this.key = key;
    this.config = config;
    this.policy = policy;
    this.computation = new AgreedComputation(policy);
    this.idleMs = 0;
    this.say("debug output is on: the policy says so");
    this.say("no clock here: dates of certificates are not checked");
  }

  /** Prints a line, where the policy allows that. Never a payload. */
  private say(text: string): void {
    const policy = this.policy;
    if (policy === null || !policy.debug) return;
    const line = new StaticArray<u8>(text.length);
    const length = storeAscii(changetype<usize>(line), text);
    debug(changetype<usize>(line), length);
  }

  /** The key, while there is one; else null, and a refusal. */
  private get liveKey(): IsolateKey | null {
    const key = this.key;
    if (key === null) this.outcome.fail(STATUS_FAILED_NOT_READY, "there is no policy yet");
    if (!this.hasEnded) return key;
    this.outcome.fail(STATUS_FAILED_NOT_READY, "the computation has ended: reset first");
    return null;
  }

  private attest(id: u32): bool {
    const key = this.liveKey;
    if (key === null) return false;
    const deviceId = this.message.uint(FIELD_DEVICE_ID);
    const failure = key.enrol(this.message.pointer(FIELD_CHALLENGE), deviceId);
    if (failure !== 0) {
      this.outcome.fail(STATUS_FAILED_GENERIC, "no attestation token: ").andInteger(failure);
      return false;
    }
    const answer = new Message();
    answer.begin(MESSAGE_ATTESTATION);
    answer.setUint(FIELD_ID, id);
    answer.setBytes(FIELD_TOKEN, key.token, key.tokenLength);
    answer.setBytes(FIELD_CSR, key.csr, key.csrLength);
    answer.setUint(FIELD_DEVICE_ID, deviceId);
    this.setAnswer(answer);
    return true;
  }

  private reattest(id: u32): bool {
    const key = this.liveKey;
    if (key === null) return false;
    const failure = key.reattest(
      this.message.pointer(FIELD_NONCE),
      changetype<usize>(this.policyHash),
    );
    if (failure !== 0) {
      this.outcome.fail(STATUS_FAILED_GENERIC, "no attestation token: ").andInteger(failure);
      return false;
    }
    const answer = new Message();
    answer.begin(MESSAGE_REATTESTATION);
    answer.setUint(FIELD_ID, id);
    answer.setBytes(FIELD_TOKEN, key.token, key.tokenLength);
    answer.setUint(FIELD_DEVICE_ID, key.deviceId);
    this.setAnswer(answer);
    return true;
  }

  private installCertificate(): void {
    const key = this.liveKey;
    const policy = this.policy;
    const message = this.message;
    if (key === null || policy === null) return;
    const installed = key.install(
      message.pointer(FIELD_CERTIFICATE),
      message.length(FIELD_CERTIFICATE),
      message.pointer(FIELD_ISSUER),
      message.length(FIELD_ISSUER),
      policy.proxyServiceCertificate,
    );
    if (!installed) {
      this.outcome.fail(
        STATUS_FAILED_INVALID_REQUEST,
        "not a certificate for this isolate's key by the CA that the policy names",
      );
    }
  }

  // ---- Sessions ----

  private find(number: u32): i32 {
    for (let i = 0; i < this.sessions.length; i++) {
      if (this.sessions[i].number === number) return i;
    }
    return NONE;
  }

  private get handshakes(): u32 {
    let count: u32 = 0;
    for (let i = 0; i < this.sessions.length; i++) if (!this.sessions[i].open) count++;
    return count;
  }

  private newSession(number: u32): void {
    const outcome = this.outcome;
    const config = this.config;
    const key = this.liveKey;
    if (config === null || key === null) return;
    if (!key.attested) {
      outcome.fail(STATUS_FAILED_NOT_READY, "the isolate has no certificate yet");
    } else if (this.find(number) !== NONE) {
      outcome.fail(STATUS_FAILED_INVALID_REQUEST, "there is a session of this number");
    } else if ((this.sessions.length as u32) >= this.maxSessions) {
      outcome.fail(STATUS_FAILED_NOT_READY, "all sessions are taken: ").andNumber(this.maxSessions);
    } else if (this.handshakes >= this.maxHandshakes) {
      outcome
        .fail(STATUS_FAILED_NOT_READY, "too many handshakes are under way: ")
        .andNumber(this.maxHandshakes);
    } else if (!canAllocate(this.frameReserve)) {
      outcome.fail(STATUS_FAILED_NOT_READY, "no memory for another session");
    } else {
      this.sessions.push(new PrincipalSession(number, config));
    }
  }

  /** Takes a session out of the list, and forgets its transfers. Its TLS end point is still to dispose. */
  private removeAt(index: i32): void {
    const session = this.sessions[index];
    const computation = this.computation;
    if (computation !== null) computation.dropTransfers(session.number);
    this.sessions.splice(index, 1);
  }

  private closeSession(number: u32): void {
    const index = this.find(number);
    if (index === NONE) {
      // It may just have ended by itself: to close it again is no fault.
      return;
    }
    const session = this.sessions[index];
    session.tls.endOfInput();
    this.removeAt(index);
    session.dispose();
  }

  private tlsInput(): void {
    const message = this.message;
    const index = this.find(message.uint(FIELD_SESSION));
    if (index === NONE) {
      this.outcome.fail(STATUS_FAILED_INVALID_REQUEST, "no session of this number");
      return;
    }
    this.sessions[index].feed(message.pointer(FIELD_TLS), message.length(FIELD_TLS));
  }

  /** Lets a session go on, as far as it gets. */
  private advance(session: PrincipalSession): void {
    const policy = this.policy;
    const computation = this.computation;
    const key = this.key;
    if (policy === null || computation === null || key === null) return;
    for (let step = session.step(); step !== STEP_WAIT; step = session.step()) {
      if (step === STEP_APPROVAL) this.authenticate(session, policy);
      else if (this.hasEnded) {
        // It was on its way when the computation ended: nothing is taken or given any more.
        session.tls.close();
      } else {
        this.idleMs = 0;
        const end = answerPrincipal(
          session,
          policy,
          this.policyHash,
          computation,
          key,
          this.pieceBytes,
        );
        if (end) this.end("by consent of all who may read a result");
      }
    }
    if (this.hasEnded && !session.owesResponse) session.tls.close();
  }

  /** A principal is its certificate, byte for byte. */
  private authenticate(session: PrincipalSession, policy: Policy): void {
    const tls = session.tls;
    session.principal = policy.findIdentity(tls.peerCertificate(0), tls.peerCertificateLength(0));
    if (session.principal !== NONE) {
      tls.approvePeer();
      return;
    }
    this.say("a client was turned away: its certificate is not in the policy");
    tls.rejectPeer(ALERT_ACCESS_DENIED);
  }

  // ---- State and end ----

  private get state(): u32 {
    if (this.hasEnded) return STATE_ENDED;
    const computation = this.computation;
    return computation === null ? STATE_INITIAL : computation.state;
  }

  private answerState(id: u32): void {
    const computation = this.computation;
    const key = this.key;
    const answer = new Message();
    answer.begin(MESSAGE_RUNTIME_STATE_IS);
    answer.setUint(FIELD_ID, id);
    answer.setUint(FIELD_STATE, this.state);
    answer.setUint(FIELD_ATTESTED, key !== null && key.attested ? 1 : 0);
    answer.setUint(FIELD_ROUND, computation === null ? 0 : computation.round);
    answer.setUint(FIELD_SESSIONS, this.sessions.length as u32);
    answer.setUint(FIELD_MAX_SESSIONS, this.maxSessions);
    answer.setUint(FIELD_FREE_BYTES, freeBytes());
    const hash = changetype<usize>(this.policyHash);
    answer.setBytes(FIELD_POLICY_HASH, hash, this.policy === null ? 0 : HASH);
    this.setAnswer(answer);
  }

  /** Wipes files and key at once; sessions get their last bytes and close. */
  private end(reason: string): void {
    const computation = this.computation;
    if (computation !== null) computation.clear();
    const key = this.key;
    if (key !== null) key.wipe();
    this.hasEnded = true;
    this.owesEnded = true;
    this.endedReason = reason;
  }

  /** Wipes everything, sessions included; then another policy may come. */
  private reset(): void {
    const computation = this.computation;
    if (computation !== null) computation.clear();
    const key = this.key;
    if (key !== null) key.wipe();
    // Nothing is made here that stays: it would lie in the middle of what becomes free.
    while (this.sessions.length > 0) this.sessions.pop().dispose();
    this.drbg.wipe();
    this.policy = null;
    this.computation = null;
    this.key = null;
    this.config = null;
    memory.fill(changetype<usize>(this.policyHash), 0, HASH);
    this.hasEnded = false;
    this.owesEnded = false;
  }

  /** Tells that `elapsed` milliseconds have passed since the last call. */
  tick(elapsed: u32): void {
    for (let i = 0; i < this.sessions.length; i++) {
      const session = this.sessions[i];
      if (session.open) continue;
      session.ageMs += elapsed;
      // An authenticated session never gives way; a handshake that takes too long does.
      if (session.ageMs > HANDSHAKE_DEADLINE_MS) session.tls.close();
    }
    if (this.policy === null || this.hasEnded) return;
    this.idleMs += elapsed;
    if (this.idleMs > IDLE_LIMIT_MS) this.end("nothing was asked for a long time");
  }

  /** Frees what is not referred to any more; between frames only. */
  collect(): void {
    collectGarbage();
  }
}
