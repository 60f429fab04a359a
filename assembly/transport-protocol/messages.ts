/**
 * The message table of `host/transport-protocol/messages.ts`, where each message and field is described,
 * for the isolate and for MCU clients. A test compares the two.
 */

/** Largest piece of a file in one message. */
export const MAX_PIECE_BYTES: u32 = 16384;
/** Most TLS bytes in one message; fewer where `frameBytes` of the isolate's health says so. */
export const MAX_TLS_BYTES: u32 = 65536;
/** Largest piece of a file that every isolate takes, however small. */
export const SAFE_PIECE_BYTES: u32 = 4096;
/** Largest policy. */
export const MAX_POLICY_BYTES: u32 = 65536;
/** Longest file name. */
export const MAX_FILE_NAME_BYTES: u32 = 64;
/** Longest explanation in a refusal. */
export const MAX_TEXT_BYTES: u32 = 256;
/** Largest frame on the wire between a principal and the runtime manager. */
export const MAX_PRINCIPAL_FRAME_BYTES: u32 = MAX_PIECE_BYTES + 512;
/** Largest frame on the wire between the server and the isolate. */
export const MAX_ISOLATE_FRAME_BYTES: u32 = MAX_POLICY_BYTES + 512;
/** Version of the protocol between server and isolate. */
export const PROTOCOL_VERSION: u32 = 1;

/** Outcome of a request. */
export const STATUS_SUCCESS: u32 = 0;
export const STATUS_FAILED_INVALID_ROLE: u32 = 1;
export const STATUS_FAILED_NOT_READY: u32 = 2;
export const STATUS_FAILED_GENERIC: u32 = 3;
export const STATUS_FAILED_VM_ERROR: u32 = 4;
export const STATUS_FAILED_ERROR_CODE_RETURNED: u32 = 5;
export const STATUS_FAILED_INVALID_REQUEST: u32 = 6;

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

/** runtime manager → principal, inside TLS */
export const GROUP_PRINCIPAL_RESPONSE: u32 = 0x10;
export const MESSAGE_OUTCOME: u8 = 0x10;
export const MESSAGE_HASH: u8 = 0x11;
export const MESSAGE_RESULT: u8 = 0x12;
export const MESSAGE_STATE: u8 = 0x13;
export const MESSAGE_PROXY_ATTESTATION_TOKEN: u8 = 0x14;

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
export const MESSAGE_REATTEST: u8 = 0x29;
export const MESSAGE_CLOSE_SESSIONS: u8 = 0x2a;

/** isolate → server, on TCP 6000 or a serial line */
export const GROUP_ISOLATE_ANSWER: u32 = 0x30;
export const MESSAGE_DONE: u8 = 0x30;
export const MESSAGE_REFUSED: u8 = 0x31;
export const MESSAGE_ATTESTATION: u8 = 0x32;
export const MESSAGE_RUNTIME_STATE_IS: u8 = 0x33;
export const MESSAGE_HEALTH_IS: u8 = 0x34;
export const MESSAGE_REATTESTATION: u8 = 0x35;
export const MESSAGE_TLS_OUTPUT: u8 = 0x38;
export const MESSAGE_SESSION_CLOSED: u8 = 0x39;
export const MESSAGE_ENDED: u8 = 0x3a;

/** server or client → proxy attestation server, on HTTP */
export const GROUP_ATTESTATION_REQUEST: u32 = 0x40;
export const MESSAGE_START: u8 = 0x40;
export const MESSAGE_NATIVE_ATTESTATION_TOKEN: u8 = 0x41;
export const MESSAGE_VERIFY_PROXY_TOKEN: u8 = 0x42;

/** proxy attestation server → server or client, on HTTP */
export const GROUP_ATTESTATION_ANSWER: u32 = 0x50;
export const MESSAGE_CHALLENGE: u8 = 0x50;
export const MESSAGE_CERTIFICATE_CHAIN: u8 = 0x51;
export const MESSAGE_VERIFIED: u8 = 0x52;
export const MESSAGE_ATTESTATION_REFUSED: u8 = 0x53;

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
export const FIELD_PIECE_BYTES: u8 = 17;
export const FIELD_ID: u8 = 18;
export const FIELD_VERSION: u8 = 19;
export const FIELD_POLICY: u8 = 20;
export const FIELD_CHALLENGE: u8 = 21;
export const FIELD_DEVICE_ID: u8 = 22;
export const FIELD_CSR: u8 = 23;
export const FIELD_CERTIFICATE: u8 = 24;
export const FIELD_ISSUER: u8 = 25;
export const FIELD_SESSION: u8 = 26;
export const FIELD_TLS: u8 = 27;
export const FIELD_SESSIONS: u8 = 28;
export const FIELD_MAX_SESSIONS: u8 = 29;
export const FIELD_FREE_BYTES: u8 = 30;
export const FIELD_ATTESTED: u8 = 31;
export const FIELD_POLICY_HASH: u8 = 32;
export const FIELD_KIND: u8 = 33;
export const FIELD_LIFECYCLE: u8 = 34;
export const FIELD_BOOT: u8 = 35;
export const FIELD_RUNTIME_HASH: u8 = 36;
export const FIELD_RUNNING: u8 = 37;
export const FIELD_FRAME_BYTES: u8 = 38;
export const FIELD_PROTOCOL: u8 = 39;
export const FIELD_FIRMWARE_VERSION: u8 = 40;
export const FIELD_PUBLIC_KEY: u8 = 41;
export const FIELD_STATEMENT: u8 = 42;
export const FIELD_CODE: u8 = 43;
/** Number of fields. */
export const FIELD_COUNT: u32 = 44;

const U31: u32 = 0x7fffffff;
const U32: u32 = 0xffffffff;

/**
 * Kind and bounds of each field, by its number: three u32 each. Bounds of integers are values, those of
 * text and byte strings lengths in bytes; `KIND_INT` is any i32.
 */
// biome-ignore format: one field a line
const FIELDS: usize = memory.data<u32>([
  KIND_UINT, 0, 6, // status
  KIND_INT, 0, 0, // returnCode
  KIND_TEXT, 0, 256, // text
  KIND_TEXT, 1, 64, // fileName
  KIND_TEXT, 0, 64, // programName
  KIND_UINT, 0, U32, // offset
  KIND_UINT, 0, U32, // total
  KIND_UINT, 0, U32, // length
  KIND_BYTES, 0, MAX_PIECE_BYTES, // bytes
  KIND_BYTES, 32, 32, // hash
  KIND_BYTES, 32, 32, // nonce
  KIND_BYTES, 1, 2048, // token
  KIND_UINT, 0, 5, // state
  KIND_UINT, 0, U32, // round
  KIND_UINT, 0, U32, // maxRounds
  KIND_UINT, 0, U32, // failedRuns
  KIND_UINT, 0, U32, // maxFailedRuns
  KIND_UINT, 4096, MAX_PIECE_BYTES, // pieceBytes
  KIND_UINT, 0, U32, // id
  KIND_UINT, 0, U32, // version
  KIND_BYTES, 0, MAX_POLICY_BYTES, // policy
  KIND_BYTES, 32, 32, // challenge
  KIND_UINT, 0, U31, // deviceId
  KIND_BYTES, 1, 1024, // csr
  KIND_BYTES, 1, 4096, // certificate
  KIND_BYTES, 1, 4096, // issuer
  KIND_UINT, 1, U31, // session
  KIND_BYTES, 0, MAX_TLS_BYTES, // tls
  KIND_UINT, 0, U32, // sessions
  KIND_UINT, 0, U32, // maxSessions
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
  KIND_BYTES, 1, 4096, // statement
  KIND_TEXT, 1, 64, // code
]);

/** Each message: its type number, its number of fields, its fields in the order of the wire; then 0. */
// biome-ignore format: one message a line
const MESSAGES: usize = memory.data<u8>([
  MESSAGE_DATA, 4, FIELD_FILE_NAME, FIELD_OFFSET, FIELD_TOTAL, FIELD_BYTES,
  MESSAGE_PROGRAM, 4, FIELD_FILE_NAME, FIELD_OFFSET, FIELD_TOTAL, FIELD_BYTES,
  MESSAGE_STREAM, 4, FIELD_FILE_NAME, FIELD_OFFSET, FIELD_TOTAL, FIELD_BYTES,
  MESSAGE_REQUEST_PI_HASH, 1, FIELD_FILE_NAME,
  MESSAGE_REQUEST_POLICY_HASH, 0,
  MESSAGE_REQUEST_RESULT, 4, FIELD_PROGRAM_NAME, FIELD_FILE_NAME, FIELD_OFFSET, FIELD_LENGTH,
  MESSAGE_REQUEST_STATE, 0,
  MESSAGE_REQUEST_NEXT_ROUND, 0,
  MESSAGE_REQUEST_PROXY_ATTESTATION_TOKEN, 1, FIELD_NONCE,
  MESSAGE_REQUEST_SHUTDOWN, 0,
  MESSAGE_OUTCOME, 3, FIELD_STATUS, FIELD_RETURN_CODE, FIELD_TEXT,
  MESSAGE_HASH, 2, FIELD_STATUS, FIELD_HASH,
  MESSAGE_RESULT, 4, FIELD_STATUS, FIELD_TOTAL, FIELD_OFFSET, FIELD_BYTES,
  MESSAGE_STATE, 7, FIELD_STATUS, FIELD_STATE, FIELD_ROUND, FIELD_MAX_ROUNDS, FIELD_FAILED_RUNS, FIELD_MAX_FAILED_RUNS, FIELD_PIECE_BYTES,
  MESSAGE_PROXY_ATTESTATION_TOKEN, 3, FIELD_STATUS, FIELD_TOKEN, FIELD_DEVICE_ID,
  MESSAGE_INITIALISE, 3, FIELD_ID, FIELD_VERSION, FIELD_POLICY,
  MESSAGE_ATTEST, 3, FIELD_ID, FIELD_CHALLENGE, FIELD_DEVICE_ID,
  MESSAGE_INSTALL_CERTIFICATE, 3, FIELD_ID, FIELD_CERTIFICATE, FIELD_ISSUER,
  MESSAGE_NEW_SESSION, 2, FIELD_ID, FIELD_SESSION,
  MESSAGE_CLOSE_SESSION, 2, FIELD_ID, FIELD_SESSION,
  MESSAGE_TLS_INPUT, 3, FIELD_ID, FIELD_SESSION, FIELD_TLS,
  MESSAGE_RUNTIME_STATE, 1, FIELD_ID,
  MESSAGE_RESET, 1, FIELD_ID,
  MESSAGE_HEALTH, 1, FIELD_ID,
  MESSAGE_REATTEST, 2, FIELD_ID, FIELD_NONCE,
  MESSAGE_CLOSE_SESSIONS, 1, FIELD_ID,
  MESSAGE_DONE, 1, FIELD_ID,
  MESSAGE_REFUSED, 3, FIELD_ID, FIELD_STATUS, FIELD_TEXT,
  MESSAGE_ATTESTATION, 4, FIELD_ID, FIELD_TOKEN, FIELD_CSR, FIELD_DEVICE_ID,
  MESSAGE_RUNTIME_STATE_IS, 8, FIELD_ID, FIELD_STATE, FIELD_ATTESTED, FIELD_ROUND, FIELD_SESSIONS, FIELD_MAX_SESSIONS, FIELD_FREE_BYTES, FIELD_POLICY_HASH,
  MESSAGE_HEALTH_IS, 7, FIELD_ID, FIELD_KIND, FIELD_LIFECYCLE, FIELD_BOOT, FIELD_RUNTIME_HASH, FIELD_RUNNING, FIELD_FRAME_BYTES,
  MESSAGE_REATTESTATION, 3, FIELD_ID, FIELD_TOKEN, FIELD_DEVICE_ID,
  MESSAGE_TLS_OUTPUT, 2, FIELD_SESSION, FIELD_TLS,
  MESSAGE_SESSION_CLOSED, 2, FIELD_SESSION, FIELD_TEXT,
  MESSAGE_ENDED, 1, FIELD_TEXT,
  MESSAGE_START, 2, FIELD_PROTOCOL, FIELD_FIRMWARE_VERSION,
  MESSAGE_NATIVE_ATTESTATION_TOKEN, 3, FIELD_TOKEN, FIELD_CSR, FIELD_DEVICE_ID,
  MESSAGE_VERIFY_PROXY_TOKEN, 5, FIELD_TOKEN, FIELD_NONCE, FIELD_PUBLIC_KEY, FIELD_POLICY_HASH, FIELD_DEVICE_ID,
  MESSAGE_CHALLENGE, 2, FIELD_CHALLENGE, FIELD_DEVICE_ID,
  MESSAGE_CERTIFICATE_CHAIN, 2, FIELD_CERTIFICATE, FIELD_ISSUER,
  MESSAGE_VERIFIED, 1, FIELD_STATEMENT,
  MESSAGE_ATTESTATION_REFUSED, 2, FIELD_CODE, FIELD_TEXT,
  0,
]);

/** Kind of a field (`KIND_…`). */
export function fieldKind(field: u32): u32 {
  return load<u32>(FIELDS + (field as usize) * 12);
}

/** Least value, or length in bytes, of a field. */
export function fieldLow(field: u32): u32 {
  return load<u32>(FIELDS + (field as usize) * 12, 4);
}

/** Greatest value, or length in bytes, of a field. */
export function fieldHigh(field: u32): u32 {
  return load<u32>(FIELDS + (field as usize) * 12, 8);
}

/**
 * Where the row of a message is: a byte with its number of fields, then a byte for each field. 0 when
 * there is no such message.
 */
export function messageRow(type: u32): usize {
  let row = MESSAGES;
  let at = load<u8>(row) as u32;
  while (at !== type && at !== 0) {
    row += 2 + (load<u8>(row, 1) as usize);
    at = load<u8>(row) as u32;
  }
  return at === 0 ? 0 : row + 1;
}
