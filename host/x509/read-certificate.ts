import { createPublicKey, type KeyObject, verify, X509Certificate } from "node:crypto";
import { minute } from "../common/times.js";
import { gradeOf } from "../psa-attestation/lifecycle.js";
import { importP256 } from "../psa-attestation/p256.js";
import type { Refusal } from "../psa-attestation/verifier.js";
import { belowMinimum, type ComponentVersion } from "../psa-attestation/versions.js";
import {
  ISOLATE_NAME,
  OID_BASIC_CONSTRAINTS,
  OID_COMMIT_SERVICE,
  OID_EXTENDED_KEY_USAGE,
  OID_ISOLATE_KIND,
  OID_ISOLATE_POLICY,
  OID_ISOLATE_VERSIONS,
  OID_KEY_USAGE,
  OID_RUNTIME_HASH,
  OID_SERVER_AUTH,
  OID_SUBJECT_ALTERNATIVE_NAME,
  OID_SUBJECT_KEY_IDENTIFIER,
  OID_VERIFICATION_SERVICE,
  type ServicePurpose,
} from "./certificate.js";
import {
  BIT_STRING,
  BOOLEAN,
  bitString,
  contentOf,
  context,
  contextPrimitive,
  DerError,
  elements,
  OCTET_STRING,
  oid,
  parse,
  parts,
  SEQUENCE,
  smallInteger,
  timeValue,
  utf8String,
} from "./der.js";
import { type IsolateKind, isIsolateKind } from "./isolate-kind.js";

/** Reads the certificates that `certificate.ts` makes, and checks them as a client must. */

/** What is read from a certificate; the signature has not been checked. */
export interface Certificate {
  readonly der: Uint8Array;
  readonly toBeSigned: Uint8Array;
  readonly signature: Uint8Array;
  /** Names, DER. */
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  readonly notBefore: number;
  readonly notAfter: number;
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array;
  /** `extnValue`'s content by OID (hex of its DER). */
  readonly extensions: ReadonlyMap<string, { critical: boolean; value: Uint8Array }>;
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const key = (id: string) => hex(oid(id));
const ECDSA_WITH_SHA256 = hex(oid("1.2.840.10045.4.3.2"));

/** Extensions that are understood here; any other one that is critical refuses the certificate. */
const UNDERSTOOD = new Set(
  [
    OID_BASIC_CONSTRAINTS,
    OID_KEY_USAGE,
    OID_EXTENDED_KEY_USAGE,
    OID_SUBJECT_ALTERNATIVE_NAME,
    OID_RUNTIME_HASH,
    OID_ISOLATE_KIND,
    OID_ISOLATE_POLICY,
    OID_ISOLATE_VERSIONS,
  ].map(key),
);

function readExtensions(list: Uint8Array): Map<string, { critical: boolean; value: Uint8Array }> {
  const found = new Map<string, { critical: boolean; value: Uint8Array }>();
  const [sequence, ...rest] = elements(list);
  if (rest.length > 0) throw new DerError("more than one list of extensions");
  for (const extension of parts(sequence, SEQUENCE, "the extensions")) {
    const [id, second, third, ...more] = parts(extension, SEQUENCE, "an extension");
    const critical = second?.tag === BOOLEAN;
    if (id === undefined || more.length > 0 || (!critical && third !== undefined))
      throw new DerError("an extension does not have two or three parts");
    if (critical && (second.value.length !== 1 || second.value[0] !== 0xff))
      throw new DerError("an extension's critical flag is not TRUE");
    const name = hex(id.whole);
    if (found.has(name)) throw new DerError("an extension occurs twice");
    if (critical && !UNDERSTOOD.has(name)) throw new DerError("a critical extension is not known");
    found.set(name, {
      critical,
      value: contentOf(critical ? third : second, OCTET_STRING, "an extension's value"),
    });
  }
  return found;
}

/**
 * Reads an X.509 v3 certificate in strict DER, signed by ecdsa-with-SHA256.
 *
 * @throws DerError
 */
export function readCertificate(bytes: Uint8Array): Certificate {
  const [tbs, algorithm, signature, ...rest] = parts(parse(bytes), SEQUENCE, "the certificate");
  if (tbs === undefined || rest.length > 0)
    throw new DerError("the certificate does not have three parts");
  const [version, , inner, issuer, validity, subject, spki, extensions, ...more] = parts(
    tbs,
    SEQUENCE,
    "the certificate's content",
  );
  if (
    more.length > 0 ||
    issuer === undefined ||
    subject === undefined ||
    spki === undefined ||
    smallInteger(elements(contentOf(version, context(0), "the version"))[0], "the version") !== 2
  )
    throw new DerError("not a certificate of version 3 with extensions");
  if (hex(contentOf(algorithm, SEQUENCE, "the algorithm")) !== ECDSA_WITH_SHA256)
    throw new DerError("not signed by ecdsa-with-SHA256");
  if (hex(inner?.whole ?? new Uint8Array(0)) !== hex(algorithm?.whole ?? new Uint8Array(0)))
    throw new DerError("two different signature algorithms");
  const [notBefore, notAfter] = parts(validity, SEQUENCE, "the validity");
  return {
    der: bytes,
    toBeSigned: tbs.whole,
    signature: bitString(signature, "the signature"),
    issuer: issuer.whole,
    subject: subject.whole,
    notBefore: timeValue(notBefore, "the beginning of the validity"),
    notAfter: timeValue(notAfter, "the end of the validity"),
    spki: spki.whole,
    extensions: readExtensions(contentOf(extensions, context(3), "the extensions")),
  };
}

/** The subject key identifier, if there is one. */
export function subjectKeyIdentifier(certificate: Certificate): Uint8Array | undefined {
  const extension = certificate.extensions.get(key(OID_SUBJECT_KEY_IDENTIFIER));
  return extension && contentOf(parse(extension.value), OCTET_STRING, "the key identifier");
}

/** Why a certificate is refused. */
export type CertificateRule =
  | "certificate-malformed"
  | "certificate-issuer"
  | "certificate-expired"
  | "certificate-purpose"
  | "certificate-name"
  | "runtime-hash"
  | "policy-mismatch"
  | "development-grade"
  | "component-version";

function refuse(rule: CertificateRule, detail: string): Refusal<CertificateRule> {
  return { ok: false, rule, detail };
}

/** The key and the name in the CA's certificate (PEM or DER), by which others are checked. */
function trustAnchor(ca: string | Uint8Array): { name: Uint8Array; key: KeyObject } {
  const x509 = new X509Certificate(typeof ca === "string" ? ca : Buffer.from(ca));
  return { name: readCertificate(new Uint8Array(x509.raw)).subject, key: x509.publicKey };
}

function isCa(certificate: Certificate): boolean {
  const extension = certificate.extensions.get(key(OID_BASIC_CONSTRAINTS));
  return (
    extension !== undefined && parts(parse(extension.value), SEQUENCE, "constraints").length > 0
  );
}

/** Bits of keyUsage (RFC 5280 §4.2.1.3). */
const DIGITAL_SIGNATURE = 0;
/** The bit that lets a key sign certificates. */
export const KEY_CERT_SIGN = 5;

/** Whether keyUsage, if present, has this bit (0 to 7). */
export function allowsKeyUsage(certificate: Certificate, bit: number): boolean {
  const extension = certificate.extensions.get(key(OID_KEY_USAGE));
  if (extension === undefined) return true;
  const [, bits = 0] = contentOf(parse(extension.value), BIT_STRING, "the key usage");
  return (bits & (0x80 >> bit)) !== 0;
}

/** The key purposes; undefined where the certificate does not limit them. */
function purposes(certificate: Certificate): string[] | undefined {
  const extension = certificate.extensions.get(key(OID_EXTENDED_KEY_USAGE));
  if (extension === undefined) return undefined;
  return parts(parse(extension.value), SEQUENCE, "the key purposes").map(({ whole }) => hex(whole));
}

/** Issuer, signature, dates, key usage: what every certificate below the CA must keep. */
function checkIssued(
  certificate: Certificate,
  ca: string | Uint8Array,
  now: number | undefined,
): Refusal<CertificateRule> | undefined {
  const anchor = trustAnchor(ca);
  if (hex(certificate.issuer) !== hex(anchor.name))
    return refuse("certificate-issuer", "issued under another name than the policy's CA");
  if (!verify("sha256", certificate.toBeSigned, anchor.key, certificate.signature))
    return refuse("certificate-issuer", "not signed by the policy's CA");
  if (now !== undefined && (now < certificate.notBefore || now > certificate.notAfter))
    return refuse(
      "certificate-expired",
      `valid from ${minute(certificate.notBefore)} to ${minute(certificate.notAfter)} only`,
    );
  if (isCa(certificate)) return refuse("certificate-purpose", "the certificate is a CA's");
  if (!allowsKeyUsage(certificate, DIGITAL_SIGNATURE))
    return refuse("certificate-purpose", "the key may not sign");
  return undefined;
}

/** What an isolate's certificate says about it. */
export interface IsolateCertificate {
  readonly ok: true;
  readonly runtimeHash: Uint8Array;
  readonly kind: IsolateKind;
  readonly lifecycle: number;
  /** What it says of the versions of its components; nothing where its token said nothing. */
  readonly versions: readonly ComponentVersion[];
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array;
  readonly notBefore: number;
  readonly notAfter: number;
}

/** What a client demands of an isolate's certificate; all of it comes from the policy. */
export interface IsolateDemand {
  /** `proxy_service_cert`, PEM (or DER). */
  readonly ca: string | Uint8Array;
  /** `runtime_manager_hash_linux`, `runtime_manager_hash_mcu`: 32 bytes each. */
  readonly runtimeHashes: Readonly<Partial<Record<IsolateKind, Uint8Array>>>;
  /** SHA-256 of the policy, and of its scope: 32 bytes each. */
  readonly policyHash: Uint8Array;
  readonly scopeHash: Uint8Array;
  readonly allowDevelopment?: boolean;
  /** `minimum_versions`. */
  readonly minimumVersions?: readonly ComponentVersion[];
  /** Milliseconds since 1970; left out by those who have no clock. */
  readonly now?: number;
}

function readIsolateExtensions(certificate: Certificate) {
  const hash = certificate.extensions.get(key(OID_RUNTIME_HASH));
  const kindAndLifecycle = certificate.extensions.get(key(OID_ISOLATE_KIND));
  const policyAndScope = certificate.extensions.get(key(OID_ISOLATE_POLICY));
  if (hash?.value.length !== 32) throw new DerError("no runtime hash of 32 bytes");
  if (policyAndScope?.value.length !== 64)
    throw new DerError("no hashes of policy and scope, 64 bytes together");
  if (kindAndLifecycle === undefined) throw new DerError("no kind of isolate");
  const [kind, lifecycle, ...rest] = parts(parse(kindAndLifecycle.value), SEQUENCE, "the kind");
  const name = utf8String(kind, "the kind");
  if (!isIsolateKind(name) || rest.length > 0)
    throw new DerError(`the kind ${JSON.stringify(name)} is not known`);
  return {
    runtimeHash: new Uint8Array(hash.value),
    policyAndScope: policyAndScope.value,
    kind: name,
    lifecycle: smallInteger(lifecycle, "the lifecycle"),
    versions: readVersions(certificate.extensions.get(key(OID_ISOLATE_VERSIONS))?.value),
  };
}

function readVersions(value: Uint8Array | undefined): ComponentVersion[] {
  if (value === undefined) return [];
  return parts(parse(value), SEQUENCE, "the versions").map((entry) => {
    const [component, version, ...rest] = parts(entry, SEQUENCE, "a version");
    if (rest.length > 0) throw new DerError("a version does not have two parts");
    return {
      component: utf8String(component, "a component"),
      version: utf8String(version, "a version"),
    };
  });
}

/**
 * Checks the certificate that an isolate shows in TLS: issued by the policy's CA, in time, for
 * `ComputeEnclave.dev`, with a runtime hash that the policy names for that kind of isolate, and not of
 * development grade unless the policy allows that; its components of the versions that the policy wants. Never throws for anything in the certificate.
 *
 * @throws when the CA's certificate itself cannot be read
 */
export function verifyIsolateCertificate(
  bytes: Uint8Array,
  demand: IsolateDemand,
): IsolateCertificate | Refusal<CertificateRule> {
  trustAnchor(demand.ca);
  try {
    const certificate = readCertificate(bytes);
    const refused = checkIssued(certificate, demand.ca, demand.now);
    if (refused !== undefined) return refused;
    const found = purposes(certificate);
    if ([OID_VERIFICATION_SERVICE, OID_COMMIT_SERVICE].some((id) => found?.includes(key(id))))
      return refuse("certificate-purpose", "the certificate is the attestation server's own");
    if (found?.includes(key(OID_SERVER_AUTH)) === false)
      return refuse("certificate-purpose", "the certificate is not for a TLS server");
    if (importP256(certificate.spki) === undefined)
      return refuse("certificate-malformed", "the key is not a P-256 key");
    const names = certificate.extensions.get(key(OID_SUBJECT_ALTERNATIVE_NAME));
    const dnsNames =
      names === undefined
        ? []
        : parts(parse(names.value), SEQUENCE, "the alternative names")
            .filter(({ tag }) => tag === contextPrimitive(2))
            .map(({ value }) => Buffer.from(value).toString("latin1").toLowerCase());
    if (!dnsNames.includes(ISOLATE_NAME.toLowerCase()))
      return refuse("certificate-name", `not issued for ${ISOLATE_NAME}`);
    const { policyAndScope, ...isolate } = readIsolateExtensions(certificate);
    if (hex(policyAndScope) !== hex(demand.policyHash) + hex(demand.scopeHash))
      return refuse(
        "policy-mismatch",
        `the isolate works under another policy: ${hex(policyAndScope.subarray(0, 32))}, ours is ${hex(demand.policyHash)}`,
      );
    const wanted = demand.runtimeHashes[isolate.kind];
    if (wanted === undefined)
      return refuse(
        "runtime-hash",
        `the policy names no runtime for isolates of kind ${isolate.kind}`,
      );
    if (hex(wanted) !== hex(isolate.runtimeHash))
      return refuse(
        "runtime-hash",
        `the isolate runs ${hex(isolate.runtimeHash)}, the policy wants ${hex(wanted)} (${isolate.kind})`,
      );
    const grade = gradeOf(isolate.lifecycle);
    if (grade === "untrusted" || (grade === "development" && demand.allowDevelopment !== true))
      return refuse(
        "development-grade",
        `lifecycle 0x${isolate.lifecycle.toString(16).padStart(4, "0")} (${grade} grade), which the policy does not allow`,
      );
    const below = belowMinimum(isolate.versions, demand.minimumVersions ?? []);
    if (below !== undefined) return refuse("component-version", below);
    return {
      ok: true,
      ...isolate,
      spki: new Uint8Array(certificate.spki),
      notBefore: certificate.notBefore,
      notAfter: certificate.notAfter,
    };
  } catch (error) {
    if (error instanceof DerError) return refuse("certificate-malformed", error.message);
    throw error;
  }
}

/** What a client demands of the certificate of a key that signed a statement. */
export interface SignerDemand {
  readonly purpose: ServicePurpose;
  /** `proxy_service_cert`, PEM (or DER). */
  readonly ca: string | Uint8Array;
  /**
   * When the isolate's certificate began. A signer's that ended before is refused, so that whoever has no clock
   * takes no key that was stolen long ago.
   */
  readonly isolateNotBefore: number;
  readonly now: number | undefined;
}

/** The key of a service's certificate, when the CA certified it for that purpose alone. */
export function verifyServiceCertificate(
  bytes: Uint8Array,
  demand: SignerDemand,
): { ok: true; publicKey: KeyObject } | Refusal<CertificateRule> {
  trustAnchor(demand.ca);
  try {
    const certificate = readCertificate(bytes);
    const refused = checkIssued(certificate, demand.ca, demand.now);
    if (refused !== undefined) return refused;
    if (certificate.notAfter < demand.isolateNotBefore)
      return refuse("certificate-expired", "the signer's time ended before the isolate's began");
    const found = purposes(certificate);
    if (found?.length !== 1 || found[0] !== key(demand.purpose))
      return refuse("certificate-purpose", "the certificate is for another purpose");
    if (importP256(certificate.spki) === undefined)
      return refuse("certificate-malformed", "the key is not a P-256 key");
    return {
      ok: true,
      publicKey: createPublicKey({
        key: Buffer.from(certificate.spki),
        format: "der",
        type: "spki",
      }),
    };
  } catch (error) {
    if (error instanceof DerError) return refuse("certificate-malformed", error.message);
    throw error;
  }
}
