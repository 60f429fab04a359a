import { createHash, type KeyObject, randomBytes, randomInt } from "node:crypto";
import {
  CommitRefusal,
  commitPayload,
  isCommitRequest,
  refusalPayload,
} from "../continuity/commit-statement.js";
import { decodeScope, type Scope, ScopeError } from "../continuity/scope.js";
import type { Claims } from "../psa-attestation/claims.js";
import { describeLifecycle, gradeOf, lifecycleState } from "../psa-attestation/lifecycle.js";
import { certificationNonce, reattestationNonce } from "../psa-attestation/nonces.js";
import { importP256 } from "../psa-attestation/p256.js";
import {
  type Refusal,
  readToken,
  type TokenRule,
  type UnverifiedToken,
  verifyRead,
} from "../psa-attestation/verifier.js";
import { belowMinimum, type ComponentVersion, certifiable } from "../psa-attestation/versions.js";
import type { Message } from "../transport-protocol/index.js";
import {
  isolateCertificate,
  OID_COMMIT_SERVICE,
  OID_VERIFICATION_SERVICE,
  randomSerial,
} from "../x509/certificate.js";
import { type CsrRule, readCsr } from "../x509/csr.js";
import type { CertificateAuthority } from "./ca.js";
import { type Measured, measured, RUNTIME_COMPONENT } from "./measured.js";
import { OpenChallenges } from "./open-challenges.js";
import { StatementSigner } from "./signer.js";
import { statementPayload } from "./statement.js";
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
  | "ca-expired"
  | ScopeRule
  | "commit-signature";

/** Limits of the service; times are in milliseconds. */
export interface ServiceOptions {
  /** For how long an isolate's certificate is good, in milliseconds. */
  readonly certificateValidity: number;
  /** For how long a challenge is good, in milliseconds. */
  readonly challengeLifetime: number;
  /** Whether devices of development grade get certificates. */
  readonly allowDevelopment: boolean;
  /** How many challenges of this server may be unused and in time at once: of more a random one gives way. */
  readonly maxOpenChallenges: number;
  /** Milliseconds since 1970; tests move it. */
  readonly clock: () => number;
}

/** What holds where an option is not given. */
export const DEFAULT_OPTIONS: ServiceOptions = {
  certificateValidity: 86_400_000,
  challengeLifetime: 60_000,
  allowDevelopment: false,
  maxOpenChallenges: 250_000,
  clock: Date.now,
};

/** Why a device may not take the computation of a policy, by the policy's scope. */
export type ScopeRule =
  | "scope"
  | "scope-runtime"
  | "scope-grade"
  | "scope-device"
  | "scope-version";

/** For how long an expired challenge is remembered, so that the refusal can say what is wrong. */
const CHALLENGE_MEMORY = 600_000;
/** Clocks of clients may be this much behind. */
const BACKDATING = 300_000;
/** Public facts about a request, for the log. */
export type Facts = Record<string, unknown>;

/** An answer for the requester, or a refusal; `facts` are for the operator. */
export type Answer<M> =
  | { ok: true; message: M; facts: Facts }
  | (Refusal<ServiceRule> & { facts: Facts });

const sha256 = (bytes: Uint8Array) => new Uint8Array(createHash("sha256").update(bytes).digest());
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

/** The signed refusals, by why nothing is committed. */
const REFUSALS = {
  exhausted: CommitRefusal.EXHAUSTED,
  "device-revoked": CommitRefusal.DEVICE_REVOKED,
  "measurement-not-allowed": CommitRefusal.MEASUREMENT_WITHDRAWN,
  "version-below-floor": CommitRefusal.MEASUREMENT_WITHDRAWN,
} as const;

const no = (rule: ScopeRule, detail: string): Refusal<ScopeRule> => ({ ok: false, rule, detail });

function readScope(encoded: Uint8Array): { ok: true; scope: Scope } | Refusal<ScopeRule> {
  try {
    return { ok: true, scope: decodeScope(encoded) };
  } catch (error) {
    if (error instanceof ScopeError) return no("scope", error.message);
    throw error;
  }
}

/** What a device says of its components. */
const componentsOf = (claims: Claims) =>
  claims.softwareComponents.map(({ measurementType, version }) => ({
    ...(measurementType !== undefined && { component: measurementType }),
    ...(version !== undefined && { version }),
  }));

/** A device whose token is good, and what it says: where it has a chain, what that says. */
interface CheckedDevice {
  readonly device: Device;
  readonly claims: Claims;
  readonly runtimeHash: Uint8Array;
  readonly measurements: readonly Measured[];
  /** Of the components that were compared with the lists. */
  readonly versions: readonly ComponentVersion[];
}

/** Whether a device, with what its token says, may take the computation of a policy with this scope. */
function checkScope(
  scope: Scope,
  { device, runtimeHash, versions }: Pick<CheckedDevice, "device" | "runtimeHash" | "versions">,
): { ok: true } | Refusal<ScopeRule> {
  const wanted = scope.runtimeHashes[device.kind];
  if (wanted === undefined || hex(wanted) !== hex(runtimeHash))
    return no("scope-runtime", `the policy does not name that runtime for kind ${device.kind}`);
  if (gradeOf(device.lifecycle) !== "production" && !scope.allowDevelopment)
    return no("scope-grade", "the policy allows no device of development grade");
  if (
    scope.instanceIds.length > 0 &&
    !scope.instanceIds.some((id) => hex(id) === hex(device.instanceId))
  )
    return no("scope-device", "the policy does not name that device");
  const below = belowMinimum(versions, scope.minimumVersions);
  return below === undefined ? { ok: true } : no("scope-version", below);
}

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
  private readonly verificationSigner: StatementSigner;
  private readonly commitSigner: StatementSigner;
  private readonly keys = new KeyCache();
  private readonly open: OpenChallenges;

  constructor(
    private readonly store: Store,
    private readonly ca: CertificateAuthority,
    options: Partial<ServiceOptions> = {},
  ) {
    this.options = { ...DEFAULT_OPTIONS, ...options };
    this.open = new OpenChallenges(this.options.maxOpenChallenges);
    this.verificationSigner = new StatementSigner(ca, OID_VERIFICATION_SERVICE);
    this.commitSigner = new StatementSigner(ca, OID_COMMIT_SERVICE);
  }

  private now(): number {
    return this.options.clock();
  }

  /** `/Start`: a challenge from the system's random source, and the number that names this attempt. */
  async start(request: Message<"start">): Promise<Answer<Message<"challenge">>> {
    const facts: Facts = { firmwareVersion: request.firmwareVersion };
    if (request.protocol !== "psa")
      return { ok: false, rule: "protocol", detail: "the only protocol here is psa", facts };
    const now = this.now();
    const expiresAt = now + this.options.challengeLifetime;
    for (;;) {
      const deviceId = randomInt(2 ** 31);
      if (this.open.has(deviceId)) continue;
      const gone = this.open.add(deviceId, expiresAt, now);
      if (gone !== undefined) await this.store.dropChallenge(gone);
      const challenge = new Uint8Array(randomBytes(32));
      if (await this.store.addChallenge({ deviceId, challenge, expiresAt }))
        return {
          ok: true,
          message: { type: "challenge", challenge, deviceId },
          facts: { ...facts, deviceId },
        };
      this.open.remove(deviceId);
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
  ): Promise<({ ok: true } & CheckedDevice) | Refusal<ServiceRule>> {
    const refuse = (rule: ServiceRule, detail: string) => ({ ok: false, rule, detail }) as const;
    const device = await this.store.device(token.claims.instanceId);
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
    // From here on what the device's chain says, where it has one.
    const { claims } = verified;
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
    const measurements = components.map((each) =>
      measured(
        each === runtime ? RUNTIME_COMPONENT : each.measurementType,
        each.measurementValue,
        each.version,
      ),
    );
    const judgement = await this.store.judge(device.implementationId, measurements);
    if (judgement.outcome === "measurement-not-allowed")
      return refuse(
        judgement.outcome,
        "a measurement is not on the list for its component of this implementation ID",
      );
    if (judgement.outcome !== "allowed")
      return refuse(
        judgement.outcome,
        "the version of a component is below the floor of this implementation ID",
      );
    const { told } = judgement;
    const versions = certifiable(
      componentsOf(claims).filter(({ component = "" }) => !told.includes(component)),
    );
    return { ok: true, device, claims, runtimeHash, measurements, versions };
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
    const { policyHash, scope: encodedScope } = request;
    if (policyHash.length !== 32) return refuse("scope", "no policy hash of 32 bytes");
    const scopeHash = sha256(encodedScope);
    const nonce = certificationNonce({
      challenge: challenge.challenge,
      csr: request.csr,
      policyHash,
      scopeHash,
    });
    const checked = await this.checkDevice(token, nonce, facts);
    if (!checked.ok) return { ...checked, facts };
    const scope = readScope(encodedScope);
    if (!scope.ok) return { ...scope, facts };
    Object.assign(facts, { policyHash: hex(policyHash), scopeHash: hex(scopeHash) });
    const inScope = checkScope(scope.scope, checked);
    if (!inScope.ok) return { ...inScope, facts };
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
        lifecycle: checked.claims.securityLifecycle,
        policyHash,
        scopeHash,
        versions: checked.versions,
      },
      this.ca,
      { notBefore: now - BACKDATING, notAfter },
      serial,
    );
    const publicKeyHash = sha256(csr.subjectPublicKeyInfo);
    const outcome = await this.store.issue(
      {
        serial,
        deviceId: request.deviceId,
        instanceId: device.instanceId,
        publicKeyHash,
        runtimeHash,
        issuedAt: now,
        notAfter,
        certificate,
      },
      {
        publicKeyHash,
        policyHash,
        scopeHash,
        most: 1 + scope.scope.maxRestarts,
        instanceId: device.instanceId,
        runtimeHash,
        measurements,
      },
    );
    if (outcome === "key-bound")
      return refuse(outcome, "the key was certified for another policy, scope, device or runtime");
    if (outcome !== "issued") return refuse(outcome, "another request came first");
    this.open.remove(request.deviceId);
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
    const { deviceId, publicKey, policyHash, nonce, exporter } = request;
    const facts: Facts = { deviceId };
    const refuse = (rule: ServiceRule, detail: string) =>
      ({ ok: false, rule, detail, facts }) as const;
    const token = readToken(request.token);
    if (!token.ok) return { ...token, facts };
    facts.instanceId = hex(token.claims.instanceId);
    if (policyHash.length !== 32)
      return refuse("nonce-mismatch", "no policy hash, which the nonce is made of");
    const asked = { nonce, publicKey, policyHash, exporter };
    const checked = await this.checkDevice(token, reattestationNonce(asked), facts);
    if (!checked.ok) return { ...checked, facts };
    const now = this.now();
    const publicKeyHash = sha256(publicKey);
    const issued = await this.store.certificateFor(deviceId, publicKeyHash, now);
    const bound = await this.store.binding(publicKeyHash);
    if (issued === undefined || bound === undefined)
      return refuse("certificate-unknown", "no valid certificate was issued for this key here");
    const { claims } = checked;
    if (hex(issued.instanceId) !== hex(claims.instanceId))
      return refuse("public-key", "the certificate for this key went to another device");
    if (hex(bound.policyHash) !== hex(policyHash))
      return refuse("key-bound", "the key was certified for another policy");
    const { device, runtimeHash } = checked;
    const highest = await this.store.highestCommit(bound.policyHash, bound.scopeHash);
    const payload = statementPayload(
      {
        ...asked,
        kind: device.kind,
        lifecycle: claims.securityLifecycle,
        runtimeHash,
        instanceId: claims.instanceId,
        highest,
      },
      now,
    );
    const statement = this.verificationSigner.sign(payload, now);
    return { ok: true, message: { type: "verified", statement }, facts };
  }

  /**
   * `/Commit`: the computation of a policy is the isolate's whose key asks, or it never will be: both are signed.
   * Anything that may pass, or that nobody proves to come from that isolate, is refused without a signature.
   */
  async commit(request: Message<"commitComputation">): Promise<Answer<Message<"commitment">>> {
    const { publicKey, policyHash, scopeHash, signature } = request;
    const publicKeyHash = sha256(publicKey);
    const facts: Facts = { publicKeyHash: hex(publicKeyHash), policyHash: hex(policyHash) };
    const refuse = (rule: ServiceRule, detail: string) =>
      ({ ok: false, rule, detail, facts }) as const;
    const subject = { policyHash, scopeHash, publicKey };
    const key = this.keys.get(publicKey);
    if (key === undefined) return refuse("public-key", "the key is not a P-256 key");
    if (policyHash.length !== 32 || !isCommitRequest(subject, signature, key))
      return refuse("commit-signature", "not signed by the isolate's key");
    const bound = await this.store.binding(publicKeyHash);
    const now = this.now();
    if (bound === undefined || bound.certifiedUntil < now)
      return refuse("certificate-unknown", "no valid certificate was issued for this key here");
    if (hex(bound.policyHash) !== hex(policyHash) || hex(bound.scopeHash) !== hex(scopeHash))
      return refuse("key-bound", "the key was certified for another policy or scope");
    const device = await this.store.device(bound.instanceId);
    if (device === undefined) return refuse("device-unknown", "the device is not enrolled here");
    if (gradeOf(device.lifecycle) === "development" && !this.options.allowDevelopment)
      return refuse("lifecycle-not-trusted", "devices of development grade get nothing here");
    if (this.ca.notAfter <= now) return refuse("ca-expired", "the CA's certificate has expired");
    const result = await this.store.commit(publicKeyHash, now);
    if (result.outcome === "key-unknown")
      return refuse("certificate-unknown", "no valid certificate was issued for this key here");
    Object.assign(facts, result);
    const beganAt = result.outcome === "exhausted" ? result.beganAt : 0;
    const payload =
      result.outcome === "committed"
        ? commitPayload(subject, { n: result.n, of: bound.most }, now)
        : refusalPayload(subject, REFUSALS[result.outcome], beganAt, now);
    const statement = this.commitSigner.sign(payload, now);
    return { ok: true, message: { type: "commitment", statement }, facts };
  }

  /** Forgets what need not be remembered; to be called now and then. */
  purge(): Promise<number> {
    return this.store.purgeChallenges(this.now() - CHALLENGE_MEMORY);
  }
}
