import { CborReader } from "../cbor/cbor-reader";
import { writeArrayHead, writeAscii, writeBytes, writeBytesHead } from "../cbor/cbor-writer";
import { KnownKeys } from "../crypto/known-keys";
import { p256Verify } from "../crypto/p256";
import {
  SHA256_STATE_SIZE,
  sha256,
  sha256Finish,
  sha256Reset,
  sha256Update,
} from "../crypto/sha256";
import { CERTIFICATE_OK, Certificate, KEY_USAGE_DIGITAL_SIGNATURE } from "../x509/certificate";

/** The one protected header: {1 (alg): -7 (ES256)}. */
const PROTECTED: usize = memory.data<u8>([0xa1, 0x01, 0x26]);
const PROTECTED_BYTES: u32 = 3;
const COSE_SIGN1: u32 = 18;
const X5CHAIN: u32 = 33;
const SIGNATURE_BYTES: u32 = 64;
/** Largest certificate and payload that a statement can hold. */
const MAX_PART: u32 = 1024;

/** What a statement is not: why it is refused. */
export const STATEMENT_OK: i32 = 0;
/** It is no COSE_Sign1 of the form below, or its payload is not what it must be. */
export const STATEMENT_E_FORM: i32 = -1;
/** Its signer's certificate is not by the CA, or not for this purpose alone. */
export const STATEMENT_E_SIGNER: i32 = -2;
/** Its signer's certificate had ended before the isolate's began, or has now; or the isolate's had before it was made. */
export const STATEMENT_E_TIME: i32 = -3;
export const STATEMENT_E_SIGNATURE: i32 = -4;
/** It speaks of another policy, scope, key or number. */
export const STATEMENT_E_SUBJECT: i32 = -5;
/** Its signer is good; the rest is checked when it is verified again. */
export const STATEMENT_MORE: i32 = 1;

/**
 * A statement that the proxy attestation server has signed, as it sends them: COSE_Sign1 (RFC 9052 §4.2), tagged,
 * ES256, with nothing in the unprotected header but the signer's certificate (x5chain, RFC 9360), in
 * deterministic CBOR.
 *
 * Everything points into the bytes that were read, which must stay in place.
 */
export class SignedStatement {
  payload: usize = 0;
  payloadLength: u32 = 0;
  private signer: Certificate = new Certificate();
  private signerDer: usize = 0;
  private signerLength: u32 = 0;
  private signature: usize = 0;

  /** Reads a statement; the signature is not looked at. False for anything else. */
  read(bytes: usize, length: u32): bool {
    const reader = new CborReader(bytes, length);
    if (!reader.tag(COSE_SIGN1) || !reader.array(4)) return false;
    if (!reader.bytes(PROTECTED_BYTES, PROTECTED_BYTES)) return false;
    if (memory.compare(reader.pointer, PROTECTED, PROTECTED_BYTES) !== 0) return false;
    if (!reader.map(1) || !reader.key(X5CHAIN) || !reader.bytes(1, MAX_PART)) return false;
    this.signerDer = reader.pointer;
    this.signerLength = reader.length;
    const read = this.signer.parse(reader.pointer, reader.length) === CERTIFICATE_OK;
    if (!read || !reader.bytes(1, MAX_PART)) return false;
    this.payload = reader.pointer;
    this.payloadLength = reader.length;
    if (!reader.bytes(SIGNATURE_BYTES, SIGNATURE_BYTES)) return false;
    this.signature = reader.pointer;
    return reader.atEnd;
  }

  /**
   * Checks who signed it: the key of a certificate by `authority` for `purpose` (a `PURPOSE_…` bit) and
   * nothing else, whose time ended no sooner than the isolate's certificate began. A verifier without a clock
   * thus takes no key that was stolen long ago.
   *
   * @param authority the policy's CA
   * @param isolateNotBefore when the isolate's certificate began, in seconds since 1970
   * @param now seconds since 1970, or less than 0 where there is no clock
   * @param goodSigner 0; or 32 bytes in which SHA-256 of the last certificate is kept that `authority` has signed: one
   *   call verifies no more than one signature then, and a certificate that is known none
   * @param known keys that verify faster, such as the CA's
   * @returns `STATEMENT_OK`, `STATEMENT_E_…` or, with `goodSigner`, `STATEMENT_MORE`
   */
  verify(
    authority: Certificate,
    purpose: u32,
    isolateNotBefore: i64,
    now: i64,
    goodSigner: usize = 0,
    known: KnownKeys | null = null,
  ): i32 {
    const signer = this.signer;
    if (
      signer.isCa ||
      signer.hasUnknownCritical ||
      signer.publicKey === 0 ||
      signer.purposes !== purpose ||
      !signer.allowsUsage(KEY_USAGE_DIGITAL_SIGNATURE) ||
      !signer.isIssuedBy(authority)
    ) {
      return STATEMENT_E_SIGNER;
    }
    if (signer.notAfter < isolateNotBefore || (now >= 0 && !signer.validAt(now))) {
      return STATEMENT_E_TIME;
    }
    if (goodSigner === 0) {
      if (!signer.isSignedBy(authority.publicKey, known)) return STATEMENT_E_SIGNER;
      return this.isSigned() ? STATEMENT_OK : STATEMENT_E_SIGNATURE;
    }
    const hash = changetype<usize>(new StaticArray<u8>(32));
    sha256(this.signerDer, this.signerLength, hash);
    if (memory.compare(hash, goodSigner, 32) === 0)
      return this.isSigned() ? STATEMENT_OK : STATEMENT_E_SIGNATURE;
    if (!signer.isSignedBy(authority.publicKey, known)) return STATEMENT_E_SIGNER;
    memory.copy(goodSigner, hash, 32);
    return STATEMENT_MORE;
  }

  /** Whether the signature is over Sig_structure (RFC 9052 §4.4) under the signer's key. */
  private isSigned(): bool {
    const scratch = heap.alloc(SHA256_STATE_SIZE + 32 + 32);
    const digest = scratch + SHA256_STATE_SIZE;
    const prefix = digest + 32;
    let end = writeArrayHead(prefix, 4);
    end = writeAscii(end, "Signature1");
    end = writeBytes(end, PROTECTED, PROTECTED_BYTES);
    end = writeBytesHead(end, 0);
    end = writeBytesHead(end, this.payloadLength);
    sha256Reset(scratch);
    sha256Update(scratch, prefix, end - prefix);
    sha256Update(scratch, this.payload, this.payloadLength);
    sha256Finish(scratch, digest);
    const verified = p256Verify(this.signature, digest, this.signer.publicKey);
    heap.free(scratch);
    return verified;
  }
}

/** Reads entry `key` of a map, a hash: whether it is the 32 bytes at `expected`. */
export function isHashEntry(reader: CborReader, key: u32, expected: usize): bool {
  if (!reader.key(key) || !reader.bytes(32, 32)) return false;
  return memory.compare(reader.pointer, expected, 32) === 0;
}
