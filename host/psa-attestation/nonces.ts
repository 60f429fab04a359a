import { createHash } from "node:crypto";

/**
 * The two forms of nonce that a runtime asks its root of trust to sign. They start with different
 * labels, so that a token made for one purpose can never serve for the other. Only the runtime
 * computes them for a token; verifiers compute them again to compare.
 */

const ENROLMENT_LABEL = "veracruz-csr-v1";
const REATTESTATION_LABEL = "veracruz-reattest-v1";

function sha256(...parts: (string | Uint8Array)[]): Uint8Array {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}

function require32(name: string, bytes: Uint8Array): void {
  if (bytes.length !== 32) throw new RangeError(`${name} has ${bytes.length} bytes instead of 32`);
}

/**
 * The nonce of the token by which an isolate asks for a certificate:
 * SHA-256("veracruz-csr-v1" ‖ challenge ‖ SHA-256(CSR)).
 *
 * @param challenge 32 bytes, from the proxy attestation server
 * @param csr the certification request, DER
 */
export function enrolmentNonce(challenge: Uint8Array, csr: Uint8Array): Uint8Array {
  require32("challenge", challenge);
  return sha256(ENROLMENT_LABEL, challenge, sha256(csr));
}

/**
 * The nonce of the token by which an isolate proves to one client that it is still the same:
 * SHA-256("veracruz-reattest-v1" ‖ clientNonce ‖ SHA-256(SubjectPublicKeyInfo) ‖ policyHash).
 *
 * @param clientNonce 32 bytes that the client drew at random
 * @param subjectPublicKeyInfo DER, of the certificate that the isolate shows in TLS
 * @param policyHash SHA-256 of the policy, 32 bytes
 */
export function reattestationNonce(
  clientNonce: Uint8Array,
  subjectPublicKeyInfo: Uint8Array,
  policyHash: Uint8Array,
): Uint8Array {
  require32("client nonce", clientNonce);
  require32("policy hash", policyHash);
  return sha256(REATTESTATION_LABEL, clientNonce, sha256(subjectPublicKeyInfo), policyHash);
}
