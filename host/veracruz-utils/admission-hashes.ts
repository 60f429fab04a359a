import { createHash } from "node:crypto";

/** The key id of a certificate (DER) under a nonce; see `AdmissionRequest`. */
export function keyIdOf(nonce: string, certificate: Uint8Array): string {
  return createHash("sha256").update(nonce, "latin1").update(certificate).digest("hex");
}

/** `content-digest` of a body (RFC 9530). */
export function contentDigest(body: string): string {
  return `sha-256=:${createHash("sha256").update(body, "utf8").digest("base64")}:`;
}
