// What a proxy attestation server would sign, by the CA of a test.
import { commitPayload } from "../../host/continuity/commit-statement.js";
import type { CertificateAuthority } from "../../host/proxy-attestation-server/ca.js";
import { StatementSigner } from "../../host/proxy-attestation-server/signer.js";
import {
  type StatementContent,
  statementPayload,
} from "../../host/proxy-attestation-server/statement.js";
import {
  OID_COMMIT_SERVICE,
  OID_VERIFICATION_SERVICE,
  type ServicePurpose,
} from "../../host/x509/certificate.js";
import { readCertificate } from "../../host/x509/read-certificate.js";
import type { TestCertificate } from "./certificates.js";

/** A test's CA as the proxy attestation server has its own. */
export function authorityOf({ der, privateKey }: TestCertificate): CertificateAuthority {
  const certificate = new Uint8Array(der);
  const { subject, notAfter } = readCertificate(certificate);
  return { key: privateKey, certificate, name: subject, keyIdentifier: undefined, notAfter };
}

/** Whose commit it is. */
export interface Subject {
  policyHash: Uint8Array;
  scopeHash: Uint8Array;
  publicKey: Uint8Array;
}

/** A payload signed for a purpose, at a time in milliseconds since 1970. */
export function signed(
  ca: TestCertificate,
  purpose: ServicePurpose,
  payload: Uint8Array,
  time: number = Date.now(),
): Uint8Array {
  return new StatementSigner(authorityOf(ca), purpose).sign(payload, time);
}

/** A commit of a computation to a key. */
export function commitBy(
  ca: TestCertificate,
  subject: Subject,
  { n = 1, of = 1 } = {},
  time: number = Date.now(),
): Uint8Array {
  return signed(ca, OID_COMMIT_SERVICE, commitPayload(subject, { n, of }, time), time);
}

/** A statement on a re-attestation. */
export function freshnessBy(
  ca: TestCertificate,
  content: StatementContent,
  time: number = Date.now(),
): Uint8Array {
  return signed(ca, OID_VERIFICATION_SERVICE, statementPayload(content, time), time);
}
