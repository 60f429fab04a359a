// What replays of attacks on attestation and commits play in: authority, devices, a policy P, principals.
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import {
  type CertificateAuthority,
  initialiseCa,
  loadCa,
} from "../../../host/proxy-attestation-server/ca.js";
import { enrolFile } from "../../../host/proxy-attestation-server/enrolment.js";
import { AttestationService } from "../../../host/proxy-attestation-server/service.js";
import { SqliteStore } from "../../../host/proxy-attestation-server/sqlite-store.js";
import type { EnrolmentFile } from "../../../host/psa-attestation/root-of-trust.js";
import {
  type Message,
  type MessageIn,
  PROTOCOL_VERSION,
} from "../../../host/transport-protocol/index.js";
import { Policy, type PolicyDocument } from "../../../host/veracruz-utils/policy.js";
import { certificateToPem } from "../../../host/x509/principal-certificate.js";
import {
  LocalIsolate,
  newPrincipal,
  PrincipalConnection,
  sha256,
} from "../../runtime-manager/deployment.js";
import type { TestCertificate } from "../../support/certificates.js";
import { COMPARE, COMPARE_AND_FAIL } from "../../support/guess-programs.js";
import { rights } from "../../support/system.js";
import { type Modules, Stopped } from "./replay.js";

type Answer = MessageIn<"isolateAnswer">;

export class World {
  private readonly folder = mkdtempSync(join(tmpdir(), "vc-replay-"));
  readonly ca: CertificateAuthority;
  /** Of two replicas on one database. */
  readonly stores: readonly SqliteStore[];
  readonly replicas: readonly AttestationService[];
  readonly provider = newPrincipal("provider");
  readonly reader = newPrincipal("reader");
  readonly attacker = newPrincipal("attacker");
  readonly policy: Policy;
  /** How many isolates the policy allows. */
  readonly limit: number;
  /** What the attestation server's clock is behind by, in milliseconds. */
  behind = 0;
  private readonly locals: LocalIsolate[] = [];

  constructor(
    readonly modules: Modules,
    restarts = 0,
  ) {
    this.limit = 1 + restarts;
    initialiseCa(this.path("ca.key"), this.path("ca.pem"), "Test CA", 30);
    this.ca = loadCa(this.path("ca.key"), this.path("ca.pem"));
    this.stores = [0, 1].map(() => SqliteStore.open(this.path("pas.sqlite")));
    const clock = () => Date.now() - this.behind;
    this.replicas = this.stores.map(
      (store) => new AttestationService(store, this.ca, { allowDevelopment: true, clock }),
    );
    this.policy = this.newPolicy();
  }

  /** A policy of one result and two failed runs, for the trusted runtime of this world. */
  newPolicy(): Policy {
    const identities = [
      [this.provider, "input-0:w"],
      [this.reader, "fail.wasm:w,output:r"],
      [this.attacker, "compare.wasm:w,fail.wasm:w,input-1:w,output:r"],
    ] as const;
    const document: PolicyDocument = {
      identities: identities.map(([{ pem }, capabilities], id) => ({
        certificate: pem,
        id,
        file_rights: rights(capabilities),
      })),
      programs: [COMPARE, COMPARE_AND_FAIL].map((module, id) => ({
        program_file_name: ["compare.wasm", "fail.wasm"][id] as string,
        id,
        pi_hash: sha256(module),
        file_rights: rights("input-0:r,input-1:r,output:w"),
      })),
      veracruz_server_url: "127.0.0.1:3017",
      proxy_attestation_server_url: "127.0.0.1:3010",
      proxy_service_cert: certificateToPem(this.ca.certificate),
      enclave_cert_expiry: { year: 2099, month: 1, day: 1, hour: 0, minute: 0 },
      ciphersuite: "TLS1_3_CHACHA20_POLY1305_SHA256",
      runtime_manager_hash_linux: sha256(this.modules.runtime),
      debug: false,
      allow_development: true,
      execution_strategy: "Interpretation",
      computation_id: randomBytes(16).toString("hex"),
      max_restarts: this.limit - 1,
      max_rounds: 1,
      max_failed_runs: 2,
    };
    return new Policy(Buffer.from(JSON.stringify(document)));
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  get policyHash(): Uint8Array {
    return new Uint8Array(this.policy.hash);
  }

  get store(): SqliteStore {
    return this.stores[0] as SqliteStore;
  }

  get service(): AttestationService {
    return this.replicas[0] as AttestationService;
  }

  /** Enrols a device, and allows what runs on it. */
  async enrol(enrolment: EnrolmentFile, measurement: Uint8Array): Promise<void> {
    await enrolFile(this.store, JSON.stringify(enrolment));
    await this.store.allow({
      implementationId: Buffer.from(enrolment.implementationId, "hex"),
      measurement,
      description: "",
      allowedAt: Date.now(),
    });
  }

  /** A genuine device with the trusted runtime. */
  async device(): Promise<LocalIsolate> {
    const path = this.path(`device-${this.locals.length}.key`);
    const local = new LocalIsolate(path, {}, this.modules.runtime);
    this.locals.push(local);
    await this.enrol(local.rootOfTrust.enrolment(), Buffer.from(local.measurement, "hex"));
    return local;
  }

  async challenge(): Promise<Message<"challenge">> {
    const asked = { type: "start", protocol: "psa", firmwareVersion: "" } as const;
    const answer = await this.service.start(asked);
    if (!answer.ok) throw new Error(answer.detail);
    return answer.message;
  }

  async certify(
    asked: Omit<Message<"nativeAttestationToken">, "type">,
  ): Promise<Message<"certificateChain">> {
    const answer = await this.service.attest({ type: "nativeAttestationToken", ...asked });
    if (!answer.ok) throw new Stopped(`${answer.detail} (${answer.rule})`);
    return answer.message;
  }

  async commit(asked: Message<"commitComputation">, replica = 0): Promise<Uint8Array> {
    const answer = await (this.replicas[replica] as AttestationService).commit(asked);
    if (!answer.ok) throw new Stopped(`${answer.detail} (${answer.rule})`);
    return answer.message.statement;
  }

  /**
   * Starts the runtime of a device under P and has it attested.
   *
   * @returns its certificate, and what it was certified for
   */
  async start(local: LocalIsolate) {
    local.commitRequests.length = 0;
    local.ended = undefined;
    const { bytes: policy } = this.policy;
    wants(local.request({ type: "initialise", id: 1, version: PROTOCOL_VERSION, policy }), "done");
    const challenge = await this.challenge();
    const answer = wants(local.request({ ...challenge, type: "attest", id: 2 }), "attestation");
    const { token, csr, deviceId, policyHash, scope } = answer;
    const evidence = { token, csr, deviceId, policyHash, scope };
    const { certificate, issuer } = await this.certify(evidence);
    wants(local.request({ type: "installCertificate", id: 3, certificate, issuer }), "done");
    return { certificate, evidence };
  }

  /** Hands a statement over to an isolate. */
  install(local: LocalIsolate, statement: Uint8Array): void {
    const answer = local.request({ type: "installCommitment", id: 4, statement });
    if (answer.type !== "done") throw new Stopped(textOf(answer));
  }

  /** A principal's session with an isolate, whose certificate it does not look at. */
  async connect(
    local: LocalIsolate,
    who: TestCertificate = this.attacker,
  ): Promise<PrincipalConnection> {
    let stream: ReturnType<LocalIsolate["openSession"]>;
    try {
      stream = local.openSession();
    } catch (error) {
      throw new Stopped((error as Error).message);
    }
    return new Promise((resolve, reject) => {
      const socket = connect({
        socket: stream,
        servername: "ComputeEnclave.dev",
        rejectUnauthorized: false,
        minVersion: "TLSv1.3",
        cert: who.pem,
        key: who.keyPem,
      });
      const connection = new PrincipalConnection(socket, stream.number);
      socket.once("error", reject);
      socket.once("secureConnect", () => resolve(connection));
    });
  }

  async free(): Promise<void> {
    for (const local of this.locals) local.free();
    for (const store of this.stores) await store.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export function wants<T extends Answer["type"]>(
  answer: Answer,
  type: T,
): Extract<Answer, { type: T }> {
  if (answer.type !== type) throw new Error(`${JSON.stringify(answer)} instead of ${type}`);
  return answer as Extract<Answer, { type: T }>;
}

/** What an answer says in words, else its type. */
export const textOf = (answer: { type: string; text?: string } | Answer): string =>
  "text" in answer && answer.text !== undefined ? answer.text : answer.type;
