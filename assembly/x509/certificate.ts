import {
  DerReader,
  TAG_BIT_STRING,
  TAG_BOOLEAN,
  TAG_CONTEXT,
  TAG_CONTEXT_CONSTRUCTED,
  TAG_INTEGER,
  TAG_OBJECT_IDENTIFIER,
  TAG_OCTET_STRING,
  TAG_SEQUENCE,
  TAG_SET,
} from "../asn1/der-reader";
import { ecdsaSignatureFromDer } from "../crypto/ecdsa-signature";
import { KnownKeys, verifyUnder } from "../crypto/known-keys";
import { sha256 } from "../crypto/sha256";
import {
  ID_CE,
  ID_CE_BASIC_CONSTRAINTS,
  ID_CE_EXT_KEY_USAGE,
  ID_CE_KEY_USAGE,
  ID_CE_NAME_CONSTRAINTS,
  ID_CE_SUBJECT_ALT_NAME,
  ID_ISOLATE,
  ID_ISOLATE_KIND,
  ID_ISOLATE_POLICY,
  ID_ISOLATE_RUNTIME_HASH,
  ID_ISOLATE_VERSIONS,
  ID_PURPOSE_COMMIT,
  ID_PURPOSE_REATTESTATION,
  OID_ANY_KEY_PURPOSE,
  OID_ANY_KEY_PURPOSE_LENGTH,
  OID_COMMON_NAME,
  OID_COMMON_NAME_LENGTH,
  OID_ECDSA_WITH_SHA256,
  OID_ECDSA_WITH_SHA256_LENGTH,
  OID_KEY_PURPOSE,
  OID_KEY_PURPOSE_LENGTH,
  P256_KEY_INFO_LENGTH,
  P256_KEY_INFO_PREFIX,
  P256_KEY_INFO_PREFIX_LENGTH,
} from "./object-identifiers";
import { NO_TIME, readTime } from "./time";

/** Why a certificate was not accepted by `Certificate.parse`: the part that is wrong. */
export const CERTIFICATE_OK: u32 = 0;
/** Not one DER element of the certificate's shape, or bytes after it. */
export const CERTIFICATE_BAD_STRUCTURE: u32 = 1;
/** A version other than 1, 2 or 3, or fields that its version does not have. */
export const CERTIFICATE_BAD_VERSION: u32 = 2;
export const CERTIFICATE_BAD_SERIAL: u32 = 3;
/** The two signature algorithm fields are malformed or differ. */
export const CERTIFICATE_BAD_ALGORITHM: u32 = 4;
/** Issuer or subject. */
export const CERTIFICATE_BAD_NAME: u32 = 5;
export const CERTIFICATE_BAD_VALIDITY: u32 = 6;
export const CERTIFICATE_BAD_KEY: u32 = 7;
/** An extension is malformed or occurs twice, or there are too many. */
export const CERTIFICATE_BAD_EXTENSION: u32 = 8;
export const CERTIFICATE_BAD_SIGNATURE_FIELD: u32 = 9;

/** Bits of `keyUsage` (RFC 5280 §4.2.1.3). */
export const KEY_USAGE_DIGITAL_SIGNATURE: i64 = 1 << 0;
export const KEY_USAGE_KEY_CERT_SIGN: i64 = 1 << 5;

/** Bits of `purposes`, what extKeyUsage allows: those of TLS at the number that ends their identifier, … */
export const PURPOSE_SERVER: u32 = 1 << 1;
export const PURPOSE_CLIENT: u32 = 1 << 2;
/** … likewise those of what the proxy attestation server says: re-attestations (2.5.30.3), commits (2.5.30.6), … */
export const PURPOSE_REATTESTATION: u32 = 1 << ID_PURPOSE_REATTESTATION;
export const PURPOSE_COMMIT: u32 = 1 << ID_PURPOSE_COMMIT;
/** … and some purpose that is not known here. */
export const PURPOSE_OTHER: u32 = 1;
/** What any purpose means, said or by default: those of TLS. Statements want theirs said. */
const PURPOSE_ALL: u32 = PURPOSE_SERVER | PURPOSE_CLIENT;

/** No certificate in use has more; the bound keeps the search for duplicates short. */
const MAX_EXTENSIONS: u32 = 32;

/**
 * An X.509 certificate (RFC 5280 §4.1), read as far as TLS and the policy need it.
 *
 * All pointers point into the DER that was parsed: it must stay where it is while this object is used.
 * A pointer is 0 where the part is absent.
 */
export class Certificate {
  /** The whole certificate. */
  der: usize = 0;
  derLength: u32 = 0;
  /** What is signed. */
  tbs: usize = 0;
  tbsLength: u32 = 0;
  /** Distinguished names, as whole DER elements. */
  issuer: usize = 0;
  issuerLength: u32 = 0;
  subject: usize = 0;
  subjectLength: u32 = 0;
  /** Seconds since 1970. */
  notBefore: i64 = 0;
  notAfter: i64 = 0;
  /** SubjectPublicKeyInfo as a whole element. */
  keyInfo: usize = 0;
  keyInfoLength: u32 = 0;
  /** The P-256 point, 65 bytes uncompressed; 0 for any other kind of key. Not checked to be on the curve. */
  publicKey: usize = 0;
  /** Whether it is signed with ecdsa-with-SHA256, the one algorithm that can be verified here. */
  isEcdsaSha256: bool = false;
  /** The signature: for ECDSA the DER of an Ecdsa-Sig-Value. */
  signature: usize = 0;
  signatureLength: u32 = 0;
  /** basicConstraints: whether it is a CA's, and the path length, or -1. */
  isCa: bool = false;
  pathLength: i32 = -1;
  /** keyUsage bits, or -1 where the extension is absent (all uses). */
  keyUsage: i64 = -1;
  /** `PURPOSE_…` bits; all where extKeyUsage is absent. */
  purposes: u32 = PURPOSE_ALL;
  /** Content of the GeneralNames of subjectAltName. */
  subjectAltName: usize = 0;
  subjectAltNameLength: u32 = 0;
  /** 2.5.30.1: 32 raw bytes. */
  runtimeHash: usize = 0;
  /** 2.5.30.2: its extnValue's content. */
  isolateKind: usize = 0;
  isolateKindLength: u32 = 0;
  /** 2.5.30.4: SHA-256 of the policy ‖ SHA-256 of its scope, 64 raw bytes. */
  policyAndScope: usize = 0;
  /** 2.5.30.5: its extnValue's content. */
  isolateVersions: usize = 0;
  isolateVersionsLength: u32 = 0;
  /** A critical extension, or nameConstraints, that is not understood here (§4.2: to be rejected). */
  hasUnknownCritical: bool = false;

  /**
   * Reads the one certificate that fills `length` bytes at `der`. Returns `CERTIFICATE_OK`, or which
   * part is wrong; the object is then useless.
   */
  parse(der: usize, length: u32): u32 {
    this.der = der;
    this.derLength = length;
    const reader = new DerReader(der, length);
    const outer = reader.enter(TAG_SEQUENCE);
    if (outer === 0 || reader.end !== outer) return CERTIFICATE_BAD_STRUCTURE;

    this.tbs = reader.position;
    const tbs = reader.enter(TAG_SEQUENCE);
    if (tbs === 0) return CERTIFICATE_BAD_STRUCTURE;
    this.tbsLength = reader.elementLength;

    let version = 0;
    if (reader.peek() === TAG_CONTEXT_CONSTRUCTED) {
      const explicit = reader.enter(TAG_CONTEXT_CONSTRUCTED);
      version = reader.smallInteger();
      // 0 is the default, which DER leaves out.
      if (version < 1 || version > 2 || !reader.leave(explicit)) return CERTIFICATE_BAD_VERSION;
    }
    if (!reader.integer() || reader.length > 21) return CERTIFICATE_BAD_SERIAL;

    if (!reader.nextIs(TAG_SEQUENCE)) return CERTIFICATE_BAD_ALGORITHM;
    const algorithm = reader.start;
    const algorithmLength = reader.elementLength;
    if (!this.readAlgorithm(algorithm, algorithmLength)) return CERTIFICATE_BAD_ALGORITHM;

    if (!readName(reader)) return CERTIFICATE_BAD_NAME;
    this.issuer = reader.start;
    this.issuerLength = (reader.position - reader.start) as u32;

    const validity = reader.enter(TAG_SEQUENCE);
    if (validity === 0) return CERTIFICATE_BAD_VALIDITY;
    this.notBefore = readTime(reader);
    if (this.notBefore === NO_TIME) return CERTIFICATE_BAD_VALIDITY;
    this.notAfter = readTime(reader);
    if (this.notAfter === NO_TIME || !reader.leave(validity)) return CERTIFICATE_BAD_VALIDITY;

    if (!readName(reader)) return CERTIFICATE_BAD_NAME;
    this.subject = reader.start;
    this.subjectLength = (reader.position - reader.start) as u32;

    if (!this.readKeyInfo(reader)) return CERTIFICATE_BAD_KEY;

    // issuerUniqueID and subjectUniqueID: obsolete, and of no use here.
    for (let n: u32 = 1; n <= 2; n++) {
      if (reader.peek() === (TAG_CONTEXT | n) && (version < 1 || !reader.next()))
        return CERTIFICATE_BAD_VERSION;
    }
    if (!reader.atEnd) {
      if (version !== 2) return CERTIFICATE_BAD_VERSION;
      if (!this.readExtensions(reader)) return CERTIFICATE_BAD_EXTENSION;
    }
    if (!reader.leave(tbs)) return CERTIFICATE_BAD_STRUCTURE;

    if (
      !reader.nextIs(TAG_SEQUENCE) ||
      reader.elementLength !== algorithmLength ||
      memory.compare(reader.start, algorithm, algorithmLength) !== 0
    )
      return CERTIFICATE_BAD_ALGORITHM;
    if (!reader.octetBitString()) return CERTIFICATE_BAD_SIGNATURE_FIELD;
    this.signature = reader.content;
    this.signatureLength = reader.length;
    return reader.atEnd ? CERTIFICATE_OK : CERTIFICATE_BAD_STRUCTURE;
  }

  /** AlgorithmIdentifier: for ECDSA the parameters are absent (RFC 5758 §3.2). */
  private readAlgorithm(element: usize, length: u32): bool {
    const reader = new DerReader(element, length);
    if (reader.enter(TAG_SEQUENCE) === 0 || !reader.objectIdentifier()) return false;
    if (reader.contentIs(OID_ECDSA_WITH_SHA256, OID_ECDSA_WITH_SHA256_LENGTH)) {
      this.isEcdsaSha256 = true;
      return reader.atEnd;
    }
    return reader.atEnd || (reader.next() && reader.atEnd);
  }

  /** SubjectPublicKeyInfo. A P-256 key is told by its one possible prefix. */
  private readKeyInfo(reader: DerReader): bool {
    const outer = reader.enter(TAG_SEQUENCE);
    if (outer === 0) return false;
    this.keyInfo = reader.start;
    this.keyInfoLength = reader.elementLength;
    if (!reader.nextIs(TAG_SEQUENCE) || !reader.nextIs(TAG_BIT_STRING)) return false;
    if (
      this.keyInfoLength === P256_KEY_INFO_LENGTH &&
      memory.compare(this.keyInfo, P256_KEY_INFO_PREFIX, P256_KEY_INFO_PREFIX_LENGTH) === 0
    ) {
      this.publicKey = this.keyInfo + P256_KEY_INFO_PREFIX_LENGTH;
      if (load<u8>(this.publicKey) !== 4) return false;
    }
    return reader.leave(outer);
  }

  private readExtensions(reader: DerReader): bool {
    const explicit = reader.enter(TAG_CONTEXT_CONSTRUCTED | 3);
    if (explicit === 0) return false;
    const list = reader.enter(TAG_SEQUENCE);
    if (list === 0 || reader.atEnd) return false;
    const first = reader.position;
    let count: u32 = 0;
    while (!reader.atEnd) {
      const start = reader.position;
      const outer = reader.enter(TAG_SEQUENCE);
      if (outer === 0 || !reader.objectIdentifier()) return false;
      const identifier = reader.content;
      const identifierLength = reader.length;
      let critical = false;
      if (reader.peek() === TAG_BOOLEAN) {
        // FALSE is the default, which DER leaves out.
        if (reader.boolean() !== 1) return false;
        critical = true;
      }
      if (!reader.nextIs(TAG_OCTET_STRING)) return false;
      if (++count > MAX_EXTENSIONS || hasExtension(first, start, identifier, identifierLength))
        return false;
      const value = new DerReader(reader.content, reader.length);
      if (!this.readExtension(identifier, identifierLength, critical, value)) return false;
      if (!reader.leave(outer)) return false;
    }
    return reader.leave(list) && reader.leave(explicit);
  }

  private readExtension(
    identifier: usize,
    identifierLength: u32,
    critical: bool,
    value: DerReader,
  ): bool {
    const arc: u32 = identifierLength === 3 ? load<u16>(identifier) : 0;
    const last: u32 = identifierLength === 3 ? load<u8>(identifier, 2) : 0;
    if (arc === ID_CE) {
      if (last === ID_CE_BASIC_CONSTRAINTS) return this.readBasicConstraints(value);
      if (last === ID_CE_KEY_USAGE) {
        this.keyUsage = value.namedBits();
        return this.keyUsage > 0 && value.atEnd;
      }
      if (last === ID_CE_EXT_KEY_USAGE) return this.readExtKeyUsage(value);
      if (last === ID_CE_SUBJECT_ALT_NAME) {
        const outer = value.enter(TAG_SEQUENCE);
        if (outer === 0 || value.atEnd) return false;
        this.subjectAltName = value.content;
        this.subjectAltNameLength = value.length;
        while (!value.atEnd) if (!value.next()) return false;
        return value.leave(outer) && value.atEnd;
      }
      // A CA's limits on names must not be passed over, critical or not.
      if (last === ID_CE_NAME_CONSTRAINTS) {
        this.hasUnknownCritical = true;
        return true;
      }
    }
    if (arc === ID_ISOLATE) {
      const length = (value.end - value.position) as u32;
      if (last === ID_ISOLATE_RUNTIME_HASH) {
        this.runtimeHash = value.position;
        return length === 32;
      }
      if (last === ID_ISOLATE_KIND) {
        this.isolateKind = value.position;
        this.isolateKindLength = length;
        return true;
      }
      if (last === ID_ISOLATE_POLICY) {
        this.policyAndScope = value.position;
        return length === 64;
      }
      if (last === ID_ISOLATE_VERSIONS) {
        this.isolateVersions = value.position;
        this.isolateVersionsLength = length;
        return true;
      }
    }
    if (critical) this.hasUnknownCritical = true;
    return true;
  }

  private readBasicConstraints(value: DerReader): bool {
    const outer = value.enter(TAG_SEQUENCE);
    if (outer === 0) return false;
    if (value.peek() === TAG_BOOLEAN) {
      if (value.boolean() !== 1) return false;
      this.isCa = true;
    }
    if (value.peek() === TAG_INTEGER) {
      this.pathLength = value.smallInteger();
      // Without cA it means nothing (RFC 5280 §4.2.1.9).
      if (this.pathLength < 0 || !this.isCa) return false;
    }
    return value.leave(outer) && value.atEnd;
  }

  private readExtKeyUsage(value: DerReader): bool {
    const outer = value.enter(TAG_SEQUENCE);
    if (outer === 0 || value.atEnd) return false;
    this.purposes = 0;
    while (!value.atEnd) {
      if (!value.objectIdentifier()) return false;
      this.purposes |= value.contentIs(OID_ANY_KEY_PURPOSE, OID_ANY_KEY_PURPOSE_LENGTH)
        ? PURPOSE_ALL
        : purposeOf(value);
    }
    return value.leave(outer) && value.atEnd;
  }

  /** Whether `now` (seconds since 1970) lies within the validity period, its ends included. */
  validAt(now: i64): bool {
    return this.notBefore <= now && now <= this.notAfter;
  }

  /** Whether the key may be used to sign what `usage`, one `KEY_USAGE_…` bit, says. */
  allowsUsage(usage: i64): bool {
    return this.keyUsage < 0 || (this.keyUsage & usage) !== 0;
  }

  /** Whether this certificate names `other`'s subject as its issuer (names compared byte for byte). */
  isIssuedBy(other: Certificate): bool {
    return (
      this.issuerLength === other.subjectLength &&
      memory.compare(this.issuer, other.subject, this.issuerLength) === 0
    );
  }

  /**
   * Whether the signature verifies under a P-256 key (65 bytes uncompressed at `publicKey`), which may be a `known` one.
   */
  isSignedBy(publicKey: usize, known: KnownKeys | null = null): bool {
    if (!this.isEcdsaSha256 || publicKey === 0) return false;
    const scratch = changetype<usize>(new StaticArray<u8>(96));
    if (!ecdsaSignatureFromDer(this.signature, this.signatureLength, scratch)) return false;
    sha256(this.tbs, this.tbsLength, scratch + 64);
    return verifyUnder(known, scratch, scratch + 64, publicKey);
  }

  /**
   * Whether subjectAltName holds this DNS name (ASCII, `length` bytes at `name`), without regard to
   * case. A name in the certificate may have `*` as its whole first label (RFC 6125 §6.4.3). The
   * common name is ignored.
   */
  matchesDnsName(name: usize, length: u32): bool {
    if (this.subjectAltName === 0 || length === 0) return false;
    const reader = new DerReader(this.subjectAltName, this.subjectAltNameLength);
    while (reader.next()) {
      if (reader.tag !== (TAG_CONTEXT | 2)) continue;
      if (dnsNamesMatch(reader.content, reader.length, name, length)) return true;
    }
    return false;
  }

  /** The subject's (first) common name as a reader whose last element it is, or null. */
  commonName(): DerReader | null {
    const reader = new DerReader(this.subject, this.subjectLength);
    reader.enter(TAG_SEQUENCE);
    while (!reader.atEnd) {
      const set = reader.enter(TAG_SET);
      while (!reader.atEnd) {
        const attribute = reader.enter(TAG_SEQUENCE);
        reader.objectIdentifier();
        const found = reader.contentIs(OID_COMMON_NAME, OID_COMMON_NAME_LENGTH);
        reader.next();
        if (found) return reader;
        reader.leave(attribute);
      }
      reader.leave(set);
    }
    return null;
  }
}

/** The purpose that an object identifier, just read, names. */
function purposeOf(value: DerReader): u32 {
  const last = value.length - 1;
  const number: u32 = load<u8>(value.content + last);
  let known: u32 = 0;
  if (
    last === OID_KEY_PURPOSE_LENGTH &&
    memory.compare(value.content, OID_KEY_PURPOSE, OID_KEY_PURPOSE_LENGTH) === 0
  )
    known = PURPOSE_SERVER | PURPOSE_CLIENT;
  else if (last === 2 && (load<u16>(value.content) as u32) === ID_ISOLATE)
    known = PURPOSE_REATTESTATION | PURPOSE_COMMIT;
  // A shift by 32 or more would begin anew.
  const purpose = number < 8 ? known & (1 << number) : 0;
  return purpose !== 0 ? purpose : PURPOSE_OTHER;
}

/** Reads a Name and sets the reader's `start` back to the whole of it. */
function readName(reader: DerReader): bool {
  const start = reader.position;
  const outer = reader.enter(TAG_SEQUENCE);
  if (outer === 0) return false;
  while (!reader.atEnd) {
    const set = reader.enter(TAG_SET);
    if (set === 0 || reader.atEnd) return false;
    while (!reader.atEnd) {
      const attribute = reader.enter(TAG_SEQUENCE);
      if (attribute === 0 || !reader.objectIdentifier() || !reader.next()) return false;
      if (!reader.leave(attribute)) return false;
    }
    if (!reader.leave(set)) return false;
  }
  reader.leave(outer);
  reader.start = start;
  return true;
}

/** Whether one of the well-formed extensions in `[first, end)` has this identifier. */
function hasExtension(first: usize, end: usize, identifier: usize, length: u32): bool {
  const reader = new DerReader(first, (end - first) as u32);
  while (!reader.atEnd) {
    const outer = reader.enter(TAG_SEQUENCE);
    reader.nextIs(TAG_OBJECT_IDENTIFIER);
    if (reader.contentIs(identifier, length)) return true;
    reader.position = reader.end;
    reader.leave(outer);
  }
  return false;
}

function lowerCase(byte: u32): u32 {
  return byte - 0x41 < 26 ? byte | 0x20 : byte;
}

function equalsIgnoringCase(a: usize, b: usize, length: u32): bool {
  for (let i: u32 = 0; i < length; i++) {
    if (lowerCase(load<u8>(a + i)) !== lowerCase(load<u8>(b + i))) return false;
  }
  return true;
}

function dnsNamesMatch(pattern: usize, patternLength: u32, name: usize, length: u32): bool {
  if (patternLength > 2 && load<u16>(pattern) === 0x2e2a /* "*." */) {
    let label: u32 = 0;
    while (label < length && load<u8>(name + label) !== 0x2e) label++;
    if (label === 0) return false;
    pattern += 1;
    patternLength -= 1;
    name += label;
    length -= label;
  }
  return patternLength === length && equalsIgnoringCase(pattern, name, length);
}
