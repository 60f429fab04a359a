import { wipe } from "../crypto/constant-time";
import { canAllocate } from "../platform-services/heap";
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

/** Nothing more happens until there is more input, or until output is taken. */
export const STEP_WAIT: u32 = 0;
/** The peer has shown its certificate: `approve` or `reject`. */
export const STEP_APPROVAL: u32 = 1;
/** A request is whole: see `request`; answer with `respond`. */
export const STEP_REQUEST: u32 = 2;

/**
 * One principal's TLS session: bytes of the peer go in, requests come out, one after the other; a
 * request is worked on only when the response to the one before is on its way.
 */
export class PrincipalSession {
  readonly tls: TlsServerSession;
  /** Index of the identity in the policy; `NONE` until its certificate is approved. */
  principal: i32 = NONE;
  /** Milliseconds since it was opened, to the tick. */
  ageMs: u32 = 0;

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
    config: TlsConfig,
  ) {
    this.tls = new TlsServerSession(config);
  }

  /** Takes bytes from the peer; they must stay in place until `step` answers `STEP_WAIT`. */
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

  /** Goes on as far as it can without the caller: answers `STEP_…`. */
  step(): u32 {
    const tls = this.tls;
    while (!tls.ended) {
      if (!this.flushResponse()) return STEP_WAIT;
      if (this.reading) {
        const next = this.frames.next();
        if (next === FRAME_WHOLE) return STEP_REQUEST;
        this.reading = false;
        tls.consumePlaintext(tls.plaintextLength);
        // A frame that is too long cannot be skipped: what follows it is not understood either.
        if (next !== FRAME_MORE) tls.close();
      } else if (tls.plaintextLength > 0) {
        this.frames.push(tls.plaintext, tls.plaintextLength);
        this.reading = true;
      } else if (tls.status === STATUS_APPROVAL) {
        return STEP_APPROVAL;
      } else if (this.input === this.inputEnd) {
        break;
      } else {
        this.input += tls.feed(this.input, (this.inputEnd - this.input) as u32) as usize;
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
