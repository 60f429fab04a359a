import { type Commit, verifyCommit } from "../continuity/commit-statement.js";
import { type ComputationRecords, OtherIsolate } from "../continuity/records.js";
import type { Policy } from "../veracruz-utils/policy.js";
import { ClientError } from "./errors.js";
import { CheckFailed } from "./isolate-checks.js";
import type { IsolateIdentity } from "./isolate-identity.js";

/**
 * Checks the isolate's word that the computation is its own: the proxy attestation server's statement about the very
 * key of this TLS session.
 *
 * @throws CheckFailed
 */
export function checkCommit(
  statement: Uint8Array,
  policy: Policy,
  isolate: IsolateIdentity,
): Commit {
  const verdict = verifyCommit(statement, {
    ca: policy.document.proxy_service_cert,
    policyHash: new Uint8Array(policy.hash),
    scopeHash: policy.scopeHash,
    publicKey: isolate.publicKey,
    of: 1 + (policy.document.max_restarts ?? 0),
    isolateNotBefore: isolate.notBefore.getTime(),
    now: Date.now(),
  });
  if (!verdict.ok)
    throw new CheckFailed("commit", `the isolate's commit: ${verdict.detail} (${verdict.rule})`);
  if (verdict.refused)
    throw new CheckFailed("commit", "the isolate shows a refusal instead of a commit");
  return { n: verdict.n, of: verdict.of };
}

/**
 * Takes the isolate on record, before anything is sent, run, read or agreed.
 *
 * @throws CheckFailed when the computation was begun with another one, ClientError
 */
export function recordCommit(
  records: ComputationRecords,
  policy: Policy,
  isolate: IsolateIdentity,
  { n }: Commit,
  acceptedRestart: number | undefined,
): void {
  try {
    records.take(
      policy.hash.toString("hex"),
      { n, fingerprint: isolate.fingerprint },
      acceptedRestart,
    );
  } catch (error) {
    if (error instanceof OtherIsolate) throw new CheckFailed("record", error.message);
    throw new ClientError(
      "usage",
      `cannot record which isolate is spoken to in ${JSON.stringify(records.folder)}: ${(error as Error).message}`,
    );
  }
}
