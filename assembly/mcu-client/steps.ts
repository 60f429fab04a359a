/** What the caller of the client has to do next; `mcu-client/library/source/client.c` takes the numbers from here. */

/** Nothing: no request is under way. */
export const STEP_IDLE: u32 = 0;
/** Open a connection to the server, then `connected`. */
export const STEP_CONNECT: u32 = 1;
/** Send the output, and say `sent`. */
export const STEP_SEND: u32 = 2;
/** Wait for bytes of the server. */
export const STEP_RECEIVE: u32 = 3;
/** Wait a little, then `poll`: the isolate has not answered yet. */
export const STEP_PAUSE: u32 = 4;
/** Call `work`: there are bytes of the server that take a while. */
export const STEP_WORK: u32 = 6;
/** Have `signContent` signed, put the signature at `signature`, and say `signed`. */
export const STEP_SIGN: u32 = 7;
/** The session is over: see `failure`. */
export const STEP_FAILED: u32 = 5;

/** What a signature is for: the server's admission of a first request, or the handshake. */
export const SIGN_ADMISSION: u32 = 1;
export const SIGN_HANDSHAKE: u32 = 2;
