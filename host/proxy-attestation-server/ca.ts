import {
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  X509Certificate,
} from "node:crypto";
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from "node:fs";
import { CliError } from "../common/cli.js";
import { caCertificate, type Issuer } from "./certificate.js";
import { importP256 } from "./p256.js";
import { readCertificate, subjectKeyIdentifier } from "./read-certificate.js";

/** The CA under which this server issues certificates: key and certificate in two PEM files. */
export interface CertificateAuthority extends Issuer {
  /** DER. */
  readonly certificate: Uint8Array;
  /** Milliseconds since 1970. */
  readonly notAfter: number;
}

const DAY = 86_400_000;

/** PEM of a certificate in DER. */
export function pemOf(certificate: Uint8Array): string {
  const lines =
    Buffer.from(certificate)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

/**
 * Writes a new file, durably, that only its owner may read or write (or as `mode` says).
 *
 * @throws CliError when the file exists or cannot be written
 */
export function writeNewFile(path: string, content: string, mode = 0o600): void {
  let file: number;
  try {
    file = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, mode);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new CliError(
      code === "EEXIST"
        ? `${JSON.stringify(path)} exists already and is left as it is`
        : `cannot write ${JSON.stringify(path)}: ${message}`,
      1,
    );
  }
  try {
    writeSync(file, content);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/**
 * Reads a file that holds a secret, when nobody but its owner (this process's user or root) can.
 *
 * @throws CliError, naming the file and never its content
 */
export function readSecretFile(path: string, what: string): string {
  const name = JSON.stringify(path);
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY);
  } catch (error) {
    throw new CliError(`cannot read the ${what} ${name}: ${(error as Error).message}`);
  }
  try {
    const { mode, uid } = fstatSync(file);
    if ((mode & constants.S_IFMT) !== constants.S_IFREG)
      throw new CliError(`the ${what} ${name} is not a file`);
    if ((mode & 0o077) !== 0)
      throw new CliError(
        `the ${what} ${name} may be used by others than its owner (mode ${(mode & 0o777).toString(8)}); chmod 600 it, and make a new one if others had access`,
      );
    const user = process.geteuid?.();
    if (user !== undefined && uid !== user && uid !== 0)
      throw new CliError(`the ${what} ${name} belongs to another user (${uid})`);
    return readFileSync(file, "utf8");
  } finally {
    closeSync(file);
  }
}

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
    writeNewFile(certificatePath, pemOf(certificate), 0o644);
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
  try {
    x509 = new X509Certificate(readFileSync(certificatePath));
    parsed = readCertificate(new Uint8Array(x509.raw));
    keyIdentifier = subjectKeyIdentifier(parsed);
  } catch (error) {
    throw new CliError(
      `cannot use the CA certificate ${name}: ${(error as Error).message} (P-256 with ecdsa-with-SHA256 is needed; "vc-pas init-ca" makes one)`,
    );
  }
  if (importP256(parsed.spki) === undefined)
    throw new CliError(`the CA certificate ${name} does not hold a P-256 key`);
  if (!x509.checkPrivateKey(key))
    throw new CliError(`the CA key does not belong to the CA certificate ${name}`);
  if (!x509.ca) throw new CliError(`the CA certificate ${name} may not sign other certificates`);
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
