/** The policy for its tests: shows what the isolate understood. */
import { scopeOf } from "../continuity/scope";
import { isUtf8 } from "../encoding/utf8";
import { canAllocate, collectGarbage } from "../platform-services/heap";
import { fileKind, fileNumber, isFileName } from "../veracruz-utils/file-names";
import { Policy } from "../veracruz-utils/policy";
import { PolicyError } from "../veracruz-utils/policy-errors";
import { parsePolicy } from "../veracruz-utils/policy-parser";

export {
  DEFAULT_DEADLINE_MS,
  DEFAULT_FILE_BYTES,
  DEFAULT_FUEL,
  DEFAULT_MAX_FAILED_RUNS,
  DEFAULT_MAX_RESTARTS,
  DEFAULT_MAX_ROUNDS,
  DEFAULT_MEMORY_BYTES,
  DEFAULT_OUTPUT_BYTES,
  DEFAULT_STACK_BYTES,
} from "../veracruz-utils/policy";
export * from "../veracruz-utils/policy-error-codes";

let policy: Policy = new Policy();
let error: PolicyError = new PolicyError();
/** Kept while a test reads it. */
let scope: StaticArray<u8> = new StaticArray<u8>(0);
let staged: StaticArray<u8> = new StaticArray<u8>(0);

export function allocate(length: u32): usize {
  policy = new Policy();
  staged = new StaticArray<u8>(0);
  collectGarbage();
  if (!canAllocate(length as usize)) return 0;
  staged = new StaticArray<u8>(length as i32);
  return changetype<usize>(staged);
}

/** Room for the argument of a question, while the policy stays. */
export function stage(length: u32): usize {
  staged = new StaticArray<u8>(length as i32);
  return changetype<usize>(staged);
}

export function parse(): i32 {
  const parsed = parsePolicy(changetype<usize>(staged), staged.length as u32, error);
  if (parsed !== null) policy = parsed;
  return error.code;
}

export function identityCount(): i32 {
  return policy.identities.length;
}

export function identityId(index: i32): u32 {
  return policy.identities[index].id;
}

export function programCount(): i32 {
  return policy.programs.length;
}

export function programId(index: i32): u32 {
  return policy.programs[index].id;
}

export function programHash(index: i32): usize {
  return changetype<usize>(policy.programs[index].piHash);
}

export function programInputs(index: i32): u32 {
  return policy.programs[index].inputCount;
}

export function programStreams(index: i32): u32 {
  return policy.programs[index].streamCount;
}

/** The questions below are about the bytes that were staged. */
export function findIdentity(): i32 {
  return policy.findIdentity(changetype<usize>(staged), staged.length as u32);
}

export function findFile(): i32 {
  return policy.findFile(changetype<usize>(staged), staged.length as u32);
}

export function findProgram(): i32 {
  return policy.findProgram(changetype<usize>(staged), staged.length as u32);
}

export function findNumbered(kind: u32, number: u32): i32 {
  return policy.findNumbered(kind, number);
}

export function findOutput(): i32 {
  return policy.findOutput();
}

export function countReaders(file: i32): u32 {
  return policy.countReaders(file);
}

/** Bit 0: may read; bit 1: may write. */
export function identityRights(index: i32, file: i32): u32 {
  const identity = policy.identities[index];
  return (identity.mayRead(file) ? 1 : 0) | (identity.mayWrite(file) ? 2 : 0);
}

export function programRights(index: i32, file: i32): u32 {
  const program = policy.programs[index];
  return (program.mayRead(file) ? 1 : 0) | (program.mayWrite(file) ? 2 : 0);
}

/** Single values, by number. */
export function setting(number: i32): f64 {
  switch (number) {
    case 0:
      return policy.fuel as f64;
    case 1:
      return policy.deadlineMs as f64;
    case 2:
      return policy.memoryBytes as f64;
    case 3:
      return policy.stackBytes as f64;
    case 4:
      return policy.outputBytes as f64;
    case 5:
      return policy.fileBytes as f64;
    case 6:
      return policy.maxRounds as f64;
    case 7:
      return policy.maxFailedRuns as f64;
    case 8:
      return policy.debug ? 1 : 0;
    case 9:
      return policy.allowDevelopment ? 1 : 0;
    case 10:
      return policy.executionStrategy as f64;
    case 11:
      return policy.ciphersuite as f64;
    case 12:
      return policy.expiryYear as f64;
    case 13:
      return policy.expiryMonth as f64;
    case 14:
      return policy.expiryDay as f64;
    case 15:
      return policy.expiryHour as f64;
    case 16:
      return policy.expiryMinute as f64;
    case 17:
      return policy.maxRestarts as f64;
    default:
      return policy.hybridRequired ? 1 : 0;
  }
}

/** Byte strings, by number: `bytesOf` says where, `lengthOf` how long. */
function stringOf(number: i32): StaticArray<u8> {
  switch (number) {
    case 0:
      return policy.veracruzServerUrl;
    case 1:
      return policy.proxyAttestationServerUrl;
    case 2:
      return policy.proxyServiceCertificate;
    case 3:
      return policy.runtimeHashLinux;
    case 4:
      return policy.runtimeHashMcu;
    case 5:
      return policy.computationId;
    default:
      scope = scopeOf(policy);
      return scope;
  }
}

export function bytesOf(number: i32): usize {
  return changetype<usize>(stringOf(number));
}

export function lengthOf(number: i32): u32 {
  return stringOf(number).length as u32;
}

export function stagedIsFileName(): bool {
  return isFileName(changetype<usize>(staged), staged.length as u32);
}

export function stagedFileKind(): u32 {
  return fileKind(changetype<usize>(staged), staged.length as u32);
}

export function stagedFileNumber(): u32 {
  return fileNumber(changetype<usize>(staged), staged.length as u32);
}

export function stagedIsUtf8(): bool {
  return isUtf8(changetype<usize>(staged), staged.length as u32);
}
