// Re-attestation: /VerifyPAT and the client's check of its answer, and a server that lies in between.
import { generateKeyPairSync } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { StatementSigner } from "../../host/proxy-attestation-server/signer.js";
import {
  type StatementDemand,
  statementPayload,
  verifyStatement,
} from "../../host/proxy-attestation-server/statement.js";
import { sign1, X5CHAIN } from "../../host/psa-attestation/cose.js";
import { reattestationNonce } from "../../host/psa-attestation/nonces.js";
import {
  isolateCertificate,
  OID_COMMIT_SERVICE,
  OID_VERIFICATION_SERVICE,
  randomSerial,
} from "../../host/x509/certificate.js";
import { claimsFor, fill, MEASUREMENT, newDevice, token } from "../psa-attestation/tokens.js";
import {
  allowMeasurement,
  attest,
  csrFor,
  enrol,
  newIsolateKey,
  nonceFor,
  POLICY_DEMAND,
  POLICY_HASH,
  refusalOf,
  startTestServer,
  type TestServer,
} from "./support.js";

const device = newDevice();
const other = newDevice();
const EXPORTER = fill(32, 0xe0);
const key = newIsolateKey();
let time = Date.now();
let pas: TestServer;
let deviceId: number;

test.before(async () => {
  pas = await startTestServer({ clock: () => time });
  await enrol(pas.store, device);
  await enrol(pas.store, other);
  await allowMeasurement(pas.store);
  ({ deviceId } = await attest(pas.client, device, key));
});
test.after(() => pas.stop());

/** What the isolate's runtime and root of trust make for a client's nonce. */
const proxyToken = (nonce: Uint8Array, who = device, isolate = key, policyHash = POLICY_HASH) =>
  token(
    claimsFor(
      who,
      reattestationNonce({ nonce, publicKey: isolate.spki, policyHash, exporter: EXPORTER }),
    ),
    who.privateKey,
  );

const ask = (
  nonce: Uint8Array,
  changes: Partial<Parameters<typeof pas.client.verifyProxyToken>[0]> = {},
) =>
  pas.client.verifyProxyToken({
    token: proxyToken(nonce),
    nonce,
    publicKey: key.spki,
    policyHash: POLICY_HASH,
    exporter: EXPORTER,
    deviceId,
    ...changes,
  });

const demandFor = (nonce: Uint8Array): StatementDemand => ({
  ca: pas.ca.certificate,
  nonce,
  publicKey: key.spki,
  policyHash: POLICY_HASH,
  exporter: EXPORTER,
  isolateNotBefore: time - 300_000,
  runtimeHashes: { mcu: MEASUREMENT },
  now: time,
});

/** What the server would say of the device and the key. */
const contentFor = (nonce: Uint8Array, lifecycle = 0x3000) =>
  statementPayload(
    {
      nonce,
      publicKey: key.spki,
      policyHash: POLICY_HASH,
      exporter: EXPORTER,
      kind: "mcu",
      lifecycle,
      runtimeHash: MEASUREMENT,
      instanceId: device.instanceId,
      highest: 0,
    },
    time,
  );

const ruleOf = (statement: Uint8Array, demand: StatementDemand) => {
  const verdict = verifyStatement(statement, demand);
  return verdict.ok ? "accepted" : verdict.rule;
};

test("a client gets a signed statement on its own nonce", async () => {
  const nonce = fill(32, 1);
  const { statement } = await ask(nonce);
  const verdict = verifyStatement(statement, demandFor(nonce));
  assert.ok(verdict.ok);
  assert.is(verdict.kind, "mcu");
  assert.equal(verdict.runtimeHash, MEASUREMENT);
  assert.equal(verdict.instanceId, device.instanceId);
  assert.ok(Math.abs(verdict.verifiedAt - time) < 2000);
});

test("a client without a clock can check it too", async () => {
  const nonce = fill(32, 2);
  const { now: _, ...demand } = demandFor(nonce);
  assert.is(ruleOf((await ask(nonce)).statement, demand), "accepted");
});

test("a statement does not pass for another request, key, policy or runtime", async () => {
  const nonce = fill(32, 3);
  const { statement } = await ask(nonce);
  const demand = demandFor(nonce);
  assert.is(ruleOf(statement, demandFor(fill(32, 4))), "client-nonce");
  assert.is(ruleOf(statement, { ...demand, publicKey: newIsolateKey().spki }), "isolate-key");
  assert.is(ruleOf(statement, { ...demand, policyHash: fill(32, 1) }), "policy-hash");
  assert.is(ruleOf(statement, { ...demand, exporter: fill(32, 1) }), "session");
  assert.is(ruleOf(statement, { ...demand, runtimeHashes: { mcu: fill(32, 1) } }), "runtime-hash");
  assert.is(
    ruleOf(statement, { ...demand, runtimeHashes: { linux: MEASUREMENT } }),
    "runtime-hash",
  );
  assert.is(ruleOf(statement, { ...demand, now: time + 30 * 86_400_000 }), "certificate-expired");
});

test("no byte of a statement can change unnoticed", async () => {
  const nonce = fill(32, 5);
  const { statement } = await ask(nonce);
  for (let i = 0; i < statement.length; i++) {
    const bent = Uint8Array.from(statement);
    bent[i] = (bent[i] as number) ^ 1;
    assert.is.not(ruleOf(bent, demandFor(nonce)), "accepted", `byte ${i}`);
  }
});

test("attack: a server answers for the proxy attestation server", async () => {
  // The owner of the machine in between has: the CA's certificate, genuine tokens, a genuine
  // certificate for the key of an isolate that it may have built itself, and old statements.
  const nonce = fill(32, 6);
  const demand = demandFor(nonce);
  const content = contentFor(nonce);
  // A CA of its own making, under the same name.
  const fake = await startTestServer();
  const forged = new StatementSigner(fake.ca, OID_VERIFICATION_SERVICE).sign(content, time);
  await fake.stop();
  assert.is(ruleOf(forged, demand), "certificate-issuer");
  // An isolate's key, which the CA did certify, though for another purpose.
  const mine = newIsolateKey();
  const certificate = isolateCertificate(
    {
      spki: mine.spki,
      runtimeHash: MEASUREMENT,
      kind: "mcu",
      lifecycle: 0x3000,
      ...POLICY_DEMAND,
    },
    pas.ca,
    { notBefore: time - 1000, notAfter: time + 1000_000 },
    randomSerial(),
  );
  const genuine = new StatementSigner(pas.ca, OID_VERIFICATION_SERVICE).sign(content, time);
  assert.is(ruleOf(genuine, demand), "accepted");
  const payload = await payloadOf(genuine);
  const byIsolate = sign1(payload, mine.privateKey, new Map([[X5CHAIN, certificate]]));
  assert.is(ruleOf(byIsolate, demand), "certificate-purpose");
  // The key for commits, which is the same server's: each signs for its one purpose.
  const byCommits = new StatementSigner(pas.ca, OID_COMMIT_SERVICE).sign(content, time);
  assert.is(ruleOf(byCommits, demand), "certificate-purpose");
  // The genuine certificate of the service with a signature by another key.
  const chain = certificateIn(genuine);
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const wrongKey = sign1(payload, privateKey, new Map([[X5CHAIN, chain]]));
  assert.is(ruleOf(wrongKey, demand), "statement-signature");
  // No certificate, the CA's certificate.
  assert.is(ruleOf(sign1(payload, privateKey), demand), "statement-malformed");
  const asCa = sign1(payload, privateKey, new Map([[X5CHAIN, pas.ca.certificate]]));
  assert.is(ruleOf(asCa, demand), "certificate-purpose");
  // A statement from yesterday, for another nonce.
  const old = await ask(fill(32, 7));
  assert.is(ruleOf(old.statement, demand), "client-nonce");
  // The device's own token in place of a statement.
  assert.is(ruleOf(proxyToken(nonce), demand), "statement-malformed");
});

/** The payload of a COSE_Sign1, through the test's own knowledge of CBOR: third element. */
async function payloadOf(statement: Uint8Array): Promise<Uint8Array> {
  const { parseSign1 } = await import("../../host/psa-attestation/cose.js");
  return parseSign1(statement).payload;
}

function certificateIn(statement: Uint8Array): Uint8Array {
  // { 33: h'…' } in the unprotected header: a1 18 21 59 LLLL …
  const at = Buffer.from(statement).indexOf(Buffer.from("a1182159", "hex"));
  const length = Buffer.from(statement).readUInt16BE(at + 4);
  return statement.slice(at + 6, at + 6 + length);
}

test("the grade that the device said counts for the client, too", () => {
  const nonce = fill(32, 8);
  const signer = new StatementSigner(pas.ca, OID_VERIFICATION_SERVICE);
  const debug = signer.sign(contentFor(nonce, 0x4000), time);
  assert.is(ruleOf(debug, demandFor(nonce)), "development-grade");
  assert.is(ruleOf(debug, { ...demandFor(nonce), allowDevelopment: true }), "accepted");
});

test("a signer whose time ended before the isolate's began is refused, with a clock and without", () => {
  const nonce = fill(32, 13);
  const year = 365 * 86_400_000;
  const old = new StatementSigner(pas.ca, OID_VERIFICATION_SERVICE);
  // A key that was stolen last year signs today.
  old.sign(contentFor(nonce), time - year);
  const { now: _, ...demand } = demandFor(nonce);
  const stolen = old.sign(contentFor(nonce), time - year);
  assert.is(ruleOf(stolen, demand), "certificate-expired");
  assert.is(ruleOf(stolen, demandFor(nonce)), "certificate-expired");
  assert.is(ruleOf(stolen, { ...demand, isolateNotBefore: time - year }), "accepted");
});

test("refused by the server: an enrolment token, another nonce, key, policy, device", async () => {
  const nonce = fill(32, 9);
  const enrolment = token(claimsFor(device, nonceFor(nonce, csrFor(key))), device.privateKey);
  assert.is(await refusalOf(ask(nonce, { token: enrolment })), "nonce-mismatch");
  assert.is(await refusalOf(ask(nonce, { nonce: fill(32, 10) })), "nonce-mismatch");
  assert.is(await refusalOf(ask(nonce, { policyHash: fill(32, 1) })), "nonce-mismatch");
  assert.is(await refusalOf(ask(nonce, { policyHash: new Uint8Array(0) })), "nonce-mismatch");
  assert.is(await refusalOf(ask(nonce, { publicKey: newIsolateKey().spki })), "nonce-mismatch");
  assert.is(await refusalOf(ask(nonce, { exporter: fill(32, 1) })), "nonce-mismatch");
  // The key was certified for another policy than the one that the token speaks of.
  const elsewhere = fill(32, 0x91);
  const asked = { token: proxyToken(nonce, device, key, elsewhere), policyHash: elsewhere };
  assert.is(await refusalOf(ask(nonce, asked)), "key-bound");
  // Another key, and a token that fits it, but no certificate was ever issued for it.
  const foreign = newIsolateKey();
  const fits = proxyToken(nonce, device, foreign);
  assert.is(
    await refusalOf(ask(nonce, { token: fits, publicKey: foreign.spki })),
    "certificate-unknown",
  );
  assert.is(await refusalOf(ask(nonce, { deviceId: deviceId ^ 1 })), "certificate-unknown");
  // Another enrolled device speaks for the key.
  assert.is(await refusalOf(ask(nonce, { token: proxyToken(nonce, other) })), "public-key");
  assert.is(
    await refusalOf(ask(nonce, { token: proxyToken(nonce, newDevice()) })),
    "device-unknown",
  );
});

test("refused by the server: certificate expired, device revoked", async () => {
  const nonce = fill(32, 11);
  const lost = newDevice();
  await enrol(pas.store, lost);
  const isolate = newIsolateKey();
  const issued = await attest(pas.client, lost, isolate);
  const request = () =>
    refusalOf(
      pas.client.verifyProxyToken({
        token: proxyToken(nonce, lost, isolate),
        nonce,
        publicKey: isolate.spki,
        policyHash: POLICY_HASH,
        exporter: EXPORTER,
        deviceId: issued.deviceId,
      }),
    );
  assert.is(await request(), "accepted");
  time += 2 * 86_400_000;
  assert.is(await request(), "certificate-unknown");
  time -= 2 * 86_400_000;
  await pas.store.revoke(lost.instanceId, time);
  assert.is(await request(), "device-revoked");
});

test("the signing key is renewed in time, and old statements stay valid until its certificate ends", () => {
  const nonce = fill(32, 12);
  const signer = new StatementSigner(pas.ca, OID_VERIFICATION_SERVICE);
  const content = contentFor(nonce);
  const day = 86_400_000;
  const first = signer.sign(content, time);
  const second = signer.sign(content, time + 3 * day);
  const third = signer.sign(content, time + 4 * day);
  assert.equal(certificateIn(first), certificateIn(second));
  assert.not.equal(certificateIn(second), certificateIn(third));
  assert.is(ruleOf(first, { ...demandFor(nonce), now: time + 6 * day }), "accepted");
  assert.is(ruleOf(first, { ...demandFor(nonce), now: time + 8 * day }), "certificate-expired");
  assert.is(ruleOf(third, { ...demandFor(nonce), now: time + 8 * day }), "accepted");
});

test.run();
