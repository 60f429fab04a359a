import { createHash, type KeyObject, verify } from "node:crypto";
import { minute } from "../common/times.js";
import { encode } from "../psa-attestation/cbor.js";
import { parseSign1 } from "../psa-attestation/cose.js";
import type { Refusal } from "../psa-attestation/verifier.js";
import {
  COMMIT_REFUSAL_LABEL,
  COMMIT_REQUEST_LABEL,
  COMMIT_STATEMENT_LABEL,
} from "../transport-protocol/labels.js";
import { OID_COMMIT_SERVICE } from "../x509/certificate.js";
import {
  isStatementFault,
  readStatement,
  type SignedRule,
  StatementEntries,
  StatementError,
} from "./read-statement.js";

/**
 * What the proxy attestation server says of a computation, as the payload of a COSE_Sign1 by a key that its CA
 * certified for this purpose alone: a CBOR map.
 *
 * | key | statement | refusal |
 * |---|---|---|
 * | 1 | text "veracruz-commit-statement-v1" | text "veracruz-commit-refusal-v1" |
 * | 2 | bytes: SHA-256 of the policy | the same |
 * | 3 | bytes: SHA-256 of its scope | the same |
 * | 4 | bytes: SHA-256 of the isolate's SubjectPublicKeyInfo | the same |
 * | 5 | unsigned: which isolate of this policy it is, from 1 | unsigned: the reason |
 * | 6 | unsigned: how many the policy allows | unsigned: when the first one began, seconds since 1970; 0: none has |
 * | 7 | unsigned: time, seconds since 1970 | the same |
 */

/** Why a computation is refused for good. */
export const CommitRefusal = {
  EXHAUSTED: 1,
  DEVICE_REVOKED: 2,
  MEASUREMENT_WITHDRAWN: 3,
} as const;
/** One of these numbers. */
export type CommitRefusal = (typeof CommitRefusal)[keyof typeof CommitRefusal];

const sha256 = (bytes: Uint8Array) => new Uint8Array(createHash("sha256").update(bytes).digest());
const equal = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0;

/** Whose commit it is. */
export interface CommitSubject {
  readonly policyHash: Uint8Array;
  readonly scopeHash: Uint8Array;
  /** SubjectPublicKeyInfo of the isolate's key, DER. */
  readonly publicKey: Uint8Array;
}

/** What the isolate's key signs to ask for a commit (ECDSA over its SHA-256). */
export function commitRequest({ policyHash, scopeHash, publicKey }: CommitSubject): Uint8Array {
  return Buffer.concat([
    Buffer.from(COMMIT_REQUEST_LABEL),
    policyHash,
    scopeHash,
    sha256(publicKey),
  ]);
}

/** Whether a request for a commit is by the isolate's key. @param signature r ‖ s, 64 bytes */
export function isCommitRequest(
  subject: CommitSubject,
  signature: Uint8Array,
  key: KeyObject,
): boolean {
  return verify("sha256", commitRequest(subject), { key, dsaEncoding: "ieee-p1363" }, signature);
}

/** Which isolate of a policy it is, of how many that the policy allows. */
export interface Commit {
  readonly n: number;
  readonly of: number;
}

function payload(
  label: string,
  subject: CommitSubject,
  fifth: number,
  sixth: number,
  now: number,
): Uint8Array {
  return encode(
    new Map<number, unknown>([
      [1, label],
      [2, subject.policyHash],
      [3, subject.scopeHash],
      [4, sha256(subject.publicKey)],
      [5, fifth],
      [6, sixth],
      [7, Math.floor(now / 1000)],
    ]),
  );
}

/** The payload of a statement. @param now milliseconds since 1970 */
export function commitPayload(subject: CommitSubject, commit: Commit, now: number): Uint8Array {
  return payload(COMMIT_STATEMENT_LABEL, subject, commit.n, commit.of, now);
}

/** The payload of a refusal. @param beganAt when the first isolate began, milliseconds since 1970; 0: none has */
export function refusalPayload(
  subject: CommitSubject,
  reason: CommitRefusal,
  beganAt: number,
  now: number,
): Uint8Array {
  return payload(COMMIT_REFUSAL_LABEL, subject, reason, Math.floor(beganAt / 1000), now);
}

/** Why a client refuses a commit. */
export type CommitRule = SignedRule | "commit-subject" | "commit-number" | "commit-refused";

/** What a client demands of a commit. */
export interface CommitDemand extends CommitSubject {
  /** The policy's `proxy_service_cert`: PEM or DER. */
  readonly ca: string | Uint8Array;
  /** How many isolates the policy allows: 1 + `max_restarts`. */
  readonly of: number;
  /** When the certificate that the isolate shows began, milliseconds since 1970. */
  readonly isolateNotBefore: number;
  /** Milliseconds since 1970; left out by those who have no clock. */
  readonly now?: number;
}

/** What was verified: a commit, or a refusal that is final. */
export type VerifiedCommit =
  | ({ readonly ok: true; readonly refused: false; readonly committedAt: number } & Commit)
  | {
      readonly ok: true;
      readonly refused: true;
      readonly reason: number;
      /** Milliseconds since 1970; undefined: no isolate has begun. */
      readonly beganAt: number | undefined;
    };

/**
 * Checks the proxy attestation server's word on a computation: signed under the policy's CA by a key certified for
 * that alone, about this policy, this scope and this key. Never throws for anything in the statement.
 */
export function verifyCommit(
  statement: Uint8Array,
  demand: CommitDemand,
): VerifiedCommit | Refusal<CommitRule> {
  const { ca, isolateNotBefore, now } = demand;
  const refuse = (rule: CommitRule, detail: string): Refusal<CommitRule> => ({
    ok: false,
    rule,
    detail,
  });
  const signer = { purpose: OID_COMMIT_SERVICE, ca, isolateNotBefore, now } as const;
  return readStatement<VerifiedCommit, CommitRule>(statement, signer, (entries) => {
    const label = entries.text(1, "the label");
    if (label !== COMMIT_STATEMENT_LABEL && label !== COMMIT_REFUSAL_LABEL)
      throw new StatementError("not a statement on a computation");
    const subject: [number, string, Uint8Array][] = [
      [2, "policy", demand.policyHash],
      [3, "scope", demand.scopeHash],
      [4, "isolate's key", sha256(demand.publicKey)],
    ];
    for (const [key, what, wanted] of subject)
      if (!equal(entries.bytes(key, `the hash of the ${what}`), wanted))
        return refuse("commit-subject", `the commit is about another ${what}`);
    const fifth = entries.unsigned(5, "the number or reason");
    const sixth = entries.unsigned(6, "the second number");
    const time = entries.unsigned(7, "the time") * 1000;
    if (label === COMMIT_REFUSAL_LABEL)
      return {
        ok: true,
        refused: true,
        reason: fifth,
        beganAt: sixth === 0 ? undefined : sixth * 1000,
      };
    if (fifth < 1 || fifth > demand.of || sixth !== demand.of)
      return refuse(
        "commit-number",
        `isolate ${fifth} of ${sixth}, but the policy allows ${demand.of}`,
      );
    return { ok: true, refused: false, n: fifth, of: sixth, committedAt: time };
  });
}

/** What a signed refusal means, in words. */
export function refusalText(reason: number, beganAt: number | undefined): string {
  const when = beganAt === undefined ? "" : `, the first of them at ${minute(beganAt)}`;
  switch (reason) {
    case CommitRefusal.EXHAUSTED:
      return `the computation was begun by as many isolates as the policy allows (1 + max_restarts)${when}`;
    case CommitRefusal.DEVICE_REVOKED:
      return "the isolate's device is revoked";
    case CommitRefusal.MEASUREMENT_WITHDRAWN:
      return "the isolate's software is no longer allowed";
    default:
      return "the attestation server commits nothing to this isolate";
  }
}

/**
 * What an answer of the proxy attestation server says, for those who pass it on: nothing of it is verified. Undefined
 * for what is none.
 */
export function peekCommit(
  statement: Uint8Array,
):
  | ({ readonly refused: false } & Commit)
  | { readonly refused: true; readonly reason: number; readonly beganAt: number | undefined }
  | undefined {
  try {
    const entries = new StatementEntries(parseSign1(statement).payload);
    const label = entries.text(1, "the label");
    const fifth = entries.unsigned(5, "the number or reason");
    const sixth = entries.unsigned(6, "the second number");
    if (label === COMMIT_STATEMENT_LABEL) return { refused: false, n: fifth, of: sixth };
    if (label !== COMMIT_REFUSAL_LABEL) return undefined;
    return { refused: true, reason: fifth, beganAt: sixth === 0 ? undefined : sixth * 1000 };
  } catch (error) {
    if (isStatementFault(error)) return undefined;
    throw error;
  }
}
