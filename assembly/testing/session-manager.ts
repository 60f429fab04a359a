/** The session manager with entry points that only tests need. */

import { collectGarbage } from "../platform-services/heap";
import { configAt, sessionAt } from "../session-manager/handles";
import { Identity } from "../session-manager/identity";

export * from "../session-manager/exports";
export { heapUsed, paintFree, paintLost } from "./support/heap-blocks";

/** Sets the number of the next record of a session, of what it reads or of what it writes. */
export function setSequence(session: u32, ofReader: bool, low: u32, high: u32): void {
  const found = sessionAt(session);
  if (found === null) return;
  const protection = ofReader ? found.reader.protection : found.writer.protection;
  if (protection !== null) protection.sequence = ((high as u64) << 32) | (low as u64);
}

/** The number of the next record that a session writes, its low half. */
export function writeSequence(session: u32): u32 {
  const found = sessionAt(session);
  const protection = found !== null ? found.writer.protection : null;
  return protection !== null ? (protection.sequence as u32) : 0;
}

/** Makes the next use of randomness ask the platform. */
export function wipeRandomness(config: u32): void {
  const found = configAt(config);
  if (found !== null) found.drbg.wipe();
}

/** Frees what is not in use, so that memory can be compared. */
export function collect(): void {
  collectGarbage();
}

/** The number of the next record that a session reads, its low half. */
export function readSequence(session: u32): u32 {
  const found = sessionAt(session);
  const protection = found !== null ? found.reader.protection : null;
  return protection !== null ? (protection.sequence as u32) : 0;
}

/** Replaces the private key of a configuration without regard to its certificate. */
export function forgePrivateKey(config: u32, privateKey: usize): void {
  const found = configAt(config);
  const identity = found !== null ? found.identity : null;
  if (identity !== null) memory.copy(identity.privateKey, privateKey, 32);
}

/** Generates a key pair for the configuration. */
export function generateIdentity(config: u32): bool {
  const found = configAt(config);
  if (found === null) return false;
  const identity = new Identity();
  if (!identity.generate(found.drbg)) return false;
  found.identity = identity;
  return true;
}

/** A certification request for the configuration's key; see `Identity.createRequest`. */
export function createRequest(
  config: u32,
  out: usize,
  capacity: u32,
  commonName: usize,
  commonNameLength: u32,
  dnsName: usize,
  dnsNameLength: u32,
): i32 {
  const found = configAt(config);
  if (found === null) return -1;
  const identity = found.identity;
  if (identity === null) return -1;
  return identity.createRequest(
    out,
    capacity,
    commonName,
    commonNameLength,
    dnsName,
    dnsNameLength,
    found.drbg,
  );
}
