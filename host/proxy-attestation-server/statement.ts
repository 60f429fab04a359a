import { createHash } from "node:crypto";
import { readStatement, type SignedRule, StatementError } from "../continuity/read-statement.js";
import { encode } from "../psa-attestation/cbor.js";
import { gradeOf } from "../psa-attestation/lifecycle.js";
import type { Reattestation } from "../psa-attestation/nonces.js";
import type { Refusal } from "../psa-attestation/verifier.js";
import { FRESHNESS_LABEL } from "../transport-protocol/labels.js";
import { OID_VERIFICATION_SERVICE } from "../x509/certificate.js";
import { type IsolateKind, isIsolateKind } from "../x509/isolate-kind.js";

/**
 * The answer of `/VerifyPAT`: a COSE_Sign1 (ES256) by a key that the CA certified for this purpose
 * alone, with that certificate in the unprotected header (x5chain). Its payload is a CBOR map:
 *
 * | key | type | |
 * |---|---|---|
 * | 1 | text | "veracruz-pat-v2" |
 * | 2 | bytes | the client's nonce, 32 |
 * | 3 | bytes | SHA-256 of the isolate's SubjectPublicKeyInfo |
 * | 4 | bytes | SHA-256 of the policy |
 * | 5 | bytes | the exporter of the TLS session in which the client asked, 32 |
 * | 6 | text | kind of isolate, "linux" or "mcu", from the device's enrolment |
 * | 7 | unsigned | security lifecycle, as the device's token says |
 * | 8 | bytes | runtime hash, 32 |
 * | 9 | bytes | instance ID of the device, 33 |
 * | 10 | unsigned | time of the verification, seconds since 1970 |
 * | 11 | unsigned | highest number that was committed under this policy and scope; 0: none |
 */
const KEY_LABEL = 1;
const KEY_NONCE = 2;
const KEY_PUBLIC_KEY_HASH = 3;
const KEY_POLICY_HASH = 4;
const KEY_EXPORTER = 5;
const KEY_KIND = 6;
const KEY_LIFECYCLE = 7;
const KEY_RUNTIME_HASH = 8;
const KEY_INSTANCE_ID = 9;
const KEY_TIME = 10;
const KEY_HIGHEST = 11;

/** What the statement says, apart from who says it. */
export interface StatementContent extends Reattestation {
  readonly kind: IsolateKind;
  readonly lifecycle: number;
  readonly runtimeHash: Uint8Array;
  readonly instanceId: Uint8Array;
  /** Highest number committed under this policy and scope; 0: none. */
  readonly highest: number;
}

const sha256 = (bytes: Uint8Array) => new Uint8Array(createHash("sha256").update(bytes).digest());

/** The payload of a statement. @param now milliseconds since 1970 */
export function statementPayload(statement: StatementContent, now: number): Uint8Array {
  return encode(
    new Map<number, unknown>([
      [KEY_LABEL, FRESHNESS_LABEL],
      [KEY_NONCE, statement.nonce],
      [KEY_PUBLIC_KEY_HASH, sha256(statement.publicKey)],
      [KEY_POLICY_HASH, statement.policyHash],
      [KEY_EXPORTER, statement.exporter],
      [KEY_KIND, statement.kind],
      [KEY_LIFECYCLE, statement.lifecycle],
      [KEY_RUNTIME_HASH, statement.runtimeHash],
      [KEY_INSTANCE_ID, statement.instanceId],
      [KEY_TIME, Math.floor(now / 1000)],
      [KEY_HIGHEST, statement.highest],
    ]),
  );
}

/** Why a client refuses a statement. */
export type StatementRule = SignedRule | "client-nonce" | "isolate-key" | "policy-hash" | "session";

/** What a client demands of a statement. */
export interface StatementDemand extends Reattestation {
  /** The policy's `proxy_service_cert`: PEM or DER. */
  readonly ca: string | Uint8Array;
  /** `runtime_manager_hash_linux`, `runtime_manager_hash_mcu` of the policy: 32 bytes each. */
  readonly runtimeHashes: Readonly<Partial<Record<IsolateKind, Uint8Array>>>;
  readonly allowDevelopment?: boolean;
  /** When the certificate that the isolate shows in TLS began, milliseconds since 1970. */
  readonly isolateNotBefore: number;
  /** Milliseconds since 1970; left out by a client without a clock. */
  readonly now?: number;
}

/** A statement that kept every rule. */
export interface VerifiedStatement {
  readonly ok: true;
  readonly kind: IsolateKind;
  readonly lifecycle: number;
  readonly runtimeHash: Uint8Array;
  readonly instanceId: Uint8Array;
  /** Milliseconds since 1970, by the server's clock. */
  readonly verifiedAt: number;
  /** Highest number committed under this policy and scope; 0: none. */
  readonly highest: number;
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/**
 * The client's side of re-attestation: checks the proxy attestation server's statement against what the client
 * itself knows. Nothing that came over plain HTTP is believed beyond this: the statement is signed under the
 * policy's CA by a key certified for statements only, and speaks of this client's nonce, of this very TLS
 * session, of the key that the isolate shows in it, and of this policy. Never throws for anything in the
 * statement.
 */
export function verifyStatement(
  statement: Uint8Array,
  demand: StatementDemand,
): VerifiedStatement | Refusal<StatementRule> {
  const { ca, isolateNotBefore, now } = demand;
  const refuse = (rule: StatementRule, detail: string): Refusal<StatementRule> => ({
    ok: false,
    rule,
    detail,
  });
  const signer = { purpose: OID_VERIFICATION_SERVICE, ca, isolateNotBefore, now } as const;
  return readStatement<VerifiedStatement, StatementRule>(statement, signer, (entries) => {
    if (entries.text(KEY_LABEL, "the label") !== FRESHNESS_LABEL)
      throw new StatementError("not a statement on a proxy attestation token");
    const kind = entries.text(KEY_KIND, "the kind");
    if (!isIsolateKind(kind)) throw new StatementError("the kind is not known");
    const said = {
      kind,
      lifecycle: entries.unsigned(KEY_LIFECYCLE, "the lifecycle"),
      runtimeHash: new Uint8Array(entries.bytes(KEY_RUNTIME_HASH, "the runtime hash")),
      instanceId: new Uint8Array(entries.bytes(KEY_INSTANCE_ID, "the instance ID")),
      verifiedAt: entries.unsigned(KEY_TIME, "the time") * 1000,
      highest: entries.unsigned(KEY_HIGHEST, "the highest number"),
    };
    if (!equal(entries.bytes(KEY_NONCE, "the nonce"), demand.nonce))
      return refuse("client-nonce", "the answer is to another nonce");
    if (!equal(entries.bytes(KEY_PUBLIC_KEY_HASH, "the key's hash"), sha256(demand.publicKey)))
      return refuse("isolate-key", "the answer is about another isolate's key");
    if (!equal(entries.bytes(KEY_POLICY_HASH, "the policy hash"), demand.policyHash))
      return refuse("policy-hash", "the isolate works under another policy");
    if (!equal(entries.bytes(KEY_EXPORTER, "the exporter"), demand.exporter))
      return refuse("session", "the answer is about another TLS session");
    const wanted = demand.runtimeHashes[kind];
    if (wanted === undefined || !equal(wanted, said.runtimeHash))
      return refuse("runtime-hash", `the policy does not name that runtime for kind ${kind}`);
    const grade = gradeOf(said.lifecycle);
    if (grade === "untrusted" || (grade === "development" && demand.allowDevelopment !== true))
      return refuse("development-grade", `the isolate is of ${grade} grade`);
    return { ok: true, ...said };
  });
}
