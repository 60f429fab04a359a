/** The Veracruz client as a library. */

export { Policy, PolicyError } from "../veracruz-utils/policy.js";
export { type ConnectOptions, type Progress, type Source, VeracruzClient } from "./client.js";
export { ClientError, type FailureKind, failureKinds } from "./errors.js";
export {
  entryOf,
  loadIdentity,
  type PrincipalIdentity,
  type SigningIdentity,
  signingIdentity,
} from "./identity.js";
export { CheckFailed, type IsolateCheck, isolateChecks } from "./isolate-checks.js";
export type { IsolateIdentity } from "./isolate-identity.js";
export { commandSigner, type Signer, webCryptoSigner } from "./signers.js";
