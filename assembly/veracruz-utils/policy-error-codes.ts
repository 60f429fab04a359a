/** Why a policy is refused. In words: `policy-error-text.ts`. */
export const POLICY_OK: i32 = 0;

/** The text is no JSON document (RFC 8259), or there is no room for it. */
export const POLICY_E_TOO_LONG: i32 = 1;
export const POLICY_E_MEMORY: i32 = 2;
export const POLICY_E_ENDS_EARLY: i32 = 3;
export const POLICY_E_SYNTAX: i32 = 4;
export const POLICY_E_TRAILING: i32 = 5;
export const POLICY_E_UTF8: i32 = 6;
export const POLICY_E_CONTROL_CHARACTER: i32 = 7;
export const POLICY_E_ESCAPE: i32 = 8;
export const POLICY_E_SURROGATE: i32 = 9;
export const POLICY_E_BYTE_ORDER_MARK: i32 = 10;

/** A value is not of the type or range that its key wants. */
export const POLICY_E_NOT_OBJECT: i32 = 16;
export const POLICY_E_NOT_ARRAY: i32 = 17;
export const POLICY_E_NOT_STRING: i32 = 18;
export const POLICY_E_NOT_INTEGER: i32 = 19;
export const POLICY_E_NOT_BOOLEAN: i32 = 20;
export const POLICY_E_UNKNOWN_KEY: i32 = 21;
export const POLICY_E_DUPLICATE_KEY: i32 = 22;
export const POLICY_E_MISSING_KEY: i32 = 23;
export const POLICY_E_NUMBER_RANGE: i32 = 24;
export const POLICY_E_STRING_LENGTH: i32 = 25;

/** A value is not of the form that its key wants. */
export const POLICY_E_FILE_NAME: i32 = 32;
export const POLICY_E_RIGHTS: i32 = 33;
export const POLICY_E_HASH: i32 = 34;
export const POLICY_E_URL: i32 = 35;
export const POLICY_E_PEM: i32 = 36;
export const POLICY_E_CERTIFICATE: i32 = 37;
export const POLICY_E_DATE: i32 = 38;
export const POLICY_E_CIPHERSUITE: i32 = 39;
export const POLICY_E_STRATEGY: i32 = 40;
export const POLICY_E_COMPUTATION_ID: i32 = 41;
export const POLICY_E_INSTANCE_ID: i32 = 42;
export const POLICY_E_COMPONENT: i32 = 43;
export const POLICY_E_VERSION: i32 = 44;
export const POLICY_E_KEY_EXCHANGE: i32 = 45;

/** The policy contradicts itself, or exceeds a limit. */
export const POLICY_E_NO_IDENTITY: i32 = 48;
export const POLICY_E_TOO_MANY_IDENTITIES: i32 = 49;
export const POLICY_E_TOO_MANY_PROGRAMS: i32 = 50;
export const POLICY_E_TOO_MANY_FILES: i32 = 51;
export const POLICY_E_DUPLICATE_ID: i32 = 52;
export const POLICY_E_DUPLICATE_CERTIFICATE: i32 = 53;
export const POLICY_E_DUPLICATE_PROGRAM: i32 = 54;
export const POLICY_E_DUPLICATE_RIGHT: i32 = 55;
export const POLICY_E_RESERVED_NAME: i32 = 56;
export const POLICY_E_UNKNOWN_FILE: i32 = 57;
export const POLICY_E_OUTPUT_WRITTEN_BY_PRINCIPAL: i32 = 58;
export const POLICY_E_PROGRAM_RIGHT: i32 = 59;
export const POLICY_E_PROGRAM_WITHOUT_OUTPUT: i32 = 60;
export const POLICY_E_INPUTS_NOT_CONTIGUOUS: i32 = 61;
export const POLICY_E_STREAMS_NOT_CONTIGUOUS: i32 = 62;
export const POLICY_E_NO_RUNTIME_HASH: i32 = 63;
export const POLICY_E_NO_INSTANCE: i32 = 65;
export const POLICY_E_TOO_MANY_INSTANCES: i32 = 66;
export const POLICY_E_DUPLICATE_INSTANCE: i32 = 67;
export const POLICY_E_TOO_MANY_VERSIONS: i32 = 68;
export const POLICY_E_DUPLICATE_COMPONENT: i32 = 69;

/** A certificate with which no connection can succeed. */
export const POLICY_E_AUTHORITY: i32 = 70;
export const POLICY_E_CERTIFICATE_KEY_USAGE: i32 = 71;
export const POLICY_E_CERTIFICATE_PURPOSE: i32 = 72;
export const POLICY_E_CERTIFICATE_EXTENSION: i32 = 73;
