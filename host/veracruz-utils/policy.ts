import { createHash, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import {
  POLICY_E_CERTIFICATE,
  POLICY_E_CERTIFICATE_EXTENSION,
  POLICY_E_CERTIFICATE_KEY_USAGE,
  POLICY_E_CERTIFICATE_PURPOSE,
  POLICY_E_TOO_LONG,
} from "../../assembly/veracruz-utils/policy-error-codes.js";
import { wasmPath } from "../common/paths.js";
import { decodeUtf8 } from "../common/text.js";
import { encodeScope, type Scope, scopeHash } from "../continuity/scope.js";
import type { ComponentVersion } from "../psa-attestation/versions.js";
import {
  CertificateError,
  certificateFromPem,
  displayName,
  opensslCommand,
} from "../x509/principal-certificate.js";

/** Rights on a file: read, write, or both. */
export type Rights = "r" | "w" | "rw";

/** Rights on one file. */
export interface FileRights {
  file_name: string;
  rights: Rights;
}

/** A principal: its certificate, and its rights. */
export interface PolicyIdentity {
  /** PEM */
  certificate: string;
  id: number;
  file_rights: FileRights[];
}

/** A program: its hash, and its rights. */
export interface PolicyProgram {
  program_file_name: string;
  id: number;
  /** SHA-256 of the module, hexadecimal. */
  pi_hash: string;
  file_rights: FileRights[];
}

/** A date and time in UTC, to the minute. */
export interface PolicyDate {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
}

/** Bounds of a run; `docs/policy.md` has units and defaults. */
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
  /** Absent: hybrid preferred, classical key exchanges allowed. */
  key_exchange?: "hybrid-required";
  runtime_manager_hash_linux?: string;
  runtime_manager_hash_mcu?: string;
  debug: boolean;
  allow_development?: boolean;
  execution_strategy: "Interpretation" | "JIT";
  execution_limits?: ExecutionLimits;
  max_rounds?: number;
  max_failed_runs?: number;
  /** 16 bytes in hexadecimal that tell this computation from others of the same text. */
  computation_id?: string;
  /** Isolates that may take the computation up after the first one. */
  max_restarts?: number;
  /** Instance IDs of the only devices allowed, 33 bytes each in hexadecimal. */
  instance_ids?: string[];
  minimum_versions?: ComponentVersion[];
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
  max_restarts: 0,
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
  checkPrincipal(): number;
  errorOffset(): number;
  errorText(): number;
  errorTextLength(): number;
}

/** Most memory in bytes that the checker may take: many times what the largest policy needs. */
const CHECKER_MEMORY = 16 * 1024 * 1024;

/** Refusals of a principal's certificate. */
const principalRefusals: ReadonlySet<number> = new Set([
  POLICY_E_CERTIFICATE,
  POLICY_E_CERTIFICATE_EXTENSION,
  POLICY_E_CERTIFICATE_KEY_USAGE,
  POLICY_E_CERTIFICATE_PURPOSE,
]);

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

/** Gives bytes to the isolate's parser; false when they are far too many. */
function stage(isolate: Checker, bytes: Uint8Array): boolean {
  // Far above the limits already the length says it all.
  const pointer = bytes.length < 2 ** 20 ? isolate.allocate(bytes.length) : 0;
  if (pointer !== 0) new Uint8Array(isolate.memory.buffer, pointer, bytes.length).set(bytes);
  return pointer !== 0;
}

/** The parser's words for its last refusal. */
function reasonOf(isolate: Checker): string {
  const { buffer } = isolate.memory;
  return Buffer.from(buffer, isolate.errorText(), isolate.errorTextLength()).toString("latin1");
}

/** Whom and which file a refusal is about: `alice, file input-0: `, as far as the text can be read at all. */
function concernOf(text: Uint8Array, reason: string): string {
  const place = /\b(identities|programs)\[(\d+)\](?:\.file_rights\[(\d+)\])?/.exec(reason);
  if (place === null) return "";
  try {
    const document = JSON.parse(decodeUtf8(text));
    const entry = document[place[1] as string][Number(place[2])];
    const file = entry.file_rights?.[Number(place[3])]?.file_name;
    const who =
      place[1] === "programs" ? `program ${shown(entry.program_file_name)}` : nameOf(entry);
    return `${who}${file === undefined ? "" : `, file ${shown(file)}`}: `;
  } catch {
    // It is no JSON, or not of a policy's shape: the place says it all.
    return "";
  }
}

const shown = (value: unknown) =>
  String(value)
    .replace(/[^ -~]/g, "?")
    .slice(0, 64);

/** The principal's name in its certificate, else its id. */
function nameOf({ certificate, id }: { certificate?: unknown; id?: unknown }): string {
  try {
    return displayName(new X509Certificate(certificateFromPem(String(certificate))));
  } catch {
    return `the principal with id ${shown(id)}`;
  }
}

/** What follows a refusal: where it is of a principal's certificate, the command that makes a good one. */
function remedyOf(code: number, reason: string): string {
  const isPrincipal = principalRefusals.has(code) && /\bidentities\[/.test(reason);
  return isPrincipal ? `; make one with:\n  ${opensslCommand}` : "";
}

/** Throws unless the isolate will take the policy. */
function checkAsIsolate(text: Uint8Array): void {
  const isolate = checker();
  if (!stage(isolate, text)) {
    throw new PolicyError(`${text.length} bytes are too long for a policy`, POLICY_E_TOO_LONG);
  }
  const code = isolate.checkPolicy();
  if (code === 0) return;
  const reason = reasonOf(isolate);
  const where = lineAndColumn(text, isolate.errorOffset());
  const message = `${concernOf(text, reason)}${where}, ${reason}${remedyOf(code, reason)}`;
  throw new PolicyError(message, code);
}

/**
 * Throws unless isolates let a principal with this certificate connect, by the rule of the isolate's own parser; its
 * dates are not looked at.
 *
 * @param der the certificate
 * @throws CertificateError with the reason, and the command that makes a good one
 */
export function requirePrincipal(der: Uint8Array): void {
  const isolate = checker();
  if (stage(isolate, der) && isolate.checkPrincipal() === 0) return;
  throw new CertificateError(`${reasonOf(isolate)}; make one with:\n  ${opensslCommand}`);
}

const fromHex = (hex: string) => new Uint8Array(Buffer.from(hex, "hex"));

/** What a policy that the isolate takes demands of isolates. */
export function scopeOf(document: PolicyDocument): Scope {
  const linux = document.runtime_manager_hash_linux;
  const mcu = document.runtime_manager_hash_mcu;
  return {
    runtimeHashes: {
      ...(linux !== undefined && { linux: fromHex(linux) }),
      ...(mcu !== undefined && { mcu: fromHex(mcu) }),
    },
    allowDevelopment: document.allow_development ?? false,
    maxRestarts: document.max_restarts ?? 0,
    instanceIds: (document.instance_ids ?? []).map(fromHex),
    minimumVersions: document.minimum_versions ?? [],
  };
}

/** A policy that the isolate takes. */
export class Policy {
  readonly document: PolicyDocument;
  /** SHA-256 over the exact bytes. */
  readonly hash: Buffer;
  /** What it demands of isolates, in the encoding that the proxy attestation server gets. */
  readonly scope: Uint8Array;
  /** SHA-256 of that. */
  readonly scopeHash: Uint8Array;

  /**
   * Checks the exact bytes of a policy with the isolate's own parser.
   *
   * @throws PolicyError with place and reason
   */
  constructor(readonly bytes: Uint8Array) {
    checkAsIsolate(bytes);
    // The isolate's parser took it: it is JSON of just this shape, without a key twice.
    this.document = JSON.parse(decodeUtf8(bytes));
    this.hash = createHash("sha256").update(bytes).digest();
    this.scope = encodeScope(scopeOf(this.document));
    this.scopeHash = scopeHash(this.scope);
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

  /** Whether the policy names this file. */
  names(fileName: string): boolean {
    const { identities, programs } = this.document;
    const ofEntry = ({ file_rights }: { file_rights: readonly FileRights[] }) =>
      file_rights.some(({ file_name }) => file_name === fileName);
    return this.programOf(fileName) !== undefined || [...identities, ...programs].some(ofEntry);
  }

  /** The names of the principals that may write this file, in the policy's order. */
  writersOf(fileName: string): string[] {
    return this.document.identities.filter((entry) => may(entry, "w", fileName)).map(nameOf);
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
