/** Strict UTF-8 (RFC 3629, Unicode 15 table 3-7): no surrogates, no longer form than needed. */

/** Answer of `scalarAt` for bytes that are not UTF-8. */
export const MALFORMED: u32 = 0xffffffff;
const REPLACEMENT: u32 = 0xfffd;

/**
 * The Unicode scalar value whose UTF-8 form begins at address `at`, and that form's length in bytes.
 *
 * @param end address after the last readable byte; `at < end`
 * @returns length << 24 | scalar value, or `MALFORMED`
 */
export function scalarAt(at: usize, end: usize): u32 {
  const lead: u32 = load<u8>(at);
  if (lead < 0x80) return (1 << 24) | lead;
  // 0x80 … 0xc1 continue or begin an overlong form; 0xf5 … would exceed U+10FFFF.
  if (lead < 0xc2 || lead > 0xf4) return MALFORMED;
  const length: u32 = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if ((length as usize) > end - at) return MALFORMED;
  let scalar: u32 = lead & (0x7f >> length);
  for (let i: u32 = 1; i < length; i++) {
    const next: u32 = load<u8>(at + i);
    if ((next & 0xc0) !== 0x80) return MALFORMED;
    scalar = (scalar << 6) | (next & 0x3f);
  }
  if (length === 3 && (scalar < 0x800 || isSurrogate(scalar))) return MALFORMED;
  if (length === 4 && (scalar < 0x10000 || scalar > 0x10ffff)) return MALFORMED;
  return (length << 24) | scalar;
}

function isSurrogate(scalar: u32): bool {
  return (scalar & 0xfffff800) === 0xd800;
}

/** Whether `scalar` is a Unicode scalar value. */
export function isScalar(scalar: u32): bool {
  return scalar <= 0x10ffff && !isSurrogate(scalar);
}

/** Length in UTF-16 code units of the UTF-8 text at `[at, end)`, or -1 if it is malformed. */
export function utf16Length(at: usize, end: usize): i32 {
  let units = 0;
  while (at < end) {
    const scalar = scalarAt(at, end);
    if (scalar === MALFORMED) return -1;
    at += scalar >> 24;
    units += (scalar & 0xffffff) > 0xffff ? 2 : 1;
  }
  return units;
}

/** Stores the well-formed UTF-8 text at `[at, end)` as UTF-16 at `out`, which has room for it. */
export function storeUtf16(at: usize, end: usize, out: usize): void {
  while (at < end) {
    const found = scalarAt(at, end);
    at += found >> 24;
    const scalar = found & 0xffffff;
    if (scalar > 0xffff) {
      store<u16>(out, (0xd7c0 + (scalar >> 10)) as u16);
      store<u16>(out, (0xdc00 | (scalar & 0x3ff)) as u16, 2);
      out += 4;
    } else {
      store<u16>(out, scalar as u16);
      out += 2;
    }
  }
}

/** The scalar value at UTF-16 position `index`; U+FFFD for half of a pair that stands alone. */
function scalarOf(text: string, index: i32): u32 {
  const scalar = text.codePointAt(index) as u32;
  return isSurrogate(scalar) ? REPLACEMENT : scalar;
}

/** Length in bytes of `text` in UTF-8. */
export function utf8Length(text: string): usize {
  let bytes: usize = 0;
  for (let i = 0; i < text.length; i++) {
    const scalar = scalarOf(text, i);
    if (scalar > 0xffff) i++;
    bytes += scalar < 0x80 ? 1 : scalar < 0x800 ? 2 : scalar < 0x10000 ? 3 : 4;
  }
  return bytes;
}

/** Stores `text` as UTF-8 at `out`, which has room for `utf8Length(text)` bytes. */
export function storeUtf8(text: string, out: usize): void {
  for (let i = 0; i < text.length; i++) {
    const scalar = scalarOf(text, i);
    if (scalar < 0x80) {
      store<u8>(out++, scalar as u8);
      continue;
    }
    let shift: u32 = scalar < 0x800 ? 6 : scalar < 0x10000 ? 12 : 18;
    const marker: u32 = shift === 6 ? 0xc0 : shift === 12 ? 0xe0 : 0xf0;
    store<u8>(out++, (marker | (scalar >> shift)) as u8);
    do {
      shift -= 6;
      store<u8>(out++, (0x80 | ((scalar >> shift) & 0x3f)) as u8);
    } while (shift !== 0);
    if (scalar > 0xffff) i++;
  }
}

/** A UTF-16 code unit in the order of the scalar values: surrogates stand for the last of them. */
function rank(unit: i32): i32 {
  return unit < 0xd800 ? unit : unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

/**
 * Below 0, 0, or above 0 as `one` comes before, is equal to or comes after `other` by Unicode scalar values: the order
 * of their UTF-8 bytes, and Rust's. (`<` compares UTF-16 code units, which differs beyond U+FFFF.)
 */
export function compareTexts(one: string, other: string): i32 {
  const common = min(one.length, other.length);
  for (let i = 0; i < common; i++) {
    const difference = rank(one.charCodeAt(i)) - rank(other.charCodeAt(i));
    if (difference !== 0) return difference;
  }
  return one.length - other.length;
}
