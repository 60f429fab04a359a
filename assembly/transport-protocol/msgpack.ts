/**
 * MessagePack, as far as the messages need it: arrays of up to 15 items, integers of 32 bits, text
 * and byte strings. There is one encoding of each value, the shortest; the reader refuses any other.
 *
 * Reader and writer work in memory that the caller owns, can be used again, and allocate nothing.
 */
import { isUtf8 } from "../encoding/utf8";

/** The bytes end inside a value. */
export const MSGPACK_E_TRUNCATED: i32 = -1;
/** A value is of another type than the message wants there. */
export const MSGPACK_E_TYPE: i32 = -2;
/** An integer or a length is not in its shortest encoding. */
export const MSGPACK_E_NOT_SHORTEST: i32 = -3;
/** An integer or a length is outside the bounds of its field. */
export const MSGPACK_E_BOUNDS: i32 = -4;
/** Text is not UTF-8. */
export const MSGPACK_E_UTF8: i32 = -5;
/** The array has more or fewer items than the message has fields. */
export const MSGPACK_E_FIELDS: i32 = -6;
/** No message of this group has the type number. */
export const MSGPACK_E_UNKNOWN: i32 = -7;
/** Bytes follow the message. */
export const MSGPACK_E_TRAILING: i32 = -8;
/** The destination is too small for the message. */
export const MSGPACK_E_CAPACITY: i32 = -9;

/** Reads values one after another. After an error every further read fails with the same one. */
export class MsgPackReader {
  /** 0, or the first error (`MSGPACK_E_…`). */
  error: i32 = 0;
  /** Where the text or byte string that was read last lies, within the reader's bytes. */
  pointer: usize = 0;
  /** Its length in bytes. */
  length: u32 = 0;
  private position: usize = 0;
  private end: usize = 0;

  /** Starts on other bytes. @param data, size: they must stay in place while they are read */
  begin(data: usize, size: u32): void {
    this.error = 0;
    this.position = data;
    this.end = data + (size as usize);
  }

  /** Whether all bytes are read. */
  get atEnd(): bool {
    return this.position === this.end;
  }

  /** Notes an error, unless there is one already. */
  fail(error: i32): void {
    if (this.error === 0) this.error = error;
  }

  /** The next `size` (1, 2 or 4) bytes as a big-endian number. */
  private bigEndian(size: u32): u32 {
    if (this.error !== 0) return 0;
    if (this.end - this.position < (size as usize)) {
      this.fail(MSGPACK_E_TRUNCATED);
      return 0;
    }
    const at = this.position;
    this.position += size as usize;
    if (size === 1) return load<u8>(at);
    if (size === 2) return bswap<u16>(load<u16>(at));
    return bswap<u32>(load<u32>(at));
  }

  /** A number of `size` bytes that must not have fitted into fewer: at least `least`. */
  private shortest(size: u32, least: u32): u32 {
    const value = this.bigEndian(size);
    if (this.error === 0 && value < least) this.fail(MSGPACK_E_NOT_SHORTEST);
    return value;
  }

  /** The header of an array; its number of items (0 to 15), or 0 with an error. */
  array(): u32 {
    const head = this.bigEndian(1);
    if (this.error !== 0) return 0;
    if ((head & 0xf0) === 0x90) return head & 0x0f;
    // array 16 and array 32 are for more items than any message has.
    this.fail(head === 0xdc || head === 0xdd ? MSGPACK_E_FIELDS : MSGPACK_E_TYPE);
    return 0;
  }

  /** An integer within `low … high`; 0 with an error. The bounds lie within i32 or within u32. */
  integer(low: i64, high: i64): i64 {
    const head = this.bigEndian(1);
    if (this.error !== 0) return 0;
    let value: i64 = 0;
    if (head < 0x80) value = head as i64;
    else if (head >= 0xe0) value = (head as i64) - 256;
    else if (head === 0xcc) value = this.shortest(1, 0x80) as i64;
    else if (head === 0xcd) value = this.shortest(2, 0x100) as i64;
    else if (head === 0xce) value = this.shortest(4, 0x10000) as i64;
    else if (head === 0xd0) value = this.negative(1, -32);
    else if (head === 0xd1) value = this.negative(2, -128);
    else if (head === 0xd2) value = this.negative(4, -32768);
    // uint 64 and int 64 are shortest only for what no field holds.
    else if (head === 0xcf || head === 0xd3) this.fail(MSGPACK_E_BOUNDS);
    else this.fail(MSGPACK_E_TYPE);
    if (this.error === 0 && (value < low || value > high)) this.fail(MSGPACK_E_BOUNDS);
    return this.error === 0 ? value : 0;
  }

  /** A signed number of `size` bytes that must not have fitted into fewer: below `above`. */
  private negative(size: u32, above: i64): i64 {
    const bits = this.bigEndian(size);
    const shift: u32 = 32 - 8 * size;
    const value = (((bits << shift) as i32) >> (shift as i32)) as i64;
    if (this.error === 0 && value >= above) this.fail(MSGPACK_E_NOT_SHORTEST);
    return value;
  }

  /** Takes `size` bytes as the value of a text or byte string, within `low … high` bytes. */
  private take(size: u32, low: u32, high: u32): void {
    if (this.error !== 0) return;
    if (size < low || size > high) {
      this.fail(MSGPACK_E_BOUNDS);
    } else if (this.end - this.position < (size as usize)) {
      this.fail(MSGPACK_E_TRUNCATED);
    } else {
      this.pointer = this.position;
      this.length = size;
      this.position += size as usize;
    }
  }

  /** A byte string of `low … high` bytes, left in `pointer` and `length`. */
  bytes(low: u32, high: u32): void {
    const head = this.bigEndian(1);
    if (this.error !== 0) return;
    let size: u32 = 0;
    if (head === 0xc4) size = this.bigEndian(1);
    else if (head === 0xc5) size = this.shortest(2, 0x100);
    else if (head === 0xc6) size = this.shortest(4, 0x10000);
    else this.fail(MSGPACK_E_TYPE);
    this.take(size, low, high);
  }

  /** Text of `low … high` bytes of UTF-8, left in `pointer` and `length`. */
  text(low: u32, high: u32): void {
    const head = this.bigEndian(1);
    if (this.error !== 0) return;
    let size: u32 = 0;
    if ((head & 0xe0) === 0xa0) size = head & 0x1f;
    else if (head === 0xd9) size = this.shortest(1, 0x20);
    else if (head === 0xda) size = this.shortest(2, 0x100);
    else if (head === 0xdb) size = this.shortest(4, 0x10000);
    else this.fail(MSGPACK_E_TYPE);
    this.take(size, low, high);
    if (this.error === 0 && !isUtf8(this.pointer, this.length)) this.fail(MSGPACK_E_UTF8);
  }
}

/** Writes values one after another. A value that does not fit is not written, and `overflow` notes it. */
export class MsgPackWriter {
  /** Whether something did not fit. */
  overflow: bool = false;
  private start: usize = 0;
  private position: usize = 0;
  private end: usize = 0;

  /** Starts again. @param destination, capacity: where to write */
  begin(destination: usize, capacity: u32): void {
    this.overflow = false;
    this.start = destination;
    this.position = destination;
    this.end = destination + (capacity as usize);
  }

  /** Bytes written. */
  get length(): u32 {
    return (this.position - this.start) as u32;
  }

  private room(size: u32): bool {
    if (this.overflow || this.end - this.position < (size as usize)) this.overflow = true;
    return !this.overflow;
  }

  /** A head byte and the low `size` (0, 1, 2 or 4) bytes of a number, big-endian. */
  private head(head: u32, size: u32, value: u32): void {
    if (!this.room(1 + size)) return;
    const at = this.position;
    store<u8>(at, head as u8);
    if (size === 1) store<u8>(at, value as u8, 1);
    else if (size === 2) store<u16>(at, bswap<u16>(value as u16), 1);
    else if (size === 4) store<u32>(at, bswap<u32>(value), 1);
    this.position = at + 1 + (size as usize);
  }

  /** The header of an array of up to 15 items. */
  array(count: u32): void {
    this.head(0x90 | (count & 0x0f), 0, 0);
  }

  /** An integer within i32 or u32. */
  integer(value: i64): void {
    const low = value as u32;
    if (value >= 0) {
      if (value < 0x80) this.head(low, 0, 0);
      else if (value < 0x100) this.head(0xcc, 1, low);
      else if (value < 0x10000) this.head(0xcd, 2, low);
      else this.head(0xce, 4, low);
    } else if (value >= -32) {
      this.head(low & 0xff, 0, 0);
    } else if (value >= -128) {
      this.head(0xd0, 1, low);
    } else if (value >= -32768) {
      this.head(0xd1, 2, low);
    } else {
      this.head(0xd2, 4, low);
    }
  }

  private copy(pointer: usize, length: u32): void {
    if (!this.room(length)) return;
    memory.copy(this.position, pointer, length as usize);
    this.position += length as usize;
  }

  /** A byte string. */
  bytes(pointer: usize, length: u32): void {
    if (length < 0x100) this.head(0xc4, 1, length);
    else if (length < 0x10000) this.head(0xc5, 2, length);
    else this.head(0xc6, 4, length);
    this.copy(pointer, length);
  }

  /** Text; the bytes must be UTF-8. */
  text(pointer: usize, length: u32): void {
    if (length < 0x20) this.head(0xa0 | length, 0, 0);
    else if (length < 0x100) this.head(0xd9, 1, length);
    else if (length < 0x10000) this.head(0xda, 2, length);
    else this.head(0xdb, 4, length);
    this.copy(pointer, length);
  }
}
