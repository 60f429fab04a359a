import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { wasmPath } from "../common/paths.js";
import { certificateFromPem } from "./certificates.js";

/** Rights on a file: read, write, or both. */
export type Rights = "r" | "w" | "rw";

export interface FileRights {
  file_name: string;
  rights: Rights;
}

export interface PolicyIdentity {
  /** PEM */
  certificate: string;
  id: number;
  file_rights: FileRights[];
}

export interface PolicyProgram {
  program_file_name: string;
  id: number;
  /** SHA-256 of the module, hexadecimal. */
  pi_hash: string;
  file_rights: FileRights[];
}

export interface PolicyDate {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
}

export interface ExecutionLimits {
  fuel?: number;
  deadline_ms?: number;
  memory_bytes?: number;
  stack_bytes?: number;
  output_bytes?: number;
  file_bytes?: number;
}

/** The global policy as it stands in its JSON text. */
export interface PolicyDocument {
  identities: PolicyIdentity[];
  programs: PolicyProgram[];
  /** `host:port` */
  veracruz_server_url: string;
  /** `host:port` */
  proxy_attestation_server_url: string;
  /** PEM of the CA that signs isolates' certificates. */
  proxy_service_cert: string;
  /** UTC */
  enclave_cert_expiry: PolicyDate;
  ciphersuite: "TLS1_3_CHACHA20_POLY1305_SHA256" | "TLS1_3_AES_128_GCM_SHA256";
  runtime_manager_hash_linux?: string;
  runtime_manager_hash_mcu?: string;
  debug: boolean;
  allow_development?: boolean;
  execution_strategy: "Interpretation" | "JIT";
  execution_limits?: ExecutionLimits;
  max_rounds?: number;
  max_failed_runs?: number;
}

/** What holds where a policy does not say it; the isolate's `policy.ts` has the same, a test compares. */
export const policyDefaults = {
  fuel: 10_000_000_000,
  deadline_ms: 60_000,
  memory_bytes: 64 * 1024 * 1024,
  stack_bytes: 64 * 1024,
  output_bytes: 16 * 1024 * 1024,
  file_bytes: 16 * 1024 * 1024,
  max_rounds: 1,
  max_failed_runs: 3,
} as const;

/** The result's file name. */
export const OUTPUT = "output";

/** Why a policy is refused. */
export class PolicyError extends Error {
  override name = "PolicyError";

  /** @param code `POLICY_E_…` of `assembly/veracruz-utils/policy-error-codes.ts`; 0 for checks made here */
  constructor(
    message: string,
    readonly code: number = 0,
  ) {
    super(message);
  }
}

interface Checker {
  memory: WebAssembly.Memory;
  _initialize(): void;
  allocate(length: number): number;
  checkPolicy(): number;
  errorOffset(): number;
  errorText(): number;
  errorTextLength(): number;
}

/** Most memory in bytes that the checker may take: many times what the largest policy needs. */
const CHECKER_MEMORY = 16 * 1024 * 1024;

let loaded: Checker | undefined;

/** The isolate's policy parser. */
function checker(): Checker {
  if (loaded === undefined) {
    const module = new WebAssembly.Module(readFileSync(wasmPath("policy")));
    const imports = { platform: { memoryLimit: () => CHECKER_MEMORY } };
    loaded = new WebAssembly.Instance(module, imports).exports as unknown as Checker;
    loaded._initialize();
  }
  return loaded;
}

/** `line 3, column 14` of a byte offset. */
function lineAndColumn(text: Uint8Array, offset: number): string {
  const before = Buffer.from(text.subarray(0, offset));
  const line = before.filter((byte) => byte === 0x0a).length + 1;
  const column = before.length - before.lastIndexOf(0x0a);
  return `line ${line}, column ${column}`;
}

/** Throws unless the isolate will take the policy. */
function checkAsIsolate(text: Uint8Array): void {
  const isolate = checker();
  // Far above the limit already the length says it all.
  const pointer = text.length < 2 ** 20 ? isolate.allocate(text.length) : 0;
  if (pointer === 0) throw new PolicyError(`${text.length} bytes are too long for a policy`, 1);
  new Uint8Array(isolate.memory.buffer, pointer, text.length).set(text);
  const code = isolate.checkPolicy();
  if (code === 0) return;
  const reason = Buffer.from(
    isolate.memory.buffer,
    isolate.errorText(),
    isolate.errorTextLength(),
  ).toString("latin1");
  throw new PolicyError(`${lineAndColumn(text, isolate.errorOffset())}, ${reason}`, code);
}

/** A policy that the isolate takes. */
export class Policy {
  readonly document: PolicyDocument;
  /** SHA-256 over the exact bytes. */
  readonly hash: Buffer;

  /**
   * Checks the exact bytes of a policy with the isolate's own parser.
   *
   * @throws PolicyError with place and reason
   */
  constructor(readonly bytes: Uint8Array) {
    checkAsIsolate(bytes);
    // The isolate's parser took it: it is JSON of just this shape, without a key twice.
    this.document = JSON.parse(Buffer.from(bytes).toString("utf8"));
    this.hash = createHash("sha256").update(bytes).digest();
  }

  /** When isolates' certificates are no longer good. */
  get expiry(): Date {
    const { year, month, day, hour, minute } = this.document.enclave_cert_expiry;
    return new Date(Date.UTC(year, month - 1, day, hour, minute));
  }

  /** The SHA-256 of the trusted runtime that the policy wants on this kind of isolate. */
  runtimeHash(kind: string): Buffer | undefined {
    const hash =
      kind === "linux"
        ? this.document.runtime_manager_hash_linux
        : kind === "mcu"
          ? this.document.runtime_manager_hash_mcu
          : undefined;
    return hash === undefined ? undefined : Buffer.from(hash, "hex");
  }

  /** The principal with this certificate (DER). */
  identityOf(certificate: Uint8Array): PolicyIdentity | undefined {
    return this.document.identities.find(({ certificate: pem }) =>
      certificateFromPem(pem).equals(certificate),
    );
  }

  /** The program with this file name. */
  programOf(fileName: string): PolicyProgram | undefined {
    return this.document.programs.find(({ program_file_name }) => program_file_name === fileName);
  }
}

/** Whether rights of an entry include reading, or writing, a file. */
export function may(
  entry: { file_rights: readonly FileRights[] },
  right: "r" | "w",
  fileName: string,
): boolean {
  return entry.file_rights.some(
    ({ file_name, rights }) => file_name === fileName && rights.includes(right),
  );
}
