/**
 * Made from `host/transport-protocol/messages.ts`, which describes each message, field and limit: change
 * that file and run `npm run build`.
 */

/** Sizes in bytes, and the version of the protocol. */
export const MAX_FILE_NAME_BYTES: u32 = 64;
export const MAX_ISOLATE_FRAME_BYTES: u32 = 66048;
export const MAX_NAMES_BYTES: u32 = 1024;
export const MAX_PIECE_BYTES: u32 = 16384;
export const MAX_POLICY_BYTES: u32 = 65536;
export const MAX_PRINCIPAL_FRAME_BYTES: u32 = 16896;
export const MAX_SCOPE_BYTES: u32 = 1536;
export const MAX_STATEMENT_BYTES: u32 = 1024;
export const MAX_TEXT_BYTES: u32 = 256;
export const MAX_TLS_BYTES: u32 = 65536;
export const PROTOCOL_VERSION: u32 = 2;
export const SAFE_PIECE_BYTES: u32 = 4096;

/** Outcome of a request. */
export const STATUS_SUCCESS: u32 = 0;
export const STATUS_FAILED_INVALID_ROLE: u32 = 1;
export const STATUS_FAILED_NOT_READY: u32 = 2;
export const STATUS_FAILED_GENERIC: u32 = 3;
export const STATUS_FAILED_VM_ERROR: u32 = 4;
export const STATUS_FAILED_ERROR_CODE_RETURNED: u32 = 5;
export const STATUS_FAILED_INVALID_REQUEST: u32 = 6;
export const STATUS_FAILED_OTHER_ROUND: u32 = 7;

/** How far a computation is. */
export const STATE_INITIAL: u32 = 0;
export const STATE_PROVISIONING: u32 = 1;
export const STATE_STREAMING: u32 = 2;
export const STATE_READY: u32 = 3;
export const STATE_RESULT: u32 = 4;
export const STATE_ENDED: u32 = 5;

/** principal → runtime manager, inside TLS */
export const GROUP_PRINCIPAL_REQUEST: u32 = 0x00;
export const MESSAGE_DATA: u8 = 0x01;
export const MESSAGE_PROGRAM: u8 = 0x02;
export const MESSAGE_STREAM: u8 = 0x03;
export const MESSAGE_REQUEST_PI_HASH: u8 = 0x04;
export const MESSAGE_REQUEST_POLICY_HASH: u8 = 0x05;
export const MESSAGE_REQUEST_RESULT: u8 = 0x06;
export const MESSAGE_REQUEST_STATE: u8 = 0x07;
export const MESSAGE_REQUEST_NEXT_ROUND: u8 = 0x08;
export const MESSAGE_REQUEST_PROXY_ATTESTATION_TOKEN: u8 = 0x09;
export const MESSAGE_REQUEST_SHUTDOWN: u8 = 0x0a;
export const MESSAGE_COMMIT: u8 = 0x0b;
export const MESSAGE_REQUEST_FRESHNESS: u8 = 0x0c;
export const MESSAGE_REQUEST_MISSING: u8 = 0x0d;

/** runtime manager → principal, inside TLS */
export const GROUP_PRINCIPAL_RESPONSE: u32 = 0x10;
export const MESSAGE_OUTCOME: u8 = 0x10;
export const MESSAGE_HASH: u8 = 0x11;
export const MESSAGE_RESULT: u8 = 0x12;
export const MESSAGE_STATE: u8 = 0x13;
export const MESSAGE_PROXY_ATTESTATION_TOKEN: u8 = 0x14;
export const MESSAGE_COMMITTED: u8 = 0x15;
export const MESSAGE_FRESHNESS: u8 = 0x16;
export const MESSAGE_MISSING: u8 = 0x17;

/** server → isolate, on TCP 6000 or a serial line */
export const GROUP_ISOLATE_REQUEST: u32 = 0x20;
export const MESSAGE_INITIALISE: u8 = 0x20;
export const MESSAGE_ATTEST: u8 = 0x21;
export const MESSAGE_INSTALL_CERTIFICATE: u8 = 0x22;
export const MESSAGE_NEW_SESSION: u8 = 0x23;
export const MESSAGE_CLOSE_SESSION: u8 = 0x24;
export const MESSAGE_TLS_INPUT: u8 = 0x25;
export const MESSAGE_RUNTIME_STATE: u8 = 0x26;
export const MESSAGE_RESET: u8 = 0x27;
export const MESSAGE_HEALTH: u8 = 0x28;
export const MESSAGE_CLOSE_SESSIONS: u8 = 0x2a;
export const MESSAGE_INSTALL_COMMITMENT: u8 = 0x2b;
export const MESSAGE_DELIVER_FRESHNESS: u8 = 0x2c;
export const MESSAGE_PROVE_DEVICE: u8 = 0x2d;
export const MESSAGE_UPDATE: u8 = 0x2e;

/** isolate → server, on TCP 6000 or a serial line */
export const GROUP_ISOLATE_ANSWER: u32 = 0x30;
export const MESSAGE_DONE: u8 = 0x30;
export const MESSAGE_REFUSED: u8 = 0x31;
export const MESSAGE_ATTESTATION: u8 = 0x32;
export const MESSAGE_RUNTIME_STATE_IS: u8 = 0x33;
export const MESSAGE_HEALTH_IS: u8 = 0x34;
export const MESSAGE_DEVICE_PROOF: u8 = 0x35;
export const MESSAGE_UPDATE_IS: u8 = 0x36;
export const MESSAGE_TLS_OUTPUT: u8 = 0x38;
export const MESSAGE_SESSION_CLOSED: u8 = 0x39;
export const MESSAGE_SESSION_OPENED: u8 = 0x3c;
export const MESSAGE_ENDED: u8 = 0x3a;
export const MESSAGE_COMMIT_WANTED: u8 = 0x3b;
export const MESSAGE_FRESHNESS_WANTED: u8 = 0x3d;

/** server or client → proxy attestation server, on HTTP */
export const GROUP_ATTESTATION_REQUEST: u32 = 0x40;
export const MESSAGE_START: u8 = 0x40;
export const MESSAGE_NATIVE_ATTESTATION_TOKEN: u8 = 0x41;
export const MESSAGE_VERIFY_PROXY_TOKEN: u8 = 0x42;
export const MESSAGE_COMMIT_COMPUTATION: u8 = 0x43;

/** proxy attestation server → server or client, on HTTP */
export const GROUP_ATTESTATION_ANSWER: u32 = 0x50;
export const MESSAGE_CHALLENGE: u8 = 0x50;
export const MESSAGE_CERTIFICATE_CHAIN: u8 = 0x51;
export const MESSAGE_VERIFIED: u8 = 0x52;
export const MESSAGE_ATTESTATION_REFUSED: u8 = 0x53;
export const MESSAGE_COMMITMENT: u8 = 0x54;

/** Kinds of fields. */
export const KIND_UINT: u32 = 0;
export const KIND_INT: u32 = 1;
export const KIND_TEXT: u32 = 2;
export const KIND_BYTES: u32 = 3;

/** Fields, by which `Message` holds its values. */
export const FIELD_STATUS: u8 = 0;
export const FIELD_RETURN_CODE: u8 = 1;
export const FIELD_TEXT: u8 = 2;
export const FIELD_FILE_NAME: u8 = 3;
export const FIELD_PROGRAM_NAME: u8 = 4;
export const FIELD_OFFSET: u8 = 5;
export const FIELD_TOTAL: u8 = 6;
export const FIELD_LENGTH: u8 = 7;
export const FIELD_BYTES: u8 = 8;
export const FIELD_HASH: u8 = 9;
export const FIELD_NONCE: u8 = 10;
export const FIELD_TOKEN: u8 = 11;
export const FIELD_STATE: u8 = 12;
export const FIELD_ROUND: u8 = 13;
export const FIELD_MAX_ROUNDS: u8 = 14;
export const FIELD_FAILED_RUNS: u8 = 15;
export const FIELD_MAX_FAILED_RUNS: u8 = 16;
export const FIELD_NAMES: u8 = 17;
export const FIELD_FILE: u8 = 18;
export const FIELD_PIECE_BYTES: u8 = 19;
export const FIELD_ID: u8 = 20;
export const FIELD_VERSION: u8 = 21;
export const FIELD_POLICY: u8 = 22;
export const FIELD_CHALLENGE: u8 = 23;
export const FIELD_DEVICE_ID: u8 = 24;
export const FIELD_CSR: u8 = 25;
export const FIELD_CERTIFICATE: u8 = 26;
export const FIELD_ISSUER: u8 = 27;
export const FIELD_SESSION: u8 = 28;
export const FIELD_TLS: u8 = 29;
export const FIELD_SESSIONS: u8 = 30;
export const FIELD_MAX_SESSIONS: u8 = 31;
export const FIELD_HANDSHAKES: u8 = 32;
export const FIELD_STRANGERS: u8 = 33;
export const FIELD_ADMITTED: u8 = 34;
export const FIELD_FREE_BYTES: u8 = 35;
export const FIELD_ATTESTED: u8 = 36;
export const FIELD_POLICY_HASH: u8 = 37;
export const FIELD_KIND: u8 = 38;
export const FIELD_LIFECYCLE: u8 = 39;
export const FIELD_BOOT: u8 = 40;
export const FIELD_RUNTIME_HASH: u8 = 41;
export const FIELD_RUNNING: u8 = 42;
export const FIELD_FRAME_BYTES: u8 = 43;
export const FIELD_PROTOCOL: u8 = 44;
export const FIELD_FIRMWARE_VERSION: u8 = 45;
export const FIELD_PUBLIC_KEY: u8 = 46;
export const FIELD_STATEMENT: u8 = 47;
export const FIELD_SCOPE: u8 = 48;
export const FIELD_SCOPE_HASH: u8 = 49;
export const FIELD_STEP: u8 = 50;
export const FIELD_OUTCOME: u8 = 51;
export const FIELD_UPDATE_STATE: u8 = 52;
export const FIELD_EXPORTER: u8 = 53;
export const FIELD_SIGNATURE: u8 = 54;
export const FIELD_CODE: u8 = 55;
/** Number of fields. */
export const FIELD_COUNT: u32 = 56;

const U31: u32 = 0x7fffffff;
const U32: u32 = 0xffffffff;

/**
 * Kind and bounds of each field, by its number: three u32 each. Bounds of integers are values, those of
 * text and byte strings lengths in bytes; `KIND_INT` is any i32.
 */
// biome-ignore format: one field a line
export const FIELDS: usize = memory.data<u32>([
  KIND_UINT, 0, 7, // status
  KIND_INT, 0, 0, // returnCode
  KIND_TEXT, 0, 256, // text
  KIND_TEXT, 1, 64, // fileName
  KIND_TEXT, 0, 64, // programName
  KIND_UINT, 0, U32, // offset
  KIND_UINT, 0, U32, // total
  KIND_UINT, 0, U32, // length
  KIND_BYTES, 0, 16384, // bytes
  KIND_BYTES, 32, 32, // hash
  KIND_BYTES, 32, 32, // nonce
  KIND_BYTES, 1, 2048, // token
  KIND_UINT, 0, 5, // state
  KIND_UINT, 0, U32, // round
  KIND_UINT, 0, U32, // maxRounds
  KIND_UINT, 0, U32, // failedRuns
  KIND_UINT, 0, U32, // maxFailedRuns
  KIND_BYTES, 0, 1024, // names
  KIND_UINT, 0, U32, // file
  KIND_UINT, 4096, 16384, // pieceBytes
  KIND_UINT, 0, U32, // id
  KIND_UINT, 0, U32, // version
  KIND_BYTES, 0, 65536, // policy
  KIND_BYTES, 32, 32, // challenge
  KIND_UINT, 0, U31, // deviceId
  KIND_BYTES, 1, 1024, // csr
  KIND_BYTES, 1, 4096, // certificate
  KIND_BYTES, 1, 4096, // issuer
  KIND_UINT, 1, U31, // session
  KIND_BYTES, 0, 65536, // tls
  KIND_UINT, 0, U32, // sessions
  KIND_UINT, 0, U32, // maxSessions
  KIND_UINT, 0, U32, // handshakes
  KIND_UINT, 0, U32, // strangers
  KIND_UINT, 0, 1, // admitted
  KIND_UINT, 0, U32, // freeBytes
  KIND_UINT, 0, 1, // attested
  KIND_BYTES, 0, 32, // policyHash
  KIND_TEXT, 1, 16, // kind
  KIND_UINT, 0, 65535, // lifecycle
  KIND_BYTES, 16, 16, // boot
  KIND_BYTES, 32, 32, // runtimeHash
  KIND_UINT, 0, 1, // running
  KIND_UINT, 0, U32, // frameBytes
  KIND_TEXT, 1, 16, // protocol
  KIND_TEXT, 0, 64, // firmwareVersion
  KIND_BYTES, 1, 128, // publicKey
  KIND_BYTES, 0, 1024, // statement
  KIND_BYTES, 1, 1536, // scope
  KIND_BYTES, 32, 32, // scopeHash
  KIND_UINT, 0, 5, // step
  KIND_UINT, 0, 12, // outcome
  KIND_BYTES, 104, 104, // updateState
  KIND_BYTES, 32, 32, // exporter
  KIND_BYTES, 64, 64, // signature
  KIND_TEXT, 1, 64, // code
]);

/** Each message: its type number, its number of fields, its fields in the order of the wire; then 0. */
// biome-ignore format: one message a line
export const MESSAGES: usize = memory.data<u8>([
  MESSAGE_DATA, 4, FIELD_FILE_NAME, FIELD_OFFSET, FIELD_TOTAL, FIELD_BYTES,
  MESSAGE_PROGRAM, 4, FIELD_FILE_NAME, FIELD_OFFSET, FIELD_TOTAL, FIELD_BYTES,
  MESSAGE_STREAM, 5, FIELD_ROUND, FIELD_FILE_NAME, FIELD_OFFSET, FIELD_TOTAL, FIELD_BYTES,
  MESSAGE_REQUEST_PI_HASH, 1, FIELD_FILE_NAME,
  MESSAGE_REQUEST_POLICY_HASH, 0,
  MESSAGE_REQUEST_RESULT, 5, FIELD_ROUND, FIELD_PROGRAM_NAME, FIELD_FILE_NAME, FIELD_OFFSET, FIELD_LENGTH,
  MESSAGE_REQUEST_STATE, 0,
  MESSAGE_REQUEST_NEXT_ROUND, 1, FIELD_ROUND,
  MESSAGE_REQUEST_PROXY_ATTESTATION_TOKEN, 1, FIELD_NONCE,
  MESSAGE_REQUEST_SHUTDOWN, 0,
  MESSAGE_COMMIT, 0,
  MESSAGE_REQUEST_FRESHNESS, 1, FIELD_NONCE,
  MESSAGE_REQUEST_MISSING, 1, FIELD_FILE,
  MESSAGE_OUTCOME, 3, FIELD_STATUS, FIELD_RETURN_CODE, FIELD_TEXT,
  MESSAGE_HASH, 2, FIELD_STATUS, FIELD_HASH,
  MESSAGE_RESULT, 6, FIELD_STATUS, FIELD_ROUND, FIELD_PROGRAM_NAME, FIELD_TOTAL, FIELD_OFFSET, FIELD_BYTES,
  MESSAGE_STATE, 8, FIELD_STATUS, FIELD_STATE, FIELD_ROUND, FIELD_MAX_ROUNDS, FIELD_FAILED_RUNS, FIELD_MAX_FAILED_RUNS, FIELD_PIECE_BYTES, FIELD_STATEMENT,
  MESSAGE_PROXY_ATTESTATION_TOKEN, 3, FIELD_STATUS, FIELD_TOKEN, FIELD_DEVICE_ID,
  MESSAGE_COMMITTED, 2, FIELD_STATUS, FIELD_STATEMENT,
  MESSAGE_FRESHNESS, 2, FIELD_STATUS, FIELD_STATEMENT,
  MESSAGE_MISSING, 3, FIELD_STATUS, FIELD_NAMES, FIELD_FILE,
  MESSAGE_INITIALISE, 3, FIELD_ID, FIELD_VERSION, FIELD_POLICY,
  MESSAGE_ATTEST, 3, FIELD_ID, FIELD_CHALLENGE, FIELD_DEVICE_ID,
  MESSAGE_INSTALL_CERTIFICATE, 3, FIELD_ID, FIELD_CERTIFICATE, FIELD_ISSUER,
  MESSAGE_NEW_SESSION, 3, FIELD_ID, FIELD_SESSION, FIELD_ADMITTED,
  MESSAGE_CLOSE_SESSION, 2, FIELD_ID, FIELD_SESSION,
  MESSAGE_TLS_INPUT, 3, FIELD_ID, FIELD_SESSION, FIELD_TLS,
  MESSAGE_RUNTIME_STATE, 1, FIELD_ID,
  MESSAGE_RESET, 1, FIELD_ID,
  MESSAGE_HEALTH, 1, FIELD_ID,
  MESSAGE_CLOSE_SESSIONS, 1, FIELD_ID,
  MESSAGE_INSTALL_COMMITMENT, 2, FIELD_ID, FIELD_STATEMENT,
  MESSAGE_DELIVER_FRESHNESS, 3, FIELD_ID, FIELD_SESSION, FIELD_STATEMENT,
  MESSAGE_PROVE_DEVICE, 2, FIELD_ID, FIELD_CHALLENGE,
  MESSAGE_UPDATE, 4, FIELD_ID, FIELD_STEP, FIELD_OFFSET, FIELD_BYTES,
  MESSAGE_DONE, 1, FIELD_ID,
  MESSAGE_REFUSED, 3, FIELD_ID, FIELD_STATUS, FIELD_TEXT,
  MESSAGE_ATTESTATION, 6, FIELD_ID, FIELD_TOKEN, FIELD_CSR, FIELD_DEVICE_ID, FIELD_POLICY_HASH, FIELD_SCOPE,
  MESSAGE_RUNTIME_STATE_IS, 10, FIELD_ID, FIELD_STATE, FIELD_ATTESTED, FIELD_ROUND, FIELD_SESSIONS, FIELD_MAX_SESSIONS, FIELD_HANDSHAKES, FIELD_STRANGERS, FIELD_FREE_BYTES, FIELD_POLICY_HASH,
  MESSAGE_HEALTH_IS, 7, FIELD_ID, FIELD_KIND, FIELD_LIFECYCLE, FIELD_BOOT, FIELD_RUNTIME_HASH, FIELD_RUNNING, FIELD_FRAME_BYTES,
  MESSAGE_DEVICE_PROOF, 2, FIELD_ID, FIELD_TOKEN,
  MESSAGE_UPDATE_IS, 3, FIELD_ID, FIELD_OUTCOME, FIELD_UPDATE_STATE,
  MESSAGE_TLS_OUTPUT, 2, FIELD_SESSION, FIELD_TLS,
  MESSAGE_SESSION_CLOSED, 2, FIELD_SESSION, FIELD_TEXT,
  MESSAGE_SESSION_OPENED, 1, FIELD_SESSION,
  MESSAGE_ENDED, 1, FIELD_TEXT,
  MESSAGE_COMMIT_WANTED, 4, FIELD_PUBLIC_KEY, FIELD_POLICY_HASH, FIELD_SCOPE_HASH, FIELD_SIGNATURE,
  MESSAGE_FRESHNESS_WANTED, 7, FIELD_SESSION, FIELD_TOKEN, FIELD_NONCE, FIELD_PUBLIC_KEY, FIELD_POLICY_HASH, FIELD_DEVICE_ID, FIELD_EXPORTER,
  MESSAGE_START, 2, FIELD_PROTOCOL, FIELD_FIRMWARE_VERSION,
  MESSAGE_NATIVE_ATTESTATION_TOKEN, 5, FIELD_TOKEN, FIELD_CSR, FIELD_DEVICE_ID, FIELD_POLICY_HASH, FIELD_SCOPE,
  MESSAGE_VERIFY_PROXY_TOKEN, 6, FIELD_TOKEN, FIELD_NONCE, FIELD_PUBLIC_KEY, FIELD_POLICY_HASH, FIELD_DEVICE_ID, FIELD_EXPORTER,
  MESSAGE_COMMIT_COMPUTATION, 4, FIELD_PUBLIC_KEY, FIELD_POLICY_HASH, FIELD_SCOPE_HASH, FIELD_SIGNATURE,
  MESSAGE_CHALLENGE, 2, FIELD_CHALLENGE, FIELD_DEVICE_ID,
  MESSAGE_CERTIFICATE_CHAIN, 2, FIELD_CERTIFICATE, FIELD_ISSUER,
  MESSAGE_VERIFIED, 1, FIELD_STATEMENT,
  MESSAGE_ATTESTATION_REFUSED, 2, FIELD_CODE, FIELD_TEXT,
  MESSAGE_COMMITMENT, 1, FIELD_STATEMENT,
  0,
]);
