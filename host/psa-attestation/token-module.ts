import { readFileSync } from "node:fs";
import { wasmPath } from "../common/paths.js";
import { chooseHost, type ModuleHost } from "../translated-module/index.js";
import { Environment, type Module, type Runtime } from "../wasm3-node/index.js";
import type { Certification } from "./nonces.js";
import { PsaError } from "./psa-error.js";

/**
 * The root of trust's wasm module (`assembly/psa-attestation/`) in an instance of its own: its
 * memory, which holds the attestation key, is shared with nothing.
 */

/** What a device is, for `TokenModule.initialise`. */
export interface DeviceIdentity {
  /** 32 bytes, P-256. The caller wipes its own copy. */
  readonly privateKey: Uint8Array;
  /** 32 random bytes. */
  readonly entropy: Uint8Array;
  /** 32 bytes. */
  readonly implementationId: Uint8Array;
  /** 16 bits, see `lifecycle.ts`. */
  readonly lifecycle: number;
  /** int32, not 0. */
  readonly clientId: number;
  /** 8 to 32 bytes; empty: no such claim. */
  readonly bootSeed: Uint8Array;
}

/** Something that was measured. */
export interface MeasuredComponent {
  /** ASCII, at most 16 characters; empty: not said. */
  readonly type: string;
  /** 32, 48 or 64 bytes. */
  readonly measurement: Uint8Array;
  /** 32, 48 or 64 bytes. */
  readonly signerId: Uint8Array;
  /** ASCII, at most 16 characters; empty: not said. */
  readonly version: string;
}

const STACK_BYTES = 64 * 1024;
/** The module's static data and heap; it needs 64 KiB. */
const MEMORY_LIMIT = 1024 * 1024;

/** The token module in this process. */
export class TokenModule {
  private readonly environment = new Environment();
  private readonly runtime: Runtime;
  private readonly module: Module;
  private readonly exchange: number;
  private readonly exchangeSize: number;

  /**
   * @param bytes the built module; left out, this project's own
   * @param host how it is hosted, see `chooseHost`
   */
  constructor(bytes: Uint8Array = readFileSync(wasmPath("attestation")), host?: ModuleHost) {
    this.runtime = this.environment.newRuntime({
      stackSize: STACK_BYTES,
      memoryLimit: MEMORY_LIMIT,
    });
    this.module = this.runtime.load(bytes, "attestation");
    chooseHost(this.module, bytes, host);
    if (this.module.imports.length > 0) throw new Error("the attestation module imports something");
    this.module.compile();
    this.call("_initialize");
    this.exchange = this.call("exchange") as number;
    this.exchangeSize = this.call("exchangeSize") as number;
  }

  private call(name: string, ...args: number[]): number | undefined {
    return this.module.findFunction(name).call(...args) as number | undefined;
  }

  /** Calls with the byte strings put into the exchange area, each as pointer and length. */
  private status(name: string, ...args: (number | Uint8Array)[]): number {
    let at = this.exchange;
    const flat: number[] = [];
    for (const argument of args) {
      if (typeof argument === "number") flat.push(argument);
      else {
        if (at + argument.length > this.exchange + this.exchangeSize)
          throw new RangeError("the arguments do not fit the exchange area");
        this.runtime.memory.write(at, argument);
        flat.push(at, argument.length);
        at += argument.length;
      }
    }
    return this.call(name, ...flat) as number;
  }

  /** @throws PsaError */
  initialise(identity: DeviceIdentity): void {
    const { privateKey, entropy, implementationId, lifecycle, clientId, bootSeed } = identity;
    if (privateKey.length !== 32 || entropy.length !== 32 || implementationId.length !== 32)
      throw new RangeError("key, entropy and implementation ID have 32 bytes each");
    // These three have fixed lengths: the module takes their addresses alone.
    const { memory } = this.runtime;
    const at = this.exchange;
    memory.write(at, privateKey);
    memory.write(at + 32, entropy);
    memory.write(at + 64, implementationId);
    memory.write(at + 96, bootSeed.subarray(0, 64));
    const status = this.call(
      "initialise",
      at,
      at + 32,
      at + 64,
      lifecycle,
      clientId,
      at + 96,
      bootSeed.length,
    ) as number;
    memory.fill(at, 160);
    if (status !== 0) throw new PsaError(status, "initialise");
  }

  /** @throws PsaError */
  addSoftwareComponent({ type, measurement, signerId, version }: MeasuredComponent): void {
    const status = this.status(
      "addSoftwareComponent",
      Buffer.from(type, "utf8"),
      measurement,
      signerId,
      Buffer.from(version, "utf8"),
    );
    if (status !== 0) throw new PsaError(status, "addSoftwareComponent");
  }

  /** Length of the tokens that are made here. @throws PsaError */
  tokenSize(): number {
    const size = this.call("getTokenSize") as number;
    if (size < 0) throw new PsaError(size, "getTokenSize");
    return size;
  }

  /** Hands over byte strings, and takes the token that comes in their place. */
  private token(
    name: string,
    parts: readonly Uint8Array[],
    capacity: number,
    more: readonly number[] = [],
  ): Uint8Array {
    const { memory } = this.runtime;
    let at = this.exchange;
    const addresses = parts.map((part) => {
      if (at + part.length > this.exchange + this.exchangeSize)
        throw new RangeError("the arguments do not fit the exchange area");
      memory.write(at, part);
      at += part.length;
      return at - part.length;
    });
    const room = Math.min(capacity, this.exchangeSize);
    const length = this.call(name, ...addresses, ...more, this.exchange, room) as number;
    if (length < 0) throw new PsaError(length, name);
    const token = memory.read(this.exchange, length);
    memory.fill(this.exchange, length);
    return token;
  }

  /**
   * The token by which the runtime asks for a certificate. The first one fixes policy, scope and key.
   *
   * @param capacity the room that the caller has for it
   * @throws PsaError
   */
  certificationToken(asked: Certification, capacity = this.exchangeSize): Uint8Array {
    const { challenge, policyHash, scopeHash, csr } = asked;
    for (const part of [challenge, policyHash, scopeHash])
      if (part.length !== 32) throw new RangeError("challenge and hashes have 32 bytes each");
    const parts = [challenge, policyHash, scopeHash, csr];
    return this.token("certificationToken", parts, capacity, [csr.length]);
  }

  /** The token for one client in one session. @throws PsaError */
  reattestationToken(
    nonce: Uint8Array,
    exporter: Uint8Array,
    capacity = this.exchangeSize,
  ): Uint8Array {
    if (nonce.length !== 32 || exporter.length !== 32)
      throw new RangeError("nonce and exporter have 32 bytes each");
    return this.token("reattestationToken", [nonce, exporter], capacity);
  }

  /** The token by which the device proves that it holds its key. @throws PsaError */
  enrolmentToken(challenge: Uint8Array, capacity = this.exchangeSize): Uint8Array {
    if (challenge.length !== 32) throw new RangeError("the challenge has 32 bytes");
    return this.token("enrolmentToken", [challenge], capacity);
  }

  /** Forgets policy, scope and key: the runtime is started anew from what was measured. */
  runtimeStarts(): void {
    this.call("runtimeStarts");
  }

  private give(name: "publicKey" | "instanceId"): Uint8Array {
    const length = this.call(name, this.exchange, this.exchangeSize) as number;
    if (length < 0) throw new PsaError(length, name);
    return this.runtime.memory.read(this.exchange, length);
  }

  /** Uncompressed point, 65 bytes. @throws PsaError */
  publicKey(): Uint8Array {
    return this.give("publicKey");
  }

  /** 33 bytes. @throws PsaError */
  instanceId(): Uint8Array {
    return this.give("instanceId");
  }

  /** Wipes the key and the module's memory. */
  free(): void {
    this.call("destroy");
    this.runtime.free();
    this.environment.free();
  }
}
