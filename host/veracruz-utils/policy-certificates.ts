import { X509Certificate } from "node:crypto";
import {
  CertificateError,
  certificateFromPem,
  displayName,
  requireCurrent,
  requireP256,
} from "./certificates.js";
import { type Policy, PolicyError } from "./policy.js";

/**
 * The checks that an isolate without a clock cannot make: certificates parse, their keys are on P-256,
 * they are good now, the CA is a CA; the policy's own expiry lies ahead.
 *
 * @throws PolicyError with the place and the reason
 */
export function checkPolicyCertificates(policy: Policy, now: Date): void {
  const { identities, proxy_service_cert } = policy.document;
  const check = (place: string, pem: string): X509Certificate => {
    try {
      const certificate = new X509Certificate(certificateFromPem(pem));
      requireP256(certificate);
      requireCurrent(certificate, now);
      return certificate;
    } catch (error) {
      const reason =
        error instanceof CertificateError
          ? error.message
          : `not a certificate: ${(error as Error).message}`;
      throw new PolicyError(`${place}: ${reason}`);
    }
  };
  identities.forEach(({ certificate }, index) => {
    check(`identities[${index}].certificate`, certificate);
  });
  const authority = check("proxy_service_cert", proxy_service_cert);
  if (!authority.ca) {
    throw new PolicyError(
      `proxy_service_cert: ${displayName(authority)} is not the certificate of a CA`,
    );
  }
  if (policy.expiry <= now) {
    const when = policy.expiry.toISOString().slice(0, 16);
    throw new PolicyError(`enclave_cert_expiry: ${when}Z has passed`);
  }
}
