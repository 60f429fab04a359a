// A deployment without a Veracruz server: the trusted runtime, in this process on wasm3 or on a board,
// attested by a real proxy attestation service; principals that reach it with Node's TLS.

import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Duplex } from "node:stream";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import { wasmPath } from "../../host/common/paths.js";
import { TrustedHome } from "../../host/isolate/trusted-home.js";
import type { TrustedModule, TrustedModuleOptions } from "../../host/isolate/trusted-module.js";
import { initialiseCa, loadCa } from "../../host/proxy-attestation-server/ca.js";
import { enrolFile } from "../../host/proxy-attestation-server/enrolment.js";
import { openStore } from "../../host/proxy-attestation-server/open-store.js";
import { AttestationService } from "../../host/proxy-attestation-server/service.js";
import type { Store } from "../../host/proxy-attestation-server/store.js";
import { SoftwareRootOfTrust } from "../../host/psa-attestation/root-of-trust.js";
import {
  decodeMessage,
  encodeMessage,
  FrameReader,
  frame,
  MAX_PRINCIPAL_FRAME_BYTES,
  type Message,
  type MessageIn,
  PROTOCOL_VERSION,
} from "../../host/transport-protocol/index.js";
import type { PolicyDocument } from "../../host/veracruz-utils/policy.js";
import { certificateToPem } from "../../host/x509/principal-certificate.js";
import { makeCertificate, type TestCertificate } from "../support/certificates.js";
import type { Platform } from "../support/platforms.js";
import { rights } from "../support/system.js";

export { exampleModule as example } from "../support/system.js";

type IsolateAnswer = MessageIn<"isolateAnswer">;
type IsolateRequest = MessageIn<"isolateRequest">;
type PrincipalRequest = MessageIn<"principalRequest">;
type PrincipalResponse = MessageIn<"principalResponse">;

export const sha256 = (bytes: Uint8Array): string =>
  createHash("sha256").update(bytes).digest("hex");

/** A principal's certificate and key. */
export function newPrincipal(commonName: string, notAfter?: Date): TestCertificate {
  return makeCertificate({ commonName, ...(notAfter && { notAfter }) });
}

/** One side of a TLS connection through the isolate's messages. */
class SessionStream extends Duplex {
  constructor(
    private readonly isolate: LocalIsolate,
    readonly number: number,
  ) {
    super();
    // What the isolate closed takes no more bytes either.
    this.once("end", () => this.destroy());
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error) => void): void {
    for (let at = 0; at < chunk.length; at += 16384) {
      const answer = this.isolate.request({
        type: "tlsInput",
        id: 0,
        session: this.number,
        tls: chunk.subarray(at, at + 16384),
      });
      if (answer.type === "refused") {
        done(new Error(answer.text));
        return;
      }
    }
    done();
  }
}

type Awaitable<T> = T | Promise<T>;

/** A trusted runtime, driven by the messages that a Veracruz server sends. */
export interface DrivenIsolate {
  /** What it has said in debug mode. */
  readonly debugLines: readonly string[];
  /** Sessions that it closed, with the reason. */
  readonly closed: ReadonlyMap<number, string>;
  /** Why it says that the computation has ended, and how often it said so. */
  readonly ended: string | undefined;
  readonly endings: number;
  /** What it has asked of the proxy attestation server. */
  readonly commitRequests: Message<"commitWanted">[];
  readonly freshnessRequests: Message<"freshnessWanted">[];
  /** JSON, as a proxy attestation server enrols it. */
  readonly enrolment: string;
  /** SHA-256 of the runtime, in hexadecimal. */
  readonly measurement: string;
  /** Sends a request and gives its one answer; events go where they belong. */
  request(message: IsolateRequest): Awaitable<IsolateAnswer>;
  /** Hands over bytes as a frame, whatever they are. */
  raw(bytes: Uint8Array): unknown;
  /** Opens a session; fails with the isolate's reason when it is refused. */
  openSession(): Awaitable<Duplex & { number: number }>;
  free(): Awaitable<void>;
}

/** Where the runtime of a deployment runs. */
export interface RuntimePlatform extends Pick<Platform, "name" | "kind"> {
  open(folder: string, options: TrustedModuleOptions): Awaitable<DrivenIsolate>;
}

/** The trusted runtime on wasm3 in this process. */
export class LocalIsolate implements DrivenIsolate {
  private readonly home: TrustedHome;
  readonly commitRequests: Message<"commitWanted">[] = [];
  readonly freshnessRequests: Message<"freshnessWanted">[] = [];
  readonly runtime: Buffer;
  readonly rootOfTrust: SoftwareRootOfTrust;
  readonly debugLines: string[] = [];
  readonly closed = new Map<number, string>();
  ended: string | undefined;
  endings = 0;
  private readonly streams = new Map<number, SessionStream>();
  private nextSession = 1;

  /** @param build of the trusted runtime: its name in `scripts/wasm-modules.js`, or its bytes */
  constructor(
    keyFile: string,
    options: TrustedModuleOptions = {},
    build: string | Uint8Array = "runtime",
  ) {
    this.runtime = typeof build === "string" ? readFileSync(wasmPath(build)) : Buffer.from(build);
    this.rootOfTrust = SoftwareRootOfTrust.open(keyFile);
    this.home = new TrustedHome(this.runtime, this.rootOfTrust, {
      memoryLimit: 64 * 1024 * 1024,
      debug: (line) => this.debugLines.push(line),
      ...options,
    });
  }

  /** The runtime's module as it is now: a reset starts it anew. */
  get module(): TrustedModule {
    return this.home.module;
  }

  get enrolment(): string {
    return JSON.stringify(this.rootOfTrust.enrolment());
  }

  get measurement(): string {
    return sha256(this.runtime);
  }

  /** Hands over raw bytes as a frame; returns every frame that came back. */
  raw(bytes: Uint8Array): Uint8Array[] {
    return this.home.handle(bytes);
  }

  private event(message: IsolateAnswer): boolean {
    switch (message.type) {
      case "tlsOutput":
        this.streams.get(message.session)?.push(message.tls);
        return true;
      case "sessionOpened":
        return true;
      case "sessionClosed":
        this.closed.set(message.session, message.text);
        this.streams.get(message.session)?.push(null);
        return true;
      case "ended":
        this.ended = message.text;
        this.endings++;
        return true;
      case "commitWanted":
        this.commitRequests.push(message);
        return true;
      case "freshnessWanted":
        this.freshnessRequests.push(message);
        return true;
      default:
        return false;
    }
  }

  /** Sends a request and returns its one answer; events go where they belong. */
  request(
    message: Message<keyof typeof import("../../host/transport-protocol/index.js").messages>,
  ): IsolateAnswer {
    const answers: IsolateAnswer[] = [];
    for (const bytes of this.raw(encodeMessage(message))) {
      const answer = decodeMessage("isolateAnswer", bytes);
      if (!this.event(answer)) answers.push(answer);
    }
    const [answer] = answers;
    if (answer === undefined || answers.length > 1) {
      throw new Error(`${answers.length} answers to ${message.type}`);
    }
    return answer;
  }

  tick(milliseconds: number): void {
    for (const bytes of this.home.tick(milliseconds))
      this.event(decodeMessage("isolateAnswer", bytes));
  }

  /** Opens a session; throws with the isolate's reason when it is refused. */
  openSession(): Duplex & { number: number } {
    const number = this.nextSession++;
    const answer = this.request({ type: "newSession", id: 1, admitted: 1, session: number });
    if (answer.type === "refused") throw new Error(answer.text);
    const stream = new SessionStream(this, number);
    this.streams.set(number, stream);
    return stream;
  }

  free(): void {
    this.home.free();
    this.rootOfTrust.free();
  }
}

/** An isolate in this process, with a build of the trusted runtime. */
export const inProcessOf = (name: string, build: string) =>
  ({
    name,
    kind: "linux",
    open: (folder: string, options: TrustedModuleOptions) =>
      new LocalIsolate(join(folder, "device.key"), options, build),
  }) as const satisfies RuntimePlatform;

export const inProcess = inProcessOf("in process", "runtime");

/** A principal's session: requests and responses inside TLS. */
export class PrincipalConnection {
  private readonly reader = new FrameReader(MAX_PRINCIPAL_FRAME_BYTES);
  private readonly waiting: ((response: PrincipalResponse | Error) => void)[] = [];
  private failure: Error | undefined;

  constructor(
    readonly socket: TLSSocket,
    readonly number: number,
  ) {
    socket.on("data", (chunk: Buffer) => {
      for (const bytes of this.reader.push(chunk)) {
        this.waiting.shift()?.(decodeMessage("principalResponse", bytes));
      }
    });
    socket.on("error", (error) => this.fail(error));
    socket.on("close", () => this.fail(new Error("the session was closed")));
  }

  private fail(error: Error): void {
    this.failure ??= error;
    for (const waiting of this.waiting.splice(0)) waiting(this.failure);
  }

  /** Hands the next response to a caller who sent no request for it. */
  expectNext(take: (response: PrincipalResponse | Error) => void): void {
    this.waiting.push(take);
  }

  request(message: PrincipalRequest): Promise<PrincipalResponse> {
    return new Promise((resolve, reject) => {
      if (this.failure !== undefined) {
        reject(this.failure);
        return;
      }
      this.waiting.push((response) =>
        response instanceof Error ? reject(response) : resolve(response),
      );
      this.socket.write(frame(encodeMessage(message)));
    });
  }

  /** Writes a whole file in pieces; returns the first refusal, or the last outcome. */
  async send(
    type: "data" | "program" | "stream",
    fileName: string,
    content: Uint8Array,
    pieceBytes = 4096,
  ): Promise<PrincipalResponse> {
    for (let offset = 0; ; offset += pieceBytes) {
      const bytes = content.subarray(offset, offset + pieceBytes);
      const file = { fileName, offset, total: content.length, bytes };
      const response = await this.request(
        type === "stream" ? { type, round: 0, ...file } : { type, ...file },
      );
      const last = offset + pieceBytes >= content.length;
      if (last || (response.type === "outcome" && response.status !== 0)) return response;
    }
  }

  /** Reads a whole file in pieces; returns the response that is no piece, if one comes. */
  async read(
    fileName: string,
    programName = "",
    pieceBytes = 16384,
  ): Promise<Uint8Array | PrincipalResponse> {
    const pieces: Uint8Array[] = [];
    let round = 0;
    for (let offset = 0; ; ) {
      const response = await this.request({
        type: "requestResult",
        round,
        programName,
        fileName,
        offset,
        length: pieceBytes,
      });
      if (response.type !== "result") return response;
      round = response.round;
      pieces.push(response.bytes);
      offset += response.bytes.length;
      if (offset >= response.total) return Buffer.concat(pieces);
    }
  }

  close(): void {
    this.socket.destroy();
  }
}

export interface DeploymentOptions extends TrustedModuleOptions {
  identities: { certificate: TestCertificate; capabilities: string }[];
  programs?: { name: string; module: Uint8Array; capabilities: string }[];
  policy?: Partial<PolicyDocument>;
  /** Leaves the isolate without its certificate. */
  unattested?: boolean;
  /** Leaves the computation without its commit. */
  uncommitted?: boolean;
  /** The measurement that the proxy attestation server allows; default: the isolate's own. */
  allowedMeasurement?: string;
}

/** A policy, an isolate that has it, and the service that attested it. */
export class Deployment<I extends DrivenIsolate = DrivenIsolate> {
  readonly caPem: string;
  readonly policyBytes: Buffer;
  /** Milliseconds by which the attestation service's clock is ahead of this computer's. */
  later = 0;

  private constructor(
    /** A folder for this deployment's files. */
    readonly folder: string,
    readonly isolate: I,
    readonly service: AttestationService,
    private readonly store: Store,
    readonly caDer: Uint8Array,
    kind: RuntimePlatform["kind"],
    private readonly options: DeploymentOptions,
  ) {
    this.caPem = certificateToPem(caDer);
    const document: PolicyDocument = {
      identities: options.identities.map(({ certificate, capabilities }, id) => ({
        certificate: certificate.pem,
        id,
        file_rights: rights(capabilities),
      })),
      programs: (options.programs ?? []).map(({ name, module, capabilities }, id) => ({
        program_file_name: name,
        id,
        pi_hash: sha256(module),
        file_rights: rights(capabilities),
      })),
      veracruz_server_url: "127.0.0.1:3017",
      proxy_attestation_server_url: "127.0.0.1:3010",
      proxy_service_cert: this.caPem,
      enclave_cert_expiry: { year: 2099, month: 1, day: 1, hour: 0, minute: 0 },
      ciphersuite: "TLS1_3_CHACHA20_POLY1305_SHA256",
      [`runtime_manager_hash_${kind}` as const]: isolate.measurement,
      debug: false,
      allow_development: true,
      execution_strategy: "Interpretation",
      ...options.policy,
    };
    this.policyBytes = Buffer.from(JSON.stringify(document));
  }

  /** A deployment whose runtime runs in this process. */
  static start(options: DeploymentOptions): Promise<Deployment<LocalIsolate>> {
    return Deployment.on(inProcess, options);
  }

  static async on<P extends RuntimePlatform>(
    platform: P,
    options: DeploymentOptions,
  ): Promise<Deployment<Awaited<ReturnType<P["open"]>>>> {
    const {
      identities,
      programs,
      policy,
      unattested,
      uncommitted,
      allowedMeasurement,
      ...moduleOptions
    } = options;
    const folder = mkdtempSync(join(tmpdir(), "vc-runtime-test-"));
    const path = (name: string) => join(folder, name);
    initialiseCa(path("ca.key"), path("ca.pem"), "test CA", 30);
    const ca = loadCa(path("ca.key"), path("ca.pem"));
    const store = await openStore(path("pas.db"));
    type Isolate = Awaited<ReturnType<P["open"]>>;
    let running: Deployment | undefined;
    const isolate = (await platform.open(folder, moduleOptions)) as Isolate;
    try {
      await enrolFile(store, isolate.enrolment);
      const { implementationId } = JSON.parse(isolate.enrolment) as { implementationId: string };
      await store.allow({
        implementationId: Buffer.from(implementationId, "hex"),
        measurement: Buffer.from(allowedMeasurement ?? isolate.measurement, "hex"),
        description: "",
        allowedAt: Date.now(),
      });
      const clock = () => Date.now() + (running?.later ?? 0);
      const service = new AttestationService(store, ca, { allowDevelopment: true, clock });
      const { kind } = platform;
      const all = new Deployment(folder, isolate, service, store, ca.certificate, kind, options);
      running = all;
      all.expect("done", await all.initialise(all.policyBytes));
      if (!unattested) await all.attest();
      if (!unattested && !uncommitted) await all.commit();
      return all;
    } catch (error) {
      await isolate.free();
      await store.close();
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  private expect<T extends IsolateAnswer["type"]>(
    type: T,
    answer: IsolateAnswer,
  ): Extract<IsolateAnswer, { type: T }> {
    if (answer.type !== type) throw new Error(`expected ${type}, got ${JSON.stringify(answer)}`);
    return answer as Extract<IsolateAnswer, { type: T }>;
  }

  async initialise(policy: Uint8Array): Promise<IsolateAnswer> {
    return this.isolate.request({ type: "initialise", id: 1, version: PROTOCOL_VERSION, policy });
  }

  /** The flow that a Veracruz server goes through at its start. Returns the isolate's certificate. */
  async attest(): Promise<Uint8Array> {
    const certificate = await this.certify();
    this.expect("done", await this.install(certificate));
    return certificate;
  }

  /** Has the isolate take a certificate of the attestation service. */
  async install(certificate: Uint8Array): Promise<IsolateAnswer> {
    const issuer = this.caDer;
    return this.isolate.request({ type: "installCertificate", id: 3, certificate, issuer });
  }

  /** A certificate for the isolate's key that it has not been given. */
  async certify(): Promise<Uint8Array> {
    const start = await this.service.start({
      type: "start",
      protocol: "psa",
      firmwareVersion: "test",
    });
    if (!start.ok) throw new Error(start.detail);
    const attestation = this.expect(
      "attestation",
      await this.isolate.request({ ...start.message, type: "attest", id: 2 }),
    );
    const { token, csr, deviceId, policyHash, scope } = attestation;
    const chain = await this.service.attest({
      type: "nativeAttestationToken",
      token,
      csr,
      deviceId,
      policyHash,
      scope,
    });
    if (!chain.ok) throw new Error(`${chain.rule}: ${chain.detail}`);
    return chain.message.certificate;
  }

  /** The proxy attestation server's answer to the isolate's next request for a commit. */
  async commitStatement(): Promise<Uint8Array> {
    const { commitRequests } = this.isolate;
    while (commitRequests.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const request = commitRequests.shift() as Message<"commitWanted">;
    const answer = await this.service.commit({ ...request, type: "commitComputation" });
    if (!answer.ok) throw new Error(`${answer.rule}: ${answer.detail}`);
    return answer.message.statement;
  }

  /** Has the computation committed, as the first principal's client does who may write. */
  async commit(): Promise<void> {
    const writer = this.options.identities.find(({ capabilities }) => /:\w*w/.test(capabilities));
    if (writer === undefined) return;
    const connection = await this.connect(writer.certificate);
    await this.commitIn(connection);
    connection.close();
    await this.isolate.request({ type: "closeSession", id: 5, session: connection.number });
  }

  /** The same in a session that is open. */
  async commitIn(connection: PrincipalConnection): Promise<void> {
    const answer = connection.request({ type: "commit" });
    const statement = await this.commitStatement();
    this.expect(
      "done",
      await this.isolate.request({ type: "installCommitment", id: 4, statement }),
    );
    const { type } = await answer;
    if (type !== "committed") throw new Error(`${type} instead of a commit`);
  }

  /** Opens TLS as this principal. Rejects with why the handshake failed. */
  async connect(
    principal: Pick<TestCertificate, "pem" | "keyPem"> | undefined,
    options: ConnectionOptions = {},
  ): Promise<PrincipalConnection> {
    const stream = await this.isolate.openSession();
    return new Promise((resolve, reject) => {
      const socket = connect({
        socket: stream,
        servername: "ComputeEnclave.dev",
        ca: this.caPem,
        minVersion: "TLSv1.3",
        ...(principal && { cert: principal.pem, key: principal.keyPem }),
        ...options,
      });
      const connection = new PrincipalConnection(socket, stream.number);
      socket.once("error", reject);
      socket.once("close", () => reject(new Error("closed during the handshake")));
      // The isolate judges the client's certificate after the client is done: ask something.
      socket.once("secureConnect", () => {
        connection.request({ type: "requestState" }).then(() => resolve(connection), reject);
      });
    });
  }

  async stop(): Promise<void> {
    await this.isolate.free();
    await this.store.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
