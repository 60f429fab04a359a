// Makes PSA tokens for tests: right ones, and ones with any part bent while the signature stays valid.
// Written apart from the code under test: own CBOR writer, own COSE, node:crypto for the signature.
import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import type { Expectation } from "../../host/psa-attestation/verifier.js";

/** Encoded CBOR, to be put into a structure as it is. */
export class Raw {
  constructor(readonly bytes: Uint8Array) {}
}

/** A map in the order given, duplicate keys allowed. */
export class Entries {
  constructor(readonly list: [unknown, unknown][]) {}

  with(key: number, value: unknown): Entries {
    const found = this.list.some(([k]) => k === key);
    return found
      ? new Entries(this.list.map(([k, v]) => (k === key ? [k, value] : [k, v])))
      : new Entries([...this.list, [key, value]]);
  }

  without(key: number): Entries {
    return new Entries(this.list.filter(([k]) => k !== key));
  }

  get(key: number): unknown {
    return this.list.find(([k]) => k === key)?.[1];
  }
}

export function head(major: number, value: number, width?: 0 | 1 | 2 | 4 | 8): Uint8Array {
  const size = width ?? (value < 24 ? 0 : value < 256 ? 1 : value < 65536 ? 2 : 4);
  if (size === 0) return Uint8Array.of((major << 5) | value);
  const bytes = Buffer.alloc(1 + size);
  bytes[0] = (major << 5) | { 1: 24, 2: 25, 4: 26, 8: 27 }[size];
  if (size === 8) bytes.writeBigUInt64BE(BigInt(value), 1);
  else bytes.writeUIntBE(value, 1, size);
  return bytes;
}

export function cbor(value: unknown): Uint8Array {
  if (value instanceof Raw) return value.bytes;
  if (value instanceof Uint8Array) return Buffer.concat([head(2, value.length), value]);
  if (value instanceof Entries)
    return Buffer.concat([
      head(5, value.list.length),
      ...value.list.flatMap(([k, v]) => [cbor(k), cbor(v)]),
    ]);
  if (Array.isArray(value)) return Buffer.concat([head(4, value.length), ...value.map(cbor)]);
  if (typeof value === "string") {
    const text = Buffer.from(value);
    return Buffer.concat([head(3, text.length), text]);
  }
  if (typeof value === "number" && Number.isInteger(value))
    return value < 0 ? head(1, -1 - value) : head(0, value);
  if (value === null) return Uint8Array.of(0xf6);
  if (typeof value === "boolean") return Uint8Array.of(value ? 0xf5 : 0xf4);
  throw new TypeError(`no CBOR for ${String(value)}`);
}

export const fill = (length: number, byte: number) => new Uint8Array(length).fill(byte);

export interface Device {
  privateKey: KeyObject;
  publicKey: KeyObject;
  /** Uncompressed, 65 bytes. */
  point: Uint8Array;
  instanceId: Uint8Array;
}

export function newDevice(): Device {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const point = new Uint8Array(publicKey.export({ type: "spki", format: "der" }).subarray(-65));
  const instanceId = Uint8Array.of(1, ...createHash("sha256").update(point).digest());
  return { privateKey, publicKey, point, instanceId };
}

export const IMPLEMENTATION_ID = fill(32, 0x1d);
export const MEASUREMENT = fill(32, 0x3e);
export const SIGNER = fill(32, 0x51);

/** A right set of claims (RFC 9783 keys) for the device. */
export function claimsFor(device: Device, nonce: Uint8Array = fill(32, 0xaa)): Entries {
  return new Entries([
    [10, nonce],
    [256, device.instanceId],
    [265, "tag:psacertified.org,2023:psa#tfm"],
    [268, fill(32, 0xb0)],
    [2394, -1],
    [2395, 0x3000],
    [2396, IMPLEMENTATION_ID],
    [
      2399,
      [
        new Entries([
          [1, "ARoT"],
          [2, MEASUREMENT],
          [5, SIGNER],
        ]),
      ],
    ],
  ]);
}

export interface Bends {
  protectedHeader?: unknown;
  unprotected?: unknown;
  /** Replaces the signature. */
  signature?: (right: Uint8Array) => Uint8Array;
  /** Replaces the four elements. */
  elements?: (elements: unknown[]) => unknown[];
  tag?: Uint8Array;
  trailing?: Uint8Array;
  externalData?: Uint8Array;
}

/** Signs claims (or any encoded payload) as COSE_Sign1, with the parts bent as asked for. */
export function token(claims: Entries | Uint8Array, key: KeyObject, bends: Bends = {}): Uint8Array {
  const payload = claims instanceof Entries ? cbor(claims) : claims;
  const header =
    bends.protectedHeader === undefined
      ? cbor(new Entries([[1, -7]]))
      : bends.protectedHeader instanceof Uint8Array
        ? bends.protectedHeader
        : cbor(bends.protectedHeader);
  const input = cbor(["Signature1", header, bends.externalData ?? new Uint8Array(0), payload]);
  const right = new Uint8Array(sign("sha256", input, { key, dsaEncoding: "ieee-p1363" }));
  const elements = [
    header,
    bends.unprotected ?? new Entries([]),
    payload,
    bends.signature?.(right) ?? right,
  ];
  const parts = [
    bends.tag ?? Uint8Array.of(0xd2),
    cbor(bends.elements?.(elements) ?? elements),
    bends.trailing ?? new Uint8Array(0),
  ];
  return new Uint8Array(Buffer.concat(parts));
}

/** A device, a challenge, what a verifier expects of a token, and the claims of a good one. */
export const device: Device = newDevice();
export const NONCE: Uint8Array = fill(32, 0xaa);
export const expected: Expectation = { nonce: NONCE, instanceId: device.instanceId };
export const claims: Entries = claimsFor(device, NONCE);
