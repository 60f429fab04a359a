// Re-attestation: /VerifyPAT and the client's check of its answer, and a server that lies in between.
import { generateKeyPairSync } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  isolateCertificate,
  randomSerial,
} from "../../host/proxy-attestation-server/certificate.js";
import {
  type StatementDemand,
  StatementSigner,
  verifyStatement,
} from "../../host/proxy-attestation-server/statement.js";
import { sign1, X5CHAIN } from "../../host/psa-attestation/cose.js";
import { enrolmentNonce, reattestationNonce } from "../../host/psa-attestation/nonces.js";
import {
  cbor,
  claimsFor,
  Entries,
  fill,
  MEASUREMENT,
  newDevice,
  token,
} from "../psa-attestation/tokens.js";
import {
  allowMeasurement,
  attest,
  csrFor,
  enrol,
  newIsolateKey,
  refusalOf,
  startTestServer,
  type TestServer,
} from "./support.js";

const device = newDevice();
const other = newDevice();
const POLICY_HASH = fill(32, 0x90);
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
  token(claimsFor(who, reattestationNonce(nonce, isolate.spki, policyHash)), who.privateKey);

const ask = (
  nonce: Uint8Array,
  changes: Partial<Parameters<typeof pas.client.verifyProxyToken>[0]> = {},
) =>
  pas.client.verifyProxyToken({
    token: proxyToken(nonce),
    nonce,
    publicKey: key.spki,
    policyHash: POLICY_HASH,
    deviceId,
    ...changes,
  });

const demandFor = (clientNonce: Uint8Array): StatementDemand => ({
  ca: pas.ca.certificate,
  clientNonce,
  spki: key.spki,
  policyHash: POLICY_HASH,
  runtimeHashes: { mcu: MEASUREMENT },
  now: time,
});

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
  assert.equal(verdict.claims.instanceId, device.instanceId);
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
  assert.is(ruleOf(statement, { ...demand, spki: newIsolateKey().spki }), "isolate-key");
  assert.is(ruleOf(statement, { ...demand, policyHash: fill(32, 1) }), "policy-hash");
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
  const content = {
    clientNonce: nonce,
    claims: cbor(claimsFor(device, reattestationNonce(nonce, key.spki, POLICY_HASH))),
    spki: key.spki,
    policyHash: POLICY_HASH,
    kind: "mcu" as const,
    runtimeHash: MEASUREMENT,
  };
  // A CA of its own making, under the same name.
  const fake = await startTestServer();
  const forged = new StatementSigner(fake.ca).sign(content, time);
  await fake.stop();
  assert.is(ruleOf(forged, demand), "certificate-issuer");
  // An isolate's key, which the CA did certify, though for another purpose.
  const mine = newIsolateKey();
  const certificate = isolateCertificate(
    { spki: mine.spki, runtimeHash: MEASUREMENT, kind: "mcu", lifecycle: 0x3000 },
    pas.ca,
    { notBefore: time - 1000, notAfter: time + 1000_000 },
    randomSerial(),
  );
  const genuine = new StatementSigner(pas.ca).sign(content, time);
  assert.is(ruleOf(genuine, demand), "accepted");
  const payload = await payloadOf(genuine);
  const byIsolate = sign1(payload, mine.privateKey, new Map([[X5CHAIN, certificate]]));
  assert.is(ruleOf(byIsolate, demand), "certificate-purpose");
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

test("a statement whose token was made for another request is refused by the client", () => {
  const nonce = fill(32, 8);
  const signer = new StatementSigner(pas.ca);
  const base = {
    clientNonce: nonce,
    spki: key.spki,
    policyHash: POLICY_HASH,
    kind: "mcu" as const,
    runtimeHash: MEASUREMENT,
  };
  const enrolment = cbor(claimsFor(device, enrolmentNonce(nonce, csrFor(key))));
  assert.is(
    ruleOf(signer.sign({ ...base, claims: enrolment }, time), demandFor(nonce)),
    "token-nonce",
  );
  const right = claimsFor(device, reattestationNonce(nonce, key.spki, POLICY_HASH));
  const debug = cbor(right.with(2395, 0x4000));
  assert.is(
    ruleOf(signer.sign({ ...base, claims: debug }, time), demandFor(nonce)),
    "development-grade",
  );
  assert.is(
    ruleOf(signer.sign({ ...base, claims: debug }, time), {
      ...demandFor(nonce),
      allowDevelopment: true,
    }),
    "accepted",
  );
  const elsewhere = cbor(
    right.with(2399, [
      new Entries([
        [2, fill(32, 1)],
        [5, fill(32, 1)],
      ]),
    ]),
  );
  assert.is(
    ruleOf(signer.sign({ ...base, claims: elsewhere }, time), demandFor(nonce)),
    "runtime-hash",
  );
});

test("refused by the server: an enrolment token, another nonce, key, policy, device", async () => {
  const nonce = fill(32, 9);
  const enrolment = token(claimsFor(device, enrolmentNonce(nonce, csrFor(key))), device.privateKey);
  assert.is(await refusalOf(ask(nonce, { token: enrolment })), "nonce-mismatch");
  assert.is(await refusalOf(ask(nonce, { nonce: fill(32, 10) })), "nonce-mismatch");
  assert.is(await refusalOf(ask(nonce, { policyHash: fill(32, 1) })), "nonce-mismatch");
  assert.is(await refusalOf(ask(nonce, { policyHash: new Uint8Array(0) })), "nonce-mismatch");
  assert.is(await refusalOf(ask(nonce, { publicKey: newIsolateKey().spki })), "nonce-mismatch");
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
  const signer = new StatementSigner(pas.ca);
  const content = {
    clientNonce: nonce,
    claims: cbor(claimsFor(device, reattestationNonce(nonce, key.spki, POLICY_HASH))),
    spki: key.spki,
    policyHash: POLICY_HASH,
    kind: "mcu" as const,
    runtimeHash: MEASUREMENT,
  };
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
