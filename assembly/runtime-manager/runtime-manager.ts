import { scopeOf } from "../continuity/scope";
import { Drbg } from "../crypto/drbg";
import { SHA256_LENGTH, sha256 } from "../crypto/sha256";
import { canAllocate, collectGarbage } from "../platform-services/heap";
import { debug, enrolmentToken, strategies } from "../platform-services/platform";
import { ALERT_ACCESS_DENIED, NO_ALERT } from "../session-manager/alerts";
import { MemoryBudget } from "../session-manager/byte-buffer";
import { TlsConfig } from "../session-manager/config";
import {
  GROUP_X25519MLKEM768,
  MAX_PLAINTEXT,
  SUITE_AES_128_GCM,
  SUITE_CHACHA20_POLY1305,
} from "../session-manager/protocol";
import { SpareKey } from "../session-manager/spare-key";
import { Message, messageCapacity, readMessage, writeMessage } from "../transport-protocol/message";
import {
  FIELD_ADMITTED,
  FIELD_ATTESTED,
  FIELD_CERTIFICATE,
  FIELD_CHALLENGE,
  FIELD_CSR,
  FIELD_DEVICE_ID,
  FIELD_EXPORTER,
  FIELD_FREE_BYTES,
  FIELD_HANDSHAKES,
  FIELD_ID,
  FIELD_ISSUER,
  FIELD_MAX_SESSIONS,
  FIELD_NONCE,
  FIELD_POLICY,
  FIELD_POLICY_HASH,
  FIELD_PUBLIC_KEY,
  FIELD_ROUND,
  FIELD_SCOPE,
  FIELD_SCOPE_HASH,
  FIELD_SESSION,
  FIELD_SESSIONS,
  FIELD_SIGNATURE,
  FIELD_STATE,
  FIELD_STATEMENT,
  FIELD_STATUS,
  FIELD_STRANGERS,
  FIELD_TEXT,
  FIELD_TLS,
  FIELD_TOKEN,
  FIELD_VERSION,
  GROUP_ISOLATE_REQUEST,
  MESSAGE_ATTEST,
  MESSAGE_ATTESTATION,
  MESSAGE_CLOSE_SESSION,
  MESSAGE_CLOSE_SESSIONS,
  MESSAGE_COMMIT_WANTED,
  MESSAGE_DELIVER_FRESHNESS,
  MESSAGE_DEVICE_PROOF,
  MESSAGE_DONE,
  MESSAGE_ENDED,
  MESSAGE_FRESHNESS_WANTED,
  MESSAGE_INITIALISE,
  MESSAGE_INSTALL_CERTIFICATE,
  MESSAGE_INSTALL_COMMITMENT,
  MESSAGE_NEW_SESSION,
  MESSAGE_PROVE_DEVICE,
  MESSAGE_REFUSED,
  MESSAGE_RESET,
  MESSAGE_RUNTIME_STATE,
  MESSAGE_RUNTIME_STATE_IS,
  MESSAGE_SESSION_CLOSED,
  MESSAGE_SESSION_OPENED,
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
import { Commitment, refusalText } from "./commitment";
import { homeProfile } from "./home-profile";
import {
  IsolateKey,
  KEY_INFO_BYTES,
  MAX_TOKEN_BYTES,
  SIGNATURE_BYTES,
  storeAscii,
} from "./isolate-key";
import { Outcome } from "./outcome";
import { principalKeys } from "./principal-keys";
import { SessionShares, WORK_OF_HANDSHAKE } from "./principal-quota";
import {
  answerPrincipal,
  REQUEST_END,
  REQUEST_REFUSED,
  respondCommitted,
  respondFreshness,
} from "./principal-requests";
import {
  PrincipalSession,
  STEP_APPROVAL,
  STEP_REQUEST,
  STEP_WAIT,
  WAITS_FOR_COMMIT,
  WAITS_FOR_FRESHNESS,
} from "./principal-session";

/** `nextFrame` has nothing yet, and more work to do: it is to be called again. */
export const FRAME_NOT_YET: u32 = 0xffff_ffff;
/** Milliseconds without a request that was granted after which a session gives way to a new one. */
const ABANDONED_MS: u32 = 120_000;
/** Milliseconds without a request of any principal after which everything is wiped. */
const IDLE_LIMIT_MS: u32 = 3_600_000;

/**
 * Command and control of the isolate: takes the Veracruz server's messages, one at a time, and gives
 * back frames: first the events that a message caused, then its answer.
 *
 * The server is not trusted: it can end everything, but learns and changes nothing else.
 */
export class RuntimeManager {
  private policy: Policy | null = null;
  private policyHash: StaticArray<u8> = new StaticArray<u8>(SHA256_LENGTH as i32);
  private computation: AgreedComputation | null = null;
  private key: IsolateKey | null = null;
  private commitment: Commitment | null = null;
  private config: TlsConfig | null = null;
  private drbg: Drbg = new Drbg();
  private sessions: PrincipalSession[] = [];
  private shares: SessionShares | null = null;
  private isBusy: bool = false;
  private hasEnded: bool = false;
  /** Whether the home is to start the runtime anew, once every frame has been taken. */
  wantsRestart: bool = false;
  private idleMs: u32 = 0;

  private message: Message = new Message();
  private outcome: Outcome = new Outcome();
  /** The answer to the message under way, encoded; null when there is none. */
  private answer: StaticArray<u8> | null = null;
  private owesEnded: bool = false;
  private endedReason: string = "";
  private frame: StaticArray<u8> = new StaticArray<u8>(
    messageCapacity(homeProfile.outputBytes) as i32,
  );

  // ---- Frames in and out ----

  get hasPolicy(): bool {
    return this.policy !== null;
  }

  /** Handles a frame; its bytes must stay in place until `nextFrame` answers 0. */
  handle(bytes: usize, length: u32): void {
    const message = this.message;
    const malformed = readMessage(bytes, length, GROUP_ISOLATE_REQUEST, message);
    if (malformed === 0) {
      this.setAnswer(this.answerTo(message));
    } else {
      this.outcome.fail(STATUS_FAILED_INVALID_REQUEST, "malformed message: ").andInteger(malformed);
      this.setAnswer(this.refused());
    }
  }

  /** Answers a frame for which there is no room. */
  refuseFrame(): void {
    this.message.begin(0);
    this.setAnswer(
      this.refuse(STATUS_FAILED_GENERIC, "the frame is too long, or there is no memory for it"),
    );
  }

  /** Works on the message, and returns the answer. */
  private answerTo(message: Message): Message {
    switch (message.type) {
      case MESSAGE_INITIALISE:
        return this.initialise(message.pointer(FIELD_POLICY), message.length(FIELD_POLICY));
      case MESSAGE_ATTEST:
        return this.attest();
      case MESSAGE_INSTALL_CERTIFICATE:
        return this.installCertificate();
      case MESSAGE_NEW_SESSION:
        return this.newSession(message.uint(FIELD_SESSION), message.uint(FIELD_ADMITTED) !== 0);
      case MESSAGE_CLOSE_SESSION:
        this.closeSession(message.uint(FIELD_SESSION));
        return this.done();
      case MESSAGE_CLOSE_SESSIONS:
        while (this.sessions.length > 0) this.closeSession(this.sessions[0].number);
        // It may be another server than the one that was asked.
        if (this.commitment !== null) this.commitment!.forgetRequest();
        return this.done();
      case MESSAGE_TLS_INPUT:
        return this.tlsInput();
      case MESSAGE_RUNTIME_STATE:
        return this.runtimeState();
      case MESSAGE_RESET:
        this.reset();
        return this.done();
      case MESSAGE_INSTALL_COMMITMENT:
        return this.installCommitment();
      case MESSAGE_DELIVER_FRESHNESS:
        return this.deliverFreshness();
      case MESSAGE_PROVE_DEVICE:
        return this.proveDevice();
      default:
        return this.refuse(STATUS_FAILED_INVALID_REQUEST, "the isolate's home answers this");
    }
  }

  /**
   * Lets sessions go on, until one of them has something for the server or all of them wait; not for
   * long, however much work there is.
   */
  advance(): void {
    this.isBusy = false;
    for (let i = 0; i < this.sessions.length; i++) {
      const session = this.sessions[i];
      this.isBusy = this.advanceSession(session);
      // While there is more to do, output is gathered: fewer frames.
      if (this.isBusy && !session.tls.ended && session.tls.outputLength < homeProfile.outputBytes)
        return;
      this.isBusy = false;
      if (session.hasNews) return;
    }
  }

  /**
   * Takes the next frame for the server: returns its length in bytes, 0 when there is none, or
   * `FRAME_NOT_YET`; it lies at `framePointer` until the next call.
   */
  nextFrame(): u32 {
    if (this.isBusy) return FRAME_NOT_YET;
    for (let i = 0; i < this.sessions.length; i++) {
      const session = this.sessions[i];
      if (!session.hasNews) continue;
      if (session.owesOpened) return this.emitOpened(session);
      if (session.freshness !== null) return this.emitFreshnessWanted(session);
      if (session.tls.outputLength > 0) return this.emitOutput(session);
      this.removeAt(i);
      return this.emitClosed(session);
    }
    if (this.commitment !== null && this.commitment!.owesRequest) return this.emitCommitWanted();
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

  private emitOpened(session: PrincipalSession): u32 {
    session.owesOpened = false;
    const event = new Message();
    event.begin(MESSAGE_SESSION_OPENED);
    event.setUint(FIELD_SESSION, session.number);
    return this.emit(event);
  }

  private emitOutput(session: PrincipalSession): u32 {
    const tls = session.tls;
    const length = min(tls.outputLength, homeProfile.outputBytes);
    const event = new Message();
    event.begin(MESSAGE_TLS_OUTPUT);
    event.setUint(FIELD_SESSION, session.number);
    event.setBytes(FIELD_TLS, tls.output, length);
    const size = this.emit(event);
    tls.consumeOutput(length);
    return size;
  }

  /** Asks the server for a commit. It tries until it has a signed answer. */
  private emitCommitWanted(): u32 {
    const key = this.key!;
    this.commitment!.owesRequest = false;
    const parts = new StaticArray<u8>((KEY_INFO_BYTES + SIGNATURE_BYTES) as i32);
    const keyInfo = changetype<usize>(parts);
    const signature = keyInfo + KEY_INFO_BYTES;
    key.identity.subjectPublicKeyInfo(keyInfo);
    const event = new Message();
    event.begin(MESSAGE_COMMIT_WANTED);
    event.setBytes(FIELD_PUBLIC_KEY, keyInfo, KEY_INFO_BYTES);
    event.setBytes(FIELD_POLICY_HASH, key.policyHash, SHA256_LENGTH);
    event.setBytes(FIELD_SCOPE_HASH, key.scopeHash, SHA256_LENGTH);
    // Without randomness there is no request: clients give up waiting, and the next one asks again.
    if (!key.signCommit(signature)) this.commitment!.forgetRequest();
    event.setBytes(FIELD_SIGNATURE, signature, SIGNATURE_BYTES);
    return this.emit(event);
  }

  private emitFreshnessWanted(session: PrincipalSession): u32 {
    const key = this.key!;
    const asked = session.freshness!;
    const keyInfo = new StaticArray<u8>(KEY_INFO_BYTES as i32);
    key.identity.subjectPublicKeyInfo(changetype<usize>(keyInfo));
    const event = new Message();
    event.begin(MESSAGE_FRESHNESS_WANTED);
    event.setUint(FIELD_SESSION, session.number);
    event.setBytes(FIELD_TOKEN, changetype<usize>(asked.token), asked.token.length as u32);
    event.setBytes(FIELD_NONCE, asked.nonce, SHA256_LENGTH);
    event.setBytes(FIELD_PUBLIC_KEY, changetype<usize>(keyInfo), KEY_INFO_BYTES);
    event.setBytes(FIELD_POLICY_HASH, key.policyHash, SHA256_LENGTH);
    event.setUint(FIELD_DEVICE_ID, key.deviceId);
    event.setBytes(FIELD_EXPORTER, asked.exporter, SHA256_LENGTH);
    const size = this.emit(event);
    session.dropFreshness();
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
    if (tls.refusal !== NO_ALERT) reason.and("refused: ").andInteger(tls.refusal);
    else if (tls.alertReceived !== NO_ALERT) {
      reason.and("alert received: ").andInteger(tls.alertReceived);
    } else if (tls.truncated) reason.and("connection ended without close_notify");
    else if (session.expired) reason.and("the isolate's certificate has expired");
    else if (session.exhausted) reason.and("its principal has had its share of work for nothing");
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

  /** Encodes the answer to the message under way. All answers are small. */
  private setAnswer(message: Message): void {
    message.setUint(FIELD_ID, this.message.uint(FIELD_ID));
    const capacity = this.frame.length as u32;
    const scratch = heap.alloc(capacity);
    const length = writeMessage(message, scratch, capacity);
    const answer = new StaticArray<u8>(max(length, 0));
    memory.copy(changetype<usize>(answer), scratch, answer.length as usize);
    heap.free(scratch);
    this.answer = answer;
  }

  private done(): Message {
    const answer = new Message();
    answer.begin(MESSAGE_DONE);
    return answer;
  }

  /** The refusal that `outcome` holds. */
  private refused(): Message {
    const outcome = this.outcome;
    const answer = new Message();
    answer.begin(MESSAGE_REFUSED);
    answer.setUint(FIELD_STATUS, outcome.status);
    answer.setBytes(FIELD_TEXT, outcome.text, outcome.textLength);
    return answer;
  }

  private refuse(status: u32, reason: string): Message {
    this.outcome.fail(status, reason);
    return this.refused();
  }

  // ---- Policy, attestation, certificate ----

  private initialise(text: usize, length: u32): Message {
    const outcome = this.outcome;
    if (this.policy !== null || this.hasEnded) {
      return this.refuse(
        STATUS_FAILED_NOT_READY,
        "the isolate has a policy already: reset it first",
      );
    }
    const version = this.message.uint(FIELD_VERSION);
    if (version !== PROTOCOL_VERSION) {
      outcome
        .fail(STATUS_FAILED_INVALID_REQUEST, "protocol version ")
        .andNumber(version)
        .and(", expected ")
        .andNumber(PROTOCOL_VERSION);
      return this.refused();
    }
    // Before the parser overwrites it.
    const hash = new StaticArray<u8>(SHA256_LENGTH as i32);
    sha256(text, length, changetype<usize>(hash));
    const error = new PolicyError();
    const policy = parsePolicy(text, length, error);
    if (policy === null) {
      outcome.fail(STATUS_FAILED_INVALID_REQUEST, "policy, ").and(policyErrorText(error));
      return this.refused();
    }
    if ((strategies() & (1 << policy.executionStrategy)) === 0) {
      return this.refuse(
        STATUS_FAILED_GENERIC,
        "this isolate does not offer the execution strategy",
      );
    }
    const key = new IsolateKey(this.drbg, policy, changetype<usize>(hash));
    if (!this.drbg.seed() || !key.generate()) {
      return this.refuse(STATUS_FAILED_GENERIC, "the platform has no random numbers");
    }
    const memoryOfAll = new MemoryBudget(homeProfile.sessionMemory);
    const config = new TlsConfig(this.drbg, memoryOfAll);
    config.identity = key.identity;
    config.suites =
      policy.ciphersuite === SUITE_CHACHA20_POLY1305_SHA256
        ? SUITE_CHACHA20_POLY1305
        : SUITE_AES_128_GCM;
    if (policy.hybridRequired) config.groups = GROUP_X25519MLKEM768;
    config.maxMessage = homeProfile.maxMessage;
    config.outputLimit = homeProfile.outputLimit;
    config.recordSizeLimit = homeProfile.recordSizeLimit;
    config.maxContent = min(homeProfile.recordSizeLimit, MAX_PLAINTEXT);
    config.knownKeys = principalKeys(policy);
    config.spareKey = new SpareKey();
    memory.copy(changetype<usize>(this.policyHash), changetype<usize>(hash), SHA256_LENGTH);
    this.key = key;
    this.commitment = new Commitment(policy, key);
    this.config = config;
    this.policy = policy;
    this.shares = new SessionShares(memoryOfAll, policy.identities.length);
    this.computation = new AgreedComputation(policy);
    this.idleMs = 0;
    this.say("debug output is on: the policy says so");
    this.say("no clock here: dates of certificates are not checked");
    return this.done();
  }

  /** Prints a line, where the policy allows that. Never a payload. */
  private say(text: string): void {
    const policy = this.policy;
    if (policy === null || !policy.debug) return;
    const line = new StaticArray<u8>(text.length);
    const length = storeAscii(changetype<usize>(line), text);
    debug(changetype<usize>(line), length);
  }

  /** The key, while a computation is under way; else null. */
  private get liveKey(): IsolateKey | null {
    return this.hasEnded ? null : this.key;
  }

  /** Refuses what needs a computation under way. */
  private refuseWithoutKey(): Message {
    return this.refuse(
      STATUS_FAILED_NOT_READY,
      this.hasEnded
        ? "the computation has ended: reset the isolate first"
        : "there is no policy yet",
    );
  }

  private refuseUncertified(): Message {
    return this.refuse(STATUS_FAILED_NOT_READY, "the isolate has no certificate yet");
  }

  private refuseToken(failure: i32): Message {
    this.outcome.fail(STATUS_FAILED_GENERIC, "no attestation token: ").andInteger(failure);
    return this.refused();
  }

  private attest(): Message {
    const key = this.liveKey;
    if (key === null) return this.refuseWithoutKey();
    const deviceId = this.message.uint(FIELD_DEVICE_ID);
    const failure = key.enrol(this.message.pointer(FIELD_CHALLENGE), deviceId);
    if (failure !== 0) return this.refuseToken(failure);
    const answer = new Message();
    answer.begin(MESSAGE_ATTESTATION);
    answer.setBytes(FIELD_TOKEN, key.token, key.tokenLength);
    answer.setBytes(FIELD_CSR, key.csr, key.csrLength);
    answer.setUint(FIELD_DEVICE_ID, deviceId);
    answer.setBytes(FIELD_POLICY_HASH, key.policyHash, SHA256_LENGTH);
    const scope = scopeOf(this.policy!);
    answer.setBytes(FIELD_SCOPE, changetype<usize>(scope), scope.length as u32);
    return answer;
  }

  private proveDevice(): Message {
    // The frame's place is free until `nextFrame`.
    const token = this.framePointer;
    const room = min(MAX_TOKEN_BYTES, this.frame.length as u32);
    const written = enrolmentToken(this.message.pointer(FIELD_CHALLENGE), token, room);
    if (written <= 0) return this.refuseToken(written);
    const answer = new Message();
    answer.begin(MESSAGE_DEVICE_PROOF);
    answer.setBytes(FIELD_TOKEN, token, written as u32);
    return answer;
  }

  private installCertificate(): Message {
    const key = this.liveKey;
    const message = this.message;
    if (key === null) return this.refuseWithoutKey();
    const installed = key.install(
      message.pointer(FIELD_CERTIFICATE),
      message.length(FIELD_CERTIFICATE),
      message.pointer(FIELD_ISSUER),
      message.length(FIELD_ISSUER),
    );
    if (installed) return this.done();
    return this.refuse(
      STATUS_FAILED_INVALID_REQUEST,
      "not a certificate for this isolate's key, policy and scope by the CA that the policy names",
    );
  }

  /** Takes what the proxy attestation server says of the computation, and answers all who wait for it. */
  private installCommitment(): Message {
    const key = this.liveKey;
    const commitment = this.commitment;
    const message = this.message;
    if (key === null || commitment === null) return this.refuseWithoutKey();
    // Without one nothing says how old a statement's signer may be.
    if (!key.attested) return this.refuseUncertified();
    commitment.install(
      message.pointer(FIELD_STATEMENT),
      message.length(FIELD_STATEMENT),
      this.outcome,
    );
    if (!this.outcome.succeeded) return this.refused();
    if (commitment.refusal !== 0) {
      this.end(refusalText(commitment.refusal));
      return this.done();
    }
    for (let i = 0; i < this.sessions.length; i++) {
      const session = this.sessions[i];
      if (session.waitsFor === WAITS_FOR_COMMIT) respondCommitted(session, commitment);
    }
    return this.done();
  }

  private deliverFreshness(): Message {
    const message = this.message;
    const index = this.find(message.uint(FIELD_SESSION));
    // The session may have ended meanwhile.
    if (index !== NONE && this.sessions[index].waitsFor === WAITS_FOR_FRESHNESS) {
      respondFreshness(
        this.sessions[index],
        message.pointer(FIELD_STATEMENT),
        message.length(FIELD_STATEMENT),
      );
    }
    return this.done();
  }

  // ---- Sessions ----

  private find(number: u32): i32 {
    for (let i = 0; i < this.sessions.length; i++) {
      if (this.sessions[i].number === number) return i;
    }
    return NONE;
  }

  /** Handshakes under way: all, or those of sessions that are not admitted. */
  private handshakes(strangersOnly: bool): u32 {
    let count: u32 = 0;
    for (let i = 0; i < this.sessions.length; i++) {
      const session = this.sessions[i];
      if (!session.open && !(strangersOnly && session.admitted)) count++;
    }
    return count;
  }

  /** Ends the session that was abandoned longest ago, if one was. */
  private endAbandoned(): void {
    let found: PrincipalSession | null = null;
    for (let i = 0; i < this.sessions.length; i++) {
      const session = this.sessions[i];
      if (!session.open || session.idleMs < ABANDONED_MS) continue;
      if (found === null || session.idleMs > found.idleMs) found = session;
    }
    if (found !== null) found.tls.close();
  }

  private newSession(number: u32, admitted: bool): Message {
    const config = this.config;
    const key = this.liveKey;
    if (config === null || key === null) return this.refuseWithoutKey();
    if (!key.attested) return this.refuseUncertified();
    if (this.find(number) !== NONE) {
      return this.refuse(STATUS_FAILED_INVALID_REQUEST, "this session number is taken");
    }
    const shares = this.shares;
    if ((this.sessions.length as u32) >= homeProfile.maxSessions || shares === null) {
      // Whoever comes again finds its place free.
      this.endAbandoned();
      this.outcome
        .fail(STATUS_FAILED_NOT_READY, "all sessions are taken: ")
        .andNumber(homeProfile.maxSessions);
      return this.refused();
    }
    if (this.handshakes(false) >= homeProfile.maxHandshakes) {
      this.outcome
        .fail(STATUS_FAILED_NOT_READY, "too many handshakes are under way: ")
        .andNumber(homeProfile.maxHandshakes);
      return this.refused();
    }
    if (!admitted && this.handshakes(true) >= homeProfile.maxStrangers) {
      this.outcome
        .fail(STATUS_FAILED_NOT_READY, "too many handshakes of strangers are under way: ")
        .andNumber(homeProfile.maxStrangers);
      return this.refused();
    }
    if (!canAllocate(homeProfile.frameReserve)) {
      return this.refuse(STATUS_FAILED_NOT_READY, "no memory for another session");
    }
    const around = admitted ? config.budget : shares.strangers;
    const budget = new MemoryBudget(homeProfile.strangerMemory, around);
    this.sessions.push(new PrincipalSession(number, admitted, config, budget));
    return this.done();
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

  private tlsInput(): Message {
    const message = this.message;
    const index = this.find(message.uint(FIELD_SESSION));
    if (index === NONE) {
      return this.refuse(STATUS_FAILED_INVALID_REQUEST, "no session has this number");
    }
    this.sessions[index].feed(message.pointer(FIELD_TLS), message.length(FIELD_TLS));
    return this.done();
  }

  /** Lets a session go on, as far as it gets. */
  private advanceSession(session: PrincipalSession): bool {
    const policy = this.policy;
    const computation = this.computation;
    const key = this.key;
    const shares = this.shares;
    const commitment = this.commitment;
    if (
      policy === null ||
      computation === null ||
      key === null ||
      shares === null ||
      commitment === null
    ) {
      return false;
    }
    const step = session.step();
    this.countWork(session, shares, session.worked);
    session.worked = 0;
    if (session.exhausted) return false;
    if (step === STEP_APPROVAL) this.authenticate(session, policy, shares);
    else if (step === STEP_REQUEST && this.hasEnded) {
      // It was on its way when the computation ended: nothing is taken or given any more.
      session.tls.close();
    } else if (step === STEP_REQUEST) {
      const quota = shares.of(session.principal);
      const came = answerPrincipal(
        session,
        quota,
        policy,
        this.policyHash,
        computation,
        key,
        commitment,
      );
      if (came !== REQUEST_REFUSED) {
        this.idleMs = 0;
        session.idleMs = 0;
        quota.giveBack(session.unearned);
        session.unearned = 0;
      }
      if (came === REQUEST_END) this.end("by consent of every reader of the result");
    }
    if (this.hasEnded && !session.owesResponse) session.tls.close();
    return step !== STEP_WAIT;
  }

  /** Counts work for a session's principal; a session whose principal has had its share ends. */
  private countWork(session: PrincipalSession, shares: SessionShares, bytes: u32): void {
    if (session.principal === NONE || session.exhausted) return;
    if (shares.of(session.principal).work(bytes)) {
      session.unearned += bytes;
      return;
    }
    session.exhaust();
  }

  /** A principal is its certificate, byte for byte. */
  private authenticate(session: PrincipalSession, policy: Policy, shares: SessionShares): void {
    const tls = session.tls;
    session.principal = policy.findIdentity(tls.peerCertificate(0), tls.peerCertificateLength(0));
    if (session.principal !== NONE) {
      if (session.budget.moveInto(shares.of(session.principal).memory)) {
        this.countWork(session, shares, WORK_OF_HANDSHAKE);
        if (session.exhausted) return;
        tls.approvePeer();
        session.owesOpened = true;
        this.endOldestOf(session, policy);
      } else tls.close();
      return;
    }
    this.say("a client was refused: its certificate is not in the policy");
    tls.rejectPeer(ALERT_ACCESS_DENIED);
  }

  /** A principal has its share of the sessions: of more than that its own oldest gives way. */
  private endOldestOf(newest: PrincipalSession, policy: Policy): void {
    const share = max(homeProfile.maxSessions / (policy.identities.length as u32), 1);
    let count: u32 = 0;
    for (let i = this.sessions.length - 1; i >= 0; i--) {
      const session = this.sessions[i];
      if (session.principal === newest.principal && session.open && ++count > share) {
        session.tls.close();
      }
    }
  }

  // ---- State and end ----

  private get state(): u32 {
    if (this.hasEnded) return STATE_ENDED;
    const computation = this.computation;
    return computation === null ? STATE_INITIAL : computation.state;
  }

  private runtimeState(): Message {
    const computation = this.computation;
    const key = this.key;
    const answer = new Message();
    answer.begin(MESSAGE_RUNTIME_STATE_IS);
    answer.setUint(FIELD_STATE, this.state);
    answer.setUint(FIELD_ATTESTED, key !== null && key.attested ? 1 : 0);
    answer.setUint(FIELD_ROUND, computation === null ? 0 : computation.round);
    answer.setUint(FIELD_SESSIONS, this.sessions.length as u32);
    answer.setUint(FIELD_MAX_SESSIONS, homeProfile.maxSessions);
    answer.setUint(FIELD_HANDSHAKES, homeProfile.maxHandshakes);
    answer.setUint(FIELD_STRANGERS, homeProfile.maxStrangers);
    answer.setUint(FIELD_FREE_BYTES, freeBytes());
    const hash = changetype<usize>(this.policyHash);
    answer.setBytes(FIELD_POLICY_HASH, hash, this.policy === null ? 0 : SHA256_LENGTH);
    return answer;
  }

  /** Wipes files and key at once; sessions get their last bytes and close. */
  private end(reason: string): void {
    const computation = this.computation;
    if (computation !== null) computation.clear();
    const key = this.key;
    if (key !== null) key.wipe();
    this.wipeSpareKey();
    this.hasEnded = true;
    this.owesEnded = true;
    this.endedReason = reason;
  }

  private wipeSpareKey(): void {
    const config = this.config;
    if (config !== null && config.spareKey !== null) config.spareKey!.wipe();
  }

  /**
   * Wipes everything, sessions included. Its home then starts the runtime anew from what was measured, and the
   * root of trust takes another policy and key.
   */
  private reset(): void {
    this.wantsRestart = true;
    const computation = this.computation;
    if (computation !== null) computation.clear();
    const key = this.key;
    if (key !== null) key.wipe();
    // Nothing is made here that stays: it would lie in the middle of what becomes free.
    while (this.sessions.length > 0) this.sessions.pop().dispose();
    this.shares = null;
    this.drbg.wipe();
    this.policy = null;
    this.computation = null;
    this.key = null;
    const config = this.config;
    if (config !== null && config.knownKeys !== null) config.knownKeys!.free();
    this.wipeSpareKey();
    this.commitment = null;
    this.config = null;
    memory.fill(changetype<usize>(this.policyHash), 0, SHA256_LENGTH);
    this.hasEnded = false;
    this.owesEnded = false;
  }

  /** Tells that `elapsed` milliseconds have passed since the last call. */
  tick(elapsed: u32): void {
    for (let i = 0; i < this.sessions.length; i++) {
      const session = this.sessions[i];
      if (session.open) {
        session.idleMs += elapsed;
        continue;
      }
      session.ageMs += elapsed;
      // An authenticated session does not give way; a handshake that takes too long does.
      if (session.ageMs > homeProfile.handshakeMs) session.tls.close();
    }
    const shares = this.shares;
    if (shares !== null) shares.tick(elapsed);
    const key = this.key;
    if (this.policy === null || this.hasEnded || key === null) return;
    if (!key.tick(elapsed)) {
      // Nobody vouches for it any more. A certificate that comes after all lets sessions begin again.
      for (let i = 0; i < this.sessions.length; i++) this.sessions[i].expire();
    }
    const config = this.config;
    if (config !== null && config.spareKey !== null && !this.isBusy)
      config.spareKey!.tick(this.drbg, elapsed);
    this.idleMs += elapsed;
    if (this.idleMs > IDLE_LIMIT_MS) this.end("no request came for a long time");
  }

  /** Frees what is not referred to any more; between frames only. */
  collect(): void {
    collectGarbage();
  }
}
