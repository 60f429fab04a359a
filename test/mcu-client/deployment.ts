// A deployment whose isolate is an emulated board: attested by a real proxy attestation service, driven
// by the messages that a Veracruz server sends, with principals that reach it with Node's TLS.
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Duplex } from "node:stream";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import { EmulatedIsolate, type EmulatedIsolateOptions } from "../../host/mcu/emulated-isolate.js";
import { SerialLink } from "../../host/mcu/serial-link.js";
import { initialiseCa, loadCa, pemOf } from "../../host/proxy-attestation-server/ca.js";
import { enrolFile } from "../../host/proxy-attestation-server/enrolment.js";
import { openStore } from "../../host/proxy-attestation-server/open-store.js";
import { AttestationService } from "../../host/proxy-attestation-server/service.js";
import type { Store } from "../../host/proxy-attestation-server/store.js";
import {
  decodeMessage,
  encodeMessage,
  FrameReader,
  frame,
  MAX_ISOLATE_FRAME_BYTES,
  type MessageIn,
} from "../../host/transport-protocol/index.js";
import type { PolicyDocument } from "../../host/veracruz-utils/policy.js";
import { PrincipalConnection, sha256 } from "../runtime-manager/deployment.js";
import type { TestCertificate } from "../support/certificates.js";
import { rights } from "../support/system.js";

type IsolateAnswer = MessageIn<"isolateAnswer">;
type IsolateRequest = MessageIn<"isolateRequest">;
/** A request as the caller gives it; the client numbers it. */
type Request = IsolateRequest extends infer R ? (R extends unknown ? Omit<R, "id"> : never) : never;

/** One side of a TLS connection through the isolate's messages. */
class SessionStream extends Duplex {
  constructor(
    private readonly client: IsolateClient,
    readonly session: number,
  ) {
    super();
    this.once("end", () => this.destroy());
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error) => void): void {
    const pieces: Promise<unknown>[] = [];
    for (let at = 0; at < chunk.length; at += 8192) {
      const tls = chunk.subarray(at, at + 8192);
      pieces.push(this.client.request({ type: "tlsInput", session: this.session, tls }));
    }
    Promise.all(pieces).then(() => done(), done);
  }
}

/** The Veracruz server's end of the connection to an isolate. */
export class IsolateClient {
  readonly closedSessions = new Map<number, string>();
  ended: string | undefined;
  private readonly waiting = new Map<
    number,
    { resolve: (answer: IsolateAnswer) => void; reject: (error: Error) => void }
  >();
  private readonly streams = new Map<number, SessionStream>();
  private nextId = 1;
  private nextSession = 1;

  constructor(private readonly link: Duplex) {
    const reader = new FrameReader(MAX_ISOLATE_FRAME_BYTES);
    link.on("data", (chunk: Buffer) => {
      for (const bytes of reader.push(chunk)) this.take(decodeMessage("isolateAnswer", bytes));
    });
    link.on("error", (error) => this.fail(error));
    link.on("close", () => this.fail(new Error("the isolate is gone")));
  }

  private fail(error: Error): void {
    for (const { reject } of this.waiting.values()) reject(error);
    this.waiting.clear();
    for (const stream of this.streams.values()) stream.destroy();
  }

  private take(message: IsolateAnswer): void {
    if (message.type === "tlsOutput") this.streams.get(message.session)?.push(message.tls);
    else if (message.type === "sessionClosed") {
      this.closedSessions.set(message.session, message.text);
      this.streams.get(message.session)?.push(null);
    } else if (message.type === "ended") this.ended = message.text;
    else {
      this.waiting.get(message.id)?.resolve(message);
      this.waiting.delete(message.id);
    }
  }

  /** Sends a request; resolves with its answer, rejects when the isolate is gone or refuses. */
  request(request: Request): Promise<IsolateAnswer> {
    return new Promise<IsolateAnswer>((resolve, reject) => {
      const id = this.nextId++;
      this.waiting.set(id, { resolve, reject });
      this.link.write(frame(encodeMessage({ ...request, id } as IsolateRequest)));
    }).then((answer) => {
      if (answer.type === "refused") throw new Error(answer.text);
      return answer;
    });
  }

  /** As `request`, where only one kind of answer will do. */
  async ask<T extends IsolateAnswer["type"]>(
    type: T,
    request: Request,
  ): Promise<Extract<IsolateAnswer, { type: T }>> {
    const answer = await this.request(request);
    if (answer.type !== type) throw new Error(`${answer.type} instead of ${type}`);
    return answer as Extract<IsolateAnswer, { type: T }>;
  }

  async openSession(): Promise<SessionStream> {
    const session = this.nextSession++;
    await this.request({ type: "newSession", session });
    const stream = new SessionStream(this, session);
    this.streams.set(session, stream);
    return stream;
  }

  close(): void {
    this.link.destroy();
  }
}

/** Connects to TCP 6000 of a board, or to its serial link. */
export async function connectTo(
  isolate: EmulatedIsolate,
  over: "tcp" | "serial" = "tcp",
): Promise<IsolateClient> {
  const socket: Socket =
    over === "tcp" ? connect(isolate.address) : connect({ path: isolate.board.serialSocket });
  await once(socket, "connect");
  socket.setNoDelay(true);
  return new IsolateClient(over === "tcp" ? socket : new SerialLink(socket));
}

export interface EmulatedDeploymentOptions
  extends Pick<
    EmulatedIsolateOptions,
    "board" | "runtimeHost" | "main" | "exact" | "console" | "variant"
  > {
  identities: { certificate: TestCertificate; capabilities: string }[];
  programs?: { name: string; module: Uint8Array; capabilities: string }[];
  policy?: Partial<PolicyDocument>;
  over?: "tcp" | "serial";
  /** The measurement that the proxy attestation server allows; default: the isolate's own. */
  allowedMeasurement?: string;
}

/** A policy, an emulated isolate that has it, and the service that attested it. */
export class EmulatedDeployment {
  private constructor(
    readonly folder: string,
    readonly isolate: EmulatedIsolate,
    readonly client: IsolateClient,
    private readonly service: AttestationService,
    private readonly store: Store,
    readonly caPem: string,
    readonly policyBytes: Buffer,
  ) {}

  static async start(options: EmulatedDeploymentOptions): Promise<EmulatedDeployment> {
    const { identities, programs, policy, over, allowedMeasurement, ...isolateOptions } = options;
    const folder = mkdtempSync(join(tmpdir(), "mcu-deployment-"));
    const path = (name: string) => join(folder, name);
    initialiseCa(path("ca.key"), path("ca.pem"), "test CA", 1);
    const ca = loadCa(path("ca.key"), path("ca.pem"));
    const store = await openStore(path("pas.db"));
    const isolate = await EmulatedIsolate.start({ ...isolateOptions, state: path("secret") });
    try {
      const enrolment = isolate.enrolment();
      await enrolFile(store, JSON.stringify(enrolment));
      await store.allow({
        implementationId: Buffer.from(enrolment.implementationId, "hex"),
        measurement: Buffer.from(allowedMeasurement ?? isolate.identity.measurement, "hex"),
        description: "",
        allowedAt: Date.now(),
      });
      const service = new AttestationService(store, ca, { allowDevelopment: true });
      const caPem = pemOf(ca.certificate);
      const document: PolicyDocument = {
        identities: identities.map(({ certificate, capabilities }, id) => ({
          certificate: certificate.pem,
          id,
          file_rights: rights(capabilities),
        })),
        programs: (programs ?? []).map(({ name, module, capabilities }, id) => ({
          program_file_name: name,
          id,
          pi_hash: sha256(module),
          file_rights: rights(capabilities),
        })),
        veracruz_server_url: "127.0.0.1:3017",
        proxy_attestation_server_url: "127.0.0.1:3010",
        proxy_service_cert: caPem,
        enclave_cert_expiry: { year: 2099, month: 1, day: 1, hour: 0, minute: 0 },
        ciphersuite: "TLS1_3_CHACHA20_POLY1305_SHA256",
        runtime_manager_hash_mcu: isolate.identity.measurement,
        debug: false,
        allow_development: true,
        execution_strategy: "Interpretation",
        ...policy,
      };
      const policyBytes = Buffer.from(JSON.stringify(document));
      const client = await connectTo(isolate, over);
      await client.ask("done", { type: "initialise", version: 1, policy: policyBytes });
      return new EmulatedDeployment(folder, isolate, client, service, store, caPem, policyBytes);
    } catch (error) {
      await isolate.close();
      await store.close();
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** The flow that a Veracruz server goes through at its start. Returns the isolate's certificate. */
  async attest(): Promise<Uint8Array> {
    const start = await this.service.start({
      type: "start",
      protocol: "psa",
      firmwareVersion: "test",
    });
    if (!start.ok) throw new Error(start.detail);
    const { token, csr, deviceId } = await this.client.ask("attestation", {
      ...start.message,
      type: "attest",
    });
    const chain = await this.service.attest({
      type: "nativeAttestationToken",
      token,
      csr,
      deviceId,
    });
    if (!chain.ok) throw new Error(`${chain.rule}: ${chain.detail}`);
    const { certificate, issuer } = chain.message;
    await this.client.ask("done", { type: "installCertificate", certificate, issuer });
    return certificate;
  }

  /** Opens TLS as this principal. Rejects with why the handshake failed. */
  async connect(
    principal: Pick<TestCertificate, "pem" | "keyPem">,
    options: ConnectionOptions = {},
  ): Promise<PrincipalConnection> {
    const stream = await this.client.openSession();
    return new Promise((resolve, reject) => {
      const socket = connectTls({
        socket: stream,
        servername: "ComputeEnclave.dev",
        ca: this.caPem,
        minVersion: "TLSv1.3",
        cert: principal.pem,
        key: principal.keyPem,
        ...options,
      });
      const connection = new PrincipalConnection(socket, stream.session);
      socket.once("error", reject);
      socket.once("close", () => reject(new Error("closed during the handshake")));
      socket.once("secureConnect", () => {
        connection.request({ type: "requestState" }).then(() => resolve(connection), reject);
      });
    });
  }

  async stop(): Promise<void> {
    this.client.close();
    await this.isolate.close();
    await this.store.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
