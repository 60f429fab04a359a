import { createHash } from "node:crypto";
import {
  CERTIFICATION_LABEL,
  ENROLMENT_LABEL,
  REATTESTATION_LABEL,
} from "../transport-protocol/labels.js";

/**
 * The nonces that a root of trust signs. Each purpose has a label of its own, so that a token made for one
 * can never serve for another, and the root of trust puts each nonce together itself
 * (`assembly/psa-attestation/`); verifiers compute them again to compare.
 */

function sha256(...parts: (string | Uint8Array)[]): Uint8Array {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}

function require32(parts: Readonly<Record<string, Uint8Array>>): void {
  for (const [name, bytes] of Object.entries(parts))
    if (bytes.length !== 32)
      throw new RangeError(`${name} has ${bytes.length} bytes instead of 32`);
}

/** What an isolate asks to be certified, and for what. */
export interface Certification {
  /** Of the proxy attestation server, 32 bytes. */
  readonly challenge: Uint8Array;
  /** The certification request, DER. */
  readonly csr: Uint8Array;
  /** SHA-256 of the policy. */
  readonly policyHash: Uint8Array;
  /** SHA-256 of the policy's scope. */
  readonly scopeHash: Uint8Array;
}

/**
 * The nonce of the token by which an isolate asks for a certificate:
 * SHA-256("veracruz-csr-v2" ‖ challenge ‖ SHA-256(CSR) ‖ policyHash ‖ scopeHash).
 */
export function certificationNonce(certification: Certification): Uint8Array {
  const { challenge, csr, policyHash, scopeHash } = certification;
  require32({ challenge, policyHash, scopeHash });
  return sha256(CERTIFICATION_LABEL, challenge, sha256(csr), policyHash, scopeHash);
}

/** What an isolate proves to one client, in one TLS session. */
export interface Reattestation {
  /** 32 bytes that the client drew at random. */
  readonly nonce: Uint8Array;
  /** SubjectPublicKeyInfo (DER) of the certificate that the isolate shows in TLS. */
  readonly publicKey: Uint8Array;
  /** SHA-256 of the policy. */
  readonly policyHash: Uint8Array;
  /** The session's exporter of label `EXPORTER-veracruz-reattest-v2` (RFC 8446 §7.5), 32 bytes. */
  readonly exporter: Uint8Array;
}

/**
 * The nonce of the token by which an isolate proves to one client that it is still the same:
 * SHA-256("veracruz-reattest-v2" ‖ nonce ‖ SHA-256(SubjectPublicKeyInfo) ‖ policyHash ‖ exporter).
 */
export function reattestationNonce(reattestation: Reattestation): Uint8Array {
  const { nonce, publicKey, policyHash, exporter } = reattestation;
  require32({ nonce, policyHash, exporter });
  return sha256(REATTESTATION_LABEL, nonce, sha256(publicKey), policyHash, exporter);
}

/**
 * The nonce of the token by which a device proves, when it is enrolled, that it holds its key:
 * SHA-256("veracruz-enrol-v1" ‖ challenge ‖ point).
 *
 * @param challenge of the proxy attestation server, 32 bytes
 * @param point the device's public key, uncompressed, 65 bytes
 */
export function enrolmentNonce(challenge: Uint8Array, point: Uint8Array): Uint8Array {
  require32({ challenge });
  if (point.length !== 65) throw new RangeError(`the point has ${point.length} bytes`);
  return sha256(ENROLMENT_LABEL, challenge, point);
}
