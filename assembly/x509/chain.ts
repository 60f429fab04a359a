import { KnownKeys } from "../crypto/known-keys";
import {
  Certificate,
  KEY_USAGE_DIGITAL_SIGNATURE,
  KEY_USAGE_KEY_CERT_SIGN,
  PURPOSE_SERVER,
} from "./certificate";

/** Stands for the present time if there is no clock: date checks are then left out. */
export const NO_CLOCK: i64 = -1;

/** Outcome of `verifyServerChain`. */
export const CHAIN_OK: u32 = 0;
/** No path to the trust anchor: an issuer is missing or not trusted. */
export const CHAIN_UNKNOWN_ISSUER: u32 = 1;
/** An issuer has the right name, but the signature does not verify under its key. */
export const CHAIN_BAD_SIGNATURE: u32 = 2;
/** A certificate on the path is not yet or no longer valid. */
export const CHAIN_EXPIRED: u32 = 3;
/** The leaf does not carry the server's name. */
export const CHAIN_WRONG_NAME: u32 = 4;
/** Its key is not P-256, or its usage or purpose do not allow a TLS server. */
export const CHAIN_WRONG_PURPOSE: u32 = 5;
/** A critical extension (or a name constraint) that is not understood here. */
export const CHAIN_UNKNOWN_CRITICAL: u32 = 6;

/** Intermediates between the leaf and the trust anchor, at most. */
const MAX_INTERMEDIATES: i32 = 2;

/** Whether a CA's certificate may issue others with `below` intermediates between it and the leaf. */
export function mayIssue(ca: Certificate, below: i32): bool {
  return (
    ca.isCa &&
    ca.allowsUsage(KEY_USAGE_KEY_CERT_SIGN) &&
    (ca.pathLength < 0 || ca.pathLength >= below)
  );
}

/**
 * Verifies a server's chain (RFC 5280 §6.1, without policies and name constraints).
 *
 * @param shown what the server showed, its leaf first; the rest in any order, extra ones ignored
 * @param anchor the trusted CA's certificate; trusted as given; its own signature is not checked
 * @param name the server's DNS name, ASCII
 * @param now seconds since 1970, or `NO_CLOCK`
 * @param known keys that verify faster, such as the CA's
 * @returns `CHAIN_OK`, or the first thing found wrong
 */
export function verifyServerChain(
  shown: Array<Certificate>,
  anchor: Certificate,
  name: usize,
  nameLength: u32,
  now: i64,
  known: KnownKeys | null = null,
): u32 {
  const leaf = shown[0];
  if (leaf.publicKey === 0) return CHAIN_WRONG_PURPOSE;
  if (!leaf.allowsUsage(KEY_USAGE_DIGITAL_SIGNATURE)) return CHAIN_WRONG_PURPOSE;
  if ((leaf.purposes & PURPOSE_SERVER) === 0) return CHAIN_WRONG_PURPOSE;
  if (!leaf.matchesDnsName(name, nameLength)) return CHAIN_WRONG_NAME;

  let current = leaf;
  let fault = CHAIN_UNKNOWN_ISSUER;
  for (let below = 0; below <= MAX_INTERMEDIATES; below++) {
    if (current.hasUnknownCritical) return CHAIN_UNKNOWN_CRITICAL;
    if (now !== NO_CLOCK && !current.validAt(now)) return CHAIN_EXPIRED;

    if (current.isIssuedBy(anchor) && mayIssue(anchor, below)) {
      if (current.isSignedBy(anchor.publicKey, known))
        return now !== NO_CLOCK && !anchor.validAt(now) ? CHAIN_EXPIRED : CHAIN_OK;
      fault = CHAIN_BAD_SIGNATURE;
    }

    let issuer: Certificate | null = null;
    for (let i = 1; i < shown.length; i++) {
      const candidate = shown[i];
      if (!current.isIssuedBy(candidate) || !mayIssue(candidate, below)) continue;
      if (current.isSignedBy(candidate.publicKey, known)) {
        issuer = candidate;
        break;
      }
      fault = CHAIN_BAD_SIGNATURE;
    }
    if (issuer == null) return fault;
    current = issuer;
    fault = CHAIN_UNKNOWN_ISSUER;
  }
  return fault;
}
