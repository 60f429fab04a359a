// Deployments whose isolate is an emulated board, driven by the messages that a Veracruz server sends.
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Duplex } from "node:stream";
import type { ConnectionOptions } from "node:tls";
import { EmulatedIsolate, type EmulatedIsolateOptions } from "../../host/mcu/emulated-isolate.js";
import { SerialLink } from "../../host/mcu/serial-link.js";
import { hasTwoWorlds } from "../../host/mcu/toolchain.js";
import {
  decodeMessage,
  encodeMessage,
  FrameReader,
  frame,
  MAX_ISOLATE_FRAME_BYTES,
  type Message,
  type MessageIn,
} from "../../host/transport-protocol/index.js";
import {
  Deployment,
  type DeploymentOptions,
  type DrivenIsolate,
  type PrincipalConnection,
  type RuntimePlatform,
} from "../runtime-manager/deployment.js";
import type { TestCertificate } from "../support/certificates.js";
import { until } from "../support/system.js";
import { noisy } from "./noisy-line.js";

type IsolateAnswer = MessageIn<"isolateAnswer">;
type IsolateRequest = MessageIn<"isolateRequest">;
/** A request as the caller gives it; the client numbers it. */
type Request = IsolateRequest extends infer R ? (R extends unknown ? Omit<R, "id"> : never) : never;

/** One side of a TLS connection through the isolate's messages. */
class SessionStream extends Duplex {
  constructor(
    private readonly client: IsolateClient,
    readonly number: number,
  ) {
    super();
    this.once("end", () => this.destroy());
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error) => void): void {
    const pieces: Promise<unknown>[] = [];
    for (let at = 0; at < chunk.length; at += 8192) {
      const tls = chunk.subarray(at, at + 8192);
      pieces.push(this.client.request({ type: "tlsInput", session: this.number, tls }));
    }
    Promise.all(pieces).then(() => done(), done);
  }
}

/** The Veracruz server's end of the connection to an isolate. */
export class IsolateClient {
  readonly closedSessions = new Map<number, string>();
  readonly commitRequests: Message<"commitWanted">[] = [];
  readonly freshnessRequests: Message<"freshnessWanted">[] = [];
  ended: string | undefined;
  endings = 0;
  /** Resolves when the connection is over. */
  readonly over: Promise<void>;
  private readonly waiting = new Map<
    number,
    { resolve: (answer: IsolateAnswer) => void; reject: (error: Error) => void }
  >();
  private readonly streams = new Map<number, SessionStream>();
  private nextId = 1;
  private nextSession = 1;

  /** Number of requests sent so far. */
  get requests(): number {
    return this.nextId - 1;
  }

  constructor(private readonly link: Duplex) {
    const reader = new FrameReader(MAX_ISOLATE_FRAME_BYTES);
    link.on("data", (chunk: Buffer) => {
      for (const bytes of reader.push(chunk)) this.take(decodeMessage("isolateAnswer", bytes));
    });
    link.on("error", (error) => this.fail(error));
    this.over = new Promise((resolve) => link.once("close", resolve));
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
    } else if (message.type === "sessionOpened") {
      // Its client hears of it in TLS.
    } else if (message.type === "ended") {
      this.ended = message.text;
      this.endings++;
    } else if (message.type === "commitWanted") {
      this.commitRequests.push(message);
    } else if (message.type === "freshnessWanted") {
      this.freshnessRequests.push(message);
    } else {
      this.waiting.get(message.id)?.resolve(message);
      this.waiting.delete(message.id);
    }
  }

  /** Sends a request; resolves with its answer, also where that is a refusal. */
  answer(request: Request): Promise<IsolateAnswer> {
    return new Promise<IsolateAnswer>((resolve, reject) => {
      const id = this.nextId++;
      this.waiting.set(id, { resolve, reject });
      this.link.write(frame(encodeMessage({ ...request, id } as IsolateRequest)));
    });
  }

  /** As `answer`; rejects when the isolate refuses. */
  async request(request: Request): Promise<IsolateAnswer> {
    const answer = await this.answer(request);
    if (answer.type === "refused") throw new Error(answer.text);
    return answer;
  }

  /** Sends bytes as a frame, whatever they are. */
  raw(bytes: Uint8Array): void {
    this.link.write(frame(bytes));
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

  /** Packets of the serial link that this end has sent again. */
  get resent(): number {
    return this.link instanceof SerialLink ? this.link.resent : 0;
  }

  async openSession(): Promise<SessionStream> {
    const session = this.nextSession++;
    await this.request({ type: "newSession", admitted: 1, session });
    const stream = new SessionStream(this, session);
    this.streams.set(session, stream);
    return stream;
  }

  close(): void {
    this.link.destroy();
  }
}

/** Connects to TCP 6000 of a board, or to its serial link; `noise` is that of a line as in `noisy`. */
export async function connectTo(
  isolate: EmulatedIsolate,
  over: "tcp" | "serial" = "tcp",
  noise?: number,
): Promise<IsolateClient> {
  const socket: Socket =
    over === "tcp" ? connect(isolate.address) : connect({ path: isolate.board.serialSocket });
  await once(socket, "connect");
  socket.setNoDelay(true);
  if (over === "tcp") return new IsolateClient(socket);
  return new IsolateClient(new SerialLink(noise === undefined ? socket : noisy(socket, noise)));
}

/** A connection to a board that starts again, once the runtime answers over it. */
async function connectAgain(connectOnce: () => Promise<IsolateClient>): Promise<IsolateClient> {
  let client: IsolateClient | undefined;
  await until("the board has started again", async () => {
    const tried = await connectOnce();
    client = tried;
    // A board that resets itself just then forgets the connection without a word.
    const timer = setTimeout(() => tried.close(), 20_000);
    return tried
      .answer({ type: "runtimeState" })
      .then(
        () => true,
        () => false,
      )
      .finally(() => clearTimeout(timer));
  });
  return client as IsolateClient;
}

/** An emulated board as a deployment drives it. */
class DrivenDevice implements DrivenIsolate {
  constructor(
    readonly emulated: EmulatedIsolate,
    public client: IsolateClient,
    /** Ends the board, where it is this deployment's own. */
    private readonly release: () => Promise<void>,
    /** Connects to it again, where it ends its connection with a reset: a board with one world. */
    private readonly again?: () => Promise<IsolateClient>,
  ) {}

  get debugLines(): string[] {
    return this.emulated.board.output.split("\n").filter((line) => line.startsWith("debug: "));
  }

  get closed(): ReadonlyMap<number, string> {
    return this.client.closedSessions;
  }

  get ended(): string | undefined {
    return this.client.ended;
  }

  get endings(): number {
    return this.client.endings;
  }

  get commitRequests(): Message<"commitWanted">[] {
    return this.client.commitRequests;
  }

  get freshnessRequests(): Message<"freshnessWanted">[] {
    return this.client.freshnessRequests;
  }

  get enrolment(): string {
    return JSON.stringify(this.emulated.enrolment());
  }

  get measurement(): string {
    return this.emulated.identity.measurement;
  }

  async request(message: IsolateRequest): Promise<IsolateAnswer> {
    const answer = await this.client.answer(message);
    if (message.type === "reset" && this.again !== undefined) {
      await this.client.over;
      this.client = await connectAgain(this.again);
    }
    return answer;
  }

  raw(bytes: Uint8Array): void {
    this.client.raw(bytes);
  }

  openSession(): Promise<SessionStream> {
    return this.client.openSession();
  }

  async free(): Promise<void> {
    this.client.close();
    await this.release();
  }
}

export type DeviceOptions = Pick<
  EmulatedIsolateOptions,
  | "board"
  | "runtimeHost"
  | "main"
  | "outside"
  | "exact"
  | "paceShift"
  | "console"
  | "variant"
  | "monitorSocket"
> & { over?: "tcp" | "serial"; noise?: number };

/** A board of its own for each deployment. */
function ownDevice({ over, noise, ...options }: DeviceOptions) {
  return {
    name: options.board,
    kind: "mcu",
    async open(folder: string) {
      const isolate = await EmulatedIsolate.start({ ...options, state: join(folder, "secret") });
      try {
        const connect = () => connectTo(isolate, over, noise);
        const again = hasTwoWorlds(options.board) ? undefined : connect;
        return new DrivenDevice(isolate, await connect(), () => isolate.close(), again);
      } catch (error) {
        await isolate.close();
        throw error;
      }
    },
  } as const satisfies RuntimePlatform;
}

/** One board for all deployments of a test file, each of which begins with a reset of the runtime. */
export class SharedDevice implements RuntimePlatform {
  readonly kind = "mcu";
  readonly name: string;
  private readonly folder = mkdtempSync(join(tmpdir(), "mcu-shared-"));
  private isolate: Promise<EmulatedIsolate> | undefined;
  private last: DrivenDevice | undefined;

  constructor(private readonly options: DeviceOptions) {
    const { board, runtimeHost, over = "tcp" } = options;
    this.name = `${board} HOST=${runtimeHost} over ${over}`;
  }

  async open(): Promise<DrivenDevice> {
    const { over, noise, ...options } = this.options;
    this.isolate ??= EmulatedIsolate.start({ ...options, state: join(this.folder, "secret") });
    const isolate = await this.isolate;
    // A test that failed may have left its connection, and the board takes one at a time.
    this.last?.client.close();
    const connect = () => connectTo(isolate, over, noise);
    const again = hasTwoWorlds(options.board) ? undefined : connect;
    this.last = new DrivenDevice(isolate, await connectAgain(connect), async () => {}, again);
    await this.last.request({ type: "reset", id: 0 });
    return this.last;
  }

  async stop(): Promise<void> {
    await (await this.isolate)?.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export type EmulatedDeploymentOptions = DeviceOptions &
  Pick<DeploymentOptions, "identities" | "programs" | "policy" | "allowedMeasurement">;

/** A policy, a board of its own that has it, and the service that attests it. */
export class EmulatedDeployment {
  private constructor(private readonly deployment: Deployment<DrivenDevice>) {}

  static async start(options: EmulatedDeploymentOptions): Promise<EmulatedDeployment> {
    const { identities, programs, policy, allowedMeasurement, ...device } = options;
    const deployment = await Deployment.on(ownDevice(device), {
      identities,
      unattested: true,
      ...(programs && { programs }),
      ...(policy && { policy }),
      ...(allowedMeasurement !== undefined && { allowedMeasurement }),
    });
    return new EmulatedDeployment(deployment);
  }

  get isolate(): EmulatedIsolate {
    return this.deployment.isolate.emulated;
  }

  get client(): IsolateClient {
    return this.deployment.isolate.client;
  }

  get policyBytes(): Buffer {
    return this.deployment.policyBytes;
  }

  /** Has the isolate wipe what it holds; the connection that is good then. */
  async reset(): Promise<IsolateClient> {
    await this.deployment.isolate.request({ type: "reset", id: 0 });
    return this.client;
  }

  /** The flow that a Veracruz server goes through at its start. Returns the isolate's certificate. */
  attest(): Promise<Uint8Array> {
    return this.deployment.attest();
  }

  /** The same, and the computation committed. */
  async begin(): Promise<void> {
    await this.attest();
    await this.deployment.commit();
  }

  /** Has the computation committed in a session that is open. */
  commitIn(connection: PrincipalConnection): Promise<void> {
    return this.deployment.commitIn(connection);
  }

  /** Opens TLS as this principal. Rejects with why the handshake failed. */
  connect(
    principal: Pick<TestCertificate, "pem" | "keyPem">,
    options: ConnectionOptions = {},
  ): Promise<PrincipalConnection> {
    return this.deployment.connect(principal, options);
  }

  stop(): Promise<void> {
    return this.deployment.stop();
  }
}
