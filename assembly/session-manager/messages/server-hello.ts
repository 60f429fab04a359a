import { SHA256_LENGTH } from "../../crypto/sha256";
import {
  NO_ALERT,
  REFUSED_COMPRESSION,
  REFUSED_EXTENSION_MISPLACED,
  REFUSED_EXTENSION_NOT_OFFERED,
  REFUSED_LEGACY_VERSION,
  REFUSED_NO_KEY_SHARE,
  REFUSED_OLD_VERSION,
  REFUSED_SELECTED_VERSION,
  REFUSED_SERVER_HELLO_MALFORMED,
} from "../alerts";
import { groupBit, namedGroup, serverShareLength } from "../key-exchange";
import {
  EXTENSION_COOKIE,
  EXTENSION_KEY_SHARE,
  EXTENSION_RECORD_SIZE_LIMIT,
  EXTENSION_SERVER_NAME,
  EXTENSION_SIGNATURE_ALGORITHMS,
  EXTENSION_SUPPORTED_GROUPS,
  EXTENSION_SUPPORTED_VERSIONS,
  SERVER_HELLO,
  SUITE_AES_128_GCM,
  TLS_AES_128_GCM_SHA256,
  TLS_CHACHA20_POLY1305_SHA256,
  TLS12,
  TLS13,
} from "../protocol";
import { WireReader } from "../wire-reader";
import { WireWriter } from "../wire-writer";
import { suiteBit } from "./client-hello";
import { checkExtensionBlock } from "./extension-block";

/** SHA-256 of "HelloRetryRequest": the random that tells one from a ServerHello (RFC 8446 §4.1.3). */
export const RETRY_RANDOM: usize = memory.data<u8>([
  0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
  0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
]);

/** The CipherSuite of a `SUITE_…` bit. */
export function cipherSuite(suite: u32): u32 {
  return suite === SUITE_AES_128_GCM ? TLS_AES_128_GCM_SHA256 : TLS_CHACHA20_POLY1305_SHA256;
}

/**
 * Writes a ServerHello with a key share of `group` at `share`, or, where `share` is 0, a
 * HelloRetryRequest for that group. `random` is `RETRY_RANDOM` then.
 */
export function writeServerHello(
  writer: WireWriter,
  random: usize,
  sessionId: usize,
  sessionIdLength: u32,
  suite: u32,
  group: u32,
  share: usize,
): void {
  const shareLength = share !== 0 ? serverShareLength(group) : 0;
  const extensionsLength = 6 + 6 + (share !== 0 ? 2 + shareLength : 0);
  writer.u8(SERVER_HELLO);
  writer.u24(2 + SHA256_LENGTH + 1 + sessionIdLength + 2 + 1 + 2 + extensionsLength);
  writer.u16(TLS12);
  writer.bytes(random, SHA256_LENGTH);
  writer.u8(sessionIdLength);
  writer.bytes(sessionId, sessionIdLength);
  writer.u16(cipherSuite(suite));
  writer.u8(0);
  writer.u16(extensionsLength);
  writer.u16(EXTENSION_SUPPORTED_VERSIONS);
  writer.u16(2);
  writer.u16(TLS13);
  writer.u16(EXTENSION_KEY_SHARE);
  writer.u16(share !== 0 ? 4 + shareLength : 2);
  writer.u16(namedGroup(group));
  if (share !== 0) {
    writer.u16(shareLength);
    writer.bytes(share, shareLength);
  }
}

/** A ServerHello or HelloRetryRequest as a client reads it (RFC 8446 §4.1.3, §4.1.4). */
export class ServerHello {
  isRetry: bool = false;
  random: usize = 0;
  sessionId: usize = 0;
  sessionIdLength: u32 = 0;
  /** A `SUITE_…` bit, or 0 for a suite that is not known here. */
  suite: u32 = 0;
  /** A `GROUP_…` bit, or 0 for one that is not known here; see `hasGroup`. */
  group: u32 = 0;
  hasGroup: bool = false;
  share: usize = 0;
  shareLength: u32 = 0;
  cookie: usize = 0;
  cookieLength: u32 = 0;

  /** -1 without supported_versions. */
  private selectedVersion: i32 = -1;
  /** The refusal of an extension that must not be here, once it is known that TLS 1.3 was selected. */
  private misplaced: i32 = NO_ALERT;

  /** Reads the body. Returns `NO_ALERT`, or why not (`REFUSED_…`). */
  parse(message: WireReader): i32 {
    message.malformed = REFUSED_SERVER_HELLO_MALFORMED;
    const legacyVersion = message.u16();
    this.random = message.bytes(SHA256_LENGTH);
    this.sessionIdLength = message.u8();
    this.sessionId = message.bytes(this.sessionIdLength);
    this.suite = suiteBit(message.u16());
    const compression = message.u8();
    if (this.sessionIdLength > 32) message.fail();
    if (message.failed) return message.refusal;
    this.isRetry = memory.compare(this.random, RETRY_RANDOM, SHA256_LENGTH) === 0;
    // No extensions: an answer in an older version.
    if (message.atEnd) return REFUSED_OLD_VERSION;
    checkExtensionBlock(message);
    const extensions = message.enter(message.u16(), 0);
    while (!message.atEnd) this.readExtension(message);
    message.leave(extensions);
    if (message.finish() !== NO_ALERT) return message.refusal;
    // First of all: what an older version's ServerHello says is not judged by the rules of this one.
    if (this.selectedVersion < 0) return REFUSED_OLD_VERSION;
    if (this.misplaced !== NO_ALERT) return this.misplaced;
    if (this.selectedVersion !== (TLS13 as i32)) return REFUSED_SELECTED_VERSION;
    if (legacyVersion !== TLS12) return REFUSED_LEGACY_VERSION;
    if (compression !== 0) return REFUSED_COMPRESSION;
    if (!this.isRetry && !this.hasGroup) return REFUSED_NO_KEY_SHARE;
    return NO_ALERT;
  }

  private readExtension(message: WireReader): void {
    const type = message.u16();
    const outer = message.enter(message.u16(), 0);
    if (type === EXTENSION_SUPPORTED_VERSIONS) {
      this.selectedVersion = message.u16();
    } else if (type === EXTENSION_KEY_SHARE) {
      this.hasGroup = true;
      this.group = groupBit(message.u16());
      if (!this.isRetry) {
        this.shareLength = message.u16();
        this.share = message.bytes(this.shareLength);
        if (this.shareLength === 0) message.fail();
      }
    } else if (type === EXTENSION_COOKIE && this.isRetry) {
      this.cookieLength = message.u16();
      this.cookie = message.bytes(this.cookieLength);
      if (this.cookieLength === 0) message.fail();
    } else {
      this.misplaced = forbiddenExtension(type);
      message.bytes(message.remaining);
    }
    message.leave(outer);
  }
}

/**
 * The alert for an extension that has no place in the message where a server put it: one that we
 * offered, or know, is in the wrong message (illegal_parameter); any other was not asked for
 * (unsupported_extension). RFC 8446 §4.2.
 */
export function forbiddenExtension(type: u32): i32 {
  return type === EXTENSION_SERVER_NAME ||
    type === EXTENSION_SUPPORTED_GROUPS ||
    type === EXTENSION_SIGNATURE_ALGORITHMS ||
    type === EXTENSION_RECORD_SIZE_LIMIT ||
    type === EXTENSION_SUPPORTED_VERSIONS ||
    type === EXTENSION_COOKIE ||
    type === EXTENSION_KEY_SHARE
    ? REFUSED_EXTENSION_MISPLACED
    : REFUSED_EXTENSION_NOT_OFFERED;
}
