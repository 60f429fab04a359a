/**
 * The message table: every message on every wire of the system, in one place.
 *
 * A message is a MessagePack array: its type number, then its fields in the order given here. There
 * is exactly one encoding of each message (minimal lengths and integers); readers refuse any other.
 * On TCP and inside TLS each message is a frame: its length as a big-endian u32, then the message
 * (`frames.ts`). On HTTP a message is base64 text.
 *
 * `npm run build` prints `assembly/transport-protocol/messages.ts`, for the isolate and for MCU clients,
 * and `README.md` beside this file from it.
 */

/** Largest piece of a file in one message. */
export const MAX_PIECE_BYTES = 16_384;
/** Most TLS bytes in one message; fewer where `frameBytes` of the isolate's health says so. */
export const MAX_TLS_BYTES = 65_536;
/** Largest piece of a file that every isolate takes, however small; more where its state says so. */
export const SAFE_PIECE_BYTES = 4_096;
/** Largest policy. */
export const MAX_POLICY_BYTES = 65_536;
/** Largest scope of a policy: 32 devices and 4 versions. */
export const MAX_SCOPE_BYTES = 1_536;
/** Longest file name. */
export const MAX_FILE_NAME_BYTES = 64;
/** Most bytes of file names in one message. */
export const MAX_NAMES_BYTES = 1_024;
/** Longest explanation in a refusal. */
export const MAX_TEXT_BYTES = 256;
/** Largest frame on the wire between a principal and the runtime manager. */
export const MAX_PRINCIPAL_FRAME_BYTES = MAX_PIECE_BYTES + 512;
/** Largest frame on the wire between the server and the isolate. */
export const MAX_ISOLATE_FRAME_BYTES = MAX_POLICY_BYTES + 512;
/** Largest statement that the proxy attestation server signs: it fits a response to an MCU client. */
export const MAX_STATEMENT_BYTES = 1024;
/** Version of the protocol between server and isolate. */
export const PROTOCOL_VERSION = 2;

interface UintField {
  readonly kind: "uint";
  readonly min: number;
  readonly max: number;
  readonly doc: string;
}
interface IntField {
  readonly kind: "int";
  readonly min: number;
  readonly max: number;
  readonly doc: string;
}
interface TextField {
  readonly kind: "text";
  /** Bounds in bytes of UTF-8. */
  readonly min: number;
  readonly max: number;
  readonly doc: string;
}
interface BytesField {
  readonly kind: "bytes";
  readonly min: number;
  readonly max: number;
  readonly doc: string;
}
/** A field of a message, by its kind. */
export type Field = UintField | IntField | TextField | BytesField;

const uint = (min: number, max: number, doc: string) => ({ kind: "uint", min, max, doc }) as const;
const int = (doc: string) => ({ kind: "int", min: -(2 ** 31), max: 2 ** 31 - 1, doc }) as const;
const text = (min: number, max: number, doc: string) => ({ kind: "text", min, max, doc }) as const;
const bytes = (min: number, max: number, doc: string) =>
  ({ kind: "bytes", min, max, doc }) as const;

const U32 = 0xffff_ffff;

/** Every field by its name. A field means the same, within the same bounds, wherever it occurs. */
export const fields = {
  status: uint(0, 7, "outcome of a request, see the table of statuses"),
  returnCode: int("what the program's `main` returned, with FAILED_ERROR_CODE_RETURNED; else 0"),
  text: text(0, MAX_TEXT_BYTES, "explanation for people; empty on success"),
  fileName: text(1, MAX_FILE_NAME_BYTES, "name of a file that the policy names"),
  programName: text(
    0,
    MAX_FILE_NAME_BYTES,
    "file name of a program; empty in a request: the only one; empty in an answer: the file is no result",
  ),
  offset: uint(0, U32, "where in the file `bytes` begin"),
  total: uint(0, U32, "length of the whole file in bytes"),
  length: uint(0, U32, "most bytes of the file that the answer may hold; 0: none, say its length"),
  bytes: bytes(0, MAX_PIECE_BYTES, "a piece of a file"),
  hash: bytes(32, 32, "SHA-256"),
  nonce: bytes(32, 32, "the client's own nonce"),
  token: bytes(1, 2048, "PSA attestation token (COSE_Sign1)"),
  state: uint(0, 5, "state of the computation, see the table of states"),
  round: uint(
    0,
    U32,
    "number of a round, from 1; 0 in a request: whichever is the current one; 0 in an answer: there is no policy yet",
  ),
  maxRounds: uint(0, U32, "rounds that the policy allows"),
  failedRuns: uint(0, U32, "failed runs so far"),
  maxFailedRuns: uint(0, U32, "failed runs that the policy allows"),
  names: bytes(0, MAX_NAMES_BYTES, "names of files, each followed by a line feed"),
  file: uint(0, U32, "number of a file, as this isolate counts the policy's; 0: the first"),
  pieceBytes: uint(
    SAFE_PIECE_BYTES,
    MAX_PIECE_BYTES,
    "largest piece of a file that this isolate takes",
  ),
  id: uint(0, U32, "number of the request, chosen by the server, repeated in its answer"),
  version: uint(0, U32, "version of this protocol"),
  policy: bytes(0, MAX_POLICY_BYTES, "the policy's exact bytes"),
  challenge: bytes(32, 32, "the proxy attestation server's challenge"),
  deviceId: uint(
    0,
    2 ** 31 - 1,
    "what the proxy attestation server calls this attestation of a device",
  ),
  csr: bytes(1, 1024, "PKCS#10 request in DER for the isolate's key"),
  certificate: bytes(1, 4096, "the isolate's X.509 certificate in DER"),
  issuer: bytes(1, 4096, "the X.509 certificate in DER that signed it"),
  session: uint(1, 2 ** 31 - 1, "number of a TLS session, chosen by the server"),
  tls: bytes(0, MAX_TLS_BYTES, "TLS bytes of a session, cut anywhere"),
  sessions: uint(0, U32, "open sessions"),
  maxSessions: uint(0, U32, "sessions that the isolate holds at most"),
  handshakes: uint(0, U32, "handshakes that may be under way at once"),
  strangers: uint(0, U32, "of these, for sessions that are not admitted"),
  admitted: uint(0, 1, "1 when the server knows that a principal has asked for the session"),
  freeBytes: uint(0, U32, "memory that is left for files"),
  attested: uint(0, 1, "1 when the isolate has its certificate"),
  policyHash: bytes(0, 32, "SHA-256 of the policy; empty before there is one"),
  kind: text(1, 16, "kind of isolate: `linux` or `mcu`"),
  lifecycle: uint(0, 0xffff, "PSA security lifecycle that the root of trust reports"),
  boot: bytes(16, 16, "random, made when the isolate started: another value is another start"),
  runtimeHash: bytes(32, 32, "SHA-256 of the trusted runtime, as measured by its home"),
  running: uint(0, 1, "1 while a program runs"),
  frameBytes: uint(0, U32, "largest frame that this isolate takes"),
  protocol: text(1, 16, "attestation protocol: `psa`"),
  firmwareVersion: text(0, 64, "what the isolate's software calls itself"),
  publicKey: bytes(1, 128, "the isolate's public key: SubjectPublicKeyInfo in DER"),
  statement: bytes(
    0,
    MAX_STATEMENT_BYTES,
    "COSE_Sign1 by the proxy attestation server; empty where there is none",
  ),
  scope: bytes(1, MAX_SCOPE_BYTES, "the policy's scope: what it demands of isolates"),
  scopeHash: bytes(32, 32, "SHA-256 of the policy's scope"),
  step: uint(0, 5, "step of an update: begin, part, end, start, confirm, state"),
  outcome: uint(0, 12, "what became of it, see Updates"),
  updateState: bytes(104, 104, "where a board stands, see Updates"),
  exporter: bytes(
    32,
    32,
    "the TLS session's exporter of label `EXPORTER-veracruz-reattest-v2` (RFC 8446 §7.5)",
  ),
  signature: bytes(64, 64, "ECDSA signature by the isolate's key: r ‖ s"),
  code: text(1, 64, "reason of a refusal, for programs: a stable word"),
} as const satisfies Record<string, Field>;

/** The name of a field. */
export type FieldName = keyof typeof fields;

interface Definition {
  readonly number: number;
  readonly fields: readonly FieldName[];
  readonly doc: string;
}

const principalRequest = {
  data: {
    number: 0x01,
    fields: ["fileName", "offset", "total", "bytes"],
    doc: "writes a piece of an input; pieces come in order, the file counts when it is whole",
  },
  program: {
    number: 0x02,
    fields: ["fileName", "offset", "total", "bytes"],
    doc: "writes a piece of a program; the whole must have the `pi_hash` of the policy",
  },
  stream: {
    number: 0x03,
    fields: ["round", "fileName", "offset", "total", "bytes"],
    doc: "writes a piece of a round's item of a stream",
  },
  requestPiHash: {
    number: 0x04,
    fields: ["fileName"],
    doc: "asks for the SHA-256 of a program; answered with `hash`",
  },
  requestPolicyHash: {
    number: 0x05,
    fields: [],
    doc: "asks for the SHA-256 of the policy's bytes; answered with `hash`",
  },
  requestResult: {
    number: 0x06,
    fields: ["round", "programName", "fileName", "offset", "length"],
    doc: "reads a piece of a file as it is in a round; for `output` from offset 0 on, runs the program first where the round has no result yet; answered with `result`",
  },
  requestState: {
    number: 0x07,
    fields: [],
    doc: "asks how far the computation is; answered with `state`",
  },
  requestNextRound: {
    number: 0x08,
    fields: ["round"],
    doc: "ends a round: its result becomes the previous result, streams take their next items",
  },
  requestProxyAttestationToken: {
    number: 0x09,
    fields: ["nonce"],
    doc: "asks for a fresh attestation token bound to the nonce, the isolate's key, the policy and this TLS session; answered with `proxyAttestationToken`",
  },
  requestShutdown: {
    number: 0x0a,
    fields: [],
    doc: "agrees to the end of the computation; it comes when every reader of the result has asked",
  },
  commit: {
    number: 0x0b,
    fields: [],
    doc: "has the computation committed to this isolate, where it is not yet and the principal may write; no file is taken before; answered with `committed`",
  },
  requestFreshness: {
    number: 0x0c,
    fields: ["nonce"],
    doc: "as `requestProxyAttestationToken`, verified through the server, for clients that reach nobody else; answered with `freshness`",
  },
  requestMissing: {
    number: 0x0d,
    fields: ["file"],
    doc: "asks which files programs need and nobody has sent yet, from `file` on; answered with `missing`",
  },
} as const satisfies Record<string, Definition>;

const principalResponse = {
  outcome: {
    number: 0x10,
    fields: ["status", "returnCode", "text"],
    doc: "the request is done, or was refused",
  },
  hash: {
    number: 0x11,
    fields: ["status", "hash"],
    doc: "a program's or the policy's hash",
  },
  result: {
    number: 0x12,
    fields: ["status", "round", "programName", "total", "offset", "bytes"],
    doc: "a piece of a file as it is in this round; of a result, with the program that made it",
  },
  state: {
    number: 0x13,
    fields: [
      "status",
      "state",
      "round",
      "maxRounds",
      "failedRuns",
      "maxFailedRuns",
      "pieceBytes",
      "statement",
    ],
    doc: "how far the computation is, and the commit that the isolate holds",
  },
  proxyAttestationToken: {
    number: 0x14,
    fields: ["status", "token", "deviceId"],
    doc: "a token that the proxy attestation server verifies at `/VerifyPAT`",
  },
  committed: {
    number: 0x15,
    fields: ["status", "statement"],
    doc: "the computation is committed to this isolate: the statement says so",
  },
  freshness: {
    number: 0x16,
    fields: ["status", "statement"],
    doc: "the proxy attestation server's statement on this session",
  },
  missing: {
    number: 0x17,
    fields: ["status", "names", "file"],
    doc: "the files that are missing: to a reader of the result all, to others those that they may read or write; `file` says from where to ask for more, 0 that these are all",
  },
} as const satisfies Record<string, Definition>;

const isolateRequest = {
  initialise: {
    number: 0x20,
    fields: ["id", "version", "policy"],
    doc: "hands over the policy; once per start, or after a reset; answered with `done` or `refused`",
  },
  attest: {
    number: 0x21,
    fields: ["id", "challenge", "deviceId"],
    doc: "asks for a native attestation token and a request for a certificate; answered with `attestation`",
  },
  installCertificate: {
    number: 0x22,
    fields: ["id", "certificate", "issuer"],
    doc: "hands over the certificate for the isolate's key, also a renewed one",
  },
  newSession: {
    number: 0x23,
    fields: ["id", "session", "admitted"],
    doc: "opens a TLS session; refused beyond the isolate's limit, which is lower for sessions that are not admitted",
  },
  closeSession: {
    number: 0x24,
    fields: ["id", "session"],
    doc: "the peer of the session is gone",
  },
  tlsInput: {
    number: 0x25,
    fields: ["id", "session", "tls"],
    doc: "bytes from the peer; answered with `done` after every `tlsOutput` that they caused",
  },
  runtimeState: {
    number: 0x26,
    fields: ["id"],
    doc: "asks the runtime how far it is; answered with `runtimeStateIs`",
  },
  reset: {
    number: 0x27,
    fields: ["id"],
    doc: "wipes keys, files and sessions; then another policy may come. A board with one world answers, ends the connection and resets itself",
  },
  health: {
    number: 0x28,
    fields: ["id"],
    doc: "asks the runtime's home, which answers even while a program runs; answered with `healthIs`",
  },
  closeSessions: {
    number: 0x2a,
    fields: ["id"],
    doc: "closes every session: what a server does first on a new connection, since their peers are gone",
  },
  installCommitment: {
    number: 0x2b,
    fields: ["id", "statement"],
    doc: "hands over the answer to `commitWanted`: a statement, or a signed refusal, which ends the computation",
  },
  deliverFreshness: {
    number: 0x2c,
    fields: ["id", "session", "statement"],
    doc: "hands over the answer to `freshnessWanted`; empty where the proxy attestation server gave none",
  },
  proveDevice: {
    number: 0x2d,
    fields: ["id", "challenge"],
    doc: "asks for the token by which the device proves at its enrolment that it holds its key, with or without a policy; answered with `deviceProof`",
  },
  update: {
    number: 0x2e,
    fields: ["id", "step", "offset", "bytes"],
    doc: "a step of an update of a board's images, which its home takes, and no other; answered with `updateIs`",
  },
} as const satisfies Record<string, Definition>;

const isolateAnswer = {
  done: {
    number: 0x30,
    fields: ["id"],
    doc: "the request is done",
  },
  refused: {
    number: 0x31,
    fields: ["id", "status", "text"],
    doc: "the request was refused, and changed nothing",
  },
  attestation: {
    number: 0x32,
    fields: ["id", "token", "csr", "deviceId", "policyHash", "scope"],
    doc: "what the proxy attestation server wants to see",
  },
  runtimeStateIs: {
    number: 0x33,
    fields: [
      "id",
      "state",
      "attested",
      "round",
      "sessions",
      "maxSessions",
      "handshakes",
      "strangers",
      "freeBytes",
      "policyHash",
    ],
    doc: "how far the runtime is",
  },
  healthIs: {
    number: 0x34,
    fields: ["id", "kind", "lifecycle", "boot", "runtimeHash", "running", "frameBytes"],
    doc: "what the runtime's home is and does",
  },
  deviceProof: {
    number: 0x35,
    fields: ["id", "token"],
    doc: "what `vc-pas enroll` wants of a secured device",
  },
  updateIs: {
    number: 0x36,
    fields: ["id", "outcome", "updateState"],
    doc: "what became of a step, and where the board stands",
  },
  tlsOutput: {
    number: 0x38,
    fields: ["session", "tls"],
    doc: "event: bytes for the peer of a session",
  },
  sessionClosed: {
    number: 0x39,
    fields: ["session", "text"],
    doc: "event: the isolate ended the session; its last bytes came before",
  },
  sessionOpened: {
    number: 0x3c,
    fields: ["session"],
    doc: "event: the handshake of a session is done, its peer is a principal of the policy",
  },
  ended: {
    number: 0x3a,
    fields: ["text"],
    doc: "event: the computation is over, by consent, because of the idle limit, or refused for good; all is wiped",
  },
  commitWanted: {
    number: 0x3b,
    fields: ["publicKey", "policyHash", "scopeHash", "signature"],
    doc: "event: a principal wants the computation committed; for `/Commit`, again and again until there is a signed answer",
  },
  freshnessWanted: {
    number: 0x3d,
    fields: ["session", "token", "nonce", "publicKey", "policyHash", "deviceId", "exporter"],
    doc: "event: a client wants this token verified, for `/VerifyPAT`",
  },
} as const satisfies Record<string, Definition>;

const attestationRequest = {
  start: {
    number: 0x40,
    fields: ["protocol", "firmwareVersion"],
    doc: "POST `/Start`: asks for a challenge; answered with `challenge`",
  },
  nativeAttestationToken: {
    number: 0x41,
    fields: ["token", "csr", "deviceId", "policyHash", "scope"],
    doc: "POST `/PSA/AttestationToken`; answered with `certificateChain`",
  },
  verifyProxyToken: {
    number: 0x42,
    fields: ["token", "nonce", "publicKey", "policyHash", "deviceId", "exporter"],
    doc: "POST `/VerifyPAT`; answered with `verified`",
  },
  commitComputation: {
    number: 0x43,
    fields: ["publicKey", "policyHash", "scopeHash", "signature"],
    doc: "POST `/Commit`: commits the computation of a policy to the isolate's key; answered with `commitment`",
  },
} as const satisfies Record<string, Definition>;

const attestationAnswer = {
  challenge: {
    number: 0x50,
    fields: ["challenge", "deviceId"],
    doc: "single use, expires",
  },
  certificateChain: {
    number: 0x51,
    fields: ["certificate", "issuer"],
    doc: "the isolate's new certificate and the one that signed it",
  },
  verified: {
    number: 0x52,
    fields: ["statement"],
    doc: "a signed statement over the verified token and the client's nonce",
  },
  attestationRefused: {
    number: 0x53,
    fields: ["code", "text"],
    doc: "why not, with an HTTP status of 400 or above; it may pass",
  },
  commitment: {
    number: 0x54,
    fields: ["statement"],
    doc: "a signed statement that the computation is the isolate's, or a signed refusal, which is final",
  },
} as const satisfies Record<string, Definition>;

/**
 * Which messages go which way on which wire. The high bits of a type number say the same. Every
 * request gets exactly one answer.
 */
export const groups = {
  principalRequest: {
    first: 0x01,
    last: 0x0f,
    doc: "principal → runtime manager, inside TLS",
    messages: principalRequest,
  },
  principalResponse: {
    first: 0x10,
    last: 0x1f,
    doc: "runtime manager → principal, inside TLS",
    messages: principalResponse,
  },
  isolateRequest: {
    first: 0x20,
    last: 0x2f,
    doc: "server → isolate, on TCP 6000 or a serial line",
    messages: isolateRequest,
  },
  isolateAnswer: {
    first: 0x30,
    last: 0x3f,
    doc: "isolate → server, on TCP 6000 or a serial line",
    messages: isolateAnswer,
  },
  attestationRequest: {
    first: 0x40,
    last: 0x4f,
    doc: "server or client → proxy attestation server, on HTTP",
    messages: attestationRequest,
  },
  attestationAnswer: {
    first: 0x50,
    last: 0x5f,
    doc: "proxy attestation server → server or client, on HTTP",
    messages: attestationAnswer,
  },
} as const;

/** Which way messages go, and between whom. */
export type Group = keyof typeof groups;
/** The names of a group's messages. */
export type NameIn<G extends Group> = keyof (typeof groups)[G]["messages"];
/** The name of a message of any group. */
export type MessageName = keyof typeof everyMessage;

const everyMessage = {
  ...principalRequest,
  ...principalResponse,
  ...isolateRequest,
  ...isolateAnswer,
  ...attestationRequest,
  ...attestationAnswer,
} as const;

/** Every message by its name. */
export const messages: typeof everyMessage = everyMessage;

/** Outcome of a request. */
export const Status = {
  SUCCESS: 0,
  FAILED_INVALID_ROLE: 1,
  FAILED_NOT_READY: 2,
  FAILED_GENERIC: 3,
  FAILED_VM_ERROR: 4,
  FAILED_ERROR_CODE_RETURNED: 5,
  FAILED_INVALID_REQUEST: 6,
  FAILED_OTHER_ROUND: 7,
} as const;
/** One of the statuses. */
export type Status = (typeof Status)[keyof typeof Status];

/** What each status means. */
export const statusDocs: Record<keyof typeof Status, string> = {
  SUCCESS: "done",
  FAILED_INVALID_ROLE: "the policy does not allow this principal to ask for that",
  FAILED_NOT_READY: "files are missing, or the state of the computation does not allow it now",
  FAILED_GENERIC: "any other failure",
  FAILED_VM_ERROR: "the program was refused, trapped or ran into a limit",
  FAILED_ERROR_CODE_RETURNED: "the program returned another code than 0, see `returnCode`",
  FAILED_INVALID_REQUEST: "the request does not parse, or its fields contradict one another",
  FAILED_OTHER_ROUND: "the round that the request names is not the current one (any more)",
};

/** How far a computation is. */
export const State = {
  INITIAL: 0,
  PROVISIONING: 1,
  STREAMING: 2,
  READY: 3,
  RESULT: 4,
  ENDED: 5,
} as const;
/** One of the states. */
export type State = (typeof State)[keyof typeof State];

/** What each state means. */
export const stateDocs: Record<keyof typeof State, string> = {
  INITIAL: "no policy yet",
  PROVISIONING: "programs or inputs are missing",
  STREAMING: "this round's items of streams are missing",
  READY: "everything is there; the next request of the result runs the program",
  RESULT: "this round's result is there",
  ENDED: "shut down; everything is wiped",
};

type FieldValue<F extends Field> = F["kind"] extends "uint" | "int"
  ? number
  : F["kind"] extends "text"
    ? string
    : Uint8Array;

/** A message of the given name, as an object. */
export type Message<N extends MessageName = MessageName> = N extends MessageName
  ? { type: N } & {
      [F in (typeof messages)[N]["fields"][number]]: FieldValue<(typeof fields)[F]>;
    }
  : never;

/** Any message of a group. */
export type MessageIn<G extends Group> = Message<NameIn<G> & MessageName>;
