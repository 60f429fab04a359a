/**
 * A strict reader of JSON (RFC 8259) for texts whose shape is known beforehand: the caller says what
 * must come next. No value is skipped, so nesting needs no limit of its own, and nothing is kept of
 * what is not asked for. It allocates nothing: strings are decoded where they stand, which no escape
 * makes longer, so the text is no longer JSON afterwards.
 *
 * Stricter than the RFC where a text could be read in two ways: no key twice, integers only, without
 * sign, fraction, exponent or leading zero.
 */

import { utf8SequenceLength } from "../encoding/utf8";
import {
  POLICY_E_BYTE_ORDER_MARK,
  POLICY_E_CONTROL_CHARACTER,
  POLICY_E_DUPLICATE_KEY,
  POLICY_E_ENDS_EARLY,
  POLICY_E_ESCAPE,
  POLICY_E_MISSING_KEY,
  POLICY_E_NOT_ARRAY,
  POLICY_E_NOT_BOOLEAN,
  POLICY_E_NOT_INTEGER,
  POLICY_E_NOT_OBJECT,
  POLICY_E_NOT_STRING,
  POLICY_E_NUMBER_RANGE,
  POLICY_E_STRING_LENGTH,
  POLICY_E_SURROGATE,
  POLICY_E_SYNTAX,
  POLICY_E_TRAILING,
  POLICY_E_UNKNOWN_KEY,
  POLICY_E_UTF8,
  POLICY_OK,
} from "./policy-error-codes";
import { PolicyError } from "./policy-errors";

const QUOTE: u32 = 0x22;
const BACKSLASH: u32 = 0x5c;
/** What `peek` answers at the end of the text. */
const END: u32 = 0x100;

/** Reads one text; after an error every further call fails. */
export class JsonReader {
  /** Where the value or key that was read last begins, as a byte offset. */
  valueOffset: u32 = 0;
  /** The string or key that was read last, decoded: an address in the text, and its length in bytes. */
  string: usize = 0;
  stringLength: u32 = 0;
  private start: usize;
  private position: usize;
  private end: usize;

  /**
   * @param text, length: bytes of JSON, which must stay in place and are overwritten
   * @param error takes the first error
   */
  constructor(
    text: usize,
    length: u32,
    readonly error: PolicyError,
  ) {
    this.start = text;
    this.position = text;
    this.end = text + (length as usize);
  }

  /** Whether nothing went wrong so far. */
  get ok(): bool {
    return this.error.code === POLICY_OK;
  }

  /** Notes an error at a byte offset, unless there is one already. */
  failAt(code: i32, offset: u32): void {
    if (!this.ok) return;
    this.error.code = code;
    this.error.offset = offset;
  }

  /** Notes an error at the value that was read last. */
  failValue(code: i32): void {
    this.failAt(code, this.valueOffset);
  }

  private failHere(code: i32): void {
    this.failAt(
      this.position >= this.end ? POLICY_E_ENDS_EARLY : code,
      (this.position - this.start) as u32,
    );
  }

  /** The next byte, white space apart, without taking it; `END` at the end or after an error. */
  private peek(): u32 {
    if (!this.ok) return END;
    while (this.position < this.end) {
      const byte = load<u8>(this.position) as u32;
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return byte;
      this.position++;
    }
    return END;
  }

  /** Takes the next byte when it is this one, else fails. */
  private expect(byte: u32, code: i32): bool {
    if (this.peek() !== byte) {
      this.failHere(code);
      return false;
    }
    this.position++;
    return true;
  }

  private beginValue(): u32 {
    const byte = this.peek();
    this.valueOffset = (this.position - this.start) as u32;
    return byte;
  }

  /** Opens an object. */
  beginObject(): bool {
    const first = this.beginValue();
    // U+FEFF as EF BB BF: RFC 8259 §8.1 forbids it, and no editor shows it.
    if (
      first === 0xef &&
      this.valueOffset === 0 &&
      this.position + 2 < this.end &&
      load<u16>(this.position, 1) === 0xbfbb
    ) {
      this.failHere(POLICY_E_BYTE_ORDER_MARK);
    }
    return this.expect(0x7b, POLICY_E_NOT_OBJECT);
  }

  /**
   * The next key of the object that is open: its index in `keys`, and its place is entered; -1 at the
   * object's end, or after an error. For each key after the first, the place of the key before must
   * have been left. `seen` has a bit for each key read so far.
   */
  nextKey(keys: StaticArray<string>, seen: u32): i32 {
    if (this.peek() === 0x7d) {
      this.position++;
      return -1;
    }
    if (seen !== 0 && !this.expect(0x2c, POLICY_E_SYNTAX)) return -1;
    if (this.beginValue() !== QUOTE) {
      this.failHere(POLICY_E_SYNTAX);
      return -1;
    }
    if (!this.scanString()) return -1;
    const index = indexOfKey(keys, this.string, this.stringLength);
    if (index < 0) {
      this.failValue(POLICY_E_UNKNOWN_KEY);
      return -1;
    }
    this.error.place.enterKey(keys[index]);
    if ((seen & (1 << index)) !== 0) {
      this.failValue(POLICY_E_DUPLICATE_KEY);
      return -1;
    }
    return this.expect(0x3a, POLICY_E_SYNTAX) ? index : -1;
  }

  /** Fails when a key of `required` (a bit for each) is not among `seen`. */
  requireKeys(keys: StaticArray<string>, seen: u32, required: u32): void {
    const missing = required & ~seen;
    if (missing === 0 || !this.ok) return;
    this.failAt(POLICY_E_MISSING_KEY, (this.position - this.start) as u32);
    this.error.missing = keys[ctz(missing) as i32];
  }

  /** Opens a list. */
  beginArray(): bool {
    this.beginValue();
    return this.expect(0x5b, POLICY_E_NOT_ARRAY);
  }

  /** Whether the list that is open has an item number `index`, and goes to it. */
  nextItem(index: u32): bool {
    if (this.peek() === 0x5d) {
      this.position++;
      return false;
    }
    if (index !== 0 && !this.expect(0x2c, POLICY_E_SYNTAX)) return false;
    if (index !== 0 && this.peek() === 0x5d) this.failHere(POLICY_E_SYNTAX);
    return this.ok;
  }

  /**
   * Reads a string whose decoded length in bytes of UTF-8 lies in `low … high`; false with an error. It is
   * then at `string`, until the next key or string is read.
   */
  readString(low: u32, high: u32): bool {
    if (this.beginValue() !== QUOTE) {
      this.failHere(POLICY_E_NOT_STRING);
    } else if (this.scanString() && (this.stringLength < low || this.stringLength > high)) {
      this.failValue(POLICY_E_STRING_LENGTH);
    }
    return this.ok;
  }

  /** A copy of the string that was read last. */
  copyString(): StaticArray<u8> {
    const copy = new StaticArray<u8>(this.stringLength as i32);
    memory.copy(changetype<usize>(copy), this.string, this.stringLength as usize);
    return copy;
  }

  /** Whether the string that was read last is exactly this ASCII text. */
  stringIs(text: string): bool {
    return equalsAscii(this.string, this.stringLength, text);
  }

  /** An integer within `low … high`, which is at most 2^53 - 1; 0 with an error. */
  integer(low: u64, high: u64): u64 {
    const first = this.beginValue();
    if (first < 0x30 || first > 0x39) {
      this.failHere(POLICY_E_NOT_INTEGER);
      return 0;
    }
    const begin = this.position;
    let value: u64 = 0;
    while (this.position < this.end) {
      const digit = (load<u8>(this.position) as u32) - 0x30;
      if (digit > 9) break;
      // Beyond 2^60 it is out of range whatever follows: stop counting before it wraps.
      if (value < (1 as u64) << 60) value = value * 10 + (digit as u64);
      this.position++;
    }
    const next = this.position < this.end ? (load<u8>(this.position) as u32) : END;
    const padded = first === 0x30 && this.position - begin > 1;
    if (padded || next === 0x2e || next === 0x65 || next === 0x45) {
      this.failValue(POLICY_E_NOT_INTEGER);
    } else if (value < low || value > high) {
      this.failValue(POLICY_E_NUMBER_RANGE);
    }
    return this.ok ? value : 0;
  }

  /** `true` or `false`; false with an error. */
  boolean(): bool {
    const first = this.beginValue();
    const truth = first === 0x74;
    const word = truth ? "true" : "false";
    const size = word.length as usize;
    if (first !== END && this.end - this.position >= size && startsWithAscii(this.position, word)) {
      this.position += size;
      return truth;
    }
    this.failAt(first === END ? POLICY_E_ENDS_EARLY : POLICY_E_NOT_BOOLEAN, this.valueOffset);
    return false;
  }

  /** Fails unless nothing but white space follows. */
  finish(): void {
    if (this.peek() !== END) this.failHere(POLICY_E_TRAILING);
  }

  /** Appends a byte to the decoded string, which never overtakes what is left to decode. */
  private put(byte: u32): void {
    store<u8>(this.string + (this.stringLength as usize), byte as u8);
    this.stringLength++;
  }

  /** Takes a string from its opening quote to its closing one, and decodes it in place. */
  private scanString(): bool {
    this.position++;
    this.string = this.position;
    this.stringLength = 0;
    while (this.position < this.end) {
      const byte = load<u8>(this.position) as u32;
      if (byte === QUOTE) {
        this.position++;
        return true;
      }
      if (byte === BACKSLASH) {
        if (!this.scanEscape()) return false;
      } else if (byte < 0x20) {
        this.failHere(POLICY_E_CONTROL_CHARACTER);
        return false;
      } else {
        const size = utf8SequenceLength(this.position, this.end);
        if (size === 0) {
          this.failHere(POLICY_E_UTF8);
          return false;
        }
        for (let i: usize = 0; i < size; i++) this.put(load<u8>(this.position + i) as u32);
        this.position += size;
      }
    }
    this.failHere(POLICY_E_ENDS_EARLY);
    return false;
  }

  /** Takes an escape sequence (RFC 8259 §7). */
  private scanEscape(): bool {
    const begin = this.position;
    const kind = this.end - begin >= 2 ? (load<u8>(begin, 1) as u32) : END;
    let character: u32 = 0;
    switch (kind) {
      case QUOTE:
      case BACKSLASH:
      case 0x2f: // /
        character = kind;
        break;
      case 0x62: // b
        character = 0x08;
        break;
      case 0x66: // f
        character = 0x0c;
        break;
      case 0x6e: // n
        character = 0x0a;
        break;
      case 0x72: // r
        character = 0x0d;
        break;
      case 0x74: // t
        character = 0x09;
        break;
      case 0x75: // u
        return this.scanUnicodeEscape();
      default:
        this.failHere(POLICY_E_ESCAPE);
        return false;
    }
    this.position += 2;
    this.put(character);
    return true;
  }

  /** The four hexadecimal digits of `\uXXXX` at `at`; `END` shifted up when they are not. */
  private hexadecimal(at: usize): u32 {
    if (at + 6 > this.end || load<u8>(at) !== 0x5c || load<u8>(at, 1) !== 0x75) return 0x10000;
    let value: u32 = 0;
    for (let i: usize = 2; i < 6; i++) {
      const digit = hexDigit(load<u8>(at + i) as u32);
      if (digit > 15) return 0x10000;
      value = (value << 4) | digit;
    }
    return value;
  }

  private scanUnicodeEscape(): bool {
    let character = this.hexadecimal(this.position);
    if (character > 0xffff) {
      this.failHere(POLICY_E_ESCAPE);
      return false;
    }
    let size: usize = 6;
    if ((character & 0xf800) === 0xd800) {
      // A high surrogate must be followed by a low one; together they stand for one character.
      const low = this.hexadecimal(this.position + 6);
      if (character > 0xdbff || (low & 0x1fc00) !== 0xdc00) {
        this.failHere(POLICY_E_SURROGATE);
        return false;
      }
      character = 0x10000 + ((character & 0x3ff) << 10) + (low & 0x3ff);
      size = 12;
    }
    if (character < 0x80) {
      this.put(character);
    } else {
      if (character < 0x800) {
        this.put(0xc0 | (character >> 6));
      } else {
        if (character < 0x10000) {
          this.put(0xe0 | (character >> 12));
        } else {
          this.put(0xf0 | (character >> 18));
          this.put(0x80 | ((character >> 12) & 0x3f));
        }
        this.put(0x80 | ((character >> 6) & 0x3f));
      }
      this.put(0x80 | (character & 0x3f));
    }
    this.position += size;
    return true;
  }
}

/** The value of a hexadecimal digit of either case; above 15 when it is not one. */
export function hexDigit(byte: u32): u32 {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x61 + 10 : 16;
}

function indexOfKey(keys: StaticArray<string>, bytes: usize, length: u32): i32 {
  for (let i = 0; i < keys.length; i++) {
    if (equalsAscii(bytes, length, keys[i])) return i;
  }
  return -1;
}

/** Whether `length` bytes are exactly this ASCII text. */
export function equalsAscii(bytes: usize, length: u32, text: string): bool {
  return length === (text.length as u32) && startsWithAscii(bytes, text);
}

/** Whether the bytes, which are no fewer than the text's characters, begin with this ASCII text. */
export function startsWithAscii(bytes: usize, text: string): bool {
  for (let i = 0; i < text.length; i++) {
    if ((load<u8>(bytes + (i as usize)) as i32) !== text.charCodeAt(i)) return false;
  }
  return true;
}
