/**
 * A whole mutual handshake between two sessions in one module, step by step, so that the cost of the
 * server's side can be told from the client's. Deterministic, given the platform's random bytes.
 */
import { Drbg } from "../crypto/drbg";
import { KnownKeys } from "../crypto/known-keys";
import { MemoryBudget } from "../session-manager/byte-buffer";
import { TlsClientSession } from "../session-manager/client-session";
import { TlsConfig } from "../session-manager/config";
import { Identity } from "../session-manager/identity";
import { TlsServerSession } from "../session-manager/server-session";
import { STATUS_OPEN, TlsSession } from "../session-manager/session";
import { SpareKey } from "../session-manager/spare-key";
import { CERTIFICATE_OK, Certificate } from "../x509/certificate";

/** Free heap from the beginning, so that no step has to ask how far the memory may grow. */
const HEAP: u32 = 128 * 1024;

const drbg: Drbg = new Drbg();
let serverConfig: TlsConfig | null = null;
let clientConfig: TlsConfig | null = null;
let server: TlsServerSession | null = null;
let client: TlsClientSession | null = null;

export function allocate(length: u32): usize {
  return heap.alloc(length);
}

export function poke(address: usize, value: u64): void {
  store<u64>(address, value);
}

/** Makes the heap, and seeds. To be called first. */
export function begin(): bool {
  heap.free(heap.alloc(HEAP));
  return drbg.seed();
}

function configure(privateKey: usize, chain: usize, chainLength: u32): TlsConfig | null {
  const config = new TlsConfig(drbg, new MemoryBudget(HEAP));
  const identity = new Identity();
  if (!identity.setPrivateKey(privateKey) || !identity.setChain(chain, chainLength)) return null;
  config.identity = identity;
  return config;
}

/** The server's key (32 bytes) and chain (DER). */
export function setServer(privateKey: usize, chain: usize, chainLength: u32): bool {
  serverConfig = configure(privateKey, chain, chainLength);
  return serverConfig !== null;
}

/** The client's key and chain, and the CA and name of the server. */
export function setClient(privateKey: usize, chain: usize, chainLength: u32): bool {
  clientConfig = configure(privateKey, chain, chainLength);
  return clientConfig !== null;
}

export function setAuthority(anchor: usize, anchorLength: u32, name: usize, length: u32): bool {
  const certificate = new Certificate();
  const config = clientConfig;
  if (config === null || certificate.parse(anchor, anchorLength) !== CERTIFICATE_OK) return false;
  config.trustAnchor = certificate;
  config.serverName = new StaticArray<u8>(length as i32);
  memory.copy(changetype<usize>(config.serverName), name, length);
  return true;
}

/** Makes the client's key, 65 bytes, one that the server knows, with a table of so many blocks. */
export function knowClient(publicKey: usize, blocks: i32): void {
  const known = new KnownKeys(1, blocks, 1);
  known.add(publicKey);
  serverConfig!.knownKeys = known;
}

/** Chooses suite and group, `SUITE_…` and `GROUP_…` bits, for what follows. */
export function choose(suite: u32, group: u32): void {
  clientConfig!.suites = suite;
  clientConfig!.groups = group;
  clientConfig!.keyShares = group;
}

/** The server is idle: it makes the key pair of its next handshake beforehand, or wipes it. */
export function idle(elapsedMs: u32): void {
  const config = serverConfig!;
  if (config.spareKey === null) config.spareKey = new SpareKey();
  config.spareKey!.tick(drbg, elapsedMs);
}

/** Where that pair is: private key, then public key, 32 bytes each. */
export function spareKeyAt(): usize {
  return serverConfig!.spareKey!.at;
}

/** The server's output, and its length. */
export function serverOutput(): usize {
  return server!.output;
}
export function serverOutputLength(): u32 {
  return server!.outputLength;
}

/** Opens the client's session: its ClientHello waits. */
export function clientHello(): void {
  client = new TlsClientSession(clientConfig!);
}

/** The server's first part: opens its session, reads the ClientHello, answers with its whole flight. */
export function serverFlight(): void {
  server = new TlsServerSession(serverConfig!);
  move(client!, server!);
}

/** The client's part: reads the flight, verifies chain and signature, answers with its own. */
export function clientFlight(): void {
  move(server!, client!);
  client!.approvePeer();
}

/** The server's second part: verifies the client's signature and Finished. */
export function serverFinish(): void {
  move(client!, server!);
  server!.approvePeer();
}

/** Whether both are open; ends both. */
export function finish(): bool {
  const opened = client!.status === STATUS_OPEN && server!.status === STATUS_OPEN;
  client!.dispose();
  server!.dispose();
  client = null;
  server = null;
  __collect();
  return opened;
}

function move(from: TlsSession, to: TlsSession): void {
  const used = to.feed(from.output, from.outputLength);
  from.consumeOutput(used);
}
