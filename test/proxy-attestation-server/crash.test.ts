// kill -9 at every step of the flow, and at any moment under load: nothing is half-issued, nothing that
// a client holds is forgotten, and a challenge survives a restart.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../../host/common/paths.js";
import { initialiseCa } from "../../host/proxy-attestation-server/ca.js";
import { AttestationClient } from "../../host/proxy-attestation-server/client.js";
import { SqliteDatabase } from "../../host/proxy-attestation-server/sqlite-database.js";
import { SqliteStore } from "../../host/proxy-attestation-server/sqlite-store.js";
import { claimsFor, newDevice, token } from "../psa-attestation/tokens.js";
import {
  allowMeasurement,
  attest,
  csrFor,
  enrol,
  newIsolateKey,
  nonceFor,
  POLICY,
  refusalOf,
  startTestServer,
  temporaryFolder,
} from "./support.js";

const folder = temporaryFolder();
const file = (name: string) => join(folder.path, name);
const keyPath = file("ca-key.pem");
const caPath = file("ca.pem");
const device = newDevice();
const running = new Set<ChildProcess>();

test.before(async () => {
  initialiseCa(keyPath, caPath, "Test CA", 30);
  const store = SqliteStore.open(file("fresh.sqlite"));
  await enrol(store, device);
  await allowMeasurement(store);
  await store.close();
});
test.after(() => {
  for (const child of running) child.kill("SIGKILL");
  folder.remove();
});

const built = (path: string) => join(projectRoot, "build/js", path);

/** Starts a server process and gives the port that its first line of JSON names. */
async function start(script: string, ...args: string[]) {
  const child = spawn(process.execPath, [built(script), ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  running.add(child);
  const exited = once(child, "exit").then(() => running.delete(child));
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  for await (const line of lines) {
    const { port } = JSON.parse(line) as { port?: number };
    if (port === undefined) continue;
    child.stdout?.resume();
    return { child, exited, client: new AttestationClient({ host: "127.0.0.1", port }) };
  }
  throw new Error(`${script} ended before it listened`);
}

/**
 * What a database holds, and that it is whole: as many certificates as log entries and as used challenges, the one
 * that the device was enrolled by left out.
 */
function issued(path: string): number {
  const db = new SqliteDatabase(path);
  assert.is(db.pragma("integrity_check"), "ok");
  assert.is(db.pragma("foreign_key_check"), undefined);
  const count = (sql: string) => Object.values(db.prepare(sql).get() ?? {})[0] as number;
  const certificates = count("SELECT count(*) FROM certificates");
  assert.is(count("SELECT count(*) FROM challenges WHERE used_at IS NOT NULL"), certificates + 1);
  assert.is(count("SELECT count(*) FROM log WHERE event = 'certificate-issued'"), certificates);
  assert.is(
    count(
      "SELECT count(*) FROM certificates JOIN challenges USING (challenge) WHERE used_at = issued_at",
    ),
    certificates,
  );
  db.close();
  return certificates;
}

test("killed at each step of the flow and started again", async () => {
  const reached = { start: 0, token: 0, lost: 0, answered: 0 };
  for (let n = 1; ; n++) {
    const path = file(`killed-${n}.sqlite`);
    copyFileSync(file("fresh.sqlite"), path);
    const { child, exited, client } = await start(
      "test/proxy-attestation-server/crashing-server.js",
      path,
      keyPath,
      caPath,
      String(n),
    );
    const challenge = await client.start("test").catch(() => undefined);
    const csr = csrFor(newIsolateKey());
    const offer = (to: AttestationClient) => {
      if (challenge === undefined) throw new Error("no challenge");
      const nonce = nonceFor(challenge.challenge, csr);
      const bytes = token(claimsFor(device, nonce), device.privateKey);
      return to.attest({ token: bytes, csr: csr, deviceId: challenge.deviceId, ...POLICY });
    };
    const chain = challenge && (await offer(client).catch(() => undefined));
    client.close();
    const survived = chain !== undefined;
    // The last step comes after the transaction and before the answer: then no kill came at all.
    if (survived) child.kill("SIGKILL");
    await exited;
    assert.is(child.signalCode, "SIGKILL", `step ${n}`);
    const before = issued(path);
    if (chain !== undefined) assert.is(before, 1, "a certificate that a client holds is recorded");

    const again = await startTestServer({ store: SqliteStore.open(path) });
    if (challenge === undefined) {
      reached.start++;
      assert.is(before, 0);
      assert.is(await refusalOf(attest(again.client, device)), "accepted");
    } else if (before === 0) {
      reached.token++;
      assert.is(await refusalOf(offer(again.client)), "accepted", "the challenge survived");
    } else {
      reached[survived ? "answered" : "lost"]++;
      assert.is(await refusalOf(offer(again.client)), "challenge-used");
      assert.is(await refusalOf(attest(again.client, device)), "accepted");
    }
    await again.stop();
    issued(path);
    if (survived) break;
  }
  // It was killed in the first request, in the second before and after its commit, and not at all.
  assert.ok(reached.start >= 3, JSON.stringify(reached));
  assert.ok(reached.token >= 6, JSON.stringify(reached));
  assert.ok(reached.lost >= 1, JSON.stringify(reached));
  assert.is(reached.answered, 1);
});

test("vc-pas killed between Start and AttestationToken: the challenge is good after the restart", async () => {
  const path = file("restart.sqlite");
  copyFileSync(file("fresh.sqlite"), path);
  const serve = () =>
    start(
      "host/proxy-attestation-server/cli.js",
      ...["serve", "--ca-key", keyPath, "--ca-certificate", caPath, "--database", path],
      ...["--port", "0"],
    );
  const first = await serve();
  const { challenge, deviceId } = await first.client.start("test");
  first.client.close();
  first.child.kill("SIGKILL");
  await first.exited;
  const second = await serve();
  const csr = csrFor(newIsolateKey());
  const bytes = token(claimsFor(device, nonceFor(challenge, csr)), device.privateKey);
  assert.is(
    await refusalOf(
      second.client.attest({ token: bytes, csr: csr, deviceId: deviceId, ...POLICY }),
    ),
    "accepted",
  );
  assert.is(
    await refusalOf(
      second.client.attest({ token: bytes, csr: csr, deviceId: deviceId, ...POLICY }),
    ),
    "challenge-used",
  );
  second.client.close();
  second.child.kill("SIGTERM");
  await second.exited;
  assert.is(second.child.exitCode, 0, "SIGTERM ends it cleanly");
  assert.is(issued(path), 1);
});

test("vc-pas killed under load: every certificate that a client holds is recorded, none is half there", async () => {
  for (const after of [1, 25, 80]) {
    const path = file(`load-${after}.sqlite`);
    copyFileSync(file("fresh.sqlite"), path);
    const { child, exited, client } = await start(
      "host/proxy-attestation-server/cli.js",
      ...["serve", "--ca-key", keyPath, "--ca-certificate", caPath, "--database", path],
      ...["--port", "0"],
    );
    const key = newIsolateKey();
    const held: Buffer[] = [];
    const worker = async () => {
      for (;;) {
        const chain = await attest(client, device, key).catch(() => undefined);
        if (chain === undefined) return;
        held.push(Buffer.from(chain.certificate));
        if (held.length === after) child.kill("SIGKILL");
      }
    };
    await Promise.all(Array.from({ length: 20 }, worker));
    client.close();
    await exited;
    const recorded = issued(path);
    assert.ok(held.length >= after && recorded >= held.length, `${held.length} of ${recorded}`);
    const store = SqliteStore.open(path);
    const known = new Set(
      (await store.certificates(10_000)).map(({ certificate }) =>
        Buffer.from(certificate).toString("hex"),
      ),
    );
    for (const certificate of held) assert.ok(known.has(certificate.toString("hex")));
    await store.close();
  }
});

test.run();
