import {
  ALERT_BAD_RECORD_MAC,
  ALERT_DECODE_ERROR,
  ALERT_ILLEGAL_PARAMETER,
  ALERT_INTERNAL_ERROR,
  ALERT_RECORD_OVERFLOW,
  ALERT_UNEXPECTED_MESSAGE,
  NO_ALERT,
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
  MAX_HANDSHAKE_MESSAGE,
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
 * as that record needs.
 */
export class RecordReader {
  /** The alert to send for what was found wrong. */
  fault: i32 = NO_ALERT;
  /** Whether a whole record is there, to be opened. */
  complete: bool = false;
  /** Content of the record last opened. */
  content: usize = 0;
  contentLength: u32 = 0;
  /** Whether the record last opened was protected. */
  wasProtected: bool = false;

  /** Null until keys are there: records are then plaintext. */
  protection: RecordProtection | null = null;
  /** Whether unprotected change_cipher_spec records are dropped (§5): during the handshake only. */
  dropsChangeCipherSpec: bool = false;
  /**
   * Whether an unprotected alert is still believed although keys are there: a peer that fails at the
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

  constructor(budget: MemoryBudget) {
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
    this.body.append(input + used, taken); // room was reserved by startBody
    this.complete = taken === missing;
    return used + taken;
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
      if (length > MAX_PLAINTEXT + MAX_EXPANSION) return this.refuse(ALERT_RECORD_OVERFLOW);
      if (length > this.skippableEarlyData) {
        if (!isProtecting) return this.refuse(ALERT_UNEXPECTED_MESSAGE);
        // Both suites add a tag and nothing else: the plaintext's length is known from here on.
        if (length > this.innerLimit + AEAD_TAG) return this.refuse(ALERT_RECORD_OVERFLOW);
        // The least: a content type and a tag.
        if (length < AEAD_TAG + 1) return this.refuse(ALERT_DECODE_ERROR);
      }
    } else if (type === CONTENT_HANDSHAKE) {
      if (isProtecting || length === 0) return this.refuse(ALERT_UNEXPECTED_MESSAGE);
      if (length > MAX_PLAINTEXT) return this.refuse(ALERT_RECORD_OVERFLOW);
      // Unprotected are only the Hellos, and what follows one in its record is refused anyway.
      if (length > MAX_HANDSHAKE_MESSAGE + HANDSHAKE_HEADER)
        return this.refuse(ALERT_ILLEGAL_PARAMETER);
    } else if (type === CONTENT_ALERT) {
      if (isProtecting && !this.believesPlainAlert) return this.refuse(ALERT_UNEXPECTED_MESSAGE);
      if (length !== 2) return this.refuse(ALERT_DECODE_ERROR);
    } else {
      const isDummy = type === CONTENT_CHANGE_CIPHER_SPEC && length === 1;
      if (!isDummy || !this.dropsChangeCipherSpec) return this.refuse(ALERT_UNEXPECTED_MESSAGE);
    }
    this.bodyLength = length;
    return this.body.reserve(length) || this.refuse(ALERT_INTERNAL_ERROR);
  }

  private refuse(alert: i32): bool {
    this.fault = alert;
    return false;
  }

  private refuseRecord(alert: i32): u32 {
    this.fault = alert;
    return RECORD_FAULTY;
  }

  /**
   * Opens the complete record. Returns the type of its content, `RECORD_SKIPPED` for one that is to be
   * dropped (then `release` it), or `RECORD_FAULTY` with the alert in `fault`.
   */
  open(): u32 {
    const header = changetype<usize>(this.header);
    const type: u32 = load<u8>(header);
    this.content = this.body.pointer;
    this.contentLength = this.bodyLength;
    if (type === CONTENT_CHANGE_CIPHER_SPEC) {
      return load<u8>(this.content) === 1
        ? RECORD_SKIPPED
        : this.refuseRecord(ALERT_UNEXPECTED_MESSAGE);
    }
    if (type !== CONTENT_APPLICATION_DATA) return type;
    const protection = this.protection;
    const isShort = this.bodyLength < AEAD_TAG + 1;
    if (protection == null || isShort) return this.skipEarlyData(ALERT_DECODE_ERROR);
    if (protection.exhausted) return this.refuseRecord(ALERT_INTERNAL_ERROR);
    const innerLength = this.bodyLength - AEAD_TAG;
    if (!protection.open(header, this.content, innerLength))
      return this.skipEarlyData(ALERT_BAD_RECORD_MAC);
    this.skippableEarlyData = 0;
    this.believesPlainAlert = false;
    if (innerLength > this.innerLimit) return this.refuseRecord(ALERT_RECORD_OVERFLOW);
    return this.unpad(innerLength);
  }

  /** The last byte that is not zero is the content's type (§5.4). */
  private unpad(innerLength: u32): u32 {
    let length = innerLength;
    while (length > 0 && load<u8>(this.content + length - 1) === 0) length--;
    if (length === 0) return this.refuseRecord(ALERT_UNEXPECTED_MESSAGE);
    this.contentLength = --length;
    if (length > MAX_PLAINTEXT) return this.refuseRecord(ALERT_RECORD_OVERFLOW);
    const type: u32 = load<u8>(this.content + length);
    if (type < CONTENT_ALERT || type > CONTENT_APPLICATION_DATA)
      return this.refuseRecord(ALERT_UNEXPECTED_MESSAGE);
    // Only application data may be empty (§5.4).
    if (length === 0 && type !== CONTENT_APPLICATION_DATA)
      return this.refuseRecord(ALERT_UNEXPECTED_MESSAGE);
    return type;
  }

  /** Skips a record that may be early data, or else refuses it. */
  private skipEarlyData(alert: i32): u32 {
    if (this.bodyLength > this.skippableEarlyData || this.skippableEarlyData === 0)
      return this.refuseRecord(alert);
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
