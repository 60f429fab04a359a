import { createHash, type KeyObject, X509Certificate } from "node:crypto";
import { minute } from "../common/times.js";
import { toPem } from "./pem.js";

/** Why a certificate cannot be used. */
export class CertificateError extends Error {
  override name = "CertificateError";
}

/** The openssl command that makes a key and certificate as principals need them. */
export const opensslCommand =
  "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 " +
  "-subj /CN=NAME -keyout NAME.key.pem -out NAME.cert.pem";

/** DER of the one certificate in a PEM text that was checked before. */
export function certificateFromPem(pem: string): Buffer {
  const body = pem.replace(/-----[A-Z ]+-----|\s/g, "");
  return Buffer.from(body, "base64");
}

/** A certificate in PEM. */
export function certificateToPem(der: Uint8Array): string {
  return toPem("CERTIFICATE", der);
}

/**
 * Reads the one certificate in a file's content, PEM (text around it is ignored) or DER.
 *
 * @throws CertificateError when there is none, more than one, or it does not parse
 */
export function readCertificate(content: Uint8Array): X509Certificate {
  const text = Buffer.from(content).toString("latin1");
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length > 1) throw new CertificateError("more than one certificate in the file");
  if (blocks.length === 0 && /-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)) {
    throw new CertificateError("this is a private key, not a certificate");
  }
  try {
    return new X509Certificate(blocks[0] ?? content);
  } catch {
    // What OpenSSL says here are names of its functions.
    throw new CertificateError(
      blocks.length === 1
        ? "not a certificate: what is between BEGIN CERTIFICATE and END CERTIFICATE is damaged"
        : "not a certificate: expected one in PEM (-----BEGIN CERTIFICATE-----) or DER",
    );
  }
}

/** Whether a key is an elliptic-curve key on P-256. */
export function isP256(key: KeyObject): boolean {
  return key.asymmetricKeyType === "ec" && key.asymmetricKeyDetails?.namedCurve === "prime256v1";
}

/** What a key is, for an error. */
function describeKey(key: KeyObject): string {
  const { modulusLength, namedCurve } = key.asymmetricKeyDetails ?? {};
  return [key.asymmetricKeyType, namedCurve ?? modulusLength].filter(Boolean).join(" ");
}

/** Throws unless the key is on P-256; the error holds the command that makes one. */
export function requireP256(certificate: X509Certificate): void {
  const key = certificate.publicKey;
  if (isP256(key)) return;
  throw new CertificateError(
    `its key is ${describeKey(key)}, but must be an elliptic-curve key on P-256; make one with:\n  ${opensslCommand}`,
  );
}

/** Throws unless the certificate is good at the given time. */
export function requireCurrent(certificate: X509Certificate, now: Date): void {
  if (new Date(certificate.validFrom) > now) {
    throw new CertificateError(`not valid before ${minute(certificate.validFrom)}`);
  }
  if (new Date(certificate.validTo) < now) {
    throw new CertificateError(`expired on ${minute(certificate.validTo)}`);
  }
}

/** SHA-256 of a certificate's DER, in hexadecimal. */
export function fingerprint(der: Uint8Array): string {
  return createHash("sha256").update(der).digest("hex");
}

/** The subject's common name, else its whole subject, else a piece of its fingerprint; in one line. */
export function displayName(certificate: X509Certificate): string {
  const subject = certificate.subject ?? "";
  const name = /^CN=(.*)$/m.exec(subject)?.[1] ?? subject.split("\n").join(", ");
  // A name comes from outside: nothing of it may steer a terminal, or turn the
  // order of what is read (bidirectional controls).
  return (
    name.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, "?") || fingerprint(certificate.raw).slice(0, 16)
  );
}
