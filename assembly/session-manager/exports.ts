/**
 * The session manager as a module of its own, for hosts (`host/session-manager/`): what the classes
 * offer, as plain functions on handles. Inside the trusted runtime the classes are used directly.
 *
 * Handles are small positive numbers; an unknown one is answered with 0 or ignored. Pointers are
 * addresses in this module's memory; any call may move what they point to, and may grow the memory.
 */
import { Drbg } from "../crypto/drbg";
import { canAllocate, collectGarbage } from "../platform-services/heap";
import { CERTIFICATE_OK, Certificate } from "../x509/certificate";
import { MemoryBudget } from "./byte-buffer";
import { TlsClientSession } from "./client-session";
import { TlsConfig } from "./config";
import { configAt, configs, sessionAt, sessions } from "./handles";
import { Identity } from "./identity";
import { TlsServerSession } from "./server-session";
import { STATUS_HANDSHAKE } from "./session";

/** The role of a session that plays the client's side of the handshake; any other is the server. */
const ROLE_CLIENT: u32 = 1;

/** Sessions at once, at most. */
const MAX_SESSIONS: i32 = 1024;
/** Heap that a new session needs at once. */
const SESSION_MEMORY: u32 = 16384;
/** Calls between two collections of garbage, outside handshakes. */
const CALLS_PER_COLLECTION: u32 = 64;

const drbg: Drbg = new Drbg();
let callsSinceCollection: u32 = 0;

// ---- Buffers of the caller ----

/** Makes room for `length` bytes that the caller stores or reads; 0 when there is none. */
export function allocate(length: u32): usize {
  return canAllocate(length) ? heap.alloc(length) : 0;
}

/** Frees what `allocate` gave. */
export function release(pointer: usize): void {
  if (pointer !== 0) heap.free(pointer);
}

// ---- Configurations ----

/**
 * A new configuration with the defaults of `TlsConfig`, for any number of sessions. `budget`: bytes that
 * their buffers may take together. Returns a handle, or 0 without randomness.
 */
export function newConfig(budget: u32): u32 {
  if (!drbg.seed()) return 0;
  configs.push(new TlsConfig(drbg, new MemoryBudget(budget)));
  return configs.length;
}

/** Sets of `SUITE_…` and `GROUP_…` bits; see `TlsConfig`. */
export function setAlgorithms(config: u32, suites: u32, groups: u32, keyShares: u32): void {
  const found = configAt(config);
  if (found === null) return;
  found.suites = suites;
  found.groups = groups;
  found.keyShares = keyShares;
}

/** Sizes of records and handshake messages, and how much output may wait; see `TlsConfig`. */
export function setSizes(
  config: u32,
  recordSizeLimit: u32,
  maxContent: u32,
  outputLimit: u32,
  maxMessage: u32,
): void {
  const found = configAt(config);
  if (found === null) return;
  found.recordSizeLimit = recordSizeLimit;
  found.maxContent = maxContent;
  found.outputLimit = outputLimit;
  found.maxMessage = maxMessage;
}

/** The time, in seconds since 1970, as two halves; `NO_CLOCK` (-1) for none. */
export function setTime(config: u32, low: u32, high: i32): void {
  const found = configAt(config);
  if (found !== null) found.now = ((high as i64) << 32) | (low as i64);
}

/** Takes a private key, 32 bytes, for the configuration; false when it is out of range. */
export function setPrivateKey(config: u32, privateKey: usize): bool {
  const found = configAt(config);
  if (found === null) return false;
  const identity = new Identity();
  if (!identity.setPrivateKey(privateKey)) return false;
  found.identity = identity;
  return true;
}

/** The chain for the configuration's key; see `Identity.setChain`. */
export function setChain(config: u32, der: usize, length: u32): bool {
  const found = configAt(config);
  const identity = found !== null ? found.identity : null;
  return identity !== null && identity.setChain(der, length);
}

/**
 * The CA that must have issued a server's certificate, in DER, and the server's name. Both are copied.
 * False when the certificate does not parse or its key is not P-256.
 */
export function setServer(
  config: u32,
  anchor: usize,
  anchorLength: u32,
  name: usize,
  nameLength: u32,
): bool {
  const found = configAt(config);
  if (found === null || !canAllocate(anchorLength) || !canAllocate(nameLength)) return false;
  // Never freed: configurations live as long as the module.
  const der = heap.alloc(anchorLength);
  memory.copy(der, anchor, anchorLength);
  const certificate = new Certificate();
  if (certificate.parse(der, anchorLength) !== CERTIFICATE_OK || certificate.publicKey === 0) {
    heap.free(der);
    return false;
  }
  found.trustAnchor = certificate;
  found.serverName = new StaticArray<u8>(nameLength as i32);
  memory.copy(changetype<usize>(found.serverName), name, nameLength);
  return true;
}

/** Bytes that the buffers of the configuration's sessions hold now, and the most they ever held. */
export function budgetUsed(config: u32): u32 {
  const found = configAt(config);
  return found !== null ? found.budget.used : 0;
}

// ---- Sessions ----

/** Opens a session in a role (`ROLE_CLIENT`, or another for the server). Returns a handle, or 0 when there is no room for one. */
export function openSession(config: u32, role: u32): u32 {
  const found = configAt(config);
  if (found === null || !canAllocate(SESSION_MEMORY)) return 0;
  let slot = sessions.indexOf(null);
  if (slot < 0) {
    if (sessions.length >= MAX_SESSIONS) return 0;
    slot = sessions.push(null) - 1;
  }
  if (role === ROLE_CLIENT) sessions[slot] = new TlsClientSession(found);
  else sessions[slot] = new TlsServerSession(found);
  return slot + 1;
}

/** Ends a session's life; its handle may be given out again. */
export function disposeSession(session: u32): void {
  const found = sessionAt(session);
  if (found === null) return;
  found.dispose();
  sessions[session - 1] = null;
  collectGarbage();
}

/** See `TlsSession` for all that follows. */
export function feed(session: u32, input: usize, length: u32): u32 {
  const found = sessionAt(session);
  if (found === null) return length;
  const inHandshake = found.status === STATUS_HANDSHAKE;
  const used = found.feed(input, length);
  if (inHandshake || ++callsSinceCollection >= CALLS_PER_COLLECTION) {
    callsSinceCollection = 0;
    collectGarbage();
  }
  return used;
}

/** Whether `feed` would take bytes now. */
export function wantsInput(session: u32): bool {
  const found = sessionAt(session);
  return found !== null && found.wantsInput;
}

/** Tells that the transport has ended: no more bytes come. */
export function endOfInput(session: u32): void {
  const found = sessionAt(session);
  if (found !== null) found.endOfInput();
}

/** Where the bytes for the peer lie; see `outputLength`. */
export function output(session: u32): usize {
  const found = sessionAt(session);
  return found !== null ? found.output : 0;
}

/** How many bytes wait for the peer. */
export function outputLength(session: u32): u32 {
  const found = sessionAt(session);
  return found !== null ? found.outputLength : 0;
}

/** Takes the first `length` bytes of output away. */
export function consumeOutput(session: u32, length: u32): void {
  const found = sessionAt(session);
  if (found !== null) found.consumeOutput(length);
}

/** Where the application data of the peer lies; see `plaintextLength`. */
export function plaintext(session: u32): usize {
  const found = sessionAt(session);
  return found !== null ? found.plaintext : 0;
}

/** How many bytes of application data can be read at `plaintext`. */
export function plaintextLength(session: u32): u32 {
  const found = sessionAt(session);
  return found !== null ? found.plaintextLength : 0;
}

/** Takes the first `length` bytes of application data away. */
export function consumePlaintext(session: u32, length: u32): void {
  const found = sessionAt(session);
  if (found !== null) found.consumePlaintext(length);
}

/** Encrypts application data for the peer. Returns how many of the bytes it took. */
export function write(session: u32, bytes: usize, length: u32): u32 {
  const found = sessionAt(session);
  return found !== null ? found.write(bytes, length) : 0;
}

/**
 * Moves our sending keys on (KeyUpdate, RFC 8446 §4.6.3), and asks the peer for the same where
 * `askPeer`.
 */
export function updateKeys(session: u32, askPeer: bool): void {
  const found = sessionAt(session);
  if (found !== null) found.updateKeys(askPeer);
}

/** Says close_notify (RFC 8446 §6.1). */
export function close(session: u32): void {
  const found = sessionAt(session);
  if (found !== null) found.close();
}

/** Accepts the peer's certificate; the handshake goes on. */
export function approvePeer(session: u32): void {
  const found = sessionAt(session);
  if (found === null) return;
  found.approvePeer();
  collectGarbage();
}

/** Refuses the peer's certificate with an alert, `ALERT_…`. */
export function rejectPeer(session: u32, alert: i32): void {
  const found = sessionAt(session);
  if (found !== null) found.rejectPeer(alert);
}

/** Where the DER of the peer's certificate lies, 0 its own; 0 when there is none of this index. */
export function peerCertificate(session: u32, index: u32): usize {
  const found = sessionAt(session);
  return found !== null ? found.peerCertificate(index) : 0;
}

/** Length of that certificate in bytes. */
export function peerCertificateLength(session: u32, index: u32): u32 {
  const found = sessionAt(session);
  return found !== null ? found.peerCertificateLength(index) : 0;
}

/** An exporter (RFC 8446 §7.5) of an open session: 32 bytes at `out`; false when it is not open. */
export function exportKeyingMaterial(
  session: u32,
  label: usize,
  labelLength: u32,
  out: usize,
): bool {
  const found = sessionAt(session);
  return found !== null && found.exportKeyingMaterial(label, labelLength, out);
}

/** `STATUS_…` of `session.ts`. */
export function status(session: u32): u32 {
  const found = sessionAt(session);
  return found !== null ? found.status : 0;
}

/** The fatal alert that we sent, or `NO_ALERT`. */
export function alertSent(session: u32): i32 {
  const found = sessionAt(session);
  return found !== null ? found.alertSent : -1;
}

/** Why an alert was sent: `REFUSED_…`, or -1. */
export function refusal(session: u32): i32 {
  const found = sessionAt(session);
  return found !== null ? found.refusal : -1;
}

/** The fatal alert that the peer sent, or `NO_ALERT`. */
export function alertReceived(session: u32): i32 {
  const found = sessionAt(session);
  return found !== null ? found.alertReceived : -1;
}

/** What was negotiated: bits 0 to 7 the suite, 8 to 15 the group, 16 whether it took a retry. */
export function negotiated(session: u32): u32 {
  const found = sessionAt(session);
  if (found === null) return 0;
  return found.suite | (found.group << 8) | ((found.retried as u32) << 16);
}

/** Bit 0: `peerClosed`, 1: `closed`, 2: `truncated`, 3: `datesChecked`. */
export function flags(session: u32): u32 {
  const found = sessionAt(session);
  if (found === null) return 0;
  return (
    (found.peerClosed as u32) |
    ((found.closed as u32) << 1) |
    ((found.truncated as u32) << 2) |
    ((found.datesChecked as u32) << 3)
  );
}
