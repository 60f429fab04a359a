import { ByteBuffer, MemoryBudget } from "./byte-buffer";
import {
  AEAD_TAG,
  CONTENT_APPLICATION_DATA,
  MAX_PLAINTEXT,
  RECORD_HEADER,
  TLS12,
} from "./protocol";
import { RecordProtection } from "./record-protection";

/**
 * Cuts content into records, protects them, and keeps them until they are taken (RFC 8446 §5).
 *
 * Content of one type that is appended piece by piece shares records, up to `maxContent` bytes each;
 * it is sealed in place in the output, so nothing is stored twice. `flush` ends the last record.
 */
export class RecordWriter {
  /** Records that are ready to send, perhaps followed by one that is still open. */
  output: ByteBuffer;
  /** Null until keys exist; records are plaintext before. */
  protection: RecordProtection | null = null;
  /** legacy_record_version (§5.1). */
  recordVersion: u32 = TLS12;
  /** Content bytes in a record, at most. */
  maxContent: u32;

  private isOpen: bool = false;
  private type: u32 = 0;
  /** Length of the output before the open record. */
  private recordStart: u32 = 0;

  constructor(budget: MemoryBudget, maxContent: u32) {
    this.output = new ByteBuffer(budget);
    this.maxContent = maxContent;
  }

  /** Content bytes in the open record. */
  private get openLength(): u32 {
    return this.output.length - this.recordStart - RECORD_HEADER;
  }

  /**
   * Appends content. False when there is no memory left, or no sequence number: the output then ends
   * after the last whole record.
   */
  append(type: u32, bytes: usize, length: u32): bool {
    // Application data never leaves unprotected, whatever state the session is in.
    if (type === CONTENT_APPLICATION_DATA && this.protection == null) return false;
    if (this.isOpen && this.type !== type && !this.flush()) return false;
    while (length > 0) {
      if (!this.isOpen && !this.openRecord(type, length)) return false;
      const taken = min(length, this.maxContent - this.openLength);
      // Room for the content type and the tag as well, so that flush cannot fail for memory.
      if (!this.output.reserve(taken + 1 + AEAD_TAG)) return this.abandon();
      this.output.append(bytes, taken);
      bytes += taken;
      length -= taken;
      if (this.openLength === this.maxContent && !this.flush()) return false;
    }
    return true;
  }

  /** Makes room for `length` bytes of content, cut into records; where there is none, nothing happens. */
  reserve(length: u32): void {
    const records = (length + this.maxContent - 1) / this.maxContent;
    this.output.reserve(length + records * (RECORD_HEADER + 1 + AEAD_TAG));
  }

  private openRecord(type: u32, expected: u32): bool {
    this.recordStart = this.output.length;
    const content = min(expected, this.maxContent);
    if (!this.output.reserve(RECORD_HEADER + content + 1 + AEAD_TAG)) return false;
    const header = this.output.pointer + this.output.length;
    store<u8>(header, type as u8);
    store<u16>(header, bswap<u16>(this.recordVersion as u16), 1);
    this.output.extend(RECORD_HEADER);
    this.isOpen = true;
    this.type = type;
    return true;
  }

  /** Ends and protects the open record, if there is one. */
  flush(): bool {
    if (!this.isOpen) return true;
    let length = this.openLength;
    const header = this.output.pointer + this.recordStart;
    const protection = this.protection;
    if (protection != null) {
      if (protection.exhausted) return this.abandon();
      const inner = header + RECORD_HEADER;
      store<u8>(inner + length, this.type as u8);
      store<u8>(header, CONTENT_APPLICATION_DATA as u8);
      store<u16>(header, bswap<u16>((length + 1 + AEAD_TAG) as u16), 3);
      protection.seal(header, inner, length + 1);
      this.output.extend(1 + AEAD_TAG);
    } else {
      store<u16>(header, bswap<u16>(length as u16), 3);
    }
    this.isOpen = false;
    return true;
  }

  /** Forgets the open record. */
  abandon(): bool {
    if (this.isOpen) {
      this.isOpen = false;
      this.output.truncate(this.recordStart);
    }
    return false;
  }

  /** Honours a limit that the peer announced on the inner plaintext (RFC 8449 §4). */
  limitInner(limit: u32): void {
    this.maxContent = min(this.maxContent, min(limit - 1, MAX_PLAINTEXT));
  }

  /** Wipes keys and any open record; whole records stay, to be sent. */
  wipe(): void {
    this.abandon();
    const protection = this.protection;
    if (protection != null) protection.wipe();
    this.protection = null;
  }
}
