import { CERTIFICATE_OK, Certificate } from "../x509/certificate";

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

/**
 * Whether the bytes are one X.509 certificate for a P-256 key that the session manager can read: a policy
 * with another one would be agreed on in vain.
 */
export function isUsableCertificate(der: StaticArray<u8>): bool {
  const certificate = new Certificate();
  const code = certificate.parse(changetype<usize>(der), der.length as u32);
  return code === CERTIFICATE_OK && certificate.publicKey !== 0;
}
