import { Certificate, KEY_USAGE_DIGITAL_SIGNATURE, PURPOSE_CLIENT } from "./certificate";

/** Outcome of `judgePrincipal`. */
export const PRINCIPAL_OK: u32 = 0;
/** The key is not one on P-256, or its point is not written uncompressed. */
export const PRINCIPAL_WRONG_KEY: u32 = 1;
/** keyUsage (RFC 5280 §4.2.1.3) is there without digitalSignature. */
export const PRINCIPAL_WRONG_KEY_USAGE: u32 = 2;
/** extKeyUsage (RFC 5280 §4.2.1.12) is there without clientAuth. */
export const PRINCIPAL_WRONG_PURPOSE: u32 = 3;
/** A critical extension that is not understood here, or nameConstraints. */
export const PRINCIPAL_UNKNOWN_EXTENSION: u32 = 4;

/**
 * Whether a principal can prove itself with a certificate that was parsed, whatever the time: the TLS server asks it at
 * each connection, and the policy's parser of each certificate, so that no policy names one that cannot connect.
 *
 * @returns `PRINCIPAL_OK`, or the first thing that is wrong
 */
export function judgePrincipal(certificate: Certificate): u32 {
  if (certificate.publicKey === 0) return PRINCIPAL_WRONG_KEY;
  if (!certificate.allowsUsage(KEY_USAGE_DIGITAL_SIGNATURE)) return PRINCIPAL_WRONG_KEY_USAGE;
  if ((certificate.purposes & PURPOSE_CLIENT) === 0) return PRINCIPAL_WRONG_PURPOSE;
  return certificate.hasUnknownCritical ? PRINCIPAL_UNKNOWN_EXTENSION : PRINCIPAL_OK;
}
