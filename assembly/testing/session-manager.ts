/** The session manager with entry points that only tests need. */

import { collectGarbage } from "../platform-services/heap";
import { configAt, sessionAt } from "../session-manager/exports";

export * from "../session-manager/exports";

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

// The heap's blocks lie one behind the other from the allocator's root (AssemblyScript 0.28,
// std/assembly/rt/tlsf.ts): a word of size and two flags, then the block. The last one has size 0.
const ROOT_SIZE: usize = 1572;
const FREE: u32 = 1;
const FLAGS: u32 = 3;
const PAINT: u8 = 0xa5;

function firstBlock(): usize {
  const root = (__heap_base + 15) & ~15;
  return ((root + ROOT_SIZE + 4 + 15) & ~15) - 4;
}

/** Bytes of all blocks in use, with what the allocator adds to each. */
export function heapUsed(): u32 {
  let used: u32 = 0;
  for (let block = firstBlock(); sizeOf(block) !== 0; block += sizeOf(block) + 4)
    if (!isFree(block)) used += (sizeOf(block) as u32) + 4;
  return used;
}

/** Fills what is free with a pattern, so that `paintLost` can tell what was used since. */
export function paintFree(): void {
  for (let block = firstBlock(); sizeOf(block) !== 0; block += sizeOf(block) + 4)
    // The allocator's links are at both ends.
    if (isFree(block) && sizeOf(block) > 32) memory.fill(block + 12, PAINT, sizeOf(block) - 16);
}

/** Bytes that are free now, but were used at some time since `paintFree`. */
export function paintLost(): u32 {
  let lost: u32 = 0;
  for (let block = firstBlock(); sizeOf(block) !== 0; block += sizeOf(block) + 4) {
    if (!isFree(block) || sizeOf(block) <= 32) continue;
    const end = block + sizeOf(block) - 4;
    for (let at = block + 12; at < end; at++) if (load<u8>(at) !== PAINT) lost++;
  }
  return lost;
}

function sizeOf(block: usize): usize {
  return load<u32>(block) & ~FLAGS;
}

function isFree(block: usize): bool {
  return (load<u32>(block) & FREE) !== 0;
}
