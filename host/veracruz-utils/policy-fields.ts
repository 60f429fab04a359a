/**
 * Every field of a policy: what it means, its bounds, its default, who enforces it. `docs/policy.md` is
 * printed from this table; a test tries each bound on the isolate's own parser.
 */
import { MAX_RESTARTS } from "../continuity/scope.js";
import { policyDefaults } from "./policy.js";

const U32 = 2 ** 32 - 1;

/** What `docs/policy.md` says of one field. */
export interface PolicyFieldRow {
  /** Where the field stands: `""` is the policy itself, `identities[]` an entry of that list. */
  readonly of: string;
  readonly name: string;
  readonly type: string;
  /** Bounds of an integer. */
  readonly range?: readonly [min: number, max: number];
  /** Bounds of anything else, in words. */
  readonly form?: string;
  /** `required`, or what holds where the field is absent. */
  readonly absent: string;
  readonly meaning: string;
  readonly enforced: string;
}

const required = "required";
const decimal = (number: number) => number.toLocaleString("en");

/** Bounds and default of a field that is a number and has a default. */
const defaulted = (name: keyof typeof policyDefaults, min: number, max: number) =>
  ({ name, type: "integer", range: [min, max], absent: decimal(policyDefaults[name]) }) as const;

/** A part of `enclave_cert_expiry`. */
const dateField = (name: string, min: number, max: number, meaning: string): PolicyFieldRow => ({
  of: "enclave_cert_expiry",
  name,
  type: "integer",
  range: [min, max],
  absent: required,
  meaning,
  enforced: "as the whole",
});

/** Every field of a policy, in the order in which the document lists them. */
export const policyFields: readonly PolicyFieldRow[] = [
  {
    of: "",
    name: "identities",
    type: "list",
    form: "1 to 32 entries",
    absent: required,
    meaning: "the principals",
    enforced: "isolate, at the TLS handshake: a certificate that is not listed is refused",
  },
  {
    of: "",
    name: "programs",
    type: "list",
    form: "at most 16 entries",
    absent: required,
    meaning: "the programs that may run",
    enforced: "isolate, when a program is written and when it runs",
  },
  {
    of: "",
    name: "veracruz_server_url",
    type: "text",
    form: "host:port",
    absent: required,
    meaning: "where `vc-server` listens and clients connect, unless told otherwise",
    enforced: "nobody: an address proves nothing",
  },
  {
    of: "",
    name: "proxy_attestation_server_url",
    type: "text",
    form: "host:port",
    absent: required,
    meaning: "where the isolate is attested, and where clients have a re-attestation verified",
    enforced: "nobody: what comes from there is checked against `proxy_service_cert`",
  },
  {
    of: "",
    name: "proxy_service_cert",
    type: "PEM",
    form: "one X.509 certificate of a CA (basicConstraints; keyUsage, if there, with keyCertSign) for a P-256 key, at most 4,096 bytes of DER",
    absent: required,
    meaning: "the CA that signs certificates of isolates, and those of keys that sign statements",
    enforced:
      "clients, for each certificate and statement; isolate, for the certificate that it is given; `vc-pgen`: it is valid now",
  },
  {
    of: "",
    name: "enclave_cert_expiry",
    type: "object",
    form: "a day that exists",
    absent: required,
    meaning: "when this policy ends, UTC: no client uses it afterwards",
    enforced: "clients with a clock; `vc-pgen`; not the isolate, which may have no clock",
  },
  {
    of: "",
    name: "ciphersuite",
    type: "text",
    form: "`TLS1_3_CHACHA20_POLY1305_SHA256` or `TLS1_3_AES_128_GCM_SHA256`",
    absent: required,
    meaning: "the only TLS cipher suite of this computation",
    enforced: "isolate: it accepts no other",
  },
  {
    of: "",
    name: "key_exchange",
    type: "text",
    form: "`hybrid-required`",
    absent:
      "X25519MLKEM768 with all who can, X25519 or P-256 with others; `vc-pgen` writes `hybrid-required` unless told `--allow-classical`",
    meaning:
      "X25519MLKEM768 is the only key exchange of this computation: recorded traffic stays secret even from who will own a quantum computer",
    enforced: "isolate and clients: they offer and accept no other",
  },
  {
    of: "",
    name: "runtime_manager_hash_linux",
    type: "text",
    form: "64 hexadecimal digits",
    absent: "no isolate on a computer; one of the two hashes must be there",
    meaning: "SHA-256 of the trusted runtime on a computer",
    enforced: "clients: they compare it with the isolate's certificate",
  },
  {
    of: "",
    name: "runtime_manager_hash_mcu",
    type: "text",
    form: "64 hexadecimal digits",
    absent: "no isolate on a microcontroller; one of the two hashes must be there",
    meaning: "SHA-256 of the firmware that holds the trusted runtime on a microcontroller",
    enforced: "clients: they compare it with the isolate's certificate",
  },
  {
    of: "",
    name: "debug",
    type: "boolean",
    absent: required,
    meaning: "whether the isolate may print debug messages; they never hold a payload",
    enforced: "isolate",
  },
  {
    of: "",
    name: "allow_development",
    type: "boolean",
    absent: "false",
    meaning: "whether isolates of development grade are accepted",
    enforced: "clients",
  },
  {
    of: "",
    name: "execution_strategy",
    type: "text",
    form: "`Interpretation` or `JIT`",
    absent: required,
    meaning:
      "how programs run: in wasm3, or compiled: on the engine of Node.js, on a device by the runtime's own compiler",
    enforced: "isolate: it refuses a policy whose strategy it lacks",
  },
  {
    of: "",
    name: "execution_limits",
    type: "object",
    absent: "the default of each limit",
    meaning: "what one run and one file may take",
    enforced: "isolate",
  },
  {
    of: "",
    ...defaulted("max_rounds", 1, U32),
    meaning: "successful runs: one for each round",
    enforced: "isolate",
  },
  {
    of: "",
    ...defaulted("max_failed_runs", 1, U32),
    meaning: "failed runs after which the isolate runs nothing more",
    enforced: "isolate",
  },
  {
    of: "",
    name: "computation_id",
    type: "text",
    form: "32 hexadecimal digits",
    absent: "none; `vc-pgen` draws one at random",
    meaning: "tells this computation from others whose policy says the same",
    enforced: "nobody: it makes the policy hash a different one",
  },
  {
    of: "",
    ...defaulted("max_restarts", 0, MAX_RESTARTS),
    meaning: "isolates that may take the computation up after the first one",
    enforced:
      "attestation server: it commits the computation to one key more at most; isolate and clients check what it signed",
  },
  {
    of: "",
    name: "instance_ids",
    type: "list",
    form: "1 to 32 different instance IDs: 66 hexadecimal digits each, the first two `01`",
    absent: "every enrolled device",
    meaning: "the only devices that may compute",
    enforced: "attestation server: it certifies no other for this policy",
  },
  {
    of: "",
    name: "minimum_versions",
    type: "list",
    form: "at most 4 entries",
    absent: "none",
    meaning: "the least version of each software component of the isolate",
    enforced:
      "attestation server: it certifies no isolate that is older; clients compare the versions in its certificate once more",
  },
  {
    of: "identities[]",
    name: "certificate",
    type: "PEM",
    form: "one X.509 certificate for a P-256 key, at most 4,096 bytes of DER, that may sign (keyUsage, if there, with digitalSignature) as a TLS client (extendedKeyUsage, if there, with clientAuth), without nameConstraints and unknown critical extensions; no other entry has it",
    absent: required,
    meaning: "the principal: whoever holds its private key",
    enforced:
      "isolate, byte for byte, with no chain and no name; its dates are checked by `vc-pgen` and clients",
  },
  {
    of: "identities[]",
    name: "id",
    type: "integer",
    range: [0, U32],
    absent: required,
    meaning: "a number for people and logs; unique among the identities",
    enforced: "isolate, when it reads the policy",
  },
  {
    of: "identities[]",
    name: "file_rights",
    type: "list",
    form: "each file once",
    absent: required,
    meaning: "what the principal may write and read",
    enforced: "isolate, at every request",
  },
  {
    of: "programs[]",
    name: "program_file_name",
    type: "text",
    form: "a file name, not that of an input, a stream or the result; no other entry has it",
    absent: required,
    meaning: "the file that holds the program",
    enforced: "isolate",
  },
  {
    of: "programs[]",
    name: "id",
    type: "integer",
    range: [0, U32],
    absent: required,
    meaning: "a number for people and logs; unique among the programs",
    enforced: "isolate, when it reads the policy",
  },
  {
    of: "programs[]",
    name: "pi_hash",
    type: "text",
    form: "64 hexadecimal digits",
    absent: required,
    meaning: "SHA-256 of the program's WebAssembly module",
    enforced: "isolate: it stores no program with another hash",
  },
  {
    of: "programs[]",
    name: "file_rights",
    type: "list",
    form: "`r` on inputs and streams, each contiguous from 0; `w` on `output`",
    absent: required,
    meaning: "what the program reads and writes; a run needs every file that it reads",
    enforced: "isolate, through the H-calls",
  },
  {
    of: "file_rights[]",
    name: "file_name",
    type: "text",
    form: "1 to 64 bytes: letters, digits, `-`, `_`, `.`, `/`; no empty part, no `.` or `..`",
    absent: required,
    meaning:
      "a program, `input-N`, `stream-N` or `output`; at most 128 different files in a policy",
    enforced: "isolate",
  },
  {
    of: "file_rights[]",
    name: "rights",
    type: "text",
    form: "`r`, `w` or `rw`; a principal never has `w` on `output`",
    absent: required,
    meaning: "read, write, or both",
    enforced: "isolate",
  },
  dateField("year", 1970, 9999, "year"),
  dateField("month", 1, 12, "month"),
  dateField("day", 1, 31, "day of the month"),
  dateField("hour", 0, 23, "hour"),
  dateField("minute", 0, 59, "minute"),
  {
    of: "minimum_versions[]",
    name: "component",
    type: "text",
    form: "1 to 16 letters, digits, `-`, `.`, `_`; no other entry has it",
    absent: required,
    meaning: "measurement type of the component in the token, as in `ARoT`",
    enforced: "as the whole",
  },
  {
    of: "minimum_versions[]",
    name: "version",
    type: "text",
    form: "1 to 4 decimal numbers up to 65,535 with dots between them; at most 16 bytes",
    absent: required,
    meaning: "compared number by number; a component without such a version is below any minimum",
    enforced: "as the whole",
  },
  {
    of: "execution_limits",
    ...defaulted("fuel", 1, Number.MAX_SAFE_INTEGER),
    meaning:
      "fuel of one run: a unit for each call, each loop turn and each 256 bytes filled or copied; with `JIT` there is no bound where the policy names none",
    enforced: "isolate",
  },
  {
    of: "execution_limits",
    ...defaulted("deadline_ms", 1, U32),
    meaning: "wall time of one run, in milliseconds",
    enforced: "the isolate's home, by its clock",
  },
  {
    of: "execution_limits",
    ...defaulted("memory_bytes", 65_536, U32),
    meaning: "linear memory of the program, in bytes; whole pages of 64 KiB count",
    enforced: "isolate",
  },
  {
    of: "execution_limits",
    ...defaulted("stack_bytes", 1024, U32),
    meaning: "interpreter stack of the program, in bytes",
    enforced: "isolate",
  },
  {
    of: "execution_limits",
    ...defaulted("output_bytes", 0, U32),
    meaning: "largest result, in bytes",
    enforced: "isolate, at `write_output`",
  },
  {
    of: "execution_limits",
    ...defaulted("file_bytes", 1, U32),
    meaning:
      "largest file that a principal may write, in bytes; an isolate on a computer takes files up to nearly 2 GiB, and `vc-server` gives the one that it starts the memory for what the policy allows",
    enforced: "isolate, at the file's first piece",
  },
];

/** The objects of a policy, in the order of the document, each with what stands above its table. */
export const policyObjects: readonly { readonly of: string; readonly title: string }[] = [
  { of: "", title: "The policy" },
  { of: "identities[]", title: "An entry of `identities`" },
  { of: "programs[]", title: "An entry of `programs`" },
  { of: "file_rights[]", title: "An entry of `file_rights`" },
  { of: "enclave_cert_expiry", title: "`enclave_cert_expiry`" },
  { of: "minimum_versions[]", title: "An entry of `minimum_versions`" },
  { of: "execution_limits", title: "`execution_limits`" },
];
