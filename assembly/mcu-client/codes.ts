/**
 * Why a call of the client did not do what it should. `mcu-client/library/` gets its codes, with
 * their comments, from here. The detail says more: an alert, an HTTP status, a return code.
 */

/** The configuration is malformed, or key and certificate do not belong together. */
export const VC_E_CONFIGURATION: i32 = -1;
/** The board has no address. */
export const VC_E_NETWORK: i32 = -2;
/** Nobody answers at the server's address. */
export const VC_E_CONNECT: i32 = -3;
/** What answers there does not speak HTTP as the Veracruz server does. */
export const VC_E_HTTP: i32 = -4;
/** The server refuses; detail: its HTTP status. */
export const VC_E_SERVER: i32 = -5;
/** TLS failed, as by a corrupted record; detail: the alert (RFC 8446 §6). */
export const VC_E_TLS: i32 = -6;
/** The isolate's certificate: chain, name or dates; detail: the alert. */
export const VC_E_CHAIN: i32 = -7;
/** The isolate is of no kind that the policy names. */
export const VC_E_KIND: i32 = -8;
/** The isolate is of development grade, which the policy does not allow, or of none; detail: its lifecycle. */
export const VC_E_LIFECYCLE: i32 = -9;
/** The isolate runs another trusted runtime than the policy names. */
export const VC_E_RUNTIME_HASH: i32 = -10;
/** The isolate works under another policy. */
export const VC_E_POLICY_HASH: i32 = -11;
/** The isolate does not accept this client's certificate; detail: the alert. */
export const VC_E_IDENTITY: i32 = -12;
/** The session, or the connection in the middle of it, has ended. */
export const VC_E_CLOSED: i32 = -13;
/** Memory is exhausted. */
export const VC_E_MEMORY: i32 = -14;
/** There are no random numbers. */
export const VC_E_ENTROPY: i32 = -15;
/** No answer in time. */
export const VC_E_TIMEOUT: i32 = -16;
/** What the isolate says does not parse, or does not answer what was asked. */
export const VC_E_PROTOCOL: i32 = -17;
// Refusals by the isolate, by status.
/** The policy does not allow that to us. */
export const VC_E_ROLE: i32 = -18;
/** Files are missing, or the computation does not allow that now. */
export const VC_E_NOT_READY: i32 = -19;
/** Any other refusal by the isolate. */
export const VC_E_GENERIC: i32 = -20;
/** The program was refused, trapped or ran into a limit. */
export const VC_E_PROGRAM: i32 = -21;
/** The program returned another code than 0; detail: the code. */
export const VC_E_RETURN_CODE: i32 = -22;
/** The isolate does not understand the request. */
export const VC_E_REQUEST: i32 = -23;
/** An argument of the call is out of range, or a buffer too small. */
export const VC_E_ARGUMENT: i32 = -24;
/** There is no session: `vc_connect` comes first. */
export const VC_E_STATE: i32 = -25;
/** The client's own module has trapped, a defect: restart the board. */
export const VC_E_MODULE: i32 = -26;
/** The policy's own expiry date has passed. */
export const VC_E_EXPIRED: i32 = -27;
/** The computation is not committed to this isolate, or what it shows of that is not by the policy's CA. */
export const VC_E_COMMIT: i32 = -28;
/** The computation was begun with another isolate; detail: this one's number. */
export const VC_E_RESTART: i32 = -29;
/** The isolate does not prove that it is attested now, or its certificate has ended, and there is no clock to tell. */
export const VC_E_FRESHNESS: i32 = -30;
/** Another reader has ended the round while its result was fetched: fetch it from the beginning. */
export const VC_E_ROUND: i32 = -31;
/** `vc_cancel` was called. */
export const VC_E_CANCELLED: i32 = -32;
/** The store of the record cannot be read or written. */
export const VC_E_STORE: i32 = -33;
/** The owner of the private key does not sign. */
export const VC_E_SIGNATURE: i32 = -34;
/** A component of the isolate is older than the policy wants, or its certificate does not say. */
export const VC_E_VERSION: i32 = -35;
