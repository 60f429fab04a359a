// What every store must do, on SQLite and on a real PostgreSQL; then what each does by itself.
import { createHash, randomBytes } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import pg from "pg";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { PostgresStore } from "../../host/proxy-attestation-server/postgres-store.js";
import { SqliteStore } from "../../host/proxy-attestation-server/sqlite-store.js";
import type { IssuedCertificate, Store } from "../../host/proxy-attestation-server/store.js";
import { fill, IMPLEMENTATION_ID, MEASUREMENT, newDevice } from "../psa-attestation/tokens.js";
import { skip } from "../support/shared.js";
import { startPostgres } from "./postgres.js";
import {
  allowMeasurement,
  attest,
  endorsement,
  enrol,
  newIsolateKey,
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

  on("devices: enrolled once, listed, revoked once", async (store) => {
    const device = newDevice();
    const entry = endorsement(device, { enrolledAt: NOW, label: "Gerät 1" });
    assert.is(await store.enrol(entry), "enrolled");
    assert.is(await store.enrol(entry), "instance-known");
    const sameKey = { ...entry, instanceId: newDevice().instanceId };
    assert.is(await store.enrol(sameKey), "key-known");
    assert.is(await store.enrol(endorsement(newDevice(), { kind: "linux" })), "kind-differs");
    const elsewhere = { kind: "linux" as const, implementationId: fill(32, 9) };
    assert.is(await store.enrol(endorsement(newDevice(), elsewhere)), "enrolled");
    assert.equal(await store.device(device.instanceId), { ...entry, revokedAt: undefined });
    assert.is(await store.device(newDevice().instanceId), undefined);
    assert.is((await store.devices()).length, 2);
    assert.is(await store.revoke(newDevice().instanceId, NOW), "unknown");
    assert.is(await store.revoke(device.instanceId, NOW + 1), "revoked");
    assert.is(await store.revoke(device.instanceId, NOW + 2), "already-revoked");
    assert.is((await store.device(device.instanceId))?.revokedAt, NOW + 1);
    // Revoked for good: it cannot be enrolled anew under the same name.
    assert.is(await store.enrol(entry), "instance-known");
    assert.equal((await store.log(10)).map(({ event, at }) => [event, at]).slice(-1), [
      ["device-revoked", NOW + 1],
    ]);
  });

  on("measurements belong to an implementation", async (store) => {
    const allowed = {
      implementationId: IMPLEMENTATION_ID,
      measurement: MEASUREMENT,
      description: "runtime 1",
      allowedAt: NOW,
    };
    assert.is(await store.allow(allowed), true);
    assert.is(await store.allow(allowed), false);
    assert.is(await store.areAllowed(IMPLEMENTATION_ID, [MEASUREMENT]), true);
    assert.is(await store.areAllowed(IMPLEMENTATION_ID, [MEASUREMENT, MEASUREMENT]), true);
    assert.is(await store.areAllowed(IMPLEMENTATION_ID, [MEASUREMENT, fill(32, 1)]), false);
    assert.is(await store.areAllowed(fill(32, 1), [MEASUREMENT]), false);
    assert.equal(await store.measurements(), [allowed]);
    assert.is(await store.withdraw(IMPLEMENTATION_ID, fill(32, 1), NOW), false);
    assert.is(await store.withdraw(IMPLEMENTATION_ID, MEASUREMENT, NOW), true);
    assert.is(await store.areAllowed(IMPLEMENTATION_ID, [MEASUREMENT]), false);
  });

  on("a certificate is recorded together with the use of its challenge", async (store) => {
    const device = newDevice();
    await enrol(store, device);
    await allowMeasurement(store);
    const deviceId = await challengeIn(store);
    const certificate = certificateOf(deviceId, device.instanceId);
    assert.is(await store.issue(certificate, [MEASUREMENT]), "issued");
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
      store.issue(certificateOf(deviceId, instanceId, changes), measurements);
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
        store.issue(certificateOf(deviceId, device.instanceId), [MEASUREMENT]),
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
        store.issue(certificateOf(await challengeIn(store), instanceId), [MEASUREMENT]),
      ),
      store.enrol(endorsement(newDevice(), { instanceId: fill(5, 1) })),
    ]);
    assert.equal(
      results.map((result) => (result.status === "fulfilled" ? result.value : "failed")),
      ["issued", "device-unknown", "issued", "failed"],
    );
    assert.is((await store.certificates(10)).length, 2);
    const events = (await store.log(10)).filter(({ event }) => event === "certificate-issued");
    assert.is(events.length, 2);
  });

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
  await enrol(store, newDevice());
  const db = new Database(path);
  assert.throws(() => db.exec("UPDATE log SET event = 'x'"), /append-only/);
  assert.throws(() => db.exec("DELETE FROM log"), /append-only/);
  assert.is(db.prepare("SELECT count(*) FROM log").pluck().get(), 1);
  db.close();
  await store.close();
});

test("SQLite: a database of a newer version is left alone", async () => {
  const path = join(folder.path, "newer.sqlite");
  await SqliteStore.open(path).close();
  const db = new Database(path);
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
          store.issue(certificateOf(deviceId, device.instanceId), [MEASUREMENT]),
        ),
      ),
    );
    assert.is(outcomes.filter((outcome) => outcome === "issued").length, 1);
    assert.is((await two.certificates(10)).length, 1);
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
