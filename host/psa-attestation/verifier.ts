import type { KeyObject } from "node:crypto";
import {
  type AliasCertificate,
  AliasError,
  type AliasRule,
  readAliasCertificate,
  verifyAliasCertificate,
} from "./alias-certificate.js";
import { CborError, type CborRule } from "./cbor.js";
import { ClaimError, type ClaimRule, type Claims, readClaims } from "./claims.js";
import { CoseError, type CoseRule, parseSign1, type Sign1, verifySign1 } from "./cose.js";
import { gradeOf } from "./lifecycle.js";

/** A token longer than this is refused unread. */
export const MAX_TOKEN = 4096;

/** Every rule by whose breach a token may be refused. */
export type TokenRule =
  | CborRule
  | CoseRule
  | ClaimRule
  | AliasRule
  | "token-size"
  | "signature"
  | "nonce-mismatch"
  | "instance-id-mismatch"
  | "lifecycle-not-trusted";

/** Why a token is refused: the rule, and words for a person. Never holds a secret. */
export interface Refusal<Rule extends string = TokenRule> {
  readonly ok: false;
  readonly rule: Rule;
  readonly detail: string;
}

/** A token of right form whose claims keep their rules. The signature has *not* been checked. */
export interface UnverifiedToken {
  readonly ok: true;
  readonly message: Sign1;
  readonly claims: Claims;
  /** Where the token is by an alias key: what the device's first stage has certified. */
  readonly alias?: AliasCertificate;
}

/** What `verifyToken` answers for a good token. */
export interface VerifiedToken {
  readonly ok: true;
  readonly claims: Claims;
  /** The signed claims map, CBOR. */
  readonly payload: Uint8Array;
}

function refuse(rule: TokenRule, detail: string): Refusal {
  return { ok: false, rule, detail };
}

/**
 * Reads a PSA attestation token and checks everything that needs no key: strict CBOR, COSE_Sign1 with
 * ES256 in the protected header, the rule of each claim (RFC 9783 §4), and those of the alias certificate that it may
 * carry. Never throws.
 */
export function readToken(token: Uint8Array): UnverifiedToken | Refusal {
  if (token.length > MAX_TOKEN)
    return refuse("token-size", `${token.length} bytes, more than ${MAX_TOKEN}`);
  try {
    const message = parseSign1(token);
    const claims = readClaims(message.payload);
    const alias = readAliasCertificate(message, token);
    return { ok: true, message, claims, ...(alias && { alias }) };
  } catch (error) {
    if (error instanceof CborError || error instanceof CoseError || error instanceof ClaimError)
      return refuse(error.rule, error.message);
    if (error instanceof AliasError) return refuse(error.rule, error.message);
    throw error;
  }
}

/** The key by which a token must be signed: the device's own, or the alias key that it has certified. */
function signerOf(
  { alias, claims }: UnverifiedToken,
  key: KeyObject,
): { ok: true; signer: KeyObject } | Refusal {
  if (alias === undefined) return { ok: true, signer: key };
  try {
    return { ok: true, signer: verifyAliasCertificate(alias, claims, key) };
  } catch (error) {
    if (error instanceof AliasError) return refuse(error.rule, error.message);
    throw error;
  }
}

/** What a token must show beyond its form. */
export interface Expectation {
  /** The nonce that the verifier computed itself. */
  readonly nonce: Uint8Array;
  /** The instance ID that belongs to the key; left out, it is not compared. */
  readonly instanceId?: Uint8Array;
  /** Whether lifecycle 0x40xx (debug outside the PSA root of trust) will do. */
  readonly allowDevelopment?: boolean;
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/**
 * Checks a token that `readToken` accepted against the key of its device and what is expected of it. Where the token
 * carries an alias certificate, that must be signed by this key, and all that the answer says of the device is the
 * certificate's; a token that says otherwise is refused.
 *
 * @param key the device's P-256 public key, from its enrolment
 */
export function verifyRead(
  token: UnverifiedToken,
  key: KeyObject,
  expected: Expectation,
): VerifiedToken | Refusal {
  const { message } = token;
  const signed = signerOf(token, key);
  if (!signed.ok) return signed;
  if (!verifySign1(message, signed.signer))
    return refuse("signature", "the signature is not by this device's key");
  const claims: Claims = { ...token.claims, ...token.alias?.certified };
  if (expected.instanceId !== undefined && !equal(claims.instanceId, expected.instanceId))
    return refuse("instance-id-mismatch", "the instance ID is another device's");
  if (!equal(claims.nonce, expected.nonce))
    return refuse("nonce-mismatch", "the nonce is not the expected one");
  const grade = gradeOf(claims.securityLifecycle);
  if (grade === "untrusted" || (grade === "development" && expected.allowDevelopment !== true))
    return refuse(
      "lifecycle-not-trusted",
      `lifecycle 0x${claims.securityLifecycle.toString(16).padStart(4, "0")} is not trusted here`,
    );
  return { ok: true, claims, payload: new Uint8Array(message.payload) };
}

/** `readToken` and `verifyRead` in one. */
export function verifyToken(
  token: Uint8Array,
  key: KeyObject,
  expected: Expectation,
): VerifiedToken | Refusal {
  const read = readToken(token);
  return read.ok ? verifyRead(read, key, expected) : read;
}
