import { minute } from "../common/times.js";
import { describeLifecycle, gradeOf } from "../psa-attestation/lifecycle.js";
import type { VeracruzClient } from "../veracruz-client/client.js";
import { type IsolateCheck, isolateChecks } from "../veracruz-client/isolate-checks.js";
import { laterIsolate } from "../veracruz-client/reattestation.js";
import { describeKeyExchange } from "../veracruz-client/secure-channel.js";
import type { Policy } from "../veracruz-utils/policy.js";

/** One check of an isolate, and how it came out; `open`: not made, or not yet. */
export interface ShownCheck {
  readonly name: string;
  readonly outcome: "good" | "bad" | "open";
  readonly words: string;
}

const all = Object.entries(isolateChecks) as [IsolateCheck, string][];

/** The checks of an isolate that failed one of them: those before it were good, those after it were not made. */
export function refusedChecks(failed: IsolateCheck, message: string): ShownCheck[] {
  const at = all.findIndex(([check]) => check === failed);
  return all.map(([, name], index) => ({
    name,
    outcome: index < at ? "good" : index === at ? "bad" : "open",
    words: index < at ? "as it must be" : index === at ? message : "not checked",
  }));
}

/** The checks of an isolate that has passed all that were made so far. */
export function passedChecks(
  client: VeracruzClient,
  policy: Policy,
  expected: string | undefined,
): ShownCheck[] {
  const { isolate, commitment, keyExchange, attestedAnew } = client;
  const where = isolate.kind === "linux" ? "on a computer" : "on a microcontroller";
  const versions = isolate.versions.map(({ component, version }) => `${component} ${version}`);
  const later = attestedAnew && laterIsolate(attestedAnew, commitment?.n);
  const good: Record<IsolateCheck, string> = {
    "in-force": `until ${minute(policy.expiry)}`,
    certificate: "strict DER",
    issuer: "signed by the certificate in the policy",
    time: `until ${minute(isolate.notAfter)}`,
    purpose: "ComputeEnclave.dev",
    key: `${isolate.fingerprint}; ${describeKeyExchange(keyExchange)}`,
    policy: policy.hash.toString("hex"),
    runtime: `${where}, ${Buffer.from(isolate.runtimeHash).toString("hex")}`,
    grade: `${gradeOf(isolate.lifecycle)} (${describeLifecycle(isolate.lifecycle)})`,
    versions: versions.join(", ") || "the policy asks for none",
    fingerprint: "that one",
    answer: "the same hash",
    commit: `isolate ${commitment?.n} of ${commitment?.of} that the policy allows`,
    fresh: `at ${minute(attestedAnew?.verifiedAt ?? 0)}`,
    record: "the one on record",
  };
  const open: Partial<Record<IsolateCheck, string>> = {
    ...(expected === undefined && { fingerprint: "you expect no particular one" }),
    ...(commitment === undefined && {
      commit: "not yet: that is checked before the first file leaves this page",
    }),
    ...(attestedAnew === undefined && { fresh: "you have not asked for it" }),
    ...(!client.isOnRecord && {
      record: "compared before the first file leaves this page, and before anything is read",
    }),
  };
  return all.map(([check, name]) => {
    if (check === "fresh" && later) return { name, outcome: "bad", words: `WARNING: ${later}` };
    const words = open[check];
    return words === undefined
      ? { name, outcome: "good", words: good[check] }
      : { name, outcome: "open", words };
  });
}
