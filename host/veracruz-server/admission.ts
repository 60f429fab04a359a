import {
  createHash,
  createHmac,
  type KeyObject,
  randomBytes,
  verify,
  X509Certificate,
} from "node:crypto";
import { RateLimit } from "../common/rate-limit.js";
import { type Headers, readAdmission, signatureBase } from "../veracruz-utils/admission.js";
import { contentDigest, keyIdOf } from "../veracruz-utils/admission-hashes.js";
import type { Policy } from "../veracruz-utils/policy.js";

/** A signed request that is not accepted: said in one line, with a fresh nonce. */
export class AdmissionRefused extends Error {
  override name = "AdmissionRefused";
}

/** Milliseconds for which a nonce is the server's; it is accepted in the next such time, too. */
const EPOCH_MS = 60_000;
const NONCE_BYTES = 16;
/** Signed requests of one principal: a second on average, and at once. */
const REQUESTS_PER_SECOND = 2;
const REQUESTS_AT_ONCE = 120;
/** Signatures that one address may have checked. */
const CHECKS_PER_SECOND = 50;
const CHECKS_AT_ONCE = 500;

interface Principal {
  readonly number: number;
  readonly key: KeyObject;
}

function nonceOf(secret: Uint8Array, epoch: number): string {
  const mac = createHmac("sha256", secret).update(`epoch ${epoch}`).digest("hex");
  return mac.slice(0, 2 * NONCE_BYTES);
}

/** The nonce that a request signed now has to cover, of a server with this secret: hexadecimal. */
export function presentNonce(secret: Uint8Array, now = performance.now()): string {
  return nonceOf(secret, Math.floor(now / EPOCH_MS));
}

/** A nonce with what belongs to its time. */
class Epoch {
  /** SHA-256 of each base that was accepted. */
  readonly seen = new Set<string>();
  private byKeyId: Map<string, Principal> | undefined;

  constructor(
    readonly number: number,
    readonly nonce: string,
    private readonly certificates: readonly X509Certificate[],
  ) {}

  find(keyId: string): Principal | undefined {
    // Made when the first signed request comes.
    this.byKeyId ??= new Map(
      this.certificates.map(({ raw, publicKey }, number) => [
        keyIdOf(this.nonce, raw),
        { number, key: publicKey },
      ]),
    );
    return this.byKeyId.get(keyId);
  }
}

/** A request that may be signed. */
export interface SignedRequest {
  readonly headers: Headers;
  readonly method: string;
  readonly target: string;
  /** Of a POST; undefined for a stream. */
  readonly body?: string | undefined;
  readonly address: string;
}

/** Tells principals, who sign their requests for sessions, from strangers. */
export class Admission {
  private readonly certificates: readonly X509Certificate[];
  private readonly policyHash: string;
  private readonly checks = new RateLimit(CHECKS_PER_SECOND, CHECKS_AT_ONCE);
  private readonly requests = new RateLimit(REQUESTS_PER_SECOND, REQUESTS_AT_ONCE);
  private epochs: Epoch[] = [];

  /** @param secret the server's own, from which its nonces come */
  constructor(
    policy: Policy,
    private readonly secret: Uint8Array = randomBytes(32),
  ) {
    this.policyHash = policy.hash.toString("hex");
    this.certificates = policy.document.identities.map(
      ({ certificate }) => new X509Certificate(certificate),
    );
  }

  /** The present epoch and the one before, the present one first. */
  private current(now: number): readonly Epoch[] {
    const number = Math.floor(now / EPOCH_MS);
    if (this.epochs[0]?.number !== number) {
      const before = this.epochs.find((epoch) => epoch.number === number - 1);
      this.epochs = [this.begin(number), before ?? this.begin(number - 1)];
    }
    return this.epochs;
  }

  private begin(number: number): Epoch {
    return new Epoch(number, nonceOf(this.secret, number), this.certificates);
  }

  /** The nonce that a request signed now has to cover: hexadecimal. */
  nonce(now = performance.now()): string {
    return presentNonce(this.secret, now);
  }

  /**
   * The number in the policy of the principal who signed a request; undefined when it is not signed, or
   * by nobody whom the policy names.
   *
   * @throws AdmissionRefused when it is signed, but not acceptably
   */
  check(signed: SignedRequest, now = performance.now()): number | undefined {
    const { headers, method, target, body, address } = signed;
    let claim: ReturnType<typeof readAdmission>;
    try {
      claim = readAdmission(headers, method, target);
    } catch (error) {
      throw new AdmissionRefused((error as Error).message);
    }
    if (claim === undefined) return undefined;
    const { request, signature } = claim;
    // Whoever has another policy finds that out in TLS, from the isolate itself.
    if (request.policyHash !== this.policyHash) return undefined;
    const wanted = body === undefined ? "veracruz-client-nonce" : "content-digest";
    if (request.bound[0] !== wanted) throw new AdmissionRefused(`it does not cover ${wanted}`);
    if (body !== undefined && request.bound[1] !== contentDigest(body)) {
      throw new AdmissionRefused("content-digest is another body's");
    }
    const epoch = this.current(now).find(({ nonce }) => nonce === request.nonce);
    if (epoch === undefined)
      throw new AdmissionRefused("the nonce is not the server's, or too old");
    const principal = epoch.find(request.keyId);
    if (principal === undefined) return undefined;
    if (!this.checks.allows(address, now)) throw new AdmissionRefused("too many from this address");
    const base = Buffer.from(signatureBase(request), "latin1");
    const key = { key: principal.key, dsaEncoding: "ieee-p1363" } as const;
    if (!verify("sha256", base, key, Buffer.from(signature, "base64"))) {
      throw new AdmissionRefused("it does not verify");
    }
    // Of the base, not of the signature: ECDSA has two for one.
    const digest = createHash("sha256").update(base).digest("base64");
    if (epoch.seen.has(digest)) throw new AdmissionRefused("it was used before");
    if (!this.requests.allows(`principal ${principal.number}`, now)) {
      throw new AdmissionRefused("too many of this principal");
    }
    epoch.seen.add(digest);
    return principal.number;
  }
}
