import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { InvalidArgumentError } from "commander";
import { type CliError, reasonOf } from "../common/cli.js";
import { nearest } from "../common/edit-distance.js";
import { wasmPath } from "../common/paths.js";
import { parseBytes } from "../common/quantities.js";
import { decodeUtf8, textProblem } from "../common/text.js";
import { measureRuntime, parseExpiry, parseRuntimeHashes } from "../policy-generator/arguments.js";
import { certificateOf, goodPolicy, policyText, programHash } from "../policy-generator/inputs.js";
import {
  type ExecutionLimits,
  type FileRights,
  OUTPUT,
  type Policy,
  type PolicyDocument,
  PolicyError,
} from "../veracruz-utils/policy.js";
import { CertificateError, displayName, readCertificate } from "../x509/principal-certificate.js";
import type { PlanText } from "./plan-reader.js";
import { planDefaults } from "./plan-schema.js";

/** The attestation server of whoever makes the plan. */
export interface OwnAttestation {
  /** Its CA's certificate, PEM; made at the first call. */
  certificate: () => string;
}

/** A policy made from a plan. */
export interface PlannedPolicy {
  policy: Policy;
  /** What is allowed but hardly meant, one sentence each. */
  remarks: string[];
}

const ATTESTATION_PORT = 3010;
/** What the fields of a policy are called in a plan. */
const planWords: Readonly<Record<string, string>> = {
  fuel: "limits.fuel",
  deadline_ms: "limits.time",
  memory_bytes: "limits.memory",
  stack_bytes: "limits.stack",
  output_bytes: "limits.result",
  file_bytes: "limits.file",
  enclave_cert_expiry: "ends",
  proxy_service_cert: "attestation.certificate",
  veracruz_server_url: "server",
  proxy_attestation_server_url: "attestation.server",
  execution_strategy: "engine",
  max_rounds: "rounds",
  max_failed_runs: "failed-runs",
  max_restarts: "restarts",
  instance_ids: "isolate.devices",
  minimum_versions: "isolate.versions",
  computation_id: "id",
};
const list = (value: string | readonly string[] | undefined): readonly string[] =>
  value === undefined ? [] : typeof value === "string" ? [value] : value;
const isInput = (file: string) => /^(input|stream)-\d+$/.test(file);

/**
 * Makes the policy that a plan describes. Files that it names are found beside it.
 *
 * @throws CliError that names the plan's line and the reason
 */
export function policyOfPlan(plan: PlanText, own: OwnAttestation, now = new Date()): PlannedPolicy {
  const maker = new PolicyMaker(plan, own, now);
  const bytes = Buffer.from(policyText(maker.document()));
  try {
    return { policy: goodPolicy(bytes, now), remarks: maker.remarks };
  } catch (error) {
    if (error instanceof PolicyError) throw maker.explain(error);
    throw error;
  }
}

class PolicyMaker {
  readonly remarks: string[] = [];
  private readonly partyNames: string[];
  private readonly programNames: string[];

  constructor(
    private readonly plan: PlanText,
    private readonly own: OwnAttestation,
    private readonly now: Date,
  ) {
    this.partyNames = Object.keys(plan.content.parties);
    this.programNames = Object.keys(plan.content.programs);
  }

  document(): PolicyDocument {
    const { content } = this.plan;
    const identities = this.identities();
    const programs = this.programs();
    this.checkUses();
    const { server = planDefaults.server, cipher, engine } = content;
    const limits = this.limits();
    const { devices, versions } = content.isolate ?? {};
    return {
      identities,
      programs,
      veracruz_server_url: server,
      ...this.attestation(server),
      enclave_cert_expiry: this.at(["ends"], () =>
        parseExpiry(content.ends ?? planDefaults.ends, this.now),
      ),
      ciphersuite:
        cipher === "aes-128-gcm" ? "TLS1_3_AES_128_GCM_SHA256" : "TLS1_3_CHACHA20_POLY1305_SHA256",
      ...(content["allow-classical"] ? {} : { key_exchange: "hybrid-required" as const }),
      debug: content.debug ?? false,
      execution_strategy: engine === "jit" ? "JIT" : "Interpretation",
      ...this.isolate(),
      ...(limits !== undefined && { execution_limits: limits }),
      ...(content.rounds !== undefined && { max_rounds: content.rounds }),
      ...(content["failed-runs"] !== undefined && { max_failed_runs: content["failed-runs"] }),
      ...(content.restarts !== undefined && { max_restarts: content.restarts }),
      ...(devices !== undefined && { instance_ids: list(devices).map((id) => id.toLowerCase()) }),
      ...(versions !== undefined && {
        minimum_versions: Object.entries(versions).map(([component, version]) => ({
          component,
          version,
        })),
      }),
      computation_id: content.id?.toLowerCase() ?? randomBytes(16).toString("hex"),
    };
  }

  /** A refusal of the policy's own checks, in the plan's words, at the line that it comes from. */
  explain({ message }: PolicyError): CliError {
    const [, kind, index] = /\b(identities|programs)\[(\d+)\]/.exec(message) ?? [];
    const names = kind === "programs" ? this.programNames : this.partyNames;
    const name = names[Number(index)];
    const reason = message
      .replace(/^(.*?: )?line \d+, column \d+, /, "")
      .replace(/^byte \d+, /, "");
    const field = /^[\w.]+(?=:)/.exec(reason)?.[0] ?? "";
    const path = planWords[field.replace(/^execution_limits\./, "")];
    const words = Object.entries(planWords).reduce(
      // A word without an underscore may stand for itself.
      (text, [policyWord, planWord]) =>
        policyWord.includes("_") ? text.replaceAll(policyWord, planWord) : text,
      reason.replace(/^[\w.[\]]+: /, ""),
    );
    if (name !== undefined)
      return this.plan.error([kind === "programs" ? "programs" : "parties", name], words);
    return this.plan.error(path?.split(".") ?? [], words);
  }

  /** Reads a value with a function of the command line's, whose errors get the plan's place. */
  private at<T>(path: readonly string[], read: () => T): T {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof InvalidArgumentError || error instanceof CertificateError))
        throw error;
      throw this.plan.error(path, error.message);
    }
  }

  /** A file that the plan names: relative paths start at the plan's folder. */
  private file(path: readonly string[], name: string): Uint8Array {
    const base = this.plan.name === "-" ? "." : dirname(this.plan.name);
    try {
      return readFileSync(resolve(base, name));
    } catch (error) {
      throw this.plan.error(path, `cannot read ${JSON.stringify(name)}: ${reasonOf(error)}`);
    }
  }

  private identities(): PolicyDocument["identities"] {
    const seen = new Map<string, string>();
    return this.partyNames.map((name, id) => {
      const { contact, sends, reads } = this.plan.content.parties[name] as {
        contact: string;
        sends?: string;
        reads?: string;
      };
      const path = ["parties", name, "contact"];
      const content = this.file(path, contact);
      const certificate = this.at(path, () => certificateOf(content, true, this.now));
      const before = seen.get(certificate);
      if (before !== undefined)
        throw this.plan.error(
          path,
          `it is the contact of ${before}, too: a party is its certificate`,
        );
      seen.set(certificate, name);
      const certified = displayName(readCertificate(content));
      if (certified !== name)
        this.remarks.push(
          `The certificate of ${name} is for ${certified}; that is the name that all will see.`,
        );
      return { certificate, id, file_rights: this.rightsOf(name, list(sends), list(reads)) };
    });
  }

  private rightsOf(
    party: string,
    sends: readonly string[],
    reads: readonly string[],
  ): FileRights[] {
    for (const file of sends) {
      if (isInput(file) || this.programNames.includes(file)) continue;
      if (file === OUTPUT)
        throw this.plan.error(
          ["parties", party, "sends"],
          "nobody can send output: it is the program's result",
        );
      throw this.unknown(["parties", party, "sends"], file);
    }
    for (const file of reads) {
      if (file !== OUTPUT && !isInput(file) && !this.programNames.includes(file))
        throw this.unknown(["parties", party, "reads"], file);
    }
    return [...new Set([...sends, ...reads])].map((file_name) => {
      const [writes, seesIt] = [sends.includes(file_name), reads.includes(file_name)];
      return { file_name, rights: writes && seesIt ? "rw" : writes ? "w" : "r" };
    });
  }

  private unknown(path: readonly string[], file: string): CliError {
    const known = [...this.programNames, OUTPUT];
    const near = nearest(file, known);
    const hint = near === undefined ? "" : `; did you mean ${near}?`;
    return this.plan.error(
      path,
      `${JSON.stringify(file)} is no file of this plan: expected input-N, stream-N, or one of ${known.join(", ")}${hint}`,
    );
  }

  /** What parties send for programs to read, in order. */
  private sentInputs(): string[] {
    const { parties } = this.plan.content;
    const sent = Object.values(parties).flatMap(({ sends }) => list(sends).filter(isInput));
    return [...new Set(sent)].sort(new Intl.Collator("en", { numeric: true }).compare);
  }

  private programs(): PolicyDocument["programs"] {
    return this.programNames.map((name, id) => {
      const entry = this.plan.content.programs[name] as string | { file: string; reads?: string };
      const { file, reads } = typeof entry === "string" ? { file: entry, reads: undefined } : entry;
      const path = ["programs", name, ...(typeof entry === "string" ? [] : ["file"])];
      const hash = programHash(this.file(path, file));
      if (hash === undefined)
        throw this.plan.error(path, `${JSON.stringify(file)} is no WebAssembly module`);
      const inputs = reads === undefined ? this.sentInputs() : list(reads);
      const stray = inputs.find((each) => !isInput(each));
      if (stray !== undefined)
        throw this.plan.error(
          ["programs", name, "reads"],
          `a program cannot read ${stray}: expected input-N or stream-N`,
        );
      const file_rights: FileRights[] = inputs.map((each) => ({ file_name: each, rights: "r" }));
      file_rights.push({ file_name: OUTPUT, rights: "w" });
      return { program_file_name: name, id, pi_hash: hash, file_rights };
    });
  }

  /** A plan that can never give a result is a mistake: it says where. */
  private checkUses(): void {
    const { parties, programs } = this.plan.content;
    const sent = new Set(Object.values(parties).flatMap(({ sends }) => list(sends)));
    for (const [name, entry] of Object.entries(programs)) {
      if (!sent.has(name))
        throw this.plan.error(
          ["programs", name],
          `no party sends ${name}: say who does, as in sends: ${name}`,
        );
      const reads = typeof entry === "string" ? [] : list(entry.reads);
      const missing = reads.find((file) => !sent.has(file));
      if (missing !== undefined)
        throw this.plan.error(["programs", name, "reads"], `no party sends ${missing}`);
    }
    if (!Object.values(parties).some(({ reads }) => list(reads).includes(OUTPUT)))
      throw this.plan.error(
        ["parties"],
        "no party reads the result: say who does, as in reads: output",
      );
  }

  private attestation(server: string) {
    const { attestation = {} } = this.plan.content;
    const url = attestation.server ?? server.replace(/\d+$/, String(ATTESTATION_PORT));
    const path = ["attestation", "certificate"];
    const { certificate } = attestation;
    const proxy_service_cert =
      certificate === undefined
        ? this.own.certificate()
        : this.at(path, () => certificateOf(this.file(path, certificate), false, this.now));
    if (url === server)
      throw this.plan.error(
        ["attestation"],
        `it has the address of the server, ${server}: expected another port`,
      );
    return { proxy_attestation_server_url: url, proxy_service_cert };
  }

  private isolate(): Partial<PolicyDocument> {
    const { isolate = {} } = this.plan.content;
    const { microcontroller } = isolate;
    const computer =
      isolate.computer ?? (microcontroller === undefined ? wasmPath("runtime") : undefined);
    return {
      ...(computer !== undefined && {
        runtime_manager_hash_linux: this.runtimeHash("computer", computer),
      }),
      ...(microcontroller !== undefined && {
        runtime_manager_hash_mcu: this.runtimeHash("microcontroller", microcontroller),
      }),
      // The root of trust of a computer is software: there is no other grade.
      ...((isolate.development ?? computer !== undefined) && { allow_development: true }),
    };
  }

  private runtimeHash(on: "computer" | "microcontroller", value: string): string {
    if (/^[0-9a-fA-F]{64}$/.test(value)) return value.toLowerCase();
    const path = ["isolate", on];
    const content = this.file(path, value);
    const kind = on === "computer" ? "linux" : "mcu";
    return this.at(path, () => {
      if (kind === "linux" && programHash(content) !== undefined) return measureRuntime(content);
      const problem = textProblem(content);
      if (problem !== undefined)
        throw new InvalidArgumentError(`${JSON.stringify(value)} ${problem}`);
      return parseRuntimeHashes(decodeUtf8(content), kind)[kind] as string;
    });
  }

  private limits(): ExecutionLimits | undefined {
    const { limits } = this.plan.content;
    if (limits === undefined) return undefined;
    const bytes = (name: "memory" | "stack" | "result" | "file") => {
      const value = limits[name];
      if (value === undefined) return undefined;
      return this.at(["limits", name], () => parseBytes(String(value), 2 ** 32 - 1, 1));
    };
    const [memory, stack, result, file] = (["memory", "stack", "result", "file"] as const).map(
      bytes,
    );
    const chosen: ExecutionLimits = {
      ...(limits.fuel !== undefined && { fuel: limits.fuel }),
      ...(limits.time !== undefined && { deadline_ms: milliseconds(limits.time) }),
      ...(memory !== undefined && { memory_bytes: memory }),
      ...(stack !== undefined && { stack_bytes: stack }),
      ...(result !== undefined && { output_bytes: result }),
      ...(file !== undefined && { file_bytes: file }),
    };
    return Object.keys(chosen).length > 0 ? chosen : undefined;
  }
}

/** A time such as `500ms`, `60s` or `5m`, whose form the schema has checked. */
function milliseconds(text: string): number {
  const [, count, unit] = /^(\d+) ?(ms|s|m)$/.exec(text) ?? [];
  return Number(count) * { ms: 1, s: 1000, m: 60_000 }[unit as "ms" | "s" | "m"];
}

/** A plan to begin with, for these contacts. */
export const planTemplate = (
  contacts: readonly { name: string; path: string }[],
): string => `# A plan: what several parties agree on. "veracruz plan PLAN" makes the policy from it.
# Every word: docs/plan.md. Paths start at this file's folder.

parties:
${contacts
  .map(
    ({ name, path }, index) =>
      `  ${name}:
    contact: ${JSON.stringify(path)}
    sends: ${index === 0 ? "[program.wasm, input-0]" : `input-${index}`}
${index === contacts.length - 1 ? "    reads: output    # the result\n" : ""}`,
  )
  .join("")}
programs:
  program.wasm: program.wasm    # it may read every input

# Where the server will be, as all parties reach it:
server: ${planDefaults.server}

# The attestation server of somebody whom all trust. Without this, it is your own:
# attestation:
#   server: attestation.example:3010
#   certificate: ca.pem

ends: ${planDefaults.ends}    # or a date, as 2027-12-31T23:59:00Z

# Isolates that may begin anew where one is lost. Without any, the loss of one ends the computation; with any, a reader
# may learn as many answers more:
restarts: 0
`;
