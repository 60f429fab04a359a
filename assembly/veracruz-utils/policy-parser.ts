import { canAllocate } from "../platform-services/heap";
import { STRATEGY_INTERPRETATION, STRATEGY_JIT } from "../platform-services/program-limits";
import { MAX_FILE_NAME_BYTES, MAX_POLICY_BYTES } from "../transport-protocol/messages";
import {
  FILE_INPUT,
  FILE_OUTPUT,
  FILE_PROGRAM,
  FILE_STREAM,
  fileKind,
  fileNumber,
  isFileName,
  NO_NUMBER,
} from "./file-names";
import { equalsAscii, hexDigit, JsonReader } from "./json";
import { certificateFromPem, isUsableCertificate } from "./pem";
import {
  Identity,
  MAX_CERTIFICATE_BYTES,
  MAX_FILES,
  MAX_IDENTITIES,
  MAX_PROGRAMS,
  NONE,
  Policy,
  PolicyFile,
  Program,
  RIGHT_READ,
  RIGHT_WRITE,
  SUITE_AES_128_GCM_SHA256,
  SUITE_CHACHA20_POLY1305_SHA256,
  Subject,
} from "./policy";
import {
  POLICY_E_CERTIFICATE,
  POLICY_E_CIPHERSUITE,
  POLICY_E_DATE,
  POLICY_E_DUPLICATE_CERTIFICATE,
  POLICY_E_DUPLICATE_ID,
  POLICY_E_DUPLICATE_PROGRAM,
  POLICY_E_DUPLICATE_RIGHT,
  POLICY_E_FILE_NAME,
  POLICY_E_FUEL_WITH_JIT,
  POLICY_E_HASH,
  POLICY_E_INPUTS_NOT_CONTIGUOUS,
  POLICY_E_MEMORY,
  POLICY_E_NO_IDENTITY,
  POLICY_E_NO_RUNTIME_HASH,
  POLICY_E_OUTPUT_WRITTEN_BY_PRINCIPAL,
  POLICY_E_PEM,
  POLICY_E_PROGRAM_RIGHT,
  POLICY_E_PROGRAM_WITHOUT_OUTPUT,
  POLICY_E_RESERVED_NAME,
  POLICY_E_RIGHTS,
  POLICY_E_STRATEGY,
  POLICY_E_STREAMS_NOT_CONTIGUOUS,
  POLICY_E_TOO_LONG,
  POLICY_E_TOO_MANY_FILES,
  POLICY_E_TOO_MANY_IDENTITIES,
  POLICY_E_TOO_MANY_PROGRAMS,
  POLICY_E_UNKNOWN_FILE,
  POLICY_E_URL,
} from "./policy-error-codes";
import { PolicyError } from "./policy-errors";

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
];
/** The first nine must be there. */
const KEYS_REQUIRED: u32 = 0x1ff;
const IDENTITY_KEYS: StaticArray<string> = ["certificate", "id", "file_rights"];
const PROGRAM_KEYS: StaticArray<string> = ["program_file_name", "id", "pi_hash", "file_rights"];
const RIGHT_KEYS: StaticArray<string> = ["file_name", "rights"];
const DATE_KEYS: StaticArray<string> = ["year", "month", "day", "hour", "minute"];
const LIMIT_KEYS: StaticArray<string> = [
  "fuel",
  "deadline_ms",
  "memory_bytes",
  "stack_bytes",
  "output_bytes",
  "file_bytes",
];

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
    if (reader.ok) this.checkWhole();
  }

  /** The value of a key of the policy itself. */
  private value(key: i32): void {
    const reader = this.reader;
    const policy = this.policy;
    switch (key) {
      case 0:
        this.identities();
        break;
      case 1:
        this.programs();
        break;
      case 2:
        policy.veracruzServerUrl = this.url();
        break;
      case 3:
        policy.proxyAttestationServerUrl = this.url();
        break;
      case 4:
        policy.proxyServiceCertificate = this.certificate();
        break;
      case 5:
        this.expiry();
        break;
      case 6:
        this.ciphersuite();
        break;
      case 7:
        policy.debug = reader.boolean();
        break;
      case 8:
        this.strategy();
        break;
      case 9:
        policy.runtimeHashLinux = this.hash();
        break;
      case 10:
        policy.runtimeHashMcu = this.hash();
        break;
      case 11:
        policy.allowDevelopment = reader.boolean();
        break;
      case 12:
        this.limits();
        break;
      case 13:
        policy.maxRounds = reader.integer(1, U32) as u32;
        break;
      default:
        policy.maxFailedRuns = reader.integer(1, U32) as u32;
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
      if (key === 0) {
        identity.certificate = this.certificate();
        const der = identity.certificate;
        if (this.policy.findIdentity(changetype<usize>(der), der.length as u32) !== NONE) {
          reader.failValue(POLICY_E_DUPLICATE_CERTIFICATE);
        }
      } else if (key === 1) {
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
    reader.requireKeys(IDENTITY_KEYS, seen, 7);
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
      if (key === 0) {
        this.programName(program, index);
      } else if (key === 1) {
        program.id = reader.integer(0, U32) as u32;
        for (let i = 0; i < programs.length; i++) {
          if (programs[i].id === program.id) reader.failValue(POLICY_E_DUPLICATE_ID);
        }
      } else if (key === 2) {
        program.piHash = this.hash();
      } else {
        this.fileRights(program, true, index);
        if (reader.ok) this.checkProgramFiles(program);
      }
      if (!reader.ok) return;
      this.error.place.leave();
    }
    reader.requireKeys(PROGRAM_KEYS, seen, 0xf);
  }

  private programName(program: Program, index: u32): void {
    const reader = this.reader;
    program.fileName = this.fileName();
    if (!reader.ok) return;
    if (fileKind(program.fileName) !== FILE_PROGRAM) {
      reader.failValue(POLICY_E_RESERVED_NAME);
      return;
    }
    const file = this.intern(program.fileName);
    if (file === NONE) return;
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
      if (key === 0) {
        const known = this.policy.files.length;
        const name = this.fileName();
        if (!reader.ok) return;
        file = this.intern(name);
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
        rights = this.rights();
        if (!reader.ok) return;
      }
      this.error.place.leave();
    }
    reader.requireKeys(RIGHT_KEYS, seen, 3);
    if (!reader.ok) return;
    const kind = this.policy.files[file].kind;
    if (isProgram) {
      // A program reads inputs and streams, and writes the result; its previous result it may always
      // read, so that `rw` on the result says no more than `w`.
      const allowed =
        kind === FILE_OUTPUT
          ? (rights & RIGHT_WRITE) !== 0
          : kind !== FILE_PROGRAM && rights === RIGHT_READ;
      if (!allowed) {
        reader.failAt(POLICY_E_PROGRAM_RIGHT, offset);
        return;
      }
    } else if (kind === FILE_OUTPUT && (rights & RIGHT_WRITE) !== 0) {
      reader.failAt(POLICY_E_OUTPUT_WRITTEN_BY_PRINCIPAL, offset);
      return;
    }
    subject.grant(file, rights);
  }

  /** A program's inputs and streams are contiguous from 0, and it may write the result. */
  private checkProgramFiles(program: Program): void {
    const files = this.policy.files;
    let inputs: u32 = 0;
    let streams: u32 = 0;
    let inputsEnd: u32 = 0;
    let streamsEnd: u32 = 0;
    let output = false;
    for (let file = 0; file < files.length; file++) {
      if (program.rightsOn(file) === 0) continue;
      const end = files[file].number + 1;
      if (files[file].kind === FILE_INPUT) {
        inputs++;
        inputsEnd = max(inputsEnd, end);
      } else if (files[file].kind === FILE_STREAM) {
        streams++;
        streamsEnd = max(streamsEnd, end);
      } else {
        output = true;
      }
    }
    program.inputCount = inputs;
    program.streamCount = streams;
    if (inputs !== inputsEnd) this.reader.failValue(POLICY_E_INPUTS_NOT_CONTIGUOUS);
    if (streams !== streamsEnd) this.reader.failValue(POLICY_E_STREAMS_NOT_CONTIGUOUS);
    if (!output) this.reader.failValue(POLICY_E_PROGRAM_WITHOUT_OUTPUT);
  }

  /** What can be said only when all was read. */
  private checkWhole(): void {
    const policy = this.policy;
    const place = this.error.place;
    for (let i = 0; i < policy.files.length; i++) {
      const file = policy.files[i];
      if (file.kind !== FILE_PROGRAM || file.number !== NO_NUMBER) continue;
      place.enterKey(file.byProgram ? "programs" : "identities");
      place.enterItem(file.entry);
      place.enterKey("file_rights");
      place.enterItem(file.right);
      place.enterKey("file_name");
      this.reader.failAt(POLICY_E_UNKNOWN_FILE, file.offset);
      return;
    }
    if (policy.runtimeHashLinux.length === 0 && policy.runtimeHashMcu.length === 0) {
      this.reader.failAt(POLICY_E_NO_RUNTIME_HASH, 0);
      return;
    }
    if (policy.executionStrategy === STRATEGY_JIT) {
      if (this.fuelOffset !== 0) {
        place.enterKey("execution_limits");
        place.enterKey("fuel");
        this.reader.failAt(POLICY_E_FUEL_WITH_JIT, this.fuelOffset);
        return;
      }
      policy.fuel = 0;
    }
  }

  /** Index of the file of this name, which is added where it is new; `NONE` when there are too many. */
  private intern(name: StaticArray<u8>): i32 {
    const policy = this.policy;
    const known = policy.findFile(changetype<usize>(name), name.length as u32);
    if (known !== NONE) return known;
    if ((policy.files.length as u32) >= MAX_FILES) {
      this.reader.failValue(POLICY_E_TOO_MANY_FILES);
      return NONE;
    }
    const file = new PolicyFile(name);
    file.kind = fileKind(name);
    file.number = fileNumber(name);
    return policy.files.push(file) - 1;
  }

  private fileName(): StaticArray<u8> {
    const name = this.reader.string(1, MAX_FILE_NAME_BYTES);
    if (this.reader.ok && !isFileName(name)) this.reader.failValue(POLICY_E_FILE_NAME);
    return name;
  }

  private rights(): u32 {
    const text = this.reader.string(0, 16);
    if (this.isWord(text, "r")) return RIGHT_READ;
    if (this.isWord(text, "w")) return RIGHT_WRITE;
    if (this.isWord(text, "rw")) return RIGHT_READ | RIGHT_WRITE;
    this.reader.failValue(POLICY_E_RIGHTS);
    return 0;
  }

  private isWord(text: StaticArray<u8>, word: string): bool {
    return equalsAscii(text, text.length as u32, word);
  }

  /** 32 bytes in hexadecimal. */
  private hash(): StaticArray<u8> {
    const text = this.reader.string(0, 128);
    const hash = new StaticArray<u8>(32);
    let good = text.length === 64;
    for (let i = 0; good && i < 32; i++) {
      const high = hexDigit(text[2 * i] as u32);
      const low = hexDigit(text[2 * i + 1] as u32);
      good = high < 16 && low < 16;
      hash[i] = ((high << 4) | low) as u8;
    }
    if (!good) this.reader.failValue(POLICY_E_HASH);
    return hash;
  }

  private certificate(): StaticArray<u8> {
    // Base64 takes 4 bytes for 3, and a line end or two every 64.
    const text = this.reader.string(0, (MAX_CERTIFICATE_BYTES / 3) * 4 + 512);
    if (!this.reader.ok) return text;
    const der = certificateFromPem(text);
    if (der.length === 0) this.reader.failValue(POLICY_E_PEM);
    else if ((der.length as u32) > MAX_CERTIFICATE_BYTES || !isUsableCertificate(der)) {
      this.reader.failValue(POLICY_E_CERTIFICATE);
    }
    return der;
  }

  /** `host:port`: a name, an IPv4 address, or an IPv6 address in brackets; a port from 1 to 65535. */
  private url(): StaticArray<u8> {
    const text = this.reader.string(0, 260);
    if (!this.reader.ok) return text;
    let colon = text.length - 1;
    let port: u32 = 0;
    let scale: u32 = 1;
    while (colon >= 0 && text[colon] !== 0x3a) {
      const digit = (text[colon] as u32) - 0x30;
      // No more than five digits, and no leading zero.
      if (digit > 9 || scale > 10000) break;
      port += digit * scale;
      scale *= 10;
      colon--;
    }
    const good =
      colon > 0 &&
      text[colon] === 0x3a &&
      text[text.length - 1] !== 0x3a &&
      text[colon + 1] !== 0x30 &&
      port <= 65535 &&
      isHost(text, colon);
    if (!good) this.reader.failValue(POLICY_E_URL);
    return text;
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
      if (key === 0) policy.expiryYear = reader.integer(1970, 9999) as u32;
      else if (key === 1) policy.expiryMonth = reader.integer(1, 12) as u32;
      else if (key === 2) policy.expiryDay = reader.integer(1, 31) as u32;
      else if (key === 3) policy.expiryHour = reader.integer(0, 23) as u32;
      else policy.expiryMinute = reader.integer(0, 59) as u32;
      if (!reader.ok) return;
      this.error.place.leave();
    }
    reader.requireKeys(DATE_KEYS, seen, 0x1f);
    if (!reader.ok) return;
    if (policy.expiryDay > daysIn(policy.expiryYear, policy.expiryMonth)) {
      reader.failAt(POLICY_E_DATE, offset);
    }
  }

  private ciphersuite(): void {
    const text = this.reader.string(0, 64);
    if (this.isWord(text, "TLS1_3_CHACHA20_POLY1305_SHA256")) {
      this.policy.ciphersuite = SUITE_CHACHA20_POLY1305_SHA256;
    } else if (this.isWord(text, "TLS1_3_AES_128_GCM_SHA256")) {
      this.policy.ciphersuite = SUITE_AES_128_GCM_SHA256;
    } else {
      this.reader.failValue(POLICY_E_CIPHERSUITE);
    }
  }

  private strategy(): void {
    const text = this.reader.string(0, 64);
    if (this.isWord(text, "Interpretation")) {
      this.policy.executionStrategy = STRATEGY_INTERPRETATION;
    } else if (this.isWord(text, "JIT")) {
      this.policy.executionStrategy = STRATEGY_JIT;
    } else {
      this.reader.failValue(POLICY_E_STRATEGY);
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
      if (key === 0) {
        policy.fuel = reader.integer(1, SAFE_INTEGER);
        this.fuelOffset = reader.valueOffset;
      } else if (key === 1) policy.deadlineMs = reader.integer(1, U32) as u32;
      else if (key === 2) policy.memoryBytes = reader.integer(0x10000, U32) as u32;
      else if (key === 3) policy.stackBytes = reader.integer(1024, U32) as u32;
      else if (key === 4) policy.outputBytes = reader.integer(0, U32) as u32;
      else policy.fileBytes = reader.integer(1, U32) as u32;
      if (!reader.ok) return;
      this.error.place.leave();
    }
  }
}

function isLetterOrDigit(byte: u32): bool {
  const lower = byte | 0x20;
  return (byte >= 0x30 && byte <= 0x39) || (lower >= 0x61 && lower <= 0x7a);
}

/** Whether the first `length` bytes are a host's name, an IPv4 address, or `[IPv6]`. */
function isHost(text: StaticArray<u8>, length: i32): bool {
  const bracketed = length > 2 && text[0] === 0x5b && text[length - 1] === 0x5d;
  const first = bracketed ? 1 : 0;
  const last = bracketed ? length - 1 : length;
  for (let i = first; i < last; i++) {
    const byte = text[i] as u32;
    const good = bracketed
      ? hexDigit(byte) < 16 || byte === 0x3a || byte === 0x2e
      : isLetterOrDigit(byte) || byte === 0x2e || byte === 0x2d;
    if (!good) return false;
  }
  return true;
}

function daysIn(year: u32, month: u32): u32 {
  if (month === 2) {
    const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
    return leap ? 29 : 28;
  }
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/**
 * Parses and checks a policy, strictly. Allocates no more than about four times its length, and asks
 * beforehand whether there is room for that.
 *
 * @param text, length: the policy's exact bytes
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
  } else if (!canAllocate(4 * (length as usize) + 0x4000)) {
    error.code = POLICY_E_MEMORY;
  } else {
    const parser = new PolicyParser(text, length, error);
    parser.parse();
    if (error.code === 0) return parser.policy;
  }
  return null;
}
