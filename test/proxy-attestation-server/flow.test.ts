// The PSA flow against a real server over HTTP, and every way in which it must not end in a certificate.
import { createHash, randomBytes } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { scopeHash } from "../../host/continuity/scope.js";
import { reattestationNonce } from "../../host/psa-attestation/nonces.js";
import { SOFTWARE_IMPLEMENTATION_ID } from "../../host/psa-attestation/software-implementation.js";
import { verifyIsolateCertificate } from "../../host/x509/read-certificate.js";
import {
  claimsFor,
  Entries,
  fill,
  IMPLEMENTATION_ID,
  MEASUREMENT,
  newDevice,
  SIGNER,
  token,
} from "../psa-attestation/tokens.js";
import {
  allowMeasurement,
  attest,
  type Bends,
  csrFor,
  enrol,
  enrolDeveloper,
  newIsolateKey,
  nonceFor,
  POLICY,
  POLICY_DEMAND,
  POLICY_HASH,
  refusalOf,
  scopeWith,
  startTestServer,
  type TestServer,
} from "./support.js";

// The host isolate: development grade, another implementation ID, another measurement.
const HOST_IMPLEMENTATION = SOFTWARE_IMPLEMENTATION_ID;
const HOST_MEASUREMENT = fill(32, 0x71);

const device = newDevice();
const neighbour = newDevice();
const developer = newDevice();
let time = Date.now();
let pas: TestServer;
/** The same server, but for its setting that development-grade devices will do. */
let lenient: TestServer;

test.before(async () => {
  pas = await startTestServer({ clock: () => time });
  lenient = await startTestServer({ clock: () => time, allowDevelopment: true });
  for (const { store } of [pas, lenient]) {
    await enrol(store, device);
    await enrol(store, neighbour);
    await enrolDeveloper(store, developer, { implementationId: HOST_IMPLEMENTATION });
    await allowMeasurement(store);
    await allowMeasurement(store, HOST_MEASUREMENT, HOST_IMPLEMENTATION);
  }
});
test.after(async () => {
  await pas.stop();
  await lenient.stop();
});

const component = (measurement: Uint8Array, type = "ARoT") =>
  new Entries([
    [1, type],
    [2, measurement],
    [5, SIGNER],
  ]);
const asDeveloper = (claims: Entries) =>
  claims
    .with(2395, 0x4000)
    .with(2396, HOST_IMPLEMENTATION)
    .with(2399, [component(HOST_MEASUREMENT)]);

const attempt = (bends: Bends = {}, who = device, where = pas) =>
  refusalOf(attest(where.client, who, newIsolateKey(), bends));
const certificates = async () => (await pas.store.certificates(1000)).length;

test("an enrolled device that runs what it may gets a certificate for its isolate's key", async () => {
  const key = newIsolateKey();
  const chain = await attest(pas.client, device, key);
  const verdict = verifyIsolateCertificate(chain.certificate, {
    ...POLICY_DEMAND,
    ca: pas.ca.certificate,
    runtimeHashes: { mcu: MEASUREMENT },
    now: time,
  });
  assert.ok(verdict.ok);
  assert.equal(verdict.spki, key.spki);
  assert.equal(verdict.kind, "mcu");
  assert.equal(verdict.lifecycle, 0x3000);
  assert.ok(Math.abs(verdict.notAfter - (time + 86_400_000)) < 1000, "one day");
  assert.equal(Buffer.compare(chain.issuer, pas.ca.certificate), 0);
  const [entry] = (await pas.store.log(1)).map(({ event, detail }) => ({ event, detail }));
  assert.is(entry?.event, "certificate-issued");
  assert.is(entry?.detail.instanceId, Buffer.from(device.instanceId).toString("hex"));
});

test("the same device may attest again, under a new challenge and serial number", async () => {
  const key = newIsolateKey();
  const first = await attest(pas.client, device, key);
  const second = await attest(pas.client, device, key);
  assert.is.not(first.deviceId, second.deviceId);
  const [a, b] = await pas.store.certificates(2);
  assert.not.equal(a?.serial, b?.serial);
});

// Attacks

test("attack: a re-attestation token offered as an enrolment", async () => {
  // The attacker asks the isolate to re-attest with the server's challenge as "its own" nonce, and
  // chooses whatever else goes into that nonce, hoping for a certificate for its own key.
  const before = await certificates();
  const key = newIsolateKey();
  for (const spkiOrCsr of ["spki", "csr"] as const) {
    const code = await refusalOf(
      attest(pas.client, device, key, {
        nonce: (challenge, csr) =>
          reattestationNonce({
            nonce: challenge,
            publicKey: spkiOrCsr === "spki" ? key.spki : csr,
            policyHash: POLICY_HASH,
            exporter: fill(32, 0),
          }),
      }),
    );
    assert.is(code, "nonce-mismatch");
  }
  assert.is(await certificates(), before);
});

test("attack: a development key claims an MCU's measurement", async () => {
  const asIs = (claims: Entries) => asDeveloper(claims).with(2399, [component(MEASUREMENT)]);
  assert.is(await attempt({ claims: asIs }, developer, lenient), "measurement-not-allowed");
  // … and the MCU's implementation ID along with it.
  const disguised = (claims: Entries) => claims.with(2395, 0x4000);
  assert.is(await attempt({ claims: disguised }, developer, lenient), "implementation-mismatch");
  // … and its lifecycle too.
  assert.is(await attempt({}, developer, lenient), "implementation-mismatch");
  assert.is(await attempt({}, developer, pas), "implementation-mismatch");
  // Honest about everything else, it may not call itself secured.
  const secured = (claims: Entries) => asDeveloper(claims).with(2395, 0x3000);
  assert.is(await attempt({ claims: secured }, developer, lenient), "lifecycle-mismatch");
  // Honest about all, it gets a certificate that says what it is.
  const scope = scopeWith({ runtimeHashes: { linux: HOST_MEASUREMENT } });
  assert.is(await attempt({ claims: asDeveloper, scope }, developer, lenient), "accepted");
});

test("attack: the same challenge twice, one after the other", async () => {
  const { challenge, deviceId } = await pas.client.start("test");
  const send = () => {
    const csr = csrFor(newIsolateKey());
    const bytes = token(claimsFor(device, nonceFor(challenge, csr)), device.privateKey);
    return refusalOf(pas.client.attest({ token: bytes, csr: csr, deviceId: deviceId, ...POLICY }));
  };
  assert.is(await send(), "accepted");
  assert.is(await send(), "challenge-used");
});

test("attack: the same challenge twenty times at once: one certificate", async () => {
  const before = await certificates();
  const { challenge, deviceId } = await pas.client.start("test");
  const csr = csrFor(newIsolateKey());
  const bytes = token(claimsFor(device, nonceFor(challenge, csr)), device.privateKey);
  const codes = await Promise.all(
    Array.from({ length: 20 }, () =>
      refusalOf(pas.client.attest({ token: bytes, csr: csr, deviceId: deviceId, ...POLICY })),
    ),
  );
  assert.is(codes.filter((code) => code === "accepted").length, 1);
  assert.is(codes.filter((code) => code === "challenge-used").length, 19);
  assert.is(await certificates(), before + 1);
});

test("attack: a genuine token with another CSR", async () => {
  const { challenge, deviceId } = await pas.client.start("test");
  const csr = csrFor(newIsolateKey());
  const bytes = token(claimsFor(device, nonceFor(challenge, csr)), device.privateKey);
  const stolen = csrFor(newIsolateKey());
  assert.is(
    await refusalOf(
      pas.client.attest({ token: bytes, csr: stolen, deviceId: deviceId, ...POLICY }),
    ),
    "nonce-mismatch",
  );
  // The challenge is not used up by that.
  assert.is(
    await refusalOf(pas.client.attest({ token: bytes, csr: csr, deviceId: deviceId, ...POLICY })),
    "accepted",
  );
});

test("attack: a CSR for a key that the requester does not hold", async () => {
  const csr = csrFor(newIsolateKey(), { signer: newIsolateKey().privateKey });
  assert.is(await attempt({ csr }), "csr-signature");
});

// Challenges

test("a challenge that was never given out, or belongs to another attempt", async () => {
  assert.is(await attempt({ deviceId: 12345 }), "challenge-unknown");
  const other = await pas.client.start("test");
  assert.is(await attempt({ deviceId: other.deviceId }), "nonce-mismatch");
});

test("an old token is no use under a new challenge", async () => {
  const old = await pas.client.start("test");
  const csr = csrFor(newIsolateKey());
  const bytes = token(claimsFor(device, nonceFor(old.challenge, csr)), device.privateKey);
  assert.is(
    await refusalOf(
      pas.client.attest({ token: bytes, csr: csr, deviceId: old.deviceId, ...POLICY }),
    ),
    "accepted",
  );
  const fresh = await pas.client.start("test");
  assert.is(
    await refusalOf(
      pas.client.attest({ token: bytes, csr: csr, deviceId: fresh.deviceId, ...POLICY }),
    ),
    "nonce-mismatch",
  );
});

test("a challenge expires; a token just in time is accepted", async () => {
  const offer = async (wait: number) => {
    const { challenge, deviceId } = await pas.client.start("test");
    const csr = csrFor(newIsolateKey());
    const bytes = token(claimsFor(device, nonceFor(challenge, csr)), device.privateKey);
    time += wait;
    return refusalOf(pas.client.attest({ token: bytes, csr: csr, deviceId: deviceId, ...POLICY }));
  };
  assert.is(await offer(60_000), "accepted");
  assert.is(await offer(60_001), "challenge-expired");
});

test("challenges and device IDs are drawn anew each time", async () => {
  const challenges = new Set<string>();
  const ids = new Set<number>();
  for (let i = 0; i < 50; i++) {
    const { challenge, deviceId } = await pas.client.start("test");
    challenges.add(Buffer.from(challenge).toString("hex"));
    ids.add(deviceId);
  }
  assert.is(challenges.size, 50);
  assert.is(ids.size, 50);
});

// Devices

test("a device that is not enrolled", async () => {
  assert.is(await attempt({}, newDevice()), "device-unknown");
});

test("a token signed by another enrolled device's key", async () => {
  assert.is(await attempt({ signer: neighbour.privateKey }), "signature");
});

test("a device that speaks in another's name", async () => {
  const claims = (right: Entries) => right.with(256, neighbour.instanceId);
  assert.is(await attempt({ claims }), "signature");
});

test("a token for another device's key: the certificate names only what the CSR holds", async () => {
  const key = newIsolateKey();
  const claims = claimsFor(device, fill(32, 1));
  const bytes = token(claims, device.privateKey);
  const { deviceId } = await pas.client.start("test");
  assert.is(
    await refusalOf(
      pas.client.attest({ token: bytes, csr: csrFor(key), deviceId: deviceId, ...POLICY }),
    ),
    "nonce-mismatch",
  );
});

test("a revoked device gets nothing more, at once", async () => {
  const lost = newDevice();
  await enrol(pas.store, lost);
  assert.is(await attempt({}, lost), "accepted");
  const { challenge, deviceId } = await pas.client.start("test");
  assert.is(await pas.store.revoke(lost.instanceId, Date.now()), "revoked");
  assert.is(await attempt({}, lost), "device-revoked");
  const csr = csrFor(newIsolateKey());
  const bytes = token(claimsFor(lost, nonceFor(challenge, csr)), lost.privateKey);
  assert.is(
    await refusalOf(pas.client.attest({ token: bytes, csr: csr, deviceId: deviceId, ...POLICY })),
    "device-revoked",
  );
});

test("a development-grade device where the operator does not allow it", async () => {
  assert.is(await attempt({ claims: asDeveloper }, developer), "lifecycle-not-trusted");
});

test("every log line about a development-grade device says so", async () => {
  const from = lenient.log.length;
  const scope = scopeWith({ runtimeHashes: { linux: HOST_MEASUREMENT } });
  await attest(lenient.client, developer, newIsolateKey(), { claims: asDeveloper, scope });
  const id = Buffer.from(developer.instanceId).toString("hex");
  const lines = lenient.log.slice(from).filter((line) => line.instanceId === id);
  assert.ok(lines.length > 0);
  for (const line of lines) {
    assert.is(line.grade, "development");
    assert.match(String(line.msg), /DEVELOPMENT-GRADE/);
  }
});

// Measurements

test("a measurement that is not on the list; one that is withdrawn", async () => {
  const changed = (claims: Entries) => claims.with(2399, [component(fill(32, 0x3f))]);
  assert.is(await attempt({ claims: changed }), "measurement-not-allowed");
  await allowMeasurement(pas.store, fill(32, 0x3f));
  const scope = scopeWith({ runtimeHashes: { mcu: fill(32, 0x3f) } });
  assert.is(await attempt({ claims: changed, scope }), "accepted");
  assert.ok(await pas.store.withdraw(IMPLEMENTATION_ID, fill(32, 0x3f), Date.now()));
  assert.is(await attempt({ claims: changed }), "measurement-not-allowed");
});

test("attack: a device outside of a policy's scope spends nothing of it, whatever scope it says", async () => {
  const others = { runtimeHashes: { mcu: fill(32, 0x3f), linux: MEASUREMENT } };
  assert.is(await attempt({ scope: scopeWith(others) }), "scope-runtime");
  const named = scopeWith({ instanceIds: [neighbour.instanceId] });
  assert.is(await attempt({ scope: named }), "scope-device");
  assert.is(await attempt({ scope: named }, neighbour), "accepted");
  const strict = { runtimeHashes: { linux: HOST_MEASUREMENT }, allowDevelopment: false };
  const graded = { claims: asDeveloper, scope: scopeWith(strict) };
  assert.is(await attempt(graded, developer, lenient), "scope-grade");
  // It may invent a scope: what it has then is a certificate for that scope, which the policy's clients refuse.
  const invented = scopeWith({ instanceIds: [device.instanceId] });
  const chain = await attest(pas.client, device, newIsolateKey(), { scope: invented });
  const verdict = verifyIsolateCertificate(chain.certificate, {
    ca: pas.ca.certificate,
    policyHash: POLICY_HASH,
    scopeHash: scopeHash(named),
    runtimeHashes: { mcu: MEASUREMENT },
  });
  assert.is(verdict.ok, false);
  assert.is((verdict as { rule: string }).rule, "policy-mismatch");
});

test("a version below the policy's minimum; the certificate says the versions", async () => {
  const said = (version: string) => (claims: Entries) =>
    claims.with(2399, [
      new Entries([
        [1, "ARoT"],
        [2, MEASUREMENT],
        [4, version],
        [5, SIGNER],
      ]),
    ]);
  const minimumVersions = [{ component: "ARoT", version: "1.2" }];
  const scope = scopeWith({ minimumVersions });
  assert.is(await attempt({ scope }), "scope-version", "no version at all");
  assert.is(await attempt({ scope, claims: said("1.1.9") }), "scope-version");
  assert.is(await attempt({ scope, claims: said("newest") }), "scope-version");
  const bends = { scope, claims: said("1.10") };
  const chain = await attest(pas.client, device, newIsolateKey(), bends);
  const verdict = verifyIsolateCertificate(chain.certificate, {
    ca: pas.ca.certificate,
    policyHash: POLICY_HASH,
    scopeHash: scopeHash(scope),
    runtimeHashes: { mcu: MEASUREMENT },
    minimumVersions,
  });
  assert.ok(verdict.ok, JSON.stringify(verdict));
  assert.equal(verdict.versions, [{ component: "ARoT", version: "1.10" }]);
});

test("with two components both must be on the list, and one must be the runtime", async () => {
  const loader = fill(32, 0x10);
  const two = (a: Entries, b: Entries) => (claims: Entries) => claims.with(2399, [a, b]);
  const right = two(component(loader, "BL"), component(MEASUREMENT));
  assert.is(await attempt({ claims: right }), "measurement-not-allowed");
  await allowMeasurement(pas.store, loader);
  assert.is(await attempt({ claims: right }), "measurement-not-allowed", "not as a loader");
  await allowMeasurement(pas.store, loader, IMPLEMENTATION_ID, "BL");
  const chain = await attest(pas.client, device, newIsolateKey(), { claims: right });
  const demand = { ...POLICY_DEMAND, ca: pas.ca.certificate, runtimeHashes: { mcu: MEASUREMENT } };
  assert.ok(verifyIsolateCertificate(chain.certificate, demand).ok);
  const none = two(component(loader, "BL"), component(MEASUREMENT, "App"));
  assert.is(await attempt({ claims: none }), "runtime-component");
  const both = two(component(loader), component(MEASUREMENT));
  assert.is(await attempt({ claims: both }), "runtime-component");
});

test("a device's non-secure image is told, not judged; alone it is no runtime that nobody judges", async () => {
  const outside = component(fill(32, 0x11), "NSPE");
  const beside = (claims: Entries) => claims.with(2399, [component(MEASUREMENT), outside]);
  assert.is(await attempt({ claims: beside }), "accepted");
  const unknown = component(fill(32, 0x12));
  const changed = (claims: Entries) => claims.with(2399, [unknown, outside]);
  assert.is(await attempt({ claims: changed }), "measurement-not-allowed");
  const alone = (claims: Entries) => claims.with(2399, [outside]);
  assert.is(await attempt({ claims: alone }), "measurement-not-allowed");
});

test("a runtime measured by another hash than SHA-256", async () => {
  const long = fill(48, 0x3e);
  await allowMeasurement(pas.store, long);
  const claims = (right: Entries) => right.with(2399, [component(long)]);
  assert.is(await attempt({ claims }), "runtime-component");
});

// Each rule reaches the requester by name; test/psa-attestation/refusals.test.ts has them all.
const bent: [string, (claims: Entries) => Entries][] = [
  ["profile", (claims) => claims.with(265, "http://example.com")],
  ["nonce", (claims) => claims.with(10, fill(20, 1))],
  ["instance-id", (claims) => claims.with(256, fill(33, 2))],
  ["client-id", (claims) => claims.with(2394, 0)],
  ["security-lifecycle", (claims) => claims.with(2395, 0x9000)],
  ["lifecycle-not-trusted", (claims) => claims.with(2395, 0x5000)],
  ["implementation-id", (claims) => claims.with(2396, fill(31, 1))],
  ["implementation-mismatch", (claims) => claims.with(2396, fill(32, 1))],
  ["software-components", (claims) => claims.with(2399, [])],
  ["boot-seed", (claims) => claims.with(268, fill(7, 1))],
  ["certification-reference", (claims) => claims.with(2398, "x")],
  ["verification-service", (claims) => claims.with(2400, 5)],
  ["cbor-duplicate-key", (claims) => new Entries([...claims.list, [10, fill(32, 1)]])],
];
for (const [rule, claims] of bent)
  test(`refused by name: ${rule}`, async () => {
    assert.is(await attempt({ claims }), rule);
  });

test("certification requests that are not what they should be", async () => {
  const p384 = newIsolateKey("P-384");
  const key = newIsolateKey();
  const offCurve = key.spki.slice();
  offCurve[90] = (offCurve[90] as number) ^ 1;
  const csr = csrFor(key);
  const renamed = Uint8Array.from(csr);
  renamed.set(Buffer.from("Isolate"), Buffer.from(csr).indexOf("isolate"));
  const cases: [string, Uint8Array][] = [
    ["csr-key", csrFor(p384, { signer: key.privateKey })],
    ["csr-key", csrFor(key, { spki: offCurve })],
    ["csr-malformed", csr.subarray(0, csr.length - 1)],
    ["csr-malformed", Uint8Array.of(...csr, 0)],
    ["csr-malformed", new Uint8Array(randomBytes(200))],
    ["csr-signature", renamed],
  ];
  for (const [rule, bytes] of cases) assert.is(await attempt({ csr: bytes }), rule);
});

test("another protocol than psa", async () => {
  const { encodeBase64Message, decodeBase64Message } = await import(
    "../../host/transport-protocol/index.js"
  );
  const body = encodeBase64Message({ type: "start", protocol: "sgx", firmwareVersion: "" });
  const { port } = pas.server.address;
  const answer = await fetch(`http://127.0.0.1:${port}/Start`, { method: "POST", body });
  assert.is(answer.status, 400);
  const message = decodeBase64Message("attestationAnswer", await answer.text());
  assert.ok(message.type === "attestationRefused");
  assert.is(message.code, "protocol");
});

test("what is issued is recorded: the certificate, the key, the device", async () => {
  const key = newIsolateKey();
  const { certificate, deviceId } = await attest(pas.client, device, key);
  const hash = new Uint8Array(createHash("sha256").update(key.spki).digest());
  const record = await pas.store.certificateFor(deviceId, hash, time);
  assert.is(Buffer.compare(record?.certificate ?? new Uint8Array(0), certificate), 0);
  assert.equal(record?.instanceId, device.instanceId);
  assert.equal(record?.runtimeHash, MEASUREMENT);
});

test.run();
