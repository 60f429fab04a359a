/**
 * The root of trust's attestation service: a WebAssembly module of its own, instantiated apart from
 * the trusted runtime, so that nothing the runtime does can read the attestation key. It has the
 * semantics of the PSA initial attestation API (PSA Certified Attestation API 2.0) and makes RFC 9783
 * tokens. It imports nothing.
 *
 * It signs no nonce that it is handed: it puts each one together itself, by its purpose.
 *
 * Its home (the host isolate's root of trust process code, or a device's first stage) calls
 * `initialise` once with the key and the device's identity, and `addSoftwareComponent` for each piece
 * of software that it has measured itself, before it lets anything ask for a token. The first token
 * closes the list: software that runs later cannot add itself.
 *
 * Pointers are addresses in this module's memory; the home passes bytes through the exchange area.
 * Nothing here is called by the runtime directly, only through its home.
 */
import { DerReader } from "../asn1/der-reader";
import { wipe } from "../crypto/constant-time";
import { hmacSha256 } from "../crypto/hmac";
import { P256_PRIVATE_KEY_LENGTH, P256_PUBLIC_KEY_LENGTH, p256PublicKey } from "../crypto/p256";
import { sha256 } from "../crypto/sha256";
import { P256_KEY_INFO_LENGTH } from "../x509/object-identifiers";
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
import { requestedKey } from "./requested-key";
import { sign1, sign1Length } from "./sign1";
import {
  PSA_ERROR_BAD_STATE,
  PSA_ERROR_BUFFER_TOO_SMALL,
  PSA_ERROR_GENERIC_ERROR,
  PSA_ERROR_INSUFFICIENT_STORAGE,
  PSA_ERROR_INVALID_ARGUMENT,
  PSA_SUCCESS,
} from "./status";

const HASH_LENGTH: usize = 32;
/** PSA_INITIAL_ATTEST_CHALLENGE_SIZE_32: every nonce is a SHA-256 that is computed here. */
const NONCE_LENGTH: usize = HASH_LENGTH;
const MAX_CSR_LENGTH: usize = 1024;

// What goes into the hash of each kind of token.
const CERTIFICATION_LABEL = "veracruz-csr-v2";
const REATTESTATION_LABEL = "veracruz-reattest-v2";
const ENROLMENT_LABEL = "veracruz-enrol-v1";
const CERTIFICATION_LENGTH: usize = 15 + 4 * HASH_LENGTH;
const REATTESTATION_LENGTH: usize = 20 + 4 * HASH_LENGTH;
const ENROLMENT_LENGTH: usize = 17 + HASH_LENGTH + <usize>P256_PUBLIC_KEY_LENGTH;
/** Bytes of entropy that the home hands over at start. */
const POOL_LENGTH: usize = 32;
const EXCHANGE_SIZE: usize = 2048;
/** Bytes of the longest certificate of the attestation key that is taken. */
const MAX_CERTIFICATE_LENGTH: usize = 544;

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
  /** Secret from which each signature's fresh bytes come; it moves on with every use. */
  readonly pool: StaticArray<u8> = new StaticArray<u8>(<i32>POOL_LENGTH);
  readonly nonce: StaticArray<u8> = new StaticArray<u8>(<i32>NONCE_LENGTH);
  /** Whether the runtime that runs has said what it works on: the three hashes below. */
  bound: bool = false;
  readonly policyHash: StaticArray<u8> = new StaticArray<u8>(<i32>HASH_LENGTH);
  readonly scopeHash: StaticArray<u8> = new StaticArray<u8>(<i32>HASH_LENGTH);
  readonly keyHash: StaticArray<u8> = new StaticArray<u8>(<i32>HASH_LENGTH);
  /** The device's key: the attestation key itself, or the one that has certified it. */
  readonly deviceKey: StaticArray<u8> = new StaticArray<u8>(P256_PUBLIC_KEY_LENGTH);
  certificateLength: usize = 0;
  readonly certificate: StaticArray<u8> = new StaticArray<u8>(<i32>MAX_CERTIFICATE_LENGTH);
  /** Kept: nothing is allocated for good after the start. */
  readonly reader: DerReader = new DerReader(0, 0);
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
  const publicKey = changetype<usize>(root.deviceKey);
  if (!p256PublicKey(publicKey, privateKey)) return PSA_ERROR_INVALID_ARGUMENT;
  memory.copy(changetype<usize>(root.privateKey), privateKey, P256_PRIVATE_KEY_LENGTH);
  memory.copy(changetype<usize>(root.pool), entropy, POOL_LENGTH);
  wipe(privateKey, P256_PRIVATE_KEY_LENGTH);
  wipe(entropy, POOL_LENGTH);
  root.claims.set(implementationId, lifecycle, clientId, bootSeed, bootSeedLength);
  setInstanceId();
  root.certificateLength = 0;
  root.state = MEASURING;
  return PSA_SUCCESS;
}

/** PSA Attestation API 2.0, table 4: 0x01 ‖ hash of the public key. */
function setInstanceId(): void {
  const instanceId = root.claims.instanceId();
  store<u8>(instanceId, 0x01);
  sha256(changetype<usize>(root.deviceKey), P256_PUBLIC_KEY_LENGTH, instanceId + 1);
}

/**
 * Takes what a device's first stage has made of the attestation key: the alias key that a device identity key has
 * certified. That is then the key by which the device is known, and each token carries the certificate.
 *
 * @param identityKey the identity key's public half, 65 bytes: 0x04, x, y
 * @param certificate, certificateLength a CWT (`assembly/dice/`), which is not looked into here: whoever verifies
 *   tokens compares
 * @returns PSA_SUCCESS, PSA_ERROR_INVALID_ARGUMENT, or PSA_ERROR_BAD_STATE before `initialise` and after the first token
 */
export function certified(identityKey: usize, certificate: usize, certificateLength: usize): i32 {
  if (root.state !== MEASURING) return PSA_ERROR_BAD_STATE;
  if (
    !inMemory(identityKey, P256_PUBLIC_KEY_LENGTH) ||
    certificateLength === 0 ||
    certificateLength > MAX_CERTIFICATE_LENGTH ||
    !inMemory(certificate, certificateLength)
  ) {
    return PSA_ERROR_INVALID_ARGUMENT;
  }
  memory.copy(changetype<usize>(root.deviceKey), identityKey, P256_PUBLIC_KEY_LENGTH);
  setInstanceId();
  memory.copy(changetype<usize>(root.certificate), certificate, certificateLength);
  root.certificateLength = certificateLength;
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

/** Whether tokens can be made: there are a key and a measurement. */
function isReady(): bool {
  return root.state !== UNINITIALISED && root.claims.count() !== 0;
}

/**
 * psa_initial_attest_get_token_size.
 *
 * @returns the length of the tokens that are made here, or PSA_ERROR_BAD_STATE while nothing is measured
 */
export function getTokenSize(): i32 {
  if (!isReady()) return PSA_ERROR_BAD_STATE;
  const scratch = heap.alloc(MAX_CLAIMS + NONCE_LENGTH);
  const length = root.claims.write(scratch, scratch + MAX_CLAIMS, NONCE_LENGTH) - scratch;
  heap.free(scratch);
  return <i32>sign1Length(length, root.certificateLength);
}

/** 32 bytes at `fresh`, different for every signature; whoever learns the pool later cannot compute them. */
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
 * Makes and signs a token over the nonce that has been put together (psa_initial_attest_get_token).
 *
 * @returns the token's length, or PSA_ERROR_BUFFER_TOO_SMALL (nothing is stored; `getTokenSize` says
 *   what is needed), PSA_ERROR_GENERIC_ERROR
 */
function makeToken(token: usize, capacity: usize): i32 {
  const nonce = changetype<usize>(root.nonce);
  // The claims are put together apart from the exchange area: the two may not overlap.
  const payload = heap.alloc(MAX_CLAIMS);
  const fresh = heap.alloc(POOL_LENGTH);
  const payloadLength = root.claims.write(payload, nonce, NONCE_LENGTH) - payload;
  const length = sign1Length(payloadLength, root.certificateLength);
  let result = PSA_ERROR_BUFFER_TOO_SMALL;
  if (length <= capacity) {
    root.state = SEALED;
    drawFresh(fresh);
    const key = changetype<usize>(root.privateKey);
    const certificate = changetype<usize>(root.certificate);
    const signed = sign1(
      token,
      payload,
      payloadLength,
      key,
      fresh,
      certificate,
      root.certificateLength,
    );
    result = signed ? <i32>length : PSA_ERROR_GENERIC_ERROR;
  }
  wipe(fresh, POOL_LENGTH);
  heap.free(fresh);
  heap.free(payload);
  return result;
}

function isSame(held: StaticArray<u8>, given: usize): bool {
  return memory.compare(changetype<usize>(held), given, HASH_LENGTH) === 0;
}

function keep(held: StaticArray<u8>, given: usize): void {
  memory.copy(changetype<usize>(held), given, HASH_LENGTH);
}

/**
 * A token by which the runtime asks for a certificate. Its nonce is
 * SHA-256("veracruz-csr-v2" ‖ challenge[32] ‖ SHA-256(CSR) ‖ policyHash[32] ‖ scopeHash[32]).
 *
 * The first call since the runtime was started says under which policy, in which scope and with which
 * key it works; no other is taken until its home starts it anew. A runtime that is taken over under one
 * policy thus certifies nothing under another.
 *
 * @param challenge, policyHash, scopeHash 32 bytes each
 * @param csr, csrLength the certification request, DER, at most 1,024 bytes
 * @param token, capacity where the token goes; it may overlap what is handed over
 * @returns the token's length, or PSA_ERROR_INVALID_ARGUMENT (no request for a P-256 key, or out of this
 *   memory), PSA_ERROR_BAD_STATE (nothing is measured yet; or another policy, scope or key than before),
 *   PSA_ERROR_BUFFER_TOO_SMALL, PSA_ERROR_GENERIC_ERROR
 */
export function certificationToken(
  challenge: usize,
  policyHash: usize,
  scopeHash: usize,
  csr: usize,
  csrLength: usize,
  token: usize,
  capacity: usize,
): i32 {
  if (!isReady()) return PSA_ERROR_BAD_STATE;
  if (
    !inMemory(challenge, HASH_LENGTH) ||
    !inMemory(policyHash, HASH_LENGTH) ||
    !inMemory(scopeHash, HASH_LENGTH) ||
    csrLength > MAX_CSR_LENGTH ||
    !inMemory(csr, csrLength) ||
    !inMemory(token, capacity)
  ) {
    return PSA_ERROR_INVALID_ARGUMENT;
  }
  const keyInfo = requestedKey(root.reader, csr, csrLength);
  if (keyInfo === 0) return PSA_ERROR_INVALID_ARGUMENT;
  if (<usize>getTokenSize() > capacity) return PSA_ERROR_BUFFER_TOO_SMALL;
  const scratch = heap.alloc(CERTIFICATION_LENGTH);
  sha256(keyInfo, P256_KEY_INFO_LENGTH, scratch);
  let result = PSA_ERROR_BAD_STATE;
  if (
    !root.bound ||
    (isSame(root.policyHash, policyHash) &&
      isSame(root.scopeHash, scopeHash) &&
      isSame(root.keyHash, scratch))
  ) {
    keep(root.policyHash, policyHash);
    keep(root.scopeHash, scopeHash);
    keep(root.keyHash, scratch);
    root.bound = true;
    let at = label(scratch, CERTIFICATION_LABEL);
    at = part(at, challenge);
    sha256(csr, csrLength, at);
    at = part(at + HASH_LENGTH, policyHash);
    at = part(at, scopeHash);
    sha256(scratch, at - scratch, changetype<usize>(root.nonce));
    result = makeToken(token, capacity);
  }
  heap.free(scratch);
  return result;
}

/**
 * A token by which the runtime proves to one client, in one TLS session, that it is still the same. Its
 * nonce is SHA-256("veracruz-reattest-v2" ‖ nonce[32] ‖ SHA-256(SubjectPublicKeyInfo) ‖ policyHash[32] ‖
 * exporter[32]), key and policy being those of `certificationToken`.
 *
 * @param nonce the client's, 32 bytes
 * @param exporter 32 bytes that only the two ends of the session know before
 * @returns as `certificationToken`; PSA_ERROR_BAD_STATE before that has been called, too
 */
export function reattestationToken(
  nonce: usize,
  exporter: usize,
  token: usize,
  capacity: usize,
): i32 {
  if (!isReady() || !root.bound) return PSA_ERROR_BAD_STATE;
  if (
    !inMemory(nonce, HASH_LENGTH) ||
    !inMemory(exporter, HASH_LENGTH) ||
    !inMemory(token, capacity)
  ) {
    return PSA_ERROR_INVALID_ARGUMENT;
  }
  const scratch = heap.alloc(REATTESTATION_LENGTH);
  let at = label(scratch, REATTESTATION_LABEL);
  at = part(at, nonce);
  at = part(at, changetype<usize>(root.keyHash));
  at = part(at, changetype<usize>(root.policyHash));
  at = part(at, exporter);
  sha256(scratch, at - scratch, changetype<usize>(root.nonce));
  heap.free(scratch);
  return makeToken(token, capacity);
}

/**
 * A token by which the device proves, when it is enrolled, that it holds its key. Its nonce is
 * SHA-256("veracruz-enrol-v1" ‖ challenge[32] ‖ the point[65] of the key by which the device is known).
 *
 * @param challenge of the proxy attestation server, 32 bytes
 * @returns as `certificationToken`
 */
export function enrolmentToken(challenge: usize, token: usize, capacity: usize): i32 {
  if (!isReady()) return PSA_ERROR_BAD_STATE;
  if (!inMemory(challenge, HASH_LENGTH) || !inMemory(token, capacity)) {
    return PSA_ERROR_INVALID_ARGUMENT;
  }
  const scratch = heap.alloc(ENROLMENT_LENGTH);
  const at = part(label(scratch, ENROLMENT_LABEL), challenge);
  memory.copy(at, changetype<usize>(root.deviceKey), P256_PUBLIC_KEY_LENGTH);
  sha256(scratch, at + P256_PUBLIC_KEY_LENGTH - scratch, changetype<usize>(root.nonce));
  heap.free(scratch);
  return makeToken(token, capacity);
}

/**
 * Forgets policy, scope and key of `certificationToken`. For the home alone, when it starts the runtime
 * anew from what was measured.
 */
export function runtimeStarts(): void {
  root.bound = false;
}

/** Writes a label's ASCII characters. Returns the address after them. */
function label(at: usize, text: string): usize {
  for (let i = 0; i < text.length; i++) store<u8>(at + <usize>i, <u8>text.charCodeAt(i));
  return at + <usize>text.length;
}

function part(at: usize, hash: usize): usize {
  memory.copy(at, hash, HASH_LENGTH);
  return at + HASH_LENGTH;
}

/**
 * The public half of the key by which the device is known, 65 bytes at `output`: 0x04, x, y.
 *
 * @returns 65, PSA_ERROR_BAD_STATE before `initialise`, or PSA_ERROR_BUFFER_TOO_SMALL
 */
export function publicKey(output: usize, capacity: usize): i32 {
  return give(output, capacity, changetype<usize>(root.deviceKey), P256_PUBLIC_KEY_LENGTH);
}

/**
 * The instance ID, 33 bytes at `output`: 0x01 ‖ SHA-256(that key).
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
