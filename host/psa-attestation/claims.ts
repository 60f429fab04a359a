import * as keys from "../../assembly/psa-attestation/claim-keys.js";
import {
  ARRAY,
  CborError,
  decodeItem,
  type Item,
  integer,
  integerEntries,
  MAP,
  scan,
  TEXT,
} from "./cbor.js";
import { isLifecycle } from "./lifecycle.js";

/** The claims of a PSA attestation token (RFC 9783 §4) and the rules that each must keep. */

/** Profiles of a token (RFC 9783 §5, and the two before it). */
export const PROFILE_RFC9783 = "tag:psacertified.org,2023:psa#tfm";
export const PROFILE_PSA_2_0_0 = "http://arm.com/psa/2.0.0";
export const PROFILE_PSA_IOT_1 = "PSA_IOT_PROFILE_1";
/** One of the profiles above. */
export type Profile = typeof PROFILE_RFC9783 | typeof PROFILE_PSA_2_0_0 | typeof PROFILE_PSA_IOT_1;

/** Which claim broke its rule. */
export type ClaimRule =
  | "claims-structure"
  | "profile"
  | "nonce"
  | "instance-id"
  | "client-id"
  | "security-lifecycle"
  | "implementation-id"
  | "software-components"
  | "boot-seed"
  | "certification-reference"
  | "verification-service";

/** Thrown by `readClaims` alone, and caught by every public verifier. */
export class ClaimError extends Error {
  constructor(
    readonly rule: ClaimRule,
    what: string,
  ) {
    super(what);
    this.name = "ClaimError";
  }
}

/** One measured piece of software (RFC 9783 §4.4.1). */
export interface SoftwareComponent {
  /** What part it plays, as in "BL", "PRoT", "ARoT"; absent where the device does not say. */
  readonly measurementType?: string;
  /** Its hash: 32, 48 or 64 bytes. */
  readonly measurementValue: Uint8Array;
  readonly version?: string;
  /** Hash of the key that signed it: 32, 48 or 64 bytes. */
  readonly signerId: Uint8Array;
  /** Name of the hash function. */
  readonly measurementDescription?: string;
}

/** A token's claims, each of which kept its rule. */
export interface Claims {
  readonly profile: Profile;
  /** 32, 48 or 64 bytes. */
  readonly nonce: Uint8Array;
  /** 33 bytes, the first of them 0x01. */
  readonly instanceId: Uint8Array;
  /** 32 bytes. */
  readonly implementationId: Uint8Array;
  /** int32, not 0: negative for callers in the non-secure world, positive for secure partitions. */
  readonly clientId: number;
  /** 16 bits, see `lifecycle.ts`. */
  readonly securityLifecycle: number;
  readonly softwareComponents: readonly SoftwareComponent[];
  /** 8 to 32 bytes. */
  readonly bootSeed?: Uint8Array;
  readonly certificationReference?: string;
  readonly verificationService?: string;
}

/** Those that a device's first stage certifies where it has an alias key (`alias-certificate.ts`). */
export type DeviceClaims = Pick<
  Claims,
  "instanceId" | "implementationId" | "securityLifecycle" | "softwareComponents"
>;

type ClaimName = Exclude<keyof Claims, never>;

/** Claim keys of RFC 9783. */
const KEYS: Readonly<Record<ClaimName, number>> = {
  nonce: keys.CLAIM_NONCE,
  instanceId: keys.CLAIM_INSTANCE_ID,
  profile: keys.CLAIM_PROFILE,
  bootSeed: keys.CLAIM_BOOT_SEED,
  clientId: keys.CLAIM_CLIENT_ID,
  securityLifecycle: keys.CLAIM_SECURITY_LIFECYCLE,
  implementationId: keys.CLAIM_IMPLEMENTATION_ID,
  certificationReference: keys.CLAIM_CERTIFICATION_REFERENCE,
  softwareComponents: keys.CLAIM_SOFTWARE_COMPONENTS,
  verificationService: keys.CLAIM_VERIFICATION_SERVICE,
};

/** The drafts behind profile http://arm.com/psa/2.0.0 had a key of their own for the boot seed. */
const BOOT_SEED_PSA_2_0_0 = 2397;

/** Claim keys of PSA_IOT_PROFILE_1, deprecated by RFC 9783 §4.6 (table 1). */
const LEGACY_KEYS: Readonly<Record<ClaimName, number>> = {
  profile: -75000,
  clientId: -75001,
  securityLifecycle: -75002,
  implementationId: -75003,
  bootSeed: -75004,
  certificationReference: -75005,
  softwareComponents: -75006,
  nonce: -75008,
  instanceId: -75009,
  verificationService: -75010,
};

const MAX_SOFTWARE_COMPONENTS = 32;
/** No text claim needs more; it also bounds what is stored and logged. */
const MAX_TEXT = 256;

/** psa-hash-type of RFC 9783. */
function isHashSize(length: number): boolean {
  return length === 32 || length === 48 || length === 64;
}

/** Takes single claims out of the claims map, each checked for its type. */
class Reader {
  constructor(
    private readonly bytes: Uint8Array,
    private readonly entries: ReadonlyMap<number, Item>,
  ) {}

  has(key: number): boolean {
    return this.entries.has(key);
  }

  /** The claim's value as cbor-x decodes it. `decodeItem` refuses tags and simple values: no claim of ours has one. */
  private value(key: number, rule: ClaimRule): unknown {
    const item = this.entries.get(key);
    if (item === undefined) return undefined;
    try {
      return decodeItem(this.bytes, item);
    } catch (error) {
      if (error instanceof CborError) throw new ClaimError(rule, error.message);
      throw error;
    }
  }

  bytesClaim(key: number, rule: ClaimRule, what: string): Uint8Array | undefined {
    const value = this.value(key, rule);
    if (value === undefined) return undefined;
    if (!(value instanceof Uint8Array)) throw new ClaimError(rule, `${what} is not a byte string`);
    return new Uint8Array(value);
  }

  textClaim(key: number, rule: ClaimRule, what: string): string | undefined {
    const item = this.entries.get(key);
    if (item === undefined) return undefined;
    const value = this.value(key, rule);
    if (item.major !== TEXT || typeof value !== "string")
      throw new ClaimError(rule, `${what} is not a text string`);
    if (value.length > MAX_TEXT)
      throw new ClaimError(rule, `${what} is longer than ${MAX_TEXT} characters`);
    return value;
  }

  integerClaim(key: number, rule: ClaimRule, what: string): number {
    const item = this.entries.get(key);
    if (item === undefined) throw new ClaimError(rule, `${what} is missing`);
    // Read from the head: a float such as 1.0 is no integer in CBOR, but would be one in JavaScript.
    const value = integer(item);
    if (value === undefined) throw new ClaimError(rule, `${what} is not an integer in range`);
    return value;
  }

  item(key: number): Item | undefined {
    return this.entries.get(key);
  }
}

function requiredBytes(
  reader: Reader,
  key: number,
  rule: ClaimRule,
  what: string,
  fits: (length: number) => boolean,
): Uint8Array {
  const value = reader.bytesClaim(key, rule, what);
  if (value === undefined) throw new ClaimError(rule, `${what} is missing`);
  if (!fits(value.length)) throw new ClaimError(rule, `${what} has ${value.length} bytes`);
  return value;
}

/**
 * Which set of claim keys the token uses, by where it names its profile. `PSA_IOT_PROFILE_1` may
 * stand under either key, or nowhere.
 */
function readProfile(reader: Reader): {
  profile: Profile;
  keys: Readonly<Record<ClaimName, number>>;
} {
  const named = reader.textClaim(KEYS.profile, "profile", "profile");
  const legacy = reader.textClaim(LEGACY_KEYS.profile, "profile", "profile");
  if (named !== undefined && legacy !== undefined)
    throw new ClaimError("profile", "two profiles are named");
  if (named === PROFILE_RFC9783 || named === PROFILE_PSA_IOT_1)
    return { profile: named, keys: KEYS };
  if (named === PROFILE_PSA_2_0_0) {
    const old = reader.has(BOOT_SEED_PSA_2_0_0);
    if (old && reader.has(KEYS.bootSeed)) throw new ClaimError("boot-seed", "two boot seeds");
    return { profile: named, keys: old ? { ...KEYS, bootSeed: BOOT_SEED_PSA_2_0_0 } : KEYS };
  }
  if (legacy === PROFILE_PSA_IOT_1) return { profile: legacy, keys: LEGACY_KEYS };
  // The drafts of that profile made its claim optional: keys that only it had, and no profile, mean it.
  if (named === undefined && legacy === undefined && reader.has(LEGACY_KEYS.nonce))
    return { profile: PROFILE_PSA_IOT_1, keys: LEGACY_KEYS };
  const unknown = named ?? legacy;
  throw new ClaimError(
    "profile",
    unknown === undefined
      ? "profile is missing"
      : `profile ${JSON.stringify(unknown)} is not known`,
  );
}

function readComponent(bytes: Uint8Array, item: Item, index: number): SoftwareComponent {
  const rule = "software-components";
  const where = `software component ${index}`;
  if (item.major !== MAP) throw new ClaimError(rule, `${where} is not a map`);
  const reader = new Reader(bytes, integerEntries(item));
  const measurementType = reader.textClaim(
    keys.COMPONENT_MEASUREMENT_TYPE,
    rule,
    `type of ${where}`,
  );
  const version = reader.textClaim(keys.COMPONENT_VERSION, rule, `version of ${where}`);
  const description = reader.textClaim(
    keys.COMPONENT_MEASUREMENT_DESCRIPTION,
    rule,
    `hash name of ${where}`,
  );
  return {
    ...(measurementType !== undefined && { measurementType }),
    measurementValue: requiredBytes(
      reader,
      keys.COMPONENT_MEASUREMENT_VALUE,
      rule,
      `measurement of ${where}`,
      isHashSize,
    ),
    ...(version !== undefined && { version }),
    signerId: requiredBytes(
      reader,
      keys.COMPONENT_SIGNER_ID,
      rule,
      `signer ID of ${where}`,
      isHashSize,
    ),
    ...(description !== undefined && { measurementDescription: description }),
  };
}

function readComponents(bytes: Uint8Array, item: Item | undefined): SoftwareComponent[] {
  const rule = "software-components";
  if (item === undefined) throw new ClaimError(rule, "software components are missing");
  if (item.major !== ARRAY) throw new ClaimError(rule, "software components are not an array");
  if (item.children.length === 0) throw new ClaimError(rule, "no software component");
  if (item.children.length > MAX_SOFTWARE_COMPONENTS)
    throw new ClaimError(rule, `more than ${MAX_SOFTWARE_COMPONENTS} software components`);
  return item.children.map((child, index) => readComponent(bytes, child, index));
}

/** What a device is and runs. */
function readDevice(
  reader: Reader,
  payload: Uint8Array,
  keys: Readonly<Record<ClaimName, number>>,
): DeviceClaims {
  const instanceId = requiredBytes(
    reader,
    keys.instanceId,
    "instance-id",
    "instance ID",
    (length) => length === 33,
  );
  if (instanceId[0] !== 1)
    throw new ClaimError("instance-id", "instance ID does not start with 0x01 (RAND)");
  const implementationId = requiredBytes(
    reader,
    keys.implementationId,
    "implementation-id",
    "implementation ID",
    (length) => length === 32,
  );
  const securityLifecycle = reader.integerClaim(
    keys.securityLifecycle,
    "security-lifecycle",
    "security lifecycle",
  );
  if (!isLifecycle(securityLifecycle))
    throw new ClaimError("security-lifecycle", `${securityLifecycle} is no lifecycle state`);
  const softwareComponents = readComponents(payload, reader.item(keys.softwareComponents));
  return { instanceId, implementationId, securityLifecycle, softwareComponents };
}

/** The same out of the claims of an alias certificate, which has RFC 9783's keys for them. */
export function readCertified(payload: Uint8Array): DeviceClaims {
  return readDevice(new Reader(payload, integerEntries(scan(payload))), payload, KEYS);
}

/** Mandatory and optional claims of RFC 9783 §4, whatever the set of keys. Unknown claims are ignored. */
export function readClaims(payload: Uint8Array): Claims {
  const map = scan(payload);
  if (map.major !== MAP) throw new ClaimError("claims-structure", "the claims are not a map");
  const reader = new Reader(payload, integerEntries(map));
  const { profile, keys } = readProfile(reader);

  const nonce = requiredBytes(reader, keys.nonce, "nonce", "nonce", isHashSize);
  const device = readDevice(reader, payload, keys);
  const clientId = reader.integerClaim(keys.clientId, "client-id", "client ID");
  if (clientId === 0 || clientId !== (clientId | 0))
    throw new ClaimError("client-id", `client ID ${clientId} is 0 or outside int32`);
  const bootSeed = reader.bytesClaim(keys.bootSeed, "boot-seed", "boot seed");
  if (bootSeed !== undefined && (bootSeed.length < 8 || bootSeed.length > 32))
    throw new ClaimError("boot-seed", `boot seed has ${bootSeed.length} bytes instead of 8 to 32`);
  const certificationReference = reader.textClaim(
    keys.certificationReference,
    "certification-reference",
    "certification reference",
  );
  // RFC 9783 §4.2.4: EAN-13 and five digits; the oldest profile had the EAN-13 alone.
  const pattern = keys === LEGACY_KEYS ? /^[0-9]{13}(-[0-9]{5})?$/ : /^[0-9]{13}-[0-9]{5}$/;
  if (certificationReference !== undefined && !pattern.test(certificationReference))
    throw new ClaimError(
      "certification-reference",
      "certification reference is not 13 digits, a hyphen and 5 digits",
    );
  const verificationService = reader.textClaim(
    keys.verificationService,
    "verification-service",
    "verification service",
  );
  return {
    profile,
    nonce,
    ...device,
    clientId,
    ...(bootSeed !== undefined && { bootSeed }),
    ...(certificationReference !== undefined && { certificationReference }),
    ...(verificationService !== undefined && { verificationService }),
  };
}

/** The entries of the claims map that PSA does not define, for people. */
export function unknownClaims(payload: Uint8Array): Map<number, Item> {
  const known = new Set([
    ...Object.values(KEYS),
    ...Object.values(LEGACY_KEYS),
    BOOT_SEED_PSA_2_0_0,
  ]);
  const entries = integerEntries(scan(payload));
  for (const key of [...entries.keys()]) if (known.has(key)) entries.delete(key);
  return entries;
}
