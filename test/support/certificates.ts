// X.509 certificates for tests, made with Node's crypto and a few lines of DER, apart from the code
// under test: any field can be bent.
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";

/** One DER element; parts are its content. */
export function der(tag: number, ...parts: readonly (Uint8Array | readonly number[])[]): Buffer {
  const body = Buffer.concat(parts.map((part) => Uint8Array.from(part)));
  const length =
    body.length < 0x80
      ? [body.length]
      : body.length < 0x100
        ? [0x81, body.length]
        : [0x82, body.length >> 8, body.length & 0xff];
  return Buffer.concat([Uint8Array.of(tag, ...length), body]);
}

/** DER of an object identifier in dotted form; arcs below 16,384. */
export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const arcs = [first * 40 + second, ...rest].flatMap((arc) =>
    arc < 0x80 ? [arc] : [0x80 | (arc >> 7), arc & 0x7f],
  );
  return der(0x06, arcs);
}

const SEQUENCE = 0x30;
const ecdsaWithSha256 = der(SEQUENCE, objectIdentifier("1.2.840.10045.4.3.2"));
const rsaWithSha256 = der(SEQUENCE, objectIdentifier("1.2.840.113549.1.1.11"), [0x05, 0x00]);

function name(commonName: string): Buffer {
  const attribute = der(SEQUENCE, objectIdentifier("2.5.4.3"), der(0x0c, Buffer.from(commonName)));
  return der(SEQUENCE, der(0x31, attribute));
}

function time(date: Date): Buffer {
  const digits = date.toISOString().replace(/[-:T]|\.\d+/g, "");
  // UTCTime up to 2049 (RFC 5280 §4.1.2.5).
  return date.getUTCFullYear() < 2050
    ? der(0x17, Buffer.from(digits.slice(2)))
    : der(0x18, Buffer.from(digits));
}

/** An extension by its identifier; `value` goes into extnValue as it is. */
export interface Extension {
  id: string;
  value: Uint8Array;
  critical?: boolean;
}

export interface TestCertificate {
  der: Buffer;
  pem: string;
  commonName: string;
  privateKey: KeyObject;
  publicKey: KeyObject;
  keyPem: string;
}

export interface CertificateOptions {
  commonName?: string;
  notBefore?: Date;
  notAfter?: Date;
  /** P-256 where not given. */
  key?: "P-256" | "P-384" | "rsa" | { privateKey: KeyObject; publicKey: KeyObject };
  /** Who signs; itself where not given. */
  issuer?: TestCertificate;
  /** Basic constraints: CA or not; left out where not given. */
  ca?: boolean;
  /** DNS names in the subject's alternative name. */
  dnsNames?: readonly string[];
  extensions?: readonly Extension[];
}

const HOUR = 3_600_000;

/** A certificate, good for a day from an hour ago where not said otherwise. */
export function makeCertificate(options: CertificateOptions = {}): TestCertificate {
  const kind = options.key ?? "P-256";
  const { privateKey, publicKey } =
    typeof kind === "object"
      ? kind
      : kind === "rsa"
        ? generateKeyPairSync("rsa", { modulusLength: 2048 })
        : generateKeyPairSync("ec", { namedCurve: kind });
  const commonName = options.commonName ?? "test";
  const signer = options.issuer?.privateKey ?? privateKey;
  const algorithm = signer.asymmetricKeyType === "rsa" ? rsaWithSha256 : ecdsaWithSha256;
  const truth = der(0x01, [0xff]);

  const extensions: Extension[] = [...(options.extensions ?? [])];
  if (options.ca !== undefined) {
    const value = der(SEQUENCE, ...(options.ca ? [truth] : []));
    extensions.push({ id: "2.5.29.19", value, critical: true });
  }
  if (options.dnsNames !== undefined) {
    const names = options.dnsNames.map((dns) => der(0x82, Buffer.from(dns)));
    extensions.push({ id: "2.5.29.17", value: der(SEQUENCE, ...names) });
  }
  const encoded = extensions.map(({ id, value, critical }) =>
    der(SEQUENCE, objectIdentifier(id), ...(critical ? [truth] : []), der(0x04, value)),
  );

  const serial = randomBytes(16);
  serial[0] = ((serial[0] as number) & 0x7f) | 0x40;
  const body = der(
    SEQUENCE,
    der(0xa0, der(0x02, [2])),
    der(0x02, serial),
    algorithm,
    name(options.issuer?.commonName ?? commonName),
    der(
      SEQUENCE,
      time(options.notBefore ?? new Date(Date.now() - HOUR)),
      time(options.notAfter ?? new Date(Date.now() + 24 * HOUR)),
    ),
    name(commonName),
    publicKey.export({ type: "spki", format: "der" }),
    ...(encoded.length > 0 ? [der(0xa3, der(SEQUENCE, ...encoded))] : []),
  );
  const signature = sign("sha256", body, signer);
  const whole = der(SEQUENCE, body, algorithm, der(0x03, [0], signature));
  const lines = whole.toString("base64").match(/.{1,64}/g) ?? [];
  return {
    der: whole,
    pem: `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`,
    commonName,
    privateKey,
    publicKey,
    keyPem: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}
