import { wipe } from "../crypto/constant-time";
import { canAllocate } from "../platform-services/heap";
import { REFUSED_NO_MEMORY } from "../session-manager/alerts";
import { MemoryBudget } from "../session-manager/byte-buffer";
import { TlsConfig } from "../session-manager/config";
import { TlsServerSession } from "../session-manager/server-session";
import { STATUS_APPROVAL, STATUS_OPEN } from "../session-manager/session";
import {
  FRAME_HEADER_BYTES,
  FRAME_MORE,
  FRAME_WHOLE,
  FrameReader,
  writeFrameHeader,
} from "../transport-protocol/frames";
import { Message, messageCapacity, writeMessage } from "../transport-protocol/message";
import { MAX_PRINCIPAL_FRAME_BYTES } from "../transport-protocol/messages";
import { NONE } from "../veracruz-utils/policy";
import { homeProfile } from "./home-profile";

/** Nothing more happens until there is more input, or until output is taken. */
export const STEP_WAIT: u32 = 0;
/** The peer has shown its certificate: `approve` or `reject`. */
export const STEP_APPROVAL: u32 = 1;
/** A request is whole: see `request`; answer with `respond`. */
export const STEP_REQUEST: u32 = 2;
/** Some bytes were worked on, and there are more: the home may have its turn. */
export const STEP_MORE: u32 = 3;

/** What a session waits for before it is answered: nothing, … */
export const WAITS_FOR_NOTHING: u32 = 0;
/** … the commit of the computation, … */
export const WAITS_FOR_COMMIT: u32 = 1;
/** … the proxy attestation server's statement on its freshness. */
export const WAITS_FOR_FRESHNESS: u32 = 2;

/** What the server is to have verified for one session. Nothing in it is secret. */
export class FreshnessRequest {
  private parts: StaticArray<u8> = new StaticArray<u8>(64);
  token: StaticArray<u8> = new StaticArray<u8>(0);

  /** The client's nonce, 32 bytes. */
  get nonce(): usize {
    return changetype<usize>(this.parts);
  }
  /** The session's exporter, 32 bytes. */
  get exporter(): usize {
    return changetype<usize>(this.parts) + 32;
  }

  keepToken(token: usize, length: u32): void {
    const kept = new StaticArray<u8>(length as i32);
    memory.copy(changetype<usize>(kept), token, length as usize);
    this.token = kept;
  }
}

/**
 * One principal's TLS session: bytes of the peer go in, requests come out, one after the other; a
 * request is handled only when the response to the previous one is on its way.
 */
export class PrincipalSession {
  readonly tls: TlsServerSession;
  /** Index of the identity in the policy; `NONE` until its certificate is approved. */
  principal: i32 = NONE;
  /** Milliseconds since it was opened, to the tick. */
  ageMs: u32 = 0;
  /** Milliseconds without a request that was granted, to the tick. */
  idleMs: u32 = 0;
  /** Whether the server is still to be told that the peer is known. */
  owesOpened: bool = false;
  /** `WAITS_FOR_…`: its request is answered when the server has brought that. */
  waitsFor: u32 = WAITS_FOR_NOTHING;

  private freshnessRequest: FreshnessRequest | null = null;
  /** TLS bytes that were worked on since the last request that was granted, and the handshake. */
  unearned: u32 = 0;
  /** Whether it ends because its principal has had its share of work. */
  exhausted: bool = false;
  /** Whether it ends because the isolate's certificate was not renewed. */
  expired: bool = false;
  /** TLS bytes that `step` has worked on, and nobody has counted. */
  worked: u32 = 0;

  private frames: FrameReader = new FrameReader(MAX_PRINCIPAL_FRAME_BYTES);
  /** Whether `frames` holds a reference to the plaintext of the TLS session. */
  private reading: bool = false;
  private input: usize = 0;
  private inputEnd: usize = 0;
  private response: StaticArray<u8> | null = null;
  private sent: u32 = 0;

  constructor(
    /** Number that the server chose. */
    readonly number: u32,
    /** Whether the server knows that a principal asked for the session. */
    readonly admitted: bool,
    config: TlsConfig,
    /** What it holds, within that of strangers or of the principal. */
    readonly budget: MemoryBudget,
  ) {
    this.tls = new TlsServerSession(config, budget);
  }

  /**
   * Takes bytes from the peer; they must stay in place until `step` answers `STEP_WAIT` and no output waits.
   * Nothing refers to them from then on.
   */
  feed(bytes: usize, length: u32): void {
    this.input = bytes;
    this.inputEnd = bytes + (length as usize);
  }

  /** Where the request lies, and its length; after `STEP_REQUEST` and until `respond`. */
  get request(): usize {
    return this.frames.pointer;
  }
  get requestLength(): u32 {
    return this.frames.length;
  }

  /** Ends it: what is left of the input is not looked at. */
  private stop(): void {
    this.input = 0;
    this.inputEnd = 0;
    this.tls.close();
  }

  /** Ends it because its principal has had its share of work. */
  exhaust(): void {
    this.exhausted = true;
    this.stop();
  }

  /** Ends it because the isolate's certificate was not renewed. */
  expire(): void {
    this.expired = true;
    this.stop();
  }

  /** Goes on as far as it can without the caller: answers `STEP_…`. */
  step(): u32 {
    const tls = this.tls;
    if (this.waitsFor !== WAITS_FOR_NOTHING) {
      // Nothing of the caller's memory is kept, so whoever waits has nothing more to say meanwhile.
      if (this.input !== this.inputEnd) tls.close();
      this.input = 0;
      this.inputEnd = 0;
      return STEP_WAIT;
    }
    while (!tls.ended) {
      if (!this.flushResponse()) {
        // Output that waits is taken while the bytes are still in place, and this goes on.
        if (tls.outputLength > 0 || this.input === this.inputEnd) return STEP_WAIT;
        // None waits, so memory is short; there is none to keep what is left of the input in either.
        tls.fail(REFUSED_NO_MEMORY);
        break;
      }
      if (this.reading) {
        const next = this.frames.next();
        if (next === FRAME_WHOLE) return STEP_REQUEST;
        this.reading = false;
        tls.consumePlaintext(tls.plaintextLength);
        // A frame that is too long cannot be skipped: its end is unknown.
        if (next !== FRAME_MORE) tls.close();
      } else if (tls.plaintextLength > 0) {
        this.frames.push(tls.plaintext, tls.plaintextLength);
        this.reading = true;
      } else if (tls.status === STATUS_APPROVAL) {
        return STEP_APPROVAL;
      } else if (this.input === this.inputEnd) {
        break;
      } else {
        const length = min((this.inputEnd - this.input) as u32, homeProfile.workBytes);
        const taken = tls.feed(this.input, length);
        this.input += taken as usize;
        this.worked += taken;
        if (this.input !== this.inputEnd && !tls.ended) return STEP_MORE;
      }
    }
    // Nothing of the caller's memory is kept.
    this.input = 0;
    this.inputEnd = 0;
    if (tls.peerClosed && !tls.closed) tls.close();
    return STEP_WAIT;
  }

  /** Writes what is left of the response. False while some of it must wait for output to be taken. */
  private flushResponse(): bool {
    const response = this.response;
    if (response === null) return true;
    const left = (response.length as u32) - this.sent;
    this.sent += this.tls.write(changetype<usize>(response) + (this.sent as usize), left);
    if (this.sent < (response.length as u32)) return false;
    wipe(changetype<usize>(response), response.length as usize);
    this.response = null;
    return true;
  }

  /** Whether there is something for the server: that the peer is known, output, or the end. */
  get hasNews(): bool {
    const tls = this.tls;
    if (this.owesOpened) return true;
    // Once we have closed, nothing is read any more: there is no need to wait for the peer.
    return tls.outputLength > 0 || tls.ended || tls.closed || this.freshnessRequest !== null;
  }

  /** A token that the server is to have verified for this session, until it has been told; null: none. */
  get freshness(): FreshnessRequest | null {
    return this.freshnessRequest;
  }

  askFreshness(): FreshnessRequest {
    const asked = new FreshnessRequest();
    this.freshnessRequest = asked;
    return asked;
  }

  dropFreshness(): void {
    this.freshnessRequest = null;
  }

  /** Whether some of the response has not been written yet. */
  get owesResponse(): bool {
    return this.response !== null;
  }

  /**
   * Answers the request. False, and nothing sent, when there is no memory for the message: a shorter one
   * may be tried.
   */
  respond(message: Message, payload: u32): bool {
    const capacity = messageCapacity(payload);
    if (!canAllocate(capacity + FRAME_HEADER_BYTES)) return false;
    const scratch = heap.alloc(capacity);
    const length = writeMessage(message, scratch, capacity);
    const fits = length > 0 && canAllocate((length as u32) + FRAME_HEADER_BYTES);
    if (fits) {
      const response = new StaticArray<u8>(length + (FRAME_HEADER_BYTES as i32));
      const bytes = changetype<usize>(response);
      writeFrameHeader(bytes, length as u32);
      memory.copy(bytes + (FRAME_HEADER_BYTES as usize), scratch, length as usize);
      this.response = response;
      this.sent = 0;
    }
    wipe(scratch, capacity);
    heap.free(scratch);
    return fits;
  }

  /** Whether application data may flow: the principal is known. */
  get open(): bool {
    return this.tls.status === STATUS_OPEN;
  }

  /** Ends the session's life; wipes all it holds. */
  dispose(): void {
    this.frames.release();
    const response = this.response;
    if (response !== null) wipe(changetype<usize>(response), response.length as usize);
    this.response = null;
    this.tls.dispose();
  }
}
