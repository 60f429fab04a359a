import { createHash } from "node:crypto";
import {
  gradeOf,
  LIFECYCLE_NON_PSA_ROT_DEBUG,
  LIFECYCLE_SECURED,
  lifecycleState,
} from "../psa-attestation/lifecycle.js";
import { enrolmentNonce } from "../psa-attestation/nonces.js";
import { importP256 } from "../psa-attestation/p256.js";
import { SOFTWARE_IMPLEMENTATION_ID } from "../psa-attestation/software-implementation.js";
import { verifyToken } from "../psa-attestation/verifier.js";
import type { IsolateKind } from "../x509/isolate-kind.js";
import { endorserOf } from "./endorsement.js";
import type {
  Application,
  Challenge,
  Device,
  EnrolRefusal,
  Evidence,
  Manufacturer,
} from "./store.js";

/**
 * What a device is enrolled as. The proxy attestation server decides it, each store within the transaction that
 * records it: whoever puts a device forward says neither its kind nor its lifecycle.
 */
export type Decision =
  | { readonly ok: true; readonly kind: IsolateKind; readonly lifecycle: number; endorser?: string }
  | { readonly ok: false; readonly rule: EnrolRefusal; readonly detail: string };

const isSame = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0;

/** The kind of every device of an implementation: the software root of trust is the only one on computers. */
export function kindOf(implementationId: Uint8Array): IsolateKind {
  return isSame(implementationId, SOFTWARE_IMPLEMENTATION_ID) ? "linux" : "mcu";
}

/**
 * Whether a device that is enrolled may be put forward once more: one of development grade, with evidence that it is
 * production grade. With evidence it becomes that or stays what it is; nothing lowers a grade.
 */
export function mayBeRaised(enrolled: Device, application: Application): boolean {
  return (
    application.evidence !== undefined &&
    enrolled.revokedAt === undefined &&
    gradeOf(enrolled.lifecycle) === "development" &&
    isSame(enrolled.publicKey, application.publicKey) &&
    isSame(enrolled.implementationId, application.implementationId)
  );
}

/**
 * Decides what a device is enrolled as: development grade, unless evidence makes it production grade. That takes
 * a token by which the device proves, over a fresh challenge, that it holds its key, and the endorsement of a
 * manufacturer whom the operator trusts with its implementation.
 *
 * @param challenge what the store knows of the evidence's challenge
 * @param manufacturers those trusted with devices of that implementation
 */
export function decideEnrolment(
  application: Application,
  challenge: Challenge | undefined,
  manufacturers: readonly Manufacturer[],
): Decision {
  const kind = kindOf(application.implementationId);
  const { evidence } = application;
  if (evidence === undefined) return { ok: true, kind, lifecycle: LIFECYCLE_NON_PSA_ROT_DEBUG };
  const refuse = (rule: EnrolRefusal, detail: string) => ({ ok: false, rule, detail }) as const;
  if (kind === "linux")
    return refuse(
      "software",
      "the implementation ID is that of the software root of trust: it is enrolled as development grade, whoever endorses it",
    );
  if (challenge === undefined)
    return refuse("challenge", "the challenge is none of this server's (vc-pas challenge)");
  if (challenge.usedAt !== undefined) return refuse("challenge", "the challenge has been used");
  if (challenge.expiresAt < application.enrolledAt)
    return refuse("challenge", "the challenge has expired");
  const proven = provenLifecycle(application, evidence);
  if (typeof proven === "string")
    return refuse("possession", `the device's token is not taken: ${proven}`);
  const device = { ...application, kind, lifecycle: proven };
  const endorser = endorserOf(evidence.endorsement, device, manufacturers);
  if (typeof endorser === "string")
    return refuse("endorsement", `the endorsement is not taken: ${endorser}`);
  const by = createHash("sha256").update(endorser.publicKey).digest("hex");
  return { ok: true, kind, lifecycle: proven, endorser: by };
}

/** The lifecycle that a device proves, or in words why it proves none. */
function provenLifecycle(application: Application, evidence: Evidence): number | string {
  const { publicKey, instanceId, implementationId } = application;
  const key = importP256(publicKey);
  if (key === undefined) return "the key is not a P-256 key";
  const nonce = enrolmentNonce(evidence.challenge, publicKey.subarray(-65));
  const verdict = verifyToken(evidence.token, key, { nonce, instanceId });
  if (!verdict.ok) return verdict.detail;
  if (!isSame(verdict.claims.implementationId, implementationId))
    return "it says another implementation ID";
  const { securityLifecycle } = verdict.claims;
  return gradeOf(securityLifecycle) === "production"
    ? lifecycleState(securityLifecycle)
    : `it says another lifecycle than 0x${LIFECYCLE_SECURED.toString(16)}`;
}
