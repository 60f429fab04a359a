/**
 * The MCU client as a module: what `mcu-client/client/` (in C) drives over a board's TCP/IP, and tests
 * over sockets. It does no I/O: bytes of the connection to the Veracruz server go in and come out.
 */
import { Drbg } from "../crypto/drbg";
import { canAllocate, collectGarbage } from "../platform-services/heap";
import { MemoryBudget } from "../session-manager/byte-buffer";
import { TlsConfig } from "../session-manager/config";
import { Identity } from "../session-manager/identity";
import { CERTIFICATE_OK, Certificate } from "../x509/certificate";
import { Client, PIECE_BYTES } from "./client";
import { E_CONFIGURATION, E_ENTROPY, E_MEMORY } from "./codes";
import { KIND_LINUX, KIND_MCU } from "./isolate-check";

/** Bytes that the caller can hand over at once: a file's name and a piece of it. */
const BUFFER_BYTES: i32 = 1536;
/** Bytes of TLS records and messages that are held at once. */
const TLS_BUDGET: u32 = 14336;
const RECORD_BYTES: u32 = 1024;
/** What a session takes when it begins, besides. */
const SESSION_MEMORY: usize = 4096;
const ISOLATE_NAME: string = "ComputeEnclave.dev";
const HASH_BYTES: usize = 32;

// A module's exports have no object to be called on: hence the one client at module level.
const shared: StaticArray<u8> = new StaticArray<u8>(BUFFER_BYTES);
const drbg: Drbg = new Drbg();
const config: TlsConfig = new TlsConfig(drbg, new MemoryBudget(TLS_BUDGET));
const client: Client = new Client(config);
config.serverName = isolateName();
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
export function bufferBytes(): u32 {
  return BUFFER_BYTES as u32;
}
export function pieceBytes(): u32 {
  return PIECE_BYTES;
}

// ---- Configuration: each answers 0, E_CONFIGURATION or E_MEMORY. What they take lies in the buffer. ----

/** The server's name or address, as it goes into the HTTP header `Host`. */
export function setHost(length: u32): i32 {
  return client.http.setHost(buffer(), length) ? 0 : E_CONFIGURATION;
}

/** The CA of the policy, in DER. */
export function setAuthority(length: u32): i32 {
  if (length === 0 || length > (BUFFER_BYTES as u32)) return E_CONFIGURATION;
  config.trustAnchor = null;
  if (authorityDer !== 0) heap.free(authorityDer);
  authorityDer = 0;
  if (!canAllocate(length)) return E_MEMORY;
  authorityDer = heap.alloc(length);
  memory.copy(authorityDer, buffer(), length);
  const authority = new Certificate();
  const code = authority.parse(authorityDer, length);
  if (code !== CERTIFICATE_OK || authority.publicKey === 0) return E_CONFIGURATION;
  config.trustAnchor = authority;
  return 0;
}

/** This principal's key, 32 bytes, and behind it its certificate in DER. The buffer is wiped. */
export function setIdentity(length: u32): i32 {
  const before = config.identity;
  if (before !== null) before.wipe();
  config.identity = null;
  let code: i32 = E_CONFIGURATION;
  if (length > (HASH_BYTES as u32) && length <= (BUFFER_BYTES as u32)) {
    if (!canAllocate(length)) {
      code = E_MEMORY;
    } else {
      const identity = new Identity();
      if (
        identity.setPrivateKey(buffer()) &&
        identity.setChain(buffer() + HASH_BYTES, length - (HASH_BYTES as u32))
      ) {
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

/** SHA-256 of the policy: 32 bytes. The runtimes that a policy before this one named are void. */
export function setPolicyHash(): void {
  client.demand.kinds = 0;
  memory.copy(changetype<usize>(client.policyHash), buffer(), HASH_BYTES);
}

/** SHA-256 of the runtime that the policy names for a kind (1: linux, 2: mcu): 32 bytes. */
export function setRuntimeHash(kind: u32): i32 {
  if (kind !== KIND_LINUX && kind !== KIND_MCU) return E_CONFIGURATION;
  client.demand.kinds |= kind;
  memory.copy(client.demand.runtime(kind), buffer(), HASH_BYTES);
  return 0;
}

/** Whether the policy allows isolates of development grade. */
export function setAllowDevelopment(allow: bool): void {
  client.demand.allowDevelopment = allow;
}

/** The one suite of the policy, as a `SUITE_…` bit. */
export function setSuite(suite: u32): void {
  config.suites = suite;
}

/** The time in seconds since 1970, where the board knows it; else dates are not checked. */
export function setTime(low: u32, high: u32): void {
  config.now = ((high as i64) << 32) | (low as i64);
}

// ---- A session ----

/** Begins a session: 0, `E_ENTROPY`, `E_MEMORY` or `E_CONFIGURATION`. */
export function open(): i32 {
  if (config.identity === null || config.trustAnchor === null || client.demand.kinds === 0)
    return E_CONFIGURATION;
  if (!canAllocate(SESSION_MEMORY)) return E_MEMORY;
  if (!drbg.seed()) return E_ENTROPY;
  config.recordSizeLimit = RECORD_BYTES;
  config.maxContent = BUFFER_BYTES as u32;
  // The request of the policy hash goes out with the end of the handshake: one POST less.
  config.outputLimit = RECORD_BYTES;
  client.open();
  return client.failure;
}

/** Begins a request; see `Client.ask`. The name, then the bytes, lie in the buffer. */
export function ask(type: u32, nameLength: u32, offset: u32, total: u32, length: u32): i32 {
  const bytes = buffer() + min(nameLength, BUFFER_BYTES as u32);
  return client.ask(type, buffer(), nameLength, offset, total, bytes, length);
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

/** What to do next: `STEP_…` of client.ts. */
export function step(): u32 {
  const next = client.step();
  collectGarbage();
  return next;
}

export function connected(): void {
  client.connected();
}
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
export function outputLength(): u32 {
  return client.http.unsent;
}
export function sent(length: u32): void {
  client.sent(length);
}

/** Takes bytes of the server, which lie in the buffer. */
export function receive(length: u32): void {
  client.receive(buffer(), min(length, BUFFER_BYTES as u32));
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
/** An explanation by the isolate, or by the server where it refused: bytes from outside. */
export function text(): usize {
  return client.textLength > 0 ? changetype<usize>(client.text) : client.http.reason;
}
export function textLength(): u32 {
  return (client.textLength > 0 ? client.textLength : client.http.reasonLength) as u32;
}
/** Of a result: length of the whole file; the piece and its length. */
export function total(): u32 {
  return client.total;
}
export function piece(): usize {
  return changetype<usize>(client.piece);
}
export function pieceLength(): u32 {
  return client.pieceLength;
}
/** The isolate's kind (1: linux, 2: mcu) and lifecycle, as its certificate says. */
export function isolateKind(): u32 {
  return client.demand.kind;
}
export function isolateLifecycle(): i32 {
  return client.demand.lifecycle;
}
/** Whether dates of certificates were checked. */
export function hasTime(): bool {
  return config.now >= 0;
}
/** Most bytes that TLS ever held at once. */
export function budgetPeak(): u32 {
  return config.budget.peak;
}
