// The client's module in this process, over a socket: what mcu-client/library/ does in C on a device, for
// tests that look into its memory.
import { randomFillSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { KIND_LINUX, KIND_MCU } from "../../assembly/mcu-client/isolate-kinds.js";
import * as steps from "../../assembly/mcu-client/steps.js";
import { SUITE_CHACHA20_POLY1305 } from "../../assembly/session-manager/protocol.js";
import { wasmPath } from "../../host/common/paths.js";
import { messages } from "../../host/transport-protocol/messages.js";
import { loadIdentity } from "../../host/veracruz-client/identity.js";
import { certificateFromPem } from "../../host/x509/principal-certificate.js";
import { principal, type System } from "../support/system.js";

const kinds = { linux: KIND_LINUX, mcu: KIND_MCU } as const;
const PAGE_BYTES = 65_536;
const PAUSE_MS = 5;

/** Exports of build/wasm/testing/mcu-client.wasm are numbers in, a number out. */
type Exports = Record<string, (...args: number[]) => number>;

export class ClientModule {
  private readonly exports: Exports;
  private readonly memory: WebAssembly.Memory;
  private socket: Socket | undefined;
  private received = Buffer.alloc(0);
  private server = { host: "", port: 0 };
  /** The number that the server has given the session. */
  private session = "0";

  private constructor(instance: WebAssembly.Instance) {
    this.exports = instance.exports as unknown as Exports;
    this.memory = (instance.exports as unknown as { memory: WebAssembly.Memory }).memory;
  }

  static load(): ClientModule {
    const bytes = readFileSync(wasmPath("testing/mcu-client"));
    const platform = {
      random: (pointer: number, length: number) => {
        randomFillSync(new Uint8Array(loaded.memory.buffer, pointer, length));
        return 0;
      },
      memoryLimit: () => PAGE_BYTES,
    };
    const module = new WebAssembly.Module(bytes);
    const loaded: ClientModule = new ClientModule(new WebAssembly.Instance(module, { platform }));
    loaded.call("_initialize");
    return loaded;
  }

  call(name: string, ...args: number[]): number {
    const found = this.exports[name];
    if (found === undefined) throw new Error(`the client's module has no ${name}`);
    return found(...args);
  }

  get pages(): number {
    return this.memory.buffer.byteLength / PAGE_BYTES;
  }

  private put(...parts: Uint8Array[]): number {
    const bytes = Buffer.concat(parts);
    new Uint8Array(this.memory.buffer, this.call("buffer"), bytes.length).set(bytes);
    return bytes.length;
  }

  /** Provisions it as a principal of a running system, under that one's policy or another, through a proxy or not. */
  configure(
    system: System,
    name: string,
    policy = system.policy,
    address: { host: string; port: number } = system.address,
  ): void {
    const { pem, keyPem } = principal(name);
    const { key, certificate } = loadIdentity(Buffer.from(pem), keyPem);
    const secret = Buffer.from(key.export({ format: "jwk" }).d ?? "", "base64url");
    const authority = certificateFromPem(policy.document.proxy_service_cert);
    const codes = [
      this.call("setHost", this.put(Buffer.from(address.host))),
      this.call("setAuthority", this.put(authority)),
      this.call("setIdentity", this.put(secret, certificate.raw), 0),
    ];
    this.put(policy.hash, policy.scopeHash);
    codes.push(this.call("setPolicy", 1 + (policy.document.max_restarts ?? 0)));
    for (const [kind, number] of Object.entries(kinds)) {
      const hash = policy.runtimeHash(kind as keyof typeof kinds);
      if (hash === undefined) continue;
      this.put(hash);
      codes.push(this.call("setRuntimeHash", number));
    }
    if (codes.some((code) => code !== 0)) throw new Error(`configuration refused: ${codes}`);
    this.call("setAllowDevelopment", 1);
    this.call("setSuite", SUITE_CHACHA20_POLY1305);
    const seconds = Math.floor(Date.now() / 1000);
    this.call("setTime", seconds, 0);
    this.server = address;
  }

  private async open(): Promise<void> {
    const socket = connect(this.server);
    this.socket = socket;
    await new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    socket.on("data", (bytes: Buffer) => {
      this.received = Buffer.concat([this.received, bytes]);
    });
    socket.on("error", () => socket.destroy());
    this.call("connected");
  }

  private async receive(): Promise<void> {
    const socket = this.socket as Socket;
    if (this.received.length === 0 && !socket.destroyed) {
      await new Promise<void>((resolve) => {
        const done = () => {
          socket.off("data", done).off("close", done);
          resolve();
        };
        socket.once("data", done).once("close", done);
      });
    }
    if (this.received.length === 0) {
      this.call("disconnected");
      return;
    }
    const part = this.received.subarray(0, this.call("bufferBytes"));
    const taken = this.call("receive", 0, this.put(part));
    this.received = this.received.subarray(taken);
  }

  /** Goes on until there is nothing to do: 0, or the code with which the session has ended. */
  async run(): Promise<number> {
    for (;;) {
      const step = this.call("step");
      if (step === steps.STEP_IDLE) return 0;
      if (step === steps.STEP_FAILED) return this.call("failure");
      if (step === steps.STEP_CONNECT) await this.open();
      else if (step === steps.STEP_SEND) {
        const length = this.call("outputLength");
        const bytes = new Uint8Array(this.memory.buffer, this.call("output"), length);
        this.socket?.write(Buffer.from(bytes));
        this.session =
          /\r\n\r\n(\d+) /.exec(Buffer.from(bytes).toString("latin1"))?.[1] ?? this.session;
        this.call("sent", length);
      } else if (step === steps.STEP_RECEIVE) await this.receive();
      else if (step === steps.STEP_WORK) this.call("work");
      else {
        await delay(PAUSE_MS);
        this.call("poll");
      }
    }
  }

  /** Opens a session: 0, or a code. */
  async connect(): Promise<number> {
    const code = this.call("open");
    return code === 0 ? this.run() : code;
  }

  /**
   * Sends a file whole: 0, the isolate's refusal, or the code with which the session has ended.
   *
   * @param between called after each piece
   */
  async sendData(file: string, bytes: Uint8Array, between = () => {}): Promise<number> {
    const name = Buffer.from(file);
    const most = this.call("pieceBytes");
    for (let at = 0; at < bytes.length; at += most) {
      const piece = bytes.subarray(at, at + most);
      this.put(name, piece);
      const args = [messages.data.number, name.length, 0, at, bytes.length, piece.length];
      const code = this.call("ask", ...args) || (await this.run());
      if (code !== 0 || this.call("outcome") !== 0) return code || this.call("outcome");
      between();
    }
    return 0;
  }

  async close(): Promise<void> {
    this.call("close");
    await this.run();
    this.forget();
  }

  /** Drops the session and its connection, as after an error. */
  forget(): void {
    this.call("forget");
    this.socket?.destroy();
    this.received = Buffer.alloc(0);
  }

  /**
   * Ends its session at the server, by bytes that are no TLS: as the server does after a while with one
   * whose client had no memory left to say farewell.
   */
  async endAtServer(): Promise<void> {
    const { host, port } = this.server;
    const body = `${this.session} ${Buffer.from("no TLS").toString("base64")}`;
    await fetch(`http://${host}:${port}/runtime_manager`, { method: "POST", body });
  }
}
