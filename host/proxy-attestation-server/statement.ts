import { createHash, generateKeyPairSync, type KeyObject } from "node:crypto";
import {
  BYTES,
  CborError,
  content,
  decodeItem,
  encode,
  type Item,
  integerEntries,
  MAP,
  scan,
  TEXT,
} from "../psa-attestation/cbor.js";
import { ClaimError, type Claims, readClaims } from "../psa-attestation/claims.js";
import { CoseError, parseSign1, sign1, verifySign1, X5CHAIN } from "../psa-attestation/cose.js";
import { gradeOf } from "../psa-attestation/lifecycle.js";
import { reattestationNonce } from "../psa-attestation/nonces.js";
import { MAX_TOKEN, type Refusal } from "../psa-attestation/verifier.js";
import type { CertificateAuthority } from "./ca.js";
import { type IsolateKind, verificationServiceCertificate } from "./certificate.js";
import { type CertificateRule, verifyServiceCertificate } from "./read-certificate.js";

/**
 * The answer of `/VerifyPAT`: a COSE_Sign1 (ES256) by a key that the CA certified for this purpose
 * alone, with that certificate in the unprotected header (x5chain). Its payload is a CBOR map:
 *
 * | key | type | |
 * |---|---|---|
 * | 1 | text | "veracruz-pat-v1" |
 * | 2 | bytes | the client's nonce, 32 |
 * | 3 | bytes | the verified token's claims map, as the device signed it |
 * | 4 | bytes | SHA-256 of the isolate's SubjectPublicKeyInfo |
 * | 5 | bytes | SHA-256 of the policy |
 * | 6 | text | kind of isolate, "linux" or "mcu", from the device's enrolment |
 * | 7 | bytes | runtime hash, 32 |
 * | 8 | unsigned | time of the verification, seconds since 1970 |
 */
const LABEL = "veracruz-pat-v1";
const KEY_LABEL = 1;
const KEY_NONCE = 2;
const KEY_CLAIMS = 3;
const KEY_PUBLIC_KEY_HASH = 4;
const KEY_POLICY_HASH = 5;
const KEY_KIND = 6;
const KEY_RUNTIME_HASH = 7;
const KEY_TIME = 8;

/** What the statement says, apart from who says it. */
export interface StatementContent {
  readonly clientNonce: Uint8Array;
  /** The token's claims map, CBOR. */
  readonly claims: Uint8Array;
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array;
  readonly policyHash: Uint8Array;
  readonly kind: IsolateKind;
  readonly runtimeHash: Uint8Array;
}

const sha256 = (bytes: Uint8Array) => new Uint8Array(createHash("sha256").update(bytes).digest());

/** For how long a signing key is certified. A new one is made when half of that is over. */
const VALIDITY = 7 * 86_400_000;

/**
 * Signs statements with a key that lives in this process's memory only, is certified by the CA when
 * it is made, and is replaced in good time. Several servers under one CA each have their own.
 */
export class StatementSigner {
  private current: { key: KeyObject; certificate: Uint8Array; renewAt: number } | undefined;

  constructor(private readonly ca: CertificateAuthority) {}

  private signer(now: number): { key: KeyObject; certificate: Uint8Array } {
    if (this.current === undefined || now >= this.current.renewAt) {
      const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
      const spki = new Uint8Array(publicKey.export({ type: "spki", format: "der" }));
      const notAfter = Math.min(now + VALIDITY, this.ca.notAfter);
      const certificate = verificationServiceCertificate(spki, this.ca, {
        notBefore: now - 5 * 60_000,
        notAfter,
      });
      this.current = { key: privateKey, certificate, renewAt: now + (notAfter - now) / 2 };
    }
    return this.current;
  }

  /** The signed statement. */
  sign(statement: StatementContent, now: number): Uint8Array {
    const { key, certificate } = this.signer(now);
    const payload = encode(
      new Map<number, unknown>([
        [KEY_LABEL, LABEL],
        [KEY_NONCE, statement.clientNonce],
        [KEY_CLAIMS, statement.claims],
        [KEY_PUBLIC_KEY_HASH, sha256(statement.spki)],
        [KEY_POLICY_HASH, statement.policyHash],
        [KEY_KIND, statement.kind],
        [KEY_RUNTIME_HASH, statement.runtimeHash],
        [KEY_TIME, Math.floor(now / 1000)],
      ]),
    );
    return sign1(payload, key, new Map([[X5CHAIN, certificate]]));
  }
}

/** Why a client refuses a statement. */
export type StatementRule =
  | CertificateRule
  | "statement-malformed"
  | "statement-signature"
  | "client-nonce"
  | "isolate-key"
  | "policy-hash"
  | "token-nonce";

/** What a client demands of a statement. */
export interface StatementDemand {
  /** The policy's `proxy_service_cert`: PEM or DER. */
  readonly ca: string | Uint8Array;
  /** The nonce that this client drew for this request: 32 bytes. */
  readonly clientNonce: Uint8Array;
  /** SubjectPublicKeyInfo (DER) of the certificate that the isolate shows in TLS. */
  readonly spki: Uint8Array;
  /** SHA-256 of the client's own copy of the policy. */
  readonly policyHash: Uint8Array;
  /** `runtime_manager_hash_linux`, `runtime_manager_hash_mcu` of the policy: 32 bytes each. */
  readonly runtimeHashes: Readonly<Partial<Record<IsolateKind, Uint8Array>>>;
  readonly allowDevelopment?: boolean;
  /** Milliseconds since 1970; left out by a client without a clock. */
  readonly now?: number;
}

/** A statement that kept every rule. */
export interface VerifiedStatement {
  readonly ok: true;
  readonly kind: IsolateKind;
  readonly runtimeHash: Uint8Array;
  readonly claims: Claims;
  /** Milliseconds since 1970, by the server's clock. */
  readonly verifiedAt: number;
}

const refuse = (rule: StatementRule, detail: string): Refusal<StatementRule> => ({
  ok: false,
  rule,
  detail,
});

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

class StatementError extends Error {}

/** The statement's map, each entry of its type. */
function readPayload(payload: Uint8Array) {
  const map = scan(payload);
  if (map.major !== MAP) throw new StatementError("the payload is not a map");
  const entries = integerEntries(map);
  const take = (key: number, major: number, what: string): Item => {
    const item = entries.get(key);
    if (item?.major !== major) throw new StatementError(`${what} is missing or of a wrong type`);
    return item;
  };
  const bytes = (key: number, what: string) => content(payload, take(key, BYTES, what));
  const text = (key: number, what: string) => decodeItem(payload, take(key, TEXT, what)) as string;
  if (text(KEY_LABEL, "the label") !== LABEL)
    throw new StatementError("not a statement on a proxy attestation token");
  const kind = text(KEY_KIND, "the kind");
  if (kind !== "linux" && kind !== "mcu") throw new StatementError("the kind is not known");
  const time = take(KEY_TIME, 0, "the time").argument;
  return {
    clientNonce: bytes(KEY_NONCE, "the nonce"),
    claims: bytes(KEY_CLAIMS, "the claims"),
    publicKeyHash: bytes(KEY_PUBLIC_KEY_HASH, "the public key's hash"),
    policyHash: bytes(KEY_POLICY_HASH, "the policy hash"),
    kind: kind as IsolateKind,
    runtimeHash: bytes(KEY_RUNTIME_HASH, "the runtime hash"),
    verifiedAt: Number(time) * 1000,
  };
}

/**
 * The client's side of re-attestation: checks the proxy attestation server's statement against what
 * the client itself knows. Nothing that came over plain HTTP is believed beyond this: the statement
 * is signed under the policy's CA by a key certified for statements only, speaks of this client's
 * nonce, of the key that the isolate shows in TLS and of this policy, and the device's own nonce is
 * the one that the runtime makes of those three. Never throws for anything in the statement.
 */
export function verifyStatement(
  statement: Uint8Array,
  demand: StatementDemand,
): VerifiedStatement | Refusal<StatementRule> {
  if (statement.length > 2 * MAX_TOKEN)
    return refuse("statement-malformed", `${statement.length} bytes`);
  try {
    const message = parseSign1(statement);
    const chain = message.unprotected.get(X5CHAIN);
    if (chain?.major !== BYTES)
      return refuse("statement-malformed", "no certificate of the signer in it");
    const signer = verifyServiceCertificate(content(statement, chain), demand.ca, demand.now);
    if (!signer.ok) return signer;
    if (!verifySign1(message, signer.publicKey))
      return refuse("statement-signature", "not signed by the verification service's key");
    const said = readPayload(message.payload);
    if (!equal(said.clientNonce, demand.clientNonce))
      return refuse("client-nonce", "the answer is to another nonce");
    if (!equal(said.publicKeyHash, sha256(demand.spki)))
      return refuse("isolate-key", "the answer is about another isolate's key");
    if (!equal(said.policyHash, demand.policyHash))
      return refuse("policy-hash", "the isolate works under another policy");
    const claims = readClaims(said.claims);
    const nonce = reattestationNonce(demand.clientNonce, demand.spki, demand.policyHash);
    if (!equal(claims.nonce, nonce))
      return refuse("token-nonce", "the device's token was not made for this request");
    const wanted = demand.runtimeHashes[said.kind];
    if (wanted === undefined || !equal(wanted, said.runtimeHash))
      return refuse("runtime-hash", `the policy does not name that runtime for kind ${said.kind}`);
    if (!claims.softwareComponents.some((c) => equal(c.measurementValue, said.runtimeHash)))
      return refuse("runtime-hash", "the device's token does not hold that measurement");
    const grade = gradeOf(claims.securityLifecycle);
    if (grade === "untrusted" || (grade === "development" && demand.allowDevelopment !== true))
      return refuse("development-grade", `the isolate is of ${grade} grade`);
    const { kind, verifiedAt } = said;
    return { ok: true, kind, runtimeHash: new Uint8Array(said.runtimeHash), claims, verifiedAt };
  } catch (error) {
    if (
      error instanceof StatementError ||
      error instanceof CborError ||
      error instanceof CoseError ||
      error instanceof ClaimError
    )
      return refuse("statement-malformed", error.message);
    throw error;
  }
}
