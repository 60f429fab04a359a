// TLS alert descriptions (RFC 8446 §6), named as there.

/** Stands for "no alert": alert numbers start at 0. */
export const NO_ALERT: i32 = -1;

export const ALERT_CLOSE_NOTIFY: i32 = 0;
export const ALERT_UNEXPECTED_MESSAGE: i32 = 10;
export const ALERT_BAD_RECORD_MAC: i32 = 20;
export const ALERT_RECORD_OVERFLOW: i32 = 22;
export const ALERT_HANDSHAKE_FAILURE: i32 = 40;
export const ALERT_BAD_CERTIFICATE: i32 = 42;
export const ALERT_UNSUPPORTED_CERTIFICATE: i32 = 43;
export const ALERT_CERTIFICATE_EXPIRED: i32 = 45;
export const ALERT_CERTIFICATE_UNKNOWN: i32 = 46;
export const ALERT_ILLEGAL_PARAMETER: i32 = 47;
export const ALERT_UNKNOWN_CA: i32 = 48;
export const ALERT_ACCESS_DENIED: i32 = 49;
export const ALERT_DECODE_ERROR: i32 = 50;
export const ALERT_DECRYPT_ERROR: i32 = 51;
export const ALERT_PROTOCOL_VERSION: i32 = 70;
export const ALERT_INTERNAL_ERROR: i32 = 80;
export const ALERT_USER_CANCELED: i32 = 90;
export const ALERT_MISSING_EXTENSION: i32 = 109;
export const ALERT_UNSUPPORTED_EXTENSION: i32 = 110;
export const ALERT_CERTIFICATE_REQUIRED: i32 = 116;

export const ALERT_LEVEL_WARNING: u32 = 1;
export const ALERT_LEVEL_FATAL: u32 = 2;
