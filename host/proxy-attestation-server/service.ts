import { createHash, type KeyObject, randomBytes, randomInt } from "node:crypto";
import { describeLifecycle, gradeOf, lifecycleState } from "../psa-attestation/lifecycle.js";
import { enrolmentNonce, reattestationNonce } from "../psa-attestation/nonces.js";
import { importP256 } from "../psa-attestation/p256.js";
import {
  type Refusal,
  readToken,
  type TokenRule,
  type UnverifiedToken,
  verifyRead,
} from "../psa-attestation/verifier.js";
import type { Message } from "../transport-protocol/index.js";
import type { CertificateAuthority } from "./ca.js";
import { isolateCertificate, randomSerial } from "./certificate.js";
import { type CsrRule, readCsr } from "./csr.js";
import { StatementSigner } from "./statement.js";
import type { Device, IssueRefusal, Store } from "./store.js";

/** Every reason for which this server says no. */
export type ServiceRule =
  | TokenRule
  | CsrRule
  | IssueRefusal
  | "protocol"
  | "implementation-mismatch"
  | "lifecycle-mismatch"
  | "runtime-component"
  | "public-key"
  | "certificate-unknown"
  | "overloaded"
  | "ca-expired";

export interface ServiceOptions {
  /** For how long an isolate's certificate is good, in milliseconds. */
  readonly certificateValidity: number;
  /** For how long a challenge is good, in milliseconds. */
  readonly challengeLifetime: number;
  /** Whether devices of development grade get certificates. */
  readonly allowDevelopment: boolean;
  /** How many challenges of this server may be unused and in time at once. */
  readonly maxOpenChallenges: number;
  /** Milliseconds since 1970; tests move it. */
  readonly clock: () => number;
}

export const DEFAULT_OPTIONS: ServiceOptions = {
  certificateValidity: 86_400_000,
  challengeLifetime: 60_000,
  allowDevelopment: false,
  maxOpenChallenges: 250_000,
  clock: Date.now,
};

/** For how long an expired challenge is remembered, so that the refusal can say what is wrong. */
const CHALLENGE_MEMORY = 600_000;
/** Clocks of clients may be this much behind. */
const BACKDATING = 300_000;
/** The measurement type of the trusted runtime, where a token holds several components. */
export const RUNTIME_COMPONENT = "ARoT";

/** Public facts about a request, for the log. */
export type Facts = Record<string, unknown>;

/** An answer for the requester, or a refusal; `facts` are for the operator. */
export type Answer<M> =
  | { ok: true; message: M; facts: Facts }
  | (Refusal<ServiceRule> & { facts: Facts });

const sha256 = (bytes: Uint8Array) => new Uint8Array(createHash("sha256").update(bytes).digest());
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

/** Keys of devices seen lately, imported once. The store says whether a device is good, not this. */
class KeyCache {
  private readonly keys = new Map<string, KeyObject>();

  get(spki: Uint8Array): KeyObject | undefined {
    const name = hex(spki);
    let key = this.keys.get(name);
    if (key === undefined) {
      key = importP256(spki);
      if (key === undefined) return undefined;
      if (this.keys.size >= 4096) this.keys.clear();
      this.keys.set(name, key);
    }
    return key;
  }
}

/**
 * The proxy attestation server without its network: verifies PSA tokens of enrolled devices and issues
 * certificates to the isolates on them.
 */
export class AttestationService {
  private readonly options: ServiceOptions;
  private readonly signer: StatementSigner;
  private readonly keys = new KeyCache();
  /** When each challenge of this server expires that was not used here, by device ID, oldest first. */
  private readonly open = new Map<number, number>();

  constructor(
    private readonly store: Store,
    private readonly ca: CertificateAuthority,
    options: Partial<ServiceOptions> = {},
  ) {
    this.options = { ...DEFAULT_OPTIONS, ...options };
    this.signer = new StatementSigner(ca);
  }

  private now(): number {
    return this.options.clock();
  }

  private countOpen(now: number): number {
    for (const [deviceId, expiresAt] of this.open) {
      if (expiresAt >= now) break;
      this.open.delete(deviceId);
    }
    return this.open.size;
  }

  /** `/Start`: a challenge from the system's random source, and the number that names this attempt. */
  async start(request: Message<"start">): Promise<Answer<Message<"challenge">>> {
    const facts: Facts = { firmwareVersion: request.firmwareVersion };
    if (request.protocol !== "psa")
      return { ok: false, rule: "protocol", detail: "the only protocol here is psa", facts };
    const now = this.now();
    if (this.countOpen(now) >= this.options.maxOpenChallenges)
      return { ok: false, rule: "overloaded", detail: "too many open challenges", facts };
    const expiresAt = now + this.options.challengeLifetime;
    for (;;) {
      const deviceId = randomInt(2 ** 31);
      if (this.open.has(deviceId)) continue;
      this.open.set(deviceId, expiresAt);
      const challenge = new Uint8Array(randomBytes(32));
      if (await this.store.addChallenge({ deviceId, challenge, expiresAt }))
        return {
          ok: true,
          message: { type: "challenge", challenge, deviceId },
          facts: { ...facts, deviceId },
        };
      this.open.delete(deviceId);
    }
  }

  /**
   * Everything about a token but its nonce's origin: the device is enrolled and not revoked, the
   * token is by its key, says what the enrolment says, and all that it measured is allowed for it.
   */
  private async checkDevice(
    token: UnverifiedToken,
    nonce: Uint8Array,
    facts: Facts,
  ): Promise<
    | { ok: true; device: Device; runtimeHash: Uint8Array; measurements: Uint8Array[] }
    | Refusal<ServiceRule>
  > {
    const { claims } = token;
    const refuse = (rule: ServiceRule, detail: string) => ({ ok: false, rule, detail }) as const;
    const device = await this.store.device(claims.instanceId);
    if (device === undefined) return refuse("device-unknown", "the device is not enrolled here");
    Object.assign(facts, {
      kind: device.kind,
      label: device.label,
      grade: gradeOf(device.lifecycle),
    });
    if (device.revokedAt !== undefined) return refuse("device-revoked", "the device is revoked");
    const key = this.keys.get(device.publicKey);
    if (key === undefined) throw new Error("a device was enrolled with a key that is not P-256");
    const verified = verifyRead(token, key, {
      nonce,
      instanceId: device.instanceId,
      allowDevelopment: this.options.allowDevelopment,
    });
    if (!verified.ok) return verified;
    if (hex(claims.implementationId) !== hex(device.implementationId))
      return refuse(
        "implementation-mismatch",
        "the device was enrolled with another implementation ID",
      );
    if (lifecycleState(claims.securityLifecycle) !== lifecycleState(device.lifecycle))
      return refuse(
        "lifecycle-mismatch",
        `the device was enrolled as ${describeLifecycle(device.lifecycle)}`,
      );
    const components = claims.softwareComponents;
    const runtimes =
      components.length === 1
        ? components
        : components.filter(({ measurementType }) => measurementType === RUNTIME_COMPONENT);
    const [runtime] = runtimes;
    if (runtime === undefined || runtimes.length !== 1)
      return refuse(
        "runtime-component",
        `${runtimes.length} of ${components.length} software components have type ${RUNTIME_COMPONENT}, needed is 1`,
      );
    const runtimeHash = runtime.measurementValue;
    facts.runtimeHash = hex(runtimeHash);
    if (runtimeHash.length !== 32)
      return refuse("runtime-component", "the runtime's measurement is not a SHA-256");
    const measurements = components.map(({ measurementValue }) => measurementValue);
    if (!(await this.store.areAllowed(device.implementationId, measurements)))
      return refuse(
        "measurement-not-allowed",
        "a measurement is not on the list for this implementation ID",
      );
    return { ok: true, device, runtimeHash, measurements };
  }

  /** `/PSA/AttestationToken`: a certificate for an isolate's key, once for each challenge. */
  async attest(
    request: Message<"nativeAttestationToken">,
  ): Promise<Answer<Message<"certificateChain">>> {
    const facts: Facts = { deviceId: request.deviceId };
    const refuse = (rule: ServiceRule, detail: string) =>
      ({ ok: false, rule, detail, facts }) as const;
    const token = readToken(request.token);
    if (!token.ok) return { ...token, facts };
    facts.instanceId = hex(token.claims.instanceId);
    const now = this.now();
    const challenge = await this.store.challenge(request.deviceId);
    if (challenge === undefined)
      return refuse("challenge-unknown", "no challenge was given out under this device ID");
    if (challenge.usedAt !== undefined)
      return refuse("challenge-used", "the challenge has been used");
    if (challenge.expiresAt < now) return refuse("challenge-expired", "the challenge has expired");
    // The one nonce that counts here. A token that was made for a client (reattestationNonce) has
    // another label in it and can never match.
    const nonce = enrolmentNonce(challenge.challenge, request.csr);
    const checked = await this.checkDevice(token, nonce, facts);
    if (!checked.ok) return { ...checked, facts };
    const csr = readCsr(request.csr);
    if (!csr.ok) return { ...csr, facts };
    if (this.ca.notAfter <= now) return refuse("ca-expired", "the CA's certificate has expired");
    const { device, runtimeHash, measurements } = checked;
    const notAfter = Math.min(now + this.options.certificateValidity, this.ca.notAfter);
    const serial = randomSerial();
    const certificate = isolateCertificate(
      {
        spki: csr.subjectPublicKeyInfo,
        runtimeHash,
        kind: device.kind,
        lifecycle: token.claims.securityLifecycle,
      },
      this.ca,
      { notBefore: now - BACKDATING, notAfter },
      serial,
    );
    const outcome = await this.store.issue(
      {
        serial,
        deviceId: request.deviceId,
        instanceId: device.instanceId,
        publicKeyHash: sha256(csr.subjectPublicKeyInfo),
        runtimeHash,
        issuedAt: now,
        notAfter,
        certificate,
      },
      measurements,
    );
    if (outcome !== "issued") return refuse(outcome, "another request came first");
    this.open.delete(request.deviceId);
    facts.serial = hex(serial);
    return {
      ok: true,
      message: { type: "certificateChain", certificate, issuer: this.ca.certificate },
      facts,
    };
  }

  /** `/VerifyPAT`: a signed statement for a client on a token that was made for its own nonce. */
  async verifyProxyToken(
    request: Message<"verifyProxyToken">,
  ): Promise<Answer<Message<"verified">>> {
    const { deviceId, publicKey, policyHash, nonce: clientNonce } = request;
    const facts: Facts = { deviceId };
    const refuse = (rule: ServiceRule, detail: string) =>
      ({ ok: false, rule, detail, facts }) as const;
    const token = readToken(request.token);
    if (!token.ok) return { ...token, facts };
    facts.instanceId = hex(token.claims.instanceId);
    if (policyHash.length !== 32)
      return refuse("nonce-mismatch", "no policy hash, which the nonce is made of");
    const nonce = reattestationNonce(clientNonce, publicKey, policyHash);
    const checked = await this.checkDevice(token, nonce, facts);
    if (!checked.ok) return { ...checked, facts };
    const now = this.now();
    const issued = await this.store.certificateFor(deviceId, sha256(publicKey), now);
    if (issued === undefined)
      return refuse("certificate-unknown", "no valid certificate was issued for this key here");
    if (hex(issued.instanceId) !== hex(token.claims.instanceId))
      return refuse("public-key", "the certificate for this key went to another device");
    const { device, runtimeHash } = checked;
    const statement = this.signer.sign(
      {
        clientNonce,
        claims: token.message.payload,
        spki: publicKey,
        policyHash,
        kind: device.kind,
        runtimeHash,
      },
      now,
    );
    return { ok: true, message: { type: "verified", statement }, facts };
  }

  /** Forgets what need not be remembered; to be called now and then. */
  purge(): Promise<number> {
    return this.store.purgeChallenges(this.now() - CHALLENGE_MEMORY);
  }
}
