/**
 * Reads CBOR in its deterministic encoding (RFC 8949 §4.2.1), item by item, for messages whose shape is known
 * beforehand: the caller says what must come next. What is not in its shortest form, of indefinite length, or
 * of another kind is refused, and every item after it. Allocates nothing, reads nothing outside of its bytes.
 */

const UNSIGNED: u32 = 0;
const BYTES: u32 = 2;
const TEXT: u32 = 3;
const ARRAY: u32 = 4;
const MAP: u32 = 5;
const TAG: u32 = 6;

/** Reads deterministic CBOR (RFC 8949 §4.2.1) item by item; after the first fault every read fails. */
export class CborReader {
  /** Of the byte string that was read last: where it lies, and its length. */
  pointer: usize = 0;
  length: u32 = 0;
  failed: bool = false;
  private position: usize;
  private end: usize;

  constructor(bytes: usize, length: u32) {
    this.position = bytes;
    this.end = bytes + (length as usize);
  }

  /** Whether everything has been read, and as it must be. */
  get atEnd(): bool {
    return !this.failed && this.position === this.end;
  }

  private fail(): u64 {
    this.failed = true;
    return 0;
  }

  /** The head of the next item, which must be of this major type: its argument. */
  private head(major: u32): u64 {
    if (this.failed || this.position === this.end) return this.fail();
    const first: u32 = load<u8>(this.position++);
    if (first >> 5 !== major) return this.fail();
    const short = first & 31;
    if (short < 24) return short;
    if (short > 27) return this.fail();
    const size: u32 = 1 << (short - 24);
    if (((this.end - this.position) as u32) < size) return this.fail();
    let argument: u64 = 0;
    for (let i: u32 = 0; i < size; i++) argument = (argument << 8) | load<u8>(this.position++);
    // The least that needs so many bytes.
    const least: u64 = size === 1 ? 24 : (1 as u64) << ((size << 2) as u64);
    return argument < least ? this.fail() : argument;
  }

  /** An unsigned integer of at most `most`. */
  unsigned(most: u64): u64 {
    const value = this.head(UNSIGNED);
    return value > most ? this.fail() : value;
  }

  private content(major: u32, low: u32, high: u32): bool {
    const length = this.head(major);
    if (
      this.failed ||
      length < low ||
      length > high ||
      length > ((this.end - this.position) as u64)
    ) {
      this.fail();
      return false;
    }
    this.pointer = this.position;
    this.length = length as u32;
    this.position += length as usize;
    return true;
  }

  /** A byte string of `low` to `high` bytes: it is then at `pointer`. */
  bytes(low: u32, high: u32): bool {
    return this.content(BYTES, low, high);
  }

  /** The very text `text`, which is ASCII. */
  isText(text: string): bool {
    const length = text.length as u32;
    if (!this.content(TEXT, length, length)) return false;
    for (let i: u32 = 0; i < length; i++) {
      if ((load<u8>(this.pointer + (i as usize)) as i32) !== text.charCodeAt(i as i32)) this.fail();
    }
    return !this.failed;
  }

  /** A text of `low` to `high` bytes, not checked to be UTF-8: it is then at `pointer`. */
  text(low: u32, high: u32): bool {
    return this.content(TEXT, low, high);
  }

  /** The head of an array of exactly `count` items. */
  array(count: u32): bool {
    return this.is(ARRAY, count);
  }

  /** The head of a map of exactly `count` entries. */
  map(count: u32): bool {
    return this.is(MAP, count);
  }

  tag(number: u32): bool {
    return this.is(TAG, number);
  }

  /** The key of a map's next entry: exactly this unsigned integer. */
  key(number: u32): bool {
    return this.is(UNSIGNED, number);
  }

  private is(major: u32, argument: u32): bool {
    if (this.head(major) !== argument) this.fail();
    return !this.failed;
  }
}
