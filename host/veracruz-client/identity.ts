import { createPrivateKey, type KeyObject, type X509Certificate } from "node:crypto";
import { type Policy, type PolicyIdentity, requirePrincipal } from "../veracruz-utils/policy.js";
import {
  CertificateError,
  displayName,
  isP256,
  opensslCommand,
  readCertificate,
  requireCurrent,
  requireP256,
} from "../x509/principal-certificate.js";
import { ClientError } from "./errors.js";
import { checkedSigner, keySigner, type Signer } from "./signers.js";

/** A principal: its certificate and the key that belongs to it. */
export interface PrincipalIdentity {
  certificate: X509Certificate;
  key: KeyObject;
}

/** A principal whose key is behind a signer: in a token, a TPM, WebCrypto, another process. */
export interface SigningIdentity {
  certificate: X509Certificate;
  signer: Signer;
}

/** What makes a principal's signatures. */
export function signerOf(identity: PrincipalIdentity | SigningIdentity): Signer {
  return "key" in identity
    ? keySigner(identity.key)
    : checkedSigner(identity.signer, identity.certificate);
}

/**
 * A principal whose key is behind a signer.
 *
 * @param certificateFile PEM or DER
 * @throws ClientError of kind `usage`
 */
export function signingIdentity(
  certificateFile: Uint8Array,
  signer: Signer,
  now: Date = new Date(),
): SigningIdentity {
  return { certificate: principalCertificate(certificateFile, now), signer };
}

function principalCertificate(file: Uint8Array, now: Date): X509Certificate {
  try {
    const certificate = readCertificate(file);
    requireP256(certificate);
    requirePrincipal(certificate.raw);
    requireCurrent(certificate, now);
    return certificate;
  } catch (error) {
    if (!(error instanceof CertificateError)) throw error;
    throw new ClientError("usage", `the certificate: ${error.message}`);
  }
}

/**
 * A principal's certificate (PEM or DER) and private key (PEM), which must belong together, on P-256,
 * good now, and such that isolates let it connect.
 *
 * @throws ClientError of kind `usage`, never with any of the key in it
 */
export function loadIdentity(
  certificateFile: Uint8Array,
  keyFile: string,
  now: Date = new Date(),
): PrincipalIdentity {
  const certificate = principalCertificate(certificateFile, now);
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
export function entryOf(
  policy: Policy,
  identity: Pick<PrincipalIdentity, "certificate">,
): PolicyIdentity {
  const entry = policy.identityOf(identity.certificate.raw);
  if (entry !== undefined) return entry;
  throw new ClientError(
    "policy",
    `the policy does not name the certificate of ${displayName(identity.certificate)}`,
  );
}
