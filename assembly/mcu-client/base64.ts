/** Base64 (RFC 4648 §4), as the bodies of POST requests carry TLS bytes. */

const DIGITS: usize = memory.data<u8>([
  0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e, 0x4f, 0x50,
  0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66,
  0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f, 0x70, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76,
  0x77, 0x78, 0x79, 0x7a, 0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x2b, 0x2f,
]);
const PAD: u32 = 0x3d;

/** Characters that `length` bytes become. */
export function base64Length(length: u32): u32 {
  return ((length + 2) / 3) * 4;
}

/** Writes `length` bytes at `from` as base64 to `to`. */
export function encodeBase64(to: usize, from: usize, length: u32): void {
  for (let i: u32 = 0; i < length; i += 3) {
    const left = length - i;
    let bits = (load<u8>(from + i) as u32) << 16;
    if (left > 1) bits |= (load<u8>(from + i, 1) as u32) << 8;
    if (left > 2) bits |= load<u8>(from + i, 2) as u32;
    store<u8>(to, load<u8>(DIGITS + (bits >> 18)));
    store<u8>(to, load<u8>(DIGITS + ((bits >> 12) & 63)), 1);
    store<u8>(to, left > 1 ? load<u8>(DIGITS + ((bits >> 6) & 63)) : (PAD as u8), 2);
    store<u8>(to, left > 2 ? load<u8>(DIGITS + (bits & 63)) : (PAD as u8), 3);
    to += 4;
  }
}

/** The value of a digit; 64 when it is not one. */
function digitValue(byte: u32): u32 {
  if (byte >= 0x41 && byte <= 0x5a) return byte - 0x41;
  if (byte >= 0x61 && byte <= 0x7a) return byte - 0x61 + 26;
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30 + 52;
  if (byte === 0x2b) return 62;
  return byte === 0x2f ? 63 : 64;
}

/**
 * Decodes whole groups of four digits, `length` characters at most, as far as there is no other character.
 *
 * @returns how many characters were taken; three quarters as many bytes are at `to`
 */
export function decodeGroups(to: usize, from: usize, length: u32): u32 {
  let at: u32 = 0;
  for (; at + 4 <= length; at += 4, to += 3) {
    const four = load<u32>(from + at);
    const a = digitValue(four & 0xff);
    const b = digitValue((four >> 8) & 0xff);
    const c = digitValue((four >> 16) & 0xff);
    const d = digitValue(four >> 24);
    if ((a | b | c | d) > 63) break;
    store<u8>(to, (a << 2) | (b >> 4));
    store<u8>(to, (b << 4) | (c >> 2), 1);
    store<u8>(to, (c << 6) | d, 2);
  }
  return at;
}

/** Reads base64 one character after the other; strict: whole groups, padding at the end, no stray bits. */
export class Base64Reader {
  /** Bytes that the last group gave, the first of them in bits 16 to 23. */
  bits: u32 = 0;
  private filled: u32 = 0;
  private padding: u32 = 0;

  /** Starts on another text. */
  begin(): void {
    this.bits = 0;
    this.filled = 0;
    this.padding = 0;
  }

  /** Whether a text may end here. */
  get atBoundary(): bool {
    return this.filled === 0;
  }

  /** Whether a group begins, and none with padding was before it. */
  get expectsGroup(): bool {
    return this.filled === 0 && this.padding === 0;
  }

  /** Takes a character: the number of bytes that are now whole, 0 to 3, or -1 when it may not come. */
  take(character: u32): i32 {
    const value = digitValue(character);
    if (this.filled === 0) {
      if (this.padding > 0) return -1; // after the end
      this.bits = 0;
    }
    if (value > 63) {
      if (character !== PAD || this.filled < 2) return -1;
      this.padding++;
    } else if (this.padding > 0) {
      return -1;
    }
    this.bits = (this.bits << 6) | (value & 63);
    if (++this.filled < 4) return 0;
    this.filled = 0;
    const bytes = 3 - this.padding;
    // The bits that padding leaves over must be 0, so that each value has one text.
    const stray = bytes === 3 ? 0 : this.bits & ((1 << (8 * (3 - bytes))) - 1);
    return stray === 0 ? (bytes as i32) : -1;
  }
}
