// The values of a policy's keys, each read and checked by itself. Where one is not as it must be, the
// reader has failed, and what is returned means nothing.
import { STRATEGY_INTERPRETATION, STRATEGY_JIT } from "../platform-services/program-profiles";
import { MAX_FILE_NAME_BYTES } from "../transport-protocol/messages";
import { isFileName } from "./file-names";
import { hexDigit, JsonReader } from "./json";
import { certificateFromPem } from "./pem";
import {
  MAX_CERTIFICATE_BYTES,
  RIGHT_READ,
  RIGHT_WRITE,
  SUITE_AES_128_GCM_SHA256,
  SUITE_CHACHA20_POLY1305_SHA256,
} from "./policy";
import { refusalOfAuthority, refusalOfPrincipal } from "./policy-certificates";
import {
  POLICY_E_CIPHERSUITE,
  POLICY_E_COMPUTATION_ID,
  POLICY_E_FILE_NAME,
  POLICY_E_HASH,
  POLICY_E_KEY_EXCHANGE,
  POLICY_E_PEM,
  POLICY_E_RIGHTS,
  POLICY_E_STRATEGY,
  POLICY_E_URL,
  POLICY_OK,
} from "./policy-error-codes";

const nothing: StaticArray<u8> = new StaticArray<u8>(0);

/** Reads a file name, which is then the reader's string: whether it is one. */
export function readFileName(reader: JsonReader): bool {
  const read = reader.readString(1, MAX_FILE_NAME_BYTES);
  if (read && !isFileName(reader.string, reader.stringLength)) reader.failValue(POLICY_E_FILE_NAME);
  return reader.ok;
}

/** Reads `"r"`, `"w"` or `"rw"`: `RIGHT_…` bits. */
export function readRights(reader: JsonReader): u32 {
  if (!reader.readString(0, 16)) return 0;
  if (reader.stringIs("r")) return RIGHT_READ;
  if (reader.stringIs("w")) return RIGHT_WRITE;
  if (reader.stringIs("rw")) return RIGHT_READ | RIGHT_WRITE;
  reader.failValue(POLICY_E_RIGHTS);
  return 0;
}

/** So many bytes in hexadecimal; the reader fails with `code` for anything else. */
export function readHex(reader: JsonReader, count: i32, code: i32): StaticArray<u8> {
  if (!reader.readString(0, 128)) return nothing;
  const bytes = new StaticArray<u8>(count);
  let good = reader.stringLength === ((2 * count) as u32);
  for (let i = 0; good && i < count; i++) {
    const digits = reader.string + ((2 * i) as usize);
    const high = hexDigit(load<u8>(digits) as u32);
    const low = hexDigit(load<u8>(digits, 1) as u32);
    good = high < 16 && low < 16;
    bytes[i] = ((high << 4) | low) as u8;
  }
  if (!good) reader.failValue(code);
  return bytes;
}

/** A SHA-256 in hexadecimal: 32 bytes. */
export function readHash(reader: JsonReader): StaticArray<u8> {
  return readHex(reader, 32, POLICY_E_HASH);
}

/** 16 bytes in hexadecimal. */
export function readComputationId(reader: JsonReader): StaticArray<u8> {
  return readHex(reader, 16, POLICY_E_COMPUTATION_ID);
}

/** Reads a principal's certificate in PEM; returns its DER. */
export function readPrincipal(reader: JsonReader): StaticArray<u8> {
  const der = readCertificate(reader);
  if (reader.ok) failOn(refusalOfPrincipal(der), reader);
  return der;
}

/** Reads a CA's certificate in PEM; returns its DER. */
export function readAuthority(reader: JsonReader): StaticArray<u8> {
  const der = readCertificate(reader);
  if (reader.ok) failOn(refusalOfAuthority(der), reader);
  return der;
}

function failOn(refusal: i32, reader: JsonReader): void {
  if (refusal !== POLICY_OK) reader.failValue(refusal);
}

/** Reads one block of PEM; returns what it holds. */
function readCertificate(reader: JsonReader): StaticArray<u8> {
  // Base64 takes 4 bytes for 3, and a line end or two every 64.
  if (!reader.readString(0, (MAX_CERTIFICATE_BYTES / 3) * 4 + 512)) return nothing;
  const der = certificateFromPem(reader.string, reader.stringLength);
  if (der.length === 0) reader.failValue(POLICY_E_PEM);
  return der;
}

/** `host:port`: a name, an IPv4 address, or an IPv6 address in brackets; a port from 1 to 65535. */
export function readUrl(reader: JsonReader): StaticArray<u8> {
  if (!reader.readString(0, 260)) return nothing;
  const text = reader.copyString();
  let colon = text.length - 1;
  let port: u32 = 0;
  let scale: u32 = 1;
  while (colon >= 0 && text[colon] !== 0x3a) {
    const digit = (text[colon] as u32) - 0x30;
    // No more than five digits, and no leading zero.
    if (digit > 9 || scale > 10000) break;
    port += digit * scale;
    scale *= 10;
    colon--;
  }
  const good =
    colon > 0 &&
    text[colon] === 0x3a &&
    text[text.length - 1] !== 0x3a &&
    text[colon + 1] !== 0x30 &&
    port <= 65535 &&
    isHost(text, colon);
  if (!good) reader.failValue(POLICY_E_URL);
  return text;
}

/** The suite of a TLS 1.3 suite name. */
export function readCiphersuite(reader: JsonReader): u32 {
  if (!reader.readString(0, 64)) return 0;
  if (reader.stringIs("TLS1_3_CHACHA20_POLY1305_SHA256")) return SUITE_CHACHA20_POLY1305_SHA256;
  if (reader.stringIs("TLS1_3_AES_128_GCM_SHA256")) return SUITE_AES_128_GCM_SHA256;
  reader.failValue(POLICY_E_CIPHERSUITE);
  return 0;
}

/** Whether the hybrid key exchange is required: there is one word, and absence. */
export function readKeyExchange(reader: JsonReader): bool {
  if (!reader.readString(0, 64)) return false;
  if (!reader.stringIs("hybrid-required")) reader.failValue(POLICY_E_KEY_EXCHANGE);
  return true;
}

/** Reads an execution strategy by its name: `STRATEGY_…`. */
export function readStrategy(reader: JsonReader): u32 {
  if (!reader.readString(0, 64)) return 0;
  if (reader.stringIs("Interpretation")) return STRATEGY_INTERPRETATION;
  if (reader.stringIs("JIT")) return STRATEGY_JIT;
  reader.failValue(POLICY_E_STRATEGY);
  return 0;
}

/** Whether a byte is an ASCII letter or digit. */
export function isLetterOrDigit(byte: u32): bool {
  const lower = byte | 0x20;
  return (byte >= 0x30 && byte <= 0x39) || (lower >= 0x61 && lower <= 0x7a);
}

/** Whether the first `length` bytes are a host's name, an IPv4 address, or `[IPv6]`. */
function isHost(text: StaticArray<u8>, length: i32): bool {
  const bracketed = length > 2 && text[0] === 0x5b && text[length - 1] === 0x5d;
  const first = bracketed ? 1 : 0;
  const last = bracketed ? length - 1 : length;
  for (let i = first; i < last; i++) {
    const byte = text[i] as u32;
    const good = bracketed
      ? hexDigit(byte) < 16 || byte === 0x3a || byte === 0x2e
      : isLetterOrDigit(byte) || byte === 0x2e || byte === 0x2d;
    if (!good) return false;
  }
  return true;
}

/** Days of a month, 1 to 12, in the Gregorian calendar. */
export function daysIn(year: u32, month: u32): u32 {
  if (month === 2) {
    const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
    return leap ? 29 : 28;
  }
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}
