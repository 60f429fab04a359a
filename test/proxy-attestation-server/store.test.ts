// What every store must do, on SQLite and on a real PostgreSQL; then what each does by itself.
import { createHash, randomBytes } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { measured } from "../../host/proxy-attestation-server/measured.js";
import { PostgresStore } from "../../host/proxy-attestation-server/postgres-store.js";
import { SqliteDatabase } from "../../host/proxy-attestation-server/sqlite-database.js";
import { SqliteStore } from "../../host/proxy-attestation-server/sqlite-store.js";
import type {
  Application,
  Evidence,
  IssuedCertificate,
  KeyBinding,
  Store,
} from "../../host/proxy-attestation-server/store.js";
import { SOFTWARE_IMPLEMENTATION_ID } from "../../host/psa-attestation/software-implementation.js";
import {
  claimsFor,
  fill,
  IMPLEMENTATION_ID,
  MEASUREMENT,
  newDevice,
  token,
} from "../psa-attestation/tokens.js";
import { skip } from "../support/shared.js";
import { startPostgres } from "./postgres.js";
import {
  allowMeasurement,
  attest,
  enrol,
  enrolDeveloper,
  evidenceFor,
  newIsolateKey,
  nonceFor,
  plainApplication,
  refusalOf,
  startTestServer,
  temporaryFolder,
} from "./support.js";

const folder = temporaryFolder();
const NOW = 1_800_000_000_000;
let count = 0;

const random = (length: number) => new Uint8Array(randomBytes(length));

/** A certificate that could be issued under the challenge. */
function certificateOf(
  deviceId: number,
  instanceId: Uint8Array,
  changes: Partial<IssuedCertificate> = {},
): IssuedCertificate {
  return {
    serial: random(16),
    deviceId,
    instanceId,
    publicKeyHash: random(32),
    runtimeHash: MEASUREMENT,
    issuedAt: NOW,
    notAfter: NOW + 86_400_000,
    certificate: random(600),
    ...changes,
  };
}

const runtime = (measurement: Uint8Array, version = "") => measured("ARoT", measurement, version);

const POLICY_HASH = fill(32, 0x70);
const SCOPE_HASH = fill(32, 0x71);

/** What a certificate binds its key to; `changes` bend it. */
function bindingOf(
  { publicKeyHash, instanceId, runtimeHash }: IssuedCertificate,
  changes: Partial<KeyBinding> = {},
): KeyBinding {
  return {
    publicKeyHash,
    policyHash: POLICY_HASH,
    scopeHash: SCOPE_HASH,
    most: 2,
    instanceId,
    runtimeHash,
    measurements: [runtime(MEASUREMENT)],
    ...changes,
  };
}

const issueOf = (
  store: Store,
  certificate: IssuedCertificate,
  measurements: readonly Uint8Array[],
  changes: Partial<KeyBinding> = {},
) =>
  store.issue(
    certificate,
    bindingOf(certificate, {
      measurements: measurements.map((each) => runtime(each)),
      ...changes,
    }),
  );

async function challengeIn(store: Store, expiresAt = NOW + 60_000): Promise<number> {
  for (;;) {
    const deviceId = Math.floor(Math.random() * 2 ** 31);
    if (await store.addChallenge({ deviceId, challenge: random(32), expiresAt })) return deviceId;
  }
}

/** The tests for a kind of store; `open` gives one that is empty. */
function contract(kind: string, open: () => Promise<Store>): void {
  const on = (name: string, run: (store: Store) => Promise<void>) => {
    count++;
    test(`${kind}: ${name}`, async () => {
      const store = await open();
      try {
        await run(store);
      } finally {
        await store.close();
      }
    });
  };

  on("challenges are kept as given, and a device ID is taken once", async (store) => {
    const challenge = random(32);
    const entry = { deviceId: 2 ** 31 - 1, challenge, expiresAt: NOW };
    assert.is(await store.addChallenge(entry), true);
    assert.is(await store.addChallenge({ ...entry, challenge: random(32) }), false);
    assert.equal(await store.challenge(2 ** 31 - 1), { ...entry, usedAt: undefined });
    assert.is(await store.challenge(5), undefined);
  });

  on("a challenge that nobody has used can be dropped", async (store) => {
    const entry = { deviceId: 7, challenge: random(32), expiresAt: NOW };
    assert.is(await store.addChallenge(entry), true);
    await store.dropChallenge(7);
    await store.dropChallenge(8);
    assert.is(await store.challenge(7), undefined);
    assert.is(await store.addChallenge(entry), true);
  });

  on("devices: enrolled once, listed, revoked once", async (store) => {
    const device = newDevice();
    const entry = { ...plainApplication(device), enrolledAt: NOW, label: "Gerät 1" };
    const outcomeOf = async (application: Application) => (await store.enrol(application)).outcome;
    assert.equal(await store.enrol(entry), {
      outcome: "enrolled",
      kind: "mcu",
      lifecycle: 0x4000,
    });
    assert.is(await outcomeOf(entry), "instance-known");
    assert.is(await outcomeOf({ ...entry, instanceId: newDevice().instanceId }), "key-known");
    const software = {
      ...plainApplication(newDevice()),
      implementationId: SOFTWARE_IMPLEMENTATION_ID,
    };
    assert.equal(await store.enrol(software), {
      outcome: "enrolled",
      kind: "linux",
      lifecycle: 0x4000,
    });
    assert.equal(await store.device(device.instanceId), {
      ...entry,
      kind: "mcu",
      lifecycle: 0x4000,
      revokedAt: undefined,
    });
    assert.is(await store.device(newDevice().instanceId), undefined);
    assert.is((await store.devices()).length, 2);
    assert.is(await store.revoke(newDevice().instanceId, NOW), "unknown");
    assert.is(await store.revoke(device.instanceId, NOW + 1), "revoked");
    assert.is(await store.revoke(device.instanceId, NOW + 2), "already-revoked");
    assert.is((await store.device(device.instanceId))?.revokedAt, NOW + 1);
    // Revoked for good: it cannot be enrolled anew under the same name.
    assert.is(await outcomeOf(entry), "instance-known");
    assert.equal((await store.log(10)).map(({ event, at }) => [event, at]).slice(-1), [
      ["device-revoked", NOW + 1],
    ]);
  });

  on(
    "H4: a device is secured on proof of its key and an endorsement, whoever asks",
    async (store) => {
      const device = newDevice();
      const plain = plainApplication(device);
      const good = await evidenceFor(store, device);
      const ruleOf = async (evidence: Evidence, changes: Partial<Application> = {}) =>
        (await store.enrol({ ...plain, ...changes, evidence })).outcome;
      const other = await evidenceFor(store, newDevice());
      const claiming = (key: number, value: unknown) =>
        evidenceFor(store, device, (claims) => claims.with(key, value));
      const software = { implementationId: SOFTWARE_IMPLEMENTATION_ID };
      assert.is(await ruleOf(good, software), "software");
      assert.is(await ruleOf({ ...good, challenge: random(32) }), "challenge");
      assert.is(await ruleOf({ ...good, challenge: other.challenge }), "possession");
      assert.is(await ruleOf({ ...good, token: other.token }), "possession");
      assert.is(await ruleOf(await claiming(10, random(32))), "possession");
      assert.is(await ruleOf(await claiming(256, other.token.subarray(0, 33))), "possession");
      assert.is(await ruleOf(await claiming(2396, fill(32, 9))), "possession");
      assert.is(await ruleOf(await claiming(2395, 0x4000)), "possession");
      assert.is(await ruleOf({ ...good, endorsement: other.endorsement }), "endorsement");
      assert.is(await ruleOf({ ...good, endorsement: good.token }), "endorsement");
      assert.is(await ruleOf(good, { enrolledAt: Date.now() + 61_000 }), "challenge");
      // A token that asks for a certificate proves nothing here, whatever challenge it was made over.
      const { privateKey } = device;
      const asking = token(claimsFor(device, nonceFor(good.challenge, random(100))), privateKey);
      assert.is(await ruleOf({ ...good, token: asking }), "possession");
      assert.equal(await store.devices(), []);

      // Of several at once that bring the same challenge one is enrolled.
      const rivals = await Promise.all([1, 2, 3].map(() => ruleOf(good)));
      assert.equal(rivals.sort(), ["enrolled", "instance-known", "instance-known"]);
      assert.is((await store.device(device.instanceId))?.lifecycle, 0x3000);
      const next = newDevice();
      const reused = { ...(await evidenceFor(store, next)), challenge: good.challenge };
      assert.is(await ruleOf(reused, plainApplication(next)), "challenge");
      const [entry] = (await store.log(1)).map(({ event, detail }) => ({ event, ...detail }));
      assert.is(entry?.event, "device-enrolled");
      assert.match(String((entry as Record<string, unknown>).endorser), /^[0-9a-f]{64}$/);
    },
  );

  on(
    "a device of development grade becomes production grade by the same evidence, and nothing lowers it again",
    async (store) => {
      const device = newDevice();
      const plain = plainApplication(device);
      const outcomeOf = async (changes: Partial<Application>) =>
        (await store.enrol({ ...plain, ...changes })).outcome;
      const lifecycleOf = async () => (await store.device(device.instanceId))?.lifecycle;
      assert.is(await outcomeOf({}), "enrolled");
      assert.is(await lifecycleOf(), 0x4000);
      const good = await evidenceFor(store, device);
      const other = newDevice();
      const foreign = await evidenceFor(store, other);
      // Without evidence, with evidence that is not good enough, with another key or implementation: it stays.
      assert.is(await outcomeOf({}), "instance-known");
      assert.is(await outcomeOf({ evidence: foreign }), "possession");
      const unsigned = { ...good, endorsement: foreign.endorsement };
      assert.is(await outcomeOf({ evidence: unsigned }), "endorsement");
      const { publicKey } = plainApplication(other);
      assert.is(await outcomeOf({ evidence: good, publicKey }), "instance-known");
      const implementationId = random(32);
      assert.is(await outcomeOf({ evidence: good, implementationId }), "instance-known");
      assert.is(await lifecycleOf(), 0x4000);

      const label = "another";
      assert.is(await outcomeOf({ evidence: good, label, enrolledAt: Date.now() }), "enrolled");
      assert.is(await lifecycleOf(), 0x3000);
      assert.is((await store.device(device.instanceId))?.label, plain.label);
      const [entry] = (await store.log(1)).map(({ event, detail }) => ({ event, ...detail }));
      assert.is(entry?.event, "device-raised");
      assert.match(String((entry as Record<string, unknown>).endorser), /^[0-9a-f]{64}$/);
      // Neither down again, nor once more by what was used.
      assert.is(await outcomeOf({}), "instance-known");
      assert.is(await outcomeOf({ evidence: good }), "instance-known");
      assert.is(await lifecycleOf(), 0x3000);

      // A device that was revoked stays so.
      const revoked = newDevice();
      await store.enrol(plainApplication(revoked));
      await store.revoke(revoked.instanceId, NOW);
      const late = await evidenceFor(store, revoked);
      const again = await store.enrol({ ...plainApplication(revoked), evidence: late });
      assert.is(again.outcome, "instance-known");
    },
  );

  on("measurements belong to an implementation", async (store) => {
    const allowed = {
      implementationId: IMPLEMENTATION_ID,
      measurement: MEASUREMENT,
      description: "runtime 1",
      allowedAt: NOW,
    };
    assert.is(await store.allow(allowed), true);
    assert.is(await store.allow(allowed), false);
    const judge = async (id: Uint8Array, ...all: Uint8Array[]) =>
      (
        await store.judge(
          id,
          all.map((each) => runtime(each)),
        )
      ).outcome;
    assert.is(await judge(IMPLEMENTATION_ID, MEASUREMENT), "allowed");
    assert.is(await judge(IMPLEMENTATION_ID, MEASUREMENT, MEASUREMENT), "allowed");
    const forbidden = "measurement-not-allowed";
    assert.is(await judge(IMPLEMENTATION_ID, MEASUREMENT, fill(32, 1)), forbidden);
    assert.is(await judge(fill(32, 1), MEASUREMENT), forbidden);
    assert.equal(await store.measurements(), [{ ...allowed, component: "ARoT" }]);
    assert.is(await store.withdraw(IMPLEMENTATION_ID, fill(32, 1), NOW), false);
    assert.is(await store.withdraw(IMPLEMENTATION_ID, MEASUREMENT, NOW), true);
    assert.is(await judge(IMPLEMENTATION_ID, MEASUREMENT), forbidden);
  });

  on(
    "measurements belong to a component; the non-secure image is judged once one is listed",
    async (store) => {
      const list = (component: string, measurement: Uint8Array) =>
        store.allow({
          implementationId: IMPLEMENTATION_ID,
          component,
          measurement,
          description: "",
          allowedAt: NOW,
        });
      const [secure, outside, other] = [fill(32, 1), fill(32, 2), fill(32, 3)];
      const judge = (runtimeIs: Uint8Array, outsideIs: Uint8Array) =>
        store.judge(IMPLEMENTATION_ID, [runtime(runtimeIs), measured("NSPE", outsideIs)]);
      const forbidden = { outcome: "measurement-not-allowed" };
      await list("ARoT", secure);
      assert.equal(await judge(secure, other), { outcome: "allowed", told: ["NSPE"] });
      await list("NSPE", outside);
      assert.equal(await judge(secure, outside), { outcome: "allowed", told: [] });
      assert.equal(await judge(secure, other), forbidden);
      assert.equal(await judge(outside, outside), forbidden, "the other component's");
      assert.equal(await judge(secure, secure), forbidden, "the other component's");
      // Listed before components were told apart; and a component that a device does not name.
      await list("", other);
      assert.equal(await judge(other, other), { outcome: "allowed", told: [] });
      const unnamed = [measured(undefined, secure)];
      assert.equal(await store.judge(IMPLEMENTATION_ID, unnamed), { outcome: "allowed", told: [] });
    },
  );

  on("floors belong to an implementation and a component, and rise", async (store) => {
    await allowMeasurement(store);
    const floor = { implementationId: IMPLEMENTATION_ID, component: "ARoT", setAt: NOW };
    const judge = async (version: string, component = "ARoT") =>
      (await store.judge(IMPLEMENTATION_ID, [measured(component, MEASUREMENT, version)])).outcome;
    assert.is(await judge(""), "allowed");
    assert.is(await store.setFloor({ ...floor, version: "1.9" }), "set");
    assert.is(await store.setFloor({ ...floor, version: "1.9.0" }), "same");
    for (const version of ["1.9", "1.9.0.1", "1.10", "2", "65535"])
      assert.is(await judge(version), "allowed", version);
    for (const version of ["", "0.1.0", "1.8.65535", "1", "1.9-rc1"])
      assert.is(await judge(version), "version-below-floor", version);
    assert.is(await store.setFloor({ ...floor, version: "1.8" }), "lower");
    assert.is(await judge("1.8"), "version-below-floor");
    assert.is(await store.setFloor({ ...floor, version: "1.10" }), "set");
    assert.is(await judge("1.9"), "version-below-floor");
    assert.is(await store.setFloor({ ...floor, version: "1.8" }, true), "set");
    assert.is(await judge("1.8"), "allowed");
    assert.equal(await store.floors(), [{ ...floor, version: "1.8" }]);
    // Of another implementation: it has nothing to do with it.
    const elsewhere = { ...floor, implementationId: fill(32, 1), version: "9" };
    assert.is(await store.setFloor(elsewhere), "set");
    assert.is(await judge("1.8"), "allowed");
    assert.is((await store.log(1))[0]?.event, "floor-set");
  });

  on("nothing is issued or committed below a floor, whichever device it is", async (store) => {
    await allowMeasurement(store);
    const [first, second] = [newDevice(), newDevice()];
    const issue = async (device: typeof first, version: string) => {
      const deviceId = await challengeIn(store);
      const certificate = certificateOf(deviceId, device.instanceId);
      const measurements = [runtime(MEASUREMENT, version)];
      const outcome = await issueOf(store, certificate, [], { measurements });
      return { outcome, key: certificate.publicKeyHash };
    };
    await enrol(store, first);
    await enrol(store, second);
    const before = await issue(second, "1.0");
    assert.is(before.outcome, "issued");
    const floor = { implementationId: IMPLEMENTATION_ID, component: "ARoT", setAt: NOW };
    assert.is(await store.setFloor({ ...floor, version: "2.0" }), "set");
    assert.is((await issue(first, "2.0")).outcome, "issued");
    // It has never run the newer version.
    assert.is((await issue(second, "1.0")).outcome, "version-below-floor");
    assert.equal(await store.commit(before.key, NOW), { outcome: "version-below-floor" });
  });

  on("a certificate is recorded together with the use of its challenge", async (store) => {
    const device = newDevice();
    await enrol(store, device);
    await allowMeasurement(store);
    const deviceId = await challengeIn(store);
    const certificate = certificateOf(deviceId, device.instanceId);
    assert.is(await issueOf(store, certificate, [MEASUREMENT]), "issued");
    assert.is((await store.challenge(deviceId))?.usedAt, NOW);
    assert.equal(await store.certificates(10), [certificate]);
    const { publicKeyHash, notAfter } = certificate;
    assert.equal(await store.certificateFor(deviceId, publicKeyHash, notAfter), certificate);
    assert.is(await store.certificateFor(deviceId, publicKeyHash, notAfter + 1), undefined);
    assert.is(await store.certificateFor(deviceId, random(32), NOW), undefined);
    assert.is(await store.certificateFor(deviceId ^ 1, publicKeyHash, NOW), undefined);
    const [entry] = await store.log(1);
    assert.is(entry?.event, "certificate-issued");
    assert.is(entry?.at, NOW);
    assert.equal(entry?.detail, {
      serial: Buffer.from(certificate.serial).toString("hex"),
      instanceId: Buffer.from(device.instanceId).toString("hex"),
      runtimeHash: Buffer.from(MEASUREMENT).toString("hex"),
      kind: "mcu",
      lifecycle: 0x3000,
    });
  });

  on("nothing is issued, and the challenge stays, when any condition fails", async (store) => {
    const device = newDevice();
    const revoked = newDevice();
    await enrol(store, device);
    await enrol(store, revoked);
    await store.revoke(revoked.instanceId, NOW);
    await allowMeasurement(store);
    const deviceId = await challengeIn(store);
    const issue = (instanceId: Uint8Array, changes = {}, measurements = [MEASUREMENT]) =>
      issueOf(store, certificateOf(deviceId, instanceId, changes), measurements);
    assert.is(await issue(device.instanceId, { deviceId: deviceId ^ 1 }), "challenge-unknown");
    assert.is(await issue(device.instanceId, { issuedAt: NOW + 60_001 }), "challenge-expired");
    assert.is(await issue(newDevice().instanceId), "device-unknown");
    assert.is(await issue(revoked.instanceId), "device-revoked");
    assert.is(
      await issue(device.instanceId, {}, [MEASUREMENT, fill(32, 1)]),
      "measurement-not-allowed",
    );
    assert.equal(await store.certificates(10), []);
    assert.is((await store.challenge(deviceId))?.usedAt, undefined);
    assert.is(
      (await store.log(10)).some(({ event }) => event === "certificate-issued"),
      false,
    );
    assert.is(await issue(device.instanceId, { issuedAt: NOW + 60_000 }), "issued");
    assert.is(await issue(device.instanceId), "challenge-used");
  });

  on("of thirty that use one challenge at once, one gets a certificate", async (store) => {
    const device = newDevice();
    await enrol(store, device);
    await allowMeasurement(store);
    const deviceId = await challengeIn(store);
    const outcomes = await Promise.all(
      Array.from({ length: 30 }, () =>
        issueOf(store, certificateOf(deviceId, device.instanceId), [MEASUREMENT]),
      ),
    );
    assert.is(outcomes.filter((outcome) => outcome === "issued").length, 1);
    assert.is(outcomes.filter((outcome) => outcome === "challenge-used").length, 29);
    assert.is((await store.certificates(10)).length, 1);
  });

  on("one that fails does not take the others with it", async (store) => {
    const device = newDevice();
    await enrol(store, device);
    await allowMeasurement(store);
    const foreign = newDevice().instanceId;
    const results = await Promise.allSettled([
      // The last one breaks a rule of the database itself.
      ...[device.instanceId, foreign, device.instanceId].map(async (instanceId) =>
        issueOf(store, certificateOf(await challengeIn(store), instanceId), [MEASUREMENT]),
      ),
      store.enrol({ ...plainApplication(newDevice()), instanceId: fill(5, 1) }),
    ]);
    assert.equal(
      results.map((result) => (result.status === "fulfilled" ? result.value : "failed")),
      ["issued", "device-unknown", "issued", "failed"],
    );
    assert.is((await store.certificates(10)).length, 2);
    const events = (await store.log(10)).filter(({ event }) => event === "certificate-issued");
    assert.is(events.length, 2);
  });

  /** A key that was certified for a device; gives the key's hash. */
  const certified = async (
    store: Store,
    instanceId: Uint8Array,
    changes: Partial<KeyBinding> = {},
  ): Promise<Uint8Array> => {
    const certificate = certificateOf(await challengeIn(store), instanceId);
    assert.is(await issueOf(store, certificate, [MEASUREMENT], changes), "issued");
    return certificate.publicKeyHash;
  };

  on("a key is bound for ever to what it was first certified for", async (store) => {
    const device = newDevice();
    const other = newDevice();
    await enrol(store, device);
    await enrol(store, other);
    await allowMeasurement(store);
    await allowMeasurement(store, fill(32, 0x3f));
    const publicKeyHash = await certified(store, device.instanceId);
    const again = async (instanceId: Uint8Array, changes: Partial<KeyBinding> = {}, more = {}) => {
      const deviceId = await challengeIn(store);
      const certificate = certificateOf(deviceId, instanceId, { publicKeyHash, ...more });
      return issueOf(store, certificate, [MEASUREMENT], changes);
    };
    assert.is(await again(device.instanceId), "issued");
    assert.is(await again(device.instanceId, { policyHash: fill(32, 1) }), "key-bound");
    assert.is(await again(device.instanceId, { scopeHash: fill(32, 1) }), "key-bound");
    assert.is(await again(device.instanceId, { most: 3 }), "key-bound");
    assert.is(await again(other.instanceId), "key-bound");
    assert.is(await again(device.instanceId, {}, { runtimeHash: fill(32, 0x3f) }), "key-bound");
    const bound = await store.binding(publicKeyHash);
    assert.equal(bound, {
      ...bindingOf(certificateOf(0, device.instanceId, { publicKeyHash })),
      certifiedUntil: NOW + 86_400_000,
    });
    assert.is(await store.binding(random(32)), undefined);
  });

  on("a computation is committed to as many keys as the policy allows, for ever", async (store) => {
    const device = newDevice();
    await enrol(store, device);
    await allowMeasurement(store);
    const keys = [];
    for (let i = 0; i < 3; i++) keys.push(await certified(store, device.instanceId));
    const [first, second, third] = keys as [Uint8Array, Uint8Array, Uint8Array];
    assert.is(await store.highestCommit(POLICY_HASH, SCOPE_HASH), 0);
    assert.equal(await store.commit(first, NOW + 1), { outcome: "committed", n: 1 });
    assert.equal(await store.commit(first, NOW + 2), { outcome: "committed", n: 1 });
    assert.equal(await store.commit(second, NOW + 3), { outcome: "committed", n: 2 });
    assert.equal(await store.commit(third, NOW + 4), { outcome: "exhausted", beganAt: NOW + 1 });
    assert.equal(await store.commit(first, NOW + 5), { outcome: "committed", n: 1 });
    assert.is(await store.highestCommit(POLICY_HASH, SCOPE_HASH), 2);
    assert.equal(await store.commit(random(32), NOW), { outcome: "key-unknown" });
    // Purging forgets challenges, and nothing else.
    await store.purgeChallenges(NOW + 10 ** 12);
    assert.equal(await store.commit(third, NOW + 6), { outcome: "exhausted", beganAt: NOW + 1 });
    const log = (await store.log(20)).filter(({ event }) => event === "computation-committed");
    assert.equal(
      log.map(({ detail }) => detail.n),
      [1, 2],
    );
  });

  on("another policy or another scope is another computation", async (store) => {
    const device = newDevice();
    await enrol(store, device);
    await allowMeasurement(store);
    for (const changes of [{}, { policyHash: random(32) }, { scopeHash: random(32) }]) {
      const key = await certified(store, device.instanceId, { most: 1, ...changes });
      assert.equal(await store.commit(key, NOW), { outcome: "committed", n: 1 });
      const next = await certified(store, device.instanceId, { most: 1, ...changes });
      assert.equal(await store.commit(next, NOW), { outcome: "exhausted", beganAt: NOW });
    }
  });

  on("nothing is committed to a revoked device, or to withdrawn software", async (store) => {
    const device = newDevice();
    const lost = newDevice();
    await enrol(store, device);
    await enrol(store, lost);
    await allowMeasurement(store);
    const key = await certified(store, device.instanceId);
    const lostKey = await certified(store, lost.instanceId);
    await store.revoke(lost.instanceId, NOW);
    assert.equal(await store.commit(lostKey, NOW), { outcome: "device-revoked" });
    await store.withdraw(IMPLEMENTATION_ID, MEASUREMENT, NOW);
    assert.equal(await store.commit(key, NOW), { outcome: "measurement-not-allowed" });
    assert.is(await store.highestCommit(POLICY_HASH, SCOPE_HASH), 0);
  });

  on("of thirty keys that want a computation at once, two get it", async (store) => {
    const device = newDevice();
    await enrol(store, device);
    await allowMeasurement(store);
    const keys: Uint8Array[] = [];
    for (let i = 0; i < 30; i++) keys.push(await certified(store, device.instanceId));
    const outcomes = await Promise.all(keys.map((key) => store.commit(key, NOW)));
    const numbers = outcomes.flatMap((each) => (each.outcome === "committed" ? [each.n] : []));
    assert.equal(numbers.toSorted(), [1, 2]);
    assert.is(outcomes.filter(({ outcome }) => outcome === "exhausted").length, 28);
  });

  on(
    "manufacturers are trusted with an implementation each, and no longer; the log says so",
    async (store) => {
      const key = newIsolateKey().spki;
      const maker = {
        publicKey: key,
        implementationId: IMPLEMENTATION_ID,
        name: "x",
        trustedAt: NOW,
      };
      assert.ok(await store.trustManufacturer(maker));
      assert.not.ok(await store.trustManufacturer({ ...maker, name: "y" }));
      const other = { ...maker, implementationId: new Uint8Array(32).fill(9), trustedAt: NOW + 1 };
      assert.ok(await store.trustManufacturer(other));
      assert.equal(await store.manufacturers(), [maker, other]);
      assert.ok(await store.distrustManufacturer(IMPLEMENTATION_ID, key, NOW + 2));
      assert.not.ok(await store.distrustManufacturer(IMPLEMENTATION_ID, key, NOW + 3));
      assert.equal(await store.manufacturers(), [other]);
      const events = (await store.log(10)).map(({ event }) => event);
      assert.equal(events, [
        "manufacturer-trusted",
        "manufacturer-trusted",
        "manufacturer-withdrawn",
      ]);
    },
  );

  on("old challenges are purged, and only those", async (store) => {
    const old = await challengeIn(store, NOW - 1);
    const young = await challengeIn(store, NOW);
    assert.is(await store.purgeChallenges(NOW), 1);
    assert.is(await store.challenge(old), undefined);
    assert.ok(await store.challenge(young));
  });

  on("the whole flow over HTTP", async (store) => {
    const device = newDevice();
    await enrol(store, device);
    await allowMeasurement(store);
    const pas = await startTestServer({ store });
    const chains = await Promise.all(
      Array.from({ length: 10 }, () => attest(pas.client, device, newIsolateKey())),
    );
    assert.is(new Set(chains.map(({ deviceId }) => deviceId)).size, 10);
    assert.is((await store.certificates(20)).length, 10);
    assert.is(await refusalOf(attest(pas.client, newDevice())), "device-unknown");
    await pas.stop();
  });
}

let files = 0;
contract("SQLite", async () => SqliteStore.open(join(folder.path, `${files++}.sqlite`)));

test("SQLite: what was written is there after a restart, and the file is its owner's", async () => {
  const path = join(folder.path, "restart.sqlite");
  const first = SqliteStore.open(path);
  const device = newDevice();
  await enrol(first, device);
  const deviceId = await challengeIn(first);
  await first.close();
  assert.is(statSync(path).mode & 0o077, 0);
  const second = SqliteStore.open(path);
  assert.ok(await second.device(device.instanceId));
  assert.ok(await second.challenge(deviceId));
  await second.close();
});

test("SQLite: the log can be neither changed nor shortened", async () => {
  const path = join(folder.path, "log.sqlite");
  const store = SqliteStore.open(path);
  await enrolDeveloper(store, newDevice());
  const db = new SqliteDatabase(path);
  assert.throws(() => db.exec("UPDATE log SET event = 'x'"), /append-only/);
  assert.throws(() => db.exec("DELETE FROM log"), /append-only/);
  assert.is(db.prepare("SELECT count(*) AS n FROM log").get()?.n, 1);
  db.close();
  await store.close();
});

test("SQLite: what binds keys and computations can be neither changed nor deleted", async () => {
  const path = join(folder.path, "for-ever.sqlite");
  const store = SqliteStore.open(path);
  const device = newDevice();
  await enrol(store, device);
  await allowMeasurement(store);
  const certificate = certificateOf(await challengeIn(store), device.instanceId);
  await issueOf(store, certificate, [MEASUREMENT]);
  await store.commit(certificate.publicKeyHash, NOW);
  const db = new SqliteDatabase(path);
  for (const table of ["keys", "commits"]) {
    assert.throws(() => db.exec(`UPDATE ${table} SET policy_hash = x'00'`), /for ever/);
    assert.throws(() => db.exec(`DELETE FROM ${table}`), /for ever/);
  }
  db.close();
  await store.close();
});

test("SQLite: two servers on one file count together", async () => {
  const path = join(folder.path, "two.sqlite");
  const stores = [SqliteStore.open(path), SqliteStore.open(path)] as const;
  const device = newDevice();
  await enrol(stores[0], device);
  await allowMeasurement(stores[0]);
  const keys: Uint8Array[] = [];
  for (let i = 0; i < 20; i++) {
    const certificate = certificateOf(await challengeIn(stores[0]), device.instanceId);
    await issueOf(stores[0], certificate, [MEASUREMENT], { most: 7 });
    keys.push(certificate.publicKeyHash);
  }
  const outcomes = await Promise.all(
    keys.map((key, i) => (stores[i % 2] as Store).commit(key, NOW)),
  );
  const numbers = outcomes.flatMap((each) => (each.outcome === "committed" ? [each.n] : []));
  assert.equal(numbers.toSorted(), [1, 2, 3, 4, 5, 6, 7]);
  for (const store of stores) await store.close();
});

test("SQLite: a database of a newer version is left alone", async () => {
  const path = join(folder.path, "newer.sqlite");
  await SqliteStore.open(path).close();
  const db = new SqliteDatabase(path);
  db.pragma("user_version = 99");
  db.close();
  const before = createHash("sha256").update(readFileSync(path)).digest("hex");
  assert.throws(() => SqliteStore.open(path), /version 99/);
  assert.is(createHash("sha256").update(readFileSync(path)).digest("hex"), before);
});

test("SQLite: a file that is no database is refused", () => {
  assert.throws(() => SqliteStore.open(join(folder.path)), /./);
});

test("SQLite: a command enrols a device while the server runs", async () => {
  const path = join(folder.path, "shared.sqlite");
  const pas = await startTestServer({ store: SqliteStore.open(path) });
  const device = newDevice();
  assert.is(await refusalOf(attest(pas.client, device)), "device-unknown");
  const other = SqliteStore.open(path);
  await enrol(other, device);
  await allowMeasurement(other);
  await other.close();
  assert.is(await refusalOf(attest(pas.client, device)), "accepted");
  await pas.stop();
});

const postgres = await startPostgres();
const forPostgres = 4;
if ("reason" in postgres) {
  skip(count + forPostgres, postgres.reason);
} else {
  const admin = new pg.Pool({ connectionString: postgres.url, max: 1 });
  // The end of the pool does not wait for the server's goodbye, which comes as an error when that ends.
  admin.on("error", () => {});
  let databases = 0;
  /** The URL of a new, empty database. */
  const newDatabase = async () => {
    const name = `pas_${databases++}`;
    await admin.query(`CREATE DATABASE ${name}`);
    return postgres.url.replace(/\/postgres$/, `/${name}`);
  };
  contract("PostgreSQL", async () => PostgresStore.open(await newDatabase()));

  test("PostgreSQL: several servers start at once on an empty database and share it", async () => {
    const url = await newDatabase();
    const stores = await Promise.all(Array.from({ length: 4 }, () => PostgresStore.open(url, 3)));
    const [one, two] = stores as Store[] as [Store, Store];
    const device = newDevice();
    await enrol(one, device);
    await allowMeasurement(two);
    const deviceId = await challengeIn(one);
    const outcomes = await Promise.all(
      stores.flatMap((store) =>
        Array.from({ length: 5 }, () =>
          issueOf(store, certificateOf(deviceId, device.instanceId), [MEASUREMENT]),
        ),
      ),
    );
    assert.is(outcomes.filter((outcome) => outcome === "issued").length, 1);
    assert.is((await two.certificates(10)).length, 1);
    // All of them want one computation.
    const keys: Uint8Array[] = [];
    for (let i = 0; i < 12; i++) {
      const certificate = certificateOf(await challengeIn(one), device.instanceId);
      await issueOf(one, certificate, [MEASUREMENT], { most: 3 });
      keys.push(certificate.publicKeyHash);
    }
    const commits = await Promise.all(
      keys.map((key, i) => (stores[i % stores.length] as Store).commit(key, NOW)),
    );
    const numbers = commits.flatMap((each) => (each.outcome === "committed" ? [each.n] : []));
    assert.equal(numbers.toSorted(), [1, 2, 3]);
    await Promise.all(stores.map((store) => store.close()));
  });

  test("PostgreSQL: a challenge from one replica is answered at another", async () => {
    const url = await newDatabase();
    const first = await startTestServer({ store: await PostgresStore.open(url) });
    const second = await startTestServer({ store: await PostgresStore.open(url) });
    const device = newDevice();
    await enrol(first.store, device);
    await allowMeasurement(first.store);
    const split = Object.assign(Object.create(second.client), {
      start: (version: string) => first.client.start(version),
    });
    const chain = await attest(split, device);
    assert.equal(Buffer.compare(chain.issuer, second.ca.certificate), 0);
    await first.stop();
    await second.stop();
  });

  test("PostgreSQL: the log can be neither changed nor shortened", async () => {
    const url = await newDatabase();
    const store = await PostgresStore.open(url);
    await enrol(store, newDevice());
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    for (const sql of ["UPDATE log SET event = 'x'", "DELETE FROM log", "TRUNCATE log"]) {
      const error = await client.query(sql).then(
        () => undefined,
        (reason: Error) => reason,
      );
      assert.match(error?.message ?? "", /append-only/, sql);
    }
    await client.end();
    await store.close();
  });

  test("PostgreSQL: a wrong address is an error that does not show the password", async () => {
    const { openStore } = await import("../../host/proxy-attestation-server/open-store.js");
    const wrong = postgres.url.replace(/:\d+\/postgres$/, ":1/postgres");
    const error = await openStore(wrong).then(
      () => undefined,
      (reason: Error) => reason,
    );
    assert.match(error?.message ?? "", /cannot open the PostgreSQL database/);
    const password = new URL(postgres.url).password;
    assert.not.ok(error?.message.includes(password));
  });

  test.after(async () => {
    await admin.end();
    await postgres.stop();
  });
}

test.after(() => folder.remove());
test.run();
