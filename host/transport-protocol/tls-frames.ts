// The two messages that carry TLS bytes, and the one that acknowledges them, make up nearly all of the
// traffic between server and isolate. They are written and read here without a copy of the bytes; a
// test holds them against the general codec.
import { FRAME_HEADER_BYTES } from "./frames.js";
import { MAX_TLS_BYTES, messages } from "./messages.js";

/** Longest header that `tlsInputHeader` makes: frame length, array, type, id, session, bin. */
const HEADER_BYTES = FRAME_HEADER_BYTES + 2 + 5 + 5 + 5;

/** Writes an unsigned integer of up to 32 bits in its shortest encoding; where it ends. */
function putUint(buffer: Buffer, at: number, value: number): number {
  if (value < 0x80) return buffer.writeUInt8(value, at);
  if (value < 0x100) return buffer.writeUInt8(value, buffer.writeUInt8(0xcc, at));
  if (value < 0x10000) return buffer.writeUInt16BE(value, buffer.writeUInt8(0xcd, at));
  return buffer.writeUInt32BE(value, buffer.writeUInt8(0xce, at));
}

/**
 * What comes before the bytes in a framed `tlsInput`: frame and message end with the bytes themselves.
 *
 * @param length number of TLS bytes, at most MAX_TLS_BYTES
 */
export function tlsInputHeader(id: number, session: number, length: number): Buffer {
  if (length > MAX_TLS_BYTES) throw new RangeError(`${length} TLS bytes in one message`);
  const header = Buffer.allocUnsafe(HEADER_BYTES);
  let at = FRAME_HEADER_BYTES;
  at = header.writeUInt8(0x94, at);
  at = header.writeUInt8(messages.tlsInput.number, at);
  at = putUint(header, at, id);
  at = putUint(header, at, session);
  if (length < 0x100) {
    at = header.writeUInt8(length, header.writeUInt8(0xc4, at));
  } else if (length < 0x10000) {
    at = header.writeUInt16BE(length, header.writeUInt8(0xc5, at));
  } else {
    at = header.writeUInt32BE(length, header.writeUInt8(0xc6, at));
  }
  header.writeUInt32BE(at - FRAME_HEADER_BYTES + length, 0);
  return header.subarray(0, at);
}

/** Reads an integer as `putUint` writes it: value and where it ends; undefined for anything else. */
function takeUint(bytes: Uint8Array, at: number): { value: number; end: number } | undefined {
  const head = bytes[at] ?? 0xc1;
  if (head < 0x80) return { value: head, end: at + 1 };
  const size = head === 0xcc ? 1 : head === 0xcd ? 2 : head === 0xce ? 4 : 0;
  const end = at + 1 + size;
  if (size === 0 || end > bytes.length) return undefined;
  let value = 0;
  for (let i = at + 1; i < end; i++) value = value * 256 + (bytes[i] as number);
  const least = size === 1 ? 0x80 : size === 2 ? 0x100 : 0x10000;
  return value < least ? undefined : { value, end };
}

/** The id in a `done` message; undefined when the bytes are anything else. */
export function readDone(message: Uint8Array): number | undefined {
  if (message[0] !== 0x92 || message[1] !== messages.done.number) return undefined;
  const id = takeUint(message, 2);
  return id?.end === message.length ? id.value : undefined;
}

/**
 * Session and bytes of a `tlsOutput` message; undefined when the bytes are anything else. The TLS bytes
 * are a view into the message.
 */
export function readTlsOutput(
  message: Uint8Array,
): { session: number; tls: Uint8Array } | undefined {
  if (message[0] !== 0x93 || message[1] !== messages.tlsOutput.number) return undefined;
  const session = takeUint(message, 2);
  if (session === undefined || session.value < 1 || session.value > 0x7fff_ffff) return undefined;
  const head = message[session.end];
  const size = head === 0xc4 ? 1 : head === 0xc5 ? 2 : head === 0xc6 ? 4 : 0;
  const begin = session.end + 1 + size;
  if (size === 0 || begin > message.length) return undefined;
  let length = 0;
  for (let i = session.end + 1; i < begin; i++) length = length * 256 + (message[i] as number);
  const least = size === 1 ? 0 : size === 2 ? 0x100 : 0x10000;
  if (length < least || length > MAX_TLS_BYTES || begin + length !== message.length) {
    return undefined;
  }
  return { session: session.value, tls: message.subarray(begin) };
}
