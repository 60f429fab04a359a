const BEGIN: string = "-----BEGIN CERTIFICATE-----";
const FINISH: string = "-----END CERTIFICATE-----";

const none: StaticArray<u8> = new StaticArray<u8>(0);

/** The value of a base64 digit (RFC 4648 §4); 64 when it is none. */
function base64Digit(byte: u32): u32 {
  if (byte >= 0x41 && byte <= 0x5a) return byte - 0x41;
  if (byte >= 0x61 && byte <= 0x7a) return byte - 0x61 + 26;
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30 + 52;
  if (byte === 0x2b) return 62;
  return byte === 0x2f ? 63 : 64;
}

/** Whether `text` has `marker` at `at`. */
function markerAt(text: StaticArray<u8>, at: i32, marker: string): bool {
  if (text.length - at < marker.length) return false;
  for (let i = 0; i < marker.length; i++) {
    if ((text[at + i] as i32) !== marker.charCodeAt(i)) return false;
  }
  return true;
}

/**
 * The DER bytes of one certificate in PEM (RFC 7468 §2, its strict form: nothing before or after, no
 * white space but line ends, padding, no stray bits); empty when the text is anything else.
 */
export function certificateFromPem(text: StaticArray<u8>): StaticArray<u8> {
  if (!markerAt(text, 0, BEGIN)) return none;
  let end = text.length;
  while (end > 0 && (text[end - 1] === 0x0a || text[end - 1] === 0x0d)) end--;
  const first = BEGIN.length;
  const last = end - FINISH.length;
  if (last < first || !markerAt(text, last, FINISH)) return none;
  // Markers stand on lines of their own.
  if (last === first || (text[first] !== 0x0a && text[first] !== 0x0d)) return none;
  if (text[last - 1] !== 0x0a) return none;

  let digits = 0;
  let padding = 0;
  for (let i = first; i < last; i++) {
    const byte = text[i] as u32;
    if (byte === 0x0a || byte === 0x0d) continue;
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
    const digit = base64Digit(text[i] as u32);
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

/** Whether the bytes are one DER SEQUENCE from end to end (X.690 §8.1.3, §10.1), as a certificate is. */
export function isDerSequence(der: StaticArray<u8>): bool {
  const size = der.length as u32;
  if (size < 4 || der[0] !== 0x30) return false;
  const lead = der[1] as u32;
  if (lead < 0x80) return lead + 2 === size;
  if (lead === 0x81) return der[2] >= 0x80 && (der[2] as u32) + 3 === size;
  const length = ((der[2] as u32) << 8) | (der[3] as u32);
  return lead === 0x82 && length >= 0x100 && length + 4 === size;
}
