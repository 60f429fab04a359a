import { createHash } from "node:crypto";
import { minute } from "../common/times.js";
import type { ComponentVersion } from "../psa-attestation/versions.js";
import type { Policy } from "../veracruz-utils/policy.js";
import { ISOLATE_NAME } from "../x509/certificate.js";
import type { IsolateKind } from "../x509/isolate-kind.js";
import { type IsolateCertificate, verifyIsolateCertificate } from "../x509/read-certificate.js";
import { CheckFailed, checkOfRule, type IsolateCheck } from "./isolate-checks.js";

export { ISOLATE_NAME };

/** What a client knows of the isolate that it speaks to, once its certificate was checked. */
export interface IsolateIdentity {
  kind: IsolateKind;
  lifecycle: number;
  /** SHA-256 of the trusted runtime. */
  runtimeHash: Uint8Array;
  /** Versions of its components, as far as its certificate says them. */
  versions: readonly ComponentVersion[];
  /** SubjectPublicKeyInfo in DER of its key. */
  publicKey: Uint8Array;
  /** SHA-256 of that, in hexadecimal: the same for all who speak to the same isolate. */
  fingerprint: string;
  notBefore: Date;
  notAfter: Date;
}

/** The hashes of trusted runtimes that a policy names, by kind of isolate. */
export function runtimeHashes(policy: Policy): Partial<Record<IsolateKind, Uint8Array>> {
  const linux = policy.runtimeHash("linux");
  const mcu = policy.runtimeHash("mcu");
  return { ...(linux && { linux }), ...(mcu && { mcu }) };
}

/**
 * Checks the certificate that an isolate shows in TLS against the policy: issuer, dates, name, kind,
 * runtime hash, grade; the policy's own expiry; and the fingerprint, where one is expected.
 *
 * @throws CheckFailed with the reason
 */
export function checkIsolate(
  certificate: Uint8Array,
  policy: Policy,
  expectedFingerprint: string | undefined,
  now: Date,
): IsolateIdentity {
  const distrust = (check: IsolateCheck, reason: string) =>
    new CheckFailed(check, `the isolate: ${reason}`);
  if (policy.expiry <= now) {
    throw distrust(
      "in-force",
      `the policy's enclave_cert_expiry ${minute(policy.expiry)} has passed`,
    );
  }
  const verdict = verifyIsolateCertificate(Uint8Array.from(certificate), {
    ca: policy.document.proxy_service_cert,
    runtimeHashes: runtimeHashes(policy),
    policyHash: policy.hash,
    scopeHash: policy.scopeHash,
    allowDevelopment: policy.document.allow_development ?? false,
    minimumVersions: policy.document.minimum_versions ?? [],
    now: now.getTime(),
  });
  if (!verdict.ok) throw distrust(checkOfRule[verdict.rule], `${verdict.detail} (${verdict.rule})`);
  const identity = describe(verdict);
  const expected = expectedFingerprint?.replaceAll(":", "").toLowerCase();
  if (expected !== undefined && expected !== identity.fingerprint) {
    throw distrust(
      "fingerprint",
      `its fingerprint is ${identity.fingerprint}, expected was ${expected}`,
    );
  }
  return identity;
}

function describe(certificate: IsolateCertificate): IsolateIdentity {
  const { kind, lifecycle, runtimeHash, versions, spki, notBefore, notAfter } = certificate;
  return {
    kind,
    lifecycle,
    runtimeHash,
    versions,
    publicKey: spki,
    fingerprint: createHash("sha256").update(spki).digest("hex"),
    notBefore: new Date(notBefore),
    notAfter: new Date(notAfter),
  };
}
