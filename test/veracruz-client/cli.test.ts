import { spawn } from "node:child_process";
import { chmodSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../../host/common/paths.js";
import { failureKinds } from "../../host/veracruz-client/errors.js";
import { makeCertificate } from "../support/certificates.js";
import { exampleData } from "../support/example-data.js";
import { exampleModule, principal, System } from "../support/system.js";

const module = exampleModule("string-edit-distance");
const data = exampleData("string-edit-distance");
const system = await System.start({
  principals: {
    alice: "distance.wasm:w,input-0:w",
    bob: "input-1:w",
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

interface Outcome {
  code: number | null;
  out: Buffer;
  err: string;
}

function run(args: readonly string[], input: Uint8Array = new Uint8Array(0)): Promise<Outcome> {
  const cli = join(projectRoot, "build/js/host/veracruz-client/cli.js");
  const child = spawn(process.execPath, [cli, ...args], { cwd: folder, stdio: "pipe" });
  const out: Buffer[] = [];
  let err = "";
  child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => {
    err += chunk.toString();
  });
  child.stdin.end(input);
  child.stdin.on("error", () => undefined);
  return new Promise((resolve) => {
    child.once("close", (code) => resolve({ code, out: Buffer.concat(out), err }));
  });
}

test("three principals compute by command line; the reader waits for the others", async () => {
  const reader = run([policy, ...as("carol"), "--wait", "60", "--output", "-", "--no-shutdown"]);
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
  assert.match(alice.out.toString(), /^state provisioning, round 1 of 1, failed runs 0 of 3\n$/);
  const fingerprint = /^fingerprint ([0-9a-f]{64})$/m.exec(alice.err)?.[1] as string;

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
  assert.match(carol.err, /^waiting: FAILED_NOT_READY/m);

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
    [[policy, ...as("bob"), "--data", "input-0=one"], code("role"), /FAILED_INVALID_ROLE/],
    [[policy, ...as("bob"), "--output", "-"], code("role"), /FAILED_INVALID_ROLE/],
    [
      [policy, ...as("alice"), "--data", "input-0=one"],
      code("not-ready"),
      /FAILED_NOT_READY: the file was written before/,
    ],
    [[policy, ...as("carol"), "--next-round"], code("request"), /no further round/],
    [
      [policy, ...as("carol"), "--no-shutdown", "-o", "no/such/folder"],
      code("usage"),
      /cannot write the output "no\/such\/folder": no such folder/,
    ],
  ];
  const queue = [...cases];
  const worker = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [args, expected, pattern] = next;
      const { code: got, err } = await run([...args, "--quiet"]);
      assert.match(err, pattern, args.join(" "));
      assert.is(got, expected, `${args.join(" ")}: ${err}`);
      if (expected !== code("usage")) assert.is(err.trim().split("\n").length, 1, err);
    }
  };
  await Promise.all([worker(), worker(), worker()]);
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
