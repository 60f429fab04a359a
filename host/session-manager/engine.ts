/**
 * The AssemblyScript session manager (`assembly/session-manager/exports.ts`) as an object: one module
 * instance, any number of configurations and sessions in it. It does no I/O; `TlsDuplex` does. It needs
 * nothing of Node.js, and runs in browsers as it is; `load.ts` loads the built module in Node.js.
 */

/** What a WebAssembly host must offer: calls by name, and the instance's memory as it is now. */
export interface WasmInstance {
  call(name: string, ...args: number[]): number;
  memory(): Uint8Array;
}

/** Values for `algorithms`; sets are sums. The first is always preferred. */
export const Suite = { ChaCha20Poly1305: 1, Aes128Gcm: 2, all: 3 } as const;
export const Group = { x25519: 1, secp256r1: 2, all: 3 } as const;

/** `status` of a session. */
export const Status = { handshake: 0, approval: 1, open: 2, closed: 3, failed: 4 } as const;

export interface EngineOptions {
  /** Memory that the module may grow to, in bytes. Default: 64 MiB. */
  memoryLimit?: number;
  /** Fills a buffer with random bytes; false when it cannot. Default: Web Cryptography's. */
  random?: (buffer: Uint8Array) => boolean;
}

export interface ConfigOptions {
  /** Bytes that the buffers of all its sessions may take together. Default: 16 MiB. */
  budget?: number;
  /** Sets of `Suite` and `Group`. Defaults: all, and key shares for X25519 only. */
  suites?: number;
  groups?: number;
  keyShares?: number;
  /** The longest inner plaintext asked of peers (RFC 8449), 64 to 16385. Default: 4096. */
  recordSizeLimit?: number;
  /** Content bytes of a record that is sent, at most 16384. Default: 4096. */
  maxContent?: number;
  /** No more data is taken for sending while this much waits. Default: 64 KiB. */
  outputLimit?: number;
  /** Whether dates of certificates are checked against the present time. Default: true. */
  clock?: boolean;
  /** The own private key (32 bytes) and certificates (DER, leaf first). A server needs them. */
  identity?: { privateKey: Uint8Array; chain: readonly Uint8Array[] };
  /** Client role: the CA that must have issued the server's certificate (DER), and its DNS name. */
  server?: { authority: Uint8Array; name: string };
}

/** Chunk in which bytes go in and out of the module's memory. */
const EXCHANGE = 32768;

const utf8 = new TextEncoder();

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export class TlsEngine {
  private readonly instance: WasmInstance;
  private readonly exchange: number;

  /** `instance`: the module, linked with an import module `platform` and initialised. */
  constructor(instance: WasmInstance) {
    this.instance = instance;
    this.exchange = instance.call("allocate", EXCHANGE);
  }

  call(name: string, ...args: number[]): number {
    return this.instance.call(name, ...args);
  }

  /** A copy of `length` bytes at `pointer` in the module's memory. */
  read(pointer: number, length: number): Uint8Array {
    return new Uint8Array(this.instance.memory().subarray(pointer, pointer + length));
  }

  /** Stores bytes at `pointer` in the module's memory, which the caller has allocated. */
  store(pointer: number, bytes: Uint8Array): void {
    this.instance.memory().set(bytes, pointer);
  }

  /** Calls `use` with a copy of `bytes` in the module's memory. */
  private withBytes<T>(bytes: Uint8Array, use: (pointer: number, length: number) => T): T {
    const pointer = bytes.length <= EXCHANGE ? this.exchange : this.call("allocate", bytes.length);
    if (pointer === 0) throw new Error(`the TLS module has no room for ${bytes.length} bytes`);
    this.instance.memory().set(bytes, pointer);
    try {
      return use(pointer, bytes.length);
    } finally {
      if (pointer !== this.exchange) this.call("release", pointer);
    }
  }

  /** Makes a configuration for sessions; throws where the options do not fit. */
  configure(options: ConfigOptions = {}): TlsConfig {
    const config = new TlsConfig(this, this.call("newConfig", options.budget ?? 16 << 20), options);
    this.call(
      "setAlgorithms",
      config.handle,
      options.suites ?? Suite.all,
      options.groups ?? Group.all,
      options.keyShares ?? Group.x25519,
    );
    this.call(
      "setSizes",
      config.handle,
      options.recordSizeLimit ?? 4096,
      options.maxContent ?? 4096,
      options.outputLimit ?? 1 << 16,
    );
    const { identity, server } = options;
    if (identity !== undefined) {
      const keyFits = this.withBytes(identity.privateKey, (at) =>
        this.call("setPrivateKey", config.handle, at),
      );
      if (identity.privateKey.length !== 32 || keyFits === 0)
        throw new Error("the private key is not one of P-256 (32 bytes, in range)");
      if (identity.chain.length > 0) config.setChain(identity.chain);
    }
    if (server !== undefined) {
      const name = utf8.encode(server.name);
      const fits = this.withBytes(concatenate([server.authority, name]), (at) =>
        this.call(
          "setServer",
          config.handle,
          at,
          server.authority.length,
          at + server.authority.length,
          name.length,
        ),
      );
      if (fits === 0) throw new Error("the authority's certificate does not parse or is not P-256");
    }
    return config;
  }

  /** Internal: feeds a session; see `TlsSession.feed`. */
  feed(session: number, bytes: Uint8Array): number {
    const chunk = bytes.length > EXCHANGE ? bytes.subarray(0, EXCHANGE) : bytes;
    return this.withBytes(chunk, (at, length) => this.call("feed", session, at, length));
  }

  /** Internal: see `TlsSession.write`. */
  write(session: number, bytes: Uint8Array): number {
    const chunk = bytes.length > EXCHANGE ? bytes.subarray(0, EXCHANGE) : bytes;
    return this.withBytes(chunk, (at, length) => this.call("write", session, at, length));
  }

  /** Internal: takes a chain for a configuration's key. */
  setChain(config: number, chain: readonly Uint8Array[]): boolean {
    return this.withBytes(
      concatenate(chain),
      (at, length) => this.call("setChain", config, at, length) !== 0,
    );
  }

  /** Internal: a certification request for a configuration's key. */
  createRequest(config: number, commonName: string, dnsName: string): Uint8Array {
    const name = utf8.encode(commonName);
    const dns = utf8.encode(dnsName);
    const capacity = 512 + name.length + dns.length;
    const out = this.call("allocate", capacity);
    try {
      const length = this.withBytes(concatenate([name, dns]), (at) =>
        this.call(
          "createRequest",
          config,
          out,
          capacity,
          at,
          name.length,
          at + name.length,
          dns.length,
        ),
      );
      if (length < 0) throw new Error("no key to make a request for, or no randomness");
      return this.read(out, length);
    } finally {
      this.call("release", out);
    }
  }
}

/** Settings, and an identity, that sessions share. */
export class TlsConfig {
  readonly engine: TlsEngine;
  readonly handle: number;
  private readonly clock: boolean;

  constructor(engine: TlsEngine, handle: number, options: ConfigOptions) {
    if (handle === 0) throw new Error("the TLS module has no randomness");
    this.engine = engine;
    this.handle = handle;
    this.clock = options.clock ?? true;
  }

  /** Generates a key pair in the module and returns a PKCS#10 request (DER) for it. */
  generateIdentity(commonName: string, dnsName: string): Uint8Array {
    if (this.engine.call("generateIdentity", this.handle) === 0)
      throw new Error("the TLS module has no randomness");
    return this.engine.createRequest(this.handle, commonName, dnsName);
  }

  /** The certificates (DER, leaf first) to show for the key. */
  setChain(chain: readonly Uint8Array[]): void {
    if (!this.engine.setChain(this.handle, chain))
      throw new Error("the certificates do not parse, are too long, or are not for this key");
  }

  /** Sets the time that dates are checked against, in seconds since 1970; undefined for no clock. */
  setTime(seconds: number | undefined): void {
    const now = BigInt.asUintN(64, seconds === undefined ? -1n : BigInt(Math.floor(seconds)));
    this.engine.call(
      "setTime",
      this.handle,
      Number(BigInt.asIntN(32, now)),
      Number(BigInt.asIntN(32, now >> 32n)),
    );
  }

  /** Opens a session. Its dates are checked against the time of this call. */
  open(role: "server" | "client"): TlsSession {
    this.setTime(this.clock ? Date.now() / 1000 : undefined);
    return new TlsSession(this.engine, this.openHandle(role));
  }

  /** Internal: as `open`, without setting the time. */
  openHandle(role: "server" | "client"): number {
    const handle = this.engine.call("openSession", this.handle, role === "client" ? 1 : 0);
    if (handle === 0) throw new Error("the TLS module has no room for another session");
    return handle;
  }
}

/** One TLS session without I/O: what arrives is fed, what is to be sent is taken. */
export class TlsSession {
  readonly handle: number;
  private readonly engine: TlsEngine;

  constructor(engine: TlsEngine, handle: number) {
    this.engine = engine;
    this.handle = handle;
  }

  private ask(name: string, ...args: number[]): number {
    return this.engine.call(name, this.handle, ...args);
  }

  /** A value of `Status`. */
  get status(): number {
    return this.ask("status");
  }
  get ended(): boolean {
    return this.status >= Status.closed;
  }
  /** Whether `feed` takes bytes now. */
  get wantsInput(): boolean {
    return this.ask("wantsInput") !== 0;
  }
  /** The fatal alert that was sent or received, if any. */
  get alertSent(): number | undefined {
    const alert = this.ask("alertSent");
    return alert < 0 ? undefined : alert;
  }
  get alertReceived(): number | undefined {
    const alert = this.ask("alertReceived");
    return alert < 0 ? undefined : alert;
  }
  /** Whether the peer has sent close_notify. */
  get peerClosed(): boolean {
    return (this.ask("flags") & 1) !== 0;
  }
  /** Whether the transport ended before the peer's close_notify. */
  get truncated(): boolean {
    return (this.ask("flags") & 4) !== 0;
  }
  /** Whether the dates of the peer's certificates were checked. */
  get datesChecked(): boolean {
    return (this.ask("flags") & 8) !== 0;
  }

  /** What was negotiated: values of `Suite` and `Group`, and whether it took a HelloRetryRequest. */
  get negotiated(): { suite: number; group: number; retried: boolean } {
    const bits = this.ask("negotiated");
    return { suite: bits & 0xff, group: (bits >> 8) & 0xff, retried: bits >> 16 !== 0 };
  }

  /** Hands over bytes from the peer; returns how many were used (see `wantsInput`). */
  feed(bytes: Uint8Array): number {
    let used = 0;
    while (used < bytes.length) {
      const taken = this.engine.feed(this.handle, bytes.subarray(used));
      if (taken === 0) break;
      used += taken;
    }
    return used;
  }

  /** Says that no more bytes will come. */
  endOfInput(): void {
    this.ask("endOfInput");
  }

  /** Takes all bytes that wait to be sent. */
  takeOutput(): Uint8Array {
    const length = this.ask("outputLength");
    const bytes = this.engine.read(this.ask("output"), length);
    this.ask("consumeOutput", length);
    return bytes;
  }

  /** Takes the application data that waits to be read. */
  takePlaintext(): Uint8Array {
    const length = this.ask("plaintextLength");
    const bytes = this.engine.read(this.ask("plaintext"), length);
    this.ask("consumePlaintext", length);
    return bytes;
  }

  /** Protects application data; returns how many bytes were taken. */
  write(bytes: Uint8Array): number {
    let used = 0;
    while (used < bytes.length) {
      const taken = this.engine.write(this.handle, bytes.subarray(used));
      if (taken === 0) break;
      used += taken;
    }
    return used;
  }

  /** The certificates that the peer showed (DER, its own first), until it is approved. */
  peerCertificates(): Uint8Array[] {
    const certificates: Uint8Array[] = [];
    for (let index = 0; ; index++) {
      const pointer = this.ask("peerCertificate", index);
      if (pointer === 0) return certificates;
      certificates.push(this.engine.read(pointer, this.ask("peerCertificateLength", index)));
    }
  }

  /** Accepts the peer's certificate, at `Status.approval`. */
  approvePeer(): void {
    this.ask("approvePeer");
  }
  /** Rejects it with an alert about certificates; default: access_denied. */
  rejectPeer(alert = 49): void {
    this.ask("rejectPeer", alert);
  }

  /** Replaces the sending key, and asks the peer to do so too if `askPeer`. */
  updateKeys(askPeer = false): void {
    this.ask("updateKeys", askPeer ? 1 : 0);
  }
  /** Sends close_notify. */
  close(): void {
    this.ask("close");
  }
  /** Ends the session's life. Must be called once; the object is of no use afterwards. */
  dispose(): void {
    this.ask("disposeSession");
  }
}

/** What `getRandomValues` gives in one call, in bytes (Web Cryptography, §10.1.1). */
const RANDOM_QUOTA = 65_536;

/** Random bytes of Web Cryptography: what an engine uses unless it is told otherwise. */
export function randomBytesInto(buffer: Uint8Array): boolean {
  for (let at = 0; at < buffer.length; at += RANDOM_QUOTA)
    crypto.getRandomValues(buffer.subarray(at, at + RANDOM_QUOTA));
  return true;
}

/** Instantiates a session manager's module in the WebAssembly engine that runs this code. */
export function instantiate(bytes: Uint8Array, options: EngineOptions = {}): WasmInstance {
  const memoryLimit = options.memoryLimit ?? 64 << 20;
  const random = options.random ?? randomBytesInto;
  const exports: Record<string, unknown> = {};
  const memory = () => new Uint8Array((exports.memory as WebAssembly.Memory).buffer);
  const instance = new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(bytes)), {
    platform: {
      memoryLimit: () => memoryLimit,
      random: (pointer: number, length: number) => {
        const buffer = memory().subarray(pointer >>> 0, (pointer + length) >>> 0);
        return random(buffer) ? 0 : -1;
      },
    },
  });
  Object.assign(exports, instance.exports);
  const initialize = exports._initialize;
  if (typeof initialize === "function") initialize();
  return {
    memory,
    call(name, ...args) {
      const found = exports[name];
      if (typeof found !== "function") throw new Error(`the TLS module exports no ${name}`);
      const result = (found as (...values: number[]) => number | boolean | undefined)(...args);
      return Number(result ?? 0);
    },
  };
}
