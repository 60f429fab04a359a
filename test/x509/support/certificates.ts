/** Makes X.509 certificates for tests, right or wrong in any part. */
import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { toPem as pem } from "../../../host/x509/pem.js";
import {
  bitString,
  boolean,
  element,
  integer,
  nothing,
  objectIdentifier,
  octetString,
  sequence,
  set,
  time,
  utf8,
} from "./der.js";

export interface KeyPair {
  privateKey: KeyObject;
  publicKey: KeyObject;
}

export const newKey = (curve = "prime256v1"): KeyPair =>
  generateKeyPairSync("ec", { namedCurve: curve });

/** SubjectPublicKeyInfo in DER. */
export const keyInfo = (key: KeyPair): Buffer =>
  key.publicKey.export({ type: "spki", format: "der" });
/** The 65-byte point. */
export const point = (key: KeyPair): Buffer => keyInfo(key).subarray(-65);
/** The 32 bytes of the private key. */
export const scalar = (key: KeyPair): Buffer =>
  Buffer.from(key.privateKey.export({ format: "jwk" }).d ?? "", "base64url");
export const privatePem = (key: KeyPair): string =>
  key.privateKey.export({ type: "pkcs8", format: "pem" }).toString();

export const name = (commonName: string): Buffer =>
  sequence(set(sequence(objectIdentifier("2.5.4.3"), utf8(commonName))));

export const ecdsaWithSha256 = sequence(objectIdentifier("1.2.840.10045.4.3.2"));

export const extension = (oid: string, value: Uint8Array, critical = false): Buffer =>
  sequence(objectIdentifier(oid), critical ? boolean(true) : nothing, octetString(value));

export const basicConstraints = (ca: boolean, pathLength?: number): Buffer =>
  extension(
    "2.5.29.19",
    sequence(
      ca ? boolean(true) : nothing,
      pathLength === undefined ? nothing : integer(pathLength),
    ),
    true,
  );

/** Bits as in RFC 5280 §4.2.1.3: 0 digitalSignature, 5 keyCertSign. */
export function keyUsage(...bits: number[]): Buffer {
  const highest = Math.max(...bits);
  const bytes = Buffer.alloc((highest >> 3) + 1);
  for (const bit of bits) bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) | (0x80 >> (bit & 7));
  return extension("2.5.29.15", bitString(bytes, 7 - (highest & 7)), true);
}

export const purposes = (...oids: string[]): Buffer =>
  extension("2.5.29.37", sequence(...oids.map(objectIdentifier)));
export const serverAuth = "1.3.6.1.5.5.7.3.1";
export const clientAuth = "1.3.6.1.5.5.7.3.2";

export const dnsNames = (...names: string[]): Buffer =>
  extension("2.5.29.17", sequence(...names.map((dns) => element(0x82, Buffer.from(dns)))));

export const runtimeHash = (hash: Uint8Array): Buffer => extension("2.5.30.1", hash);
export const isolateKind = (value: Uint8Array): Buffer => extension("2.5.30.2", value);

/** The fields of a TBSCertificate, each as DER; see `tbsFields`. */
export interface TbsFields {
  version: Buffer;
  serial: Buffer;
  algorithm: Buffer;
  issuer: Buffer;
  validity: Buffer;
  subject: Buffer;
  keyInfo: Buffer;
  uniqueIds: Buffer;
  extensions: Buffer;
}

export interface CertificateOptions {
  subject: string;
  key: KeyPair;
  issuer?: { subject: string; key: KeyPair };
  notBefore?: Date;
  notAfter?: Date;
  extensions?: Buffer[];
  /** Replaces fields of the TBSCertificate. */
  tbs?: Partial<TbsFields>;
  /** Replaces the outer signature algorithm, and the signature's bytes. */
  algorithm?: Buffer;
  signature?: (signature: Buffer, tbs: Buffer) => Buffer;
}

const DAY = 86_400_000;
let serial = 1000;

/** A certificate in DER, signed by its issuer, or by itself. */
export function certificate(options: CertificateOptions): Buffer {
  const issuer = options.issuer ?? options;
  const extensions = options.extensions ?? [];
  const fields: TbsFields = {
    version: element(0xa0, integer(2)),
    serial: integer(++serial),
    algorithm: ecdsaWithSha256,
    issuer: name(issuer.subject),
    validity: sequence(
      time(options.notBefore ?? new Date(Date.now() - DAY)),
      time(options.notAfter ?? new Date(Date.now() + DAY)),
    ),
    subject: name(options.subject),
    keyInfo: keyInfo(options.key),
    uniqueIds: nothing,
    extensions: extensions.length > 0 ? element(0xa3, sequence(...extensions)) : nothing,
    ...options.tbs,
  };
  const tbs = sequence(...Object.values(fields));
  const signature = sign("sha256", tbs, issuer.key.privateKey);
  return sequence(
    tbs,
    options.algorithm ?? ecdsaWithSha256,
    bitString(options.signature?.(signature, tbs) ?? signature),
  );
}

/** A CA, its key, and what it issues. */
export class Authority {
  readonly subject: string;
  readonly key: KeyPair;
  readonly certificate: Buffer;

  constructor(subject: string, options: Partial<CertificateOptions> = {}) {
    this.subject = subject;
    this.key = options.key ?? newKey();
    this.certificate = certificate({
      extensions: [basicConstraints(true), keyUsage(5, 6)],
      ...options,
      subject,
      key: this.key,
    });
  }

  issue(options: CertificateOptions): Buffer {
    return certificate({ issuer: this, ...options });
  }
}

export const sha256 = (bytes: Uint8Array): Buffer => createHash("sha256").update(bytes).digest();

export const toPem = (der: Uint8Array): string => pem("CERTIFICATE", der);
