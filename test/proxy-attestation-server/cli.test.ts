// The commands vc-pas and vc-root-of-trust, as a user runs them.
import { spawn } from "node:child_process";
import { createHash, generateKeyPairSync } from "node:crypto";
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../../host/common/paths.js";
import { SqliteStore } from "../../host/proxy-attestation-server/sqlite-store.js";
import { enrolmentNonce } from "../../host/psa-attestation/nonces.js";
import { SOFTWARE_IMPLEMENTATION_ID } from "../../host/psa-attestation/root-of-trust.js";
import { claimsFor, fill, newDevice, token } from "../psa-attestation/tokens.js";
import { hasShared, sharedPath, skip } from "../support/shared.js";
import { allowMeasurement, attest, enrol, startTestServer, temporaryFolder } from "./support.js";

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

test("backup: a copy made under load holds every certificate issued before it; restored, it waits for its operator", async () => {
  const database = file("busy.sqlite");
  const store = SqliteStore.open(database);
  const busy = newDevice();
  await enrol(store, busy);
  await allowMeasurement(store);
  const server = await startTestServer({ store });
  let held = 0;
  let ended = false;
  const load = Promise.all(
    Array.from({ length: 5 }, async () => {
      while (!ended) {
        await attest(server.client, busy);
        held++;
      }
    }),
  );
  for (const name of ["copy-1.sqlite", "copy-2.sqlite", "copy-3.sqlite"]) {
    const before = held;
    const { code, err, out } = await pas("backup", name, "--database", database);
    assert.is(code, 0, err);
    assert.match(out, /^backed up .*busy\.sqlite to copy-\d\.sqlite\n$/);
    assert.is(statSync(file(name)).mode & 0o777, 0o600);
    // All of it is in this one file.
    assert.not.ok(existsSync(file(`${name}-wal`)));
    const copy = SqliteStore.open(file(name));
    const certificates = await copy.certificates(100_000);
    assert.ok(certificates.length >= before, `${certificates.length} of ${before}`);
    const issued = (await copy.log(200_000)).filter(({ event }) => event === "certificate-issued");
    assert.is(issued.length, certificates.length);
    await copy.close();
  }
  ended = true;
  await load;
  await server.stop();
  // Restored, it certifies nothing until its operator has seen what it does not know.
  const copy3 = ["--database", "copy-3.sqlite"];
  const copyCa = ["--ca-key", "copy-ca-key.pem", "--ca-certificate", "copy-ca.pem"];
  assert.is((await pas("init-ca", ...copyCa)).code, 0);
  const unconfirmed = SqliteStore.open(file("copy-3.sqlite"));
  const refused = await startTestServer({ store: unconfirmed }).then(
    () => "it started",
    (error: Error) => error.message,
  );
  assert.match(refused, /not confirmed/);
  const early = await unconfirmed.addChallenge({
    deviceId: 77,
    challenge: new Uint8Array(32),
    expiresAt: Date.now() + 60_000,
  });
  assert.ok(early);
  await unconfirmed.close();
  assertError(
    await pas("serve", "--port", "0", ...copy3, ...copyCa),
    1,
    /is a copy: .*confirm-restore/,
  );
  const looked = await pas("confirm-restore", ...copy3);
  assert.is(looked.code, 1);
  assert.match(
    looked.out,
    /^the copy's log ends with 20.*Z\..*revoked.*\d+ challenges were open: --yes/ms,
  );
  assertError(await pas("serve", "--port", "0", ...copy3, ...copyCa), 1, /is a copy/);
  const confirmed = await pas("confirm-restore", "--yes", ...copy3);
  assert.is(confirmed.code, 0, confirmed.err);
  assert.match(confirmed.out, /they are dropped\nconfirmed\n$/);
  assertError(await pas("confirm-restore", "--yes", ...copy3), 1, /was confirmed before/);
  const again = SqliteStore.open(file("copy-3.sqlite"));
  assert.is(await again.challenge(77), undefined);
  assert.ok((await again.log(1)).some(({ event }) => event === "copy-confirmed"));
  await again.close();
  // Then it goes on.
  const restored = await startTestServer({ store: SqliteStore.open(file("copy-3.sqlite")) });
  await attest(restored.client, busy);
  await restored.stop();
});

test("backup: takes no file's place, and says what it cannot copy", async () => {
  const database = file("quiet.sqlite");
  await SqliteStore.open(database).close();
  writeFileSync(file("taken"), "mine");
  const backup = (to: string, from: string) => pas("backup", to, "--database", from);
  assertError(await backup("taken", database), 2, /"taken" is there already/);
  assert.is(readFileSync(file("taken"), "utf8"), "mine");
  assertError(await backup("new", "nowhere.sqlite"), 2, /no database "nowhere.sqlite"/);
  assert.not.ok(existsSync(file("nowhere.sqlite")));
  assertError(await backup("new", "postgres://u:secret@h/db"), 2, /pg_dump/);
  assertError(await backup("no/such/folder", database), 2, /cannot back up/);
  writeFileSync(file("no-database"), "x".repeat(5000));
  assertError(await backup("new", "no-database"), 2, /cannot back up "no-database"/);
  assert.not.ok(existsSync(file("new")));
});

test("help names every command and the exit codes", async () => {
  const [all, serve] = await Promise.all([pas("--help"), pas("serve", "--help")]);
  assert.is(all.code, 0);
  for (const command of [
    "init-ca",
    "backup",
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
    /^enrolled 01[0-9a-f]{64} \(mcu, non-PSA-RoT debug \(0x4000\), development grade\)/,
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
    [
      /all of --endorsement, --token and --challenge/,
      enrolArguments({ "--endorsement": "no.pem", "--challenge": "00".repeat(32) }),
    ],
    [/unknown option '--lifecycle'/, enrolArguments({ "--lifecycle": "0x3000" })],
    [/unknown option '--kind'/, enrolArguments({ "--kind": "linux" })],
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
  assertError(lie as Result, 2, /linux, development grade \(0x4000\), and nothing else/);
  assertError(bad as Result, 2, /not JSON/);
  assertError(other as Result, 2, /format is not/);
});

test("H4: an enrolment file edited around a software key makes no production device", async () => {
  await rootOfTrust("init", "--key", "h4.pem", "--enrolment", "h4.json");
  const honest = JSON.parse(readFileSync(file("h4.json"), "utf8"));
  const { grade: _, ...rest } = honest;
  const secured = { ...rest, kind: "mcu", lifecycle: 0x3000 };
  const enrol = (name: string, edited: object, ...more: string[]) => {
    writeFileSync(file(name), JSON.stringify(edited));
    return pas("enroll", "--from", name, "--database", "h4.sqlite", ...more);
  };
  const software = /implementation ID is that of the software root of trust/;
  assertError(await enrol("mcu.json", secured), 2, software);
  assertError(await enrol("kind.json", { ...rest, kind: "mcu" }), 2, software);
  assertError(await enrol("lifecycle.json", { ...rest, lifecycle: 0x3000 }), 2, software);
  const foreign = { ...secured, implementationId: "1d".repeat(32) };
  assertError(await enrol("foreign.json", foreign), 2, /not taken on a file's word/);
  const asLinux = { ...foreign, kind: "linux" };
  assertError(await enrol("linux.json", asLinux), 2, /of this implementation ID are of kind mcu/);
  const recoverable = { ...foreign, lifecycle: 0x5000 };
  assertError(await enrol("lifecycle.json", recoverable), 2, /gets no certificate/);
  // Without a file, nobody is asked for a lifecycle or kind.
  const options = { "--instance-id": honest.instanceId, "--database": "h4.sqlite" };
  const bare = await pas("enroll", ...enrolArguments(options));
  assert.match(bare.out, /mcu, non-PSA-RoT debug \(0x4000\), development grade/, bare.err);
  const other = { ...honest, instanceId: `01${"07".repeat(32)}` };
  assert.match((await enrol("h4.json", other)).out, /linux, .* development grade/);
});

test("H4: a secured device is enrolled on the word of a manufacturer whom the operator trusts, and on no other's", async () => {
  const implementationId = "1d".repeat(32);
  const about = {
    format: "veracruz-enrolment-v1",
    kind: "mcu",
    instanceId: hex(device.instanceId),
    publicKey: device.publicKey.export({ type: "spki", format: "pem" }),
    implementationId,
    lifecycle: 0x3000,
  };
  const other = newDevice();
  const files = {
    "secured.json": about,
    "other-key.json": {
      ...about,
      publicKey: other.publicKey.export({ type: "spki", format: "pem" }),
    },
    "second.json": {
      ...about,
      instanceId: hex(other.instanceId),
      publicKey: other.publicKey.export({ type: "spki", format: "pem" }),
    },
    "other-instance.json": { ...about, instanceId: hex(other.instanceId) },
    "other-implementation.json": { ...about, implementationId: "2e".repeat(32) },
    "other-kind.json": { ...about, kind: "linux" },
  };
  for (const [name, content] of Object.entries(files))
    writeFileSync(file(name), JSON.stringify(content));
  for (const name of ["maker", "stranger"]) {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const pem = { format: "pem" } as const;
    writeFileSync(file(`${name}.pem`), privateKey.export({ ...pem, type: "pkcs8" }), {
      mode: 0o600,
    });
    writeFileSync(file(`${name}.pub.pem`), publicKey.export({ ...pem, type: "spki" }));
    const args = ["endorse", "--from", "secured.json", "--key", `${name}.pem`];
    const { code, err } = await pas(...args, "--output", `${name}.endorsement`);
    assert.is(code, 0, err);
  }
  const second = ["endorse", "--from", "second.json", "--key", "maker.pem"];
  assert.is((await pas(...second, "--output", "second.endorsement")).code, 0);
  const database = ["--database", "makers.sqlite"];
  const challenge = async () => (await pas("challenge", ...database)).out.trim();
  /** What the device says to a challenge. */
  const prove = (to: string, by = device) => {
    const claims = claimsFor(by, enrolmentNonce(Buffer.from(to, "hex"), by.point));
    writeFileSync(file("proof.token"), Buffer.from(token(claims, by.privateKey)));
    return ["--token", "proof.token", "--challenge", to];
  };
  let open = await challenge();
  assert.match(open, /^[0-9a-f]{64}$/);
  const enrol = (from: string, endorsement = "maker.endorsement", proof = prove(open)) =>
    pas("enroll", "--from", from, "--endorsement", endorsement, ...proof, ...database);
  const trust = (...more: string[]) =>
    pas(
      ...["trust-manufacturer", "--public-key", "maker.pub.pem", "--name", "maker", ...more],
      ...database,
    );

  assertError(await enrol("secured.json"), 1, /signed by nobody who is trusted/);
  const software = ["--implementation-id", hex(SOFTWARE_IMPLEMENTATION_ID)];
  assertError(await trust(...software), 2, /nobody can make it more than development grade/);
  const id = ["--implementation-id", implementationId];
  assert.match((await trust(...id)).out, /^trusts the key [0-9a-f]{64}$/m);
  assertError(await trust(...id), 1, /trusted already/);
  const list = await pas("list", "--what", "manufacturers", ...database, "--json");
  assert.is(JSON.parse(list.out)[0].name, "maker");

  assertError(await enrol("secured.json", "stranger.endorsement"), 1, /signed by nobody/);
  assertError(await enrol("secured.json", "maker.pub.pem"), 1, /malformed/);
  assertError(await enrol("other-key.json"), 1, /signature is not by this device's key/);
  assertError(await enrol("other-instance.json"), 1, /the instance ID is another device's/);
  assertError(await enrol("other-kind.json"), 2, /of this implementation ID are of kind mcu/);
  assertError(await enrol("other-implementation.json"), 1, /another implementation ID/);
  const bytes = readFileSync(file("maker.endorsement"));
  for (let at = 0; at < bytes.length; at += 23) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] as number) ^ 1;
    writeFileSync(file("changed.endorsement"), changed);
    assertError(
      await enrol("secured.json", "changed.endorsement"),
      1,
      /the endorsement is not taken/,
    );
  }
  const none = "5a".repeat(32);
  const strange = await enrol("secured.json", "maker.endorsement", prove(none));
  assertError(strange, 1, /none of this server's/);
  const short = (await pas("challenge", "--lifetime", "1s", ...database)).out.trim();
  await delay(1_100);
  const late = await enrol("secured.json", "maker.endorsement", prove(short));
  assertError(late, 1, /the challenge has expired/);
  const { out, err } = await enrol("secured.json");
  assert.match(out, /mcu, secured \(0x3000\), production grade/, err);

  // A manufacturer who is trusted no more endorses nothing more.
  assert.match((await trust(...id, "--withdraw")).out, /^no longer trusts the key/);
  assertError(await trust(...id, "--withdraw"), 1, /not trusted/);
  const log = await pas("list", "--what", "log", ...database, "--json");
  assert.equal(
    JSON.parse(log.out).map(({ event }: { event: string }) => event),
    ["manufacturer-trusted", "device-enrolled", "manufacturer-withdrawn"],
  );
  open = await challenge();
  assertError(await enrol("second.json", "second.endorsement", prove(open, other)), 1, /by nobody/);
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

test("allow-measurement and set-floor, by component", async () => {
  const id = "ab".repeat(32);
  const at = ["--database", "floors.sqlite", "--implementation-id", id];
  const allow = (...more: string[]) =>
    pas("allow-measurement", ...at, "--measurement", "cd".repeat(32), ...more);
  assert.is((await allow()).code, 0);
  assert.is((await allow("--component", "NSPE")).code, 0);
  assertError(await allow("--component", "NSPE"), 1, /on the list already/);
  assertError(await allow("--component", "no such thing"), 2, /expected a measurement type/);
  const list = async (what: string) =>
    JSON.parse((await pas("list", "--what", what, "--database", "floors.sqlite", "--json")).out);
  const components = (await list("measurements")).map(
    (each: { component: string }) => each.component,
  );
  assert.equal(components.sort(), ["ARoT", "NSPE"]);
  const floor = (version: string, ...more: string[]) =>
    pas("set-floor", ...at, "--at-least", version, ...more);
  assert.is((await floor("1.2")).out, `ARoT of ${id} is 1.2 or newer\n`);
  assertError(await floor("1.2.0"), 1, /its floor already/);
  assertError(await floor("1.1"), 1, /its floor is higher/);
  assertError(await floor("newest"), 2, /expected one to four numbers/);
  assert.is((await floor("1.1", "--lower")).code, 0);
  assert.equal(
    (await list("floors")).map(({ component, version }: Record<string, string>) => [
      component,
      version,
    ]),
    [["ARoT", "1.1"]],
  );
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
    ...["token", "--key", "rot.pem", "--runtime", "runtime.wasm", "--challenge", "ab".repeat(32)],
  );
  assert.is(made.code, 0, made.err);
  const shown = await run("proxy-attestation-server/cli.js", ["inspect", "-"], made.out);
  assert.match(shown.out, /development grade/);
  assert.match(shown.out, new RegExp(createHash("sha256").update("the runtime").digest("hex")));
  const wrong = await rootOfTrust(
    ...["token", "--key", "rot.pem", "--runtime", "runtime.wasm", "--challenge", "ab"],
  );
  assertError(wrong, 2, /challenge is not/);
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
