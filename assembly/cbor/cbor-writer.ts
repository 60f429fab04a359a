/**
 * Writes CBOR in its deterministic encoding (RFC 8949 §4.2.1): shortest heads, definite lengths. Map
 * entries are the caller's to write in ascending order of their encoded keys.
 *
 * Each function writes at `at` and returns the address after what it wrote; the caller has seen to it
 * that there is room.
 */

const UNSIGNED: u32 = 0;
const NEGATIVE: u32 = 1;
const BYTES: u32 = 2;
const TEXT: u32 = 3;
const ARRAY: u32 = 4;
const MAP: u32 = 5;
const TAG: u32 = 6;

/** Bytes of the largest head that is written here. */
export const MAX_HEAD: usize = 5;

function head(at: usize, major: u32, argument: u32): usize {
  const type = major << 5;
  if (argument < 24) {
    store<u8>(at, type | argument);
    return at + 1;
  }
  if (argument < 0x100) {
    store<u8>(at, type | 24);
    store<u8>(at + 1, argument);
    return at + 2;
  }
  if (argument < 0x10000) {
    store<u8>(at, type | 25);
    store<u16>(at + 1, bswap<u16>(<u16>argument));
    return at + 3;
  }
  store<u8>(at, type | 26);
  store<u32>(at + 1, bswap<u32>(argument));
  return at + 5;
}

/** Writes an integer (major types 0 and 1) in its shortest form. Returns the address behind it. */
export function writeInteger(at: usize, value: i32): usize {
  return value < 0 ? head(at, NEGATIVE, <u32>~value) : head(at, UNSIGNED, <u32>value);
}

/** The head of a byte string whose content the caller writes. */
export function writeBytesHead(at: usize, length: usize): usize {
  return head(at, BYTES, <u32>length);
}

/** Writes a byte string of `length` bytes. Returns the address behind it. */
export function writeBytes(at: usize, bytes: usize, length: usize): usize {
  const content = head(at, BYTES, <u32>length);
  memory.copy(content, bytes, length);
  return content + length;
}

/** A text string from UTF-8 bytes. */
export function writeText(at: usize, utf8: usize, length: usize): usize {
  const content = head(at, TEXT, <u32>length);
  memory.copy(content, utf8, length);
  return content + length;
}

/** A text string from a constant that is ASCII. */
export function writeAscii(at: usize, text: string): usize {
  const length = text.length;
  let content = head(at, TEXT, <u32>length);
  for (let i = 0; i < length; i++) {
    // A string holds UTF-16: the lower byte of each unit is the ASCII character.
    store<u8>(content, load<u8>(changetype<usize>(text) + ((<usize>i) << 1)));
    content++;
  }
  return content;
}

/**
 * Writes the head of an array of `count` items, which the caller writes. Returns the address
 * behind it.
 */
export function writeArrayHead(at: usize, count: u32): usize {
  return head(at, ARRAY, count);
}

/**
 * Writes the head of a map of `count` pairs, which the caller writes in their order. Returns the
 * address behind it.
 */
export function writeMapHead(at: usize, count: u32): usize {
  return head(at, MAP, count);
}

/** Writes a tag; the item that it is for follows. Returns the address behind it. */
export function writeTag(at: usize, tag: u32): usize {
  return head(at, TAG, tag);
}
