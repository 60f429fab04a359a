// Known keys as exports, for tests. Byte parameters are pointers.
import { KnownKeys } from "../crypto/known-keys";

/** Memory for the caller's bytes. */
export function allocate(size: usize): usize {
  return heap.alloc(size);
}
export function newKnownKeys(capacity: i32, blocks: i32, mostTables: i32): KnownKeys {
  return new KnownKeys(capacity, blocks, mostTables);
}
export function knownKeysAdd(known: KnownKeys, publicKey: usize): void {
  known.add(publicKey);
}
export function knownKeysVerify(
  known: KnownKeys,
  signature: usize,
  digest: usize,
  publicKey: usize,
): bool {
  return known.verify(signature, digest, publicKey);
}
export function knownKeysBytes(known: KnownKeys): usize {
  return known.tableBytes;
}
export function knownKeysFree(known: KnownKeys): void {
  known.free();
}

export function knownKeysPrepare(known: KnownKeys, publicKey: usize): void {
  known.prepare(publicKey);
}
export function knownKeysForget(known: KnownKeys): void {
  known.forget();
}
