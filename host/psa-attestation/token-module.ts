import { readFileSync } from "node:fs";
import { wasmPath } from "../common/paths.js";
import { Environment, type Module, type Runtime } from "../wasm3-node/index.js";

/**
 * The root of trust's wasm module (`assembly/psa-attestation/`) in a wasm3 instance of its own: its
 * memory, which holds the attestation key, is shared with nothing.
 */

/** PSA status codes that the module returns, by name. */
const STATUS_NAMES: Record<number, string> = {
  [-132]: "PSA_ERROR_GENERIC_ERROR",
  [-135]: "PSA_ERROR_INVALID_ARGUMENT",
  [-137]: "PSA_ERROR_BAD_STATE",
  [-138]: "PSA_ERROR_BUFFER_TOO_SMALL",
  [-142]: "PSA_ERROR_INSUFFICIENT_STORAGE",
};

/** The module answered with a status other than success. */
export class PsaError extends Error {
  override name = "PsaError";

  constructor(
    readonly status: number,
    call: string,
  ) {
    super(`${call}: ${STATUS_NAMES[status] ?? status}`);
  }
}

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

export class TokenModule {
  private readonly environment = new Environment();
  private readonly runtime: Runtime;
  private readonly module: Module;
  private readonly exchange: number;
  private readonly exchangeSize: number;

  /** @param bytes the built module; left out, this project's own */
  constructor(bytes: Uint8Array = readFileSync(wasmPath("attestation"))) {
    this.runtime = this.environment.newRuntime({
      stackSize: STACK_BYTES,
      memoryLimit: MEMORY_LIMIT,
    });
    this.module = this.runtime.load(bytes, "attestation");
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

  /** @throws PsaError */
  tokenSize(challengeLength: number): number {
    const size = this.call("getTokenSize", challengeLength) as number;
    if (size < 0) throw new PsaError(size, "getTokenSize");
    return size;
  }

  /**
   * A token over the challenge.
   *
   * @param challenge 32, 48 or 64 bytes
   * @param capacity the room that the caller has for it
   * @throws PsaError
   */
  token(challenge: Uint8Array, capacity: number = this.exchangeSize - 64): Uint8Array {
    const { memory } = this.runtime;
    memory.write(this.exchange, challenge.subarray(0, 64));
    const at = this.exchange + 64;
    const room = Math.min(capacity, this.exchangeSize - 64);
    const length = this.call("getToken", this.exchange, challenge.length, at, room) as number;
    if (length < 0) throw new PsaError(length, "getToken");
    const token = memory.read(at, length);
    memory.fill(at, length);
    return token;
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
