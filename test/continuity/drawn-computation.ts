// What random schedules have in common, in one process or with real ones: the computation that a seed draws, what its
// policy allows, and the sums of what came of it.
import { randomBytes } from "node:crypto";
import { Policy, type PolicyDocument } from "../../host/veracruz-utils/policy.js";
import { sha256 } from "../runtime-manager/deployment.js";
import type { TestCertificate } from "../support/certificates.js";
import { COMPARE, COMPARE_AND_FAIL } from "../support/guess-programs.js";
import type { Random } from "../support/random.js";
import { rights } from "../support/system.js";

/** What the honest provider sends, and the colluding reader wants to know. */
export const SECRET = 0xb4;

/** Who takes part, and where. */
export interface Surroundings {
  readonly victim: TestCertificate;
  readonly mallory: TestCertificate;
  readonly caPem: string;
  /** Of the proxy attestation server. */
  readonly attestation: string;
  /** SHA-256 of the trusted runtime, in hexadecimal. */
  readonly runtimeHash: string;
}

/** What a policy allows in all. */
export interface Most {
  readonly isolates: number;
  readonly results: number;
  readonly answers: number;
}

/** A computation in which a reader compares its guesses with a provider's secret, with drawn limits. */
export function drawComputation(
  random: Random,
  { victim, mallory, caPem, attestation, runtimeHash }: Surroundings,
): { policy: Policy; most: Most } {
  const isolates = 1 + random.below(3);
  const rounds = 1 + random.below(2);
  const failed = 1 + random.below(2);
  const document: PolicyDocument = {
    identities: [
      { certificate: victim.pem, id: 0, file_rights: rights("input-0:w") },
      {
        certificate: mallory.pem,
        id: 1,
        file_rights: rights("compare.wasm:w,fail.wasm:w,input-1:w,output:r"),
      },
    ],
    programs: [COMPARE, COMPARE_AND_FAIL].map((module, id) => ({
      program_file_name: ["compare.wasm", "fail.wasm"][id] as string,
      id,
      pi_hash: sha256(module),
      file_rights: rights("input-0:r,input-1:r,output:w"),
    })),
    veracruz_server_url: "127.0.0.1:3017",
    proxy_attestation_server_url: attestation,
    proxy_service_cert: caPem,
    enclave_cert_expiry: { year: 2099, month: 1, day: 1, hour: 0, minute: 0 },
    ciphersuite: "TLS1_3_CHACHA20_POLY1305_SHA256",
    runtime_manager_hash_linux: runtimeHash,
    debug: false,
    allow_development: true,
    execution_strategy: "Interpretation",
    computation_id: randomBytes(16).toString("hex"),
    max_restarts: isolates - 1,
    max_rounds: rounds,
    max_failed_runs: failed,
  };
  return {
    policy: new Policy(Buffer.from(JSON.stringify(document))),
    most: { isolates, results: rounds * isolates, answers: (rounds + failed) * isolates },
  };
}

/** What a schedule brought. */
export interface Brought {
  /** Isolates that accepted a file, by their keys. */
  readonly isolates: number;
  /** Different results. */
  readonly results: number;
  /** Results, and codes of failed runs. */
  readonly answers: number;
  readonly most: Most;
  /** Restarts that the honest provider refused to send to. */
  readonly refused: number;
  /** Isolates to which the honest provider sent although nobody had agreed to a restart. */
  readonly unasked: number;
}

/** Sums over schedules, and those that broke a limit. */
export class Ledger {
  isolates = 0;
  results = 0;
  answers = 0;
  refused = 0;
  readonly broken: string[] = [];

  /** Adds what a schedule brought; `holds`: whether it kept to what else it must. */
  add(seed: number, outcome: Brought, holds: boolean): void {
    const { isolates, results, answers, refused, most } = outcome;
    const within =
      isolates <= most.isolates &&
      results <= most.results &&
      answers <= most.answers &&
      outcome.unasked <= 0;
    if (!within || !holds) this.broken.push(`seed ${seed}: ${JSON.stringify(outcome)}`);
    this.isolates += isolates;
    this.results += results;
    this.answers += answers;
    this.refused += refused;
  }
}
