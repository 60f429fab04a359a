import { createHash, type KeyObject, randomBytes, sign } from "node:crypto";
import type { ComponentVersion } from "../psa-attestation/versions.js";
import {
  BOOLEAN,
  bitStringOf,
  context,
  contextPrimitive,
  der,
  INTEGER,
  integerOf,
  OCTET_STRING,
  oid,
  SEQUENCE,
  SET,
  stringOf,
  timeOf,
  UTF8_STRING,
  unsignedInteger,
} from "./der.js";
import { signatureToDer } from "./ecdsa-signature.js";
import type { IsolateKind } from "./isolate-kind.js";

/**
 * The certificates of this system, X.509 v3 (RFC 5280), P-256, ecdsa-with-SHA256.
 *
 * | | CA | isolate | verification service | commit service | principal |
 * |---|---|---|---|---|---|
 * | signs | certificates | TLS handshakes, requests for a commit | statements of `/VerifyPAT` | statements and refusals of `/Commit` | itself, TLS handshakes, requests |
 * | basicConstraints | CA, path length 0 | not a CA | not a CA | not a CA | not a CA |
 * | extended key usage | – | serverAuth, clientAuth | 2.5.30.3 alone | 2.5.30.6 alone | – |
 * | 2.5.30.1, 2.5.30.2 | – | runtime hash; kind and lifecycle | – | – | – |
 * | 2.5.30.4 | – | policy hash and scope hash | – | – | – |
 * | 2.5.30.5 | – | versions, where its token says any | – | – | – |
 *
 * An isolate's key thus cannot sign a statement, nor can a service's key pass for an isolate or for the
 * other service.
 */

/** The name under which every isolate is reached in TLS. */
export const ISOLATE_NAME = "ComputeEnclave.dev";
/** Extension: SHA-256 of the trusted runtime. `extnValue` holds the 32 bytes themselves. */
export const OID_RUNTIME_HASH = "2.5.30.1";
/** Extension: SEQUENCE { kind UTF8String, lifecycle INTEGER } in DER. */
export const OID_ISOLATE_KIND = "2.5.30.2";
/** Key purpose of the key that signs the statements of `/VerifyPAT`. */
export const OID_VERIFICATION_SERVICE = "2.5.30.3";
/** Extension: SHA-256 of the policy ‖ SHA-256 of its scope. `extnValue` holds the 64 bytes themselves. */
export const OID_ISOLATE_POLICY = "2.5.30.4";
/**
 * Extension: SEQUENCE OF SEQUENCE { component UTF8String, version UTF8String } in DER, the versions of the isolate's
 * measured components.
 */
export const OID_ISOLATE_VERSIONS = "2.5.30.5";
/** Key purpose of the key that signs the statements and refusals of `/Commit`. */
export const OID_COMMIT_SERVICE = "2.5.30.6";

/** Extensions and key purposes (RFC 5280 §4.2.1). */
export const OID_BASIC_CONSTRAINTS = "2.5.29.19";
export const OID_KEY_USAGE = "2.5.29.15";
export const OID_EXTENDED_KEY_USAGE = "2.5.29.37";
export const OID_SUBJECT_ALTERNATIVE_NAME = "2.5.29.17";
export const OID_SUBJECT_KEY_IDENTIFIER = "2.5.29.14";
export const OID_AUTHORITY_KEY_IDENTIFIER = "2.5.29.35";
export const OID_SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
const OID_CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";
const OID_COMMON_NAME = "2.5.4.3";
const ECDSA_WITH_SHA256 = der(SEQUENCE, oid("1.2.840.10045.4.3.2"));

/** keyUsage as a BIT STRING: the bits of RFC 5280 §4.2.1.3 that are needed here. */
const KEY_USAGE_SIGN = Uint8Array.of(0x03, 0x02, 0x07, 0x80); // digitalSignature
const KEY_USAGE_CA = Uint8Array.of(0x03, 0x02, 0x01, 0x06); // keyCertSign, cRLSign

function extension(id: string, critical: boolean, value: Uint8Array): Uint8Array {
  const parts = [oid(id)];
  if (critical) parts.push(der(BOOLEAN, Uint8Array.of(0xff)));
  return der(SEQUENCE, ...parts, der(OCTET_STRING, value));
}

/** A Name with a common name and nothing else. */
export function commonName(text: string): Uint8Array {
  return der(SEQUENCE, der(SET, der(SEQUENCE, oid(OID_COMMON_NAME), stringOf(UTF8_STRING, text))));
}

/** RFC 7093 §2 method 1: the leftmost 160 bits of SHA-256 over the public key. */
function keyIdentifier(spki: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha256").update(spki.subarray(-65)).digest().subarray(0, 20));
}

/** A random positive serial number of 16 bytes, 126 bits of them random. */
export function randomSerial(): Uint8Array {
  const serial = new Uint8Array(randomBytes(16));
  serial[0] = ((serial[0] as number) & 0x7f) | 0x40;
  return serial;
}

interface Template {
  readonly serial: Uint8Array;
  /** Name, DER. */
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  /** Milliseconds since 1970; written in whole seconds. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly spki: Uint8Array;
  readonly extensions: Uint8Array[];
}

function toBeSigned(template: Template): Uint8Array {
  return der(
    SEQUENCE,
    der(context(0), der(INTEGER, Uint8Array.of(2))),
    unsignedInteger(template.serial),
    ECDSA_WITH_SHA256,
    template.issuer,
    der(SEQUENCE, timeOf(template.notBefore), timeOf(template.notAfter)),
    template.subject,
    template.spki,
    der(context(3), der(SEQUENCE, ...template.extensions)),
  );
}

const signedBy = (content: Uint8Array, signature: Uint8Array): Uint8Array =>
  der(SEQUENCE, content, ECDSA_WITH_SHA256, bitStringOf(signature));

function certificate(template: Template, issuerKey: KeyObject): Uint8Array {
  const content = toBeSigned(template);
  return signedBy(content, sign("sha256", content, issuerKey));
}

/** Who signs, and the parts of its own certificate that go into what it signs. */
export interface Issuer {
  readonly key: KeyObject;
  /** Name, DER. */
  readonly name: Uint8Array;
  readonly keyIdentifier: Uint8Array | undefined;
}

// The parts that are the same in every certificate are encoded once.
const NOT_A_CA = extension(OID_BASIC_CONSTRAINTS, true, der(SEQUENCE));
const MAY_SIGN = extension(OID_KEY_USAGE, true, KEY_USAGE_SIGN);
const ISOLATE_PURPOSES = purposes(OID_SERVER_AUTH, OID_CLIENT_AUTH);
const ISOLATE_SUBJECT = commonName(ISOLATE_NAME);
const ISOLATE_ALTERNATIVE_NAME = extension(
  OID_SUBJECT_ALTERNATIVE_NAME,
  false,
  der(SEQUENCE, stringOf(contextPrimitive(2), ISOLATE_NAME)),
);

function purposes(...ids: string[]): Uint8Array {
  return extension(OID_EXTENDED_KEY_USAGE, false, der(SEQUENCE, ...ids.map(oid)));
}

function leafExtensions(spki: Uint8Array, issuer: Issuer, keyPurposes: Uint8Array): Uint8Array[] {
  const extensions = [
    NOT_A_CA,
    MAY_SIGN,
    keyPurposes,
    extension(OID_SUBJECT_KEY_IDENTIFIER, false, der(OCTET_STRING, keyIdentifier(spki))),
  ];
  if (issuer.keyIdentifier !== undefined)
    extensions.push(
      extension(
        OID_AUTHORITY_KEY_IDENTIFIER,
        false,
        der(SEQUENCE, der(contextPrimitive(0), issuer.keyIdentifier)),
      ),
    );
  return extensions;
}

/** From when to when a certificate is good. */
export interface Validity {
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/** What an attested isolate's certificate says. */
export interface CertifiedIsolate {
  /** SubjectPublicKeyInfo of the isolate's key, DER. */
  readonly spki: Uint8Array;
  /** SHA-256 of the trusted runtime: 32 bytes. */
  readonly runtimeHash: Uint8Array;
  readonly kind: IsolateKind;
  /** PSA security lifecycle, 16 bits. */
  readonly lifecycle: number;
  /** SHA-256 of the policy under which the isolate works: 32 bytes. */
  readonly policyHash: Uint8Array;
  /** SHA-256 of that policy's scope: 32 bytes. */
  readonly scopeHash: Uint8Array;
  /** Of its measured components; left out: nothing is known. */
  readonly versions?: readonly ComponentVersion[];
}

const versionOf = ({ component, version }: ComponentVersion) =>
  der(SEQUENCE, stringOf(UTF8_STRING, component), stringOf(UTF8_STRING, version));

/** The certificate that an attested isolate shows in TLS, DER. */
export function isolateCertificate(
  identity: CertifiedIsolate,
  issuer: Issuer,
  { notBefore, notAfter }: Validity,
  serial: Uint8Array,
): Uint8Array {
  if (identity.runtimeHash.length !== 32)
    throw new RangeError(`runtime hash of ${identity.runtimeHash.length} bytes`);
  if (identity.policyHash.length !== 32 || identity.scopeHash.length !== 32)
    throw new RangeError("hashes of policy and scope have 32 bytes each");
  const { spki, kind, lifecycle, policyHash, scopeHash, versions = [] } = identity;
  return certificate(
    {
      serial,
      issuer: issuer.name,
      subject: ISOLATE_SUBJECT,
      notBefore,
      notAfter,
      spki,
      extensions: [
        ...leafExtensions(spki, issuer, ISOLATE_PURPOSES),
        ISOLATE_ALTERNATIVE_NAME,
        extension(OID_RUNTIME_HASH, false, identity.runtimeHash),
        extension(
          OID_ISOLATE_KIND,
          false,
          der(SEQUENCE, stringOf(UTF8_STRING, kind), integerOf(lifecycle)),
        ),
        extension(OID_ISOLATE_POLICY, false, Uint8Array.of(...policyHash, ...scopeHash)),
        ...(versions.length === 0
          ? []
          : [extension(OID_ISOLATE_VERSIONS, false, der(SEQUENCE, ...versions.map(versionOf)))]),
      ],
    },
    issuer.key,
  );
}

/** What a key of the proxy attestation server signs, by the one purpose for which it is certified. */
export type ServicePurpose = typeof OID_VERIFICATION_SERVICE | typeof OID_COMMIT_SERVICE;

const SERVICE_NAMES: Readonly<Record<ServicePurpose, string>> = {
  [OID_VERIFICATION_SERVICE]: "Veracruz verification service",
  [OID_COMMIT_SERVICE]: "Veracruz commit service",
};

/** The certificate of a key that signs statements for one purpose, DER. */
export function serviceCertificate(
  purpose: ServicePurpose,
  spki: Uint8Array,
  issuer: Issuer,
  { notBefore, notAfter }: Validity,
): Uint8Array {
  return certificate(
    {
      serial: randomSerial(),
      issuer: issuer.name,
      subject: commonName(SERVICE_NAMES[purpose]),
      notBefore,
      notAfter,
      spki,
      extensions: leafExtensions(spki, issuer, purposes(purpose)),
    },
    issuer.key,
  );
}

/** A self-signed CA certificate, DER. */
export function caCertificate(
  name: string,
  spki: Uint8Array,
  key: KeyObject,
  { notBefore, notAfter }: Validity,
): Uint8Array {
  const subject = commonName(name);
  const pathLengthZero = der(
    SEQUENCE,
    der(BOOLEAN, Uint8Array.of(0xff)),
    der(INTEGER, Uint8Array.of(0)),
  );
  return certificate(
    {
      serial: randomSerial(),
      issuer: subject,
      subject,
      notBefore,
      notAfter,
      spki,
      extensions: [
        extension(OID_BASIC_CONSTRAINTS, true, pathLengthZero),
        extension(OID_KEY_USAGE, true, KEY_USAGE_CA),
        extension(OID_SUBJECT_KEY_IDENTIFIER, false, der(OCTET_STRING, keyIdentifier(spki))),
      ],
    },
    key,
  );
}

/**
 * A principal's self-signed certificate, DER. Who it is, its fingerprint says: nobody vouches for the name.
 *
 * @param spki SubjectPublicKeyInfo of its key on P-256, DER
 * @param signContent the key's signature over the content, ECDSA with SHA-256: r ‖ s, 64 bytes
 */
export async function principalCertificate(
  name: string,
  spki: Uint8Array,
  signContent: (content: Uint8Array) => Promise<Uint8Array>,
  { notBefore, notAfter }: Validity,
): Promise<Uint8Array> {
  const subject = commonName(name);
  const content = toBeSigned({
    serial: randomSerial(),
    issuer: subject,
    subject,
    notBefore,
    notAfter,
    spki,
    extensions: [
      NOT_A_CA,
      MAY_SIGN,
      extension(OID_SUBJECT_KEY_IDENTIFIER, false, der(OCTET_STRING, keyIdentifier(spki))),
    ],
  });
  return signedBy(content, signatureToDer(await signContent(content)));
}
