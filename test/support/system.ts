// The whole system for tests, over real sockets: a proxy attestation server and a Veracruz server in
// this process, an isolate in a process of its own, attested; principals with their clients.
import { createHash } from "node:crypto";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { wasmPath } from "../../host/common/paths.js";
import {
  type CertificateAuthority,
  initialiseCa,
  loadCa,
  pemOf,
} from "../../host/proxy-attestation-server/ca.js";
import { enrolFile } from "../../host/proxy-attestation-server/enrolment.js";
import {
  type RunningServer,
  startServer as startAttestationServer,
} from "../../host/proxy-attestation-server/server.js";
import { SqliteStore } from "../../host/proxy-attestation-server/sqlite-store.js";
import type { Store } from "../../host/proxy-attestation-server/store.js";
import {
  SOFTWARE_IMPLEMENTATION_ID,
  SoftwareRootOfTrust,
} from "../../host/psa-attestation/root-of-trust.js";
import { type ConnectOptions, VeracruzClient } from "../../host/veracruz-client/client.js";
import { loadIdentity } from "../../host/veracruz-client/identity.js";
import { type IsolateKind, processIsolate } from "../../host/veracruz-server/isolate-kinds.js";
import { type ServerOptions, VeracruzServer } from "../../host/veracruz-server/server.js";
import { type FileRights, Policy, type PolicyDocument } from "../../host/veracruz-utils/policy.js";
import { makeCertificate, type TestCertificate } from "./certificates.js";

/** `"input-0:w,output:r"` as a policy says it. */
export function rights(text: string): FileRights[] {
  if (text === "") return [];
  return text.split(",").map((part) => {
    const [file_name, right] = part.split(":");
    return { file_name, rights: right } as FileRights;
  });
}

/** A program of the examples, as built. */
export function exampleModule(name: string): Uint8Array {
  return readFileSync(wasmPath(`examples/${name}`));
}

/** A proxy attestation server on a free port, with a host isolate's root of trust enrolled. */
export class TestAttestation {
  private constructor(
    readonly folder: string,
    readonly ca: CertificateAuthority,
    readonly store: Store,
    private readonly server: RunningServer,
  ) {}

  static async start(validity?: number): Promise<TestAttestation> {
    const folder = mkdtempSync(join(tmpdir(), "vc-system-"));
    const path = (name: string) => join(folder, name);
    initialiseCa(path("ca-key.pem"), path("ca.pem"), "Test CA", 30);
    const ca = loadCa(path("ca-key.pem"), path("ca.pem"));
    const store = SqliteStore.open(path("pas.sqlite"));
    const root = SoftwareRootOfTrust.open(path("root-of-trust.pem"));
    await enrolFile(store, JSON.stringify(root.enrolment()));
    root.free();
    // A copy: the build may replace the file while tests run.
    copyFileSync(wasmPath("runtime"), path("runtime.wasm"));
    const server = await startAttestationServer(store, ca, {
      host: "127.0.0.1",
      port: 0,
      logger: pino({ level: "silent" }),
      allowDevelopment: true,
      ...(validity !== undefined && { certificateValidity: validity }),
    });
    const attestation = new TestAttestation(folder, ca, store, server);
    await attestation.allow(attestation.runtimeHash);
    return attestation;
  }

  async allow(measurement: Uint8Array): Promise<void> {
    const implementationId = SOFTWARE_IMPLEMENTATION_ID;
    await this.store.allow({
      implementationId,
      measurement,
      description: "",
      allowedAt: Date.now(),
    });
  }

  get address(): { host: string; port: number } {
    return { host: "127.0.0.1", port: this.server.address.port };
  }

  get rootOfTrust(): string {
    return join(this.folder, "root-of-trust.pem");
  }

  get runtime(): string {
    return join(this.folder, "runtime.wasm");
  }

  get runtimeHash(): Uint8Array {
    return new Uint8Array(createHash("sha256").update(readFileSync(this.runtime)).digest());
  }

  get caPem(): string {
    return pemOf(this.ca.certificate);
  }

  /** An isolate of this deployment in a process of its own. */
  isolate(changes: { runtime?: string } = {}): IsolateKind {
    return processIsolate({ rootOfTrust: this.rootOfTrust, runtime: this.runtime, ...changes });
  }

  async stop(): Promise<void> {
    await this.server.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export interface SystemOptions {
  /** Rights by name of principal. */
  principals: Record<string, string>;
  programs?: Record<string, { module: Uint8Array; rights: string }>;
  policy?: Partial<PolicyDocument>;
  server?: Partial<ServerOptions>;
  attestation?: TestAttestation;
}

const certificates = new Map<string, TestCertificate>();

/** The certificate of a principal: the same for a name within a test file. */
export function principal(name: string): TestCertificate {
  const known = certificates.get(name) ?? makeCertificate({ commonName: name });
  certificates.set(name, known);
  return known;
}

/** A policy for this deployment. */
export function makePolicy(attestation: TestAttestation, options: SystemOptions): PolicyDocument {
  return {
    identities: Object.entries(options.principals).map(([name, text], id) => ({
      certificate: principal(name).pem,
      id,
      file_rights: rights(text),
    })),
    programs: Object.entries(options.programs ?? {}).map(([name, program], id) => ({
      program_file_name: name,
      id,
      pi_hash: createHash("sha256").update(program.module).digest("hex"),
      file_rights: rights(program.rights),
    })),
    veracruz_server_url: "127.0.0.1:3017",
    proxy_attestation_server_url: `127.0.0.1:${attestation.address.port}`,
    proxy_service_cert: attestation.caPem,
    enclave_cert_expiry: { year: 2099, month: 12, day: 31, hour: 23, minute: 59 },
    ciphersuite: "TLS1_3_CHACHA20_POLY1305_SHA256",
    runtime_manager_hash_linux: Buffer.from(attestation.runtimeHash).toString("hex"),
    debug: false,
    allow_development: true,
    execution_strategy: "Interpretation",
    ...options.policy,
  };
}

/** A running system. */
export class System {
  private constructor(
    readonly attestation: TestAttestation,
    readonly policy: Policy,
    readonly server: VeracruzServer,
    /** What the server has logged. */
    readonly log: Record<string, unknown>[],
    private readonly ownsAttestation: boolean,
  ) {}

  /** Starts everything; `server.ready()` is still to be waited for when `waitReady` is false. */
  static async start(options: SystemOptions, waitReady = true): Promise<System> {
    const attestation = options.attestation ?? (await TestAttestation.start());
    const document = makePolicy(attestation, options);
    const policy = new Policy(Buffer.from(JSON.stringify(document)));
    const log: Record<string, unknown>[] = [];
    const logger = pino(
      { level: "debug", base: null },
      { write: (line: string) => log.push(JSON.parse(line)) },
    );
    const server = await VeracruzServer.start({
      policy,
      isolate: attestation.isolate(),
      host: "127.0.0.1",
      port: 0,
      logger,
      maxRestarts: 2,
      ...options.server,
    });
    const system = new System(attestation, policy, server, log, options.attestation === undefined);
    try {
      if (waitReady) await server.ready();
    } catch (error) {
      await system.stop();
      throw error;
    }
    return system;
  }

  get address(): { host: string; port: number } {
    return { host: "127.0.0.1", port: this.server.address.port };
  }

  url(path: string): string {
    return `http://127.0.0.1:${this.server.address.port}${path}`;
  }

  /** Opens a session as a principal of the policy. */
  connect(name: string, options: Partial<ConnectOptions> = {}): Promise<VeracruzClient> {
    const { pem, keyPem } = principal(name);
    return VeracruzClient.connect({
      policy: this.policy,
      identity: loadIdentity(Buffer.from(pem), keyPem),
      server: this.address,
      ...options,
    });
  }

  /** The process id of the isolate that was started last. */
  isolatePid(): number {
    const started = this.log.filter(({ msg }) => msg === "isolate process started");
    return Number(started.at(-1)?.pid);
  }

  /** Lines of the server's log about one event. */
  logged(event: string): Record<string, unknown>[] {
    return this.log.filter(({ msg }) => msg === event);
  }

  /** Writes what a command of this system needs into its folder; where. */
  write(name: string, content: string | Uint8Array): string {
    const path = join(this.attestation.folder, name);
    writeFileSync(path, content, { mode: 0o600 });
    return path;
  }

  async stop(): Promise<void> {
    await this.server.close();
    if (this.ownsAttestation) await this.attestation.stop();
  }
}

/** Waits until something holds; throws after a minute, which only a busy machine comes near. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`not within a minute: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
