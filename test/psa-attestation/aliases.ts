// Certificates of alias keys for tests, as a device's first stage makes them, and with any part bent. Written apart from the
// code under test, as tokens.ts is.
import type { KeyObject } from "node:crypto";
import {
  type Bends,
  cbor,
  claimsFor,
  type Device,
  Entries,
  newDevice,
  Raw,
  token,
} from "./tokens.js";

/** 2.5.30.7, without tag and length. */
export const ALIAS_PROFILE: Uint8Array = Uint8Array.of(0x55, 0x1e, 0x07);

/** The confirmation of an alias key: a COSE_Key (RFC 9052 §7) to verify ES256 with. */
export function coseKey(point: Uint8Array): Entries {
  return new Entries([
    [1, 2],
    [3, -7],
    [4, [2]],
    [-1, 1],
    [-2, point.slice(1, 33)],
    [-3, point.slice(33)],
  ]);
}

/** The claims of a certificate: those of a token that stand in both, and the alias key. */
export function aliasClaims(tokenClaims: Entries, aliasPoint: Uint8Array): Entries {
  return new Entries([
    [8, new Entries([[1, coseKey(aliasPoint)]])],
    [256, tokenClaims.get(256)],
    [265, ALIAS_PROFILE],
    [2395, tokenClaims.get(2395)],
    [2396, tokenClaims.get(2396)],
    [2399, tokenClaims.get(2399)],
  ]);
}

/** A certificate, signed by a device's identity key. */
export const certificate = (
  claims: Entries | Uint8Array,
  identity: KeyObject,
  bends?: Bends,
): Uint8Array => token(claims, identity, bends);

/** A token with a certificate (or what stands in its place) beside it. */
export function withCertificate(
  claims: Entries,
  alias: KeyObject,
  beside: Uint8Array | Entries,
): Uint8Array {
  const unprotected =
    beside instanceof Entries ? beside : new Entries([[13, new Raw(new Uint8Array(beside))]]);
  return token(claims, alias, { unprotected });
}

/** A device with an alias key of the images that it has started. */
export interface LayeredDevice {
  readonly identity: Device;
  readonly alias: Device;
}

/** Makes one. */
export const newLayeredDevice = (): LayeredDevice => ({
  identity: newDevice(),
  alias: newDevice(),
});

/** A right token of a device, with its certificate, after the claims were changed in both. */
export function layeredToken(
  { identity, alias }: LayeredDevice,
  nonce: Uint8Array,
  change: (claims: Entries) => Entries = (claims) => claims,
): Uint8Array {
  const claims = change(claimsFor(identity, nonce));
  const chain = certificate(aliasClaims(claims, alias.point), identity.privateKey);
  return withCertificate(claims, alias.privateKey, chain);
}

/** Its bytes as CBOR, for what is to be bent below the level of entries. */
export const encoded = (claims: Entries): Uint8Array => new Uint8Array(cbor(claims));
