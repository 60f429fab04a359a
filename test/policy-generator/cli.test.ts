import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../../host/common/paths.js";
import { Policy } from "../../host/veracruz-utils/policy.js";
import { makeCertificate } from "../support/certificates.js";
import { unusablePrincipals } from "../support/unusable-principals.js";
import { alice, authority, bob } from "../veracruz-utils/sample-policies.js";

const folder = mkdtempSync(join(tmpdir(), "vc-pgen-test-"));
const program = Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
const files: Record<string, string | Buffer> = {
  "alice.pem": alice.pem,
  "bob.der": bob.der,
  "rsa.pem": makeCertificate({ key: "rsa" }).pem,
  "expired.pem": makeCertificate({ notAfter: new Date(Date.now() - 1000) }).pem,
  "ca.pem": authority.pem,
  "sum.wasm": program,
  "sum.txt": "(module)",
  "runtime.sha256": `${"ab".repeat(32)}  runtime.wasm\n`,
  "mark.sha256": `\ufeff${"ab".repeat(32)}\n`,
  "both.sha256": `linux ${"ab".repeat(32)}\nmcu ${"cd".repeat(32)}\n`,
};
for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);

function run(...args: string[]): { code: number | null; out: string; err: string } {
  const cli = join(projectRoot, "build/js/host/policy-generator/cli.js");
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], {
    cwd: folder,
    encoding: "utf8",
  });
  return { code: status, out: stdout, err: stderr };
}

const principals = [
  ["--certificate", "alice.pem", "--capability", "sum.wasm:w,input-0:w"],
  ["--certificate", "bob.der", "--capability", "input-1:w", "--capability", "output:r"],
].flat();
const binary = ["--binary", "sum.wasm=sum.wasm", "--capability", "input-0:r,input-1:r,output:w"];
const others: Record<string, string> = {
  "veracruz-server-ip": "127.0.0.1:3017",
  "proxy-attestation-server-ip": "127.0.0.1:3010",
  "proxy-attestation-server-cert": "ca.pem",
  "certificate-expiry": "31 Dec 2098 23:59:00 +0000",
  "runtime-hash-file": "linux=runtime.sha256",
  "computation-id": "0123456789abcdef".repeat(2),
};
const rest = (changes: Record<string, string | undefined> = {}) =>
  Object.entries({ ...others, ...changes }).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, value],
  );

test("a policy is written, explained, and is the same each time", () => {
  const first = run(...principals, ...binary, ...rest());
  assert.is(first.code, 0, first.err);
  const written = run(...principals, ...binary, ...rest({ "output-policy-file": "policy.json" }));
  assert.is(written.code, 0, written.err);
  assert.is(written.out, "");
  const bytes = readFileSync(join(folder, "policy.json"));
  assert.is(bytes.toString(), first.out);
  const policy = new Policy(bytes);
  assert.is(written.err, `policy SHA-256 ${policy.hash.toString("hex")}\n`);
  assert.equal(policy.document.identities, [
    {
      certificate: alice.pem,
      id: 0,
      file_rights: [
        { file_name: "sum.wasm", rights: "w" },
        { file_name: "input-0", rights: "w" },
      ],
    },
    {
      certificate: bob.pem,
      id: 1,
      file_rights: [
        { file_name: "input-1", rights: "w" },
        { file_name: "output", rights: "r" },
      ],
    },
  ]);
  assert.is(
    policy.document.programs[0]?.pi_hash,
    createHash("sha256").update(program).digest("hex"),
  );
  assert.is(policy.document.key_exchange, "hybrid-required");
  assert.equal(policy.document.enclave_cert_expiry, {
    year: 2098,
    month: 12,
    day: 31,
    hour: 23,
    minute: 59,
  });
  const checked = run("--check", "policy.json", "--strict");
  assert.is(checked.code, 0, checked.err);
  assert.match(checked.out, /may provide {2}sum\.wasm and input-0/);
  assert.match(checked.out, /No warnings\n$/);
});

test("a policy gets a computation ID of its own unless one is given", () => {
  const idOf = (text: string) => (JSON.parse(text) as { computation_id: string }).computation_id;
  const random = () => run(...principals, ...binary, ...rest({ "computation-id": undefined }));
  const ids = [random(), random()].map(({ out }) => idOf(out));
  for (const id of ids) assert.match(id, /^[0-9a-f]{32}$/);
  assert.is.not(ids[0], ids[1]);
  assert.is(idOf(run(...principals, ...binary, ...rest()).out), others["computation-id"]);
});

test("--again makes the same policy for another computation, and says what to renew", () => {
  run(...principals, ...binary, ...rest({ "output-policy-file": "before.json" }));
  const before = new Policy(readFileSync(join(folder, "before.json")));
  const { code, out, err } = run("--again", "before.json");
  assert.is(code, 0, err);
  const after = new Policy(Buffer.from(out));
  assert.is.not(after.document.computation_id, before.document.computation_id);
  assert.equal(
    { ...after.document, computation_id: "" },
    { ...before.document, computation_id: "" },
  );
  assert.match(err, new RegExp(`^policy SHA-256 ${after.hash.toString("hex")}\n`));
  assert.match(err, new RegExp(`another computation than ${before.hash.toString("hex")}`));
  for (const name of ["alice", "bob"])
    assert.match(err, new RegExp(`acceptance +${name}: .* ${after.hash.toString("hex")}`));
  assert.match(err, /device pages +each MCU client/);

  const given = ["--computation-id", "ff".repeat(16)];
  assert.match(run("--again", "before.json", ...given).out, /"computation_id": "f{32}"/);
  const same = run("--again", "before.json", "--computation-id", others["computation-id"] ?? "");
  assert.match(same.err, /would be the same computation/);
  assert.match(run("--again", "before.json", "--debug").err, /takes no --debug/);
  assert.match(run("--again", "nowhere.json").err, /cannot read|no such file/i);
});

test("every option finds its way into the policy", () => {
  const { code, out, err } = run(
    ...binary,
    ...principals,
    ...rest({ "runtime-hash-file": "both.sha256" }),
    ...["--execution-strategy", "JIT", "--ciphersuite", "TLS1_3_AES_128_GCM_SHA256"],
    ...["--max-rounds", "4", "--max-failed-runs", "5", "--deadline", "6000", "--memory", "1MiB"],
    ...["--stack", "32KiB", "--max-output", "7", "--max-file", "8K"],
    ...["--allow-development", "--allow-classical", "--enclave-debug-mode", "--max-restarts", "3"],
    ...["--instance-id", `01${"AB".repeat(32)}`, "--instance-id", `01${"cd".repeat(32)}`],
    ...["--minimum-version", "ARoT=1.2.0", "--minimum-version", "BL=7"],
  );
  assert.is(code, 0, err);
  const { document } = new Policy(Buffer.from(out));
  assert.is(document.execution_strategy, "JIT");
  assert.is(document.ciphersuite, "TLS1_3_AES_128_GCM_SHA256");
  assert.is(document.runtime_manager_hash_mcu, "cd".repeat(32));
  assert.is(document.runtime_manager_hash_linux, "ab".repeat(32));
  assert.is(document.max_rounds, 4);
  assert.is(document.max_failed_runs, 5);
  assert.is(document.debug, true);
  assert.is(document.allow_development, true);
  assert.not("key_exchange" in document);
  assert.equal(document.execution_limits, {
    deadline_ms: 6000,
    memory_bytes: 2 ** 20,
    stack_bytes: 2 ** 15,
    output_bytes: 7,
    file_bytes: 8192,
  });
  assert.is(document.max_restarts, 3);
  assert.equal(document.instance_ids, [`01${"ab".repeat(32)}`, `01${"cd".repeat(32)}`]);
  assert.equal(document.minimum_versions, [
    { component: "ARoT", version: "1.2.0" },
    { component: "BL", version: "7" },
  ]);
  assert.match(err, /^warning: There may be 4 rounds/m);
  assert.match(err, /^warning: Classical key exchanges are allowed/m);
  assert.match(err, /^warning: The computation may restart 3 times/m);
  writeFileSync(join(folder, "warned.json"), out);
  assert.is(run("--check", "warned.json").code, 0);
  assert.is(run("--check", "warned.json", "--strict").code, 3);
});

test("wrong arguments and files exit with 2 and say what is wrong", () => {
  const cases: [string[], RegExp][] = [
    [[], /--veracruz-server-ip is missing/],
    [["--capability", "a:r"], /must follow the --certificate or --binary/],
    [
      [...principals, ...binary, ...rest({ "veracruz-server-ip": "localhost" })],
      /--veracruz-server-ip <host:port>.*expected host:port/,
    ],
    [
      [...principals, ...binary, ...rest({ "proxy-attestation-server-ip": "[::1]:0" })],
      /--proxy-attestation-server-ip <host:port>.*expected host:port/,
    ],
    [
      [...principals, ...binary, ...rest(), "--runtime", "sum.txt"],
      /--runtime <file>.*no WebAssembly module/,
    ],
    [
      [...principals, ...binary, ...rest(), "--runtime", "sum.wasm"],
      /--runtime and --runtime-hash-file both/,
    ],
    [[...principals, "--colour"], /unknown option '--colour'/],
    [
      ["--certificate", "alice.pem", ...rest()],
      /--certificate "alice.pem": --capability must follow/,
    ],
    [rest(), /--certificate is missing/],
    [
      [...principals, ...rest({ "runtime-hash-file": undefined })],
      /--runtime-hash-file is missing/,
    ],
    [[...principals, ...rest({ "certificate-expiry": "soon" })], /RFC 2822/],
    [[...principals, ...rest({ "runtime-hash-file": "runtime.sha256" })], /linux=FILE or mcu=FILE/],
    [
      [...principals, ...rest({ "runtime-hash-file": "linux=nowhere" })],
      /cannot read the runtime hash file "nowhere": no such file/,
    ],
    [
      [...principals, ...rest({ "runtime-hash-file": "linux=mark.sha256" })],
      /the runtime hash file "mark.sha256" begins with a byte order mark/,
    ],
    [
      ["--certificate", "nobody.pem", "--capability", "output:r", ...rest()],
      /cannot read the certificate "nobody.pem": no such file/,
    ],
    [
      [...principals, ...rest(), "--binary", "sum.wasm", "--capability", "output:w"],
      /expected NAME=FILE/,
    ],
    [
      [...principals, ...rest(), "--binary", "sum.wasm=sum.txt", "--capability", "output:w"],
      /not a WebAssembly module/,
    ],
    [[...principals, ...rest(), "--max-rounds", "0"], /whole number from 1/],
    [[...principals, ...rest(), "--execution-strategy", "Fast"], /Interpretation, JIT/],
    [["--check", "nowhere.json"], /cannot read the policy "nowhere.json": no such file/],
    [["--check", "policy.json", ...principals], /--check .* takes no --certificate/],
    [["--check", "policy.json", "--fuel", "1"], /--check .* takes no --fuel/],
    [[...principals, ...binary, ...rest(), "--strict"], /--strict is for --check/],
    [
      [...principals, ...binary, ...rest({ "output-policy-file": "no/such/folder" })],
      /cannot write the policy "no\/such\/folder": no such folder/,
    ],
  ];
  for (const [args, pattern] of cases) {
    const { code, out, err } = run(...args);
    assert.match(err, pattern, args.join(" "));
    assert.is(code, 2, args.join(" "));
    assert.is(out, "");
  }
});

test("the runtime is hashed by itself, and 33 principals are refused by name with the limit", () => {
  const itself = run(
    ...[...principals, ...binary, ...rest({ "runtime-hash-file": undefined })],
    ...["--runtime", "sum.wasm"],
  );
  assert.is(itself.code, 0, itself.err);
  const hash = createHash("sha256").update(program).digest("hex");
  assert.is(JSON.parse(itself.out).runtime_manager_hash_linux, hash);

  const many = Array.from({ length: 33 }, (_, index) => {
    const commonName = `guest-${index}`;
    writeFileSync(join(folder, `${commonName}.pem`), makeCertificate({ commonName }).pem);
    return ["--certificate", `${commonName}.pem`, "--capability", "output:r"];
  });
  const refused = run(...many.flat(), ...rest());
  assert.is(refused.code, 1);
  assert.match(refused.err, /refused: guest-32: line \d+.*more than 32 identities/);
  assert.match(run("--help").out, /at most 32 principals/);
});

test("certificates with which nobody could connect are refused when a policy is made and when it is checked", () => {
  for (const [index, [, words, { pem }]] of unusablePrincipals.entries()) {
    const file = `unusable-${index}.pem`;
    writeFileSync(join(folder, file), pem);
    const made = run(...principals, "--certificate", file, "--capability", "output:r", ...rest());
    assert.is(made.code, 1);
    const told = new RegExp(`"${file}": .*${words.source}; make one with:\\n {2}openssl req -x509`);
    assert.match(made.err, told);

    const good = JSON.parse(run(...principals, ...binary, ...rest()).out);
    good.identities[0].certificate = pem;
    writeFileSync(join(folder, "unusable.json"), JSON.stringify(good));
    const checked = run("--check", "unusable.json");
    assert.is(checked.code, 1);
    assert.match(checked.err, words);
    assert.match(checked.err, /make one with:\n {2}openssl req -x509/);
  }
});

test("a policy that isolates or clients would refuse exits with 1 and is not written", () => {
  const reader = ["--capability", "output:r", ...rest()];
  const cases: [string[], RegExp][] = [
    [
      ["--certificate", "rsa.pem", ...reader],
      /"rsa.pem": its key is rsa 2048.*\n {2}openssl req -x509 -newkey ec/,
    ],
    [["--certificate", "expired.pem", ...reader], /"expired.pem": expired on/],
    [["--certificate", "sum.txt", ...reader], /"sum.txt": not a certificate/],
    [
      ["--certificate", "alice.pem", "--capability", "output:rw", ...rest()],
      /the policy is refused: .*only programs write the result/,
    ],
    [
      ["--certificate", "alice.pem", "--capability", "notes.txt:w", ...rest()],
      /refused: alice, file notes\.txt: line .*identities\[0\]\.file_rights\[0\]\.file_name: not the name of a program/,
    ],
    [
      [...principals, "--certificate", "alice.pem", ...reader, ...binary],
      /identities\[2\]\.certificate: another identity has this certificate/,
    ],
    [
      [...principals, ...binary, ...rest({ "proxy-attestation-server-cert": "rsa.pem" })],
      /certificate of the proxy attestation server "rsa.pem"/,
    ],
    [
      [...principals, ...binary, ...rest({ "proxy-attestation-server-cert": "alice.pem" })],
      /proxy_service_cert: not the certificate of a CA/,
    ],
    [
      [...principals, ...binary, ...rest({ "certificate-expiry": "1 Jan 2020 00:00 GMT" })],
      /enclave_cert_expiry: 2020-01-01 00:00 UTC has passed/,
    ],
  ];
  for (const [args, pattern] of cases) {
    const { code, out, err } = run(...args);
    assert.match(err, pattern, args.join(" "));
    assert.is(code, 1, `${args.join(" ")}: ${err}`);
    assert.is(out, "");
  }
  const text = readFileSync(join(folder, "policy.json"), "utf8");
  writeFileSync(join(folder, "bent.json"), text.replace('"id": 1', '"id": 0'));
  const { code, err } = run("--check", "bent.json");
  assert.is(code, 1);
  assert.match(
    err,
    /^vc-pgen: the policy "bent.json" is refused: bob: line \d+, column \d+, byte \d+, identities\[1\]\.id: the id is taken already\n$/,
  );
});

test("--help describes every option and the exit codes", () => {
  const { code, out } = run("--help");
  assert.is(code, 0);
  for (const option of [...Object.keys(others), "binary", "capability", "check", "strict"]) {
    assert.ok(out.includes(`--${option}`), option);
  }
  assert.match(out, /Exit codes: 0 .* 1 .* 2 .*/);
});

test.after(() => rmSync(folder, { recursive: true }));
test.run();
