// An emulated board that was provisioned as secured, for tests: it says so under a key of its own, and is production grade
// for whoever trusts the manufacturer that endorses it: one that these tests make up.
import { spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../../host/common/paths.js";
import { boardState } from "../../host/mcu/board-state.js";
import { missingTools } from "../../host/mcu/toolchain.js";
import { skip } from "../support/shared.js";

const folder = mkdtempSync(join(tmpdir(), "vc-secured-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));
const file = (name: string) => join(folder, name);

const run = (cli: string) => {
  const path = join(projectRoot, "build/js/host", cli);
  return (...args: string[]) => spawnSync(process.execPath, [path, ...args], { encoding: "utf8" });
};
const vcMcu = run("mcu/cli.js");
const vcPas = run("proxy-attestation-server/cli.js");

const board = ["--board", "mps2-an385", "--host", "c"];
const database = ["--database", file("pas.sqlite")];

function succeed({ status, stdout, stderr }: ReturnType<typeof vcMcu>): string {
  assert.is(status, 0, stderr);
  return stdout;
}

/** Provisions a board: its enrolment, which is also in NAME.json. */
function provision(name: string, ...options: string[]): Record<string, unknown> {
  const output = file(`${name}.json`);
  const args = ["provision", ...board, "--state", file(name), "-o", output, ...options];
  succeed(vcMcu(...args));
  return JSON.parse(readFileSync(output, "utf8"));
}

/** Has a board prove its key over a new challenge: what `enroll` wants of it. */
function proof(name: string): string[] {
  const challenge = succeed(vcPas("challenge", ...database)).trim();
  const token = file("token");
  succeed(vcMcu("prove", ...board, "--state", file(name), "--challenge", challenge, "-o", token));
  return ["--token", token, "--challenge", challenge];
}

const reason = missingTools();
if (reason) skip(1, reason);
else
  test("it is enrolled as production grade on the word of a manufacturer that is trusted, and on no other", () => {
    const secured = provision("secured", "--secured");
    assert.is(secured.lifecycle, 0x30e0);
    assert.is(secured.grade, "production");
    // The same board for development: the same device, with another alias key.
    writeFileSync(file("open"), boardState(readFileSync(file("secured")).subarray(8)));
    const open = provision("open");
    assert.is(open.lifecycle, 0x4000);
    assert.is(open.instanceId, secured.instanceId);
    assert.is(open.publicKey, secured.publicKey);
    assert.is(open.implementationId, secured.implementationId);
    // A board does not change from one to the other.
    copyFileSync(file("open"), file("copy"));
    const changed = vcMcu("provision", ...board, "--state", file("copy"), "--secured");
    assert.is(changed.status, 2);
    assert.match(changed.stderr, /whose lifecycle is non-PSA-RoT debug \(0x4000\)/);

    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const pem = { type: "pkcs8", format: "pem" } as const;
    writeFileSync(file("maker.pem"), privateKey.export(pem), { mode: 0o600 });
    writeFileSync(file("maker.pub"), publicKey.export({ type: "spki", format: "pem" }));
    const endorsement = file("endorsement");
    succeed(
      vcPas(
        ...["endorse", "--from", file("secured.json"), "--key", file("maker.pem")],
        ...["--output", endorsement],
      ),
    );
    const enrol = (from: string, by = from) =>
      vcPas(
        ...["enroll", "--from", file(`${from}.json`), "--endorsement", endorsement],
        ...[...proof(by), ...database],
      );
    const unknown = enrol("secured");
    assert.is(unknown.status, 1);
    assert.match(unknown.stderr, /signed by nobody who is trusted with devices of this/);
    succeed(
      vcPas(
        ...["trust-manufacturer", "--implementation-id", String(secured.implementationId)],
        ...["--public-key", file("maker.pub"), ...database],
      ),
    );
    // The token of the same board, but not secured, proves nothing for it: its lifecycle is that of its chain.
    const other = enrol("secured", "open");
    assert.is(other.status, 1);
    assert.match(
      other.stderr,
      /the device's token is not taken: lifecycle 0x4000 is not trusted here/,
    );
    assert.match(succeed(enrol("secured")), /\(mcu, secured \(0x3000\), production grade\)/);
  });
test.run();
