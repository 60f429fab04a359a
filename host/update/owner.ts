import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { crc32 } from "node:zlib";
import { CliError } from "../common/cli.js";
import { readSecretFile } from "../common/secret-files.js";

/** Whose images a device takes, and what the device is. */
export interface Owner {
  /** P-256. */
  readonly key: KeyObject;
  /** 16 bytes, as is the class. */
  readonly vendor: Uint8Array;
  readonly class: Uint8Array;
}

/**
 * The page that a device is provisioned with (`mcu-client/update/owner.c`): "VCOWNR01", the key's coordinates, vendor,
 * class, u32 CRC-32 of these, little-endian.
 */
export function ownerPage(owner: Owner): Buffer {
  const { x = "", y = "" } = owner.key.export({ format: "jwk" });
  const point = [x, y].map((coordinate) => Buffer.from(coordinate, "base64url"));
  const content = Buffer.concat([...point, owner.vendor, owner.class]);
  const check = Buffer.alloc(4);
  check.writeUInt32LE(crc32(content) >>> 0);
  return Buffer.concat([Buffer.from("VCOWNR01", "latin1"), content, check]);
}

/** A P-256 key from PEM. @throws CliError */
function requireP256(read: () => KeyObject, what: string): KeyObject {
  let key: KeyObject;
  try {
    key = read();
  } catch {
    throw new CliError(`${what} is not a key in PEM`);
  }
  if (key.asymmetricKeyDetails?.namedCurve !== "prime256v1")
    throw new CliError(`${what} is not a P-256 key`);
  return key;
}

/** The owner's public key from PEM; that of a private key is taken, too. @throws CliError */
export function parseOwnerPublicKey(pem: string): KeyObject {
  return requireP256(() => createPublicKey(pem), "the owner's key");
}

/** The owner's private key in a file of mode 600. @throws CliError */
export function readOwnerKeyFile(path: string): KeyObject {
  const pem = readSecretFile(path, "owner's key");
  return requireP256(() => createPrivateKey(pem), `the owner's key ${JSON.stringify(path)}`);
}
