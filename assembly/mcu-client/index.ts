/**
 * The MCU client as a module: what `mcu-client/library/` (in C) drives over a board's TCP/IP, and tests
 * over sockets. It does no I/O: bytes of the connection to the Veracruz server go in and come out.
 */

import { Drbg } from "../crypto/drbg";
import { KnownKeys } from "../crypto/known-keys";
import { SHA256_LENGTH } from "../crypto/sha256";
import { canAllocate, collectGarbage } from "../platform-services/heap";
import { MemoryBudget } from "../session-manager/byte-buffer";
import { TlsConfig } from "../session-manager/config";
import { Identity } from "../session-manager/identity";
import { namedGroup } from "../session-manager/key-exchange";
import { GROUP_X25519MLKEM768, GROUPS_ALL } from "../session-manager/protocol";
import { CERTIFICATE_OK, Certificate } from "../x509/certificate";
import { Client, PIECE_BYTES } from "./client";
import { VC_E_CONFIGURATION, VC_E_ENTROPY, VC_E_MEMORY } from "./codes";
import { KIND_LINUX, KIND_MCU } from "./isolate-kinds";

/** Bytes that the caller can hand over at once: a file's name and a piece of it. */
const BUFFER_BYTES: i32 = 1536;
/** Bytes of TLS records and messages that are held at once. */
const TLS_BUDGET: u32 = 14336;
const RECORD_BYTES: u32 = 1024;
/** What a session takes when it begins, besides. */
const SESSION_MEMORY: usize = 4096;
const ISOLATE_NAME: string = "ComputeEnclave.dev";

// A module's exports have no object to be called on: hence the one client at module level.
const shared: StaticArray<u8> = new StaticArray<u8>(BUFFER_BYTES);
const drbg: Drbg = new Drbg();
const config: TlsConfig = new TlsConfig(drbg, new MemoryBudget(TLS_BUDGET));
const client: Client = new Client(config);
config.serverName = isolateName();
/** The CA's key verifies three signatures of a first session, of which a table of 1 KiB pays from the second on. */
const authorityKeys: KnownKeys = new KnownKeys(1, 1, 1);
config.knownKeys = authorityKeys;
client.demand.continuity.setKnownKeys(authorityKeys);
/** The CA's certificate, into which `config.trustAnchor` points; 0: there is none. */
let authorityDer: usize = 0;

function isolateName(): StaticArray<u8> {
  const name = new StaticArray<u8>(ISOLATE_NAME.length);
  for (let i = 0; i < name.length; i++) name[i] = ISOLATE_NAME.charCodeAt(i) as u8;
  return name;
}

/** Where the caller puts what it hands over: `BUFFER_BYTES`. */
export function buffer(): usize {
  return changetype<usize>(shared);
}
/** Size of the buffer in bytes. */
export function bufferBytes(): u32 {
  return BUFFER_BYTES as u32;
}
/** Largest piece of a file that a call takes or gives, in bytes. */
export function pieceBytes(): u32 {
  return PIECE_BYTES;
}

// ---- Configuration: each answers 0, VC_E_CONFIGURATION or VC_E_MEMORY. What they take lies in the buffer. ----

/** The server's name or address, as it goes into the HTTP header `Host`. */
export function setHost(length: u32): i32 {
  return client.http.setHost(buffer(), length) ? 0 : VC_E_CONFIGURATION;
}

/** The CA of the policy, in DER. */
export function setAuthority(length: u32): i32 {
  if (length === 0 || length > (BUFFER_BYTES as u32)) return VC_E_CONFIGURATION;
  config.trustAnchor = null;
  authorityKeys.forget();
  if (authorityDer !== 0) heap.free(authorityDer);
  authorityDer = 0;
  collectGarbage();
  if (!canAllocate(length)) return VC_E_MEMORY;
  authorityDer = heap.alloc(length);
  memory.copy(authorityDer, buffer(), length);
  client.demand.continuity.forgetSigners();
  const authority = new Certificate();
  const code = authority.parse(authorityDer, length);
  if (code !== CERTIFICATE_OK || authority.publicKey === 0) return VC_E_CONFIGURATION;
  authorityKeys.add(authority.publicKey);
  authorityKeys.prepare(authority.publicKey);
  config.trustAnchor = authority;
  return 0;
}

/**
 * This principal's key, 32 bytes, then its certificate in DER. The buffer is wiped. Where `external`, the key is
 * elsewhere, and the 32 bytes are nothing: its owner signs what `step` hands over (`STEP_SIGN`).
 */
export function setIdentity(length: u32, external: bool): i32 {
  const before = config.identity;
  if (before !== null) before.wipe();
  config.identity = null;
  // What was there before is given back first: the new one takes its place, and the heap stays in one piece.
  collectGarbage();
  client.external = external;
  let code: i32 = VC_E_CONFIGURATION;
  if (length > (SHA256_LENGTH as u32) && length <= (BUFFER_BYTES as u32)) {
    if (!canAllocate(length)) {
      code = VC_E_MEMORY;
    } else {
      const identity = new Identity();
      const certificate = buffer() + SHA256_LENGTH;
      const certificateLength = length - (SHA256_LENGTH as u32);
      const hasKey = external
        ? takePublicKey(identity, certificate, certificateLength)
        : identity.setPrivateKey(buffer());
      if (hasKey && identity.setChain(certificate, certificateLength)) {
        config.identity = identity;
        code = 0;
      } else {
        identity.wipe();
      }
    }
  }
  memory.fill(buffer(), 0, BUFFER_BYTES as usize);
  return code;
}

function takePublicKey(identity: Identity, der: usize, length: u32): bool {
  const certificate = new Certificate();
  if (certificate.parse(der, length) !== CERTIFICATE_OK || certificate.publicKey === 0)
    return false;
  identity.setPublicKey(certificate.publicKey);
  return true;
}

/**
 * SHA-256 of the policy, and behind it SHA-256 of its scope: 64 bytes; and how many isolates the policy allows
 * (1 + `max_restarts`). The runtimes that a policy before this one named are void, and so is the record, when it is
 * another policy.
 */
export function setPolicy(mostIsolates: u32): i32 {
  const continuity = client.demand.continuity;
  if (mostIsolates === 0) return VC_E_CONFIGURATION;
  client.demand.kinds = 0;
  if (memory.compare(continuity.policyAndScope, buffer(), 2 * SHA256_LENGTH) !== 0)
    continuity.forgetRecord();
  memory.copy(continuity.policyAndScope, buffer(), 2 * SHA256_LENGTH);
  continuity.commit.most = mostIsolates;
  memory.copy(changetype<usize>(client.policyHash), buffer(), SHA256_LENGTH);
  return 0;
}

/** The one restart that this principal accepts: number of the isolate to begin again with; 0: none. */
export function setAcceptedRestart(number: u32): void {
  client.demand.continuity.acceptedRestart = number;
}

/** Which isolate was gone to, as `recordedNumber` and the 32 bytes of `recordedKey` said: after `setPolicy`. */
export function setRecord(number: u32): void {
  const continuity = client.demand.continuity;
  continuity.recordedNumber = number;
  memory.copy(changetype<usize>(continuity.recordedKey), buffer(), SHA256_LENGTH);
}

/** Number of the isolate that this client has gone to under the policy; 0: none yet. */
export function recordedNumber(): u32 {
  return client.demand.continuity.recordedNumber;
}

/** SHA-256 of that isolate's SubjectPublicKeyInfo: 32 bytes. */
export function recordedKey(): usize {
  return changetype<usize>(client.demand.continuity.recordedKey);
}

/** SHA-256 of the runtime that the policy names for a kind (1: linux, 2: mcu): 32 bytes. */
export function setRuntimeHash(kind: u32): i32 {
  if (kind !== KIND_LINUX && kind !== KIND_MCU) return VC_E_CONFIGURATION;
  client.demand.kinds |= kind;
  memory.copy(client.demand.runtime(kind), buffer(), SHA256_LENGTH);
  return 0;
}

/** The least versions of the isolate's components, as `MinimumVersions` reads them; none: nothing. */
export function setMinimumVersions(length: u32): i32 {
  return client.demand.minimumVersions.take(buffer(), length) ? 0 : VC_E_CONFIGURATION;
}

/** Whether the policy allows isolates of development grade. */
export function setAllowDevelopment(allow: bool): void {
  client.demand.allowDevelopment = allow;
}

/** The one suite of the policy, as a `SUITE_…` bit. */
export function setSuite(suite: u32): void {
  config.suites = suite;
}

/** Whether the policy allows no key exchange but X25519MLKEM768. */
export function setHybridRequired(required: bool): void {
  config.groups = required ? GROUP_X25519MLKEM768 : GROUPS_ALL;
}

/** The time in seconds since 1970, where the board knows it; else dates are not checked. */
export function setTime(low: u32, high: u32): void {
  config.now = ((high as i64) << 32) | (low as i64);
}

// ---- A session ----

/** Begins a session: 0, `VC_E_ENTROPY`, `VC_E_MEMORY` or `VC_E_CONFIGURATION`. */
export function open(): i32 {
  if (config.identity === null || config.trustAnchor === null || client.demand.kinds === 0)
    return VC_E_CONFIGURATION;
  collectGarbage();
  if (!canAllocate(SESSION_MEMORY)) return VC_E_MEMORY;
  if (!drbg.seed()) return VC_E_ENTROPY;
  config.recordSizeLimit = RECORD_BYTES;
  config.maxContent = BUFFER_BYTES as u32;
  // The request of the policy hash goes out with the end of the handshake: one POST less.
  config.outputLimit = RECORD_BYTES;
  config.stepwise = true;
  client.open();
  return client.failure;
}

/** Begins a request; see `Client.ask`. The name, then the bytes, lie in the buffer. */
export function ask(
  type: u32,
  nameLength: u32,
  round: u32,
  offset: u32,
  total: u32,
  length: u32,
): i32 {
  const bytes = buffer() + min(nameLength, BUFFER_BYTES as u32);
  return client.ask(type, buffer(), nameLength, round, offset, total, bytes, length);
}

/** Ends the session in order: then `step` until it is idle. */
export function close(): void {
  client.close();
}

/** Wipes the session, whatever its state. */
export function forget(): void {
  client.forget();
  collectGarbage();
}

/** What to do next: `STEP_…`. */
export function step(): u32 {
  const next = client.step();
  // To look through all objects takes as long as to decrypt half a kilobyte.
  if (client.littered) collectGarbage();
  client.littered = false;
  return next;
}

/** Tells that the connection to the server is open. */
export function connected(): void {
  client.connected();
}
/** Tells that the connection has ended, whoever ended it. */
export function disconnected(): void {
  client.disconnected();
}
/** After a pause: asks the server again. */
export function poll(): void {
  client.poll();
}

/** Bytes for the server: where, and how many. */
export function output(): usize {
  return client.http.output;
}
/** How many bytes wait at `output` for the server. */
export function outputLength(): u32 {
  return client.http.unsent;
}
/** Takes `length` bytes of output away: the network has them. */
export function sent(length: u32): void {
  client.sent(length);
}

/**
 * Takes bytes of the server, which lie in the buffer from `offset` on; answers how many it has taken. The others stay
 * there: hand them over when `step` says `STEP_RECEIVE` again.
 */
export function receive(offset: u32, length: u32): u32 {
  const start = min(offset, BUFFER_BYTES as u32);
  return client.receive(buffer() + start, min(length, (BUFFER_BYTES as u32) - start));
}

/** Works on what has come, for at most about one operation with a key. */
export function work(): void {
  client.work();
}

/** What the key's owner is to sign: for what (`SIGN_…`), where it lies, and its length in bytes. */
export function signPurpose(): u32 {
  return client.signing;
}
/** Where the bytes lie that are to be signed. */
export function signContent(): usize {
  return client.signContent;
}
/** Their number. */
export function signLength(): u32 {
  return client.signLength;
}
/** Where its signature goes: r, then s, 64 bytes. */
export function signature(): usize {
  return changetype<usize>(client.signature);
}
/** The signature is there. */
export function signed(): void {
  client.signed();
}

// ---- What came of it ----

/** Why the session is over, or 0. */
export function failure(): i32 {
  return client.failure;
}
/** The isolate's answer to the last request: 0, or its refusal. */
export function outcome(): i32 {
  return client.outcome;
}
/** Alert, HTTP status, lifecycle or return code. */
export function detail(): i32 {
  return client.detail;
}
/** Why we refused the isolate's TLS, with the alert in its low eight bits; -1: we did not. */
export function refusal(): i32 {
  return client.refusal;
}
/** An explanation by the isolate, or by the server where it refused: bytes from outside. */
export function text(): usize {
  return client.textLength > 0 ? changetype<usize>(client.text) : client.http.reason;
}
/** Length of the text at `text` in bytes. */
export function textLength(): u32 {
  return (client.textLength > 0 ? client.textLength : client.http.reasonLength) as u32;
}
/** The round that the last answer named; 0: none. */
export function round(): u32 {
  return client.round;
}
/** Of a result: length of the whole file; the piece and its length. */
export function total(): u32 {
  return client.total;
}
/** Where the piece of a result lies that the last answer brought. */
export function piece(): usize {
  return changetype<usize>(client.piece);
}
/** Length of that piece in bytes. */
export function pieceLength(): u32 {
  return client.pieceLength;
}
/** The isolate's kind (1: linux, 2: mcu) and lifecycle, as its certificate says. */
export function isolateKind(): u32 {
  return client.demand.kind;
}
/** The PSA security lifecycle in the isolate's certificate, 16 bits. */
export function isolateLifecycle(): i32 {
  return client.demand.lifecycle;
}
/** The NamedGroup (RFC 8446 §4.2.7) by which the session's keys were agreed on; 0 without a session. */
export function keyExchange(): u32 {
  return client.group !== 0 ? namedGroup(client.group) : 0;
}
/** Whether dates of certificates were checked. */
export function hasTime(): bool {
  return config.now >= 0;
}
/** Most bytes that TLS ever held at once. */
export function budgetPeak(): u32 {
  return config.budget.peak;
}

/** Which isolate of the policy the session is with, from 1; above 1 the computation has restarted. */
export function isolateNumber(): u32 {
  return client.demand.continuity.number;
}

/** Highest number committed for the policy, as the proof of freshness says; 0: it was not asked for. */
export function highestNumber(): u32 {
  return client.demand.continuity.highest;
}
