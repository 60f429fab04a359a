import {
  NO_ALERT,
  REFUSED_ALERT_LENGTH,
  REFUSED_CHANGE_CIPHER_SPEC,
  REFUSED_EMPTY_RECORD,
  REFUSED_HANDSHAKE_MESSAGE_LENGTH,
  REFUSED_KEY_EXHAUSTED,
  REFUSED_NO_MEMORY,
  REFUSED_PLAIN_ALERT,
  REFUSED_PLAIN_HANDSHAKE_RECORD,
  REFUSED_RECORD_BEFORE_KEYS,
  REFUSED_RECORD_LENGTH,
  REFUSED_RECORD_LIMIT,
  REFUSED_RECORD_MAC,
  REFUSED_RECORD_TOO_SHORT,
  REFUSED_RECORD_TYPE,
  REFUSED_RECORD_WITHOUT_TYPE,
} from "./alerts";
import { ByteBuffer, MemoryBudget } from "./byte-buffer";
import {
  AEAD_TAG,
  CONTENT_ALERT,
  CONTENT_APPLICATION_DATA,
  CONTENT_CHANGE_CIPHER_SPEC,
  CONTENT_HANDSHAKE,
  HANDSHAKE_HEADER,
  MAX_EXPANSION,
  MAX_PLAINTEXT,
  RECORD_HEADER,
} from "./protocol";
import { RecordProtection } from "./record-protection";

/** What `open` made of a record, beside the content types. */
export const RECORD_SKIPPED: u32 = 0;
export const RECORD_FAULTY: u32 = 1;

/**
 * Collects the bytes of one record after the other and takes their protection off, in place
 * (RFC 8446 §5). It holds memory only from a record's header to the end of its use, and only as much
 * as that record needs; of a peer that is not known, only as much as has come of it.
 */
export class RecordReader {
  /** The alert to send for what was found wrong. */
  fault: i32 = NO_ALERT;
  /** Whether a whole record is there to open. */
  complete: bool = false;
  /** Content of the record last opened. */
  content: usize = 0;
  contentLength: u32 = 0;
  /** Whether the record last opened was protected. */
  wasProtected: bool = false;

  /** Whether memory is taken for what a header announces; else it grows with what comes. */
  trusts: bool = true;
  /** Null until keys are there: records are then plaintext. */
  protection: RecordProtection | null = null;
  /** Whether unprotected change_cipher_spec records are dropped (§5): during the handshake only. */
  dropsChangeCipherSpec: bool = false;
  /**
   * Whether an unprotected alert is still accepted although keys exist: a peer that fails at the
   * message that gave us the keys has none to protect its alert with.
   */
  believesPlainAlert: bool = false;
  /** Bytes of early data that may still be skipped (§4.2.10). */
  skippableEarlyData: u32 = 0;
  /** The longest inner plaintext, content type and padding included (§5.4; RFC 8449 §4). */
  innerLimit: u32 = MAX_PLAINTEXT + 1;

  private header: StaticArray<u8> = new StaticArray<u8>(RECORD_HEADER as i32);
  private headerFilled: u32 = 0;
  private bodyLength: u32 = 0;
  private body: ByteBuffer;

  /** `maxMessage`: the longest handshake message, header not counted. */
  constructor(
    budget: MemoryBudget,
    private maxMessage: u32,
  ) {
    this.body = new ByteBuffer(budget);
  }

  /** Takes bytes of the present record, `length` of them at most; returns how many. */
  take(input: usize, length: u32): u32 {
    let used: u32 = 0;
    const header = changetype<usize>(this.header);
    if (this.headerFilled < RECORD_HEADER) {
      while (used < length && this.headerFilled < RECORD_HEADER)
        store<u8>(header + this.headerFilled++, load<u8>(input + used++));
      if (this.headerFilled < RECORD_HEADER || !this.startBody()) return used;
    }
    const missing = this.bodyLength - this.body.length;
    const taken = min(missing, length - used);
    // Where the peer is trusted, room was reserved by startBody. Else it grows, and not byte by byte.
    if (
      this.body.room < taken &&
      !this.body.reserve(min(missing, max(taken, this.body.length / 2 + 64)))
    ) {
      this.refuse(REFUSED_NO_MEMORY);
      return length;
    }
    this.body.append(input + used, taken);
    this.complete = taken === missing;
    return used + taken;
  }

  /** Bytes that the present record lacks behind its header; 0 before that is whole. */
  get lacks(): u32 {
    return this.headerFilled < RECORD_HEADER ? 0 : this.bodyLength - this.body.length;
  }

  /**
   * Checks a complete header and makes room for the record. What can be refused by its type or length
   * is refused here, before anything is allocated for it.
   */
  private startBody(): bool {
    const header = changetype<usize>(this.header);
    const type: u32 = load<u8>(header);
    // legacy_record_version is ignored for all purposes (§5.1).
    const length: u32 = bswap<u16>(load<u16>(header, 3));
    const isProtecting = this.protection != null;
    this.wasProtected = isProtecting && type === CONTENT_APPLICATION_DATA;
    if (type === CONTENT_APPLICATION_DATA) {
      if (length > MAX_PLAINTEXT + MAX_EXPANSION) return this.refuse(REFUSED_RECORD_LENGTH);
      if (!isProtecting && this.skippableEarlyData === 0)
        return this.refuse(REFUSED_RECORD_BEFORE_KEYS);
      if (length > this.skippableEarlyData) {
        if (!isProtecting) return this.refuse(REFUSED_RECORD_BEFORE_KEYS);
        // Both suites add a tag and nothing else: the plaintext's length is known from here on.
        if (length > this.innerLimit + AEAD_TAG) return this.refuse(REFUSED_RECORD_LIMIT);
        if (length < AEAD_TAG) return this.refuse(REFUSED_RECORD_TOO_SHORT);
      }
    } else if (type === CONTENT_HANDSHAKE) {
      if (isProtecting || length === 0) return this.refuse(REFUSED_PLAIN_HANDSHAKE_RECORD);
      if (length > MAX_PLAINTEXT) return this.refuse(REFUSED_RECORD_LENGTH);
      // Unprotected are only the Hellos, and what follows one in its record is refused anyway.
      if (length > this.maxMessage + HANDSHAKE_HEADER)
        return this.refuse(REFUSED_HANDSHAKE_MESSAGE_LENGTH);
    } else if (type === CONTENT_ALERT) {
      if (isProtecting && !this.believesPlainAlert) return this.refuse(REFUSED_PLAIN_ALERT);
      if (length !== 2) return this.refuse(REFUSED_ALERT_LENGTH);
    } else {
      const isDummy = type === CONTENT_CHANGE_CIPHER_SPEC && length === 1;
      if (!isDummy || !this.dropsChangeCipherSpec) return this.refuse(REFUSED_RECORD_TYPE);
    }
    this.bodyLength = length;
    return !this.trusts || this.body.reserve(length) || this.refuse(REFUSED_NO_MEMORY);
  }

  /** Whether the record last opened is the dummy of compatibility mode. */
  get isChangeCipherSpec(): bool {
    return load<u8>(changetype<usize>(this.header)) === (CONTENT_CHANGE_CIPHER_SPEC as u8);
  }

  private refuse(refusal: i32): bool {
    this.fault = refusal;
    return false;
  }

  private refuseRecord(refusal: i32): u32 {
    this.fault = refusal;
    return RECORD_FAULTY;
  }

  /**
   * Opens the complete record. Returns the type of its content, `RECORD_SKIPPED` for one that is to be
   * dropped (then `release` it), or `RECORD_FAULTY` with the reason in `fault`.
   */
  open(): u32 {
    const header = changetype<usize>(this.header);
    const type: u32 = load<u8>(header);
    this.content = this.body.pointer;
    this.contentLength = this.bodyLength;
    if (type === CONTENT_CHANGE_CIPHER_SPEC) {
      return load<u8>(this.content) === 1
        ? RECORD_SKIPPED
        : this.refuseRecord(REFUSED_CHANGE_CIPHER_SPEC);
    }
    if (type !== CONTENT_APPLICATION_DATA) return type;
    const protection = this.protection;
    const isShort = this.bodyLength < AEAD_TAG;
    if (protection == null || isShort) return this.skipEarlyData(REFUSED_RECORD_TOO_SHORT);
    if (protection.exhausted) return this.refuseRecord(REFUSED_KEY_EXHAUSTED);
    const innerLength = this.bodyLength - AEAD_TAG;
    if (!protection.open(header, this.content, innerLength))
      return this.skipEarlyData(REFUSED_RECORD_MAC);
    this.skippableEarlyData = 0;
    this.believesPlainAlert = false;
    if (innerLength > this.innerLimit) return this.refuseRecord(REFUSED_RECORD_LIMIT);
    return this.unpad(innerLength);
  }

  /** The last byte that is not zero is the content's type (§5.4). */
  private unpad(innerLength: u32): u32 {
    let length = innerLength;
    while (length > 0 && load<u8>(this.content + length - 1) === 0) length--;
    if (length === 0) return this.refuseRecord(REFUSED_RECORD_WITHOUT_TYPE);
    this.contentLength = --length;
    if (length > MAX_PLAINTEXT) return this.refuseRecord(REFUSED_RECORD_LENGTH);
    const type: u32 = load<u8>(this.content + length);
    if (type < CONTENT_ALERT || type > CONTENT_APPLICATION_DATA)
      return this.refuseRecord(REFUSED_RECORD_TYPE);
    // Only application data may be empty (§5.4).
    if (length === 0 && type !== CONTENT_APPLICATION_DATA)
      return this.refuseRecord(REFUSED_EMPTY_RECORD);
    return type;
  }

  /** Skips a record that may be early data, or else refuses it. */
  private skipEarlyData(refusal: i32): u32 {
    if (this.bodyLength > this.skippableEarlyData || this.skippableEarlyData === 0)
      return this.refuseRecord(refusal);
    // Empty records must not be skipped for ever.
    this.skippableEarlyData -= max(this.bodyLength, 1);
    return RECORD_SKIPPED;
  }

  /** Lets go of the record and makes ready for the next. */
  release(): void {
    this.body.free();
    this.headerFilled = 0;
    this.bodyLength = 0;
    this.contentLength = 0;
    this.complete = false;
  }

  /** Wipes keys and data. */
  wipe(): void {
    this.release();
    const protection = this.protection;
    if (protection != null) protection.wipe();
    this.protection = null;
  }
}
