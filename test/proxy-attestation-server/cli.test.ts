// The commands vc-pas and vc-root-of-trust, as a user runs them.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../../host/common/paths.js";
import { SOFTWARE_IMPLEMENTATION_ID } from "../../host/psa-attestation/root-of-trust.js";
import { claimsFor, fill, newDevice, token } from "../psa-attestation/tokens.js";
import { hasShared, sharedPath, skip } from "../support/shared.js";
import { temporaryFolder } from "./support.js";

const folder = temporaryFolder();
const file = (name: string) => join(folder.path, name);
test.after(() => folder.remove());

interface Result {
  code: number | null;
  out: string;
  err: string;
}

function run(script: string, args: string[], input = ""): Promise<Result> {
  return new Promise((done) => {
    const child = spawn(process.execPath, [join(projectRoot, "build/js/host", script), ...args], {
      cwd: folder.path,
      stdio: ["pipe", "pipe", "pipe"],
    });
    let out = "";
    let err = "";
    child.stdout.on("data", (chunk) => {
      out += chunk;
    });
    child.stderr.on("data", (chunk) => {
      err += chunk;
    });
    child.on("close", (code) => done({ code, out, err }));
    child.stdin.end(input);
  });
}
const pas = (...args: string[]) => run("proxy-attestation-server/cli.js", args);
const rootOfTrust = (...args: string[]) => run("psa-attestation/cli.js", args);

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const device = newDevice();
writeFileSync(
  file("device.pub.pem"),
  device.publicKey.export({ type: "spki", format: "pem" }) as string,
);
const enrolArguments = (changes: Record<string, string> = {}) =>
  Object.entries({
    "--instance-id": hex(device.instanceId),
    "--public-key": "device.pub.pem",
    "--implementation-id": "1d".repeat(32),
    "--lifecycle": "0x3000",
    "--kind": "mcu",
    "--label": "bench device",
    "--database": "pas.sqlite",
    ...changes,
  }).flat();

/** One line on standard error, no stack, nothing on standard output. */
function assertError(result: Result, code: number, pattern: RegExp): void {
  assert.is(result.code, code, result.err);
  assert.match(result.err, pattern);
  assert.not.match(result.err, /\n\s+at /);
  assert.is(result.out, "");
}

test("help names every command and the exit codes", async () => {
  const [all, serve] = await Promise.all([pas("--help"), pas("serve", "--help")]);
  assert.is(all.code, 0);
  for (const command of [
    "init-ca",
    "serve",
    "enroll",
    "revoke",
    "list",
    "allow-measurement",
    "inspect",
  ])
    assert.match(all.out, new RegExp(`^  ${command}`, "m"));
  assert.match(all.out, /Exit codes: 0 done/);
  assert.match(serve.out, /--port <n> .*3010/s);
  assert.match(serve.out, /127\.0\.0\.1/);
});

test("init-ca makes a key for its owner only and a certificate, and overwrites nothing", async () => {
  const made = await pas("init-ca");
  assert.is(made.code, 0, made.err);
  assert.is(statSync(file("ca-key.pem")).mode & 0o777, 0o600);
  assert.not.match(made.out + made.err, /PRIVATE/);
  const key = readFileSync(file("ca-key.pem"));
  assertError(await pas("init-ca"), 1, /exists already/);
  assert.equal(readFileSync(file("ca-key.pem")), key);
});

test("serve refuses a key that others may read, a missing one, a wrong port, a wrong database", async () => {
  writeFileSync(file("open-key.pem"), readFileSync(file("ca-key.pem")), { mode: 0o600 });
  chmodSync(file("open-key.pem"), 0o640);
  const [open, missing, port, database] = await Promise.all([
    pas("serve", "--ca-key", "open-key.pem", "--port", "0"),
    pas("serve", "--ca-key", "none.pem", "--port", "0"),
    pas("serve", "--port", "70000"),
    pas("serve", "--port", "0", "--database", "none/pas.sqlite"),
  ]);
  assertError(open, 2, /may be used by others than its owner \(mode 640\)/);
  assertError(missing, 2, /cannot read the CA key/);
  assertError(port, 2, /from 0 to 65535/);
  assertError(database, 2, /cannot open the database/);
});

test("enroll, list, revoke", async () => {
  const enrolled = await pas("enroll", ...enrolArguments());
  assert.is(enrolled.code, 0, enrolled.err);
  assert.match(
    enrolled.out,
    /^enrolled 01[0-9a-f]{64} \(mcu, secured \(0x3000\), production grade\)/,
  );
  assertError(await pas("enroll", ...enrolArguments()), 1, /enrolled already/);
  const list = await pas("list", "--database", "pas.sqlite", "--json");
  const [entry] = JSON.parse(list.out);
  assert.is(entry.instanceId, hex(device.instanceId));
  assert.is(entry.label, "bench device");
  assert.is(entry.revoked, null);
  const revoke = ["revoke", hex(device.instanceId), "--database", "pas.sqlite"];
  assert.is((await pas(...revoke)).code, 0);
  assertError(await pas(...revoke), 1, /revoked already/);
  const [text, log] = await Promise.all([
    pas("list", "--database", "pas.sqlite"),
    pas("list", "--what", "log", "--database", "pas.sqlite", "--json"),
  ]);
  assert.match(text.out, /revoked: 20/);
  assert.equal(
    JSON.parse(log.out).map(({ event }: { event: string }) => event),
    ["device-enrolled", "device-revoked"],
  );
});

test("what others wrote reaches the terminal without anything that it would act on", async () => {
  const label = "\u001b[31mred\u009b2J\u202egnp.exe\r";
  const enrolled = await pas(
    "enroll",
    ...enrolArguments({ "--label": label, "--database": "t.sqlite" }),
  );
  assert.is(enrolled.code, 0, enrolled.err);
  for (const arguments_ of [["list"], ["list", "--json"], ["list", "--what", "log"]]) {
    const { out } = await pas(...arguments_, "--database", "t.sqlite");
    assert.match(out, /red.*gnp\.exe/);
    assert.not.match(out.replaceAll("\n", ""), /[\p{Cc}\p{Cf}]/u);
  }
  writeFileSync(
    file("odd.token"),
    token(claimsFor(device, fill(32, 1)).with(265, label), device.privateKey),
  );
  const inspected = await pas("inspect", "odd.token");
  assertError(inspected, 1, /profile/);
  assert.not.match(inspected.err.trimEnd(), /[\p{Cc}\p{Cf}]/u);
});

test("enroll refuses what cannot be right, each with its reason", async () => {
  writeFileSync(file("no.pem"), "hello");
  const cases: [RegExp, string[]][] = [
    [/instance ID is not 33 bytes/, enrolArguments({ "--instance-id": "01ff" })],
    [/does not start with 01/, enrolArguments({ "--instance-id": "02".repeat(33) })],
    [/implementation ID is not 32 bytes/, enrolArguments({ "--implementation-id": "zz" })],
    [/gets no certificate/, enrolArguments({ "--lifecycle": "0x5000" })],
    [/development grade \(0x4000\) only/, enrolArguments({ "--kind": "linux" })],
    [/expected a lifecycle/, enrolArguments({ "--lifecycle": "secured" })],
    [/Allowed choices are linux, mcu/, enrolArguments({ "--kind": "sgx" })],
    [/not a public key in PEM/, enrolArguments({ "--public-key": "no.pem" })],
    [/cannot read the public key/, enrolArguments({ "--public-key": "none.pem" })],
    [/give --from, or all of/, ["--instance-id", "01"]],
  ];
  const results = await Promise.all(cases.map(([, args]) => pas("enroll", ...args)));
  for (const [i, result] of results.entries())
    assertError(result, 2, (cases[i] as (typeof cases)[number])[0]);
});

test("a software root of trust is enrolled from its file, as development grade and no other way", async () => {
  const made = await rootOfTrust("init", "--key", "rot.pem", "--enrolment", "rot.json");
  assert.is(made.code, 0, made.err);
  assert.match(made.err, /DEVELOPMENT-GRADE/);
  assert.is(statSync(file("rot.pem")).mode & 0o777, 0o600);
  const json = readFileSync(file("rot.json"), "utf8");
  assert.not.match(json, /PRIVATE/);
  const enrolled = await pas("enroll", "--from", "rot.json", "--database", "pas.sqlite");
  assert.match(enrolled.out, /linux, non-PSA-RoT debug \(0x4000\), development grade/);
  writeFileSync(file("lie.json"), json.replace(/"lifecycle": \d+/, '"lifecycle": 12288'));
  writeFileSync(file("bad.json"), "{");
  writeFileSync(file("other.json"), JSON.stringify({ format: "x" }));
  const [lie, bad, other] = await Promise.all(
    ["lie.json", "bad.json", "other.json"].map((name) =>
      pas("enroll", "--from", name, "--database", "pas.sqlite"),
    ),
  );
  assertError(lie as Result, 2, /development-grade key cannot be enrolled as secured/);
  assertError(bad as Result, 2, /not JSON/);
  assertError(other as Result, 2, /format is not/);
});

test("allow-measurement: by hash, of a file, twice, withdrawn", async () => {
  const id = hex(SOFTWARE_IMPLEMENTATION_ID);
  writeFileSync(file("runtime.wasm"), "the runtime");
  const hash = createHash("sha256").update("the runtime").digest("hex");
  const base = ["allow-measurement", "--database", "pas.sqlite", "--implementation-id", id];
  const allowed = await pas(...base, "--measurement-of", "runtime.wasm", "--description", "demo");
  assert.is(allowed.out, `allowed ${hash}\n`);
  assertError(await pas(...base, "--measurement", hash), 1, /on the list already/);
  const list = await pas("list", "--what", "measurements", "--database", "pas.sqlite", "--json");
  assert.is(JSON.parse(list.out)[0].measurement, hash);
  assert.is((await pas(...base, "--measurement", hash, "--withdraw")).out, `withdrew ${hash}\n`);
  const [twice, both, short] = await Promise.all([
    pas(...base, "--measurement", hash, "--withdraw"),
    pas(...base, "--measurement", hash, "--measurement-of", "runtime.wasm"),
    pas(...base, "--measurement", "aabb"),
  ]);
  assertError(twice, 1, /not on the list/);
  assertError(both, 2, /give one of/);
  assertError(short, 2, /32 or 48 or 64 bytes/);
});

test("inspect prints a token, from a file in any of three forms or from standard input", async () => {
  const bytes = Buffer.from(token(claimsFor(device, fill(32, 0xaa)), device.privateKey));
  writeFileSync(file("token.cbor"), bytes);
  writeFileSync(file("token.hex"), `${bytes.toString("hex")}\n`);
  writeFileSync(file("token.b64"), bytes.toString("base64"));
  const [binary, asHex, base64, piped, json] = await Promise.all([
    pas("inspect", "token.cbor", "--public-key", "device.pub.pem"),
    pas("inspect", "token.hex"),
    pas("inspect", "token.b64"),
    run("proxy-attestation-server/cli.js", ["inspect", "-"], bytes.toString("base64")),
    pas("inspect", "token.cbor", "--json"),
  ]);
  assert.is(binary.code, 0, binary.err);
  assert.match(binary.out, /security lifecycle +secured \(0x3000\)/);
  assert.match(binary.out, /signature check +valid/);
  assert.match(asHex.out, /signature check +not checked/);
  assert.is(base64.out, asHex.out);
  assert.is(piped.out, asHex.out);
  assert.is(JSON.parse(json.out).nonce, "aa".repeat(32));
});

test("inspect says what is wrong, and exits with 1", async () => {
  const right = Buffer.from(token(claimsFor(device, fill(32, 0xaa)), device.privateKey));
  const forged = Buffer.from(token(claimsFor(device), newDevice().privateKey));
  writeFileSync(file("forged.cbor"), forged);
  writeFileSync(file("cut.cbor"), right.subarray(0, 100));
  writeFileSync(file("no-nonce.cbor"), token(claimsFor(device).without(10), device.privateKey));
  const [signature, cut, nonce, none] = await Promise.all([
    pas("inspect", "forged.cbor", "--public-key", "device.pub.pem"),
    pas("inspect", "cut.cbor"),
    pas("inspect", "no-nonce.cbor"),
    pas("inspect", "none.cbor"),
  ]);
  assert.is(signature.code, 1);
  assert.match(signature.out, /signature check +NOT VALID/);
  assertError(cut, 1, /cbor-malformed/);
  assertError(nonce, 1, /\(nonce\): nonce is missing/);
  assertError(none, 2, /cannot read the token/);
});

test("vc-root-of-trust token makes a token that inspect reads", async () => {
  const made = await rootOfTrust(
    ...["token", "--key", "rot.pem", "--runtime", "runtime.wasm", "--nonce", "ab".repeat(32)],
  );
  assert.is(made.code, 0, made.err);
  const shown = await run("proxy-attestation-server/cli.js", ["inspect", "-"], made.out);
  assert.match(shown.out, /development grade/);
  assert.match(shown.out, new RegExp(createHash("sha256").update("the runtime").digest("hex")));
  const wrong = await rootOfTrust(
    ...["token", "--key", "rot.pem", "--runtime", "runtime.wasm", "--nonce", "ab"],
  );
  assertError(wrong, 2, /nonce is not/);
});

if (hasShared("vectors", "psa", "rfc9783-sign1.cbor"))
  test("inspect prints the example of RFC 9783", async () => {
    const shown = await pas("inspect", sharedPath("vectors", "psa", "rfc9783-sign1.cbor"));
    assert.is(shown.code, 0, shown.err);
    assert.match(shown.out, /profile +tag:psacertified\.org,2023:psa#tfm/);
    assert.match(shown.out, /client ID +2147483647/);
    assert.match(shown.out, /"PRoT"/);
  });
else skip(1, "the RFC 9783 example is read from ../shared/vectors/psa, which is not here");

test("nothing was written beside what was asked for", () => {
  for (const name of ["proxy-attestation-server.sqlite", "none"])
    assert.not.ok(existsSync(file(name)), name);
});

test.run();
