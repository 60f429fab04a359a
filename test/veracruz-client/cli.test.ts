import { spawn } from "node:child_process";
import { chmodSync, readFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../../host/common/paths.js";
import { failureKinds } from "../../host/veracruz-client/errors.js";
import { makeCertificate } from "../support/certificates.js";
import { exampleData } from "../support/example-data.js";
import { exampleModule, principal, System, until } from "../support/system.js";

const module = exampleModule("string-edit-distance");
const data = exampleData("string-edit-distance");
const system = await System.start({
  principals: {
    alice: "distance.wasm:w,input-0:w",
    bob: "input-1:rw,input-2:w",
    carol: "output:r",
  },
  programs: { "distance.wasm": { module, rights: "input-0:r,input-1:r,output:w" } },
});
const policy = system.attestation.write("policy.json", system.policy.bytes);
for (const name of ["alice", "bob", "carol"]) {
  system.attestation.write(`${name}.cert.pem`, principal(name).pem);
  system.attestation.write(`${name}.key.pem`, principal(name).keyPem);
}
system.attestation.write("distance.wasm", module);
system.attestation.write("empty", new Uint8Array(0));
system.attestation.write("one", data["input-0"] as Uint8Array);
const server = ["--server", `127.0.0.1:${system.address.port}`];
const { folder } = system.attestation;
const as = (name: string) => [
  "--identity",
  `${name}.cert.pem`,
  "--key",
  `${name}.key.pem`,
  ...server,
];

/** Where nobody listens until a test begins to. */
const LATE_PORT = 45_917;

interface Outcome {
  code: number | null;
  out: Buffer;
  err: string;
}

/** @param heard told of all that it has said on standard error, as it says it */
function run(
  args: readonly string[],
  input: Uint8Array = new Uint8Array(0),
  heard: (err: string) => void = () => undefined,
): Promise<Outcome> {
  const cli = join(projectRoot, "build/js/host/veracruz-client/cli.js");
  const child = spawn(process.execPath, [cli, ...args], { cwd: folder, stdio: "pipe" });
  const out: Buffer[] = [];
  let err = "";
  child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => {
    err += chunk.toString();
    heard(err);
  });
  child.stdin.end(input);
  child.stdin.on("error", () => undefined);
  return new Promise((resolve) => {
    child.once("close", (code) => resolve({ code, out: Buffer.concat(out), err }));
  });
}

test("three principals compute by command line; the reader waits for the others", async () => {
  let waiting = "";
  const reader = run(
    [policy, ...as("carol"), "--wait", "300", "--output", "-", "--no-shutdown"],
    undefined,
    (err) => {
      waiting = err;
    },
  );
  const alice = await run([
    ...[policy, ...as("alice"), "--state"],
    ...["--program", "distance.wasm=distance.wasm", "--data", "input-0=one"],
  ]);
  assert.is(alice.code, 0, alice.err);
  assert.match(alice.err, /^principal {2}alice$/m);
  assert.match(alice.err, /^isolate {4}linux, development grade/m);
  assert.match(alice.err, /^fingerprint [0-9a-f]{64}$/m);
  assert.match(
    alice.err,
    /^sent program distance\.wasm, \d+ bytes\nsent data input-0, \d+ bytes$/m,
  );
  // She may not know of bob's input, which is missing as well.
  assert.is(alice.out.toString(), "state provisioning, round 1 of 1, failed runs 0 of 3\n");
  const seen = await run([policy, ...as("carol"), "--quiet", "--state", "--no-shutdown"]);
  assert.match(seen.out.toString(), /^state provisioning, .*\nmissing input-1, from bob\n$/);
  const own = await run([policy, ...as("bob"), "--quiet", "--state"]);
  assert.match(own.out.toString(), /^state provisioning, .*\nmissing input-1, from bob\n$/);
  const fingerprint = /^fingerprint ([0-9a-f]{64})$/m.exec(alice.err)?.[1] as string;

  await until("carol waits", () => /^waiting: FAILED_NOT_READY/m.test(waiting));
  // From standard input, over POST, with the other TLS, insisting on isolate and freshness.
  const bob = await run(
    [
      ...[policy, ...as("bob"), "--data", "input-1=-", "--transport", "post", "--tls", "own"],
      ...["--fresh", "--expect-isolate", fingerprint.replace(/(..)(?!$)/g, "$1:")],
    ],
    data["input-1"],
  );
  assert.is(bob.code, 0, bob.err);
  assert.match(bob.err, /^attested anew at 20/m);

  const carol = await reader;
  assert.is(carol.code, 0, carol.err);
  assert.ok(carol.out.equals(data["expected-1"] as Uint8Array));

  const quiet = await run([
    policy,
    ...as("carol"),
    "--quiet",
    "--no-shutdown",
    "-o",
    "output=result.bin",
  ]);
  assert.equal({ ...quiet, out: quiet.out.length }, { code: 0, out: 0, err: "" });
  const result = readFileSync(join(folder, "result.bin"));
  assert.ok(result.equals(data["expected-1"] as Uint8Array));
  const computed = await run([policy, ...as("carol"), "--compute"]);
  assert.match(computed.err, /^computed: a result of \d+ bytes$/m);
});

test("each kind of failure has its exit code and one line", async () => {
  const other = { ...system.policy.document, max_rounds: 2 };
  system.attestation.write("other.json", JSON.stringify(other));
  system.attestation.write("broken.json", JSON.stringify({ ...other, max_rounds: 0 }));
  system.attestation.write("eve.cert.pem", makeCertificate({ commonName: "eve" }).pem);
  const code = (kind: keyof typeof failureKinds) => failureKinds[kind].exitCode;
  const cases: [string[], number, RegExp][] = [
    [[], code("usage"), /--identity <file>' not specified/],
    [["--identity", "a", "--key", "b"], code("usage"), /missing required argument 'policy'/],
    [
      ["nowhere.json", ...as("alice")],
      code("usage"),
      /cannot read the policy "nowhere.json": no such file/,
    ],
    [
      ["broken.json", ...as("alice")],
      code("policy"),
      /is refused: .*max_rounds: number out of range/,
    ],
    [
      [policy, "-i", "eve.cert.pem", "-k", "alice.key.pem", ...server],
      code("usage"),
      /the key does not belong to the certificate of eve/,
    ],
    [
      [policy, "-i", "alice.cert.pem", "-k", "nowhere", ...server],
      code("usage"),
      /cannot read the key "nowhere"/,
    ],
    [[policy, ...as("alice"), "--data", "input-0"], code("usage"), /expected NAME=FILE/],
    [
      [policy, ...as("alice"), "--data", "input-0=nowhere"],
      code("usage"),
      /cannot read the file for input-0 "nowhere": no such file/,
    ],
    [
      [policy, ...as("alice"), "--data", "input-0=-", "--data", "input-1=-"],
      code("usage"),
      /standard input \(-\) can be sent as one file only/,
    ],
    [
      [policy, ...as("carol"), "--output", "-", "--output", "input-0=-"],
      code("usage"),
      /standard output \(-\) can take one file only/,
    ],
    [[policy, ...as("alice"), "--expect-isolate", "ab"], code("usage"), /64 hexadecimal digits/],
    [
      [policy, ...as("alice").slice(0, -1), "127.0.0.1:1"],
      code("connection"),
      /nobody listens there/,
    ],
    [["other.json", ...as("alice")], code("isolate"), /the isolate works under another policy/],
    [
      [policy, ...as("alice"), "--expect-isolate", "ab".repeat(32)],
      code("isolate"),
      /its fingerprint is/,
    ],
    [
      [policy, ...as("bob"), "--data", "input-0=one"],
      code("role"),
      /the policy does not let bob send "input-0"; bob may send: input-1, input-2/,
    ],
    [
      [policy, ...as("alice"), "--data", "input-O=one"],
      code("role"),
      /does not let alice send "input-O"; alice may send: distance\.wasm, input-0/,
    ],
    [
      [policy, ...as("bob"), "--data", "input-1=empty"],
      code("usage"),
      /the file for input-1 is empty, and what was sent is final: --allow-empty sends it/,
    ],
    [[policy, ...as("bob"), "--data", "input-1=-"], code("usage"), /the file for input-1 is empty/],
    [[policy, ...as("bob"), "--output", "-"], code("role"), /FAILED_INVALID_ROLE/],
    [
      [policy, ...as("alice"), "--data", "input-0=one"],
      code("not-ready"),
      /input-0: FAILED_NOT_READY: the file was written before/,
    ],
    // What is there already keeps nothing from being sent: bob's and the program's bytes are known to be the same.
    [
      [policy, ...as("alice"), "--data", "input-0=one", "--program", "distance.wasm=distance.wasm"],
      code("not-ready"),
      /^vc-client: input-0: FAILED_NOT_READY: the file was written before\n$/,
    ],
    [[policy, ...as("carol"), "--next-round"], code("request"), /no further round/],
    [
      [policy, ...as("carol"), "--no-shutdown", "-o", "no/such/folder"],
      code("usage"),
      /cannot write the output "no\/such\/folder": no such folder/,
    ],
  ];
  // Each principal's one after the other: of two handshakes of one principal the older gives way.
  const lane = async (isOf: (args: readonly string[]) => boolean) => {
    for (const [args, expected, pattern] of cases) {
      if (!isOf(args)) continue;
      const { code: got, err } = await run([...args, "--quiet"]);
      if (!pattern.test(err))
        for (const line of system.log.slice(-12)) console.log(JSON.stringify(line));
      assert.match(err, pattern, `${args.join(" ")}: ${err}`);
      assert.is(got, expected, `${args.join(" ")}: ${err}`);
      if (expected !== code("usage")) assert.is(err.trim().split("\n").length, 1, err);
    }
  };
  const names = ["alice.cert.pem", "bob.cert.pem", "carol.cert.pem"];
  await Promise.all([
    ...names.map((name) => lane((args) => args.includes(name))),
    lane((args) => !names.some((name) => args.includes(name))),
  ]);
});

test("a program that is there already counts as sent", async () => {
  const again = await run([policy, ...as("alice"), "--program", "distance.wasm=distance.wasm"]);
  assert.is(again.code, 0, again.err);
  assert.match(again.err, /^program distance\.wasm is there already, with the same \d+ bytes$/m);
});

test("an input that is there already counts as sent where its writer may read it; the rest is sent", async () => {
  const at = (name: string) => system.attestation.write(name, data[name] as Uint8Array);
  const [first, second] = [at("input-0"), at("input-1")];
  // alice may not read input-0: whether it has these bytes would tell her what is there.
  const blind = await run([policy, ...as("alice"), "--data", `input-0=${first}`]);
  assert.is(blind.code, failureKinds["not-ready"].exitCode);
  assert.not.match(blind.err, /same/);
  const same = await run([policy, ...as("bob"), "--data", `input-1=${second}`]);
  assert.is(same.code, 0, same.err);
  assert.match(same.err, /^data input-1 is there already, with the same \d+ bytes$/m);
  // One that differs is reported, and what comes after it is sent.
  const other = await run([
    ...[policy, ...as("bob")],
    ...["--data", `input-1=${first}`, "--data", `input-2=${first}`],
  ]);
  assert.is(other.code, failureKinds["not-ready"].exitCode);
  assert.match(other.err, /^sent data input-2, \d+ bytes$/m);
  assert.match(other.err, /^vc-client: input-1: FAILED_NOT_READY: the file was written before$/m);
  assert.not.match(other.err, /is there already/);
});

test("--wait covers a server that is not up yet", async () => {
  let said = "";
  const waiting = run(
    [
      ...[policy, ...as("alice").slice(0, -1), `127.0.0.1:${LATE_PORT}`],
      ...["--wait", "300", "--state"],
    ],
    undefined,
    (err) => {
      said = err;
    },
  );
  await until("it waits", () => /^waiting: .*nobody listens there/m.test(said));
  const late = createServer((socket) => {
    const onward = connect(system.address.port, "127.0.0.1");
    onward.on("error", () => socket.destroy());
    socket.on("error", () => onward.destroy());
    socket.pipe(onward).pipe(socket);
  }).listen(LATE_PORT, "127.0.0.1");
  const { code, out, err } = await waiting;
  late.close();
  assert.is(code, 0, err);
  assert.match(out.toString(), /^state /);
});

test("a key that others may read is refused", async () => {
  chmodSync(join(folder, "alice.key.pem"), 0o644);
  const { code, err } = await run([policy, ...as("alice")]);
  assert.is(code, 2);
  assert.match(err, /may be used by others than its owner/);
  chmodSync(join(folder, "alice.key.pem"), 0o600);
});

test("fetching the result agrees to the end, and with all agreed the computation ends", async () => {
  const { code, err } = await run([policy, ...as("carol"), "--output", "result.bin"]);
  assert.is(code, 0, err);
  assert.match(err, /^agreed to the end of the computation/m);
  assert.is((await system.server.finished).status, "ended");
  const late = await run([policy, ...as("carol"), "--output", "-", "--quiet"]);
  assert.is(late.code, 3);
  assert.match(late.err, /the computation is over: by consent/);
});

test("--help names every exit code", async () => {
  const { code, out } = await run(["--help"]);
  assert.is(code, 0);
  for (const { exitCode, doc } of Object.values(failureKinds)) {
    assert.match(out.toString(), new RegExp(`^ +${exitCode} {2}${doc.slice(0, 40)}`, "m"));
  }
});

test.after(() => system.stop());
test.run();
