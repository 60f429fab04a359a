import { createHash, createPrivateKey, generateKeyPairSync, randomBytes } from "node:crypto";
import { CliError } from "../common/cli.js";
import { readSecretFile, writeNewFile } from "../common/secret-files.js";
import { describeLifecycle, LIFECYCLE_NON_PSA_ROT_DEBUG } from "./lifecycle.js";
import { publicKeyPem } from "./p256.js";
import { TokenModule } from "./token-module.js";

/**
 * The host isolate's root of trust. It is software, in the process that hosts the isolate: whoever
 * controls the computer can read its key. Hence it is of development grade by definition: its lifecycle
 * is 0x4000, which a proxy attestation server certifies, and a client accepts, only where they were told to;
 * and its implementation ID is its own, so that it can claim no measurement of another kind of device.
 */

/** What every software root of trust of this project is; no MCU has it. */
export const SOFTWARE_IMPLEMENTATION_ID: Uint8Array = new Uint8Array(
  createHash("sha256")
    .update("veracruz host isolate, software root of trust, development grade, 1")
    .digest(),
);

/** The measurement type of the trusted runtime, as the proxy attestation server looks for it. */
const RUNTIME_COMPONENT = "ARoT";
/** Nobody signs the runtime's module on a computer. */
const NO_SIGNER = new Uint8Array(32);
/** PSA callers outside the secure world have negative client IDs. */
const CLIENT_ID = -1;

const LABEL =
  "# Development-grade attestation key of a software root of trust. Not for production.\n";

/** What an operator enrols with `vc-pas enroll --from FILE`. */
export interface EnrolmentFile {
  readonly format: "veracruz-enrolment-v1";
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

/** The private scalar, 32 bytes, in the key file; the file is made where there is none. */
function loadOrMakeKey(path: string): Uint8Array {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const pem = LABEL + privateKey.export({ type: "pkcs8", format: "pem" });
  try {
    writeNewFile(path, pem);
  } catch (error) {
    // Someone was here before: the key that is there counts.
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
   * @param version at most 16 ASCII characters
   * @returns the measurement, SHA-256
   */
  measureRuntime(runtime: Uint8Array, version = ""): Uint8Array {
    if (this.measured !== undefined) throw new Error("a runtime has been measured already");
    const measurement = new Uint8Array(createHash("sha256").update(runtime).digest());
    this.module.addSoftwareComponent({
      type: RUNTIME_COMPONENT,
      measurement,
      signerId: NO_SIGNER,
      version,
    });
    this.measured = measurement;
    return measurement;
  }

  /** What was measured; undefined before `measureRuntime`. */
  get measurement(): Uint8Array | undefined {
    return this.measured;
  }

  /**
   * A PSA attestation token over the nonce that the runtime computed.
   *
   * @param nonce 32, 48 or 64 bytes
   * @throws PsaError: PSA_ERROR_INVALID_ARGUMENT for another length, PSA_ERROR_BAD_STATE while
   *   nothing is measured, PSA_ERROR_BUFFER_TOO_SMALL
   */
  attestationToken(nonce: Uint8Array, capacity?: number): Uint8Array {
    return this.module.token(nonce, capacity);
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
      format: "veracruz-enrolment-v1",
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
