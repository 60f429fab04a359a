// A device that is known by an identity key, through the server: enrolled once, it may be updated; what it is and runs is
// what its chain says; and what is below a floor, or not listed for its component, gets nothing.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { enrolmentNonce } from "../../host/psa-attestation/nonces.js";
import { verifyIsolateCertificate } from "../../host/x509/read-certificate.js";
import { aliasClaims, certificate, withCertificate } from "../psa-attestation/aliases.js";
import {
  claimsFor,
  type Device,
  Entries,
  fill,
  IMPLEMENTATION_ID,
  MEASUREMENT,
  newDevice,
  SIGNER,
} from "../psa-attestation/tokens.js";
import {
  allowMeasurement,
  attest,
  type Bends,
  enrol,
  evidenceFor,
  newIsolateKey,
  POLICY_DEMAND,
  plainApplication,
  refusalOf,
  scopeWith,
  startTestServer,
} from "./support.js";

const pas = await startTestServer();
const identity = newDevice();
const alias = newDevice();
await enrol(pas.store, identity);
await allowMeasurement(pas.store);
test.after(() => pas.stop());

const image = (measurement: Uint8Array, type: string, version: string) =>
  new Entries([
    [1, type],
    [2, measurement],
    [4, version],
    [5, SIGNER],
  ]);
const runs =
  (...components: Entries[]) =>
  (claims: Entries) =>
    claims.with(2399, components);
const attempt = (bends: Bends, who: Device = identity) =>
  refusalOf(attest(pas.client, who, newIsolateKey(), { alias, ...bends }));

test("a device is enrolled once, and updates need no new enrolment", async () => {
  assert.is(await attempt({}), "accepted");
  const newer = fill(32, 0x40);
  const updated = { alias: newDevice(), claims: runs(image(newer, "ARoT", "2.0")) };
  assert.is(await attempt(updated), "measurement-not-allowed");
  await allowMeasurement(pas.store, newer);
  const scope = scopeWith({ runtimeHashes: { mcu: newer } });
  assert.is(await attempt({ ...updated, scope }), "accepted");
});

test("an isolate's certificate says the versions of the chain; the other image's once it is judged", async () => {
  const outside = fill(32, 0x41);
  const claims = runs(image(MEASUREMENT, "ARoT", "1.2"), image(outside, "NSPE", "1.3"));
  const versions = async () => {
    const { certificate: issued } = await attest(pas.client, identity, newIsolateKey(), {
      alias,
      claims,
    });
    const demand = {
      ...POLICY_DEMAND,
      ca: pas.ca.certificate,
      runtimeHashes: { mcu: MEASUREMENT },
    };
    const verdict = verifyIsolateCertificate(issued, demand);
    assert.ok(verdict.ok);
    return verdict.versions;
  };
  const runtime = { component: "ARoT", version: "1.2" };
  assert.equal(await versions(), [runtime]);
  // Until then a policy cannot ask for a version that anybody may have made up.
  const scope = scopeWith({ minimumVersions: [{ component: "NSPE", version: "1.0" }] });
  assert.is(await attempt({ claims, scope }), "scope-version");
  await allowMeasurement(pas.store, outside, IMPLEMENTATION_ID, "NSPE");
  assert.equal(await versions(), [runtime, { component: "NSPE", version: "1.3" }]);
  assert.is(await attempt({ claims, scope }), "accepted");
  const other = runs(image(MEASUREMENT, "ARoT", "1.2"), image(fill(32, 1), "NSPE", "1.3"));
  assert.is(await attempt({ claims: other }), "measurement-not-allowed");
});

test("below a floor no device of the implementation gets a certificate, attested before or not", async () => {
  const another = newDevice();
  await enrol(pas.store, another);
  const at = (version: string) => ({ claims: runs(image(MEASUREMENT, "ARoT", version)) });
  assert.is(await attempt(at("1.2"), another), "accepted");
  const floor = { implementationId: IMPLEMENTATION_ID, component: "ARoT", setAt: Date.now() };
  await pas.store.setFloor({ ...floor, version: "1.10" });
  assert.is(await attempt(at("1.9")), "version-below-floor");
  assert.is(await attempt(at("1.9"), another), "version-below-floor");
  assert.is(await attempt(at("none")), "version-below-floor");
  assert.is(await attempt({}), "version-below-floor", "no version at all");
  assert.is(await attempt(at("1.10")), "accepted");
  // The token may say what it likes.
  const older = (chain: Entries) => at("1.9").claims(chain);
  assert.is(await attempt({ ...at("1.10"), chain: older }), "alias-mismatch");
  await pas.store.setFloor({ ...floor, version: "0" }, true);
});

const attacks: [string, string, Bends][] = [
  ["under another alias", "signature", { signer: newDevice().privateKey }],
  [
    "of a start that was open, which claims to be secured",
    "alias-mismatch",
    { chain: (it) => it.with(2395, 0x4000) },
  ],
  [
    "with a measurement that the chain has not",
    "alias-mismatch",
    { chain: (it) => it.with(2399, [image(fill(32, 7), "ARoT", "1.0")]) },
  ],
  [
    "of another device's chain",
    "alias-identity",
    { chain: (it) => it.with(256, newDevice().instanceId) },
  ],
  ["whose alias key may sign anything", "alias-structure", { chain: (it) => it.without(8) }],
];
for (const [name, rule, bends] of attacks)
  test(`attack: a token ${name}`, async () => assert.is(await attempt(bends), rule));

test("attack: the chain of another enrolled device, and a chain that was taken away", async () => {
  const other = newDevice();
  await enrol(pas.store, other);
  const claims = (right: Entries) => right.with(256, identity.instanceId);
  assert.is(await attempt({ claims }, other), "alias-signature");
  const plain = attest(pas.client, identity, newIsolateKey(), { signer: alias.privateKey });
  assert.is(await refusalOf(plain), "signature");
});

test("an open start of a device that was enrolled as secured gets nothing", async () => {
  const lenient = await startTestServer({ allowDevelopment: true });
  await enrol(lenient.store, identity);
  await allowMeasurement(lenient.store);
  const open = (claims: Entries) => claims.with(2395, 0x4000);
  const answer = attest(lenient.client, identity, newIsolateKey(), { alias, claims: open });
  assert.is(await refusalOf(answer), "lifecycle-mismatch");
  await lenient.stop();
});

test("a device proves its identity at its enrolment by an alias key that this has certified", async () => {
  const device = newDevice();
  const evidence = await evidenceFor(pas.store, device);
  const prove = (nonce: Uint8Array, signer: Device, lifecycle = 0x3000) => {
    const claims = claimsFor(device, nonce).with(2395, lifecycle);
    const chain = certificate(aliasClaims(claims, alias.point), device.privateKey);
    return withCertificate(claims, signer.privateKey, chain);
  };
  const outcomeOf = async (token: Uint8Array) =>
    (await pas.store.enrol({ ...plainApplication(device), evidence: { ...evidence, token } }))
      .outcome;
  const nonce = enrolmentNonce(evidence.challenge, device.point);
  assert.is(await outcomeOf(prove(nonce, newDevice())), "possession");
  assert.is(
    await outcomeOf(prove(enrolmentNonce(evidence.challenge, alias.point), alias)),
    "possession",
  );
  assert.is(await outcomeOf(prove(nonce, alias, 0x4000)), "possession");
  assert.is(await outcomeOf(prove(nonce, alias)), "enrolled");
});
test.run();
