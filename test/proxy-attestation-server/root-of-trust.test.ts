// The host isolate's root of trust against a real server: from enrolment file to certificate, and what
// happens when what runs is not what was agreed on.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { encodeScope, scopeHash } from "../../host/continuity/scope.js";
import { enrolFile } from "../../host/proxy-attestation-server/enrolment.js";
import { verifyStatement } from "../../host/proxy-attestation-server/statement.js";
import {
  SOFTWARE_IMPLEMENTATION_ID,
  SoftwareRootOfTrust,
} from "../../host/psa-attestation/root-of-trust.js";
import { verifyIsolateCertificate } from "../../host/x509/read-certificate.js";
import { fill } from "../psa-attestation/tokens.js";
import {
  allowMeasurement,
  csrFor,
  newIsolateKey,
  POLICY_HASH,
  refusalOf,
  startTestServer,
  type TestServer,
  temporaryFolder,
} from "./support.js";

const folder = temporaryFolder();
const RUNTIME = new Uint8Array(20_000).fill(0x61);
const FIRMWARE = new Uint8Array(30_000).fill(0x62);
const EXPORTER = fill(32, 0xe0);
let pas: TestServer;
let strict: TestServer;

test.before(async () => {
  pas = await startTestServer({ allowDevelopment: true });
  strict = await startTestServer();
});
test.after(async () => {
  await pas.stop();
  await strict.stop();
  folder.remove();
});

let devices = 0;
/** A root of trust with a key of its own, enrolled with the server through its enrolment file. */
async function newRoot(server: TestServer, runtime: Uint8Array) {
  const root = SoftwareRootOfTrust.open(`${folder.path}/${devices++}.pem`);
  const measurement = root.measureRuntime(runtime);
  await enrolFile(server.store, JSON.stringify(root.enrolment()));
  return { root, measurement };
}

/** What the runtime and its root of trust do when they are asked to attest. */
async function attestAs(server: TestServer, root: SoftwareRootOfTrust, key = newIsolateKey()) {
  const { challenge, deviceId } = await server.client.start("test");
  const csr = csrFor(key);
  const scope = encodeScope({
    runtimeHashes: { linux: root.measurement as Uint8Array },
    allowDevelopment: true,
    maxRestarts: 0,
    instanceIds: [],
    minimumVersions: [],
  });
  const hashes = { policyHash: POLICY_HASH, scopeHash: scopeHash(scope) };
  root.runtimeStarts();
  const token = root.certificationToken({ challenge, csr, ...hashes });
  const asked = { token, csr, deviceId, policyHash: POLICY_HASH, scope };
  return { ...(await server.client.attest(asked)), ...hashes, deviceId, bytes: token };
}

test("from the enrolment file to a certificate, and to a statement for a client's nonce", async () => {
  const { root, measurement } = await newRoot(pas, RUNTIME);
  await allowMeasurement(pas.store, measurement, SOFTWARE_IMPLEMENTATION_ID);
  const key = newIsolateKey();
  const attested = await attestAs(pas, root, key);
  const { certificate, deviceId, bytes, policyHash } = attested;
  assert.ok(bytes.length <= 400, `${bytes.length} bytes`);
  const demand = { ...attested, ca: pas.ca.certificate, runtimeHashes: { linux: measurement } };
  const verdict = verifyIsolateCertificate(certificate, { ...demand, allowDevelopment: true });
  assert.ok(verdict.ok);
  assert.is(verdict.kind, "linux");
  assert.is(verdict.lifecycle, 0x4000);
  const wary = verifyIsolateCertificate(certificate, demand);
  assert.ok(!wary.ok && wary.rule === "development-grade");

  const nonce = fill(32, 0x42);
  const token = root.reattestationToken(nonce, EXPORTER);
  const asked = { nonce, publicKey: key.spki, policyHash, exporter: EXPORTER };
  const { statement } = await pas.client.verifyProxyToken({ ...asked, token, deviceId });
  const question = { ...demand, ...asked, isolateNotBefore: Date.now() };
  assert.ok(verifyStatement(statement, { ...question, allowDevelopment: true }).ok);
  const refused = verifyStatement(statement, question);
  assert.ok(!refused.ok && refused.rule === "development-grade");
  root.free();
});

test("one changed byte of the runtime, and there is no certificate", async () => {
  const { root, measurement } = await newRoot(pas, RUNTIME);
  await allowMeasurement(pas.store, measurement, SOFTWARE_IMPLEMENTATION_ID);
  assert.is(await refusalOf(attestAs(pas, root)), "accepted");
  const changed = RUNTIME.slice();
  changed[12_345] = 0x60;
  const { root: other } = await newRoot(pas, changed);
  assert.is(await refusalOf(attestAs(pas, other)), "measurement-not-allowed");
  root.free();
  other.free();
});

test("attack: a software root of trust measures an MCU's firmware, and may not claim it", async () => {
  const { root, measurement } = await newRoot(pas, FIRMWARE);
  await allowMeasurement(pas.store, measurement, fill(32, 0x1d));
  assert.is(await refusalOf(attestAs(pas, root)), "measurement-not-allowed");
  root.free();
});

test("a server that was not told to takes no software root of trust", async () => {
  const { root, measurement } = await newRoot(strict, RUNTIME);
  await allowMeasurement(strict.store, measurement, SOFTWARE_IMPLEMENTATION_ID);
  assert.is(await refusalOf(attestAs(strict, root)), "lifecycle-not-trusted");
  root.free();
});

test("a software root of trust that nobody enrolled", async () => {
  const root = SoftwareRootOfTrust.open(`${folder.path}/unknown.pem`);
  root.measureRuntime(RUNTIME);
  assert.is(await refusalOf(attestAs(pas, root)), "device-unknown");
  root.free();
});

test.run();
