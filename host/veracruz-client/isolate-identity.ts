import { createHash } from "node:crypto";
import { ISOLATE_NAME, type IsolateKind } from "../proxy-attestation-server/certificate.js";
import {
  type IsolateCertificate,
  verifyIsolateCertificate,
} from "../proxy-attestation-server/read-certificate.js";
import type { Policy } from "../veracruz-utils/policy.js";
import { ClientError } from "./errors.js";

export { ISOLATE_NAME };

/** What a client knows of the isolate that it speaks to, once its certificate was checked. */
export interface IsolateIdentity {
  kind: IsolateKind;
  lifecycle: number;
  /** SHA-256 of the trusted runtime. */
  runtimeHash: Uint8Array;
  /** SubjectPublicKeyInfo in DER of its key. */
  publicKey: Uint8Array;
  /** SHA-256 of that, in hexadecimal: the same for all who speak to the same isolate. */
  fingerprint: string;
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
 * @throws ClientError of kind `isolate` with the reason
 */
export function checkIsolate(
  certificate: Uint8Array,
  policy: Policy,
  expectedFingerprint: string | undefined,
  now: Date,
): IsolateIdentity {
  const distrust = (reason: string) => new ClientError("isolate", `the isolate: ${reason}`);
  if (policy.expiry <= now) {
    throw distrust(`the policy's enclave_cert_expiry ${policy.expiry.toISOString()} has passed`);
  }
  const verdict = verifyIsolateCertificate(Uint8Array.from(certificate), {
    ca: policy.document.proxy_service_cert,
    runtimeHashes: runtimeHashes(policy),
    allowDevelopment: policy.document.allow_development ?? false,
    now: now.getTime(),
  });
  if (!verdict.ok) throw distrust(`${verdict.detail} (${verdict.rule})`);
  const identity = describe(verdict);
  const expected = expectedFingerprint?.replaceAll(":", "").toLowerCase();
  if (expected !== undefined && expected !== identity.fingerprint) {
    throw distrust(`its fingerprint is ${identity.fingerprint}, expected was ${expected}`);
  }
  return identity;
}

function describe(certificate: IsolateCertificate): IsolateIdentity {
  const { kind, lifecycle, runtimeHash, spki, notAfter } = certificate;
  return {
    kind,
    lifecycle,
    runtimeHash,
    publicKey: spki,
    fingerprint: createHash("sha256").update(spki).digest("hex"),
    notAfter: new Date(notAfter),
  };
}
