/**
 * The session manager as a module for clients whose key is elsewhere: in a token, in another process, in WebCrypto. It
 * has what `exports.ts` has; and at the end of a handshake it says what is to be signed, and goes on when the signature
 * comes. And it verifies signatures, for hosts that have nothing of their own that answers at once: a page.
 */
export { ecdsaSignatureFromDer } from "../crypto/ecdsa-signature";
export { p256Verify } from "../crypto/p256";
export * from "./exports";

import { AFFINE_SIZE, POINT_SCRATCH_SIZE, pointFromBytes } from "../crypto/p256-point";
import { TlsClientSession } from "./client-session";
import { configAt, sessionAt } from "./handles";
import { Identity } from "./identity";

/** Takes a public key, 65 bytes uncompressed, for the configuration: its private key is elsewhere. */
export function setPublicKey(config: u32, publicKey: usize): bool {
  const found = configAt(config);
  if (found === null) return false;
  const identity = new Identity();
  identity.setPublicKey(publicKey);
  found.identity = identity;
  return true;
}

/** See `TlsClientSession.prepareSignature`: 130 bytes at `content`, or 0. */
export function prepareSignature(session: u32, content: usize): u32 {
  const found = sessionAt(session);
  return found instanceof TlsClientSession
    ? (found as TlsClientSession).prepareSignature(content)
    : 0;
}

/** See `TlsClientSession.approveSigned`: `signature` is r ‖ s, 64 bytes. */
export function approveSigned(session: u32, signature: usize): void {
  const found = sessionAt(session);
  if (found instanceof TlsClientSession) (found as TlsClientSession).approveSigned(signature);
}

/** Whether the 65 bytes at `publicKey` are an uncompressed point of P-256. Variable time. */
export function isPublicKey(publicKey: usize): bool {
  if (load<u8>(publicKey) !== 0x04) return false;
  const point = heap.alloc(AFFINE_SIZE + POINT_SCRATCH_SIZE);
  const valid = pointFromBytes(point, publicKey + 1, point + AFFINE_SIZE) !== 0;
  heap.free(point);
  return valid;
}
