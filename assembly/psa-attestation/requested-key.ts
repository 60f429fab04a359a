import { DerReader, TAG_SEQUENCE } from "../asn1/der-reader";
import {
  P256_KEY_INFO_LENGTH,
  P256_KEY_INFO_PREFIX,
  P256_KEY_INFO_PREFIX_LENGTH,
} from "../x509/object-identifiers";

/**
 * Where the SubjectPublicKeyInfo of a certification request (PKCS#10, RFC 2986 §4.1) lies:
 * `P256_KEY_INFO_LENGTH` bytes. 0 when the bytes are no such request, or not for a P-256 key.
 *
 * @param reader any reader; it is set to the request
 */
export function requestedKey(reader: DerReader, csr: usize, length: usize): usize {
  reader.position = csr;
  reader.end = csr + length;
  const outer = reader.enter(TAG_SEQUENCE);
  if (outer === 0 || reader.end !== outer || reader.enter(TAG_SEQUENCE) === 0) return 0;
  // CertificationRequestInfo: version 0, subject, key.
  if (reader.smallInteger() !== 0 || !reader.nextIs(TAG_SEQUENCE)) return 0;
  if (!reader.nextIs(TAG_SEQUENCE) || reader.elementLength !== P256_KEY_INFO_LENGTH) return 0;
  const key = reader.start;
  const isP256 = memory.compare(key, P256_KEY_INFO_PREFIX, P256_KEY_INFO_PREFIX_LENGTH) === 0;
  return isP256 ? key : 0;
}
