import { SHA256_LENGTH, Sha256 } from "../../crypto/sha256";
import {
  NO_ALERT,
  REFUSED_CLIENT_HELLO_MALFORMED,
  REFUSED_COMPRESSION,
  REFUSED_EXTENSION_MISPLACED,
  REFUSED_KEY_SHARE_LENGTH,
  REFUSED_KEY_SHARE_TWICE,
  REFUSED_KEY_SHARE_UNLISTED,
  REFUSED_NO_COMMON_SIGNATURE,
  REFUSED_NO_PSK_MODES,
  REFUSED_OLD_VERSION,
  REFUSED_PSK_NOT_LAST,
  REFUSED_RECORD_SIZE_LIMIT,
  REFUSED_REQUIRED_EXTENSION,
} from "../alerts";
import { clientShareLength, groupBit } from "../key-exchange";
import {
  ECDSA_SECP256R1_SHA256,
  EXTENSION_COOKIE,
  EXTENSION_EARLY_DATA,
  EXTENSION_KEY_SHARE,
  EXTENSION_OID_FILTERS,
  EXTENSION_PADDING,
  EXTENSION_PRE_SHARED_KEY,
  EXTENSION_PSK_KEY_EXCHANGE_MODES,
  EXTENSION_RECORD_SIZE_LIMIT,
  EXTENSION_SIGNATURE_ALGORITHMS,
  EXTENSION_SUPPORTED_GROUPS,
  EXTENSION_SUPPORTED_VERSIONS,
  MIN_RECORD_SIZE_LIMIT,
  SUITE_AES_128_GCM,
  SUITE_CHACHA20_POLY1305,
  TLS_AES_128_GCM_SHA256,
  TLS_CHACHA20_POLY1305_SHA256,
  TLS13,
} from "../protocol";
import { WireReader } from "../wire-reader";
import { checkExtensionBlock, hasNumberTwice } from "./extension-block";

/** The `SUITE_…` bit of a CipherSuite, or 0 for one that is not known here. */
export function suiteBit(cipherSuite: u32): u32 {
  if (cipherSuite === TLS_CHACHA20_POLY1305_SHA256) return SUITE_CHACHA20_POLY1305;
  return cipherSuite === TLS_AES_128_GCM_SHA256 ? SUITE_AES_128_GCM : 0;
}

/**
 * A ClientHello as a server reads it (RFC 8446 §4.1.2). Pointers point into the message and are good
 * only while it is.
 */
export class ClientHello {
  sessionId: usize = 0;
  sessionIdLength: u32 = 0;
  /** Sets of `SUITE_…` and `GROUP_…` bits that the client offers. */
  suites: u32 = 0;
  groups: u32 = 0;
  /** Key shares by group: set of bits, and where each is. */
  shares: u32 = 0;
  /** Number of key shares, those of unknown groups included. */
  shareCount: u32 = 0;
  private shareOf: StaticArray<usize> = new StaticArray<usize>(3);
  /** Whether it can verify ecdsa_secp256r1_sha256. */
  verifiesEcdsa: bool = false;
  offersEarlyData: bool = false;
  /** Value of record_size_limit, or 0. */
  recordSizeLimit: u32 = 0;

  /** Set of extensions seen, by bits of their own: only those that others depend on. */
  private hasSignatureAlgorithms: bool = false;
  private hasGroups: bool = false;
  private hasKeyShare: bool = false;
  private hasPreSharedKey: bool = false;
  private hasPskModes: bool = false;
  private offersTls13: bool = false;

  /** Reads the body. Returns `NO_ALERT`, or why not (`REFUSED_…`). */
  parse(message: WireReader): i32 {
    message.malformed = REFUSED_CLIENT_HELLO_MALFORMED;
    const legacyVersion = message.u16();
    message.bytes(32); // random
    this.sessionIdLength = message.u8();
    this.sessionId = message.bytes(this.sessionIdLength);
    const suites = message.enter(message.u16(), 2);
    while (!message.atEnd) this.suites |= suiteBit(message.u16());
    message.leave(suites);
    const compressionLength = message.u8();
    const compression = message.bytes(compressionLength);
    if (this.sessionIdLength > 32 || compressionLength === 0) message.fail();
    if (message.failed) return message.refusal;
    // SSL 3.0 is never to be negotiated (Appendix D.5), and a Hello without extensions is no TLS 1.3.
    if (legacyVersion <= 0x0300 || message.atEnd) return REFUSED_OLD_VERSION;

    const extensions = message.enter(message.u16(), 0);
    if (message.end !== extensions) message.fail();
    if (message.failed) return message.refusal;
    message.position -= 2;
    checkExtensionBlock(message);
    if (message.failed) return message.refusal;
    message.position += 2;
    while (!message.atEnd) this.readExtension(message);
    if (message.finish() !== NO_ALERT) return message.refusal;
    if (!this.offersTls13) return REFUSED_OLD_VERSION;
    // One method only, the null one.
    if (compressionLength !== 1 || load<u8>(compression) !== 0) return REFUSED_COMPRESSION;
    return this.checkTogether();
  }

  /** What must be there, and what must go together (§4.2.8, §4.2.9, §9.2). */
  private checkTogether(): i32 {
    if (this.hasPreSharedKey && !this.hasPskModes) return REFUSED_NO_PSK_MODES;
    if (!this.hasSignatureAlgorithms || !this.hasGroups || !this.hasKeyShare)
      return REFUSED_REQUIRED_EXTENSION;
    // A share of a group that the client says it does not support.
    if ((this.shares & ~this.groups) !== 0) return REFUSED_KEY_SHARE_UNLISTED;
    return this.verifiesEcdsa ? NO_ALERT : REFUSED_NO_COMMON_SIGNATURE;
  }

  private readExtension(message: WireReader): void {
    // pre_shared_key must be the last one (§4.2.11).
    if (this.hasPreSharedKey) message.refuse(REFUSED_PSK_NOT_LAST);
    const type = message.u16();
    const outer = message.enter(message.u16(), 0);
    if (type === EXTENSION_SUPPORTED_VERSIONS) {
      const list = message.enter(message.u8(), 2);
      while (!message.atEnd) if (message.u16() === TLS13) this.offersTls13 = true;
      message.leave(list);
    } else if (type === EXTENSION_SUPPORTED_GROUPS) {
      this.hasGroups = true;
      const list = message.enter(message.u16(), 2);
      while (!message.atEnd) this.groups |= groupBit(message.u16());
      message.leave(list);
    } else if (type === EXTENSION_SIGNATURE_ALGORITHMS) {
      this.hasSignatureAlgorithms = true;
      const list = message.enter(message.u16(), 2);
      while (!message.atEnd)
        if (message.u16() === ECDSA_SECP256R1_SHA256) this.verifiesEcdsa = true;
      message.leave(list);
    } else if (type === EXTENSION_KEY_SHARE) {
      this.hasKeyShare = true;
      this.readKeyShares(message);
    } else if (type === EXTENSION_RECORD_SIZE_LIMIT) {
      this.recordSizeLimit = message.u16();
      if (this.recordSizeLimit < MIN_RECORD_SIZE_LIMIT) message.refuse(REFUSED_RECORD_SIZE_LIMIT);
    } else if (type === EXTENSION_EARLY_DATA) {
      this.offersEarlyData = true; // and is empty, as leave checks
    } else if (type === EXTENSION_OID_FILTERS) {
      // Known, but not for this message (§4.2).
      message.refuse(REFUSED_EXTENSION_MISPLACED);
    } else {
      if (type === EXTENSION_PRE_SHARED_KEY) this.hasPreSharedKey = true;
      else if (type === EXTENSION_PSK_KEY_EXCHANGE_MODES) this.hasPskModes = true;
      message.bytes(message.remaining);
    }
    message.leave(outer);
  }

  private readKeyShares(message: WireReader): void {
    const list = message.enter(message.u16(), 0);
    const first = message.position;
    while (!message.atEnd) {
      const number = message.u16();
      const length: u32 = message.u16();
      const share = message.bytes(length);
      if (length === 0) message.fail();
      if (message.failed) return;
      this.shareCount++;
      const group = groupBit(number);
      if (group === 0) continue;
      if (length !== clientShareLength(group)) message.refuse(REFUSED_KEY_SHARE_LENGTH);
      this.shares |= group;
      this.shareOf[ctz(group)] = share;
    }
    if (!message.failed && hasNumberTwice(first, message.position))
      message.refuse(REFUSED_KEY_SHARE_TWICE);
    message.leave(list);
  }

  /** Where the share of a group is that is among `shares`. */
  share(group: u32): usize {
    return this.shareOf[ctz(group)];
  }
}

/**
 * A fingerprint, 32 bytes at `out`, of what a client must not change between its two ClientHellos after
 * a HelloRetryRequest (§4.1.2), whatever the order of its extensions. The message has been parsed.
 */
export function fingerprintUnchanged(message: WireReader, out: usize): void {
  const hash = new Sha256();
  const one = changetype<usize>(new StaticArray<u8>(SHA256_LENGTH as i32));
  const start = message.position;
  message.bytes(34);
  message.bytes(message.u8());
  message.bytes(message.u16());
  message.bytes(message.u8());
  hash.update(start, (message.position - start) as u32);
  hash.finish(out);
  message.u16();
  while (!message.atEnd) {
    const at = message.position;
    const type = message.u16();
    message.bytes(message.u16());
    if (
      type === EXTENSION_KEY_SHARE ||
      type === EXTENSION_EARLY_DATA ||
      type === EXTENSION_COOKIE ||
      type === EXTENSION_PRE_SHARED_KEY ||
      type === EXTENSION_PADDING
    )
      continue;
    hash.reset();
    hash.update(at, (message.position - at) as u32);
    hash.finish(one);
    for (let i: usize = 0; i < SHA256_LENGTH; i += 8)
      store<u64>(out + i, load<u64>(out + i) ^ load<u64>(one + i));
  }
}
