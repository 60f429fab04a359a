/** The Veracruz client as a library. */
export { type ConnectOptions, type Progress, type Source, VeracruzClient } from "./client.js";
export { ClientError, type FailureKind, failureKinds } from "./errors.js";
export { entryOf, loadIdentity, type PrincipalIdentity } from "./identity.js";
export type { IsolateIdentity } from "./isolate-identity.js";
