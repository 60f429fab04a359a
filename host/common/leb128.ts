/** Unsigned LEB128, as the WebAssembly binary format writes numbers (core specification, 5.2.2). */

/**
 * Encodes a number.
 *
 * @param value from 0 to 2^53 - 1
 * @param length the least number of bytes: a shorter encoding is padded with continuation bytes
 */
export function leb128(value: number, length = 1): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; ) {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    if (rest === 0 && bytes.length + 1 >= length) return [...bytes, low];
    bytes.push(low | 0x80);
  }
}

/**
 * Reads a number of up to 32 bits: its value and the offset after it.
 *
 * @param end where the bytes end that it may use
 * @throws RangeError when it is cut short
 */
export function readU32(
  bytes: Uint8Array,
  offset: number,
  end = bytes.length,
): [value: number, next: number] {
  let value = 0;
  for (let at = offset, scale = 1; at < end && at < offset + 5; at++, scale *= 128) {
    const byte = bytes[at] as number;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return [value, at + 1];
  }
  throw new RangeError("integer cut short");
}
