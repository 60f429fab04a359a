import { createHash, createPrivateKey, generateKeyPairSync, randomBytes } from "node:crypto";
import { CliError } from "../common/cli.js";
import { readSecretFile, writeNewFile } from "../common/secret-files.js";
import { LoadError, readCustomSection } from "../wasm3-node/index.js";
import { describeLifecycle, LIFECYCLE_NON_PSA_ROT_DEBUG } from "./lifecycle.js";
import type { Certification } from "./nonces.js";
import { publicKeyPem } from "./p256.js";
import { SOFTWARE_IMPLEMENTATION_ID } from "./software-implementation.js";

import { TokenModule } from "./token-module.js";

/**
 * The host isolate's root of trust. It is software, in the process that hosts the isolate: whoever
 * controls the computer can read its key. Hence it is of development grade by definition: its lifecycle
 * is 0x4000, which a proxy attestation server certifies, and a client accepts, only where they were told to;
 * and its implementation ID is its own, so that it can claim no measurement of another kind of device.
 */

export { SOFTWARE_IMPLEMENTATION_ID };

/** The measurement type of the trusted runtime, as the proxy attestation server looks for it. */
const RUNTIME_COMPONENT = "ARoT";
/** Nobody signs the runtime's module on a computer. */
const NO_SIGNER = new Uint8Array(32);
/** PSA callers outside the secure world have negative client IDs. */
const CLIENT_ID = -1;

const LABEL =
  "# Development-grade attestation key of a software root of trust. Not for production.\n";

/** Value of `format` in a file that enrols a device. */
export const ENROLMENT_FORMAT = "veracruz-enrolment-v1";

/** What an operator enrols with `vc-pas enroll --from FILE`. */
export interface EnrolmentFile {
  readonly format: typeof ENROLMENT_FORMAT;
  readonly grade: "development";
  readonly kind: "linux";
  readonly label: string;
  readonly instanceId: string;
  readonly implementationId: string;
  readonly lifecycle: number;
  /** PEM. */
  readonly publicKey: string;
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

/** The private scalar, 32 bytes, in the key file; made if it does not exist. */
function loadOrMakeKey(path: string): Uint8Array {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const pem = LABEL + privateKey.export({ type: "pkcs8", format: "pem" });
  try {
    writeNewFile(path, pem);
  } catch (error) {
    // Another process was faster: its key counts.
    if (!(error instanceof CliError) || !error.message.includes("exists already")) throw error;
  }
  const text = readSecretFile(path, "attestation key");
  try {
    const { crv, d } = createPrivateKey(text).export({ format: "jwk" });
    if (crv !== "P-256" || d === undefined) throw new Error("not P-256");
    return new Uint8Array(Buffer.from(d, "base64url"));
  } catch {
    throw new CliError(
      `the attestation key ${JSON.stringify(path)} is not an unencrypted P-256 private key in PEM`,
    );
  }
}

/** The version that a trusted runtime carries; empty: none. */
function versionOf(runtime: Uint8Array): string {
  let section: Uint8Array | undefined;
  try {
    section = readCustomSection(runtime, "version");
  } catch (error) {
    if (!(error instanceof LoadError)) throw error;
  }
  const text = Buffer.from(section ?? []).toString("latin1");
  return /^[!-~]{1,16}$/.test(text) ? text : "";
}

/** A root of trust in software, whose key lies in a file: for development only. */
export class SoftwareRootOfTrust {
  /** As reported in tokens: never a secured one. */
  readonly lifecycle = LIFECYCLE_NON_PSA_ROT_DEBUG;
  private readonly module: TokenModule;
  private measured: Uint8Array | undefined;

  private constructor(private readonly keyPath: string) {
    this.module = new TokenModule();
    const privateKey = loadOrMakeKey(keyPath);
    try {
      this.module.initialise({
        privateKey,
        entropy: randomBytes(32),
        implementationId: SOFTWARE_IMPLEMENTATION_ID,
        lifecycle: this.lifecycle,
        clientId: CLIENT_ID,
        bootSeed: randomBytes(32),
      });
    } finally {
      privateKey.fill(0);
    }
  }

  /**
   * Opens the root of trust whose key is in that file. The key is made on first use, in a file that
   * only its owner may read; a file that others may read is refused.
   *
   * @throws CliError
   */
  static open(keyPath: string): SoftwareRootOfTrust {
    return new SoftwareRootOfTrust(keyPath);
  }

  /**
   * Measures the trusted runtime. To be called by the isolate's home, with the very bytes that it then
   * instantiates, before it does; and only once.
   *
   * @param runtime whose custom section `version`, where it has one, becomes the version of the component
   * @returns the measurement, SHA-256
   */
  measureRuntime(runtime: Uint8Array): Uint8Array {
    if (this.measured !== undefined) throw new Error("a runtime has been measured already");
    const measurement = new Uint8Array(createHash("sha256").update(runtime).digest());
    this.module.addSoftwareComponent({
      type: RUNTIME_COMPONENT,
      measurement,
      signerId: NO_SIGNER,
      version: versionOf(runtime),
    });
    this.measured = measurement;
    return measurement;
  }

  /** What was measured; undefined before `measureRuntime`. */
  get measurement(): Uint8Array | undefined {
    return this.measured;
  }

  /**
   * The token by which the runtime asks for a certificate. The first one since `runtimeStarts` fixes the
   * policy, the scope and the key.
   *
   * @throws PsaError: PSA_ERROR_INVALID_ARGUMENT for what is no request for a P-256 key, PSA_ERROR_BAD_STATE
   *   while nothing is measured, or for another policy, scope or key; PSA_ERROR_BUFFER_TOO_SMALL
   */
  certificationToken(asked: Certification, capacity?: number): Uint8Array {
    return this.module.certificationToken(asked, capacity);
  }

  /** The token for one client's nonce in the session with that exporter. Throws as `certificationToken`. */
  reattestationToken(nonce: Uint8Array, exporter: Uint8Array, capacity?: number): Uint8Array {
    return this.module.reattestationToken(nonce, exporter, capacity);
  }

  /** The token by which the device proves, when it is enrolled, that it holds its key. */
  enrolmentToken(challenge: Uint8Array, capacity?: number): Uint8Array {
    return this.module.enrolmentToken(challenge, capacity);
  }

  /** To be called each time before the runtime is instantiated from the measured bytes. */
  runtimeStarts(): void {
    this.module.runtimeStarts();
  }

  /** Uncompressed point, 65 bytes. */
  get publicKey(): Uint8Array {
    return this.module.publicKey();
  }

  /** 33 bytes. */
  get instanceId(): Uint8Array {
    return this.module.instanceId();
  }

  /** For logs: what this is, and that it is for development only. */
  describe(): string {
    return `DEVELOPMENT-GRADE software root of trust ${hex(this.instanceId)}, key ${JSON.stringify(this.keyPath)}, lifecycle ${describeLifecycle(this.lifecycle)}: no real secrets`;
  }

  /** What the operator of a proxy attestation server needs to enrol this device. Nothing in it is secret. */
  enrolment(label = "host isolate"): EnrolmentFile {
    return {
      format: ENROLMENT_FORMAT,
      grade: "development",
      kind: "linux",
      label,
      instanceId: hex(this.instanceId),
      implementationId: hex(SOFTWARE_IMPLEMENTATION_ID),
      lifecycle: this.lifecycle,
      publicKey: publicKeyPem(this.publicKey),
    };
  }

  /** Wipes the key. */
  free(): void {
    this.module.free();
  }
}
