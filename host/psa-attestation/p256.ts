import { createPublicKey, type KeyObject } from "node:crypto";

/** DER of a P-256 SubjectPublicKeyInfo (RFC 5480) up to the point's 65 bytes: named curve, uncompressed. */
const SPKI_PREFIX = Buffer.from("3059301306072a8648ce3d020106082a8648ce3d030107034200", "hex");

/** The SubjectPublicKeyInfo of an uncompressed P-256 point (65 bytes). */
export function spkiOf(point: Uint8Array): Uint8Array {
  return new Uint8Array(Buffer.concat([SPKI_PREFIX, point]));
}

/**
 * The key in a SubjectPublicKeyInfo, when it is P-256 by name with an uncompressed point on the curve,
 * in the one DER encoding of that; else undefined.
 */
export function importP256(spki: Uint8Array): KeyObject | undefined {
  if (spki.length !== SPKI_PREFIX.length + 65 || spki[SPKI_PREFIX.length] !== 4) return undefined;
  if (SPKI_PREFIX.compare(spki, 0, SPKI_PREFIX.length) !== 0) return undefined;
  const point = Buffer.from(spki.buffer, spki.byteOffset + SPKI_PREFIX.length, 65);
  // As a JWK: OpenSSL's decoder for DER takes three times as long. Both refuse a point off the curve.
  const key = {
    kty: "EC",
    crv: "P-256",
    x: point.toString("base64url", 1, 33),
    y: point.toString("base64url", 33),
  };
  try {
    return createPublicKey({ key, format: "jwk" });
  } catch {
    return undefined;
  }
}

/** An uncompressed point on the curve as PEM. */
export function publicKeyPem(point: Uint8Array): string {
  const key = importP256(spkiOf(point));
  if (key === undefined) throw new RangeError("not a point of P-256");
  return key.export({ type: "spki", format: "pem" }) as string;
}
