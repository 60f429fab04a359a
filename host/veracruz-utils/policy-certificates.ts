import { X509Certificate } from "node:crypto";
import { minute } from "../common/times.js";
import {
  CertificateError,
  certificateFromPem,
  requireCurrent,
  requireP256,
} from "../x509/principal-certificate.js";
import { type Policy, PolicyError } from "./policy.js";

/**
 * The checks that an isolate without a clock cannot make, of a policy that its parser took: certificates
 * are good now, and Node.js reads them as well; the policy's own expiry lies ahead.
 *
 * @throws PolicyError with the place and the reason
 */
export function checkPolicyCertificates(policy: Policy, now: Date): void {
  const { identities, proxy_service_cert } = policy.document;
  const check = (place: string, pem: string): void => {
    try {
      const certificate = new X509Certificate(certificateFromPem(pem));
      requireP256(certificate);
      requireCurrent(certificate, now);
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
  check("proxy_service_cert", proxy_service_cert);
  if (policy.expiry <= now) {
    throw new PolicyError(`enclave_cert_expiry: ${minute(policy.expiry)} has passed`);
  }
}
