// What the tests of the proxy attestation server share: a server on a free port with its CA and
// database in a folder of its own, devices, certification requests, and whole flows.
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import {
  type CertificateAuthority,
  initialiseCa,
  loadCa,
} from "../../host/proxy-attestation-server/ca.js";
import {
  AttestationClient,
  AttestationRefused,
} from "../../host/proxy-attestation-server/client.js";
import {
  type RunningServer,
  type ServerOptions,
  startServer,
} from "../../host/proxy-attestation-server/server.js";
import { SqliteStore } from "../../host/proxy-attestation-server/sqlite-store.js";
import type { Device as EnrolledDevice, Store } from "../../host/proxy-attestation-server/store.js";
import { enrolmentNonce } from "../../host/psa-attestation/nonces.js";
import type { Message } from "../../host/transport-protocol/index.js";
import {
  cbor,
  claimsFor,
  type Device,
  type Entries,
  head,
  IMPLEMENTATION_ID,
  MEASUREMENT,
  token,
} from "../psa-attestation/tokens.js";

/** A folder for this test file's own use. */
export function temporaryFolder(): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), "vc-pas-test-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** DER, written apart from the code under test. */
export function tlv(tag: number, ...parts: (Uint8Array | number[])[]): Buffer {
  const body = Buffer.concat(parts.map((part) => Uint8Array.from(part)));
  const length =
    body.length < 128
      ? [body.length]
      : body.length < 256
        ? [0x81, body.length]
        : [0x82, body.length >> 8, body.length & 255];
  return Buffer.concat([Uint8Array.of(tag, ...length), body]);
}

const ECDSA_WITH_SHA256 = tlv(0x30, Buffer.from("06082a8648ce3d040302", "hex"));

export interface IsolateKey {
  privateKey: KeyObject;
  spki: Uint8Array;
}

export function newIsolateKey(curve = "P-256"): IsolateKey {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: curve });
  return {
    privateKey,
    spki: new Uint8Array(publicKey.export({ type: "spki", format: "der" })),
  };
}

/** A PKCS#10 request for the key; `spki` and `signer` bend it. */
export function csrFor(
  key: IsolateKey,
  bends: { spki?: Uint8Array; signer?: KeyObject; attributes?: Uint8Array } = {},
): Uint8Array {
  const name = tlv(
    0x30,
    tlv(0x31, tlv(0x30, Buffer.from("0603550403", "hex"), tlv(0x0c, Buffer.from("isolate")))),
  );
  const info = tlv(0x30, [2, 1, 0], name, bends.spki ?? key.spki, bends.attributes ?? tlv(0xa0));
  const signature = sign("sha256", info, bends.signer ?? key.privateKey);
  return new Uint8Array(tlv(0x30, info, ECDSA_WITH_SHA256, tlv(0x03, [0], signature)));
}

/** The endorsement of a test device. */
export function endorsement(
  device: Device,
  overrides: Partial<EnrolledDevice> = {},
): Omit<EnrolledDevice, "revokedAt"> {
  return {
    instanceId: device.instanceId,
    publicKey: new Uint8Array(device.publicKey.export({ type: "spki", format: "der" })),
    implementationId: IMPLEMENTATION_ID,
    lifecycle: 0x3000,
    kind: "mcu",
    label: "test device",
    enrolledAt: Date.now(),
    ...overrides,
  };
}

export async function enrol(store: Store, device: Device, overrides: Partial<EnrolledDevice> = {}) {
  const outcome = await store.enrol(endorsement(device, overrides));
  if (outcome !== "enrolled") throw new Error(outcome);
}

export async function allowMeasurement(
  store: Store,
  measurement: Uint8Array = MEASUREMENT,
  implementationId: Uint8Array = IMPLEMENTATION_ID,
) {
  await store.allow({ implementationId, measurement, description: "", allowedAt: Date.now() });
}

export interface TestServer {
  server: RunningServer;
  client: AttestationClient;
  store: Store;
  ca: CertificateAuthority;
  caPath: string;
  /** What the server logged. */
  log: Record<string, unknown>[];
  stop(): Promise<void>;
}

/** A server on a free port of 127.0.0.1, in this process, so that a test can move its clock. */
export async function startTestServer(
  options: Partial<ServerOptions> & { store?: Store } = {},
): Promise<TestServer> {
  const folder = temporaryFolder();
  const keyPath = join(folder.path, "ca-key.pem");
  const caPath = join(folder.path, "ca.pem");
  initialiseCa(keyPath, caPath, "Test CA", 30);
  const ca = loadCa(keyPath, caPath);
  const { store = SqliteStore.open(join(folder.path, "pas.sqlite")), ...rest } = options;
  const log: Record<string, unknown>[] = [];
  const logger = pino(
    { level: "debug", base: null },
    { write: (line: string) => log.push(JSON.parse(line)) },
  );
  const server = await startServer(store, ca, { host: "127.0.0.1", port: 0, logger, ...rest });
  const client = new AttestationClient({ host: "127.0.0.1", port: server.address.port });
  return {
    server,
    client,
    store,
    ca,
    caPath,
    log,
    stop: async () => {
      client.close();
      await server.close();
      folder.remove();
    },
  };
}

export interface Bends {
  claims?: (right: Entries) => Entries;
  /** Signs the token instead of the device. */
  signer?: KeyObject;
  nonce?: (challenge: Uint8Array, csr: Uint8Array) => Uint8Array;
  csr?: Uint8Array;
  deviceId?: number;
}

/** One whole flow: challenge, token, certificate. */
export async function attest(
  client: AttestationClient,
  device: Device,
  key: IsolateKey = newIsolateKey(),
  bends: Bends = {},
): Promise<Message<"certificateChain"> & { deviceId: number }> {
  const { challenge, deviceId } = await client.start("test");
  const csr = bends.csr ?? csrFor(key);
  const nonce = (bends.nonce ?? enrolmentNonce)(challenge, csr);
  const claims = claimsFor(device, nonce);
  const bytes = token(bends.claims?.(claims) ?? claims, bends.signer ?? device.privateKey);
  const chain = await client.attest(bytes, csr, bends.deviceId ?? deviceId);
  return { ...chain, deviceId };
}

/** The code with which the server refuses, or "accepted". */
export async function refusalOf(answer: Promise<unknown>): Promise<string> {
  try {
    await answer;
    return "accepted";
  } catch (error) {
    if (error instanceof AttestationRefused) return error.code;
    throw error;
  }
}

export { cbor, head };
