import { parseAddress } from "../common/addresses.js";
import { forTerminal } from "../common/terminal.js";
import { minute } from "../common/times.js";
import { list, principalNames, warningsOf } from "../policy-generator/explain.js";
import {
  OUTPUT,
  type Policy,
  type PolicyIdentity,
  policyDefaults,
} from "../veracruz-utils/policy.js";

/** So many digits of a policy's hash tell it from others, for people. */
export const SHORT_HASH = 12;

/** The beginning of a policy's hash. */
export const shortHash = ({ hash }: Policy): string => hash.toString("hex").slice(0, SHORT_HASH);

/** Names of the parties, in the policy's order. */
export function partyNames(policy: Policy): Map<PolicyIdentity, string> {
  return principalNames(policy.document);
}

const fileWords = (policy: Policy) => (file: string) =>
  file === OUTPUT
    ? "the result"
    : policy.programOf(file) === undefined
      ? file
      : `the program ${file}`;

/** What an entry sends and reads, in words. */
function deeds(policy: Policy, { file_rights }: PolicyIdentity): string {
  const of = (right: string) =>
    file_rights
      .filter(({ rights }) => rights.includes(right))
      .map((each) => fileWords(policy)(each.file_name));
  const [sends, reads] = [of("w"), of("r")];
  const parts = [
    ...(sends.length > 0 ? [`sends ${list(sends)}`] : []),
    ...(reads.length > 0 ? [`reads ${list(reads)}`] : []),
  ];
  return parts.join("; ") || "has no part in it";
}

/** A policy in a few rows, without hashes: who or what, and what of it. */
export function briefRows(policy: Policy): [string, string][] {
  const { document } = policy;
  const rows: [string, string][] = [];
  for (const [identity, name] of partyNames(policy)) rows.push([name, deeds(policy, identity)]);
  const rounds = document.max_rounds ?? policyDefaults.max_rounds;
  for (const program of document.programs) {
    const reads = program.file_rights.filter(({ rights }) => rights.includes("r"));
    const from = list(reads.map(({ file_name }) => file_name));
    rows.push([
      program.program_file_name,
      `computes the result${from ? ` from ${from}` : ""}, ${rounds === 1 ? "once" : `in up to ${rounds} rounds`}`,
    ]);
  }
  const kinds = [
    ...(document.runtime_manager_hash_linux === undefined ? [] : ["a computer"]),
    ...(document.runtime_manager_hash_mcu === undefined ? [] : ["a microcontroller"]),
  ];
  const grade = document.allow_development ? ", development grade is enough" : "";
  rows.push(
    ["isolate", `on ${kinds.join(" or ")}${grade}`],
    [
      "server",
      `${document.veracruz_server_url}, attested by ${document.proxy_attestation_server_url}`,
    ],
    ["until", minute(policy.expiry)],
  );
  return rows;
}

/** The same as lines. */
export function explainBriefly(policy: Policy): string[] {
  const rows = briefRows(policy);
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, words]) => `  ${name.padEnd(width)}  ${words}`);
}

/** Warnings of the policy, and of who is behind it as far as addresses tell. */
export function allWarnings(policy: Policy): string[] {
  return [...selfVouching(policy), ...warningsOf(policy)];
}

/** Whoever runs both isolate and attestation server vouches for itself. */
function selfVouching({ document }: Policy): string[] {
  const [server, attestation] = [
    document.veracruz_server_url,
    document.proxy_attestation_server_url,
  ].map((url) => parseAddress(url).host.toLowerCase());
  if (server !== attestation) return [];
  return [
    `One party runs both the isolate and the attestation server, on ${server}: it vouches for itself. Whoever runs them could show you any program as the trusted runtime.`,
  ];
}

/** The warnings as lines. */
export function warningLines(policy: Policy): string[] {
  return allWarnings(policy).map((warning) => `  ! ${forTerminal(warning)}`);
}

/** What is missing, from whom: one line for each party that is waited for. */
export function missingLines(
  missing: readonly { name: string; from: readonly string[] }[],
): string[] {
  const byParty = new Map<string, string[]>();
  for (const { name, from } of missing) {
    const who = from.length > 0 ? `from ${from.join(" or ")}` : "which nobody may send";
    byParty.set(who, [...(byParty.get(who) ?? []), name]);
  }
  return [...byParty].map(([who, names]) => forTerminal(`${list(names)}, ${who}`));
}

/** To which isolate a computation is committed, in words. */
export function commitWords(number: number | undefined, of: number | undefined): string {
  if (number === undefined) return "not yet: nobody has sent a file";
  const isolate = `with isolate ${number} of ${of} that the policy allows`;
  return number === 1 ? isolate : `${isolate}: the computation has restarted, from nothing`;
}
