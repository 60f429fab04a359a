/** The global policy, as the isolate uses it. `parsePolicy` makes it; nothing changes it afterwards. */

import { sameBytes } from "../encoding/bytes";
import { STRATEGY_INTERPRETATION } from "../platform-services/program-profiles";
import { FILE_OUTPUT, FILE_PROGRAM, NO_NUMBER } from "./file-names";

/** Rights on a file; both may be set. */
export const RIGHT_READ: u32 = 1;
export const RIGHT_WRITE: u32 = 2;

/** What a search answers when there is none. */
export const NONE: i32 = -1;

/** Entries of a policy's lists, at most. */
export const MAX_IDENTITIES: u32 = 32;
export const MAX_PROGRAMS: u32 = 16;
/** Most different files that a policy may name. */
export const MAX_FILES: u32 = 128;
export const MAX_CERTIFICATE_BYTES: u32 = 4096;
export const MAX_RESTARTS: u32 = 1000;
/** Most devices that a policy may name. */
export const MAX_INSTANCES: u32 = 32;
/** Bytes of a device's instance ID (RFC 9783 §4.2.1). */
export const INSTANCE_ID_BYTES: u32 = 33;
/** Most software components for which a policy may set a minimum. */
export const MAX_MINIMUM_VERSIONS: u32 = 4;
/** Bytes of the longest component name or version. */
export const MAX_COMPONENT_BYTES: u32 = 16;

/** Cipher suites of TLS 1.3 (RFC 8446 §B.4). */
export const SUITE_AES_128_GCM_SHA256: u32 = 0x1301;
export const SUITE_CHACHA20_POLY1305_SHA256: u32 = 0x1303;

// What holds where a policy does not say it.
/** What holds where a policy sets no limit; `docs/policy.md` has the units. */
export const DEFAULT_FUEL: u64 = 10_000_000_000;
export const DEFAULT_DEADLINE_MS: u32 = 60_000;
export const DEFAULT_MEMORY_BYTES: u32 = 64 << 20;
export const DEFAULT_STACK_BYTES: u32 = 64 << 10;
export const DEFAULT_OUTPUT_BYTES: u32 = 16 << 20;
export const DEFAULT_FILE_BYTES: u32 = 16 << 20;
export const DEFAULT_MAX_ROUNDS: u32 = 1;
export const DEFAULT_MAX_FAILED_RUNS: u32 = 3;
export const DEFAULT_MAX_RESTARTS: u32 = 0;

const nothing: StaticArray<u8> = new StaticArray<u8>(0);

/** A file that the policy names. Files are known by their index in `Policy.files`. */
export class PolicyFile {
  /** `FILE_…` */
  kind: u32 = FILE_PROGRAM;
  /** N of `input-N` and `stream-N`; index in `Policy.programs` of a program. */
  number: u32 = NO_NUMBER;
  /** Where it is named first, for errors: a byte offset, … */
  offset: u32 = 0;
  /** … whether by a program's entry, and the indices of entry and right. */
  byProgram: bool = false;
  entry: u32 = 0;
  right: u32 = 0;

  constructor(readonly name: StaticArray<u8>) {}
}

/** A principal, or a program: what it may do with which file. */
export class Subject {
  id: u32 = 0;
  /** `RIGHT_…` by index of file. */
  private rights: StaticArray<u8> = nothing;

  /** Rights on a file, by its index in `Policy.files`. */
  rightsOn(file: i32): u32 {
    return file >= 0 && file < this.rights.length ? (this.rights[file] as u32) : 0;
  }

  /** Whether it may read the file; `file` may be `NONE`. */
  mayRead(file: i32): bool {
    return (this.rightsOn(file) & RIGHT_READ) !== 0;
  }

  /** Whether it may write the file; `file` may be `NONE`. */
  mayWrite(file: i32): bool {
    return (this.rightsOn(file) & RIGHT_WRITE) !== 0;
  }

  /** Whether it may write any file at all. */
  get mayWriteAny(): bool {
    for (let i = 0; i < this.rights.length; i++) if (this.mayWrite(i)) return true;
    return false;
  }

  /** Whether it may read or write anything. */
  get hasPart(): bool {
    for (let file = 0; file < this.rights.length; file++) if (this.rights[file] !== 0) return true;
    return false;
  }

  /** Sets the rights on a file. For the parser. */
  grant(file: i32, rights: u32): void {
    if (file >= this.rights.length) {
      let length = max(this.rights.length, 16);
      while (length <= file) length *= 2;
      const wider = new StaticArray<u8>(length);
      memory.copy(
        changetype<usize>(wider),
        changetype<usize>(this.rights),
        this.rights.length as usize,
      );
      this.rights = wider;
    }
    this.rights[file] = rights as u8;
  }
}

/** A principal. */
export class Identity extends Subject {
  /** DER of its certificate. */
  certificate: StaticArray<u8> = nothing;
}

/** A program that may be run. */
export class Program extends Subject {
  fileName: StaticArray<u8> = nothing;
  /** SHA-256 of the module. */
  piHash: StaticArray<u8> = nothing;
  /** It reads `input-0` … `input-(inputCount - 1)`. */
  inputCount: u32 = 0;
  /** It reads `stream-0` … `stream-(streamCount - 1)`. */
  streamCount: u32 = 0;
}

/** The least version that a software component of the isolate may have. */
export class MinimumVersion {
  /** Measurement type of the component, as in `ARoT`. */
  component: StaticArray<u8> = nothing;
  /** One to four decimal numbers with dots between them. */
  version: StaticArray<u8> = nothing;
}

/** A policy that was checked whole. Strings and lists are its own copies. */
export class Policy {
  identities: Identity[] = [];
  programs: Program[] = [];
  files: PolicyFile[] = [];
  /** `host:port` */
  veracruzServerUrl: StaticArray<u8> = nothing;
  /** `host:port` */
  proxyAttestationServerUrl: StaticArray<u8> = nothing;
  /** DER of the CA certificate that signs isolates' certificates. */
  proxyServiceCertificate: StaticArray<u8> = nothing;
  /** When isolates' certificates are no longer good, UTC. */
  expiryYear: u32 = 0;
  expiryMonth: u32 = 0;
  expiryDay: u32 = 0;
  expiryHour: u32 = 0;
  expiryMinute: u32 = 0;
  /** The only TLS cipher suite to be used, `SUITE_…`. */
  ciphersuite: u32 = 0;
  /** Whether X25519MLKEM768 is the only key exchange to be used. */
  hybridRequired: bool = false;
  /** SHA-256 of the trusted runtime on a computer; empty where not allowed. */
  runtimeHashLinux: StaticArray<u8> = nothing;
  /** SHA-256 of the trusted runtime on a microcontroller; empty where not allowed. */
  runtimeHashMcu: StaticArray<u8> = nothing;
  debug: bool = false;
  allowDevelopment: bool = false;
  /** `STRATEGY_…` of the platform interface. */
  executionStrategy: u32 = STRATEGY_INTERPRETATION;
  /** Fuel of one run; 0 with the strategy JIT where the policy bounds none: it is not counted then. */
  fuel: u64 = DEFAULT_FUEL;
  deadlineMs: u32 = DEFAULT_DEADLINE_MS;
  memoryBytes: u32 = DEFAULT_MEMORY_BYTES;
  stackBytes: u32 = DEFAULT_STACK_BYTES;
  /** Largest result. */
  outputBytes: u32 = DEFAULT_OUTPUT_BYTES;
  /** Largest file that a principal may write. */
  fileBytes: u32 = DEFAULT_FILE_BYTES;
  /** Successful runs allowed. */
  maxRounds: u32 = DEFAULT_MAX_ROUNDS;
  /** Failed runs after which there is no other. */
  maxFailedRuns: u32 = DEFAULT_MAX_FAILED_RUNS;
  /** 16 bytes that tell this computation from others of the same text; empty where not given. */
  computationId: StaticArray<u8> = nothing;
  /** Isolates that may take the computation up after the first one. */
  maxRestarts: u32 = DEFAULT_MAX_RESTARTS;
  /** Instance IDs of the only devices allowed, 33 bytes each; empty: every enrolled one. */
  instanceIds: StaticArray<u8>[] = [];
  minimumVersions: MinimumVersion[] = [];

  /** Index of the principal with this certificate (DER, byte for byte), or `NONE`. */
  findIdentity(certificate: usize, length: u32): i32 {
    for (let i = 0; i < this.identities.length; i++) {
      if (sameBytes(this.identities[i].certificate, certificate, length)) return i;
    }
    return NONE;
  }

  /** Index of the file of this name, or `NONE`. */
  findFile(name: usize, length: u32): i32 {
    for (let i = 0; i < this.files.length; i++) {
      if (sameBytes(this.files[i].name, name, length)) return i;
    }
    return NONE;
  }

  /** Index of the input or stream with this number, or `NONE`. @param kind `FILE_INPUT`, `FILE_STREAM` */
  findNumbered(kind: u32, number: u32): i32 {
    for (let i = 0; i < this.files.length; i++) {
      if (this.files[i].kind === kind && this.files[i].number === number) return i;
    }
    return NONE;
  }

  /** Index of the result, `output`, or `NONE` when nobody has a right on it. */
  findOutput(): i32 {
    for (let i = 0; i < this.files.length; i++) {
      if (this.files[i].kind === FILE_OUTPUT) return i;
    }
    return NONE;
  }

  /** Index of the program with this file name, of the only program for an empty name, or `NONE`. */
  findProgram(name: usize, length: u32): i32 {
    if (length === 0) return this.programs.length === 1 ? 0 : NONE;
    for (let i = 0; i < this.programs.length; i++) {
      if (sameBytes(this.programs[i].fileName, name, length)) return i;
    }
    return NONE;
  }

  /** Number of principals that may read the file. */
  countReaders(file: i32): u32 {
    let count: u32 = 0;
    for (let i = 0; i < this.identities.length; i++) {
      if (this.identities[i].mayRead(file)) count++;
    }
    return count;
  }
}
