/**
 * Strict reader of DER, the distinguished encoding rules (X.690 §8, §10, §11), over raw memory.
 *
 * It walks elements in place and allocates nothing. What DER forbids is refused: indefinite and
 * non-minimal lengths, tag numbers above 30 (none occur in X.509), integers and object identifiers
 * with needless bytes, booleans other than 00 and FF. Nothing is read outside `[position, end)`.
 *
 * A method that refuses returns false (or 0); the reader is then of no further use.
 */

/** Identifier octets of DER (X.690 §8.1.2). */
export const TAG_BOOLEAN: u32 = 0x01;
export const TAG_INTEGER: u32 = 0x02;
export const TAG_BIT_STRING: u32 = 0x03;
export const TAG_OCTET_STRING: u32 = 0x04;
export const TAG_OBJECT_IDENTIFIER: u32 = 0x06;
export const TAG_UTF8_STRING: u32 = 0x0c;
export const TAG_UTC_TIME: u32 = 0x17;
export const TAG_GENERALIZED_TIME: u32 = 0x18;
export const TAG_SEQUENCE: u32 = 0x30;
export const TAG_SET: u32 = 0x31;
/** Context-specific tags: `[n]` primitive and constructed. */
export const TAG_CONTEXT: u32 = 0x80;
export const TAG_CONTEXT_CONSTRUCTED: u32 = 0xa0;

/**
 * Reads DER elements one after the other; the first fault is kept, and everything after it reads
 * as empty.
 */
export class DerReader {
  /** The next element's first byte. */
  position: usize;
  /** The address after the last byte to read. */
  end: usize;

  /** Of the element last read: its tag, where it starts, and its content. */
  tag: u32 = 0;
  start: usize = 0;
  content: usize = 0;
  length: u32 = 0;

  constructor(position: usize, length: u32) {
    this.position = position;
    this.end = position + length;
  }

  /** Whether everything has been read. */
  get atEnd(): bool {
    return this.position === this.end;
  }

  /** The next element's tag byte, or 0 (which is no tag that occurs here) at the end. */
  peek(): u32 {
    return this.position < this.end ? load<u8>(this.position) : 0;
  }

  /** Reads the next element's header and moves past the element. */
  next(): bool {
    let at = this.position;
    const available = this.end - at;
    if (available < 2) return false;
    const tag: u32 = load<u8>(at);
    if ((tag & 0x1f) === 0x1f || tag === 0) return false;
    let length: u32 = load<u8>(at + 1);
    at += 2;
    if (length >= 0x80) {
      const bytes = length & 0x7f;
      // Three length bytes reach 16 MiB: more than any caller's buffer.
      if (bytes === 0 || bytes > 3 || this.end - at < bytes) return false;
      length = 0;
      for (let i: u32 = 0; i < bytes; i++) length = (length << 8) | load<u8>(at + i);
      at += bytes;
      if (length < 0x80 || length >> ((bytes - 1) << 3) === 0) return false;
    }
    if (this.end - at < length) return false;
    this.tag = tag;
    this.start = this.position;
    this.content = at;
    this.length = length;
    this.position = at + length;
    return true;
  }

  /** Reads the next element, which must have this tag. */
  nextIs(tag: u32): bool {
    return this.next() && this.tag === tag;
  }

  /**
   * Steps into the next element, which must have this tag. Returns what `leave` wants back, or 0 when
   * the element is missing.
   */
  enter(tag: u32): usize {
    if (!this.nextIs(tag)) return 0;
    const outer = this.end;
    this.end = this.position;
    this.position = this.content;
    return outer;
  }

  /** Steps out of an element again; false when part of it was left unread. */
  leave(outer: usize): bool {
    const whole = this.position === this.end;
    this.position = this.end;
    this.end = outer;
    return whole;
  }

  /** The whole length of the element last read, header included. */
  get elementLength(): u32 {
    return ((this.content - this.start) as u32) + this.length;
  }

  /** Reads an INTEGER in its shortest form (X.690 §8.3.2); its value stays as bytes in `content`. */
  integer(): bool {
    if (!this.nextIs(TAG_INTEGER) || this.length === 0) return false;
    if (this.length === 1) return true;
    const first: u32 = load<u8>(this.content);
    const sign: u32 = load<u8>(this.content, 1) >> 7;
    return !((first === 0 && sign === 0) || (first === 0xff && sign === 1));
  }

  /** Reads an INTEGER from 0 to 127, as versions and path lengths are. Returns it, or -1. */
  smallInteger(): i32 {
    if (!this.integer() || this.length !== 1) return -1;
    const value: i32 = load<i8>(this.content);
    return value < 0 ? -1 : value;
  }

  /** Reads a BOOLEAN: 1 or 0, or -1 when it is missing or not in the form that DER demands (§11.1). */
  boolean(): i32 {
    if (!this.nextIs(TAG_BOOLEAN) || this.length !== 1) return -1;
    const value: u32 = load<u8>(this.content);
    return value === 0xff ? 1 : value === 0 ? 0 : -1;
  }

  /** Reads an OBJECT IDENTIFIER whose components are in shortest form (§8.19.2). */
  objectIdentifier(): bool {
    if (!this.nextIs(TAG_OBJECT_IDENTIFIER) || this.length === 0) return false;
    let startsComponent = true;
    for (let i: u32 = 0; i < this.length; i++) {
      const byte: u32 = load<u8>(this.content + i);
      if (startsComponent && byte === 0x80) return false;
      startsComponent = byte < 0x80;
    }
    return startsComponent;
  }

  /**
   * Reads a BIT STRING of whole bytes (no unused bits); `content` and `length` are then those bytes,
   * without the leading count.
   */
  octetBitString(): bool {
    if (!this.nextIs(TAG_BIT_STRING) || this.length === 0 || load<u8>(this.content) !== 0)
      return false;
    this.content += 1;
    this.length -= 1;
    return true;
  }

  /**
   * Reads a BIT STRING of named bits (§11.2.2: no trailing zero bit). Returns its first 32 bits, bit 0
   * of the standard as the lowest; -1 when malformed or longer.
   */
  namedBits(): i64 {
    if (!this.nextIs(TAG_BIT_STRING) || this.length === 0 || this.length > 5) return -1;
    const unused: u32 = load<u8>(this.content);
    const bytes = this.length - 1;
    if (unused > 7 || (bytes === 0 && unused !== 0)) return -1;
    let bits: i64 = 0;
    for (let i: u32 = 0; i < bytes << 3; i++) {
      const bit = (load<u8>(this.content + 1 + (i >> 3)) >> ((7 - (i & 7)) as u8)) & 1;
      bits |= (bit as i64) << (i as i64);
    }
    if (bytes > 0) {
      const last: u32 = load<u8>(this.content + bytes);
      // The last bit that counts must be set, those that do not must be zero.
      if ((last & ((1 << unused) - 1)) !== 0 || (last & (1 << unused)) === 0) return -1;
    }
    return bits;
  }

  /** Whether the element last read holds exactly these bytes. */
  contentIs(bytes: usize, length: u32): bool {
    return this.length === length && memory.compare(this.content, bytes, length) === 0;
  }
}
