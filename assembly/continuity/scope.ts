import {
  MAX_HEAD,
  writeArrayHead,
  writeAscii,
  writeBytes,
  writeInteger,
  writeText,
} from "../cbor/cbor-writer";
import { sha256 } from "../crypto/sha256";
import { Policy } from "../veracruz-utils/policy";

/**
 * The scope of a policy: what it demands of the isolates that may take its computation, and how many
 * may. It is derived from the policy, always in this one encoding (deterministic CBOR, RFC 8949 §4.2.1):
 *
 *     [ "veracruz-scope-v1",
 *       linux: bstr .size 32 / empty,     ; SHA-256 of the runtime on a computer
 *       mcu: bstr .size 32 / empty,       ; … on a microcontroller
 *       allow_development: 0 / 1,
 *       max_restarts: 0..1000,
 *       instance_ids: [* bstr .size 33],  ; in the policy's order; none: every enrolled device
 *       minimum_versions: [* [component: tstr, version: tstr]] ]  ; in the policy's order
 *
 * `host/continuity/scope.ts` has the same for the host; a test compares the two.
 */
const LABEL = "veracruz-scope-v1";

function writeArray(at: usize, bytes: StaticArray<u8>): usize {
  return writeBytes(at, changetype<usize>(bytes), bytes.length as usize);
}

function writeTextArray(at: usize, text: StaticArray<u8>): usize {
  return writeText(at, changetype<usize>(text), text.length as usize);
}

/** The policy's scope, encoded. */
export function scopeOf(policy: Policy): StaticArray<u8> {
  const ids = policy.instanceIds;
  const minima = policy.minimumVersions;
  // Seven items, each with its head, then what the two lists hold.
  let capacity: usize = 8 * MAX_HEAD + (LABEL.length as usize) + 2 * 32;
  for (let i = 0; i < ids.length; i++) capacity += MAX_HEAD + (ids[i].length as usize);
  for (let i = 0; i < minima.length; i++) {
    capacity += 3 * MAX_HEAD + ((minima[i].component.length + minima[i].version.length) as usize);
  }
  const scratch = heap.alloc(capacity);
  let end = writeArrayHead(scratch, 7);
  end = writeAscii(end, LABEL);
  end = writeArray(end, policy.runtimeHashLinux);
  end = writeArray(end, policy.runtimeHashMcu);
  end = writeInteger(end, policy.allowDevelopment ? 1 : 0);
  end = writeInteger(end, policy.maxRestarts as i32);
  end = writeArrayHead(end, ids.length as u32);
  for (let i = 0; i < ids.length; i++) end = writeArray(end, ids[i]);
  end = writeArrayHead(end, minima.length as u32);
  for (let i = 0; i < minima.length; i++) {
    end = writeArrayHead(end, 2);
    end = writeTextArray(end, minima[i].component);
    end = writeTextArray(end, minima[i].version);
  }
  const scope = new StaticArray<u8>((end - scratch) as i32);
  memory.copy(changetype<usize>(scope), scratch, scope.length as usize);
  heap.free(scratch);
  return scope;
}

/** SHA-256 of a scope: 32 bytes at `hash`. */
export function scopeHash(scope: StaticArray<u8>, hash: usize): void {
  sha256(changetype<usize>(scope), scope.length as u32, hash);
}
