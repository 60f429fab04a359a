import { createPrivateKey, type KeyObject, type X509Certificate } from "node:crypto";
import {
  CertificateError,
  displayName,
  isP256,
  opensslCommand,
  readCertificate,
  requireCurrent,
  requireP256,
} from "../veracruz-utils/certificates.js";
import type { Policy, PolicyIdentity } from "../veracruz-utils/policy.js";
import { ClientError } from "./errors.js";

/** A principal: its certificate and the key that belongs to it. */
export interface PrincipalIdentity {
  certificate: X509Certificate;
  key: KeyObject;
}

/**
 * A principal's certificate (PEM or DER) and private key (PEM), which must belong together, on P-256,
 * and good now.
 *
 * @throws ClientError of kind `usage`, never with any of the key in it
 */
export function loadIdentity(
  certificateFile: Uint8Array,
  keyFile: string,
  now: Date = new Date(),
): PrincipalIdentity {
  let certificate: X509Certificate;
  try {
    certificate = readCertificate(certificateFile);
    requireP256(certificate);
    requireCurrent(certificate, now);
  } catch (error) {
    if (!(error instanceof CertificateError)) throw error;
    throw new ClientError("usage", `the certificate: ${error.message}`);
  }
  let key: KeyObject;
  try {
    key = createPrivateKey(keyFile);
  } catch {
    throw new ClientError("usage", "the key is not an unencrypted private key in PEM");
  }
  if (!isP256(key)) {
    throw new ClientError("usage", `the key is not on P-256; make one with:\n  ${opensslCommand}`);
  }
  if (!certificate.checkPrivateKey(key)) {
    throw new ClientError(
      "usage",
      `the key does not belong to the certificate of ${displayName(certificate)}`,
    );
  }
  return { certificate, key };
}

/**
 * The policy's entry for this principal.
 *
 * @throws ClientError of kind `policy` when there is none
 */
export function entryOf(policy: Policy, identity: PrincipalIdentity): PolicyIdentity {
  const entry = policy.identityOf(identity.certificate.raw);
  if (entry !== undefined) return entry;
  throw new ClientError(
    "policy",
    `the policy does not name the certificate of ${displayName(identity.certificate)}`,
  );
}
