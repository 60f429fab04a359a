import {
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  X509Certificate,
} from "node:crypto";
import { readFileSync, rmSync } from "node:fs";
import { CliError } from "../common/cli.js";
import { readSecretFile, writeNewFile } from "../common/secret-files.js";
import { importP256 } from "../psa-attestation/p256.js";
import { caCertificate, type Issuer } from "../x509/certificate.js";
import { certificateToPem } from "../x509/principal-certificate.js";
import {
  allowsKeyUsage,
  KEY_CERT_SIGN,
  readCertificate,
  subjectKeyIdentifier,
} from "../x509/read-certificate.js";

/** The CA under which this server issues certificates: key and certificate in two PEM files. */
export interface CertificateAuthority extends Issuer {
  /** DER. */
  readonly certificate: Uint8Array;
  /** Milliseconds since 1970. */
  readonly notAfter: number;
}

const DAY = 86_400_000;

/**
 * Makes a CA: a P-256 key in a file of mode 600 and a self-signed certificate. Neither file may exist.
 *
 * @param name common name of the CA
 * @param days validity of the certificate
 * @throws CliError
 */
export function initialiseCa(
  keyPath: string,
  certificatePath: string,
  name: string,
  days: number,
  now: number = Date.now(),
): void {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const spki = new Uint8Array(publicKey.export({ type: "spki", format: "der" }));
  const validity = { notBefore: now - 5 * 60_000, notAfter: now + days * DAY };
  const certificate = caCertificate(name, spki, privateKey, validity);
  writeNewFile(keyPath, privateKey.export({ type: "pkcs8", format: "pem" }) as string);
  try {
    writeNewFile(certificatePath, certificateToPem(certificate), 0o644);
  } catch (error) {
    rmSync(keyPath);
    throw error;
  }
}

function readKey(path: string): KeyObject {
  const pem = readSecretFile(path, "CA key");
  try {
    return createPrivateKey(pem);
  } catch {
    // OpenSSL's words on a key that it cannot parse are of no use and might quote it.
    throw new CliError(
      `the CA key ${JSON.stringify(path)} is not an unencrypted private key in PEM`,
    );
  }
}

/**
 * Loads a CA and checks that its parts fit: P-256, the key is the certificate's, the certificate may
 * sign others and has not expired.
 *
 * @throws CliError
 */
export function loadCa(
  keyPath: string,
  certificatePath: string,
  now: number = Date.now(),
): CertificateAuthority {
  const key = readKey(keyPath);
  const name = JSON.stringify(certificatePath);
  let x509: X509Certificate;
  let parsed: ReturnType<typeof readCertificate>;
  let keyIdentifier: Uint8Array | undefined;
  let maySign: boolean;
  try {
    x509 = new X509Certificate(readFileSync(certificatePath));
    parsed = readCertificate(new Uint8Array(x509.raw));
    keyIdentifier = subjectKeyIdentifier(parsed);
    maySign = x509.ca && allowsKeyUsage(parsed, KEY_CERT_SIGN);
  } catch (error) {
    throw new CliError(
      `cannot use the CA certificate ${name}: ${(error as Error).message} (P-256 with ecdsa-with-SHA256 is needed; "vc-pas init-ca" makes one)`,
    );
  }
  if (importP256(parsed.spki) === undefined)
    throw new CliError(`the CA certificate ${name} does not hold a P-256 key`);
  if (!x509.checkPrivateKey(key))
    throw new CliError(`the CA key does not belong to the CA certificate ${name}`);
  if (!maySign) throw new CliError(`the CA certificate ${name} may not sign other certificates`);
  if (now < parsed.notBefore || now > parsed.notAfter)
    throw new CliError(`the CA certificate ${name} is not valid now`);
  return {
    key,
    certificate: parsed.der,
    name: parsed.subject,
    keyIdentifier,
    notAfter: parsed.notAfter,
  };
}
