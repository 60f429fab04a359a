// What stands in two languages must agree: the module's memory. And what `provision` makes.
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../../host/common/paths.js";
import { makePage, PageError, pageHeader } from "../../host/mcu-client/page.js";
import { loadIdentity } from "../../host/veracruz-client/identity.js";
import { Policy } from "../../host/veracruz-utils/policy.js";
import { runScript } from "../support/example-data.js";
import { makePolicy, principal, TestAttestation } from "../support/system.js";
import { threeDevices } from "./scenario.js";

const read = (path: string) => readFileSync(join(projectRoot, path), "utf8");

test("the module's memory agrees between its compiler and the firmware that backs it", () => {
  const [, limit] =
    /clientFlags = \["--lowMemoryLimit", "(\d+)"\]/.exec(read("scripts/wasm-modules.js")) ?? [];
  const [, backed] =
    /^client_MEMORY_BYTES .*HOST\)\),(\d+),65536\)$/m.exec(read("mcu-client/client/client.mk")) ??
    [];
  assert.ok(Number(limit) > 0);
  assert.is(backed, limit);
});

test("a page holds what the device needs; what the policy forbids is refused before it is made", async () => {
  const attestation = await TestAttestation.start();
  const folder = mkdtempSync(join(tmpdir(), "vc-page-"));
  try {
    const document = makePolicy(attestation, threeDevices("shamir-secret-sharing"));
    const policy = new Policy(Buffer.from(JSON.stringify(document)));
    const { pem, keyPem } = principal("device-0");
    const identity = loadIdentity(Buffer.from(pem), keyPem);
    const server = { host: "172.17.0.2", port: 3017 };
    const bytes = Buffer.from("a share");
    const page = makePage({ policy, identity, server, data: [{ name: "input-0", bytes }] });
    assert.is(page.subarray(0, 8).toString(), "VCPAGE01");
    assert.is(page.readUInt32LE(8), page.length - 16);
    assert.ok(page.includes(policy.hash) && page.includes(identity.certificate.raw));
    assert.ok(page.includes(Buffer.from("input-0\0a share")));
    const refused = (change: object, why: RegExp) =>
      assert.throws(
        () => makePage({ policy, identity, server, ...change }),
        (error: Error) => error instanceof PageError && why.test(error.message),
      );
    refused({ data: [{ name: "input-1", bytes }] }, /does not let this principal write input-1/);
    refused({ result: "output" }, /does not let this principal read output/);
    for (const host of ["", "a_b", "-a.org", "1.2.3", "a..org", "fe80::1%eth0", "a".repeat(65)])
      refused({ server: { host, port: 1 } }, /an IPv4 address, an IPv6 address .* or a name/);
    for (const host of ["example.org", "server", "2001:db8::1", "a".repeat(64)])
      assert.ok(makePage({ policy, identity, server: { host, port: 1 } }).includes(`${host}\0`));
    refused({ streams: [{ name: "stream-0", bytes }] }, /not let this principal write stream-0/);
    refused({ data: [{ name: "input-0", bytes: Buffer.alloc(70_000) }] }, /more than 65536/);
    refused({ acceptRestart: 2 }, /allows 1 isolate \(1 \+ max_restarts\): there is no restart 2/);
    const restarts = new Policy(Buffer.from(JSON.stringify({ ...document, max_restarts: 1 })));
    refused({ policy: restarts, acceptRestart: 3 }, /allows 2 isolates/);
    const plain = makePage({ policy: restarts, identity, server });
    const accepting = makePage({ policy: restarts, identity, server, acceptRestart: 2 });
    assert.ok(accepting.length > plain.length);

    writeFileSync(join(folder, "policy.json"), policy.bytes);
    writeFileSync(join(folder, "cert.pem"), pem);
    writeFileSync(join(folder, "key.pem"), keyPem, { mode: 0o600 });
    writeFileSync(join(folder, "share"), bytes);
    const { code, stderr } = await runScript("build/js/host/mcu-client/cli.js", [
      "provision",
      ...["--policy", join(folder, "policy.json"), "--identity", join(folder, "cert.pem")],
      ...["--key", join(folder, "key.pem"), "--server", "172.17.0.2:3017"],
      ...["--data", `input-0=${join(folder, "share")}`],
      ...["--output", join(folder, "page.bin"), "--header", join(folder, "page.h")],
    ]);
    assert.is(code, 0, stderr);
    assert.equal(readFileSync(join(folder, "page.bin")), page);
    assert.is(statSync(join(folder, "page.bin")).mode & 0o077, 0, "nobody else may read it");
    assert.is(statSync(join(folder, "page.h")).mode & 0o077, 0);
    const header = readFileSync(join(folder, "page.h"), "utf8");
    assert.is(header, pageHeader(page));
    const inHeader = [...header.matchAll(/0x([0-9a-f]{2})[,}]/g)]
      .map(([, digits]) => digits)
      .join("");
    assert.is(inHeader, page.toString("hex"));
  } finally {
    rmSync(folder, { recursive: true, force: true });
    await attestation.stop();
  }
});

test.run();
