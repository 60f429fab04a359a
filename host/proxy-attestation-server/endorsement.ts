import { createHash, createPrivateKey, type KeyObject } from "node:crypto";
import { CliError } from "../common/cli.js";
import { isStatementFault, StatementEntries } from "../continuity/read-statement.js";
import { encode } from "../psa-attestation/cbor.js";
import { parseSign1, sign1, verifySign1 } from "../psa-attestation/cose.js";
import { importP256 } from "../psa-attestation/p256.js";
import type { Device, Manufacturer } from "./store.js";

/**
 * What a manufacturer says of a device that it has made, as the payload of a COSE_Sign1 by its key: a CBOR map.
 *
 * | key | value |
 * |---|---|
 * | 1 | text "veracruz-endorsement-v1" |
 * | 2 | bytes: implementation ID |
 * | 3 | bytes: instance ID |
 * | 4 | bytes: SHA-256 of the attestation key's SubjectPublicKeyInfo |
 * | 5 | unsigned: lifecycle in which it left the manufacturer's hands |
 * | 6 | text: kind of isolate |
 */
const LABEL = "veracruz-endorsement-v1";
/** An endorsement is some 200 bytes. */
const MAX_ENDORSEMENT_BYTES = 1024;

type Endorsed = Pick<
  Device,
  "implementationId" | "instanceId" | "publicKey" | "lifecycle" | "kind"
>;

const sha256 = (bytes: Uint8Array) => new Uint8Array(createHash("sha256").update(bytes).digest());
const equal = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0;

/** Signs what a manufacturer says of a device. */
export function endorse(device: Endorsed, key: KeyObject): Uint8Array {
  const payload = encode(
    new Map<number, unknown>([
      [1, LABEL],
      [2, device.implementationId],
      [3, device.instanceId],
      [4, sha256(device.publicKey)],
      [5, device.lifecycle],
      [6, device.kind],
    ]),
  );
  return sign1(payload, key);
}

/**
 * A manufacturer's private key from PEM.
 *
 * @throws CliError
 */
export function parseManufacturerKey(pem: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    throw new CliError("the manufacturer's key is not a private key in PEM");
  }
  if (key.asymmetricKeyDetails?.namedCurve !== "prime256v1")
    throw new CliError("the manufacturer's key is not a P-256 key");
  return key;
}

/**
 * The manufacturer who endorses a device, lifecycle and kind included, among those whom the operator trusts with
 * devices of its implementation ID.
 *
 * @returns it, or in words why there is none; never throws for anything in the endorsement
 */
export function endorserOf(
  endorsement: Uint8Array,
  device: Endorsed,
  trusted: readonly Manufacturer[],
): Manufacturer | string {
  if (endorsement.length > MAX_ENDORSEMENT_BYTES) return "it is too long for one";
  try {
    const message = parseSign1(endorsement);
    const signer = trusted.find(({ implementationId, publicKey }) => {
      const key = importP256(publicKey);
      return (
        key !== undefined &&
        equal(implementationId, device.implementationId) &&
        verifySign1(message, key)
      );
    });
    if (signer === undefined)
      return "it is signed by nobody who is trusted with devices of this implementation ID (vc-pas trust-manufacturer)";
    const entries = new StatementEntries(message.payload);
    if (entries.text(1, "the label") !== LABEL) return "it is a statement on something else";
    const wanted: [number, string, Uint8Array][] = [
      [2, "implementation ID", device.implementationId],
      [3, "instance ID", device.instanceId],
      [4, "public key", sha256(device.publicKey)],
    ];
    for (const [key, what, value] of wanted)
      if (!equal(entries.bytes(key, what), value)) return `it is about another ${what}`;
    if (entries.unsigned(5, "the lifecycle") !== device.lifecycle)
      return "it is about another lifecycle";
    if (entries.text(6, "the kind") !== device.kind) return "it is about another kind of isolate";
    return signer;
  } catch (error) {
    if (isStatementFault(error)) return `it is malformed: ${error.message}`;
    throw error;
  }
}
