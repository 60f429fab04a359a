import { ALERT_DECODE_ERROR, ALERT_LEVEL_FATAL } from "../../assembly/session-manager/alerts.js";
import {
  CLIENT_HELLO,
  CONTENT_ALERT,
  CONTENT_HANDSHAKE,
  HANDSHAKE_HEADER,
  MAX_HANDSHAKE_MESSAGE_COMPUTER,
  MAX_PLAINTEXT,
  RECORD_HEADER,
} from "../../assembly/session-manager/protocol.js";

/** With the headers of its records: no client needs many. An isolate on a computer takes the longest message. */
export const MAX_HELLO_BYTES = MAX_HANDSHAKE_MESSAGE_COMPUTER + 16_384;

/** An alert as a plaintext record: fatal, decode_error. */
export const ALERT_RECORD: Uint8Array = Uint8Array.of(
  ...[CONTENT_ALERT, 3, 3, 0, 2],
  ...[ALERT_LEVEL_FATAL, ALERT_DECODE_ERROR],
);

/**
 * Whether bytes begin with a whole ClientHello (`whole`), may still become one (`part`), or never will
 * (`none`). A handshake of the isolate is taken for a whole one only: an unfinished one costs it a place.
 */
export function clientHello(bytes: Uint8Array): "whole" | "part" | "none" {
  let seen = 0;
  let wanted = HANDSHAKE_HEADER;
  const header = new Uint8Array(HANDSHAKE_HEADER);
  for (let at = 0; ; ) {
    const [type, major, , high = 0, low = 0] = bytes.subarray(at, at + RECORD_HEADER);
    if (type !== undefined && type !== CONTENT_HANDSHAKE) return "none";
    if (major !== undefined && major !== 3) return "none";
    if (bytes.length < at + RECORD_HEADER) break;
    const length = high * 256 + low;
    if (length === 0 || length > MAX_PLAINTEXT) return "none";
    const content = bytes.subarray(at + RECORD_HEADER, at + RECORD_HEADER + length);
    if (seen < HANDSHAKE_HEADER) header.set(content.subarray(0, HANDSHAKE_HEADER - seen), seen);
    seen += content.length;
    if (seen > 0 && header[0] !== CLIENT_HELLO) return "none";
    if (seen >= HANDSHAKE_HEADER) {
      const [, first = 0, second = 0, third = 0] = header;
      const body = (first * 256 + second) * 256 + third;
      if (body > MAX_HANDSHAKE_MESSAGE_COMPUTER) return "none";
      wanted = HANDSHAKE_HEADER + body;
      if (seen >= wanted) return "whole";
    }
    if (content.length < length) break;
    at += RECORD_HEADER + length;
  }
  return bytes.length < MAX_HELLO_BYTES ? "part" : "none";
}
