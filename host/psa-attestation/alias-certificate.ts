import { createHash, type KeyObject } from "node:crypto";
import * as keys from "../../assembly/psa-attestation/claim-keys.js";
import { ARRAY, BYTES, content, type Item, integer, MAP, scan, TAG } from "./cbor.js";
import { type Claims, type DeviceClaims, readCertified, type SoftwareComponent } from "./claims.js";
import { parseSign1, type Sign1, verifySign1 } from "./cose.js";
import { importP256, spkiOf } from "./p256.js";

/**
 * The certificate of a device's alias key (TCG DICE, Attestation Architecture 1.1): a CWT (RFC 8392) that the device
 * identity key signs in the first stage, and that each token carries beside its own signature as the COSE header
 * parameter `kcwt` (RFC 9528 §10.3). Its confirmation (RFC 8747 §3.2) is the alias key, which signs the token; its
 * other claims are what the first stage has found out. `assembly/dice/` makes it.
 */

/** Most bytes of a certificate: one of three components with the longest versions has 534. */
export const MAX_ALIAS_CERTIFICATE = 544;

/** 2.5.30.7 of the project's arc, as the content of an object identifier (RFC 9711 §4.3.2): what the CWT is. */
const PROFILE = Uint8Array.of(0x55, 30, 7);

/** Which rule of an alias certificate was broken. */
export type AliasRule =
  | "alias-structure"
  | "alias-size"
  | "alias-key"
  | "alias-key-usage"
  | "alias-signature"
  | "alias-identity"
  | "alias-mismatch";

/** Thrown here, and caught by every public verifier. */
export class AliasError extends Error {
  override name = "AliasError";

  constructor(
    readonly rule: AliasRule,
    what: string,
  ) {
    super(`alias certificate: ${what}`);
  }
}

/** An alias certificate of right form. The signature has *not* been checked. */
export interface AliasCertificate {
  readonly message: Sign1;
  /** Everything that the first stage has found out, and that the alias key depends on. */
  readonly certified: DeviceClaims;
  /** SubjectPublicKeyInfo of the alias key, DER. */
  readonly aliasKey: Uint8Array;
}

const CLAIM_KEYS = [
  keys.CLAIM_CONFIRMATION,
  keys.CLAIM_INSTANCE_ID,
  keys.CLAIM_PROFILE,
  keys.CLAIM_SECURITY_LIFECYCLE,
  keys.CLAIM_IMPLEMENTATION_ID,
  keys.CLAIM_SOFTWARE_COMPONENTS,
];
const KEY_KEYS = [
  keys.KEY_TYPE,
  keys.KEY_ALGORITHM,
  keys.KEY_OPERATIONS,
  keys.KEY_CURVE,
  keys.KEY_X,
  keys.KEY_Y,
];

const isSame = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0;

/**
 * The entries of a map that has these integer keys and no others, in this order: the first stage writes CBOR's
 * deterministic encoding, and nothing else makes alias certificates.
 */
function exactly(map: Item | undefined, wanted: readonly number[], what: string): Item[] {
  const children = map?.major === MAP ? map.children : [];
  const found = children.filter((_, i) => i % 2 === 0).map(integer);
  if (found.length !== wanted.length || found.some((key, i) => key !== wanted[i]))
    throw new AliasError("alias-structure", `${what} is not a map of ${wanted.join(", ")}`);
  return children.filter((_, i) => i % 2 === 1);
}

/** The alias key in the confirmation: P-256, for ES256, to verify with and for nothing else. */
function readConfirmation(payload: Uint8Array, confirmation: Item): Uint8Array {
  const [coseKey] = exactly(confirmation, [keys.CONFIRMATION_COSE_KEY], "the confirmation");
  const [type, algorithm, operations, curve, x, y] = exactly(coseKey, KEY_KEYS, "the key");
  const value = (item: Item | undefined) => item && integer(item);
  if (value(type) !== keys.KEY_TYPE_EC2 || value(curve) !== keys.CURVE_P256)
    throw new AliasError("alias-key", "the key is not a P-256 key");
  if (
    value(algorithm) !== keys.ALGORITHM_ES256 ||
    operations?.major !== ARRAY ||
    operations.children.length !== 1 ||
    value(operations.children[0]) !== keys.OPERATION_VERIFY
  )
    throw new AliasError(
      "alias-key-usage",
      "the key is not one to verify ES256 with and nothing else",
    );
  const coordinates = [x, y].map((item) =>
    item?.major === BYTES && item.argument === 32 ? content(payload, item) : undefined,
  );
  if (coordinates.includes(undefined))
    throw new AliasError("alias-key", "the key's coordinates are not 32 bytes each");
  const point = Buffer.concat([Buffer.of(4), ...(coordinates as Uint8Array[])]);
  const spki = spkiOf(point);
  if (importP256(spki) === undefined)
    throw new AliasError("alias-key", "the key is not a point of P-256");
  return spki;
}

/**
 * Reads the certificate that a token carries.
 *
 * @param token as it was read
 * @param bytes the token's
 * @returns undefined when the token carries none
 * @throws {AliasError} when it breaks a rule of its own
 * @throws {CborError, CoseError, ClaimError} when it is no CBOR, no COSE_Sign1, or a claim breaks its rule
 */
export function readAliasCertificate(
  token: Sign1,
  bytes: Uint8Array,
): AliasCertificate | undefined {
  const header = token.unprotected.get(keys.HEADER_KCWT);
  if (header === undefined) return undefined;
  if (header.major !== TAG)
    throw new AliasError("alias-structure", "it is not one tagged COSE_Sign1");
  const length = header.end - header.start;
  if (length > MAX_ALIAS_CERTIFICATE)
    throw new AliasError("alias-size", `${length} bytes, more than ${MAX_ALIAS_CERTIFICATE}`);
  const message = parseSign1(bytes.subarray(header.start, header.end));
  if (message.unprotected.size > 0)
    throw new AliasError("alias-structure", "its unprotected header is not empty");
  const { payload } = message;
  const [confirmation, , profile] = exactly(scan(payload), CLAIM_KEYS, "the claims set");
  if (profile?.major !== BYTES || !isSame(content(payload, profile), PROFILE))
    throw new AliasError("alias-structure", "its profile is not 2.5.30.7");
  const aliasKey = readConfirmation(payload, confirmation as Item);
  return { message, certified: readCertified(payload), aliasKey };
}

/** The instance ID of the device with this key: 0x01, SHA-256 of the point (PSA Attestation API 2.0, table 4). */
export function instanceIdOf(spki: Uint8Array): Uint8Array {
  const hash = createHash("sha256").update(spki.subarray(-65)).digest();
  return new Uint8Array(Buffer.concat([Buffer.of(1), hash]));
}

function sameComponents(
  one: readonly SoftwareComponent[],
  other: readonly SoftwareComponent[],
): boolean {
  return (
    one.length === other.length &&
    one.every((component, i) => {
      const match = other[i] as SoftwareComponent;
      return (
        component.measurementType === match.measurementType &&
        component.version === match.version &&
        component.measurementDescription === match.measurementDescription &&
        isSame(component.measurementValue, match.measurementValue) &&
        isSame(component.signerId, match.signerId)
      );
    })
  );
}

/**
 * Checks a certificate against the device identity key, and that a token says what it says.
 *
 * @param identityKey the P-256 key with which the device was enrolled
 * @returns the alias key, with which the token's signature is to be checked
 * @throws {AliasError}
 */
export function verifyAliasCertificate(
  { message, certified, aliasKey }: AliasCertificate,
  claims: Claims,
  identityKey: KeyObject,
): KeyObject {
  if (!verifySign1(message, identityKey))
    throw new AliasError("alias-signature", "it is not signed by this device's identity key");
  const spki = new Uint8Array(identityKey.export({ type: "spki", format: "der" }));
  if (!isSame(certified.instanceId, instanceIdOf(spki)))
    throw new AliasError("alias-identity", "its instance ID is not that of the identity key");
  if (isSame(aliasKey, spki))
    throw new AliasError("alias-key", "the alias key is the identity key itself");
  const differences: [string, boolean][] = [
    ["instance ID", isSame(claims.instanceId, certified.instanceId)],
    ["implementation ID", isSame(claims.implementationId, certified.implementationId)],
    ["lifecycle", claims.securityLifecycle === certified.securityLifecycle],
    [
      "software components",
      sameComponents(claims.softwareComponents, certified.softwareComponents),
    ],
  ];
  for (const [what, isEqual] of differences)
    if (!isEqual)
      throw new AliasError("alias-mismatch", `the token says another ${what} than the certificate`);
  return importP256(aliasKey) as KeyObject;
}
