/** Entry points to the DER reader and the certificate parser, for tests. */
import { DerReader } from "../asn1/der-reader";
import { collectGarbage } from "../platform-services/heap";
import { CERTIFICATE_OK, Certificate } from "../x509/certificate";
import { NO_TIME, readTime } from "../x509/time";

export function allocate(length: u32): usize {
  return heap.alloc(length);
}

export function release(pointer: usize): void {
  heap.free(pointer);
}

export function collect(): void {
  collectGarbage();
}

/** Walks all elements, constructed ones to their depth. Returns their number, or -1 for bad DER. */
export function walk(der: usize, length: u32): i32 {
  const reader = new DerReader(der, length);
  let count = 0;
  while (!reader.atEnd) {
    if (!reader.next()) return -1;
    count++;
    if ((reader.tag & 0x20) !== 0) {
      const inside = walk(reader.content, reader.length);
      if (inside < 0) return -1;
      count += inside;
    }
  }
  return count;
}

export function isInteger(der: usize, length: u32): bool {
  const reader = new DerReader(der, length);
  return reader.integer() && reader.atEnd;
}

export function smallInteger(der: usize, length: u32): i32 {
  return new DerReader(der, length).smallInteger();
}

export function boolean(der: usize, length: u32): i32 {
  return new DerReader(der, length).boolean();
}

export function isObjectIdentifier(der: usize, length: u32): bool {
  const reader = new DerReader(der, length);
  return reader.objectIdentifier() && reader.atEnd;
}

/** Number of bytes of a BIT STRING without unused bits, or -1. */
export function octetBitString(der: usize, length: u32): i32 {
  const reader = new DerReader(der, length);
  return reader.octetBitString() ? (reader.length as i32) : -1;
}

export function namedBits(der: usize, length: u32): f64 {
  return new DerReader(der, length).namedBits() as f64;
}

/** Whether a SEQUENCE can be entered and left, with one element in it read. */
export function entersAndLeaves(der: usize, length: u32): bool {
  const reader = new DerReader(der, length);
  const outer = reader.enter(0x30);
  return outer !== 0 && reader.next() && reader.leave(outer) && reader.atEnd;
}

/** Seconds since 1970, or NaN. */
export function time(der: usize, length: u32): f64 {
  const reader = new DerReader(der, length);
  const value = readTime(reader);
  return value === NO_TIME || !reader.atEnd ? NaN : (value as f64);
}

let parsed: Certificate = new Certificate();

/** Parses a certificate that stays where it is; the other functions tell about it. */
export function parse(der: usize, length: u32): u32 {
  parsed = new Certificate();
  return parsed.parse(der, length);
}

/** Parts of the certificate: 0 tbs, 1 issuer, 2 subject, 3 key info, 4 key, 5 hash, 6 kind, 7 signature. */
export function part(index: u32): usize {
  if (index === 0) return parsed.tbs;
  if (index === 1) return parsed.issuer;
  if (index === 2) return parsed.subject;
  if (index === 3) return parsed.keyInfo;
  if (index === 4) return parsed.publicKey;
  if (index === 5) return parsed.runtimeHash;
  if (index === 6) return parsed.isolateKind;
  return parsed.signature;
}

export function partLength(index: u32): u32 {
  if (index === 0) return parsed.tbsLength;
  if (index === 1) return parsed.issuerLength;
  if (index === 2) return parsed.subjectLength;
  if (index === 3) return parsed.keyInfoLength;
  if (index === 4) return 65;
  if (index === 5) return 32;
  if (index === 6) return parsed.isolateKindLength;
  return parsed.signatureLength;
}

export function notBefore(): f64 {
  return parsed.notBefore as f64;
}

export function notAfter(): f64 {
  return parsed.notAfter as f64;
}

export function keyUsage(): f64 {
  return parsed.keyUsage as f64;
}

export function pathLength(): i32 {
  return parsed.pathLength;
}

/** Bits 0 and 1: the purposes of TLS, server's and client's; 2: CA; 3: ECDSA with SHA-256; 4: an unknown critical extension. */
export function properties(): u32 {
  return (
    ((parsed.purposes >> 1) & 3) |
    ((parsed.isCa as u32) << 2) |
    ((parsed.isEcdsaSha256 as u32) << 3) |
    ((parsed.hasUnknownCritical as u32) << 4)
  );
}

export function matchesDnsName(name: usize, length: u32): bool {
  return parsed.matchesDnsName(name, length);
}

export function isSignedBy(publicKey: usize): bool {
  return parsed.isSignedBy(publicKey);
}

/** Where the subject's common name is, and its length; 0 for none. */
export function commonName(): usize {
  const reader = parsed.commonName();
  return reader === null ? 0 : reader.content;
}

export function commonNameLength(): u32 {
  const reader = parsed.commonName();
  return reader === null ? 0 : reader.length;
}

/** Parses, and uses what was parsed in every way: for fuzzing. Returns what `parse` returned. */
export function exercise(der: usize, length: u32, publicKey: usize): u32 {
  const fault = parse(der, length);
  if (fault === CERTIFICATE_OK) {
    parsed.matchesDnsName(der, 18);
    parsed.commonName();
    parsed.validAt(0);
    parsed.isIssuedBy(parsed);
    if (parsed.isEcdsaSha256) parsed.isSignedBy(publicKey);
  }
  return fault;
}
