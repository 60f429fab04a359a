/**
 * The root of trust's attestation service: a WebAssembly module of its own, instantiated apart from
 * the trusted runtime, so that nothing the runtime does can read the attestation key. It has the
 * semantics of the PSA initial attestation API (PSA Certified Attestation API 2.0) and makes RFC 9783
 * tokens. It imports nothing.
 *
 * Its home (the host isolate's root of trust process code, or a device's first stage) calls
 * `initialise` once with the key and the device's identity, and `addSoftwareComponent` for each piece
 * of software that it has measured itself, before it lets anything ask for a token. The first token
 * closes the list: software that runs later cannot add itself.
 *
 * Pointers are addresses in this module's memory; the home passes bytes through the exchange area.
 * Nothing here is called by the runtime directly, only through its home.
 */
import { wipe } from "../crypto/constant-time";
import { hmacSha256 } from "../crypto/hmac";
import { P256_PRIVATE_KEY_LENGTH, P256_PUBLIC_KEY_LENGTH, p256PublicKey } from "../crypto/p256";
import { sha256 } from "../crypto/sha256";
import {
  DeviceClaims,
  IMPLEMENTATION_ID_LENGTH,
  INSTANCE_ID_LENGTH,
  isHashLength,
  isLifecycle,
  MAX_BOOT_SEED,
  MAX_CLAIMS,
  MAX_COMPONENT_TEXT,
  MAX_COMPONENTS,
  MIN_BOOT_SEED,
} from "./claims";
import { sign1, sign1Length } from "./sign1";
import {
  PSA_ERROR_BAD_STATE,
  PSA_ERROR_BUFFER_TOO_SMALL,
  PSA_ERROR_GENERIC_ERROR,
  PSA_ERROR_INSUFFICIENT_STORAGE,
  PSA_ERROR_INVALID_ARGUMENT,
  PSA_SUCCESS,
} from "./status";

/** PSA_INITIAL_ATTEST_CHALLENGE_SIZE_64. */
const MAX_CHALLENGE: usize = 64;
/** Bytes of entropy that the home hands over at start. */
const POOL_LENGTH: usize = 32;
const EXCHANGE_SIZE: usize = 2048;

const UNINITIALISED: u32 = 0;
/** Initialised; software components may be added. */
const MEASURING: u32 = 1;
/** Tokens have been asked for; the list of components is closed. */
const SEALED: u32 = 2;

class RootOfTrust {
  state: u32 = UNINITIALISED;
  readonly claims: DeviceClaims = new DeviceClaims();
  readonly exchange: StaticArray<u8> = new StaticArray<u8>(<i32>EXCHANGE_SIZE);
  readonly privateKey: StaticArray<u8> = new StaticArray<u8>(P256_PRIVATE_KEY_LENGTH);
  readonly publicKey: StaticArray<u8> = new StaticArray<u8>(P256_PUBLIC_KEY_LENGTH);
  /** Secret from which each signature's fresh bytes come; it moves on with every use. */
  readonly pool: StaticArray<u8> = new StaticArray<u8>(<i32>POOL_LENGTH);
}

/** A module instance is one root of trust. */
const root = new RootOfTrust();

/** Whether `[pointer, pointer + length)` lies in this module's memory. */
function inMemory(pointer: usize, length: usize): bool {
  const size = (<u64>memory.size()) << 16;
  return <u64>pointer + <u64>length <= size;
}

/** Where the home puts arguments and finds results. */
export function exchange(): usize {
  return changetype<usize>(root.exchange);
}

/** Bytes of the exchange area. */
export function exchangeSize(): usize {
  return EXCHANGE_SIZE;
}

/**
 * Takes the device's identity. Once in the life of an instance.
 *
 * @param privateKey 32 bytes, P-256; wiped here when taken
 * @param entropy 32 random bytes; wiped here when taken
 * @param implementationId 32 bytes
 * @param lifecycle a PSA security lifecycle, read by the home from the device's protection state
 * @param clientId int32 other than 0: the caller's identity in the sense of PSA
 * @param bootSeed, bootSeedLength 8 to 32 random bytes, drawn at this boot; length 0: no such claim
 * @returns PSA_SUCCESS, PSA_ERROR_INVALID_ARGUMENT, or PSA_ERROR_BAD_STATE the second time
 */
export function initialise(
  privateKey: usize,
  entropy: usize,
  implementationId: usize,
  lifecycle: u32,
  clientId: i32,
  bootSeed: usize,
  bootSeedLength: usize,
): i32 {
  if (root.state !== UNINITIALISED) return PSA_ERROR_BAD_STATE;
  if (
    !inMemory(privateKey, P256_PRIVATE_KEY_LENGTH) ||
    !inMemory(entropy, POOL_LENGTH) ||
    !inMemory(implementationId, IMPLEMENTATION_ID_LENGTH) ||
    !inMemory(bootSeed, bootSeedLength) ||
    !isLifecycle(lifecycle) ||
    clientId === 0 ||
    (bootSeedLength !== 0 && (bootSeedLength < MIN_BOOT_SEED || bootSeedLength > MAX_BOOT_SEED))
  ) {
    return PSA_ERROR_INVALID_ARGUMENT;
  }
  const publicKey = changetype<usize>(root.publicKey);
  if (!p256PublicKey(publicKey, privateKey)) return PSA_ERROR_INVALID_ARGUMENT;
  memory.copy(changetype<usize>(root.privateKey), privateKey, P256_PRIVATE_KEY_LENGTH);
  memory.copy(changetype<usize>(root.pool), entropy, POOL_LENGTH);
  wipe(privateKey, P256_PRIVATE_KEY_LENGTH);
  wipe(entropy, POOL_LENGTH);
  root.claims.set(implementationId, lifecycle, clientId, bootSeed, bootSeedLength);
  // PSA Attestation API 2.0, table 4: 0x01 ‖ hash of the public key.
  const instanceId = root.claims.instanceId();
  store<u8>(instanceId, 0x01);
  sha256(publicKey, P256_PUBLIC_KEY_LENGTH, instanceId + 1);
  root.state = MEASURING;
  return PSA_SUCCESS;
}

/**
 * Adds a piece of software that the home has measured.
 *
 * @param type, typeLength measurement type, ASCII, at most 16 bytes; 0: none
 * @param value, valueLength its hash: 32, 48 or 64 bytes
 * @param signer, signerLength hash of the key that signed it: 32, 48 or 64 bytes
 * @param version, versionLength ASCII, at most 16 bytes; 0: none
 * @returns PSA_SUCCESS, PSA_ERROR_INVALID_ARGUMENT, PSA_ERROR_INSUFFICIENT_STORAGE after four
 *   components, or PSA_ERROR_BAD_STATE before `initialise` and after the first token
 */
export function addSoftwareComponent(
  type: usize,
  typeLength: usize,
  value: usize,
  valueLength: usize,
  signer: usize,
  signerLength: usize,
  version: usize,
  versionLength: usize,
): i32 {
  if (root.state !== MEASURING) return PSA_ERROR_BAD_STATE;
  if (
    typeLength > MAX_COMPONENT_TEXT ||
    versionLength > MAX_COMPONENT_TEXT ||
    !isHashLength(valueLength) ||
    !isHashLength(signerLength) ||
    !isAscii(type, typeLength) ||
    !inMemory(value, valueLength) ||
    !inMemory(signer, signerLength) ||
    !isAscii(version, versionLength)
  ) {
    return PSA_ERROR_INVALID_ARGUMENT;
  }
  if (root.claims.count() >= MAX_COMPONENTS) return PSA_ERROR_INSUFFICIENT_STORAGE;
  root.claims.add(
    type,
    typeLength,
    value,
    valueLength,
    signer,
    signerLength,
    version,
    versionLength,
  );
  return PSA_SUCCESS;
}

/** Whether there is text that needs no further check to be UTF-8. */
function isAscii(text: usize, length: usize): bool {
  if (!inMemory(text, length)) return false;
  for (let i: usize = 0; i < length; i++) if (load<u8>(text + i) >= 0x80) return false;
  return true;
}

function isChallengeLength(length: usize): bool {
  return isHashLength(length);
}

/** Why no token can be made of a challenge of that length now, or PSA_SUCCESS. */
function readiness(challengeLength: usize): i32 {
  if (!isChallengeLength(challengeLength)) return PSA_ERROR_INVALID_ARGUMENT;
  if (root.state === UNINITIALISED || root.claims.count() === 0) return PSA_ERROR_BAD_STATE;
  return PSA_SUCCESS;
}

/**
 * psa_initial_attest_get_token_size.
 *
 * @param challengeLength 32, 48 or 64
 * @returns the length of the token that `getToken` makes for a challenge of that length, or
 *   PSA_ERROR_INVALID_ARGUMENT, or PSA_ERROR_BAD_STATE while nothing is measured
 */
export function getTokenSize(challengeLength: usize): i32 {
  const ready = readiness(challengeLength);
  if (ready !== PSA_SUCCESS) return ready;
  const scratch = heap.alloc(MAX_CLAIMS + MAX_CHALLENGE);
  const length = root.claims.write(scratch, scratch + MAX_CLAIMS, challengeLength) - scratch;
  heap.free(scratch);
  return <i32>sign1Length(length);
}

/** 32 bytes at `fresh` that no other signature gets, and no one can tell who has the pool later. */
function drawFresh(fresh: usize): void {
  const pool = changetype<usize>(root.pool);
  const label = heap.alloc(1);
  store<u8>(label, 1);
  hmacSha256(pool, POOL_LENGTH, label, 1, fresh);
  store<u8>(label, 0);
  hmacSha256(pool, POOL_LENGTH, label, 1, pool);
  heap.free(label);
}

/**
 * psa_initial_attest_get_token: makes and signs a token over a challenge.
 *
 * @param challenge, challengeLength 32, 48 or 64 bytes
 * @param token, capacity where it goes
 * @returns the token's length, or PSA_ERROR_INVALID_ARGUMENT (length of the challenge),
 *   PSA_ERROR_BUFFER_TOO_SMALL (nothing is stored; `getTokenSize` says what is needed),
 *   PSA_ERROR_BAD_STATE (no key or nothing measured yet), PSA_ERROR_GENERIC_ERROR
 */
export function getToken(
  challenge: usize,
  challengeLength: usize,
  token: usize,
  capacity: usize,
): i32 {
  const ready = readiness(challengeLength);
  if (ready !== PSA_SUCCESS) return ready;
  if (!inMemory(challenge, challengeLength) || !inMemory(token, capacity)) {
    return PSA_ERROR_INVALID_ARGUMENT;
  }
  // The claims are put together apart from the exchange area: the two may not overlap.
  const payload = heap.alloc(MAX_CLAIMS);
  const fresh = heap.alloc(POOL_LENGTH);
  const payloadLength = root.claims.write(payload, challenge, challengeLength) - payload;
  const length = sign1Length(payloadLength);
  let result = PSA_ERROR_BUFFER_TOO_SMALL;
  if (length <= capacity) {
    root.state = SEALED;
    drawFresh(fresh);
    const key = changetype<usize>(root.privateKey);
    const signed = sign1(token, payload, payloadLength, key, fresh);
    result = signed ? <i32>length : PSA_ERROR_GENERIC_ERROR;
  }
  wipe(fresh, POOL_LENGTH);
  heap.free(fresh);
  heap.free(payload);
  return result;
}

/**
 * The attestation key's public half, 65 bytes at `output`: 0x04, x, y.
 *
 * @returns 65, PSA_ERROR_BAD_STATE before `initialise`, or PSA_ERROR_BUFFER_TOO_SMALL
 */
export function publicKey(output: usize, capacity: usize): i32 {
  return give(output, capacity, changetype<usize>(root.publicKey), P256_PUBLIC_KEY_LENGTH);
}

/**
 * The instance ID, 33 bytes at `output`: 0x01 ‖ SHA-256(public key).
 *
 * @returns 33, PSA_ERROR_BAD_STATE before `initialise`, or PSA_ERROR_BUFFER_TOO_SMALL
 */
export function instanceId(output: usize, capacity: usize): i32 {
  return give(output, capacity, root.claims.instanceId(), INSTANCE_ID_LENGTH);
}

function give(output: usize, capacity: usize, bytes: usize, length: usize): i32 {
  if (root.state === UNINITIALISED) return PSA_ERROR_BAD_STATE;
  if (!inMemory(output, capacity)) return PSA_ERROR_INVALID_ARGUMENT;
  if (capacity < length) return PSA_ERROR_BUFFER_TOO_SMALL;
  memory.copy(output, bytes, length);
  return <i32>length;
}

/** Wipes every secret. The instance cannot be used any more. */
export function destroy(): void {
  wipe(changetype<usize>(root.privateKey), P256_PRIVATE_KEY_LENGTH);
  wipe(changetype<usize>(root.pool), POOL_LENGTH);
  wipe(changetype<usize>(root.exchange), EXCHANGE_SIZE);
  root.claims.wipe();
  root.state = SEALED;
}
