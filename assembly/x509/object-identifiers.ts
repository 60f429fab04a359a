// Object identifiers, as the content bytes of their DER elements, and DER that never changes.

/** ecdsa-with-SHA256, 1.2.840.10045.4.3.2 (RFC 5758 §3.2) */
export const OID_ECDSA_WITH_SHA256: usize = memory.data<u8>([
  0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02,
]);
/** Its length in bytes. */
export const OID_ECDSA_WITH_SHA256_LENGTH: u32 = 8;

/**
 * All of a SubjectPublicKeyInfo for a P-256 key before the point (RFC 5480 §2): id-ecPublicKey
 * 1.2.840.10045.2.1 with secp256r1 1.2.840.10045.3.1.7, and the header of a 66-byte BIT STRING.
 */
export const P256_KEY_INFO_PREFIX: usize = memory.data<u8>([
  0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
  0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
]);
/** Its length in bytes. */
export const P256_KEY_INFO_PREFIX_LENGTH: u32 = 26;
/** An uncompressed point: 04, x, y. */
export const P256_POINT_LENGTH: u32 = 65;
export const P256_KEY_INFO_LENGTH: u32 = 91;

/** id-ce, 2.5.29 (RFC 5280 §4.2.1): the standard extensions are one arc below. */
export const ID_CE: u32 = 0x1d55;
export const ID_CE_KEY_USAGE: u32 = 15;
export const ID_CE_SUBJECT_ALT_NAME: u32 = 17;
export const ID_CE_BASIC_CONSTRAINTS: u32 = 19;
export const ID_CE_NAME_CONSTRAINTS: u32 = 30;
export const ID_CE_EXT_KEY_USAGE: u32 = 37;

/** Arc 2.5.30, where an isolate's certificate carries what was attested. */
export const ID_ISOLATE: u32 = 0x1e55;
/** 2.5.30.1: SHA-256 of the trusted runtime; extnValue holds the 32 raw bytes. */
export const ID_ISOLATE_RUNTIME_HASH: u32 = 1;
/** 2.5.30.2: the isolate's kind and security lifecycle. */
export const ID_ISOLATE_KIND: u32 = 2;
/** 2.5.30.3: purpose of the key that signs statements on re-attestations. */
export const ID_PURPOSE_REATTESTATION: u32 = 3;
/** 2.5.30.4: SHA-256 of the policy ‖ SHA-256 of its scope; extnValue holds the 64 raw bytes. */
export const ID_ISOLATE_POLICY: u32 = 4;
/** 2.5.30.5: versions of the isolate's components. */
export const ID_ISOLATE_VERSIONS: u32 = 5;
/** 2.5.30.6: purpose of the key that signs statements on commits, and refusals of them. */
export const ID_PURPOSE_COMMIT: u32 = 6;

/** id-kp, 1.3.6.1.5.5.7.3 (RFC 5280 §4.2.1.12): one arc below, 1 is serverAuth and 2 clientAuth. */
export const OID_KEY_PURPOSE: usize = memory.data<u8>([0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03]);
export const OID_KEY_PURPOSE_LENGTH: u32 = 7;
/** anyExtendedKeyUsage, 2.5.29.37.0 */
export const OID_ANY_KEY_PURPOSE: usize = memory.data<u8>([0x55, 0x1d, 0x25, 0x00]);
export const OID_ANY_KEY_PURPOSE_LENGTH: u32 = 4;

/** commonName, 2.5.4.3 (RFC 5280 Appendix A) */
export const OID_COMMON_NAME: usize = memory.data<u8>([0x55, 0x04, 0x03]);
export const OID_COMMON_NAME_LENGTH: u32 = 3;

/** subjectAltName, 2.5.29.17 */
export const OID_SUBJECT_ALT_NAME: usize = memory.data<u8>([0x55, 0x1d, 0x11]);
export const OID_SUBJECT_ALT_NAME_LENGTH: u32 = 3;

/** extensionRequest, 1.2.840.113549.1.9.14 (RFC 2985 §5.4.2) */
export const OID_EXTENSION_REQUEST: usize = memory.data<u8>([
  0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x0e,
]);
/** Its length in bytes. */
export const OID_EXTENSION_REQUEST_LENGTH: u32 = 9;
