/** What a server can see of its sessions' key exchanges: their ServerHello is not encrypted. */
import {
  CONTENT_CHANGE_CIPHER_SPEC,
  CONTENT_HANDSHAKE,
  EXTENSION_KEY_SHARE,
  SECP256R1,
  SERVER_HELLO,
  X25519,
  X25519MLKEM768,
} from "../../assembly/session-manager/protocol.js";
import { Group, groupName } from "../session-manager/engine.js";

/** NamedGroup (RFC 8446 §4.2.7; draft-ietf-tls-ecdhe-mlkem). */
const names: ReadonlyMap<number, string> = new Map([
  [X25519MLKEM768, groupName(Group.x25519mlkem768)],
  [X25519, groupName(Group.x25519)],
  [SECP256R1, groupName(Group.secp256r1)],
]);

/** Where in a ServerHello its random is, and the start of the one that marks a HelloRetryRequest (§4.1.3). */
const RANDOM = 4 + 2;
const RETRY_RANDOM = Buffer.from("cf21ad74e59a6111", "hex");

/** Bytes in which the ServerHello must have come: a HelloRetryRequest and one with the largest share fit. */
const MOST_BYTES = 4096;

/**
 * Watches the bytes that an isolate sends at the beginning of a session, until its ServerHello has named
 * the group of the key exchange. It only informs: nothing is decided on what it says.
 */
export class KeyExchangeWatch {
  private seen = Buffer.alloc(0);
  private over = false;

  /** Takes the next bytes. Returns the group's name, once, when it is known. */
  take(bytes: Uint8Array): string | undefined {
    if (this.over) return undefined;
    this.seen = Buffer.concat([this.seen, bytes.subarray(0, MOST_BYTES - this.seen.length)]);
    const found = groupIn(this.seen);
    this.over = found !== undefined || this.seen.length >= MOST_BYTES;
    if (this.over) this.seen = Buffer.alloc(0);
    return found === undefined ? undefined : (names.get(found) ?? `group 0x${found.toString(16)}`);
  }
}

/** The group of the first ServerHello that is no HelloRetryRequest; undefined where none is whole. */
function groupIn(stream: Buffer): number | undefined {
  const contents: Buffer[] = [];
  for (let at = 0; at + 5 <= stream.length; ) {
    const type = stream[at];
    const end = at + 5 + stream.readUInt16BE(at + 3);
    if (type !== CONTENT_HANDSHAKE && type !== CONTENT_CHANGE_CIPHER_SPEC) break;
    if (type === CONTENT_HANDSHAKE) contents.push(stream.subarray(at + 5, end));
    at = end;
  }
  const handshake = Buffer.concat(contents);
  for (let at = 0; at + 4 <= handshake.length; ) {
    const end = at + 4 + handshake.readUIntBE(at + 1, 3);
    if (handshake[at] !== SERVER_HELLO || end > handshake.length) return undefined;
    const hello = handshake.subarray(at, end);
    const isRetry = hello.subarray(RANDOM, RANDOM + RETRY_RANDOM.length).equals(RETRY_RANDOM);
    if (!isRetry) return keyShareGroup(hello);
    at = end;
  }
  return undefined;
}

/** The group of a whole ServerHello's key_share; undefined where it has none, or is malformed. */
function keyShareGroup(hello: Buffer): number | undefined {
  const sessionIdLength = hello[RANDOM + 32] ?? 0;
  // Behind the session id: suite, compression method, length of the extensions.
  for (let at = RANDOM + 33 + sessionIdLength + 5; at + 6 <= hello.length; ) {
    if (hello.readUInt16BE(at) === EXTENSION_KEY_SHARE) return hello.readUInt16BE(at + 4);
    at += 4 + hello.readUInt16BE(at + 2);
  }
  return undefined;
}
