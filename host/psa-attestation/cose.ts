import { type KeyObject, sign, verify } from "node:crypto";
import {
  ARRAY,
  BYTES,
  content,
  encode,
  type Item,
  integer,
  integerEntries,
  MAP,
  scan,
  TAG,
} from "./cbor.js";

/** COSE_Sign1 (RFC 9052 §4.2) with ES256 (RFC 9053 §2.1), tagged; nothing else. */

const COSE_SIGN1_TAG = 18;
const ALGORITHM = 1;
const CRITICAL = 2;
/** Header parameter of RFC 9360: the signer's certificate, or a chain that starts with it. */
export const X5CHAIN = 33;
const ES256 = -7;

/** Which rule of COSE, or of this project's profile of it, a message broke. */
export type CoseRule =
  | "cose-tag"
  | "cose-structure"
  | "cose-headers"
  | "cose-algorithm"
  | "cose-critical"
  | "cose-signature-length";

/** Thrown by `parseSign1` alone, and caught by every public verifier. */
export class CoseError extends Error {
  constructor(
    readonly rule: CoseRule,
    what: string,
  ) {
    super(what);
    this.name = "CoseError";
  }
}

/** A COSE_Sign1 message whose form is right and whose signature has not been checked. */
export interface Sign1 {
  /** The content of the protected header's byte string, as sent. */
  readonly protectedHeader: Uint8Array;
  /** The unprotected header's entries with integer labels. */
  readonly unprotected: ReadonlyMap<number, Item>;
  readonly payload: Uint8Array;
  /** r ‖ s, 64 bytes. */
  readonly signature: Uint8Array;
}

/**
 * Reads a tagged COSE_Sign1.
 *
 * @throws {CborError} when the bytes are not strict CBOR
 * @throws {CoseError} when they are not a COSE_Sign1 with ES256 in the protected header
 */
export function parseSign1(bytes: Uint8Array): Sign1 {
  const outer = scan(bytes);
  if (outer.major !== TAG || outer.argument !== COSE_SIGN1_TAG)
    throw new CoseError("cose-tag", "not tagged as COSE_Sign1 (18)");
  const array = outer.children[0] as Item;
  const [protectedItem, unprotectedItem, payloadItem, signatureItem] = array.children;
  if (
    array.major !== ARRAY ||
    array.children.length !== 4 ||
    protectedItem?.major !== BYTES ||
    unprotectedItem?.major !== MAP ||
    payloadItem?.major !== BYTES ||
    signatureItem?.major !== BYTES
  )
    throw new CoseError(
      "cose-structure",
      "not an array of protected header, unprotected header, payload and signature",
    );
  const protectedHeader = content(bytes, protectedItem);
  // RFC 9052 §3: no protected header at all may be written as a byte string of length 0.
  const header = protectedHeader.length === 0 ? undefined : scan(protectedHeader);
  if (header !== undefined && header.major !== MAP)
    throw new CoseError("cose-headers", "the protected header is not a map");
  const shielded = header === undefined ? new Map<number, Item>() : integerEntries(header);
  const unprotected = integerEntries(unprotectedItem);
  if (shielded.has(CRITICAL) || unprotected.has(CRITICAL))
    throw new CoseError("cose-critical", "asks for header parameters that are not known here");
  const algorithm = shielded.get(ALGORITHM);
  if (algorithm === undefined)
    throw new CoseError(
      "cose-algorithm",
      unprotected.has(ALGORITHM)
        ? "the algorithm stands in the unprotected header"
        : "no algorithm in the protected header",
    );
  if (integer(algorithm) !== ES256)
    throw new CoseError("cose-algorithm", "the algorithm is not ES256 (-7)");
  for (const label of shielded.keys())
    if (unprotected.has(label))
      throw new CoseError("cose-headers", `header parameter ${label} in both headers`);
  const signature = content(bytes, signatureItem);
  if (signature.length !== 64)
    throw new CoseError(
      "cose-signature-length",
      `the signature has ${signature.length} bytes instead of 64`,
    );
  return { protectedHeader, unprotected, payload: content(bytes, payloadItem), signature };
}

/** The bytes that are signed: Sig_structure of RFC 9052 §4.4 with context "Signature1". */
export function signatureInput(
  protectedHeader: Uint8Array,
  payload: Uint8Array,
  externalData: Uint8Array = new Uint8Array(0),
): Uint8Array {
  return encode(["Signature1", protectedHeader, externalData, payload]);
}

/**
 * Whether the signature is the key's over headers, payload and external data. High S is accepted:
 * RFC 9053 does not forbid it.
 *
 * @param key a P-256 public key
 */
export function verifySign1(message: Sign1, key: KeyObject, externalData?: Uint8Array): boolean {
  const input = signatureInput(message.protectedHeader, message.payload, externalData);
  return verify("sha256", input, { key, dsaEncoding: "ieee-p1363" }, message.signature);
}

/**
 * Makes a tagged COSE_Sign1 with ES256.
 *
 * @param key a P-256 private key
 * @param unprotected further header parameters, by label
 */
export function sign1(
  payload: Uint8Array,
  key: KeyObject,
  unprotected: ReadonlyMap<number, unknown> = new Map(),
  externalData?: Uint8Array,
): Uint8Array {
  const protectedHeader = encode(new Map([[ALGORITHM, ES256]]));
  const input = signatureInput(protectedHeader, payload, externalData);
  const signature = new Uint8Array(sign("sha256", input, { key, dsaEncoding: "ieee-p1363" }));
  const body = encode([protectedHeader, unprotected, payload, signature]);
  // Tag 18 fits the head's low five bits.
  return Uint8Array.of(0xc0 | COSE_SIGN1_TAG, ...body);
}
