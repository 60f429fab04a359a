/** What a policy is made of, read from the files of those who agree on it. */
import { createHash } from "node:crypto";
import { Policy, type PolicyDocument, requirePrincipal } from "../veracruz-utils/policy.js";
import { checkPolicyCertificates } from "../veracruz-utils/policy-certificates.js";
import {
  certificateToPem,
  readCertificate,
  requireCurrent,
  requireP256,
} from "../x509/principal-certificate.js";

/**
 * The certificate in a file's content, as canonical PEM; a principal's must be one with which isolates let it connect.
 *
 * @throws CertificateError
 */
export function certificateOf(content: Uint8Array, isPrincipal: boolean, now = new Date()): string {
  const certificate = readCertificate(content);
  requireP256(certificate);
  if (isPrincipal) requirePrincipal(certificate.raw);
  requireCurrent(certificate, now);
  return certificateToPem(certificate.raw);
}

/** SHA-256 of a program in hexadecimal; undefined where the content is no WebAssembly module. */
export function programHash(content: Uint8Array): string | undefined {
  if (!Buffer.from("\0asm").equals(content.subarray(0, 4))) return undefined;
  return createHash("sha256").update(content).digest("hex");
}

/** A policy's text. */
export function policyText(document: PolicyDocument): string {
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** A policy of these bytes that isolates and clients will take. @throws PolicyError */
export function goodPolicy(bytes: Uint8Array, now = new Date()): Policy {
  const policy = new Policy(bytes);
  checkPolicyCertificates(policy, now);
  return policy;
}
