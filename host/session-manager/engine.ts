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
export const Group = { x25519mlkem768: 1, x25519: 2, secp256r1: 4, all: 7 } as const;

/** The name of a group, a value of `Group`, as TLS has it (RFC 8446 §4.2.7). */
export function groupName(group: number): string {
  const names: Record<number, string> = {
    [Group.x25519mlkem768]: "X25519MLKEM768",
    [Group.x25519]: "X25519",
    [Group.secp256r1]: "secp256r1",
  };
  return names[group] ?? "none";
}

/** `status` of a session. */
export const Status = { handshake: 0, approval: 1, open: 2, closed: 3, failed: 4 } as const;

/** How the session manager's module is loaded. */
export interface EngineOptions {
  /** Memory that the module may grow to, in bytes. Default: 64 MiB. */
  memoryLimit?: number;
  /** Fills a buffer with random bytes; false when it cannot. Default: Web Cryptography's. */
  random?: (buffer: Uint8Array) => boolean;
}

/** What all sessions of a configuration share. */
export interface ConfigOptions {
  /** Bytes that the buffers of all its sessions may take together. Default: 16 MiB. */
  budget?: number;
  /** Sets of `Suite` and `Group`. Defaults: all, and a key share for the first of the groups only. */
  suites?: number;
  groups?: number;
  keyShares?: number;
  /** The longest inner plaintext asked of peers (RFC 8449), 64 to 16385. Default: 4096. */
  recordSizeLimit?: number;
  /** Content bytes of a record that is sent, at most 16384. Default: 4096. */
  maxContent?: number;
  /** No more data is taken for sending while this much waits. Default: 64 KiB. */
  outputLimit?: number;
  /** The longest handshake message that is taken, without its header. Default: 64 KiB. */
  maxMessage?: number;
  /** Whether dates of certificates are checked against the present time. Default: true. */
  clock?: boolean;
  /** The own private key (32 bytes) and certificates (DER, leaf first). A server needs them. */
  identity?: { privateKey: Uint8Array; chain: readonly Uint8Array[] };
  /**
   * In place of it, where the key is elsewhere: its public key (65 bytes, uncompressed) and certificates. Client role, with
   * the module `session-manager-signer`.
   */
  elsewhere?: { publicKey: Uint8Array; chain: readonly Uint8Array[] };
  /** Client role: the CA that must have issued the server's certificate (DER), and its DNS name. */
  server?: { authority: Uint8Array; name: string };
}

/** Bytes that a CertificateVerify signs (RFC 8446 §4.4.3). */
const SIGNED_CONTENT = 130;
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

/** The session manager's module, and the memory that goes with it. */
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

  /** A copy of `length` bytes at `pointer` in the module's memory, at the start of `into` where that is given. */
  read(pointer: number, length: number, into?: Uint8Array): Uint8Array {
    const bytes = this.instance.memory().subarray(pointer, pointer + length);
    if (into === undefined) return new Uint8Array(bytes);
    into.set(bytes);
    return into.subarray(0, length);
  }

  /** Stores bytes at `pointer` in the module's memory, which the caller has allocated. */
  store(pointer: number, bytes: Uint8Array): void {
    this.instance.memory().set(bytes, pointer);
  }

  /** Calls `use` with a copy of `bytes` in the module's memory. */
  withBytes<T>(bytes: Uint8Array, use: (pointer: number, length: number) => T): T {
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
    const groups = options.groups ?? Group.all;
    this.call(
      "setAlgorithms",
      config.handle,
      options.suites ?? Suite.all,
      groups,
      options.keyShares ?? groups & -groups,
    );
    this.call(
      "setSizes",
      config.handle,
      options.recordSizeLimit ?? 4096,
      options.maxContent ?? 4096,
      options.outputLimit ?? 1 << 16,
      options.maxMessage ?? 1 << 16,
    );
    const { identity, elsewhere, server } = options;
    if (elsewhere !== undefined) {
      if (elsewhere.publicKey.length !== 65) throw new Error("the public key is not one of P-256");
      this.withBytes(elsewhere.publicKey, (at) => this.call("setPublicKey", config.handle, at));
      config.setChain(elsewhere.chain);
    }
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

  /** Internal: protects the beginning of what the parts make together; see `TlsSession.write`. */
  write(session: number, parts: readonly Uint8Array[]): number {
    const memory = this.instance.memory();
    let length = 0;
    for (const part of parts) {
      const room = EXCHANGE - length;
      memory.set(part.length > room ? part.subarray(0, room) : part, this.exchange + length);
      length += Math.min(room, part.length);
      if (length === EXCHANGE) break;
    }
    return this.call("write", session, this.exchange, length);
  }

  /** Internal: takes a chain for a configuration's key. */
  setChain(config: number, chain: readonly Uint8Array[]): boolean {
    return this.withBytes(
      concatenate(chain),
      (at, length) => this.call("setChain", config, at, length) !== 0,
    );
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

/** One TLS session without I/O: the caller feeds what arrives, and takes what must be sent. */
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
  /** Why the alert was sent: a code for `describeRefusal`. */
  get refusal(): number | undefined {
    const refusal = this.ask("refusal");
    return refusal < 0 ? undefined : refusal;
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

  /** How many bytes wait to be sent. */
  get outputLength(): number {
    return this.ask("outputLength");
  }

  /**
   * Takes bytes that wait to be sent.
   *
   * @param into memory to copy them to: as many as fit; without it all of them, in memory of their own
   */
  takeOutput(into?: Uint8Array): Uint8Array {
    const waiting = this.outputLength;
    const length = into === undefined ? waiting : Math.min(waiting, into.length);
    const bytes = this.engine.read(this.ask("output"), length, into);
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
    return this.writeAll([bytes]);
  }

  /**
   * As `write`, for what many parts make together: their edges are not those of records. Parts that were taken are
   * removed from the list, and one that was taken in part is cut; returns how many bytes were taken.
   */
  writeAll(parts: Uint8Array[]): number {
    let used = 0;
    while (parts.length > 0) {
      let taken = this.engine.write(this.handle, parts);
      used += taken;
      let whole = 0;
      for (; whole < parts.length && (parts[whole] as Uint8Array).length <= taken; whole++)
        taken -= (parts[whole] as Uint8Array).length;
      parts.splice(0, whole);
      if (taken > 0) parts[0] = (parts[0] as Uint8Array).subarray(taken);
      else if (whole === 0) break;
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

  /**
   * An exporter of the session (RFC 8446 §7.5) without context.
   *
   * @returns 32 bytes; undefined unless application data may flow
   */
  exportKeyingMaterial(label: string): Uint8Array | undefined {
    const bytes = Buffer.from(label, "latin1");
    return this.engine.withBytes(Buffer.concat([Buffer.alloc(32), bytes]), (at) =>
      this.ask("exportKeyingMaterial", at + 32, bytes.length, at) === 0
        ? undefined
        : this.engine.read(at, 32),
    );
  }

  /** Accepts the peer's certificate, at `Status.approval`. */
  approvePeer(): void {
    this.ask("approvePeer");
  }
  /**
   * What the owner of the key is to sign, at `Status.approval` and once; undefined where the server wants no signature:
   * then `approvePeer` goes on.
   */
  prepareSignature(): Uint8Array | undefined {
    const room = this.engine.call("allocate", SIGNED_CONTENT);
    if (room === 0) throw new Error("the TLS module has no room for what is to be signed");
    try {
      const length = this.ask("prepareSignature", room);
      return length === 0 ? undefined : this.engine.read(room, length);
    } finally {
      this.engine.call("release", room);
    }
  }
  /** Accepts the peer with the signature over what `prepareSignature` gave: r ‖ s, 64 bytes. */
  approveSigned(signature: Uint8Array): void {
    if (signature.length !== 64) throw new RangeError(`a signature of ${signature.length} bytes`);
    const room = this.engine.call("allocate", signature.length);
    if (room === 0) throw new Error("the TLS module has no room for a signature");
    this.engine.store(room, signature);
    this.ask("approveSigned", room);
    this.engine.call("release", room);
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
  /** Ends the session's life. Must be called once; the object is useless afterwards. */
  dispose(): void {
    this.ask("disposeSession");
  }
}

/** What `getRandomValues` gives in one call, in bytes (Web Cryptography, §10.1.1). */
const RANDOM_QUOTA = 65_536;

/** Random bytes of Web Cryptography, the default of an engine. */
export function randomBytesInto(buffer: Uint8Array): boolean {
  for (let at = 0; at < buffer.length; at += RANDOM_QUOTA)
    crypto.getRandomValues(buffer.subarray(at, at + RANDOM_QUOTA) as Uint8Array<ArrayBuffer>);
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
