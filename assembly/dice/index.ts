/**
 * The identity of a device that outlives its images (TCG DICE): a module of the first stage, which hands it the
 * keys that it has derived and has them wiped when it is done. The device identity key signs one thing, the
 * certificate of the alias key: a CWT (RFC 8392) whose confirmation (RFC 8747) is that key, and whose other
 * claims are all that the first stage has found out: instance and implementation ID, lifecycle, and each
 * component's measurement and version. Its home has SHA-256, and compresses blocks for it: it imports nothing else.
 *
 * Calls, in this order: `identify`, `describe`, `certify`. Pointers are addresses in this module's memory; the
 * first stage passes bytes through the exchange area.
 */
import { P256_PRIVATE_KEY_LENGTH, P256_PUBLIC_KEY_LENGTH, p256PublicKey } from "../crypto/p256";
import { sha256 } from "../crypto/sha256";
import { INSTANCE_ID_LENGTH } from "../psa-attestation/claims";
import { sign1, sign1Length } from "../psa-attestation/sign1";
import {
  CONFIRMATION_LENGTH,
  MAX_COMPONENTS,
  MAX_DESCRIPTION,
  writeConfirmation,
  writeDescription,
} from "./certificate";

const EXCHANGE_SIZE: usize = 768;

const area: StaticArray<u8> = new StaticArray<u8>(<i32>EXCHANGE_SIZE);
const identityKey: StaticArray<u8> = new StaticArray<u8>(P256_PRIVATE_KEY_LENGTH);
const identityId: StaticArray<u8> = new StaticArray<u8>(<i32>INSTANCE_ID_LENGTH);
/** The claims: the confirmation with its head, and behind it all others. */
const claims: StaticArray<u8> = new StaticArray<u8>(<i32>(CONFIRMATION_LENGTH + MAX_DESCRIPTION));
let descriptionLength: usize = 0;

function description(): usize {
  return changetype<usize>(claims) + CONFIRMATION_LENGTH;
}

/** Where arguments and results lie: 768 bytes. */
export function exchange(): usize {
  return changetype<usize>(area);
}

/**
 * Takes the device identity key.
 *
 * @param privateKey 32 bytes
 * @param publicKey where its public half goes, 65 bytes: 0x04, x, y
 * @returns false when it is no private key of P-256
 */
export function identify(privateKey: usize, publicKey: usize): bool {
  memory.copy(changetype<usize>(identityKey), privateKey, P256_PRIVATE_KEY_LENGTH);
  if (!p256PublicKey(publicKey, privateKey)) return false;
  const instanceId = changetype<usize>(identityId);
  store<u8>(instanceId, 0x01);
  sha256(publicKey, P256_PUBLIC_KEY_LENGTH, instanceId + 1);
  return true;
}

/**
 * Takes what the first stage has found out, and writes SHA-256 of it, as the certificate will say it, at
 * `digest`: what the alias key is to be derived from.
 *
 * @param components `count`, at most three (`certificate.ts` has the layout)
 * @returns false when there are too many of them, or none
 */
export function describe(
  lifecycle: u32,
  implementationId: usize,
  components: usize,
  count: usize,
  digest: usize,
): bool {
  if (count === 0 || count > MAX_COMPONENTS) return false;
  const instanceId = changetype<usize>(identityId);
  const at = description();
  const end = writeDescription(at, instanceId, lifecycle, implementationId, components, count);
  descriptionLength = end - at;
  sha256(at, descriptionLength, digest);
  return true;
}

/**
 * Certifies the alias key.
 *
 * @param aliasKey its private half, 32 bytes
 * @param fresh 32 random bytes for the signature
 * @param certificate where the certificate goes: a tagged COSE_Sign1
 * @returns its length, or 0 when the key is none, or `capacity` bytes are too few
 */
export function certify(aliasKey: usize, fresh: usize, certificate: usize, capacity: usize): usize {
  const payload = changetype<usize>(claims);
  const payloadLength = CONFIRMATION_LENGTH + descriptionLength;
  const length = sign1Length(payloadLength, 0);
  if (descriptionLength === 0 || length > capacity) return 0;
  const point = heap.alloc(P256_PUBLIC_KEY_LENGTH);
  let certified = p256PublicKey(point, aliasKey);
  if (certified) {
    writeConfirmation(payload, point);
    const key = changetype<usize>(identityKey);
    certified = sign1(certificate, payload, payloadLength, key, fresh, 0, 0);
  }
  heap.free(point);
  return certified ? length : 0;
}
