import { X509Certificate } from "node:crypto";
import { minute } from "../common/times.js";
import {
  may,
  OUTPUT,
  type Policy,
  type PolicyDocument,
  type PolicyIdentity,
  type PolicyProgram,
  policyDefaults,
} from "../veracruz-utils/policy.js";
import { certificateFromPem, displayName, fingerprint } from "../x509/principal-certificate.js";
import { limitWarnings } from "./limits.js";

/** `a, b and c`. */
export const list = (items: readonly string[]): string =>
  items.length < 2 ? items.join("") : `${items.slice(0, -1).join(", ")} and ${items.at(-1)}`;

const times = (count: number): string => (count === 1 ? "once" : `${count} times`);

const isInput = (name: string) => /^input-\d+$/.test(name);
const isStream = (name: string) => /^stream-\d+$/.test(name);

/** Names of principals as shown: the certificate's, with the id where two share one. */
export function principalNames(document: PolicyDocument): Map<PolicyIdentity, string> {
  const names = document.identities.map((identity) =>
    displayName(new X509Certificate(certificateFromPem(identity.certificate))),
  );
  return new Map(
    document.identities.map((identity, index) => {
      const name = names[index] as string;
      const shared = names.filter((other) => other === name).length > 1;
      return [identity, shared ? `${name} (id ${identity.id})` : name];
    }),
  );
}

/** Every file that the policy names, in a stable order. */
function filesOf(document: PolicyDocument): string[] {
  const names = [...document.identities, ...document.programs].flatMap((entry) =>
    entry.file_rights.map(({ file_name }) => file_name),
  );
  return [...new Set(names)].sort(new Intl.Collator("en", { numeric: true }).compare);
}

/**
 * The parts of a policy that may surprise those who agree to it, one sentence each. A policy with warnings is
 * valid: they are for people to decide on.
 */
export function warningsOf(policy: Policy): string[] {
  const { document } = policy;
  const { identities, programs } = document;
  const names = principalNames(document);
  const named = (entries: readonly PolicyIdentity[]) =>
    list(entries.map((entry) => names.get(entry) as string));
  const withRight = (right: "r" | "w", file: string) =>
    identities.filter((identity) => may(identity, right, file));
  const programReads = (file: string) => programs.some((program) => may(program, "r", file));
  const isProgram = (file: string) => policy.programOf(file) !== undefined;
  const files = filesOf(document);
  const warnings: string[] = [];

  for (const file of files.filter((name) => name !== OUTPUT)) {
    const writers = withRight("w", file);
    for (const reader of withRight("r", file)) {
      const others = writers.filter((writer) => writer !== reader);
      if (others.length === 0) continue;
      const what = isProgram(file) ? "the program" : isInput(file) ? "the input" : "the stream";
      warnings.push(
        `${names.get(reader)} can read ${what} ${file}, which ${named(others)} may provide.`,
      );
    }
    if (writers.length > 1) {
      warnings.push(
        `${named(writers)} may all provide ${file}: whoever comes first decides what it holds.`,
      );
    }
    if (writers.length === 0 && programReads(file)) {
      warnings.push(`No principal may provide ${file}: a program that reads it can never run.`);
    }
    if (!isProgram(file) && !programReads(file)) {
      warnings.push(`No program reads ${file}.`);
    }
  }
  for (const { program_file_name: file } of programs) {
    if (withRight("w", file).length === 0) {
      warnings.push(`No principal may provide the program ${file}: it can never run.`);
    }
  }
  const readers = withRight("r", OUTPUT);
  if (programs.length === 0) warnings.push("There is no program: nothing can be computed.");
  if (readers.length === 0) {
    warnings.push("No principal may read the result: nobody can start a run.");
  }
  if (programs.length > 1 && readers.length > 0) {
    const choices = list(programs.map(({ program_file_name }) => program_file_name));
    warnings.push(`${named(readers)} may choose which program runs in a round: ${choices}.`);
  }

  const rounds = document.max_rounds ?? policyDefaults.max_rounds;
  if (rounds > 1) {
    warnings.push(...roundWarnings(rounds));
  }
  warnings.push(...restartWarnings(document.max_restarts ?? policyDefaults.max_restarts));
  if (document.computation_id === undefined) {
    warnings.push(
      "There is no computation_id: whoever agrees on the same text again agrees on the same computation, which happens once.",
    );
  }
  if (document.key_exchange === undefined) {
    warnings.push(
      "Classical key exchanges are allowed: who records the traffic of a client without X25519MLKEM768 can " +
        "read it once quantum computers can break X25519 and P-256.",
    );
  }
  if (document.allow_development) {
    warnings.push(
      "Development-grade isolates are accepted: their root of trust is software, so whoever owns the " +
        "machine can read every secret.",
    );
  }
  warnings.push(...limitWarnings(policy));
  if (document.debug) {
    warnings.push("The isolate may print debug messages on its untrusted host.");
  }
  return warnings;

  /** What restarts let a reader of the result learn. */
  function restartWarnings(restarts: number): string[] {
    if (restarts === 0 || readers.length === 0) return [];
    const failed = document.max_failed_runs ?? policyDefaults.max_failed_runs;
    const answers = (rounds + failed) * (1 + restarts);
    const inputs = files.filter((file) => (isInput(file) || isStream(file)) && programReads(file));
    const changing = readers.filter((reader) => inputs.some((file) => may(reader, "w", file)));
    const sentence =
      `The computation may restart ${times(restarts)} from nothing: whoever owns the machine can bring that about, ` +
      `and readers of the result (${named(readers)}) can get up to ${answers} answers instead of ${rounds + failed}`;
    return changing.length === 0
      ? [`${sentence}, on inputs that their owners send again.`]
      : [
          `${sentence}; ${named(changing)} may also provide, and can change it each time to learn more about the others'.`,
        ];
  }

  /** What several rounds let a reader of the result learn. */
  function roundWarnings(count: number): string[] {
    const found: string[] = [];
    for (const stream of files.filter(isStream)) {
      for (const provider of withRight("w", stream)) {
        const exposed = files.filter((file) => {
          if (file === stream || !(isInput(file) || isStream(file)) || !programReads(file)) {
            return false;
          }
          return withRight("w", file).some((writer) => writer !== provider);
        });
        if (exposed.length === 0 || readers.length === 0) continue;
        found.push(
          `There may be ${count} rounds: ${names.get(provider)} may change ${stream} from round to round and, ` +
            `together with a reader of the result (${named(readers)}), learn more about ${list(exposed)}.`,
        );
      }
    }
    if (found.length === 0) {
      found.push(
        `There may be ${count} rounds: readers of the result may run the same inputs again, each time ` +
          "with the round before's result.",
      );
    }
    return found;
  }
}

/** A policy in words: who may do what, where, within which limits; then the warnings. */
export function explainPolicy(policy: Policy): string {
  const { document } = policy;
  const names = principalNames(document);
  const readers = document.identities.filter((identity) => may(identity, "r", OUTPUT));
  const lines: string[] = [
    `Policy of ${policy.bytes.length} bytes, SHA-256 ${policy.hash.toString("hex")}`,
    "",
    "Principals",
  ];
  const rightsOf = (entry: PolicyIdentity | PolicyProgram, right: "r" | "w") =>
    entry.file_rights
      .filter(({ rights }) => rights.includes(right))
      .map(({ file_name }) => (file_name === OUTPUT ? "the result" : file_name));

  for (const identity of document.identities) {
    const certificate = new X509Certificate(certificateFromPem(identity.certificate));
    const writes = rightsOf(identity, "w");
    const reads = rightsOf(identity, "r");
    const id = ` (id ${identity.id})`;
    const name = names.get(identity) as string;
    lines.push(
      `  ${name.endsWith(id) ? name : name + id}`,
      `    certificate  SHA-256 ${fingerprint(certificate.raw)}, valid until ${minute(certificate.validTo)}`,
      `    may provide  ${list(writes) || "nothing"}`,
      `    may read     ${list(reads) || "nothing"}`,
    );
  }
  lines.push("", "Programs");
  if (document.programs.length === 0) lines.push("  none");
  for (const program of document.programs) {
    lines.push(
      `  ${program.program_file_name} (id ${program.id})`,
      `    module       SHA-256 ${program.pi_hash.toLowerCase()}`,
      `    reads        ${list(rightsOf(program, "r")) || "nothing"}`,
      `    writes       ${list(rightsOf(program, "w"))}`,
    );
  }

  const limits = { ...policyDefaults, ...document.execution_limits };
  const rounds = document.max_rounds ?? policyDefaults.max_rounds;
  const failed = document.max_failed_runs ?? policyDefaults.max_failed_runs;
  const restarts = document.max_restarts ?? policyDefaults.max_restarts;
  const people = list(readers.map((reader) => names.get(reader) as string));
  const jit = document.execution_strategy === "JIT";
  lines.push(
    "",
    "Computation",
    `  a run      starts when ${people.replace(/ and (?=[^ ]*$)/, " or ") || "nobody"} asks for the result and everything that the program reads is there`,
    `  rounds     ${rounds} with a result, and ${failed} failed runs at most`,
    `  restarts   ${
      restarts === 0
        ? "none: when its isolate is lost, so is the computation"
        : `${restarts} at most: each begins from nothing, and every party sends again if its owner agrees`
    }`,
    `  id         ${document.computation_id?.toLowerCase() ?? "none"}`,
    `  strategy   ${document.execution_strategy}`,
    `  limits     ${jit && document.execution_limits?.fuel === undefined ? "no bound of fuel" : `fuel ${limits.fuel}`}, ${limits.deadline_ms} ms, memory ${limits.memory_bytes}, stack ${limits.stack_bytes}, ` +
      `result ${limits.output_bytes}, each file ${limits.file_bytes} bytes`,
    `  ends       ${people ? `when ${people} ${readers.length > 1 ? "have" : "has"} asked for it` : "after the idle limit"}`,
    "",
    "Isolate",
  );
  const authority = new X509Certificate(certificateFromPem(document.proxy_service_cert));
  if (document.runtime_manager_hash_linux) {
    lines.push(
      `  linux      trusted runtime SHA-256 ${document.runtime_manager_hash_linux.toLowerCase()}`,
    );
  }
  if (document.runtime_manager_hash_mcu) {
    lines.push(
      `  mcu        trusted runtime SHA-256 ${document.runtime_manager_hash_mcu.toLowerCase()}`,
    );
  }
  lines.push(
    `  attested   by ${document.proxy_attestation_server_url}, whose CA is ${displayName(authority)}, SHA-256 ${fingerprint(authority.raw)}`,
    `  until      ${minute(policy.expiry)}`,
    `  devices    ${
      document.instance_ids === undefined
        ? "every enrolled one"
        : list(document.instance_ids.map((id) => id.toLowerCase()))
    }`,
    ...(document.minimum_versions ?? []).map(
      ({ component, version }) => `  software   ${component} ${version} or newer`,
    ),
    `  grade      ${document.allow_development ? "development-grade isolates are accepted" : "development-grade isolates are refused"}`,
    `  server     ${document.veracruz_server_url}, ${document.ciphersuite}`,
    `  exchange   ${
      document.key_exchange === "hybrid-required"
        ? "X25519MLKEM768 only: recorded traffic stays secret, even from who will own a quantum computer"
        : "X25519MLKEM768 with clients that can, X25519 or P-256 with others, whose recorded traffic a quantum computer can read"
    }`,
    `  debug      ${document.debug ? "messages allowed" : "no messages"}`,
  );

  const warnings = warningsOf(policy);
  lines.push("", warnings.length === 0 ? "No warnings" : "Warnings");
  for (const warning of warnings) lines.push(`  ! ${warning}`);
  return `${lines.join("\n")}\n`;
}

/** What the parties must renew when the policy is made again for another computation, one line each. */
export function renewalsOf(before: Policy, policy: Policy): string[] {
  const names = principalNames(policy.document);
  const hash = policy.hash.toString("hex");
  return [
    `This is another computation than ${before.hash.toString("hex")}: nothing agreed on, sent or recorded for the old one holds for it. To renew:`,
    ...policy.document.identities.map(
      (identity) =>
        `  acceptance   ${names.get(identity)}: agree to the policy with SHA-256 ${hash}`,
    ),
    "  device pages each MCU client of the policy: its page holds the old policy's hash; make it again (vc-mcu-client provision)",
    "  server       vc-server: start it with the new policy",
  ];
}
