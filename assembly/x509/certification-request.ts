import {
  TAG_CONTEXT,
  TAG_CONTEXT_CONSTRUCTED,
  TAG_OBJECT_IDENTIFIER,
  TAG_OCTET_STRING,
  TAG_SEQUENCE,
  TAG_SET,
  TAG_UTF8_STRING,
} from "../asn1/der-reader";
import { DerWriter } from "../asn1/der-writer";
import { wipe } from "../crypto/constant-time";
import { Drbg } from "../crypto/drbg";
import { ecdsaSignatureToDer } from "../crypto/ecdsa-signature";
import { p256Sign } from "../crypto/p256";
import { sha256 } from "../crypto/sha256";
import {
  OID_COMMON_NAME,
  OID_COMMON_NAME_LENGTH,
  OID_ECDSA_WITH_SHA256,
  OID_ECDSA_WITH_SHA256_LENGTH,
  OID_EXTENSION_REQUEST,
  OID_EXTENSION_REQUEST_LENGTH,
  OID_SUBJECT_ALT_NAME,
  OID_SUBJECT_ALT_NAME_LENGTH,
  P256_KEY_INFO_PREFIX,
  P256_KEY_INFO_PREFIX_LENGTH,
  P256_POINT_LENGTH,
} from "./object-identifiers";

/** DER of an Ecdsa-Sig-Value for P-256, at most. */
const MAX_SIGNATURE: u32 = 72;

/**
 * Writes a PKCS#10 certification request (RFC 2986 §4) for a P-256 key: subject `CN=commonName`, and
 * an extension request for subjectAltName `dnsName`; signed with ecdsa-with-SHA256.
 *
 * `out`, `capacity`: where the DER goes; 512 bytes are enough for names of 64 bytes.
 * `privateKey`: 32 bytes; `publicKey`: 65 bytes, uncompressed. Names: UTF-8 and ASCII bytes.
 *
 * Returns the request's length, or -1: no room, or no randomness for the signature.
 */
export function createCertificationRequest(
  out: usize,
  capacity: u32,
  privateKey: usize,
  publicKey: usize,
  commonName: usize,
  commonNameLength: u32,
  dnsName: usize,
  dnsNameLength: u32,
  drbg: Drbg,
): i32 {
  const writer = new DerWriter(out, capacity);

  // CertificationRequestInfo first, because the signature covers it; the signature follows.
  const info = writer.position;
  writer.bytes(dnsName, dnsNameLength);
  writer.header(TAG_CONTEXT | 2, info);
  writer.header(TAG_SEQUENCE, info); // GeneralNames
  writer.header(TAG_OCTET_STRING, info);
  writer.element(TAG_OBJECT_IDENTIFIER, OID_SUBJECT_ALT_NAME, OID_SUBJECT_ALT_NAME_LENGTH);
  writer.header(TAG_SEQUENCE, info); // Extension
  writer.header(TAG_SEQUENCE, info); // Extensions
  writer.header(TAG_SET, info);
  writer.element(TAG_OBJECT_IDENTIFIER, OID_EXTENSION_REQUEST, OID_EXTENSION_REQUEST_LENGTH);
  writer.header(TAG_SEQUENCE, info); // Attribute
  writer.header(TAG_CONTEXT_CONSTRUCTED, info); // attributes
  writer.bytes(publicKey, P256_POINT_LENGTH);
  writer.bytes(P256_KEY_INFO_PREFIX, P256_KEY_INFO_PREFIX_LENGTH);
  const subject = writer.position;
  writer.element(TAG_UTF8_STRING, commonName, commonNameLength);
  writer.element(TAG_OBJECT_IDENTIFIER, OID_COMMON_NAME, OID_COMMON_NAME_LENGTH);
  writer.header(TAG_SEQUENCE, subject);
  writer.header(TAG_SET, subject);
  writer.header(TAG_SEQUENCE, subject);
  writer.smallInteger(0); // version
  writer.header(TAG_SEQUENCE, info);
  if (writer.full) return -1;
  const infoStart = writer.position;
  const infoLength = writer.length;

  const scratch = changetype<usize>(new StaticArray<u8>(64 + 32 + 32 + MAX_SIGNATURE));
  const digest = scratch + 64;
  const fresh = scratch + 96;
  const signature = scratch + 128;
  sha256(infoStart, infoLength, digest);
  if (!drbg.fill(fresh, 32)) return -1;
  const signed = p256Sign(scratch, privateKey, digest, fresh);
  wipe(fresh, 32);
  if (!signed) return -1;
  const signatureLength = ecdsaSignatureToDer(scratch, signature);

  const signedInfo = new StaticArray<u8>(infoLength as i32);
  memory.copy(changetype<usize>(signedInfo), infoStart, infoLength);
  const whole = new DerWriter(out, capacity);
  const mark = whole.position;
  whole.octetBitString(signature, signatureLength);
  const algorithm = whole.position;
  whole.element(TAG_OBJECT_IDENTIFIER, OID_ECDSA_WITH_SHA256, OID_ECDSA_WITH_SHA256_LENGTH);
  whole.header(TAG_SEQUENCE, algorithm);
  whole.bytes(changetype<usize>(signedInfo), infoLength);
  whole.header(TAG_SEQUENCE, mark);
  if (whole.full) return -1;
  memory.copy(out, whole.position, whole.length);
  return whole.length as i32;
}
