// Numbers of RFC 8446 (and RFC 8449), named as there, and this profile's own limits.

/** ContentType (§5.1) */
export const CONTENT_CHANGE_CIPHER_SPEC: u32 = 20;
export const CONTENT_ALERT: u32 = 21;
export const CONTENT_HANDSHAKE: u32 = 22;
export const CONTENT_APPLICATION_DATA: u32 = 23;

/** HandshakeType (§4) */
export const CLIENT_HELLO: u32 = 1;
export const SERVER_HELLO: u32 = 2;
export const NEW_SESSION_TICKET: u32 = 4;
export const ENCRYPTED_EXTENSIONS: u32 = 8;
export const CERTIFICATE: u32 = 11;
export const CERTIFICATE_REQUEST: u32 = 13;
export const CERTIFICATE_VERIFY: u32 = 15;
export const FINISHED: u32 = 20;
export const KEY_UPDATE: u32 = 24;
/** Only in the transcript, in place of the first ClientHello after a HelloRetryRequest (§4.4.1). */
export const MESSAGE_HASH: u32 = 254;

/** ExtensionType (§4.2) */
export const EXTENSION_SERVER_NAME: u32 = 0;
export const EXTENSION_MAX_FRAGMENT_LENGTH: u32 = 1;
export const EXTENSION_SUPPORTED_GROUPS: u32 = 10;
export const EXTENSION_SIGNATURE_ALGORITHMS: u32 = 13;
export const EXTENSION_PADDING: u32 = 21;
export const EXTENSION_RECORD_SIZE_LIMIT: u32 = 28;
export const EXTENSION_PRE_SHARED_KEY: u32 = 41;
export const EXTENSION_EARLY_DATA: u32 = 42;
export const EXTENSION_SUPPORTED_VERSIONS: u32 = 43;
export const EXTENSION_COOKIE: u32 = 44;
export const EXTENSION_PSK_KEY_EXCHANGE_MODES: u32 = 45;
export const EXTENSION_OID_FILTERS: u32 = 48;
export const EXTENSION_POST_HANDSHAKE_AUTH: u32 = 49;
export const EXTENSION_KEY_SHARE: u32 = 51;

/** Protocol versions (RFC 8446 §4.1.2, §4.2.1). */
export const TLS10: u32 = 0x0301;
export const TLS12: u32 = 0x0303;
export const TLS13: u32 = 0x0304;

/** CipherSuite (§B.4), and this code's bits for sets of them. */
export const TLS_AES_128_GCM_SHA256: u32 = 0x1301;
export const TLS_CHACHA20_POLY1305_SHA256: u32 = 0x1303;
export const SUITE_CHACHA20_POLY1305: u32 = 1;
export const SUITE_AES_128_GCM: u32 = 2;
export const SUITES_ALL: u32 = 3;

/** NamedGroup (§4.2.7), and this code's bits for sets of them. */
export const SECP256R1: u32 = 0x0017;
export const X25519: u32 = 0x001d;
/** draft-ietf-tls-ecdhe-mlkem */
export const X25519MLKEM768: u32 = 0x11ec;
export const GROUP_X25519MLKEM768: u32 = 1;
export const GROUP_X25519: u32 = 2;
export const GROUP_SECP256R1: u32 = 4;
export const GROUPS_ALL: u32 = 7;

/** SignatureScheme (§4.2.3) */
export const ECDSA_SECP256R1_SHA256: u32 = 0x0403;

/** Largest content of one record (§5.1), and the most that protection adds (§5.2). */
export const MAX_PLAINTEXT: u32 = 16384;
export const MAX_EXPANSION: u32 = 256;
export const RECORD_HEADER: u32 = 5;
export const AEAD_TAG: u32 = 16;
export const HANDSHAKE_HEADER: u32 = 4;

/** The least that an endpoint may announce (RFC 8449 §4). */
export const MIN_RECORD_SIZE_LIMIT: u32 = 64;

/**
 * The longest handshake message that a device takes, header not counted: room for a chain of three
 * ordinary certificates or a ClientHello with post-quantum key shares. What is longer is refused before
 * anything is allocated for it.
 */
export const MAX_HANDSHAKE_MESSAGE: u32 = 4608;
/** The same on a computer: room for any ClientHello. */
export const MAX_HANDSHAKE_MESSAGE_COMPUTER: u32 = 65_536;

/** Certificates of a message that are looked at: as many as a chain has. Those behind them are ignored. */
export const MAX_CERTIFICATES: u32 = 10;

/** Bytes of rejected early data that a server skips (§4.2.10). */
export const MAX_SKIPPED_EARLY_DATA: u32 = 16384;

/** Records in a row that bring nothing: dummies, alerts, KeyUpdates, empty application data. */
export const MAX_IDLE_RECORDS: u32 = 32;

/** Records under one key before a KeyUpdate is sent unasked: well below AES-GCM's 2^24.5 (§5.5). */
export const RECORDS_BEFORE_KEY_UPDATE: u64 = 1 << 23;
