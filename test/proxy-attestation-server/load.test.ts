// A thousand attestations in a row exhaust nothing; a hundred at once all succeed.
import { readdirSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { verifyIsolateCertificate } from "../../host/x509/read-certificate.js";
import { MEASUREMENT, newDevice } from "../psa-attestation/tokens.js";
import {
  allowMeasurement,
  attest,
  enrol,
  newIsolateKey,
  POLICY_DEMAND,
  startTestServer,
} from "./support.js";

/** Open files of this process. */
const openFiles = () => readdirSync("/proc/self/fd").length;

test("a thousand attestations in a row", async () => {
  const pas = await startTestServer();
  const device = newDevice();
  await enrol(pas.store, device);
  await allowMeasurement(pas.store);
  const demand = {
    ...POLICY_DEMAND,
    ca: pas.ca.certificate,
    runtimeHashes: { mcu: MEASUREMENT },
    now: Date.now(),
  };
  const key = newIsolateKey();
  const serials = new Set<string>();
  let files = 0;
  for (let i = 0; i < 1000; i++) {
    const chain = await attest(pas.client, device, key);
    if (i % 100 === 0) assert.ok(verifyIsolateCertificate(chain.certificate, demand).ok);
    if (i === 10) files = openFiles();
  }
  for (const { serial } of await pas.store.certificates(2000))
    serials.add(Buffer.from(serial).toString("hex"));
  assert.is(serials.size, 1000);
  assert.ok(openFiles() <= files, `${openFiles()} open files, ${files} after the tenth`);
  const issued = (await pas.store.log(2000)).filter(({ event }) => event === "certificate-issued");
  assert.is(issued.length, 1000);
  await pas.stop();
});

test("a hundred devices at once", async () => {
  const pas = await startTestServer();
  const devices = Array.from({ length: 100 }, newDevice);
  for (const device of devices) await enrol(pas.store, device);
  await allowMeasurement(pas.store);
  const keys = devices.map(() => newIsolateKey());
  const chains = await Promise.all(
    devices.map((device, i) => attest(pas.client, device, keys[i] as (typeof keys)[number])),
  );
  const demand = {
    ...POLICY_DEMAND,
    ca: pas.ca.certificate,
    runtimeHashes: { mcu: MEASUREMENT },
    now: Date.now(),
  };
  for (const [i, chain] of chains.entries()) {
    const verdict = verifyIsolateCertificate(chain.certificate, demand);
    assert.ok(verdict.ok);
    assert.equal(verdict.spki, keys[i]?.spki);
  }
  assert.is(new Set(chains.map(({ deviceId }) => deviceId)).size, 100);
  await pas.stop();
});

test.run();
