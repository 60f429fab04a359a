// The whole system for tests, over real sockets: a proxy attestation server and a Veracruz server in
// this process, an attested isolate on any platform, principals with their clients.
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import type { IsolateLauncher } from "../../host/common/isolate-launcher.js";
import { wasmPath } from "../../host/common/paths.js";
import { ComputationRecords } from "../../host/continuity/records.js";
import {
  type CertificateAuthority,
  initialiseCa,
  loadCa,
} from "../../host/proxy-attestation-server/ca.js";
import { enrolFile } from "../../host/proxy-attestation-server/enrolment.js";
import {
  type RunningServer,
  startServer as startAttestationServer,
} from "../../host/proxy-attestation-server/server.js";
import { SqliteStore } from "../../host/proxy-attestation-server/sqlite-store.js";
import type { Store } from "../../host/proxy-attestation-server/store.js";
import { type ConnectOptions, VeracruzClient } from "../../host/veracruz-client/client.js";
import { loadIdentity } from "../../host/veracruz-client/identity.js";
import { VeracruzServer } from "../../host/veracruz-server/server.js";
import type { ServerOptions } from "../../host/veracruz-server/settings.js";
import { type FileRights, Policy, type PolicyDocument } from "../../host/veracruz-utils/policy.js";
import { certificateToPem } from "../../host/x509/principal-certificate.js";
import { makeCertificate, type TestCertificate } from "./certificates.js";
import { hangReports } from "./hang-report.js";
import { hostProcess, type Platform, type ProvisionedIsolate, processFiles } from "./platforms.js";

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

export interface TestAttestationOptions {
  /** Where the isolate runs; default: a process. */
  platform?: Platform;
  /** For how long the isolate's certificates are good, in milliseconds. */
  validity?: number;
}

/** A proxy attestation server on a free port, with an isolate's root of trust enrolled. */
export class TestAttestation {
  private constructor(
    readonly folder: string,
    readonly ca: CertificateAuthority,
    readonly store: Store,
    readonly platform: Platform,
    readonly provisioned: ProvisionedIsolate,
    private readonly server: RunningServer,
  ) {}

  static async start(options: TestAttestationOptions = {}): Promise<TestAttestation> {
    const { platform = hostProcess, validity } = options;
    const folder = mkdtempSync(join(tmpdir(), "vc-system-"));
    const path = (name: string) => join(folder, name);
    initialiseCa(path("ca-key.pem"), path("ca.pem"), "Test CA", 30);
    const ca = loadCa(path("ca-key.pem"), path("ca.pem"));
    const store = SqliteStore.open(path("pas.sqlite"));
    const isolate = await platform.provision(folder);
    await enrolFile(store, isolate.enrolment);
    const server = await startAttestationServer(store, ca, {
      host: "127.0.0.1",
      port: 0,
      logger: pino({ level: "silent" }),
      allowDevelopment: true,
      ...(validity !== undefined && { certificateValidity: validity }),
    });
    const attestation = new TestAttestation(folder, ca, store, platform, isolate, server);
    await attestation.allow(attestation.runtimeHash);
    return attestation;
  }

  async allow(measurement: Uint8Array): Promise<void> {
    const { implementationId } = JSON.parse(this.provisioned.enrolment) as Record<string, string>;
    await this.store.allow({
      implementationId: new Uint8Array(Buffer.from(String(implementationId), "hex")),
      measurement: new Uint8Array(measurement),
      description: "",
      allowedAt: Date.now(),
    });
  }

  get address(): { host: string; port: number } {
    return { host: "127.0.0.1", port: this.server.address.port };
  }

  /** Of the host isolate. */
  get rootOfTrust(): string {
    return processFiles(this.folder).rootOfTrust;
  }

  /** Of the host isolate. */
  get runtime(): string {
    return processFiles(this.folder).runtime;
  }

  get runtimeHash(): Uint8Array {
    return new Uint8Array(this.provisioned.measurement);
  }

  get caPem(): string {
    return certificateToPem(this.ca.certificate);
  }

  /** How a Veracruz server starts the isolate of this deployment. */
  isolate(): IsolateLauncher {
    return this.provisioned.isolate;
  }

  /** Writes what a command needs into its folder; where. */
  write(name: string, content: string | Uint8Array): string {
    const path = join(this.folder, name);
    writeFileSync(path, content, { mode: 0o600 });
    return path;
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
  /** Told of each line that the server logs, as it comes. */
  onLog?: (line: LogLine, log: readonly LogLine[]) => void;
}

/** A line of the server's log. */
export type LogLine = Record<string, unknown>;

/** What `GET /healthz` says, as far as tests look at it. */
export interface HealthReport {
  status: string;
  sessions: { open: number; max: number; lastRefusal: string };
  isolate: {
    kind: string;
    runtimeHash: string;
    running: boolean;
    boot: string;
    restarts: number;
    lastFailure: string;
  };
}

/** The id of the process, the isolate's own or its emulator's, that was started last. */
export function isolatePid(log: readonly LogLine[]): number {
  return Number(log.findLast(({ pid }) => pid !== undefined)?.pid);
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
    [`runtime_manager_hash_${attestation.platform.kind}` as const]: Buffer.from(
      attestation.runtimeHash,
    ).toString("hex"),
    debug: false,
    allow_development: true,
    execution_strategy: attestation.platform.strategy ?? "Interpretation",
    // Each system is another computation.
    computation_id: randomBytes(16).toString("hex"),
    ...options.policy,
  };
}

/** For how long a server of tests waits for clients and isolate, however busy the machine is. */
const PATIENT: Partial<ServerOptions> = {
  headersMs: 60_000,
  requestMs: 120_000,
  handshakeMs: 60_000,
  healthTimeoutMs: 60_000,
  attestationTimeoutMs: 180_000,
};

/** A running system. */
export class System {
  private constructor(
    readonly attestation: TestAttestation,
    readonly policy: Policy,
    readonly server: VeracruzServer,
    /** What the server has logged. */
    readonly log: readonly LogLine[],
    private readonly ownsAttestation: boolean,
  ) {}

  /** Starts everything; `server.ready()` is still to be waited for when `waitReady` is false. */
  static async start(options: SystemOptions, waitReady = true): Promise<System> {
    const attestation = options.attestation ?? (await TestAttestation.start());
    const document = makePolicy(attestation, options);
    const policy = new Policy(Buffer.from(JSON.stringify(document)));
    const log: LogLine[] = [];
    const write = (text: string) => {
      const line = JSON.parse(text) as LogLine;
      log.push(line);
      options.onLog?.(line, log);
    };
    const logger = pino({ level: "debug", base: null }, { write });
    const server = await VeracruzServer.start({
      policy,
      isolate: attestation.isolate(),
      host: "127.0.0.1",
      port: 0,
      logger,
      isolateRestarts: 2,
      ...PATIENT,
      ...options.server,
    });
    const system = new System(attestation, policy, server, log, options.attestation === undefined);
    try {
      if (waitReady) await server.ready();
    } catch (error) {
      system.tell();
      await system.stop();
      throw error;
    }
    return system;
  }

  /** Starts a system, has it used, and stops it; with a failure come the last lines of its log. */
  static async use(options: SystemOptions, use: (system: System) => Promise<void>): Promise<void> {
    const system = await System.start(options);
    try {
      await use(system);
    } catch (error) {
      system.tell();
      throw error;
    } finally {
      await system.stop();
    }
  }

  /** Shows what the server logged last: somebody asks why a test failed. */
  private tell(): void {
    for (const line of this.log.slice(-30)) console.log(JSON.stringify(line));
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
      records: new ComputationRecords(join(this.attestation.folder, "records", name)),
      // However busy the machine that emulates a board is.
      timeoutMs: 300_000,
      ...options,
    });
  }

  /** As `connect`; where the isolate has no room for another handshake now, the principal comes again. */
  async connectPatiently(
    name: string,
    options: Partial<ConnectOptions> = {},
  ): Promise<VeracruzClient> {
    let client: VeracruzClient | undefined;
    await until(`${name} is connected`, async () => {
      client = await this.connect(name, options).catch((error: Error) => {
        if (/too many handshakes are under way/.test(error.message)) return undefined;
        throw error;
      });
      return client !== undefined;
    });
    return client as VeracruzClient;
  }

  async health(): Promise<HealthReport> {
    return (await (await fetch(this.url("/healthz"))).json()) as HealthReport;
  }

  /** Ends the isolate without a warning: kills its process, or the emulator as a power cut would. */
  killIsolate(): void {
    process.kill(isolatePid(this.log), "SIGKILL");
  }

  /** Lines of the server's log about one event. */
  logged(event: string): LogLine[] {
    return this.log.filter(({ msg }) => msg === event);
  }

  async stop(): Promise<void> {
    await this.server.close();
    if (this.ownsAttestation) await this.attestation.stop();
  }
}

/** The error that something ends with. */
export function failure(run: Promise<unknown>): Promise<Error> {
  return run.then(
    () => new Error("it succeeded"),
    (error: Error) => error,
  );
}

/** Waits until something holds; throws after three minutes, which a busy machine does not come near. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 180_000;
  const report = () => `waiting until ${what}`;
  hangReports.add(report);
  try {
    while (!(await holds())) {
      if (Date.now() > deadline) throw new Error(`not within three minutes: ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  } finally {
    hangReports.delete(report);
  }
}
