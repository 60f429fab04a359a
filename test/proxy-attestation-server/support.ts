// What the tests of the proxy attestation server share: a server on a free port with its CA and
// database in a folder of its own, devices, certification requests, and whole flows.
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { encodeScope, type Scope, scopeHash } from "../../host/continuity/scope.js";
import {
  type CertificateAuthority,
  initialiseCa,
  loadCa,
} from "../../host/proxy-attestation-server/ca.js";
import {
  AttestationClient,
  AttestationRefused,
} from "../../host/proxy-attestation-server/client.js";
import { endorse } from "../../host/proxy-attestation-server/endorsement.js";
import { enrolmentChallenge } from "../../host/proxy-attestation-server/enrolment.js";
import {
  type RunningServer,
  type ServerOptions,
  startServer,
} from "../../host/proxy-attestation-server/server.js";
import { SqliteStore } from "../../host/proxy-attestation-server/sqlite-store.js";
import type { Application, Evidence, Store } from "../../host/proxy-attestation-server/store.js";
import { certificationNonce, enrolmentNonce } from "../../host/psa-attestation/nonces.js";
import type { Message } from "../../host/transport-protocol/index.js";
import { aliasClaims, certificate, withCertificate } from "../psa-attestation/aliases.js";
import {
  cbor,
  claimsFor,
  type Device,
  type Entries,
  fill,
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

/** Whoever made the test devices. */
const maker = generateKeyPairSync("ec", { namedCurve: "P-256" });

/** The evidence that a test device is secured: its maker is trusted from now on. */
export async function evidenceFor(
  store: Store,
  device: Device,
  claims: (right: Entries) => Entries = (right) => right,
): Promise<Evidence> {
  await store.trustManufacturer({
    publicKey: new Uint8Array(maker.publicKey.export({ type: "spki", format: "der" })),
    implementationId: IMPLEMENTATION_ID,
    name: "maker of the test devices",
    trustedAt: Date.now(),
  });
  const challenge = await enrolmentChallenge(store, 60_000);
  const proof = claims(claimsFor(device, enrolmentNonce(challenge, device.point)));
  const { instanceId, publicKey, implementationId } = plainApplication(device);
  return {
    challenge,
    token: token(proof, device.privateKey),
    endorsement: endorse(
      { instanceId, publicKey, implementationId, lifecycle: 0x3000, kind: "mcu" },
      maker.privateKey,
    ),
  };
}

/** A test device, put forward without evidence. */
export const plainApplication = (device: Device): Application => ({
  instanceId: device.instanceId,
  publicKey: new Uint8Array(device.publicKey.export({ type: "spki", format: "der" })),
  implementationId: IMPLEMENTATION_ID,
  label: "test device",
  enrolledAt: Date.now(),
});

/** Enrols a test device as secured. */
export async function enrol(store: Store, device: Device): Promise<void> {
  const evidence = await evidenceFor(store, device);
  const result = await store.enrol({ ...plainApplication(device), evidence });
  if (result.outcome !== "enrolled") throw new Error(result.detail);
}

/** Enrols a test device as development grade. */
export async function enrolDeveloper(
  store: Store,
  device: Device,
  changes: Partial<Application> = {},
): Promise<void> {
  const result = await store.enrol({ ...plainApplication(device), ...changes });
  if (result.outcome !== "enrolled") throw new Error(result.detail);
}

export async function allowMeasurement(
  store: Store,
  measurement: Uint8Array = MEASUREMENT,
  implementationId: Uint8Array = IMPLEMENTATION_ID,
  component = "ARoT",
) {
  const allowedAt = Date.now();
  await store.allow({ implementationId, component, measurement, description: "", allowedAt });
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

/** The policy under which the tests' isolates work, and its scope. */
export const POLICY_HASH = fill(32, 0x9c);
export const scopeWith = (changes: Partial<Scope> = {}): Uint8Array =>
  encodeScope({
    runtimeHashes: { mcu: MEASUREMENT, linux: MEASUREMENT },
    allowDevelopment: true,
    maxRestarts: 1,
    instanceIds: [],
    minimumVersions: [],
    ...changes,
  });
export const SCOPE = scopeWith();
export const SCOPE_HASH = scopeHash(SCOPE);

/** The nonce of a token that asks for a certificate. */
export const nonceFor = (challenge: Uint8Array, csr: Uint8Array) =>
  certificationNonce({ challenge, csr, policyHash: POLICY_HASH, scopeHash: SCOPE_HASH });

/** What a request for a certificate names beside token and CSR. */
export const POLICY = { policyHash: POLICY_HASH, scope: SCOPE };

/** What a client demands of the certificate's policy. */
export const POLICY_DEMAND = { policyHash: POLICY_HASH, scopeHash: SCOPE_HASH };

export interface Bends {
  claims?: (right: Entries) => Entries;
  /** Signs the token instead of the device. */
  signer?: KeyObject;
  /** The alias key that signs it, certified by the device's. */
  alias?: Device;
  /** Bends the claims of its certificate. */
  chain?: (right: Entries) => Entries;
  nonce?: (challenge: Uint8Array, csr: Uint8Array) => Uint8Array;
  csr?: Uint8Array;
  deviceId?: number;
  policyHash?: Uint8Array;
  scope?: Uint8Array;
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
  const { policyHash = POLICY_HASH, scope = SCOPE } = bends;
  const right = () =>
    certificationNonce({ challenge, csr, policyHash, scopeHash: scopeHash(scope) });
  const nonce = bends.nonce?.(challenge, csr) ?? right();
  const claims = claimsFor(device, nonce);
  const bent = bends.claims?.(claims) ?? claims;
  const { alias } = bends;
  const certified = alias && aliasClaims(bent, alias.point);
  const bytes =
    alias === undefined || certified === undefined
      ? token(bent, bends.signer ?? device.privateKey)
      : withCertificate(
          bent,
          bends.signer ?? alias.privateKey,
          certificate(bends.chain?.(certified) ?? certified, device.privateKey),
        );
  const asked = { token: bytes, csr, deviceId: bends.deviceId ?? deviceId, policyHash, scope };
  const chain = await client.attest(asked);
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
