/**
 * Why a call of the client did not do what it should: the codes of `mcu-client/client/veracruz-client.h`,
 * which a test compares with these. `detail` says more: an alert, an HTTP status, a return code.
 */

/** The configuration is malformed, or key and certificate do not belong together. */
export const E_CONFIGURATION: i32 = -1;
/** The board has no address. */
export const E_NETWORK: i32 = -2;
/** Nobody answers at the server's address. */
export const E_CONNECT: i32 = -3;
/** What answers there does not speak HTTP as the Veracruz server does. */
export const E_HTTP: i32 = -4;
/** The server refuses; detail: its HTTP status. */
export const E_SERVER: i32 = -5;
/** TLS failed, as by a corrupted record; detail: the alert (RFC 8446 §6). */
export const E_TLS: i32 = -6;
/** The isolate's certificate: chain, name or dates; detail: the alert. */
export const E_CHAIN: i32 = -7;
/** The isolate is of no kind that the policy names. */
export const E_KIND: i32 = -8;
/** The isolate is of development grade, which the policy does not allow, or of none; detail: its lifecycle. */
export const E_LIFECYCLE: i32 = -9;
/** The isolate runs another trusted runtime than the policy names. */
export const E_RUNTIME_HASH: i32 = -10;
/** The isolate works under another policy. */
export const E_POLICY_HASH: i32 = -11;
/** The isolate does not accept this client's certificate; detail: the alert. */
export const E_IDENTITY: i32 = -12;
/** The session, or the connection in the middle of it, has ended. */
export const E_CLOSED: i32 = -13;
/** Memory is exhausted. */
export const E_MEMORY: i32 = -14;
/** There are no random numbers. */
export const E_ENTROPY: i32 = -15;
/** No answer in time. */
export const E_TIMEOUT: i32 = -16;
/** What the isolate says does not parse, or does not answer what was asked. */
export const E_PROTOCOL: i32 = -17;
/** Refusals by the isolate, by status. */
export const E_ROLE: i32 = -18;
export const E_NOT_READY: i32 = -19;
export const E_GENERIC: i32 = -20;
export const E_PROGRAM: i32 = -21;
/** The program returned another code than 0; detail: the code. */
export const E_RETURN_CODE: i32 = -22;
export const E_REQUEST: i32 = -23;
/** An argument of the call is out of range, or a buffer too small. */
export const E_ARGUMENT: i32 = -24;
/** There is no session: `vc_connect` comes first. */
export const E_STATE: i32 = -25;
/** The client's own module has trapped: a defect. */
export const E_MODULE: i32 = -26;
/** The policy's own expiry date has passed. */
export const E_EXPIRED: i32 = -27;
