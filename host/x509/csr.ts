import { type KeyObject, verify } from "node:crypto";
import { importP256 } from "../psa-attestation/p256.js";
import {
  bitString,
  contentOf,
  context,
  DerError,
  elements,
  oid,
  parse,
  parts,
  SEQUENCE,
  smallInteger,
} from "./der.js";

/** Which rule a certification request broke. */
export type CsrRule = "csr-malformed" | "csr-key" | "csr-signature";

/** A certification request whose owner holds the private key. */
export interface CertificationRequest {
  readonly ok: true;
  /** SubjectPublicKeyInfo, DER. */
  readonly subjectPublicKeyInfo: Uint8Array;
  readonly publicKey: KeyObject;
}

const ECDSA_WITH_SHA256 = Buffer.from(oid("1.2.840.10045.4.3.2"));

/**
 * Reads a PKCS#10 certification request (RFC 2986) in strict DER for a P-256 key and checks its
 * self-signature (ECDSA with SHA-256). The subject and the attributes it asks for are ignored: what
 * the certificate says is for the server to decide. Never throws.
 */
export function readCsr(
  csr: Uint8Array,
): CertificationRequest | { ok: false; rule: CsrRule; detail: string } {
  try {
    const [info, algorithm, signature, ...rest] = parts(parse(csr), SEQUENCE, "the request");
    if (info === undefined || rest.length > 0)
      throw new DerError("the request does not have three parts");
    const [version, subject, key, attributes, ...more] = parts(info, SEQUENCE, "its information");
    if (smallInteger(version, "the version") !== 0) throw new DerError("the version is not 1");
    contentOf(subject, SEQUENCE, "the subject");
    contentOf(attributes, context(0), "the attributes");
    if (key === undefined || more.length > 0)
      throw new DerError("its information does not have four parts");
    const [identifier, ...parameters] = elements(contentOf(algorithm, SEQUENCE, "the algorithm"));
    if (parameters.length > 0 || !ECDSA_WITH_SHA256.equals(identifier?.whole ?? new Uint8Array(0)))
      throw new DerError("the signature algorithm is not ecdsa-with-SHA256");
    const publicKey = importP256(key.whole);
    if (publicKey === undefined)
      return { ok: false, rule: "csr-key", detail: "the key is not an uncompressed P-256 key" };
    if (!verify("sha256", info.whole, publicKey, bitString(signature, "the signature")))
      return {
        ok: false,
        rule: "csr-signature",
        detail: "the request is not signed by the key that it holds",
      };
    return { ok: true, subjectPublicKeyInfo: new Uint8Array(key.whole), publicKey };
  } catch (error) {
    if (error instanceof DerError)
      return { ok: false, rule: "csr-malformed", detail: error.message };
    throw error;
  }
}
