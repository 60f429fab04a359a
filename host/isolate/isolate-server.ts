import { createHash, randomBytes } from "node:crypto";
import { createServer, type Server, type Socket } from "node:net";
import { Worker } from "node:worker_threads";
import { HOST_VARIABLE, type ModuleHost } from "../translated-module/index.js";
import {
  decodeMessage,
  encodeMessage,
  FrameReader,
  frame,
  MAX_ISOLATE_FRAME_BYTES,
  messages,
} from "../transport-protocol/index.js";
import { demandControlKey } from "./control-key.js";
import type { FromWorker, RuntimeWorkerData, ToWorker } from "./worker-protocol.js";

/** How an isolate listens, and what it is given. */
export interface IsolateOptions {
  /** The trusted runtime's bytes: these are measured, and these run. */
  runtime: Uint8Array;
  /** File of the software root of trust's key; made on first use. */
  rootOfTrust: string;
  host: string;
  port: number;
  memoryLimit: number;
  /** What the one server that is taken must prove to have; without it whoever connects first is taken. */
  controlKey?: Uint8Array | undefined;
  /** How the trusted modules are hosted; see `chooseHost`. */
  moduleHost?: ModuleHost | undefined;
  /** Takes one line for the operator; never holds a payload. */
  log: (event: string, details?: Record<string, unknown>) => void;
  /** Called when the runtime trapped, after everything was ended. */
  onFatal: (reason: string) => void;
}

/** Frames that may wait for the runtime before the connection is no longer read. */
const MAX_QUEUED_FRAMES = 64;
/** Connections that have not proven the control key, at most. */
const MAX_UNPROVEN = 8;
/** Connections that may wait for the one before them to end, at most. */
const MAX_SUCCESSORS = 4;
/** Milliseconds for which they wait: a server that has left, and comes again at once, may not be seen to have left. */
const HANDOVER_MS = 250;
const TICK_MS = 1000;
const HEALTH = messages.health.number;

/**
 * The host isolate: the trusted runtime in a worker thread, behind a TCP port that takes one connection
 * at a time. Health is answered here, so that it is answered while a program runs.
 */
export class IsolateServer {
  private readonly boot = randomBytes(16);
  private readonly runtimeHash: Uint8Array;
  private readonly server: Server;
  private readonly worker: Worker;
  private readonly stopFlag = new SharedArrayBuffer(4);
  private connection: Socket | undefined;
  private unproven = 0;
  private successors = 0;
  private lifecycle = 0;
  /** What the root of trust says of itself, for logs. */
  rootOfTrust = "";
  /** How the runtime is hosted. */
  moduleHost: ModuleHost = "wasm3";
  /** For each frame that the runtime has not answered: the connection that it came from. */
  private readonly outstanding: Socket[] = [];
  private closed = false;
  private isReady = false;

  private constructor(private readonly options: IsolateOptions) {
    this.runtimeHash = createHash("sha256").update(options.runtime).digest();
    const named = options.moduleHost ?? process.env[HOST_VARIABLE];
    const data: RuntimeWorkerData = {
      runtime: options.runtime,
      rootOfTrust: options.rootOfTrust,
      memoryLimit: options.memoryLimit,
      host: options.moduleHost,
      tickMs: TICK_MS,
      stop: this.stopFlag,
    };
    this.worker = new Worker(new URL("./runtime-worker.js", import.meta.url), {
      workerData: data,
      argv: [],
      env: named ? { [HOST_VARIABLE]: named } : {},
    });
    this.server = createServer((socket) => this.accept(socket));
  }

  /** Starts the runtime and the port. Rejects with why it could not. */
  static async start(options: IsolateOptions): Promise<IsolateServer> {
    const isolate = new IsolateServer(options);
    try {
      await isolate.ready();
      await isolate.listen();
    } catch (error) {
      await isolate.close();
      throw error;
    }
    return isolate;
  }

  private ready(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.worker.on("message", (message: FromWorker) => {
        if ("ready" in message) {
          this.lifecycle = message.ready.lifecycle;
          this.rootOfTrust = message.ready.identity;
          this.moduleHost = message.ready.host;
          this.isReady = true;
          resolve();
        } else if ("fatal" in message) {
          // Before it is ready, the first line says enough: the module, or the root of trust.
          reject(new Error(message.fatal.split("\n")[0]));
          this.fail(message.fatal);
        } else {
          this.fromRuntime(message);
        }
      });
      this.worker.on("error", (error) => {
        reject(error);
        this.fail(error.message);
      });
      this.worker.on("exit", () => {
        const reason = "the runtime's thread ended";
        reject(new Error(reason));
        this.fail(reason);
      });
    });
  }

  private listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.server.once("error", reject);
      this.server.listen(this.options.port, this.options.host, () => resolve());
    });
  }

  /** Where it listens. */
  get address(): { host: string; port: number } {
    const address = this.server.address();
    if (address === null || typeof address === "string") throw new Error("not listening");
    return { host: address.address, port: address.port };
  }

  /** SHA-256 of the runtime's bytes as they were loaded. */
  get measurement(): string {
    return Buffer.from(this.runtimeHash).toString("hex");
  }

  private accept(socket: Socket): void {
    socket.setNoDelay(true);
    const { controlKey, log } = this.options;
    socket.on("error", () => undefined);
    if (controlKey === undefined) {
      this.connect(socket);
      return;
    }
    const from = socket.remoteAddress;
    if (this.unproven >= MAX_UNPROVEN) {
      socket.destroy();
      return;
    }
    this.unproven++;
    demandControlKey(socket, controlKey)
      .then(
        () => this.connect(socket),
        (error: Error) => {
          log("connection refused", { from, reason: error.message });
          socket.destroy();
        },
      )
      .finally(() => this.unproven--);
  }

  private connect(socket: Socket): void {
    const { connection } = this;
    if (connection === undefined) {
      this.take(socket);
      return;
    }
    if (this.successors >= MAX_SUCCESSORS) {
      this.refuseSecond(socket);
      return;
    }
    this.successors++;
    const settle = () => {
      clearTimeout(timer);
      connection.off("close", settle);
      this.successors--;
      if (this.connection !== undefined) this.refuseSecond(socket);
      else if (!socket.destroyed) this.take(socket);
    };
    const timer = setTimeout(settle, HANDOVER_MS);
    connection.once("close", settle);
  }

  private refuseSecond(socket: Socket): void {
    this.options.log("second connection refused", { from: socket.remoteAddress });
    socket.destroy();
  }

  private take(socket: Socket): void {
    this.connection = socket;
    const reader = new FrameReader(MAX_ISOLATE_FRAME_BYTES);
    socket.on("data", (chunk) => {
      try {
        for (const message of reader.push(chunk)) this.fromServer(message);
      } catch (error) {
        this.options.log("connection ended: bad frame", { reason: (error as Error).message });
        socket.destroy();
      }
    });
    socket.on("error", (error) => this.options.log("connection failed", { reason: error.message }));
    socket.on("close", () => {
      this.connection = undefined;
    });
  }

  private fromServer(message: Buffer): void {
    if (this.isHealth(message)) {
      this.answerHealth(message);
      return;
    }
    if (this.connection === undefined) return;
    this.outstanding.push(this.connection);
    if (this.outstanding.length >= MAX_QUEUED_FRAMES) this.connection.pause();
    // A view would take all of the buffer along that it looks into: bytes of its own change hands instead.
    const own = message.length === message.buffer.byteLength ? message : new Uint8Array(message);
    const toWorker: ToWorker = { frame: own };
    this.worker.postMessage(toWorker, [own.buffer as ArrayBuffer]);
  }

  /** Whether the frame is a `health` request: an array whose first element is its number. */
  private isHealth(message: Buffer): boolean {
    return message.length > 1 && message[0] === 0x92 && message[1] === HEALTH;
  }

  private answerHealth(message: Buffer): void {
    try {
      const { id } = decodeMessage("isolateRequest", message);
      this.send(
        encodeMessage({
          type: "healthIs",
          id,
          kind: "linux",
          lifecycle: this.lifecycle,
          boot: this.boot,
          runtimeHash: this.runtimeHash,
          running: this.outstanding.length > 0 ? 1 : 0,
          frameBytes: MAX_ISOLATE_FRAME_BYTES,
        }),
      );
    } catch (error) {
      this.options.log("malformed health request", { reason: (error as Error).message });
      this.connection?.destroy();
    }
  }

  private fromRuntime(message: Exclude<FromWorker, { ready: unknown } | { fatal: string }>): void {
    if ("debug" in message) {
      this.options.log("debug", { line: message.debug });
      return;
    }
    // An answer to a connection that is gone is not for the one after it.
    const addressee = message.done ? this.outstanding.shift() : this.connection;
    if (addressee === this.connection) this.send(...message.frames);
    if (this.outstanding.length < MAX_QUEUED_FRAMES) this.connection?.resume();
  }

  private send(...messages: Uint8Array[]): void {
    if (this.connection === undefined) return;
    this.connection.cork();
    for (const message of messages) this.connection.write(frame(message));
    this.connection.uncork();
  }

  private fail(reason: string): void {
    // Before it is ready, who starts it is told, and closes it.
    if (this.closed || !this.isReady) return;
    void this.close().then(() => this.options.onFatal(reason));
  }

  /** Stops a running program, ends the runtime with all it holds, and closes the port. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    Atomics.store(new Int32Array(this.stopFlag), 0, 1);
    this.connection?.destroy();
    this.server.close();
    await this.worker.terminate();
  }
}
