import { canAllocate } from "../platform-services/heap";
import { MAX_POLICY_BYTES } from "../transport-protocol/messages";
import { FILE_PROGRAM, fileKind, fileNumber, NO_NUMBER } from "./file-names";
import { JsonReader } from "./json";
import {
  Identity,
  MAX_FILES,
  MAX_IDENTITIES,
  MAX_PROGRAMS,
  MAX_RESTARTS,
  NONE,
  Policy,
  PolicyFile,
  Program,
  Subject,
} from "./policy";
import { readInstanceIds, readMinimumVersions } from "./policy-devices";
import {
  POLICY_E_DATE,
  POLICY_E_DUPLICATE_CERTIFICATE,
  POLICY_E_DUPLICATE_ID,
  POLICY_E_DUPLICATE_PROGRAM,
  POLICY_E_DUPLICATE_RIGHT,
  POLICY_E_MEMORY,
  POLICY_E_NO_IDENTITY,
  POLICY_E_RESERVED_NAME,
  POLICY_E_TOO_LONG,
  POLICY_E_TOO_MANY_FILES,
  POLICY_E_TOO_MANY_IDENTITIES,
  POLICY_E_TOO_MANY_PROGRAMS,
  POLICY_OK,
} from "./policy-error-codes";
import { PolicyError } from "./policy-errors";
import { checkProgramFiles, checkWhole, refusalOfRight } from "./policy-rules";
import {
  daysIn,
  readAuthority,
  readCiphersuite,
  readComputationId,
  readFileName,
  readHash,
  readKeyExchange,
  readPrincipal,
  readRights,
  readStrategy,
  readUrl,
} from "./policy-values";

const U32: u64 = 0xffff_ffff;
/** Largest integer that every JSON implementation holds exactly. */
const SAFE_INTEGER: u64 = (1 << 53) - 1;

// The keys of each object; the number of a key is its index.
const KEYS: StaticArray<string> = [
  "identities",
  "programs",
  "veracruz_server_url",
  "proxy_attestation_server_url",
  "proxy_service_cert",
  "enclave_cert_expiry",
  "ciphersuite",
  "debug",
  "execution_strategy",
  "runtime_manager_hash_linux",
  "runtime_manager_hash_mcu",
  "allow_development",
  "execution_limits",
  "max_rounds",
  "max_failed_runs",
  "computation_id",
  "max_restarts",
  "instance_ids",
  "minimum_versions",
  "key_exchange",
];
/** Positions in `KEYS`. */
enum Key {
  IDENTITIES,
  PROGRAMS,
  VERACRUZ_SERVER_URL,
  PROXY_ATTESTATION_SERVER_URL,
  PROXY_SERVICE_CERT,
  ENCLAVE_CERT_EXPIRY,
  CIPHERSUITE,
  DEBUG,
  EXECUTION_STRATEGY,
  RUNTIME_MANAGER_HASH_LINUX,
  RUNTIME_MANAGER_HASH_MCU,
  ALLOW_DEVELOPMENT,
  EXECUTION_LIMITS,
  MAX_ROUNDS,
  MAX_FAILED_RUNS,
  COMPUTATION_ID,
  MAX_RESTARTS,
  INSTANCE_IDS,
  MINIMUM_VERSIONS,
  KEY_EXCHANGE,
}

/** One bit for each key that must be there: those up to `execution_strategy`. */
const KEYS_REQUIRED: u32 = (2 << Key.EXECUTION_STRATEGY) - 1;
const IDENTITY_KEYS: StaticArray<string> = ["certificate", "id", "file_rights"];
/** Positions in `IDENTITY_KEYS`. */
enum IdentityKey {
  CERTIFICATE,
  ID,
  FILE_RIGHTS,
}

const PROGRAM_KEYS: StaticArray<string> = ["program_file_name", "id", "pi_hash", "file_rights"];
/** Positions in `PROGRAM_KEYS`. */
enum ProgramKey {
  PROGRAM_FILE_NAME,
  ID,
  PI_HASH,
  FILE_RIGHTS,
}

const RIGHT_KEYS: StaticArray<string> = ["file_name", "rights"];
/** Positions in `RIGHT_KEYS`. */
enum RightKey {
  FILE_NAME,
  RIGHTS,
}

const DATE_KEYS: StaticArray<string> = ["year", "month", "day", "hour", "minute"];
/** Positions in `DATE_KEYS`. */
enum DateKey {
  YEAR,
  MONTH,
  DAY,
  HOUR,
  MINUTE,
}

const LIMIT_KEYS: StaticArray<string> = [
  "fuel",
  "deadline_ms",
  "memory_bytes",
  "stack_bytes",
  "output_bytes",
  "file_bytes",
];
/** Positions in `LIMIT_KEYS`. */
enum LimitKey {
  FUEL,
  DEADLINE_MS,
  MEMORY_BYTES,
  STACK_BYTES,
  OUTPUT_BYTES,
  FILE_BYTES,
}

/** One bit for each key: every one must be there. */
function everyOf(keys: StaticArray<string>): u32 {
  return (1 << keys.length) - 1;
}

class PolicyParser {
  readonly policy: Policy = new Policy();
  private reader: JsonReader;
  /** Where the policy bounds fuel; 0 when it does not. */
  private fuelOffset: u32 = 0;

  constructor(
    text: usize,
    length: u32,
    private error: PolicyError,
  ) {
    this.reader = new JsonReader(text, length, error);
  }

  parse(): void {
    const reader = this.reader;
    let seen: u32 = 0;
    if (!reader.beginObject()) return;
    for (;;) {
      const key = reader.nextKey(KEYS, seen);
      if (key < 0) break;
      seen |= 1 << key;
      this.value(key);
      if (!reader.ok) return;
      this.error.place.leave();
    }
    reader.requireKeys(KEYS, seen, KEYS_REQUIRED);
    reader.finish();
    if (reader.ok) checkWhole(this.policy, this.fuelOffset, this.error.place, reader);
  }

  /** The value of a key of the policy itself. */
  private value(key: i32): void {
    const reader = this.reader;
    const policy = this.policy;
    switch (key) {
      case Key.IDENTITIES:
        this.identities();
        break;
      case Key.PROGRAMS:
        this.programs();
        break;
      case Key.VERACRUZ_SERVER_URL:
        policy.veracruzServerUrl = readUrl(reader);
        break;
      case Key.PROXY_ATTESTATION_SERVER_URL:
        policy.proxyAttestationServerUrl = readUrl(reader);
        break;
      case Key.PROXY_SERVICE_CERT:
        policy.proxyServiceCertificate = readAuthority(reader);
        break;
      case Key.ENCLAVE_CERT_EXPIRY:
        this.expiry();
        break;
      case Key.CIPHERSUITE:
        policy.ciphersuite = readCiphersuite(reader);
        break;
      case Key.DEBUG:
        policy.debug = reader.boolean();
        break;
      case Key.EXECUTION_STRATEGY:
        policy.executionStrategy = readStrategy(reader);
        break;
      case Key.RUNTIME_MANAGER_HASH_LINUX:
        policy.runtimeHashLinux = readHash(reader);
        break;
      case Key.RUNTIME_MANAGER_HASH_MCU:
        policy.runtimeHashMcu = readHash(reader);
        break;
      case Key.ALLOW_DEVELOPMENT:
        policy.allowDevelopment = reader.boolean();
        break;
      case Key.EXECUTION_LIMITS:
        this.limits();
        break;
      case Key.MAX_ROUNDS:
        policy.maxRounds = reader.integer(1, U32) as u32;
        break;
      case Key.MAX_FAILED_RUNS:
        policy.maxFailedRuns = reader.integer(1, U32) as u32;
        break;
      case Key.COMPUTATION_ID:
        policy.computationId = readComputationId(reader);
        break;
      case Key.MAX_RESTARTS:
        policy.maxRestarts = reader.integer(0, MAX_RESTARTS) as u32;
        break;
      case Key.INSTANCE_IDS:
        readInstanceIds(reader, policy);
        break;
      case Key.MINIMUM_VERSIONS:
        readMinimumVersions(reader, policy);
        break;
      default:
        policy.hybridRequired = readKeyExchange(reader);
    }
  }

  private identities(): void {
    const reader = this.reader;
    const identities = this.policy.identities;
    if (!reader.beginArray()) return;
    const offset = reader.valueOffset;
    for (let index: u32 = 0; reader.nextItem(index); index++) {
      this.error.place.enterItem(index);
      const identity = new Identity();
      this.identity(identity, index);
      if (!reader.ok) return;
      this.error.place.leave();
      identities.push(identity);
    }
    if (identities.length === 0) reader.failAt(POLICY_E_NO_IDENTITY, offset);
  }

  private identity(identity: Identity, index: u32): void {
    const reader = this.reader;
    const identities = this.policy.identities;
    let seen: u32 = 0;
    if (!reader.beginObject()) return;
    if (index >= MAX_IDENTITIES) {
      reader.failValue(POLICY_E_TOO_MANY_IDENTITIES);
      return;
    }
    for (;;) {
      const key = reader.nextKey(IDENTITY_KEYS, seen);
      if (key < 0) break;
      seen |= 1 << key;
      if (key === IdentityKey.CERTIFICATE) {
        identity.certificate = readPrincipal(reader);
        const der = identity.certificate;
        if (this.policy.findIdentity(changetype<usize>(der), der.length as u32) !== NONE) {
          reader.failValue(POLICY_E_DUPLICATE_CERTIFICATE);
        }
      } else if (key === IdentityKey.ID) {
        identity.id = reader.integer(0, U32) as u32;
        for (let i = 0; i < identities.length; i++) {
          if (identities[i].id === identity.id) reader.failValue(POLICY_E_DUPLICATE_ID);
        }
      } else {
        this.fileRights(identity, false, index);
      }
      if (!reader.ok) return;
      this.error.place.leave();
    }
    reader.requireKeys(IDENTITY_KEYS, seen, everyOf(IDENTITY_KEYS));
  }

  private programs(): void {
    const reader = this.reader;
    if (!reader.beginArray()) return;
    for (let index: u32 = 0; reader.nextItem(index); index++) {
      this.error.place.enterItem(index);
      const program = new Program();
      this.program(program, index);
      if (!reader.ok) return;
      this.error.place.leave();
      this.policy.programs.push(program);
    }
  }

  private program(program: Program, index: u32): void {
    const reader = this.reader;
    const programs = this.policy.programs;
    let seen: u32 = 0;
    if (!reader.beginObject()) return;
    if (index >= MAX_PROGRAMS) {
      reader.failValue(POLICY_E_TOO_MANY_PROGRAMS);
      return;
    }
    for (;;) {
      const key = reader.nextKey(PROGRAM_KEYS, seen);
      if (key < 0) break;
      seen |= 1 << key;
      if (key === ProgramKey.PROGRAM_FILE_NAME) {
        this.programName(program, index);
      } else if (key === ProgramKey.ID) {
        program.id = reader.integer(0, U32) as u32;
        for (let i = 0; i < programs.length; i++) {
          if (programs[i].id === program.id) reader.failValue(POLICY_E_DUPLICATE_ID);
        }
      } else if (key === ProgramKey.PI_HASH) {
        program.piHash = readHash(reader);
      } else {
        this.fileRights(program, true, index);
        if (reader.ok) checkProgramFiles(program, this.policy, reader);
      }
      if (!reader.ok) return;
      this.error.place.leave();
    }
    reader.requireKeys(PROGRAM_KEYS, seen, everyOf(PROGRAM_KEYS));
  }

  private programName(program: Program, index: u32): void {
    const reader = this.reader;
    if (!readFileName(reader)) return;
    if (fileKind(reader.string, reader.stringLength) !== FILE_PROGRAM) {
      reader.failValue(POLICY_E_RESERVED_NAME);
      return;
    }
    const file = this.intern();
    if (file === NONE) return;
    program.fileName = this.policy.files[file].name;
    if (this.policy.files[file].number !== NO_NUMBER) {
      reader.failValue(POLICY_E_DUPLICATE_PROGRAM);
      return;
    }
    this.policy.files[file].number = index;
  }

  /** The list of a subject's rights. */
  private fileRights(subject: Subject, isProgram: bool, entry: u32): void {
    const reader = this.reader;
    if (!reader.beginArray()) return;
    for (let index: u32 = 0; reader.nextItem(index); index++) {
      this.error.place.enterItem(index);
      this.fileRight(subject, isProgram, entry, index);
      if (!reader.ok) return;
      this.error.place.leave();
    }
  }

  private fileRight(subject: Subject, isProgram: bool, entry: u32, index: u32): void {
    const reader = this.reader;
    let seen: u32 = 0;
    let file = NONE;
    let rights: u32 = 0;
    if (!reader.beginObject()) return;
    const offset = reader.valueOffset;
    for (;;) {
      const key = reader.nextKey(RIGHT_KEYS, seen);
      if (key < 0) break;
      seen |= 1 << key;
      if (key === RightKey.FILE_NAME) {
        const known = this.policy.files.length;
        if (!readFileName(reader)) return;
        file = this.intern();
        if (file === NONE) return;
        if (file >= known) {
          const named = this.policy.files[file];
          named.offset = reader.valueOffset;
          named.byProgram = isProgram;
          named.entry = entry;
          named.right = index;
        }
        if (subject.rightsOn(file) !== 0) {
          reader.failValue(POLICY_E_DUPLICATE_RIGHT);
          return;
        }
      } else {
        rights = readRights(reader);
        if (!reader.ok) return;
      }
      this.error.place.leave();
    }
    reader.requireKeys(RIGHT_KEYS, seen, everyOf(RIGHT_KEYS));
    if (!reader.ok) return;
    const refusal = refusalOfRight(this.policy.files[file].kind, rights, isProgram);
    if (refusal !== POLICY_OK) {
      reader.failAt(refusal, offset);
      return;
    }
    subject.grant(file, rights);
  }

  /** Index of the file whose name was read, which is added if it is new; `NONE` when there are too many. */
  private intern(): i32 {
    const policy = this.policy;
    const name = this.reader.string;
    const length = this.reader.stringLength;
    const known = policy.findFile(name, length);
    if (known !== NONE) return known;
    if ((policy.files.length as u32) >= MAX_FILES) {
      this.reader.failValue(POLICY_E_TOO_MANY_FILES);
      return NONE;
    }
    const file = new PolicyFile(this.reader.copyString());
    file.kind = fileKind(name, length);
    file.number = fileNumber(name, length);
    return policy.files.push(file) - 1;
  }

  private expiry(): void {
    const reader = this.reader;
    const policy = this.policy;
    let seen: u32 = 0;
    if (!reader.beginObject()) return;
    const offset = reader.valueOffset;
    for (;;) {
      const key = reader.nextKey(DATE_KEYS, seen);
      if (key < 0) break;
      seen |= 1 << key;
      if (key === DateKey.YEAR) policy.expiryYear = reader.integer(1970, 9999) as u32;
      else if (key === DateKey.MONTH) policy.expiryMonth = reader.integer(1, 12) as u32;
      else if (key === DateKey.DAY) policy.expiryDay = reader.integer(1, 31) as u32;
      else if (key === DateKey.HOUR) policy.expiryHour = reader.integer(0, 23) as u32;
      else policy.expiryMinute = reader.integer(0, 59) as u32;
      if (!reader.ok) return;
      this.error.place.leave();
    }
    reader.requireKeys(DATE_KEYS, seen, everyOf(DATE_KEYS));
    if (!reader.ok) return;
    if (policy.expiryDay > daysIn(policy.expiryYear, policy.expiryMonth)) {
      reader.failAt(POLICY_E_DATE, offset);
    }
  }

  private limits(): void {
    const reader = this.reader;
    const policy = this.policy;
    let seen: u32 = 0;
    if (!reader.beginObject()) return;
    for (;;) {
      const key = reader.nextKey(LIMIT_KEYS, seen);
      if (key < 0) break;
      seen |= 1 << key;
      if (key === LimitKey.FUEL) {
        policy.fuel = reader.integer(1, SAFE_INTEGER);
        this.fuelOffset = reader.valueOffset;
      } else if (key === LimitKey.DEADLINE_MS) policy.deadlineMs = reader.integer(1, U32) as u32;
      else if (key === LimitKey.MEMORY_BYTES)
        policy.memoryBytes = reader.integer(0x10000, U32) as u32;
      else if (key === LimitKey.STACK_BYTES) policy.stackBytes = reader.integer(1024, U32) as u32;
      else if (key === LimitKey.OUTPUT_BYTES) policy.outputBytes = reader.integer(0, U32) as u32;
      else policy.fileBytes = reader.integer(1, U32) as u32;
      if (!reader.ok) return;
      this.error.place.leave();
    }
  }
}

/**
 * Heap in bytes that a policy of `length` bytes takes at most, with everything made from it. Certificates
 * take three quarters of their text; each of the at most 128 files takes more than its name, and what reads
 * certificates and lists of rights that grow leave some behind.
 */
function policyMemory(length: u32): usize {
  return (length as usize) + ((length as usize) >> 1) + 0x4000;
}

/**
 * Parses and checks a policy, strictly. Asks beforehand whether there is room for `policyMemory`.
 *
 * @param text, length: the policy's exact bytes; they are overwritten
 * @param error takes the first thing that is wrong
 * @returns the policy, or null with an error
 */
export function parsePolicy(text: usize, length: u32, error: PolicyError): Policy | null {
  error.code = 0;
  error.offset = 0;
  error.missing = "";
  error.place.clear();
  if (length > MAX_POLICY_BYTES) {
    error.code = POLICY_E_TOO_LONG;
  } else if (!canAllocate(policyMemory(length))) {
    error.code = POLICY_E_MEMORY;
  } else {
    const parser = new PolicyParser(text, length, error);
    parser.parse();
    if (error.code === 0) return parser.policy;
  }
  return null;
}
