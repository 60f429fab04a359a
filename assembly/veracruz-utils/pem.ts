import { startsWithAscii } from "./json";

const BEGIN: string = "-----BEGIN CERTIFICATE-----";
const FINISH: string = "-----END CERTIFICATE-----";

const none: StaticArray<u8> = new StaticArray<u8>(0);

/** The value of a base64 digit (RFC 4648 §4); 64 when it is not one. */
function base64Digit(byte: u32): u32 {
  if (byte >= 0x41 && byte <= 0x5a) return byte - 0x41;
  if (byte >= 0x61 && byte <= 0x7a) return byte - 0x61 + 26;
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30 + 52;
  if (byte === 0x2b) return 62;
  return byte === 0x2f ? 63 : 64;
}

function isLineEnd(byte: u32): bool {
  return byte === 0x0a || byte === 0x0d;
}

/**
 * The DER bytes of one certificate in PEM (RFC 7468 §2, its strict form: nothing before or after, no
 * white space but line ends, padding, no stray bits); empty when the text is anything else.
 */
export function certificateFromPem(text: usize, length: u32): StaticArray<u8> {
  let end = text + (length as usize);
  while (end > text && isLineEnd(load<u8>(end - 1) as u32)) end--;
  const markers = (BEGIN.length + FINISH.length) as usize;
  if (end - text <= markers || !startsWithAscii(text, BEGIN)) return none;
  const first = text + (BEGIN.length as usize);
  const last = end - (FINISH.length as usize);
  if (!startsWithAscii(last, FINISH)) return none;
  // Markers stand on lines of their own.
  if (!isLineEnd(load<u8>(first) as u32) || load<u8>(last - 1) !== 0x0a) return none;

  let digits = 0;
  let padding = 0;
  for (let i = first; i < last; i++) {
    const byte = load<u8>(i) as u32;
    if (isLineEnd(byte)) continue;
    if (byte === 0x3d) padding++;
    else if (padding > 0 || base64Digit(byte) > 63) return none;
    else digits++;
  }
  if (padding > 2 || ((digits + padding) & 3) !== 0 || digits === 0) return none;

  const der = new StaticArray<u8>((digits * 3) >> 2);
  let written = 0;
  let bits: u32 = 0;
  let count: u32 = 0;
  for (let i = first; i < last; i++) {
    const digit = base64Digit(load<u8>(i) as u32);
    if (digit > 63) continue;
    bits = (bits << 6) | digit;
    count += 6;
    if (count >= 8) {
      count -= 8;
      der[written++] = (bits >> count) as u8;
      bits &= (1 << count) - 1;
    }
  }
  return bits === 0 ? der : none;
}
