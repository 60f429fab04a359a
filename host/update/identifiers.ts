import { createHash } from "node:crypto";

/** Namespace of names of the domain name system (RFC 9562 §6.6). */
const DNS = Buffer.from("6ba7b8109dad11d180b400c04fd430c8", "hex");

/** UUID of version 5 (RFC 9562 §5.5), 16 bytes. */
function uuid5(namespace: Uint8Array, name: string): Uint8Array {
  const uuid = createHash("sha1").update(namespace).update(name).digest().subarray(0, 16);
  uuid.writeUInt8((uuid.readUInt8(6) & 0x0f) | 0x50, 6);
  uuid.writeUInt8((uuid.readUInt8(8) & 0x3f) | 0x80, 8);
  return new Uint8Array(uuid);
}

/** The vendor's identifier: version 5 of its domain name, 16 bytes (RFC 9124 §3.4). */
export function vendorIdentifier(domain: string): Uint8Array {
  return uuid5(DNS, domain);
}

/** The identifier of a class of the vendor's devices, as named: 16 bytes (RFC 9124 §3.5). */
export function classIdentifier(vendor: Uint8Array, name: string): Uint8Array {
  return uuid5(vendor, name);
}
